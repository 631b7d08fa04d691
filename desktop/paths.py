"""Where files that ship with the program lie; nothing else builds such a path."""

import sys
from pathlib import Path


def resource(*parts: str) -> Path:
    """The path of `resources/<parts>` in a checkout, an installed wheel and a PyInstaller bundle alike."""
    bundle = getattr(sys, "_MEIPASS", None)
    if bundle is not None:
        return Path(bundle, "resources", *parts)
    package = Path(__file__).resolve().parent
    installed = package / "_resources"
    root = installed if installed.is_dir() else package.parent / "resources"
    return root.joinpath(*parts)
