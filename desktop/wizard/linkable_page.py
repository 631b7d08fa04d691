"""What the wizard's pages for customers and for items share: each row is a review that the owner may link by hand."""

from __future__ import annotations

from typing import Protocol, TypeVar

from desktop.sync.reviewing import CustomerReview, ItemReview
from desktop.text import tr
from desktop.ui.link_dialog import pick_ours
from desktop.ui.status import Status
from desktop.wizard.import_page import ImportPage, Row


class LinkableRow(Row, Protocol):
    """A row that may be linked to one of ours by hand."""

    @property
    def link_to(self) -> int | None: ...


LinkableT = TypeVar("LinkableT", bound=LinkableRow)


class LinkablePage(ImportPage[LinkableT]):
    """Implement `link_row` besides what `ImportPage` wants."""

    kind: str
    """"customer" or "item": what is picked among ours."""

    def link_row(self, row_id: int, local_id: int, name: str) -> None:
        """The row is one of ours, says the owner."""
        raise NotImplementedError

    def on_selection(self) -> None:
        marked = self.table.selected_ids()
        self.link_button.setEnabled(len(marked) == 1 and not self.model.rows[marked[0]].is_known)

    def on_link(self) -> None:
        marked = self.table.selected_ids()
        if len(marked) != 1:
            return
        row_id = marked[0]

        def picked(local_id: int, name: str) -> None:
            self.link_row(row_id, local_id, name)

        pick_ours(self.core, self, self.kind, self.name_of(self.model.rows[row_id]), self._taken(), picked)

    def _taken(self) -> set[int]:
        """Ours that are linked already, or will be by this import."""
        rows = self.model.rows
        taken = {row.review.local_id for row in rows if row.is_known and row.review.local_id is not None}
        return taken | {row.link_to for row in rows if row.link_to is not None}


def new_status(review: CustomerReview | ItemReview) -> Status:
    """The verdict on a record that we don't have."""
    if not review.record.active:
        return Status(tr("New, inactive there"), "", "add")
    if review.left_out:
        return Status(tr("New, left out before"), "", "add")
    return Status(tr("New"), "good", "add")
