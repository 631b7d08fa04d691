"""The command line: the window, the demo, Sync Now without a window, and the sandbox alone.

What only one of them needs is imported there: a window is seen the sooner.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from desktop.errors import BlueClerkError
from desktop.logs import start_logging
from desktop.paths import user_data_dir, user_log_dir
from desktop.text import tr

if TYPE_CHECKING:
    from desktop.core import Options
    from desktop.sync.push import Report

DONE, NEEDS_YOU, NOT_CONNECTED = 0, 1, 2
INTERRUPTED = 130
"""What shells expect after Ctrl+C."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program and say how it ended: 0 done, 1 needs the owner, 2 not connected, 130 broken off."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] == ["sandbox"]:
        from desktop.sandbox.server import main as sandbox

        return sandbox(arguments[1:])
    options = _parser().parse_args(arguments)
    try:
        if options.demo:
            return _demo(options)
        start_logging(options.data_dir / "logs" if options.data_dir else user_log_dir(), options.log_level)
        if options.command == "sync":
            import asyncio

            return asyncio.run(_sync(_options(options), options.json))
        return _window(options)
    except BlueClerkError as error:
        print(error.sentence, file=sys.stderr)
        return NEEDS_YOU
    except KeyboardInterrupt:
        return INTERRUPTED
    except OSError as error:
        reason = f"{error.strerror}: {error.filename}" if error.strerror and error.filename else error.strerror or error
        print(tr("BlueClerk can't start: {reason}", reason=reason), file=sys.stderr)
        return NEEDS_YOU


def has_display() -> bool:
    """Whether a window would be seen by anybody."""
    if os.environ.get("QT_QPA_PLATFORM") in ("offscreen", "minimal"):
        return False
    if sys.platform in ("win32", "darwin"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--data-dir", type=Path, default=argparse.SUPPRESS, help="where books, backups and logs lie")
    common.add_argument(
        "--database",
        default=argparse.SUPPRESS,
        help="a SQLite file, or postgresql+psycopg://user@server/name for an office (no password in it)",
    )
    common.add_argument("--log-level", default=argparse.SUPPRESS, choices=["debug", "info", "warning", "error"])
    parser = argparse.ArgumentParser(
        "blueclerk",
        parents=[common],
        description="Invoices and payments here, the same books in your accounting service.",
    )
    parser.set_defaults(data_dir=None, database=None, log_level="info", json=False, command=None)
    parser.add_argument("--demo", action="store_true", help="try it: a practice company, nothing real is touched")
    parser.add_argument(
        "--service",
        choices=["quickbooks", "xero", "freshbooks", "wave"],
        default="quickbooks",
        help="with --demo and no display: which service to practise with",
    )
    parser.add_argument("--shots", type=Path, help="with --demo and no display: where to leave the pictures")
    commands = parser.add_subparsers(dest="command", metavar="command")
    sync = commands.add_parser(
        "sync",
        parents=[common],
        help="Sync Now without a window",
        description="Sync Now without a window. Ends with 0: all done, 1: something needs you, 2: not connected.",
    )
    sync.add_argument("--json", action="store_true", help="say what came of it as JSON")
    commands.add_parser("sandbox", help="only the practice services; see blueclerk sandbox --help", add_help=False)
    return parser


def _options(arguments: argparse.Namespace) -> Options:
    from desktop.core import Options
    from desktop.sync.secrets import KeyringStore

    folder: Path = arguments.data_dir or user_data_dir()
    folder.mkdir(parents=True, exist_ok=True)
    return Options(
        database=arguments.database or str(folder / "blueclerk.db"),
        data_dir=folder,
        store=KeyringStore(),
        account=account_name(),
    )


def account_name() -> str:
    """The operating system's name of this user (E10)."""
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return str(os.getuid()) if hasattr(os, "getuid") else "owner"


async def _sync(options: Options, as_json: bool) -> int:
    import json

    from desktop.core import Core

    core = await Core.open(options)
    try:
        terms = await core.terms()
        if terms is None:
            print("{}" if as_json else tr("No accounting service is connected."))
            return NOT_CONNECTED
        service = terms.service
        report = await core.sync_now()
    finally:
        await core.close()
    print(json.dumps(_as_json(report)) if as_json else _in_words(report, service))
    return DONE if report.clean else NEEDS_YOU


def _as_json(report: Report) -> dict[str, object]:
    return {
        "done": sorted(report.done),
        "needs_you": {name: error.sentence for name, error in sorted(report.refused.items())},
        "waiting": sorted(report.waiting),
        "checking": sorted(report.in_doubt),
        "written": report.writes,
        "came_from_there": report.pulled.as_json() if report.pulled is not None else None,
        "problem": report.problem.sentence if report.problem is not None else None,
    }


def _in_words(report: Report, service: str) -> str:
    from desktop.sync.pulled import sentence

    lines = [tr("{count} records are in sync.", count=len(report.done))]
    lines += dict.fromkeys(error.sentence for error in report.refused.values())  # several may have one reason
    if report.in_doubt:
        lines.append(tr("{count} are being checked.", count=len(report.in_doubt)))
    if report.pulled is not None:
        lines += [line for line in (sentence(report.pulled, service),) if line]
    if report.problem is not None:
        lines.append(report.problem.sentence)
    return "\n".join(lines)


def _window(arguments: argparse.Namespace) -> int:
    from desktop.ui.single_instance import first_start

    instance = first_start(arguments.data_dir or user_data_dir())
    if isinstance(instance, int):
        return instance
    from desktop.ui.opening import show_opening

    opening = show_opening(arguments.data_dir or user_data_dir())
    from desktop.app import run_window  # after it: this is what takes so long

    return run_window(_options(arguments), instance=instance, opening=opening)


def _demo(arguments: argparse.Namespace) -> int:
    if has_display():
        from desktop.demo import run_demo_window

        return run_demo_window(arguments.data_dir, arguments.log_level)
    from desktop.walk import run_walk

    return run_walk(arguments.service, arguments.shots)


if __name__ == "__main__":
    sys.exit(main())
