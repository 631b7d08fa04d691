"""Step 2: which services and products to take over."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

from PySide6.QtCore import Qt

from desktop.sync import importing, reviewing
from desktop.sync.importing import Imported
from desktop.sync.reviewing import ItemReview, Standing
from desktop.text import tr
from desktop.ui import formats
from desktop.ui.columns import Column
from desktop.ui.status import Status
from desktop.wizard.linkable_page import LinkablePage, new_status


@dataclass(frozen=True, slots=True)
class ItemRow:
    """One item there with what the owner decided about it."""

    review: ItemReview
    account: str = ""
    link_to: int | None = None
    link_name: str = ""

    @property
    def is_known(self) -> bool:
        """Here already: shown, skipped, never ticked (M38)."""
        return self.review.standing in (Standing.LINKED, Standing.SAME)


class ItemsPage(LinkablePage[ItemRow]):
    """M37 to M46."""

    step = "items"
    kind = "item"
    help_topic = "import_items"
    giving_way = ("description", "account")
    wishes = {"name": 220, "verdict": 290}  # noqa: RUF012 - never changed

    def __init__(self, wizard: Any) -> None:
        self.noun = tr("items")
        self._has_accounts = wizard.capabilities.income_accounts
        super().__init__(wizard, tr("Import Services & Items"))
        self.sentence.setText(
            tr(
                "Choose which services and products to take over from {service}; a few are enough. Skipping is fine: "
                "invoices still work, but their lines then lack the right {what}.",
                service=wizard.terms.service,
                what=tr("account and tax") if wizard.capabilities.income_accounts else tr("price"),
            )
        )
        self.empty.set_text(
            tr("No services or products in {service} yet", service=wizard.terms.service),
            tr("Continue: items you add here are created there when an invoice needs them."),
        )

    def chip_words(self) -> list[tuple[str, str]]:
        return [("all", tr("All")), ("new", tr("New")), ("exists", tr("Already exists"))]

    def columns(self) -> list[Column[ItemRow]]:
        every = self._every_column()
        if self._has_accounts:
            return every
        return [column for column in every if column.name != "account"]

    def _every_column(self) -> list[Column[ItemRow]]:
        return [
            Column(
                tr("Name"),
                lambda row: row.review.record.name,
                key="name",
                sort_key="name",
                stretch=True,
                tooltip=lambda row: row.review.record.name,
            ),
            Column(tr("Description"), lambda row: row.review.record.description, key="description", width=24),
            Column(
                tr("Price"),
                self._price,
                key="price",
                align=Qt.AlignmentFlag.AlignRight,
                width=9,
            ),
            Column(
                tr("Account there"),
                lambda row: row.account or tr("none"),
                key="account",
                sort_key="account",
                width=20,
                status=lambda row: Status(row.account) if row.account else Status(tr("none yet"), "wait", "not_synced"),
            ),
            self.verdict_column(),
        ]

    def _price(self, row: ItemRow) -> str:
        price = row.review.record.unit_price
        return "" if price is None else formats.decimal(price, max(2, -int(price.normalize().as_tuple().exponent)))

    def verdict(self, row: ItemRow) -> Status:
        """New or already here, as icon and words."""
        review = row.review
        if row.link_to is not None:
            return Status(tr("Link to {name}", name=row.link_name), "info", "link")
        if review.standing is Standing.LINKED:
            return Status(tr("Already linked"), "", "synced")
        if review.standing is Standing.SAME:
            return Status(tr("Already exists: linked to {name}", name=review.same_as), "", "synced")
        return new_status(review)

    def decisions(self, row: ItemRow) -> list[tuple[str, str]]:
        if row.link_to is None:
            return []
        return [("link", tr("Link to {name}", name=row.link_name)), ("", tr("Another one: import as new"))]

    def can_check(self, row: ItemRow) -> bool:
        return not row.is_known

    def name_of(self, row: ItemRow) -> str:
        return row.review.record.name

    def words_of(self, row: ItemRow) -> str:
        record = row.review.record
        return f"{record.name} {record.description} {record.sku}"

    def chips_of(self, row: ItemRow) -> tuple[str, ...]:
        return ("exists",) if row.is_known else ("new",)

    async def stream(self) -> AsyncGenerator[list[ItemRow]]:
        company = await self.core.require_company()
        remote = (await self.core.lists()).items
        async with aclosing(remote.stream(self.on_pages)) as pages:
            async for records in pages:
                yield await self._rows(await reviewing.review_items(company, records))
        self.unreadable = remote.unreadable

    async def judged(self) -> list[ItemRow]:
        company = await self.core.require_company()
        records = await (await self.core.lists()).items.get()
        self.reviews = await reviewing.review_items(company, records)
        return await self._rows(self.reviews)

    async def _rows(self, reviews: list[ItemReview]) -> list[ItemRow]:
        names = await self.setup.account_names()
        return [ItemRow(review, names.get(review.record.income_account_id or "", "")) for review in reviews]

    def settled(self, before: ItemRow, row: ItemRow) -> ItemRow:
        return row

    def explain(self, row: ItemRow) -> str:
        record = row.review.record
        parts = (record.name, record.description, self._price(row), row.account)
        said = " · ".join(part for part in parts if part)
        return said if row.review.preselected else f"{said}\n{self.verdict(row).text}"

    async def take(self, rows: list[ItemRow]) -> Imported:
        company = await self.core.require_company()
        links = {row.review.external_id: row.link_to for row in rows if row.link_to is not None}
        chosen = [row.review.external_id for row in rows if row.link_to is None]
        return await importing.import_items(company, self.reviews, chosen, links=links, progress=self.on_judged)

    def on_choice(self, row_id: int, column: int, key: str) -> None:
        if self.model.columns[column + 1].name == "verdict" and key == "":
            self.decide(row_id, None, "")

    def decide(self, row_id: int, link_to: int | None, link_name: str) -> None:
        """Link the item there to one of ours, or import it as new (M40)."""
        self.model.replace_row(row_id, replace(self.model.rows[row_id], link_to=link_to, link_name=link_name))
        self.model.set_checked([row_id], True)
        self._recount()

    def link_row(self, row_id: int, local_id: int, name: str) -> None:
        self.decide(row_id, local_id, name)
