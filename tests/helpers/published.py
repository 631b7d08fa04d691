"""The services' own files and contracts: beside the project where it is written, and missing in a public clone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[3] / "shared"


def need(path: Path, name: str) -> None:
    """Skip with a word where `path` is missing; fail where BLUECLERK_REQUIRE names `specs`, as `.ci/run` does."""
    if path.exists():
        return
    required = "specs" in os.environ.get("BLUECLERK_REQUIRE", "").split(",")
    (pytest.fail if required else pytest.skip)(f"missing beside the project: {name}")
