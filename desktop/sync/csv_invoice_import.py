"""Brings invoices of a file into our books, whole: customer, items, tax and what was paid, or not at all.

The file's own total is believed: lines, discount and tax must come to it, to the cent. An invoice whose number,
customer and total are here already is the same one; another one of its number is told, never renumbered (C18).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from desktop.books.customers import CustomerDraft, create_customer
from desktop.books.desk import Desk
from desktop.books.drafts import InvoiceDraft, LineDraft
from desktop.books.history import PaidBefore, keep_old_invoice
from desktop.books.invoices import company_rounding
from desktop.books.items import ItemDraft, create_item, other_work
from desktop.books.record_lists import TaxChoice, tax_choices
from desktop.books.totals import Line, Rounding, Totals, compute
from desktop.books.typed import fold
from desktop.errors import InputError
from desktop.models.customer import Customer
from desktop.models.invoice import Invoice, TaxCode
from desktop.models.item import Item
from desktop.models.session import Database
from desktop.models.states import CompanyKey, InvoiceStatus
from desktop.money import ZERO, plain
from desktop.providers.records import CustomerRecord
from desktop.sync.classification import CustomerFacts, classify
from desktop.sync.csv_import import in_portions, logged
from desktop.sync.csv_invoices import CsvInvoice, total_lines
from desktop.sync.csv_records import Rejected
from desktop.sync.importing import Imported
from desktop.sync.matching import Party
from desktop.sync.reviewing import Progress, Standing, judge_customers, our_parties
from desktop.text import tr


@dataclass(frozen=True, slots=True)
class InvoiceReview:
    """One invoice of a file, judged."""

    external_id: str
    entry: CsvInvoice
    standing: Standing
    """SAME: here already. POSSIBLE: the customer may be one of ours, the owner decides."""
    total: Decimal = ZERO
    rate: Decimal | None = None
    """Percent, for lines that name no tax rate of their own."""
    rounding: Rounding = Rounding.ON_TOTAL
    local_id: int | None = None
    """Our customer it is, or may be; None for a new one."""
    same_as: str = ""
    match_reasons: tuple[str, ...] = ()
    new_items: tuple[str, ...] = ()

    @property
    def preselected(self) -> bool:
        return self.standing is Standing.NEW


@dataclass(frozen=True, slots=True)
class InvoiceChoice:
    """An invoice to bring in, for which of our customers; None for the one of its name, made if there is none."""

    external_id: str
    customer_id: int | None = None


@dataclass(frozen=True, slots=True)
class _Ours:
    """What is compared with, read in one go."""

    numbers: Mapping[str, tuple[int, str, Decimal]]
    """Number -> (customer, its name, total)."""
    parties: Sequence[tuple[Party, str]]
    items: frozenset[str]
    codes: Sequence[TaxChoice]
    rounding: Rounding


@dataclass(frozen=True, slots=True)
class _Payer:
    standing: Standing
    local_id: int | None = None
    name: str = ""
    reasons: tuple[str, ...] = ()


def _read_ours(session: Session, company: CompanyKey | None) -> _Ours:
    rows = session.execute(
        select(Invoice.number, Invoice.customer_id, Customer.display_name, Invoice.total).join(
            Customer, Customer.id == Invoice.customer_id
        )
    )
    items = session.execute(select(Item.name, Item.sku))
    return _Ours(
        numbers={number.casefold(): (customer, name, total) for number, customer, name, total in rows},
        parties=our_parties(session),
        items=frozenset(fold(text, 200) for pair in items for text in pair if text),
        codes=tax_choices(session, company),
        rounding=company_rounding(session),
    )


async def review_invoices(
    db: Database, company: CompanyKey | None, entries: Sequence[CsvInvoice], progress: Progress | None = None
) -> tuple[list[InvoiceReview], list[Rejected]]:
    """Each invoice with its customer and total, and those that can't be taken, with the reason. Writes nothing."""
    ours = await db.in_read(lambda session: _read_ours(session, company))
    found = await asyncio.to_thread(_judge, entries, ours)
    if progress is not None:
        progress(len(entries), len(entries))
    return found


def _judge(entries: Sequence[CsvInvoice], ours: _Ours) -> tuple[list[InvoiceReview], list[Rejected]]:
    payers = _payers(entries, ours)
    reviews, rejected = list[InvoiceReview](), list[Rejected]()
    for entry in entries:
        payer = payers[_payer_key(entry)]
        try:
            reviews.append(_judged(entry, payer, ours))
        except InputError as error:
            rejected += [
                Rejected(row, entry.number, tr("Row {row}: {sentence}", row=row, sentence=error.sentence), cells)
                for row, cells in entry.cells
            ]
    return reviews, rejected


def _judged(entry: CsvInvoice, payer: _Payer, ours: _Ours) -> InvoiceReview:
    totals, rate, rounding = settle_total(entry, [code.rate for code in ours.codes], ours.rounding)
    here = ours.numbers.get(entry.number.casefold())
    standing: Standing = payer.standing if payer.standing is Standing.POSSIBLE else Standing.NEW
    if here is not None:
        customer, name, total = here
        if total != totals.total or fold(name) != fold(entry.customer) and customer != payer.local_id:
            raise InputError(
                "number",
                tr("There is already an invoice {number}, for {name} over {total}.", number=entry.number, name=name,
                   total=total),
            )  # fmt: skip
        standing = Standing.SAME
    known = ours.items | {fold(tr("Other work"))}
    names = dict.fromkeys(line.item for line in entry.lines if line.item and fold(line.item, 200) not in known)
    return InvoiceReview(
        external_id=entry.key,
        entry=entry,
        standing=standing,
        total=totals.total,
        rate=rate,
        rounding=rounding,
        local_id=payer.local_id,
        same_as=payer.name,
        match_reasons=payer.reasons,
        new_items=tuple(names),
    )


# --- who pays -----------------------------------------------------------------------------------------


def _payer_key(entry: CsvInvoice) -> str:
    return f"{fold(entry.customer)}\n{entry.email.casefold()}"


def _payers(entries: Iterable[CsvInvoice], ours: _Ours) -> dict[str, _Payer]:
    """Each customer of the file once: of the same name here, like one of ours, or new."""
    by_name: dict[str, list[tuple[Party, str]]] = {}
    for party, name in ours.parties:
        by_name.setdefault(fold(name), []).append((party, name))
    found: dict[str, _Payer] = {}
    unknown: dict[str, CustomerRecord] = {}
    for entry in entries:
        key = _payer_key(entry)
        if key in found or key in unknown:
            continue
        named = by_name.get(fold(entry.customer), [])
        if entry.email and len(named) > 1:
            named = [one for one in named if one[0].email.casefold() == entry.email.casefold()] or named
        if len(named) == 1:
            found[key] = _Payer(Standing.SAME, int(named[0][0].key), named[0][1])
        elif named:
            reason = tr("{count} customers are called {name}", count=len(named), name=entry.customer)
            found[key] = _Payer(Standing.POSSIBLE, int(named[0][0].key), named[0][1], (reason,))
        else:
            unknown[key] = CustomerRecord(entry.customer, external_id=key, email=entry.email)
    for review in judge_customers(list(unknown.values()), ours.parties, {}, set(), lambda done: None):
        same = Standing.POSSIBLE if review.standing is Standing.SAME else review.standing
        found[review.external_id] = _Payer(same, review.local_id, review.same_as, review.match_reasons)
    return found


# --- what it comes to ---------------------------------------------------------------------------------


def settle_total(
    entry: CsvInvoice, rates: Sequence[Decimal], rounding: Rounding
) -> tuple[Totals, Decimal | None, Rounding]:
    """The totals, the tax rate and the rounding with which the lines come to what the file says.

    Rates that are known here are tried before the one that follows from the figures. Raises InputError.
    """
    other = Rounding.PER_LINE if rounding is Rounding.ON_TOTAL else Rounding.ON_TOTAL
    plain = _totals(entry, None, rounding)
    if entry.total is None:
        return plain, None, rounding
    for rate in (None, *dict.fromkeys(rate for rate in rates if rate), *_derived(entry, plain)):
        for mode in (rounding, other):
            totals = _totals(entry, rate, mode)
            if totals.total == entry.total and (entry.tax is None or totals.tax == entry.tax):
                return totals, rate, mode
    if plain.total == entry.total and entry.tax:
        raise InputError("tax", tr("The prices include the tax of {tax}; export them without tax.", tax=entry.tax))
    raise InputError(
        "total",
        tr("The lines come to {lines}, but the file says {total}.", lines=plain.total, total=entry.total),
        tr("Is a column for tax or discount missing?"),
    )


def _totals(entry: CsvInvoice, rate: Decimal | None, rounding: Rounding) -> Totals:
    return compute(
        [Line(*one) for one in total_lines(entry.lines, rate)],
        currency=entry.currency,
        discount_percent=entry.discount_percent,
        discount_amount=entry.discount_amount,
        rounding=rounding,
    )


def _derived(entry: CsvInvoice, plain: Totals) -> list[Decimal]:
    """The rates that the amount of tax stands for, the roundest first."""
    base = plain.subtotal - plain.discount
    if entry.tax is None or entry.tax <= 0 or base <= 0:
        return []
    exact = entry.tax / base * 100
    return list(dict.fromkeys(round(exact, places) for places in range(5)))


# --- bringing them in ---------------------------------------------------------------------------------


@dataclass
class _Bringing:
    """One import: what it made is used again by the invoices that follow."""

    desk: Desk
    company: CompanyKey | None
    source: str
    result: Imported = field(default_factory=Imported)
    rejected: list[Rejected] = field(default_factory=list)
    customers: dict[str, int] = field(default_factory=dict)


async def import_invoices(
    db: Database,
    desk: Desk,
    company: CompanyKey | None,
    reviews: Sequence[InvoiceReview],
    choices: Sequence[InvoiceChoice],
    source: str,
    progress: Progress | None = None,
) -> tuple[Imported, list[Rejected]]:
    """Keep exactly the chosen invoices with all that belongs to them."""
    by_key = {review.external_id: review for review in reviews}
    chosen = {choice.external_id: choice for choice in choices}
    wanted = [(by_key[key], choice) for key, choice in chosen.items() if key in by_key]
    bringing = _Bringing(desk, company, source)
    await in_portions(db, wanted, partial(_keep_portion, bringing=bringing), progress)
    return bringing.result, bringing.rejected


def _keep_portion(
    session: Session, portion: Sequence[tuple[InvoiceReview, InvoiceChoice]], bringing: _Bringing
) -> None:
    for review, choice in portion:
        entry = review.entry
        if session.scalar(select(Invoice.id).where(Invoice.number == entry.number)) is not None:
            bringing.result.skipped += 1
            continue
        before = dict(bringing.customers)
        try:
            with session.begin_nested():
                invoice_id = _keep(session, bringing, review, choice)
        except InputError as error:
            bringing.customers = before
            bringing.result.problems.append((entry.number, error.sentence))
            bringing.rejected += [
                Rejected(row, entry.number, tr("Row {row}: {sentence}", row=row, sentence=error.sentence), cells)
                for row, cells in entry.cells
            ]
            continue
        bringing.result.created += 1
        session.add(logged(bringing.desk, "invoice", invoice_id, entry.number, bringing.source, entry.row))


def _keep(session: Session, bringing: _Bringing, review: InvoiceReview, choice: InvoiceChoice) -> int:
    entry, desk = review.entry, bringing.desk
    customer_id = choice.customer_id or _customer(session, bringing, entry)
    lines = tuple(
        LineDraft(
            _item(session, desk, line.item, line.unit_price) if line.item else None,
            line.description or ("" if line.item else tr("As invoiced")),
            line.quantity,
            line.unit_price,
            _tax_code(session, bringing.company, line.tax_rate if line.tax_rate is not None else review.rate),
        )
        for line in entry.lines
    )
    draft = InvoiceDraft(
        customer_id,
        entry.issued_on,
        entry.due_on,
        lines,
        discount_percent=entry.discount_percent,
        discount_amount=entry.discount_amount,
        note=entry.note,
        number=entry.number,
        currency=entry.currency,
    )
    paid = None
    if entry.paid:
        note = "" if entry.paid_on else tr("Taken over without its date")
        paid = PaidBefore(entry.paid, entry.paid_on or entry.issued_on, note)
    sent = entry.status is InvoiceStatus.SENT
    return keep_old_invoice(session, desk, draft, sent=sent, rounding=review.rounding, paid=paid)


def _customer(session: Session, bringing: _Bringing, entry: CsvInvoice) -> int:
    key = _payer_key(entry)
    if key not in bringing.customers:
        found = classify(CustomerFacts(display_name=entry.customer, email=entry.email))
        draft = CustomerDraft(entry.customer, found.kind, email=entry.email, kind_reason=", ".join(found.reasons)[:500])
        local_id = create_customer(session, bringing.desk, draft, imported=True)
        bringing.customers[key] = local_id
        session.add(logged(bringing.desk, "customer", local_id, entry.customer, bringing.source, entry.row))
    return bringing.customers[key]


def _item(session: Session, desk: Desk, name: str, price: Decimal) -> int:
    """The item of that name or code, made if there is none; free text keeps its built-in item (E4)."""
    if fold(name) == fold(tr("Other work")):
        return other_work(session, desk)
    named = select(Item.id).where(Item.name_key == fold(name, 200)).order_by(Item.active.desc(), Item.id)
    found = session.scalars(named).first()
    if found is None:
        found = session.scalars(select(Item.id).where(Item.sku == name).order_by(Item.id)).first()
    if found is None:
        found = create_item(session, desk, ItemDraft(name=name, unit_price=price if price > 0 else None), imported=True)
    return found


def _tax_code(session: Session, company: CompanyKey | None, rate: Decimal | None) -> int | None:
    """The code of that rate: the connected company's, else one of ours, made if there is none."""
    if not rate:
        return None
    for code in tax_choices(session, company):
        if code.rate == rate:
            return code.id
    own = select(TaxCode.id).where(TaxCode.provider.is_(None), TaxCode.rate == rate).order_by(TaxCode.id)
    found = session.scalars(own).first()
    if found is None:
        made = TaxCode(name=tr("Tax {rate} %", rate=plain(rate)), rate=rate)
        session.add(made)
        session.flush()
        found = made.id
    return found
