"""The https page that stands between a service and localhost: what it says, and what a real browser makes of it."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlencode

import pytest

from desktop.paths import resource
from desktop.sync.loopback import Gate, LoopbackListener, Returned
from tests.helpers.waiting import until

PAGE = resource("bounce", "index.html")
NONCE = "n" * 32


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@pytest.mark.parametrize("part", ["script", "style"])
def test_I21_the_policy_names_the_hash_of_each_part(part: str) -> None:
    text = PAGE.read_text("utf-8")
    inside = re.findall(rf"<{part}>(.*?)</{part}>", text, re.S)
    assert len(inside) == 1
    assert f"{part}-src 'sha256-{_hash(inside[0])}'" in text


def test_C6_the_page_loads_nothing_and_tells_nobody() -> None:
    text = PAGE.read_text("utf-8")
    assert "default-src 'none'" in text
    assert '<meta name="referrer" content="no-referrer">' in text
    assert re.findall(r"https?://[^\"' ]*", text) == ["http://localhost:"]
    for word in ("innerHTML", "eval(", "document.write", "fetch(", "XMLHttpRequest", "<img", "<link", "<iframe"):
        assert word not in text
    headers = (PAGE.parent / "_headers").read_text("utf-8")
    assert "Referrer-Policy: no-referrer" in headers
    assert "Cache-Control: no-store" in headers


class _Quiet(SimpleHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path.startswith("/back"):  # a page that is come back to, as after a failed way on
            body = b"""<script>history.replaceState({answer: "code=c0de&state=%s.53682"}, "", "/");
                location.reload()</script>""" % NONCE.encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(body)
            return
        super().do_GET()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def site() -> Iterator[str]:
    """The page on a web server, as an owner would put it up."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=PAGE.parent))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()
    thread.join()


async def browse(address: str, profile: Path, *extra: str) -> str:
    """The document that a browser ends on."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no Chromium to test with")
    flags = [
        "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        f"--user-data-dir={profile}", "--virtual-time-budget=2500", *extra,
    ]  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        program, *flags, "--dump-dom", address, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        out, _ = await asyncio.wait_for(process.communicate(), 50)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise
    return out.decode()


def shown(document: str) -> list[str]:
    return [
        name for name, attributes in re.findall(r'<section id="(\w+)"([^>]*)>', document) if "hidden" not in attributes
    ]


@pytest.mark.browser
@pytest.mark.slow
async def test_M2_a_real_browser_is_sent_on_to_the_program(site: str, tmp_path: Path) -> None:
    listener = LoopbackListener((0, 0, 0))
    port = await listener.start()
    gate = Gate(f"{NONCE}.{port}")
    listener.expect(gate)
    query = {"code": "c0de", "state": f"{NONCE}.{port}", "realmId": "9130", "unknown": "x"}
    browsing = asyncio.create_task(browse(f"{site}?{urlencode(query)}", tmp_path / "profile"))
    assert await gate.answer() == Returned("c0de", {"realmId": "9130"})
    assert "You can close this tab and go back to BlueClerk" in await browsing
    await listener.stop()


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize(
    ("query", "part"),
    [
        (f"code=c0de&state={NONCE}&realmId=9130", "manual"),
        (f"code=c0de&state={NONCE}.80&realmId=9130", "manual"),
        (f"code=c0de&state={NONCE}.65536", "manual"),
        (f"code=c0de&state={NONCE}.053682", "manual"),
        (f"code=c0de&state={NONCE}.1024@evil.example", "manual"),
        (f"code=c0de&state={NONCE}.1024%2F..%2F", "manual"),
        (f"code=c0de&state={NONCE}.evil.example:1024", "manual"),
        ("code=c0de", "strange"),
        ("", "strange"),
        (f"code=c0de&code=other&state={NONCE}.53682", "strange"),
        (f"code=c0de&error=access_denied&state={NONCE}.53682", "strange"),
    ],
)
async def test_only_a_plain_port_is_taken_from_outside(site: str, tmp_path: Path, query: str, part: str) -> None:
    document = await browse(f"{site}?{query}", tmp_path / "profile")
    assert shown(document) == [part]
    assert 'href="http' not in document
    if part == "manual":
        value = re.search(r'<input id="answer"[^>]*value="([^"]*)"', document)
        assert value
        assert value[1].startswith("code=c0de&amp;state=")
        assert 'href="about:blank"' in document, "nothing leads on"


@pytest.mark.browser
@pytest.mark.slow
async def test_whoever_comes_back_finds_the_answer_to_copy(site: str, tmp_path: Path) -> None:
    document = await browse(f"{site}back", tmp_path / "profile")
    assert shown(document) == ["manual"]
    assert f'value="code=c0de&amp;state={NONCE}.53682"' in document
    assert f'href="http://localhost:53682/callback?code=c0de&amp;state={NONCE}.53682"' in document


@pytest.mark.browser
@pytest.mark.slow
async def test_a_program_that_does_not_answer_leaves_the_answer_to_copy(site: str, tmp_path: Path) -> None:
    taken = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        taken.set()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    query = f"code=c0de&state={NONCE}.{port}&realmId=9130"
    document = await browse(f"{site}?{query}", tmp_path / "profile", "--virtual-time-budget=9000", "--timeout=9000")
    await until(taken.is_set)
    server.close()
    assert shown(document) == ["manual"]
    assert "realmId=9130" in document
