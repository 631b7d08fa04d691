"""A real, headless Chromium for tests, spoken to over its DevTools protocol on a pipe: no driver, no port, no package.

Everything blocks, so a coroutine test calls it through `asyncio.to_thread`.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
    "--remote-debugging-pipe",
    # nothing but this computer can be found, whatever a page or the browser itself wants
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE localhost , EXCLUDE 127.0.0.1",
)
PIPES = 'exec "$0" "$@" 3<&0 4>&1 </dev/null >/dev/null'
"""The protocol runs on the handles 3 (to the browser) and 4 (from it), each message ended by a NUL."""


class BrowserError(AssertionError):
    """The browser ended, did not answer, or refused."""


class Browser:
    """One browser with one tab; a context manager that ends it."""

    def __init__(self, profile: Path, *, timeout: float = 20.0) -> None:
        program = next(filter(None, map(shutil.which, PROGRAMS)), None)
        if program is None:
            raise BrowserError("no Chromium was found")
        self.timeout = timeout
        self._id = 0
        self._rest = b""
        self._process = subprocess.Popen(
            ["sh", "-c", PIPES, program, *FLAGS, f"--user-data-dir={profile}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
        )
        try:
            target = self._call("Target.createTarget", url="about:blank")["targetId"]
            self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """End it and wait until it is gone."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    # --- what a person does ---

    def open(self, url: str) -> None:
        """Go to an address and wait until its page is there."""
        answer = self._page("Page.navigate", url=url)
        if answer.get("errorText"):
            raise BrowserError(f"{url}: {answer['errorText']}")
        self.until("document.readyState === 'complete'")

    def click(self, selector: str) -> None:
        """Press the left mouse button in the middle of an element; it must be on the screen and on top."""
        self.until(f"document.querySelector({json.dumps(selector)})")
        x, y, hit = self.ask(
            f"""(() => {{ const node = document.querySelector({json.dumps(selector)});
            node.scrollIntoView({{block: "center"}});
            const box = node.getBoundingClientRect(), x = box.x + box.width / 2, y = box.y + box.height / 2;
            return [x, y, node.contains(document.elementFromPoint(x, y))]; }})()"""
        )
        if not hit:
            raise BrowserError(f"{selector} is covered by something else")
        for kind in ("mousePressed", "mouseReleased"):
            self._page("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    # --- what a person sees ---

    def text(self) -> str:
        """The words that are shown."""
        return str(self.ask("document.body ? document.body.innerText : ''"))

    def url(self) -> str:
        return str(self.ask("location.href"))

    def ask(self, script: str) -> Any:
        """The value of a JavaScript expression in the page."""
        answer = self._page("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise BrowserError(str(answer["exceptionDetails"].get("exception", {}).get("description")))
        return answer["result"].get("value", answer["result"].get("subtype") != "null")

    def until(self, condition: str, timeout: float | None = None) -> None:
        """Return once a JavaScript expression is true; a page that is just being left counts as "not yet"."""
        ends = time.monotonic() + (timeout or self.timeout)
        wait = f"""new Promise(done => {{ const look = () => ({condition}) ? done(true) :
            performance.now() > ends ? done(false) : setTimeout(look, 20);
            const ends = performance.now() + 1000; look(); }})"""
        reason = ""
        while time.monotonic() < ends:
            try:
                if self.ask(wait):
                    return
            except BrowserError as error:
                if self._process.poll() is not None:
                    raise
                reason = str(error)
        raise BrowserError(f"not true in time: {condition} at {self.url()}: {self.text()[:500]!r} {reason}")

    # --- the protocol ---

    def _page(self, method: str, **params: Any) -> dict[str, Any]:
        return self._call(method, self._session, **params)

    def _call(self, method: str, session: str = "", **params: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._id += 1
        message: dict[str, Any] = {"id": self._id, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        try:
            self._process.stdin.write(json.dumps(message).encode() + b"\0")
        except OSError as error:
            raise BrowserError("the browser has ended") from error
        ends = time.monotonic() + self.timeout
        while True:
            answer = self._read(ends, method)
            if answer.get("id") == self._id:
                if "error" in answer:
                    raise BrowserError(f"{method}: {answer['error'].get('message')}")
                return dict(answer["result"])

    def _read(self, ends: float, method: str) -> dict[str, Any]:
        assert self._process.stdout is not None
        handle = self._process.stdout.fileno()
        while b"\0" not in self._rest:
            if not select.select([handle], [], [], max(0.0, ends - time.monotonic()))[0]:
                raise BrowserError(f"no answer to {method}")
            piece = os.read(handle, 65536)
            if not piece:
                raise BrowserError(f"the browser ended during {method}")
            self._rest += piece
        message, _, self._rest = self._rest.partition(b"\0")
        return dict(json.loads(message))
