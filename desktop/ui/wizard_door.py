"""How a page of the settings opens the setup wizard, which lives on the floor above the windows."""

from __future__ import annotations

from typing import Protocol

from PySide6.QtWidgets import QWidget

from desktop.core import Core


class OpenWizard(Protocol):
    """Shows the wizard over `parent` without waiting; `only` is "customers" or "items" for one import alone."""

    def __call__(self, core: Core, parent: QWidget, *, only: str = "") -> QWidget: ...


_open: OpenWizard | None = None


def install(opener: OpenWizard | None) -> None:
    """Use `opener` from now on (the program installs `desktop.wizard.wizard.open_wizard` at its start)."""
    global _open
    _open = opener


def open_wizard(core: Core, parent: QWidget, *, only: str = "") -> QWidget | None:
    """Open the wizard over the window of `parent`; None where none is installed."""
    return _open(core, parent.window(), only=only) if _open is not None else None
