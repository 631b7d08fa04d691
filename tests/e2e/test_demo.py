"""The demo that needs no screen: the whole job in one command, with pictures, without a secret in what it says."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.helpers.pictures import faults_of
from tests.helpers.programs import BLUECLERK, environment, started, wait_for

TOKEN = re.compile(r"[A-Za-z0-9_-]{28,}")
"""What a key, a token or a one-use code looks like."""


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_the_demo_walks_the_whole_job_and_leaves_pictures_but_no_secret_and_no_rubbish(tmp_path: Path) -> None:
    scratch, shots = tmp_path / "scratch", tmp_path / "shots"
    scratch.mkdir()
    env = environment(TMPDIR=str(scratch), DISPLAY=None, WAYLAND_DISPLAY=None)
    with started([*BLUECLERK, "--demo", "--shots", shots], tmp_path / "words", env=env) as demo:
        (ready,) = demo.until(lambda: list(scratch.glob("*/sandbox-*.json")))
        known = json.loads(ready.read_text("utf-8"))
        assert demo.wait(60) == 0, demo.words()
        words = demo.words()
    assert "the books agree" in words
    assert "plugin" not in words, "what Qt says of a display that is none is nothing to the owner"
    assert words.count("\n1. ") == 1 and "\n8. " in words, "every step has its title"

    pictures = sorted(shots.glob("*.png"))
    assert len(pictures) >= 10
    assert {path.name: faults_of(path) for path in pictures if faults_of(path)} == {}

    secrets = [known["control_secret"], *(service["client_secret"] for service in known["services"].values())]
    assert all(secrets)
    assert [secret for secret in secrets if secret in words] == []
    assert TOKEN.findall(words.replace(str(tmp_path), "")) == []
    wait_for(lambda: not list(scratch.iterdir()), 5)
