"""Where files lie: those that ship with the program, and the user's own. Nothing else builds such a path."""

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


APP = "BlueClerk"


def user_data_dir() -> Path:
    """The user's own data folder for this program (not made here)."""
    import appdirs

    return Path(appdirs.user_data_dir(APP, False))


def user_log_dir() -> Path:
    """Where this user's log files go (not made here)."""
    import appdirs

    return Path(appdirs.user_log_dir(APP, False))
