"""Show me first: what a push would write, record by record and field by field, without writing anything (N11).

The preview asks the service what is there already, exactly as the push does, and makes the same plan with the same
functions. `Push` then runs that plan and no other: it is recognised by its digest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import partial

from sqlalchemy.orm import Session

from desktop.errors import ItemError
from desktop.models.connection import Connection
from desktop.money import plain
from desktop.providers.base import Action
from desktop.providers.records import (
    Address,
    CustomerRecord,
    Found,
    InvoiceRecord,
    ItemRecord,
    Kind,
    LineRecord,
    PaymentRecord,
    Record,
)
from desktop.sync.asking import ask_apart
from desktop.sync.company import Company
from desktop.sync.looking import digest, make_plan, unanswered
from desktop.sync.planning import Plan, PlannedStep, Work, questions, refuse_early
from desktop.sync.settling import field_words
from desktop.sync.snapshots import COMPARED
from desktop.sync.work import Ref, load_work

Value = str | Decimal | date | bool | None
"""What a field holds, for the window to show in the owner's own figures and dates; None for nothing."""


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field of a record there, before and after."""

    name: str
    words: str
    before: Value
    after: Value


@dataclass(frozen=True, slots=True)
class PlannedWrite:
    """One record that would be written there."""

    ref: str
    kind: Kind
    action: Action
    label: str
    fields: tuple[FieldChange, ...]
    currency: str = ""
    """What its amounts are in; "" for the company's own."""


@dataclass(frozen=True, slots=True)
class PlannedLink:
    """One record that is there already and would be linked, not written."""

    ref: str
    kind: Kind
    label: str
    there: str


@dataclass(frozen=True, slots=True)
class Left:
    """One record that would stay here, and why."""

    ref: str
    kind: Kind
    label: str
    error: ItemError | None
    """None for one that waits for another."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What would happen, in the order in which it would. `key` recognises exactly this plan."""

    targets: tuple[Ref, ...]
    key: str
    writes: tuple[PlannedWrite, ...]
    links: tuple[PlannedLink, ...]
    left: tuple[Left, ...]
    unchanged: int = 0
    """Records asked for with which both sides agree already."""

    def count(self, kind: Kind, action: Action | None = None) -> int:
        """How many records of a kind would be written."""
        return sum(1 for one in self.writes if one.kind is kind and action in (None, one.action))


async def preview(company: Company, targets: Sequence[Ref]) -> Preview:
    """What pushing `targets` would do now. Writes nothing, here or there. Raises ConnectionProblem."""
    work, planned = await look(company, targets)
    names = _names(work)
    writes = tuple(_write(step, names) for level in planned.levels for step in level)
    links = tuple(
        PlannedLink(one.ours.ref, one.ours.kind, one.ours.label, _name_there(one.record)) for one in planned.adoptions
    )
    refused = tuple(
        Left(name, work.ours[name].kind, work.ours[name].label, error)
        for name, error in planned.refused.items()
        if name in work.ours
    )
    waiting = tuple(
        Left(name, work.ours[name].kind, work.ours[name].label, None) for name in planned.waiting if name in work.ours
    )
    return Preview(tuple(targets), digest(planned), writes, links, refused + waiting, len(planned.settled))


async def look(company: Company, targets: Sequence[Ref]) -> tuple[Work, Plan]:
    """The plan of a push of `targets`, as `Push` would make it."""
    provider = company.provider

    def load(session: Session) -> Work:
        return load_work(session, session.get_one(Connection, company.connection_id), targets, asked=True)

    work = await company.db.in_read(load)
    refused = refuse_early(work, provider.capabilities, provider.terms, provider.check)
    found = Found()
    able = provider.capabilities
    lookup = questions(work, refused, able.refuses_taken, counts_ids=able.counts_ids)
    if lookup is not None:
        answers = await ask_apart(provider, lookup)
        found = answers.found
        refused.update(unanswered(provider.terms.service, work, answers))
    return work, await make_plan(company, partial(ask_apart, provider), work, refused, found)


# --- in the owner's words ---------------------------------------------------------------------------------


def _names(work: Work) -> Mapping[str, str]:
    """What stands for a record inside another one -> what the owner calls it."""
    names = {f"@{ours.ref}": ours.label for ours in work.ours.values()}
    for ours in work.ours.values():
        if ours.link is not None:
            names[f"{ours.kind.value}/{ours.link.external_id}"] = ours.label
    names.update({f"account/{one.external_id}": one.name for one in work.settings.accounts})
    return names


def _name_there(record: Record) -> str:
    if isinstance(record, CustomerRecord):
        return record.display_name
    if isinstance(record, ItemRecord):
        return record.name
    return record.number if isinstance(record, InvoiceRecord) else str(record.amount)


def _write(step: PlannedStep, names: Mapping[str, str]) -> PlannedWrite:
    ours, record = step.ours, step.step.record
    currency = record.currency if isinstance(record, InvoiceRecord | PaymentRecord) else ""
    if step.step.action in (Action.VOID, Action.DELETE):
        fields: tuple[FieldChange, ...] = ()
    else:
        agreed = ours.link.agreed_ours if ours.link is not None else {}
        wanted = [name for name in COMPARED[ours.kind] if not step.step.fields or name in step.step.fields]
        made = [_change(name, record, agreed, names) for name in wanted]
        told = [one for one in made if one.name != "active" and one.after not in (None, "", False)]
        fields = tuple(made if step.step.fields else told)  # that something new is active goes without saying
        if isinstance(record, InvoiceRecord) and record.total is not None:
            total = FieldChange("total", field_words(["total"])[0], None, record.total)
            fields = (*fields, total)
    return PlannedWrite(ours.ref, ours.kind, step.step.action, ours.label, fields, currency)


def _change(name: str, record: Record, agreed: Mapping[str, object], names: Mapping[str, str]) -> FieldChange:
    before = _earlier(name, agreed[name], names) if name in agreed else None
    return FieldChange(name, field_words([name])[0], before, _shown(name, getattr(record, name), names))


def _shown(name: str, value: object, names: Mapping[str, str]) -> Value:
    """A field as it would be written."""
    if isinstance(value, tuple):
        return "\n".join(_part(part, names) for part in value)
    if isinstance(value, Address):
        town = " ".join(part for part in (value.region, value.postal_code) if part)
        return ", ".join(part for part in (value.line1, value.line2, value.city, town, value.country) if part)
    if isinstance(value, Decimal):
        return None if name == "discount" and not value else value
    if value is None or isinstance(value, bool | date):
        return value
    text = str(value)
    return names.get(text) or names.get(f"customer/{text}" if name == "customer_id" else f"account/{text}") or text


def _part(part: object, names: Mapping[str, str]) -> str:
    if isinstance(part, LineRecord):
        what = ": ".join(
            text for text in (part.item_name or names.get(part.item_id or "", ""), part.description) if text
        )
        return f"{what}, {plain(part.quantity)} × {_figure(part.unit_price)} = {_figure(part.amount)}"
    invoice = str(getattr(part, "invoice_id", ""))
    name = names.get(invoice) or names.get(f"invoice/{invoice}") or invoice
    return f"{name}: {_figure(getattr(part, 'amount', Decimal(0)))}"


def _earlier(name: str, value: object, names: Mapping[str, str]) -> Value:
    """A field as both sides last agreed on it, from its stored form."""
    if isinstance(value, bool) or value is None:
        return value
    if name in ("issued_on", "due_on", "paid_on"):
        return date.fromisoformat(str(value))
    if name in ("unit_price", "discount", "amount"):
        return _shown(name, Decimal(str(value)), names)
    if name == "address" and isinstance(value, dict):
        return _shown(name, Address(**value), names)
    if name == "lines" and isinstance(value, list):
        return "\n".join(_earlier_line(line) for line in value)
    if isinstance(value, list):
        return "\n".join(f"{names.get(f'invoice/{one[0]}', one[0])}: {one[1]}" for one in value)
    return _shown(name, value, names)


def _earlier_line(line: Mapping[str, object]) -> str:
    quantity, price, amount = (Decimal(str(line.get(name, 0))) for name in ("quantity", "unit_price", "amount"))
    return f"{line.get('description', '')}, {plain(quantity)} × {_figure(price)} = {_figure(amount)}".lstrip(", ")


def _figure(value: Decimal) -> str:
    """A price or an amount: as exact as it is, with two decimals at least."""
    exact = max(2, -int(value.normalize().as_tuple().exponent)) if value else 2
    return f"{value:.{exact}f}"


__all__ = ["FieldChange", "Left", "PlannedLink", "PlannedWrite", "Preview", "look", "preview"]
