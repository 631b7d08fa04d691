"""The demo that needs no screen: the whole job in one command, with pictures, without a secret in what it says."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from desktop.core import Core
from desktop.walk import sign_in
from tests.faults.world import ALL
from tests.helpers.desk import choosing, open_core, options
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


@pytest.mark.parametrize("ports", ["free", "taken"])
@pytest.mark.parametrize("service", ALL)
async def test_C5_the_demo_signs_in_whether_or_not_a_callback_port_is_free(
    service: str, ports: str, tmp_path: Path, sandbox: Any, control: Any
) -> None:
    wanted = sandbox.services[service]["company_id"]
    async with open_core(tmp_path / "keys", sandbox) as keys:
        store = keys.options.store
    desk = options(tmp_path / "keys", sandbox.services, store=store)
    core = await Core.open(desk if ports == "free" else replace(desk, callback_ports=()))
    try:
        core.choose_company = choosing(lambda one: one.external_id == wanted)
        connected = await sign_in(core, service)
        assert connected.company.external_id == wanted
        view = await core.connection()
        assert view is not None and view.company_name == connected.company.name
    finally:
        await core.close()
