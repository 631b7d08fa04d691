"""Sync and Resync as the owner meets them: ask with a preview, run, say in one sentence what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from desktop.books import queries
from desktop.errors import BlueClerkError, ConnectionProblem
from desktop.models.states import InvoiceStatus
from desktop.providers.records import Kind
from desktop.sync import pulled
from desktop.sync.company import Company
from desktop.sync.gone_there import follow_merge, make_active_there, same_here
from desktop.sync.preview import Preview
from desktop.sync.push import Report
from desktop.sync.resolving import (
    keep_ours,
    link_invoice,
    resolve_fields,
    same_payment,
    take_theirs,
    two_payments,
    unlink,
)
from desktop.sync.settling import field_words
from desktop.sync.snapshots import COMPARED
from desktop.text import tr
from desktop.ui import dialogs, formats, operations
from desktop.ui.context import Context
from desktop.ui.plan_dialog import ask_with_plan
from desktop.ui.routes import settings

NO_QUESTION = "sync.no_question"
"""Preference: the owner does not want to be asked before a sync (C14)."""


ANSWERS: dict[str, Callable[[Company, Kind, int], Awaitable[None]]] = {
    "take": take_theirs,
    "same_here": same_here,
    "active": make_active_there,
    "follow": lambda company, _kind, local_id: follow_merge(company, local_id),
    "same_money": lambda company, _kind, local_id: same_payment(company, local_id),
    "two_payments": lambda company, _kind, local_id: two_payments(company, local_id),
}
"""What the owner can answer with one button, and the verb behind it."""


class SyncActions(QObject):
    """One per window. Nothing here decides what is written; that is the plan's matter."""

    working = Signal(bool)
    """A sync that was started here is under way."""

    def __init__(self, context: Context, window: QWidget) -> None:
        super().__init__(window)
        self._context = context
        self._window = window
        self._running = 0

    @property
    def is_working(self) -> bool:
        return self._running > 0

    def sync_invoices(self, ids: Sequence[int], *, ask: bool = True) -> asyncio.Task[None] | None:
        """Sync to, or Resync: asks first with what will be written, unless told not to (C14, M73)."""
        if not ids or self.is_working:
            return None
        if ask and not self._context.preferences.flag(NO_QUESTION):
            return operations.run(self, self._ask_first(list(ids)), failure=self._context.show_problem)
        records = [(Kind.INVOICE, each) for each in ids]
        return self._run(self._sync(records), lambda: self.sync_invoices(ids, ask=False))

    def resync(self, records: Sequence[tuple[str, int]]) -> asyncio.Task[None] | None:
        """Try again from a notification: goes without a question (M107, C14)."""
        wanted = [(Kind(kind), local_id) for kind, local_id in records if kind in set(Kind)]
        if not wanted:
            return self.sync_now()
        return self._run(self._sync(wanted), lambda: self.resync(records))

    def sync_now(self) -> asyncio.Task[None] | None:
        """Everything that waits (M60)."""
        if self.is_working:
            return None
        return self._run(self._sync_now(), self.sync_now)

    def link_to_existing(self, invoice_id: int) -> asyncio.Task[None] | None:
        """Tie the invoice to the one with its number there, then bring that one up to date (C18)."""

        async def link() -> None:
            await link_invoice(await self._context.core.require_company(), invoice_id)
            await self._sync([(Kind.INVOICE, invoice_id)])

        return self._run(link(), lambda: self.link_to_existing(invoice_id))

    def create_again(self, kind: str, local_id: int, then: Sequence[tuple[str, int]] = ()) -> asyncio.Task[None] | None:
        """Let go of a counterpart that is gone there, and make it anew (D4), with what waits for it."""

        async def again() -> None:
            await unlink(await self._context.core.require_company(), Kind(kind), local_id, create_again=True)
            await self._sync(_records(then) or [(Kind(kind), local_id)])

        return self._run(again(), lambda: self.create_again(kind, local_id, then))

    def keep_ours(self, kind: str, local_id: int, then: Sequence[tuple[str, int]] = ()) -> asyncio.Task[None] | None:
        """Write our version over the one there (N10)."""

        async def keep() -> None:
            await keep_ours(await self._context.core.require_company(), Kind(kind), local_id)
            await self._sync(_records(then) or [(Kind(kind), local_id)])

        return self._run(keep(), lambda: self.keep_ours(kind, local_id, then))

    def choose(
        self, kind: str, local_id: int, marked: Sequence[str], then: Sequence[tuple[str, int]] = ()
    ) -> asyncio.Task[None] | None:
        """Field by field: theirs in the `marked` rows (named in the owner's words), ours in the others (N10)."""
        wanted = {word.casefold() for word in marked}
        fields = [name for name in COMPARED[Kind(kind)] if field_words([name])[0].casefold() in wanted]

        async def chosen() -> None:
            await resolve_fields(await self._context.core.require_company(), Kind(kind), local_id, fields)
            await self._sync(_records(then) or [(Kind(kind), local_id)])

        return self._run(chosen(), lambda: self.choose(kind, local_id, marked, then))

    def answer(
        self, key: str, kind: str, local_id: int, then: Sequence[tuple[str, int]] = ()
    ) -> asyncio.Task[None] | None:
        """One of `ANSWERS` to what was found there (N6, N8, N10), and what it sets going."""

        async def answered() -> None:
            await ANSWERS[key](await self._context.core.require_company(), Kind(kind), local_id)
            await self._sync(_records(then) or [(Kind(kind), local_id)])

        return self._run(answered(), lambda: self.answer(key, kind, local_id, then))

    # -- private ------------------------------------------------------------------------------

    def _run(self, work, retry: Callable[[], object]) -> asyncio.Task[None]:  # noqa: ANN001
        return operations.run(
            self, work, busy=self._count, failure=lambda error: self._context.show_problem(error, retry)
        )

    def _count(self, busy: bool) -> None:
        before = self.is_working
        self._running += 1 if busy else -1
        if self.is_working != before:
            self.working.emit(self.is_working)

    async def _ask_first(self, ids: list[int]) -> None:
        """The question is the plan itself, and exactly that plan runs (C14, N11); while the service can't be asked,
        the question is put in our own words and the sync waits like any other."""
        title, text, accept = await self._preview(ids)
        tick = tr("Don't ask again")
        shown: Preview | None
        try:
            shown = plan = await self._context.core.preview([(Kind.INVOICE, each) for each in ids])
        except ConnectionProblem:
            key, never = await dialogs.choose(self._window, title, text, [("go", accept)], tick=tick)
            go, shown = key == "go", None
        else:
            go, never = await ask_with_plan(
                self._window, title, plan, self._context.currency, self._context.service, accept, tick=tick
            )
        if not go:
            return
        if never:
            self._context.preferences.keep(NO_QUESTION, True)
        if shown is None:
            self.sync_invoices(ids, ask=False)
        else:
            self._run(self._send(shown), lambda: self.sync_invoices(ids))

    async def _send(self, shown: Preview) -> None:
        report = await self._context.core.run_preview(shown)
        self._tell(report, {f"{kind.value}:{local_id}" for kind, local_id in shown.targets})

    async def _preview(self, ids: list[int]) -> tuple[str, str, str]:
        """What will be written there, in words."""
        context = self._context
        service = context.service
        if len(ids) > 1:
            rows = await context.core.ask(queries.invoice_rows, ids, context.company)
            going = [row for row in rows if row.view.value != InvoiceStatus.DRAFT.value]
            title = tr("Sync {count} invoices to {service}?", count=formats.number(len(going)), service=service)
            text = tr("Each is sent with its lines and payments. Customers and items that are missing there are added.")
            drafts = len(rows) - len(going)
            if drafts:
                text += " " + tr("{count} drafts stay here.", count=formats.number(drafts))
            return title, text, tr("Sync {count}", count=formats.number(len(going)))
        detail = await context.core.ask(queries.invoice_detail, ids[0], context.company)
        row = detail.row
        total = formats.money(row.total, row.currency)
        values = {"number": row.number, "service": service, "total": total, "customer": row.customer_name}
        if detail.external_id:
            title = tr("Resync {number} to {service}?", **values)
            lines = [tr("Invoice {number} for {total} is brought up to date there.", **values)]
        else:
            title = tr("Sync {number} to {service}?", **values)
            lines = [tr("Invoice {number} for {total} is written there.", **values)]
            if detail.customer_linked:
                lines.append(tr("{customer} is linked already. Items are added where they are missing.", **values))
            else:
                lines.append(tr("{customer} and the items are linked, or added where they are missing.", **values))
        waiting = [one for one in detail.payments if not one.external_id]
        if waiting:
            amount = formats.money(sum((one.amount for one in waiting), Decimal(0)), row.currency)
            lines.append(
                tr("1 payment of {amount} goes along.", amount=amount)
                if len(waiting) == 1
                else tr("{count} payments, {amount} in all, go along.", count=len(waiting), amount=amount)
            )
        return title, "\n".join(lines), tr("Resync") if detail.external_id else tr("Sync")

    async def _sync(self, records: list[tuple[Kind, int]]) -> None:
        report = await self._context.core.sync(records)
        self._tell(report, {f"{kind.value}:{local_id}" for kind, local_id in records})

    async def _sync_now(self) -> None:
        core = self._context.core
        report = await core.sync_now()
        self._tell(report, None, await core.ask(queries.not_synced, self._context.company))

    def _tell(self, report: Report, wanted: set[str] | None, left: int = 0) -> None:
        service = self._context.service
        if report.problem is not None:
            self._context.show_problem(report.problem, self.sync_now)
            return
        refused = {ref: error for ref, error in report.refused.items()}
        if refused and wanted is not None and len(wanted) == 1:
            error: BlueClerkError = next(iter(refused.values()))
            self._context.toast(error.title)
            return
        sentence = result_sentence(report, wanted, service, left)
        if pulled.to_review(report.pulled):
            self._context.toast(sentence, tr("Review"), self._review_customers)
        else:
            self._context.toast(sentence)

    def _review_customers(self) -> None:
        self._context.go(settings("import_data", field="customers", action="wizard"))


def _records(named: Sequence[tuple[str, int]]) -> list[tuple[Kind, int]]:
    return [(Kind(kind), local_id) for kind, local_id in named]


def all_or_left(service: str, left: int) -> str:
    """That everything is in sync, unless `left` sent invoices are not there: then that."""
    if not left:
        return tr("Everything is in sync with {service}.", service=service)
    if left == 1:
        return tr("1 sent invoice is not in {service} yet.", service=service)
    return tr("{count} sent invoices are not in {service} yet.", count=formats.number(left), service=service)


def result_sentence(report: Report, wanted: set[str] | None, service: str, left: int = 0) -> str:
    """What a run came to, in a sentence or two (M100): what went there, then what came from there (M117).

    `left`: sent invoices that the company lacks all the same, because they were never asked to go.
    """
    came = pulled.sentence(report.pulled, service) if report.pulled is not None else ""
    return " ".join(part for part in (_sent_sentence(report, wanted, service, left), came) if part)


def _sent_sentence(report: Report, wanted: set[str] | None, service: str, left: int) -> str:
    if report.refused:
        count, done = len(report.refused), len(report.done)
        if done:
            return tr("{done} synced, {count} need you.", done=formats.number(done), count=formats.number(count))
        return tr("1 record needs you.") if count == 1 else tr("{count} records need you.", count=formats.number(count))
    if report.in_doubt:
        return tr("{service} has not answered. Checking what became of it.", service=service)
    if report.waiting:
        return tr("{service} asked us to wait. The rest goes on by itself.", service=service)
    if wanted is None:
        if report.pulled is not None and not report.clean:
            return ""  # what came from there asks: nothing is called in sync beside it
        state, done = all_or_left(service, left), len(report.done)
        if not done:
            return state
        sent = tr("1 record sent.") if done == 1 else tr("{count} records sent.", count=formats.number(done))
        return f"{sent} {state}"
    if all(ref.startswith("invoice:") for ref in wanted):
        if len(wanted) == 1:
            return tr("Invoice and payments are in sync with {service}.", service=service)
        return tr("{count} invoices and their payments are in sync with {service}.", count=len(wanted), service=service)
    return tr("In sync with {service}.", service=service)
