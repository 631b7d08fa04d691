"""The arrows of ARCHITECTURE.md point down, in every file, in every function."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.helpers.sources import ROOT, imports, python_files

# What each room may import of ours besides itself. `ground` is each module named in GROUND; `top` is whatever
# else lies directly in desktop/ (app.py, cli.py, core.py ...), where the rooms are wired together.
GROUND = {"errors", "money", "clock", "crashpoint", "paths", "text", "kinds"}
MAY_IMPORT = {
    "ground": set(),
    "models": {"ground"},
    "providers": {"ground"},
    "books": {"ground", "models"},
    "sync": {"ground", "models", "books", "providers"},
    "ui": {"ground", "books", "sync", "core"},
    "wizard": {"ground", "books", "sync", "ui", "core"},
    "sandbox": set(),
    "core": {"ground", "models", "books", "providers", "sync"},
    "top": {"ground", "models", "books", "providers", "sync", "ui", "wizard", "sandbox", "core"},
}

# Plain values that every floor above may read: states, records, terms. They hold no table and make no call.
VALUES = {"models.states", "providers.records", "providers.base"}

# Where a library may be imported: rooms, or single files.
ONLY_IN = {
    "PySide6": {"ui", "wizard", "app.py"},
    "qasync": {"ui", "wizard", "app.py"},
    "qtawesome": {"ui", "wizard", "app.py"},
    "qtpy": set(),
    "httpx": {"providers/http.py"},
    "appdirs": {"paths.py"},
    "keyring": {"sync/secrets.py"},
    "alembic": {"models"},
    "psycopg": {"models"},
    "starlette": {"sandbox"},
    "uvicorn": {"sandbox"},
    "graphql": {"sandbox"},
}
NOT_IN = {"sqlalchemy": {"ui", "wizard", "providers", "sandbox", "ground"}}

# Time comes in as an argument wherever a schedule, an expiry or a limit is decided.
CLOCKLESS = ("models", "books", "providers", "sync")
WALL_CLOCKS = {"time.time", "time.sleep", "datetime.now", "datetime.utcnow", "datetime.today", "date.today"}

PACKAGE = ROOT / "desktop"
FILES = python_files("desktop")


def _name(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def _room(module: str) -> str:
    """The room of a name below `desktop.`, such as `sync.push` or `clock`."""
    first = module.split(".")[0]
    if first in GROUND:
        return "ground"
    return first if first in MAY_IMPORT else "top"


def _room_of(path: Path) -> str:
    return _room(".".join(path.relative_to(PACKAGE).with_suffix("").parts))


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_imports_of_ours_point_down(path: Path) -> None:
    room = _room_of(path)
    if path == PACKAGE / "__init__.py":
        return
    ours = [name.removeprefix("desktop.") for name in imports(path) if name.startswith("desktop.")]
    if room in ("ui", "wizard"):
        ours = [name for name in ours if not any(name == value or name.startswith(value + ".") for value in VALUES)]
    wrong = [name for name in ours if _room(name) not in MAY_IMPORT[room] | {room}]
    assert not wrong, f"desktop/{_name(path)} ({room}) may not import {wrong}"


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_each_library_stays_where_it_belongs(path: Path) -> None:
    places = {_room_of(path), _name(path)}
    for library in {name.split(".")[0] for name in imports(path)}:
        allowed = ONLY_IN.get(library)
        assert allowed is None or places & allowed, f"{library} is imported in desktop/{_name(path)}"
        assert not places & NOT_IN.get(library, set()), f"{library} is imported in desktop/{_name(path)}"


@pytest.mark.parametrize("path", [p for p in FILES if _room_of(p) in CLOCKLESS], ids=_name)
def test_no_wall_clock_and_no_sleep_below_the_top(path: Path) -> None:
    calls = [
        ast.unparse(node.func) for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)
    ]
    wrong = [call for call in calls if any(call == clock or call.endswith("." + clock) for clock in WALL_CLOCKS)]
    assert not wrong, f"desktop/{_name(path)} reads the time itself: {wrong}"


@pytest.mark.parametrize("path", [p for p in FILES if p.name == "__init__.py"], ids=_name)
def test_opening_one_room_opens_no_other(path: Path) -> None:
    assert not list(imports(path)), "an __init__.py that imports would load rooms nobody asked for"
