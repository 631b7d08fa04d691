"""Step 1: whom to take over from the service, as what, and who is here already."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from PySide6.QtWidgets import QComboBox

from desktop.kinds import CustomerKind
from desktop.sync import importing, reviewing
from desktop.sync.importing import CustomerChoice, Imported
from desktop.sync.reviewing import CustomerReview, Standing
from desktop.text import tr
from desktop.ui.buttons import QuietButton
from desktop.ui.columns import Column
from desktop.ui.status import Status
from desktop.ui.words import customer_kind
from desktop.wizard.import_page import PORTION
from desktop.wizard.linkable_page import LinkablePage, new_status

KINDS = (CustomerKind.HOMEOWNER, CustomerKind.BUSINESS, CustomerKind.BUILDER)
TYPE_COLUMN, VERDICT_COLUMN = 1, 5


@dataclass(frozen=True, slots=True)
class CustomerRow:
    """One customer there with what the owner decided about it."""

    review: CustomerReview
    kind: CustomerKind
    chosen: bool = False
    """The type is the owner's own choice (M26)."""
    decision: str = ""
    """"new", "link" or, while nothing is decided, ""."""
    link_to: int | None = None
    link_name: str = ""

    @property
    def is_known(self) -> bool:
        """Here already: shown, skipped, never ticked (M28)."""
        return self.review.standing in (Standing.LINKED, Standing.SAME)

    @property
    def waits(self) -> bool:
        """A possible duplicate that nobody decided about yet (M35)."""
        return self.review.standing is Standing.POSSIBLE and not self.decision


def address_line(review: CustomerReview) -> str:
    """Street and town in one line."""
    where = review.record.address
    town = " ".join(part for part in (where.region, where.postal_code) if part)
    return ", ".join(part for part in (where.line1, where.city, town) if part)


async def customer_rows(reviews: Sequence[CustomerReview]) -> list[CustomerRow]:
    """The rows as they are suggested; a portion at a time, for there may be thousands."""
    rows: list[CustomerRow] = []
    for start in range(0, len(reviews), PORTION):
        rows += [CustomerRow(review, review.kind) for review in reviews[start : start + PORTION]]
        await asyncio.sleep(0)
    return rows


@cache
def _chips(kind: CustomerKind, standing: Standing, decision: str) -> tuple[str, ...]:
    """The filters that such a row stands under."""
    found = [kind.value]
    if decision == "link" or standing in (Standing.LINKED, Standing.SAME):
        found.append("exists")
    if standing is Standing.NEW or decision == "new":
        found.append("new")
    elif standing is Standing.POSSIBLE and not decision:
        found.append("possible")
    return tuple(found)


class CustomersPage(LinkablePage[CustomerRow]):
    """M19 to M36."""

    step = "customers"
    kind = "customer"
    help_topic = "import_customers"
    giving_way = ("email", "address")
    last_to_give = "why"
    spare_chips = tuple(kind.value for kind in KINDS)
    wishes = {"name": 200, "why": 260, "verdict": 310}  # noqa: RUF012 - never changed

    def __init__(self, wizard: Any) -> None:
        self.noun = tr("customers")
        super().__init__(wizard, tr("Import Customers"))
        self.sentence.setText(
            tr("Choose whom to take over from {service}. Nothing is changed there.", service=wizard.terms.service)
        )
        self.empty.set_text(
            tr("No customers in {service} yet", service=wizard.terms.service),
            tr("Continue: customers you add here are created there with their first invoice."),
        )
        self.kind_picker = QComboBox(self)
        self.kind_picker.setAccessibleName(tr("Type for all ticked"))
        for kind in KINDS:
            self.kind_picker.addItem(customer_kind(kind), kind.value)
        self.kind_button = QuietButton(tr("Set type of ticked"), self)
        self.kind_button.clicked.connect(lambda: self.set_kind(CustomerKind(self.kind_picker.currentData())))
        self.foot.insertWidget(0, self.kind_picker)
        self.foot.insertWidget(1, self.kind_button)

    # -- the list -----------------------------------------------------------------------------

    def chip_words(self) -> list[tuple[str, str]]:
        return [
            ("all", tr("All")),
            ("new", tr("New")),
            ("exists", tr("Already exists")),
            ("possible", tr("Possible duplicate")),
            *((kind.value, customer_kind(kind)) for kind in KINDS),
        ]

    def columns(self) -> list[Column[CustomerRow]]:
        kinds = [(kind.value, customer_kind(kind)) for kind in KINDS]
        words = {kind: customer_kind(kind) for kind in KINDS}
        return [
            Column(
                tr("Name"),
                lambda row: row.review.record.display_name,
                key="name",
                sort_key="name",
                width=22,
                stretch=True,
                tooltip=lambda row: row.review.record.display_name,
            ),
            Column(
                tr("Type"),
                lambda row: words[row.kind],
                key="type",
                sort_key="type",
                width=12,
                choices=lambda row: [] if row.is_known else kinds,
            ),
            Column(
                tr("Why"),
                self._why_first,
                key="why",
                sort_key="why",
                stretch=True,
                status=lambda row: Status(self._why_first(row)),
                tooltip=lambda row: "\n".join(row.review.reasons),
                accessible=self._why,
            ),
            Column(tr("Address"), lambda row: address_line(row.review), key="address", sort_key="address", width=18),
            Column(
                tr("E-mail"),
                lambda row: row.review.record.email,
                key="email",
                sort_key="email",
                width=15,
                tooltip=lambda row: row.review.record.email,
            ),
            self.verdict_column(),
        ]

    def _why_first(self, row: CustomerRow) -> str:
        """The strongest reason; all of them are in the tooltip and under the table."""
        return self._why(row) if row.chosen else next(iter(row.review.reasons), "")

    def _why(self, row: CustomerRow) -> str:
        return tr("your choice") if row.chosen else ", ".join(row.review.reasons)

    def verdict(self, row: CustomerRow) -> Status:
        """New, already here, or to be decided, as icon and words."""
        review = row.review
        if row.decision == "link":
            return Status(tr("Link to {name}", name=row.link_name), "info", "link")
        if row.decision == "new":
            return Status(tr("Import as new"), "good", "add")
        if review.standing is Standing.PENDING:
            return Status(tr("Comparing"), "", "syncing")
        if review.standing is Standing.LINKED:
            return Status(tr("Already exists"), "", "synced")
        if review.standing is Standing.SAME:
            return Status(tr("Already exists: same as {name}", name=review.same_as), "", "synced")
        if review.standing is Standing.POSSIBLE:
            return Status(tr("Possible duplicate: same as {name}?", name=review.same_as), "wait", "warning")
        return new_status(review)

    def verdict_reason(self, row: CustomerRow) -> str:
        return "\n".join((self.verdict(row).text, *row.review.match_reasons))

    def decisions(self, row: CustomerRow) -> list[tuple[str, str]]:
        if row.review.standing is not Standing.POSSIBLE and row.decision != "link":
            return []
        decide = (
            ("", tr("Possible duplicate: decide later"))
            if row.review.standing is Standing.POSSIBLE
            else ("", tr("New"))
        )
        name = row.link_name or row.review.same_as
        found = [decide]
        if name:
            found.append(("link", tr("The same: link to {name}", name=name)))
        if row.review.standing is Standing.POSSIBLE:
            found.append(("new", tr("Another one: import as new")))
        return found

    def can_check(self, row: CustomerRow) -> bool:
        return not row.is_known and not row.waits and row.review.standing is not Standing.PENDING

    def explain(self, row: CustomerRow) -> str:
        record = row.review.record
        where = " · ".join(part for part in (address_line(row.review), record.email, record.phone) if part)
        why = tr("{type}: {reasons}.", type=customer_kind(row.kind), reasons=self._why(row))
        verdict = "" if row.review.preselected else self.verdict(row).text
        if row.review.match_reasons:
            verdict = f"{verdict} ({', '.join(row.review.match_reasons)})"
        return "\n".join(
            part for part in (f"{record.display_name} · {where}" if where else "", f"{why} {verdict}".strip())
        )

    def name_of(self, row: CustomerRow) -> str:
        return row.review.record.display_name

    def words_of(self, row: CustomerRow) -> str:
        record = row.review.record
        return f"{record.display_name} {record.company_name} {record.email} {address_line(row.review)}"

    def chips_of(self, row: CustomerRow) -> tuple[str, ...]:
        return _chips(row.kind, row.review.standing, row.decision)

    # -- reading and importing ----------------------------------------------------------------

    async def stream(self) -> AsyncGenerator[list[CustomerRow]]:
        company = await self.core.require_company()
        remote = (await self.core.lists()).customers
        async with aclosing(remote.stream(self.on_pages)) as pages:
            async for records in pages:
                seen = await reviewing.glance_at_customers(company, records)
                yield [CustomerRow(review, review.kind) for review in seen]
        self.unreadable = remote.unreadable

    async def judged(self) -> list[CustomerRow]:
        company = await self.core.require_company()
        records = await (await self.core.lists()).customers.get()
        self.reviews = await reviewing.review_customers(company, records, self.on_judged)
        return await customer_rows(self.reviews)

    def settled(self, before: CustomerRow, row: CustomerRow) -> CustomerRow:
        return replace(row, kind=before.kind, chosen=True) if before.chosen else row

    async def take(self, rows: list[CustomerRow]) -> Imported:
        company = await self.core.require_company()
        links = {row.review.external_id: row.link_to for row in rows if row.decision == "link" and row.link_to}
        return await importing.import_customers(
            company, self.reviews, self.choices(rows), links=links, progress=self.on_judged
        )

    def choices(self, rows: list[CustomerRow]) -> list[CustomerChoice]:
        """What to make of those that are not linked to one of ours."""
        return [
            CustomerChoice(
                row.review.external_id, row.kind, "" if row.chosen else ", ".join(row.review.reasons), row.chosen
            )
            for row in rows
            if row.decision != "link"
        ]

    # -- decisions ----------------------------------------------------------------------------

    def on_choice(self, row_id: int, column: int, key: str) -> None:
        row = self.model.rows[row_id]
        if column == TYPE_COLUMN:
            self.model.replace_row(row_id, replace(row, kind=CustomerKind(key), chosen=True))
        elif column == VERDICT_COLUMN:
            self.decide(row_id, key, row.link_to or row.review.local_id, row.link_name or row.review.same_as)
        self._recount()

    def decide(self, row_id: int, decision: str, link_to: int | None = None, link_name: str = "") -> None:
        """The owner's word on a possible duplicate: "link", "new" or "" for later; it is ticked with it (M35)."""
        row = self.model.rows[row_id]
        self.model.replace_row(
            row_id,
            replace(
                row,
                decision=decision,
                link_to=link_to if decision == "link" else None,
                link_name=link_name if decision == "link" else "",
            ),
        )
        self.model.set_checked([row_id], bool(decision) or self.preselected(row))
        self._recount()

    def set_kind(self, kind: CustomerKind) -> None:
        """Give all ticked rows in sight this type."""
        rows = {
            n: replace(self.model.rows[n], kind=kind, chosen=True)
            for n in self.model.shown_ids()
            if self.model.is_checked(n)
        }
        self.model.replace_rows(rows)
        self._recount()

    def link_row(self, row_id: int, local_id: int, name: str) -> None:
        self.decide(row_id, "link", local_id, name)

    def _recount(self) -> None:
        super()._recount()
        if hasattr(self, "kind_button"):
            self.kind_button.setEnabled(self.loaded)
