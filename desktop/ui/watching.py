"""Changes of the books for a widget, as long as it lives."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import shiboken6
from PySide6.QtCore import QObject

from desktop.core import Core


def watch(owner: QObject, core: Core, kinds: Iterable[str], listener: Callable[[], object]) -> None:
    """Call `listener` after each commit that changed one of `kinds`, until `owner` is destroyed."""
    wanted = frozenset(kinds)

    def deliver(changes) -> None:  # noqa: ANN001
        if shiboken6.isValid(owner) and any(change.kind in wanted for change in changes):
            listener()

    unsubscribe = core.watch(deliver)
    owner.destroyed.connect(lambda _gone=None: unsubscribe())
