"""Reads everything that a push concerns into plain values, in a handful of queries whatever the number of records."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Select, or_, select
from sqlalchemy.orm import Session, selectinload

from desktop.books.customers import real_email
from desktop.models.backup import COPIED_UNTIL, RESTORED_AT
from desktop.models.connection import Connection, ExternalLink, PaymentTwin, RemoteAccount, RemoteMethod
from desktop.models.customer import Customer
from desktop.models.desk import Setting
from desktop.models.invoice import Invoice, InvoiceLine, TaxCode
from desktop.models.item import Item, ItemAccount
from desktop.models.payment import Payment, PaymentAllocation
from desktop.models.states import CompanyKey, InvoiceStatus, Switches
from desktop.models.work import Intention, WriteCall
from desktop.money import currency_places
from desktop.providers.base import Action, marker_for
from desktop.providers.records import (
    AccountKind,
    AccountRecord,
    Address,
    Allocation,
    CompanyRef,
    CompanySettings,
    CustomerRecord,
    InvoiceRecord,
    ItemRecord,
    Kind,
    LineRecord,
    PaymentMethod,
    PaymentMethodRecord,
    PaymentRecord,
    TaxCodeRecord,
)
from desktop.sync.planning import LinkState, Ours, Work, ref, symbol
from desktop.text import tr

CHUNK = 500
"""How many ids one IN list holds; SQLite takes 32,766 parameters, planners like fewer."""

AGAIN = "again"
"""In a link's snapshots: its counterpart is gone, and the owner has it made anew under the next stamp."""

Ref = tuple[Kind, int]


def load_work(session: Session, connection: Connection, targets: Iterable[Ref], *, asked: bool) -> Work:
    """The work for `targets`. An invoice brings its payments: all when asked, else as the switches say."""
    loader = _Loader(session, CompanyKey(connection.provider, connection.company_id))
    switches = Switches.from_json(connection.switches)
    wanted: dict[str, Ref] = {ref(*target): target for target in targets}
    invoices = [number for kind, number in wanted.values() if kind is Kind.INVOICE]
    payments = [number for kind, number in wanted.values() if kind is Kind.PAYMENT]
    if asked or (switches.payments and switches.auto):
        for payment in loader.payments_of(invoices):
            wanted.setdefault(ref(Kind.PAYMENT, payment), (Kind.PAYMENT, payment))
            payments.append(payment)
    loader.load_payments(payments)
    loader.load_invoices({*invoices, *loader.invoices_paid})
    loader.load_customers(
        {*(number for kind, number in wanted.values() if kind is Kind.CUSTOMER), *loader.customers_needed}
    )
    loader.load_items({*(number for kind, number in wanted.values() if kind is Kind.ITEM), *loader.items_needed})
    return Work(
        targets=tuple(name for name in wanted if name in loader.ours),
        ours=loader.ours,
        settings=stored_settings(session, connection),
        switches=switches,
        asked=asked,
        unsure=open_refs(session, loader.company),
        sent_before=_sent_before(session, loader),
        made=_made(session, loader),
        twins=_twins(session, loader),
    )


def _twins(session: Session, loader: _Loader) -> dict[str, tuple[Decimal, str, date]]:
    """Payments of which the owner has not said yet whether the one there is the same money (D10)."""
    payments = {one.local_id: one for one in loader.ours.values() if one.kind is Kind.PAYMENT and one.link is None}
    found: dict[str, tuple[Decimal, str, date]] = {}
    for part in _chunks(payments):
        rows = session.scalars(
            select(PaymentTwin).where(
                PaymentTwin.provider == loader.company.provider,
                PaymentTwin.company_id == loader.company.company_id,
                PaymentTwin.payment_id.in_(part),
                PaymentTwin.different.is_(False),
            )
        )
        for row in rows:
            record = payments[row.payment_id].record
            found[ref(Kind.PAYMENT, row.payment_id)] = (row.amount, getattr(record, "currency", ""), row.paid_on)
    return found


def _sent_before(session: Session, loader: _Loader) -> frozenset[str]:
    payments = [one for one in loader.ours.values() if one.kind is Kind.PAYMENT and one.link is None and not one.gone]
    ids = [one.local_id for one in payments]
    found = _refs_of_calls(session, loader.company, Kind.PAYMENT, ids, Intention.outcome != "refused")
    return frozenset(found | _older_than_a_restore(session, ids))


def _left_since(session: Session, company: CompanyKey, kind: Kind, ids: Iterable[int], since: datetime) -> set[str]:
    """Refs of these records that a call of ours after `since` may have made: where a repeat was refused, the first try
    may have done it."""
    may_have = or_(Intention.outcome != "refused", WriteCall.attempts > 1)
    return _refs_of_calls(session, company, kind, ids, may_have, WriteCall.created_at > since)


def _refs_of_calls(
    session: Session, company: CompanyKey, kind: Kind, ids: Iterable[int], *conditions: ColumnElement[bool]
) -> set[str]:
    """Refs of these records with a call to this company for which the conditions hold."""
    found: set[str] = set()
    for part in _chunks(ids):
        rows = session.scalars(
            select(Intention.ref)
            .join(WriteCall, WriteCall.id == Intention.call_id)
            .where(
                Intention.kind == kind.value,
                Intention.local_id.in_(part),
                WriteCall.connection_id.in_(connections_of(company)),
                *conditions,
            )
        )
        found.update(rows)
    return found


def _made(session: Session, loader: _Loader) -> frozenset[tuple[str, str]]:
    invoices = {
        one.local_id: one.generation
        for one in loader.ours.values()
        if one.kind is Kind.INVOICE and one.link is None and not one.gone
    }
    found: set[tuple[str, str]] = set()
    for part in _chunks(invoices):
        rows = session.execute(
            select(Intention.ref, Intention.local_id, Intention.generation, Intention.external_id)
            .join(WriteCall, WriteCall.id == Intention.call_id)
            .where(
                Intention.kind == Kind.INVOICE.value,
                Intention.local_id.in_(part),
                Intention.action == Action.CREATE.value,
                Intention.external_id != "",
                WriteCall.connection_id.in_(connections_of(loader.company)),
            )
        )
        found.update((name, made) for name, number, generation, made in rows if invoices[number] == generation)
    return frozenset(found)


def restored_at(session: Session) -> datetime | None:
    """When these books were put back from a copy (UTC): what is edited later is newer (S4). None if they never were."""
    return _moment(session, RESTORED_AT)


def copied_until(session: Session) -> datetime | None:
    """What is older than this (UTC) was in the copy that these books were put back from; None where they never were."""
    return _moment(session, COPIED_UNTIL) or restored_at(session)


def _moment(session: Session, name: str) -> datetime | None:
    setting = session.get(Setting, name)
    return datetime.fromisoformat(str(setting.value)) if setting is not None else None


def _older_than_a_restore(session: Session, payments: Sequence[int]) -> set[str]:
    """Payments that may have left after the copy was taken that these books were restored from (S4)."""
    moment = copied_until(session) if payments else None
    if moment is None:
        return set()
    found: set[str] = set()
    for part in _chunks(payments):
        rows = session.scalars(select(Payment.id).where(Payment.id.in_(part), Payment.created_at <= moment))
        found.update(ref(Kind.PAYMENT, each) for each in rows)
    return found


def open_refs(session: Session, company: CompanyKey) -> frozenset[str]:
    """Records of this company with a write whose outcome nobody knows yet."""
    rows = session.scalars(
        select(Intention.ref)
        .join(WriteCall, WriteCall.id == Intention.call_id)
        .where(
            WriteCall.state == "open",
            WriteCall.connection_id.in_(connections_of(company)),
            Intention.outcome.in_(("open", "in_doubt")),
        )
    )
    return frozenset(rows)


def connections_of(company: CompanyKey) -> Select[int]:
    """The ids of all connections that this company ever had here: what was sent through one is known to all."""
    return select(Connection.id).where(
        Connection.provider == company.provider, Connection.company_id == company.company_id
    )


def stored_settings(session: Session, connection: Connection) -> CompanySettings:
    """What `Provider.settings` last said, from our own tables."""
    key = (connection.provider, connection.company_id)
    accounts = session.scalars(
        select(RemoteAccount).where(RemoteAccount.provider == key[0], RemoteAccount.company_id == key[1])
    )
    methods = session.scalars(
        select(RemoteMethod).where(RemoteMethod.provider == key[0], RemoteMethod.company_id == key[1])
    )
    codes = session.scalars(select(TaxCode).where(TaxCode.provider == key[0], TaxCode.company_id == key[1]))
    data: Mapping[str, Any] = connection.company_settings or {}
    return CompanySettings(
        company=CompanyRef(connection.company_id, connection.company_name),
        home_currency=data.get("home_currency", "USD"),
        country=data.get("country", ""),
        multi_currency=bool(data.get("multi_currency", False)),
        closed_until=date.fromisoformat(data["closed_until"]) if data.get("closed_until") else None,
        tax_on_total=bool(data.get("tax_on_total", True)),
        automatic_tax=bool(data.get("automatic_tax", False)),
        custom_numbers=bool(data.get("custom_numbers", True)),
        accounts=tuple(
            AccountRecord(row.external_id, row.name, AccountKind(row.kind), row.active, row.is_default)
            for row in accounts
        ),
        tax_codes=tuple(TaxCodeRecord(row.external_id or "", row.name, row.rate, row.active) for row in codes),
        payment_methods=tuple(
            PaymentMethodRecord(row.external_id, row.name, PaymentMethod(row.method)) for row in methods
        ),
    )


def markers(work: Work) -> dict[str, str]:
    """Our stamp for each invoice and payment of the work."""
    return {
        name: marker_for(ours.uuid, ours.generation)
        for name, ours in work.ours.items()
        if ours.kind in (Kind.INVOICE, Kind.PAYMENT)
    }


class _Loader:
    """Fills `ours`, from payments down to customers, so that each table is read once."""

    def __init__(self, session: Session, company: CompanyKey) -> None:
        self.session = session
        self.company = company
        self.ours: dict[str, Ours] = {}
        self.invoices_paid: set[int] = set()
        self.customers_needed: set[int] = set()
        self.items_needed: set[int] = set()
        self._links: dict[tuple[str, int], LinkState] = {}
        self._generations: dict[tuple[str, int], int] = {}
        """Of records that are made anew."""
        self.restored, self.copied = restored_at(session), copied_until(session)
        self._left: set[str] = set()
        """Refs of invoices and payments that left since the books were put back; asked only where they were."""

    # Links -------------------------------------------------------------------------------------

    def _load_links(self, kind: Kind, ids: Iterable[int]) -> None:
        for part in _chunks(ids):
            rows = self.session.scalars(
                select(ExternalLink).where(
                    ExternalLink.provider == self.company.provider,
                    ExternalLink.company_id == self.company.company_id,
                    ExternalLink.kind == kind.value,
                    ExternalLink.local_id.in_(part),
                )
            )
            for row in rows:
                agreed = row.agreed or {}
                if agreed.get(AGAIN):
                    self._generations[(row.kind, row.local_id)] = row.generation
                    continue
                self._links[(row.kind, row.local_id)] = LinkState(
                    external_id=row.external_id,
                    version=row.external_version,
                    revision=row.agreed_revision,
                    agreed_ours=agreed.get("ours", {}),
                    agreed_theirs=agreed.get("theirs", {}),
                    generation=row.generation,
                    alias=bool(row.alias),
                )

    def _generation(self, kind: Kind, local_id: int) -> int:
        link = self._link(kind, local_id)
        return link.generation if link is not None else self._generations.get((kind.value, local_id), 0)

    def _link(self, kind: Kind, local_id: int) -> LinkState | None:
        link = self._links.get((kind.value, local_id))
        return link if link is not None and link.external_id else None

    def _restored(self, row: Payment) -> bool:
        """Taken back there, and counting again here: voided money can't be revived, so it is made anew."""
        link = self._link(Kind.PAYMENT, row.id)
        return link is not None and not row.deleted and link.agreed_ours.get("voided") is True

    def _external(self, kind: Kind, local_id: int) -> str:
        link = self._link(kind, local_id)
        return link.external_id if link is not None else symbol(ref(kind, local_id))

    def _load_left(self, kind: Kind, ids: Iterable[int]) -> None:
        if self.restored is not None:
            self._left |= _left_since(self.session, self.company, kind, ids, self.restored)

    # Payments ----------------------------------------------------------------------------------

    def payments_of(self, invoices: Sequence[int]) -> list[int]:
        """Payments on these invoices, and removals of linked ones, in the order they were recorded."""
        found: set[int] = set()
        for part in _chunks(invoices):
            rows = self.session.scalars(
                select(PaymentAllocation.payment_id)
                .join(Payment, Payment.id == PaymentAllocation.payment_id)
                .where(PaymentAllocation.invoice_id.in_(part), Payment.from_service.is_(False))
            )
            found.update(rows)
        return sorted(found)

    def load_payments(self, ids: Sequence[int]) -> None:
        parts_by_payment: dict[int, list[PaymentAllocation]] = defaultdict(list)
        rows: list[Payment] = []
        for part in _chunks(ids):
            rows.extend(self.session.scalars(select(Payment).where(Payment.id.in_(part)).order_by(Payment.id)))
            for allocation in self.session.scalars(
                select(PaymentAllocation).where(PaymentAllocation.payment_id.in_(part)).order_by(PaymentAllocation.id)
            ):
                parts_by_payment[allocation.payment_id].append(allocation)
                self.invoices_paid.add(allocation.invoice_id)
        self._load_links(Kind.PAYMENT, ids)
        self._load_left(Kind.PAYMENT, ids)
        self._load_links(Kind.INVOICE, self.invoices_paid)
        self._load_links(Kind.CUSTOMER, {row.customer_id for row in rows})
        methods, numbers = self._methods(), self._numbers(parts_by_payment)
        for row in rows:
            self._add_payment(row, parts_by_payment[row.id], methods, numbers)

    def _numbers(self, parts: Mapping[int, Sequence[PaymentAllocation]]) -> dict[int, str]:
        ids = {part.invoice_id for each in parts.values() for part in each}
        found: dict[int, str] = {}
        for some in _chunks(sorted(ids)):
            rows = self.session.execute(select(Invoice.id, Invoice.number).where(Invoice.id.in_(some)))
            found.update({row.id: row.number for row in rows})
        return found

    def _methods(self) -> dict[str, RemoteMethod]:
        rows = self.session.scalars(
            select(RemoteMethod).where(
                RemoteMethod.provider == self.company.provider,
                RemoteMethod.company_id == self.company.company_id,
            )
        )
        return {row.method: row for row in rows}

    def _add_payment(
        self,
        row: Payment,
        parts: Sequence[PaymentAllocation],
        methods: Mapping[str, RemoteMethod],
        numbers: Mapping[int, str],
    ) -> None:
        method = methods.get(row.method)
        link = self._link(Kind.PAYMENT, row.id)
        generation = self._generation(Kind.PAYMENT, row.id)
        if self._restored(row):
            link, generation = None, generation + 1
        record = PaymentRecord(
            customer_id=self._external(Kind.CUSTOMER, row.customer_id),
            paid_on=row.paid_on,
            amount=row.amount,
            allocations=tuple(Allocation(self._external(Kind.INVOICE, part.invoice_id), part.amount) for part in parts),
            currency=row.currency,
            method=PaymentMethod(row.method),
            method_id=(method.external_id or None) if method is not None else None,
            reference=row.reference,
            marker=marker_for(row.uuid, generation),
            deposit_account_id=(method.deposit_account_id or None) if method is not None else None,
            voided=row.deleted,
        )
        self._add(
            Kind.PAYMENT,
            row,
            label=_payment_label(row, [numbers.get(part.invoice_id, "") for part in parts]),
            record=record,
            gone=row.deleted,
            needs=tuple(ref(Kind.INVOICE, part.invoice_id) for part in parts),
            link=link,
            generation=generation,
        )

    # Invoices ----------------------------------------------------------------------------------

    def load_invoices(self, ids: Iterable[int]) -> None:
        rows: list[Invoice] = []
        for part in _chunks(ids):
            query = (
                select(Invoice).where(Invoice.id.in_(part)).options(selectinload(Invoice.lines)).order_by(Invoice.id)
            )
            rows.extend(row for row in self.session.scalars(query) if row.status != InvoiceStatus.DRAFT.value)
        self.customers_needed.update(row.customer_id for row in rows)
        self.items_needed.update(line.item_id for row in rows for line in row.lines)
        self._load_links(Kind.INVOICE, [row.id for row in rows])
        self._load_left(Kind.INVOICE, [row.id for row in rows])
        self._load_links(Kind.CUSTOMER, self.customers_needed)
        self._load_links(Kind.ITEM, self.items_needed)
        codes = self._tax_codes({line.tax_code_id for row in rows for line in row.lines if line.tax_code_id})
        accounts = self._accounts(self.items_needed)
        names = self._item_names(self.items_needed)
        for row in rows:
            self._add_invoice(row, codes, accounts, names)

    def _item_names(self, items: Iterable[int]) -> dict[int, str]:
        result: dict[int, str] = {}
        for part in _chunks(items):
            rows = self.session.execute(select(Item.id, Item.name).where(Item.id.in_(part)))
            result.update((item_id, name) for item_id, name in rows)
        return result

    def _tax_codes(self, ids: set[int]) -> dict[int, str]:
        """Local tax code -> the company's id for it; codes of another company are left out."""
        result: dict[int, str] = {}
        for part in _chunks(ids):
            for code in self.session.scalars(select(TaxCode).where(TaxCode.id.in_(part))):
                if (code.provider, code.company_id) == (self.company.provider, self.company.company_id):
                    result[code.id] = code.external_id or ""
        return result

    def _accounts(self, items: Iterable[int]) -> dict[int, str]:
        result: dict[int, str] = {}
        for part in _chunks(items):
            rows = self.session.scalars(
                select(ItemAccount).where(
                    ItemAccount.provider == self.company.provider,
                    ItemAccount.company_id == self.company.company_id,
                    ItemAccount.item_id.in_(part),
                )
            )
            result.update((row.item_id, row.account_id) for row in rows)
        return result

    def _add_invoice(
        self, row: Invoice, codes: Mapping[int, str], accounts: Mapping[int, str], names: Mapping[int, str]
    ) -> None:
        link = self._link(Kind.INVOICE, row.id)
        gone = row.status == InvoiceStatus.VOID.value
        lines = tuple(self._line(line, codes, accounts, names) for line in row.lines)
        record = InvoiceRecord(
            number=row.number,
            customer_id=self._external(Kind.CUSTOMER, row.customer_id),
            issued_on=row.issued_on,
            lines=lines,
            due_on=row.due_on,
            currency=row.currency,
            discount=row.discount,
            discount_percent=row.discount_percent,
            memo=row.note,
            marker=marker_for(row.uuid, self._generation(Kind.INVOICE, row.id)),
            total=row.total,
            tax_total=row.tax,
            voided=gone,
        )
        items = dict.fromkeys(ref(Kind.ITEM, line.item_id) for line in row.lines)
        taxed_without_code = any(line.tax_rate and not codes.get(line.tax_code_id or 0) for line in row.lines)
        self._add(
            Kind.INVOICE,
            row,
            label=row.number,
            record=record,
            gone=gone,
            needs=(ref(Kind.CUSTOMER, row.customer_id), *items),
            untaxable=taxed_without_code,
            foreign=row.from_service,
            link=link,
            generation=self._generation(Kind.INVOICE, row.id),
        )

    def _line(
        self, line: InvoiceLine, codes: Mapping[int, str], accounts: Mapping[int, str], names: Mapping[int, str]
    ) -> LineRecord:
        code = codes.get(line.tax_code_id or 0)
        return LineRecord(
            description=line.description,
            quantity=line.quantity,
            unit_price=line.unit_price,
            amount=line.amount,
            item_id=self._external(Kind.ITEM, line.item_id),
            item_name=names.get(line.item_id, ""),
            taxable=bool(code) and line.tax_rate > Decimal(0),
            tax_code_id=code or None,
            income_account_id=accounts.get(line.item_id),
        )

    # Customers and items -----------------------------------------------------------------------

    def load_customers(self, ids: Iterable[int]) -> None:
        ids = list(ids)
        self._load_links(Kind.CUSTOMER, ids)
        for part in _chunks(ids):
            for row in self.session.scalars(select(Customer).where(Customer.id.in_(part)).order_by(Customer.id)):
                record = replace(customer_record(row), marker=self._marker(Kind.CUSTOMER, row))
                self._add(Kind.CUSTOMER, row, label=row.display_name, record=record)

    def load_items(self, ids: Iterable[int]) -> None:
        ids = list(ids)
        self._load_links(Kind.ITEM, ids)
        accounts = self._accounts(ids)
        for part in _chunks(ids):
            for row in self.session.scalars(select(Item).where(Item.id.in_(part)).order_by(Item.id)):
                record = ItemRecord(
                    name=row.name,
                    description=row.description,
                    unit_price=row.unit_price,
                    income_account_id=accounts.get(row.id),
                    taxable=row.taxable,
                    active=row.active,
                    sku=row.sku,
                    marker=self._marker(Kind.ITEM, row),
                )
                self._add(Kind.ITEM, row, label=row.name, record=record, account_id=accounts.get(row.id))

    def _marker(self, kind: Kind, row: Customer | Item) -> str:
        return marker_for(row.uuid, self._generation(kind, row.id))

    def _add(self, kind: Kind, row: Any, *, label: str, record: Any, **more: Any) -> None:
        more.setdefault("link", self._link(kind, row.id))
        more.setdefault("generation", self._generation(kind, row.id))
        more["old"] = self.restored is not None and row.updated_at <= self.restored
        if kind in (Kind.CUSTOMER, Kind.ITEM):
            more["made_at"] = row.created_at
        elif more["link"] is None and self.copied is not None:
            more["copied"] = row.created_at <= self.copied and ref(kind, row.id) not in self._left
        ours = Ours(
            kind=kind,
            local_id=row.id,
            uuid=row.uuid,
            label=label,
            revision=row.revision,
            record=record,
            **more,
        )
        self.ours[ours.ref] = ours


def customer_record(row: Customer) -> CustomerRecord:
    """The customer as a service may see it: without a placeholder address (M133)."""
    return CustomerRecord(
        display_name=row.display_name,
        given_name=row.given_name,
        family_name=row.family_name,
        company_name=row.company_name,
        email=real_email(row.email),
        phone=row.phone,
        address=Address(row.line1, row.line2, row.city, row.region, row.postal_code, row.country),
        active=row.active,
    )


def _chunks(ids: Iterable[int]) -> list[list[int]]:
    everything = list(dict.fromkeys(ids))
    return [everything[start : start + CHUNK] for start in range(0, len(everything), CHUNK)]


def _payment_label(row: Payment, invoices: Sequence[str]) -> str:
    """What the owner calls a payment: its amount and what it pays ("40.00 USD on INV-0006")."""
    amount = f"{row.amount:.{currency_places(row.currency)}f} {row.currency}"
    paid = ", ".join(filter(None, invoices))
    return tr("{amount} on {invoice}", amount=amount, invoice=paid) if paid else amount
