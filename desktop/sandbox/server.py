"""Starting and stopping the sandbox: in this process, in a thread for tests, or from the command line."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import secrets
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType

import uvicorn

from desktop.sandbox.app import Sandbox, create_app
from desktop.sandbox.clock import SandboxClock
from desktop.sandbox.seed import company
from desktop.sandbox.seed_shapes import CompanySeed
from desktop.sandbox.service import Json
from desktop.sandbox.transport import BreakableProtocol

START_SECONDS = 20.0


class _Server(uvicorn.Server):
    """uvicorn's server that tells when it answers, and ends on Ctrl-C and SIGTERM without raising them again."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        names = [name for name in ("SIGINT", "SIGTERM", "SIGBREAK") if hasattr(signal, name)]
        before = {name: signal.signal(getattr(signal, name), self._end) for name in names}
        try:
            yield
        finally:
            for name, handler in before.items():
                signal.signal(getattr(signal, name), handler)

    def _end(self, number: int, frame: FrameType | None) -> None:
        self.should_exit = True


def _listen(host: str, port: int) -> socket.socket:
    """A listening socket. Its protocol is named: asyncio leaves small answers waiting 40 ms on one without."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.bind((host, port))
        listener.listen(1024)
    except OSError:
        listener.close()
        raise
    return listener


def _server(sandbox: Sandbox, on_ready: Callable[[], None]) -> _Server:
    config = uvicorn.Config(
        sandbox.app,
        http=BreakableProtocol,
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=1,
    )
    return _Server(config, on_ready)


def ready_content(sandbox: Sandbox, base: str, control_secret: str | None) -> Json:
    """What the ready file holds (design 5.1)."""
    return {"base": base, "control_secret": control_secret, "services": sandbox.ready(base)}


def _write_ready(path: Path, content: Json) -> None:
    """Whole or not at all, and readable by the owner only: it holds secrets."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=2)
    os.replace(name, path)


def run(
    port: int,
    companies: Sequence[str],
    ready_file: Path | None = None,
    control_secret: str | None = None,
    host: str = "127.0.0.1",
    redirect_uris: Sequence[str] = (),
    until_stdin_closes: bool = False,
    state_file: Path | None = None,
) -> None:
    """Serve until Ctrl-C or SIGTERM, or (`until_stdin_closes`) until whoever started it is gone.

    The ready file appears when the port answers, and goes at the end.
    Raises `OSError` if the port is taken, `ValueError` for an unknown company.
    """
    sandbox = create_app(companies, control_secret, redirect_uris, state_file=state_file)
    listener = _listen(host, port)
    base = f"http://{host}:{listener.getsockname()[1]}"
    if ready_file is not None:
        ready_file.unlink(missing_ok=True)

    def on_ready() -> None:
        if ready_file is not None:
            _write_ready(ready_file, ready_content(sandbox, base, control_secret))

    server = _server(sandbox, on_ready)
    if until_stdin_closes:
        threading.Thread(target=_end_with_stdin, args=[server], name="parent", daemon=True).start()
    try:
        with listener:
            server.run(sockets=[listener])
    finally:
        if ready_file is not None:
            ready_file.unlink(missing_ok=True)
        if state_file is not None:
            state_file.unlink(missing_ok=True)


def _end_with_stdin(server: _Server) -> None:
    """Nobody is left to use this sandbox once the other end of standard input is closed, however that came about."""
    with contextlib.suppress(OSError):
        while os.read(0, 1024):  # the bare handle: a thread inside sys.stdin would crash the interpreter's own end
            pass
    server.should_exit = True


class RunningSandbox:
    """A sandbox in a thread of this process; a context manager that stops it."""

    def __init__(self, sandbox: Sandbox, control_secret: str, host: str, port: int) -> None:
        self._listener = _listen(host, port)
        self._started = threading.Event()
        self._server = _server(sandbox, self._started.set)
        self.base = f"http://{host}:{self._listener.getsockname()[1]}"
        self.control_secret = control_secret
        self.services: Json = sandbox.ready(self.base)
        self._thread = threading.Thread(target=self._serve, name="sandbox", daemon=True)
        self._thread.start()
        if not self._started.wait(START_SECONDS):
            raise RuntimeError("the sandbox did not start")

    def _serve(self) -> None:
        self._server.run(sockets=[self._listener])

    def stop(self) -> None:
        """End it and wait until it is gone. Calling it again does nothing."""
        self._server.should_exit = True
        self._thread.join(START_SECONDS)
        self._listener.close()

    def __enter__(self) -> RunningSandbox:
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()


def start_in_thread(
    companies: Sequence[str] = ("demo",),
    control_secret: str | None = None,
    host: str = "127.0.0.1",
    port: int = 0,
    redirect_uris: Sequence[str] = (),
    clock: SandboxClock | None = None,
    seeds: Callable[[str], CompanySeed] = company,
) -> RunningSandbox:
    """A running sandbox on a free port, with its control interface on."""
    secret = control_secret or secrets.token_urlsafe(24)
    return RunningSandbox(create_app(companies, secret, redirect_uris, clock, seeds), secret, host, port)


def main(argv: Sequence[str] | None = None) -> int:
    """`blueclerk sandbox`: 0 after an orderly end, 2 if it could not start."""
    parser = argparse.ArgumentParser("sandbox", description="The accounting services, imitated on this computer.")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one (default)")
    parser.add_argument("--company", default="demo,empty", help="which companies exist: demo,empty,large")
    parser.add_argument("--ready-file", type=Path, help="written as JSON when the port answers")
    parser.add_argument(
        "--control-secret",
        default=os.environ.get("BLUECLERK_CONTROL_SECRET"),
        help="switches the control interface on (or BLUECLERK_CONTROL_SECRET, which no list of processes shows)",
    )
    parser.add_argument("--until-stdin-closes", action="store_true", help="end with the program that started it")
    parser.add_argument("--redirect-uri", action="append", default=[], help="one more allowed address (repeatable)")
    parser.add_argument("--state-file", type=Path, help="keep the books there, and go on with what lies there")
    options = parser.parse_args(argv)
    companies = [name.strip() for name in options.company.split(",") if name.strip()]
    try:
        run(
            options.port,
            companies,
            options.ready_file,
            options.control_secret,
            redirect_uris=options.redirect_uri,
            until_stdin_closes=options.until_stdin_closes,
            state_file=options.state_file,
        )
    except (OSError, OverflowError, ValueError) as error:  # a port beyond 65535 is the second
        print(f"The sandbox cannot start: {error}", file=sys.stderr)
        return 2
    return 0
