"""What a column of a list is: functions from a row to what is shown, said, sorted by and copied."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Generic, TypeVar

from PySide6.QtCore import Qt

from desktop.ui.labels import tooltip
from desktop.ui.status import STATUS_ROLE, Status

R = TypeVar("R")

RECORD_ROLE = int(Qt.ItemDataRole.UserRole) + 2
"""Model role that answers with the row object itself."""

_DISPLAY = int(Qt.ItemDataRole.DisplayRole)
_ALIGN = int(Qt.ItemDataRole.TextAlignmentRole)
_TIP = int(Qt.ItemDataRole.ToolTipRole)
_ACCESSIBLE = int(Qt.ItemDataRole.AccessibleTextRole)
SERVED_ROLES = frozenset({_DISPLAY, _ALIGN, _TIP, _ACCESSIBLE, STATUS_ROLE, RECORD_ROLE})


@dataclass(frozen=True)
class Column(Generic[R]):
    """One column of a list of `R`."""

    title: str
    text: Callable[[R], str]
    key: str = ""
    """Fixed name for remembered widths and order; the title if empty."""
    align: Qt.AlignmentFlag = Qt.AlignmentFlag.AlignLeft
    """AlignRight for amounts and counts."""
    sort_key: str | None = None
    """What `sort_requested` says when the header is clicked; None: not sortable."""
    status: Callable[[R], Status | None] | None = None
    tooltip: Callable[[R], str] | None = None
    accessible: Callable[[R], str] | None = None
    """What a screen reader says where it differs from the text."""
    width: int = 12
    """Width at first, in characters."""
    stretch: bool = False
    """Takes the room that is left (one or two columns of a list)."""
    choices: Callable[[R], Sequence[tuple[str, str]]] | None = None
    """(key, words) to choose from in place; only for lists with `ChoiceDelegate`."""

    @property
    def name(self) -> str:
        return self.key or self.title

    @cached_property
    def alignment(self) -> int:
        """What Qt is told; worked out once, because each cell asks at each painting."""
        return int(self.align | Qt.AlignmentFlag.AlignVCenter)


def cell(column: Column[R], row: R, role: int) -> object:
    """What `column` answers for `row` and a role of `SERVED_ROLES`."""
    if role == _DISPLAY:
        return column.text(row)
    if role == _ALIGN:
        return column.alignment
    if role == STATUS_ROLE:
        return column.status(row) if column.status else None
    if role == _TIP:
        return tooltip(column.tooltip(row)) if column.tooltip else None
    if role == _ACCESSIBLE:
        return _spoken(column, row)
    return row if role == RECORD_ROLE else None


def header_cell(column: Column[R], role: int) -> object:
    """What the header answers for a role."""
    if role in (_DISPLAY, _ACCESSIBLE):
        return column.title
    if role == _ALIGN:
        return column.alignment
    return None


def _spoken(column: Column[R], row: R) -> str:
    if column.accessible:
        return column.accessible(row)
    status = column.status(row) if column.status else None
    return status.text if status else column.text(row)
