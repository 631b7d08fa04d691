"""A file's third step: the same lists as for a service, filled from the file."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Coroutine
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import Qt

from desktop.models.states import InvoiceStatus
from desktop.sync import csv_import, csv_invoice_import
from desktop.sync.csv_invoice_import import InvoiceChoice, InvoiceReview
from desktop.sync.importing import Imported
from desktop.sync.reviewing import Standing
from desktop.text import tr
from desktop.ui import formats
from desktop.ui.columns import Column
from desktop.ui.status import Status
from desktop.wizard.customers_page import CustomerRow, CustomersPage, customer_rows
from desktop.wizard.file_source import FileSource
from desktop.wizard.flow import import_result
from desktop.wizard.import_page import ImportPage
from desktop.wizard.items_page import ItemRow, ItemsPage
from desktop.wizard.rejected import RejectedDialog


class FromFile(ImportPage[Any]):
    """What the three lists share: the file in place of the service, and a word about the rows that were not taken."""

    help_topic = "import_rows"

    source: FileSource

    def from_file(self, wizard: Any) -> None:
        self.source = wizard.source
        self.link_button.hide()
        self.banner.acted.disconnect()
        self.banner.acted.connect(self._on_banner)

    def start(self) -> None:
        self.setup.say_source()  # type: ignore[attr-defined]
        self.sentence.setText(self.describe_step())
        super().start()

    def describe_step(self) -> str:
        raise NotImplementedError

    async def stream(self) -> AsyncGenerator[list[Any]]:
        """A file is here at once: its rows come with their verdicts."""
        nothing: tuple[list[Any], ...] = ()
        for rows in nothing:
            yield rows

    def describe_known(self, known: int) -> str:
        """What becomes of those we have already."""
        if not known:
            return ""
        return (
            tr("1 that you already have is left as it is.")
            if known == 1
            else tr("{count} that you already have are left as they are.", count=formats.number(known))
        )

    def on_link(self) -> None:
        """There is nothing to link in a file."""

    def on_selection(self) -> None:
        return

    def _tell_unreadable(self) -> None:
        rejected = self.source.rejected
        if not rejected:
            return
        text = (
            tr("1 row can't be taken.")
            if len(rejected) == 1
            else tr("{count} rows can't be taken.", count=formats.number(len(rejected)))
        )
        self.banner.show_message(f"{text} {rejected[0].sentence}", status="wait", action=tr("Show them"))

    def _on_banner(self) -> None:
        if self.source.rejected and getattr(self, "loaded", False):
            self.dialog = RejectedDialog(self.source, self)
            self.dialog.open()
        else:
            self.start()

    def keep_result(self, result: Imported) -> None:
        self.source.imported = result
        self.setup.results["import"] = import_result(result)

    async def _import(self, rows: list[Any]) -> Imported:
        result = await self.take(rows)
        self.keep_result(result)
        return result


class FileCustomersPage(FromFile, CustomersPage):
    """Customers of a file: type, duplicates, ticks as for a service (C1, C2)."""

    def __init__(self, wizard: Any) -> None:
        super().__init__(wizard)
        self.from_file(wizard)

    def describe_step(self) -> str:
        return tr(
            "Choose whom to take over from {file}. They stay here until an invoice needs them there.",
            file=self.source.name,
        )

    async def judged(self) -> list[CustomerRow]:
        self.reviews = await csv_import.review_customers(self.core.db, self.source.reading.entries, self.on_judged)
        return await customer_rows(self.reviews)

    async def take(self, rows: list[CustomerRow]) -> Imported:
        result, rejected = await csv_import.import_customers(
            self.core.db,
            self.core.desk,
            self.source.reading.entries,
            self.choices(rows),
            self.source.name,
            self.on_judged,
        )
        result.skipped += sum(1 for row in rows if row.decision == "link")
        self.source.late += rejected
        return result

    def verdict(self, row: CustomerRow) -> Status:
        if row.decision == "link":
            return Status(tr("The same as {name}", name=row.link_name), "", "synced")
        return super().verdict(row)

    def decisions(self, row: CustomerRow) -> list[tuple[str, str]]:
        if row.review.standing is not Standing.POSSIBLE:
            return []
        found = [("", tr("Possible duplicate: decide later"))]
        if row.review.local_id is not None:
            found.append(("link", tr("The same as {name}: leave it out", name=row.review.same_as)))
        return [*found, ("new", tr("Another one: import as new"))]


class FileItemsPage(FromFile, ItemsPage):
    """Items of a file."""

    giving_way = ("description", "sku")

    def __init__(self, wizard: Any) -> None:
        super().__init__(wizard)
        self.from_file(wizard)

    def describe_step(self) -> str:
        return tr(
            "Choose what to take over from {file}. An item that you have already keeps its price.",
            file=self.source.name,
        )

    def columns(self) -> list[Column[ItemRow]]:
        found = [column for column in super().columns() if column.name != "account"]
        code = Column[ItemRow](tr("Code"), lambda row: row.review.record.sku, key="sku", sort_key="sku", width=10)
        return [*found[:2], code, *found[2:]]

    async def judged(self) -> list[ItemRow]:
        self.reviews = await csv_import.review_items(self.core.db, self.source.reading.entries)
        return [ItemRow(review) for review in self.reviews]

    async def take(self, rows: list[ItemRow]) -> Imported:
        chosen = [row.review.external_id for row in rows]
        result, rejected = await csv_import.import_items(
            self.core.db, self.core.desk, self.source.reading.entries, chosen, self.source.name, self.on_judged
        )
        self.source.late += rejected
        return result

    def on_choice(self, row_id: int, column: int, key: str) -> None:
        return


@dataclass(frozen=True, slots=True)
class InvoiceRow:
    """One invoice of the file with what the owner decided about its customer."""

    review: InvoiceReview
    decision: str = ""
    """"ours", "new" or, while nothing is decided, ""."""

    @property
    def is_known(self) -> bool:
        return self.review.standing is Standing.SAME

    @property
    def waits(self) -> bool:
        return self.review.standing is Standing.POSSIBLE and not self.decision


class FileInvoicesPage(FromFile):
    """Invoices of a file, each with its customer, items and what was paid."""

    step = "invoices"
    giving_way = ("brings", "paid")

    def __init__(self, wizard: Any) -> None:
        self.noun = tr("invoices")
        super().__init__(wizard, tr("Import Invoices"))
        self.from_file(wizard)
        self.empty.set_text(tr("No invoices in this file"), "")

    def describe_step(self) -> str:
        return tr(
            "Choose which invoices to take over from {file}. They count from their own dates and are not sent "
            "anywhere by themselves.",
            file=self.source.name,
        )

    def chip_words(self) -> list[tuple[str, str]]:
        return [
            ("all", tr("All")),
            ("new", tr("New")),
            ("exists", tr("Already exists")),
            ("possible", tr("Customer unclear")),
        ]

    def columns(self) -> list[Column[InvoiceRow]]:
        right = Qt.AlignmentFlag.AlignRight
        return [
            Column(tr("No."), lambda row: row.review.entry.number, key="number", sort_key="number", width=10),
            Column(
                tr("Customer"), lambda row: row.review.entry.customer, key="customer", sort_key="customer", stretch=True
            ),
            Column(tr("Date"), self._date, key="date", width=12),
            Column(tr("Total"), self._total, key="total", align=right, width=11),
            Column(tr("Paid"), self._paid, key="paid", align=right, width=11),
            self.verdict_column(),
            Column(tr("Brings along"), self._brings, key="brings", width=28, tooltip=self._brings),
        ]

    def _date(self, row: InvoiceRow) -> str:
        return formats.short_date(row.review.entry.issued_on, self.core.clock.now().astimezone().date())

    def _total(self, row: InvoiceRow) -> str:
        return formats.amount(row.review.total, row.review.entry.currency)

    def _paid(self, row: InvoiceRow) -> str:
        entry = row.review.entry
        return formats.amount(entry.paid, entry.currency) if entry.paid else ""

    def _brings(self, row: InvoiceRow) -> str:
        review = row.review
        parts = []
        if review.entry.status is InvoiceStatus.DRAFT:
            parts.append(tr("draft"))
        if review.new_items:
            parts.append(tr("new items: {names}", names=", ".join(review.new_items)))
        if review.entry.paid and review.entry.paid_on is None:
            parts.append(tr("paid on an unknown day: the invoice's date is used"))
        return "; ".join(parts)

    def verdict(self, row: InvoiceRow) -> Status:
        """New, here already, or for whom it is has to be said."""
        review = row.review
        if review.standing is Standing.SAME:
            return Status(tr("Already exists"), "", "synced")
        if row.decision == "ours":
            return Status(tr("For {name}", name=review.same_as), "good", "add")
        if row.decision == "new":
            return Status(tr("For a new customer"), "good", "add")
        if row.waits:
            return Status(tr("Is it for {name}?", name=review.same_as), "wait", "warning")
        return Status(tr("New") if review.local_id is not None else tr("New, with its customer"), "good", "add")

    def verdict_reason(self, row: InvoiceRow) -> str:
        return "\n".join((self.verdict(row).text, *row.review.match_reasons))

    def decisions(self, row: InvoiceRow) -> list[tuple[str, str]]:
        if row.review.standing is not Standing.POSSIBLE:
            return []
        return [
            ("", tr("Decide later")),
            ("ours", tr("It is for {name}", name=row.review.same_as)),
            ("new", tr("It is for a new customer")),
        ]

    def can_check(self, row: InvoiceRow) -> bool:
        return not row.is_known and not row.waits

    def settled(self, before: InvoiceRow, row: InvoiceRow) -> InvoiceRow:
        return row

    def explain(self, row: InvoiceRow) -> str:
        entry = row.review.entry
        lines = "; ".join(line.description or line.item for line in entry.lines)
        said = "; ".join(part for part in (self.verdict(row).text, self._brings(row)) if part)
        return f"{entry.number} · {entry.customer} · {lines}\n{said}"

    def name_of(self, row: InvoiceRow) -> str:
        return row.review.entry.number

    def words_of(self, row: InvoiceRow) -> str:
        return f"{row.review.entry.number} {row.review.entry.customer}"

    def chips_of(self, row: InvoiceRow) -> tuple[str, ...]:
        if row.waits:
            return ("possible",)
        return ("exists",) if row.is_known else ("new",)

    def _recount(self) -> None:
        super()._recount()
        waiting = self.counts.get("possible", 0)
        self.open_link.setText(
            tr("1 invoice waits for you: whose is it?")
            if waiting == 1
            else tr("{count} invoices wait for you: whose are they?", count=formats.number(waiting))
        )

    async def judged(self) -> list[InvoiceRow]:
        company = await self.core.company_key()
        self.source.late = []
        self.reviews, rejected = await csv_invoice_import.review_invoices(
            self.core.db, company, self.source.reading.entries, self.on_judged
        )
        self.source.late += rejected
        return [InvoiceRow(review) for review in self.reviews]

    async def take(self, rows: list[InvoiceRow]) -> Imported:
        company = await self.core.company_key()
        choices = []
        for row in rows:
            ours = row.decision == "ours" or row.review.standing is Standing.NEW
            choices.append(InvoiceChoice(row.review.external_id, row.review.local_id if ours else None))
        result, rejected = await csv_invoice_import.import_invoices(
            self.core.db, self.core.desk, company, self.reviews, choices, self.source.name, self.on_judged
        )
        self.source.late += rejected
        return result

    def on_choice(self, row_id: int, column: int, key: str) -> None:
        if self.model.columns[column + 1].name != "verdict":
            return
        row = InvoiceRow(self.model.rows[row_id].review, key)
        self.model.replace_row(row_id, row)
        self.model.set_checked([row_id], bool(key))
        self._recount()

    def skip(self) -> Coroutine[Any, Any, object] | None:
        return None
