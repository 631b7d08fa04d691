"""The project's own files, for tests that read them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_NOT_OURS = {".git", ".venv", "out", "dist", "__pycache__"}
_BINARY = {".png", ".ico", ".icns", ".ttf", ".otf", ".db", ".pdf", ".gif", ".woff2"}


def text_files(folder: Path = ROOT) -> Iterator[Path]:
    """Every text file of the checkout, committed yet or not; no environment, cache or build output."""
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.name in _NOT_OURS or path.name.endswith(("_cache", ".egg-info")) or path.name == ".hypothesis":
            continue
        if path.is_dir():
            yield from text_files(path)
        elif path.suffix not in _BINARY:
            yield path


def python_files(*folders: str) -> list[Path]:
    return [path for folder in folders for path in text_files(ROOT / folder) if path.suffix == ".py"]


def imports(path: Path) -> Iterator[str]:
    """Absolute names of all that a file imports, inside functions too; `from a import b` gives `a.b`."""
    package = list(path.relative_to(ROOT).parent.parts)
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)
