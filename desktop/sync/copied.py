"""Ours from a copy of the books that was put back, and what is there of them: what is newer there comes in (S4).

The copy knows nothing of what was sent after it was taken. Where our stamp proves that a record there is ours, the two
are tied as if they had last agreed on what the copy says: whatever reads otherwise there is a change there, and an edit
made here after going back is one here; where both touch one field, the owner is asked (N10).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import astuple, replace

from sqlalchemy.orm import Session

from desktop.books.invoices import mark_sent
from desktop.models.connection import ExternalLink
from desktop.models.desk import Setting
from desktop.models.invoice import Invoice
from desktop.models.states import CompanyKey, InvoiceStatus
from desktop.providers.base import stamp_of
from desktop.providers.records import Address, InvoiceRecord, ItemRecord, Kind, Record
from desktop.sync.planning import Ours, same_line
from desktop.sync.pull_merge import STATES
from desktop.sync.pull_run import PullRun, links_to
from desktop.sync.pulled import LINKED
from desktop.sync.settling import find_link, log_link, store_link
from desktop.sync.snapshots import unlike
from desktop.sync.work import copied_until, restored_at

NAMES = ("given_name", "family_name", "company_name")
LOOKED = "books.looked_first"
"""Setting: company -> the last going back after which what is there came in before anything left."""
SILENT = (*NAMES, "email", "phone", "address", "description", "memo", "reference")
"""Text that says nothing where it is empty: a service fills some of it in by itself, and drops some of it."""
NEVER = frozenset({"active", "taxable", "income_account_id", *STATES})
"""What has a question of its own, or is the service's own affair."""


def to_look_first(session: Session, company: CompanyKey) -> bool:
    """Whether these books were put back from a copy, and this company was not read since."""
    restored = restored_at(session)
    return restored is not None and _looked(session).get(_name(company)) != restored.isoformat()


def looked_first(session: Session, company: CompanyKey) -> None:
    """Everything that changed in this company since the copy has come in."""
    restored = restored_at(session)
    if restored is not None:
        seen = {**_looked(session), _name(company): restored.isoformat()}
        session.merge(Setting(key=LOOKED, value=seen))


def _looked(session: Session) -> dict[str, str]:
    setting = session.get(Setting, LOOKED)
    return dict(setting.value) if setting is not None else {}


def _name(company: CompanyKey) -> str:
    return f"{company.provider}:{company.company_id}"


def sent_since(session: Session, run: PullRun, invoice: Invoice) -> None:
    """A draft of the copy that is there as an invoice was sent after the copy was taken: it is no draft any more."""
    until, edited = copied_until(session), invoice.updated_at
    if invoice.status == InvoiceStatus.DRAFT and until is not None and invoice.created_at <= until:
        mark_sent(session, run.desk, invoice.id)
        invoice.updated_at = edited  # that is no edit of the owner's


def news(kind: Kind, ours: Record, theirs: Record, no_room: Collection[str]) -> frozenset[str]:
    """The fields that somebody changed there since our copy was taken; `ours` with the ids of the service.

    What the service has no room for (`Capabilities.no_room`), and what it fills in where we say nothing, is no news.
    """
    names = unlike(kind, ours, theirs) - NEVER
    quiet = {name for name in SILENT if not _said(theirs, name)}
    if kind is Kind.CUSTOMER:
        quiet |= {name for name in NAMES if not _said(ours, name)}
    if kind is Kind.PAYMENT:
        quiet.add("customer_id")
    if isinstance(ours, InvoiceRecord) and ours.due_on is None:
        quiet.add("due_on")
    return frozenset(name for name in names - quiet if f"{kind.value}.{name}" not in no_room)


def _said(record: Record, name: str) -> bool:
    value = getattr(record, name, None)
    return any(astuple(value)) if isinstance(value, Address) else bool(value)


def _with_names(ours: Record, theirs: Record) -> Record:
    """Whom and what nobody has linked yet are those that stand there, on the same lines."""
    if not isinstance(ours, InvoiceRecord) or not isinstance(theirs, InvoiceRecord):
        return ours
    if ours.customer_id.startswith("@"):
        ours = replace(ours, customer_id=theirs.customer_id)
    if len(ours.lines) != len(theirs.lines):
        return ours
    lines = tuple(
        replace(one, item_id=other.item_id) if (one.item_id or "").startswith("@") and same_line(one, other) else one
        for one, other in zip(ours.lines, theirs.lines, strict=True)
    )
    return replace(ours, lines=lines)


def _unknown_items_alone(session: Session, run: PullRun, ours: Record, theirs: Record) -> bool:
    """Whether the lines differ in items alone, and those there are nobody's here: then ours are the ones that count."""
    if not isinstance(ours, InvoiceRecord) or not isinstance(theirs, InvoiceRecord):
        return False
    pairs = list(zip(ours.lines, theirs.lines, strict=False))
    if len(ours.lines) != len(theirs.lines) or not all(same_line(one, other) for one, other in pairs):
        return False
    others = [other.item_id or "" for one, other in pairs if one.item_id != other.item_id]
    return bool(others) and not links_to(session, run.key, Kind.ITEM, others)


def tie(session: Session, run: PullRun, ours: Ours, theirs: Record) -> ExternalLink:
    """Link the two with what the copy says as last agreed; what is newer there is then followed as any change there.

    `ours.record` bears the service's ids. Raises nothing that the service does.
    """
    kind, there = ours.kind, theirs.external_id or ""
    record = _with_names(ours.record, theirs)
    no_room = run.company.provider.capabilities.no_room
    fields = news(kind, record, theirs, no_room)
    goes = {"lines"} & fields if _unknown_items_alone(session, run, record, theirs) else set()
    fields -= goes
    before = replace(theirs, **{name: getattr(record, name) for name in fields})
    mine = replace(record, **{name: getattr(theirs, name) for name in goes})
    if not ours.old:  # edited after going back
        typed = {name for name in SILENT if _said(record, name) and not _said(theirs, name)} - fields
        typed = {name for name in typed if hasattr(theirs, name) and f"{kind.value}.{name}" not in no_room}
        mine = replace(mine, **{name: getattr(theirs, name) for name in fields | typed})
    if fields and not ours.old:  # a change there as well: no push may go before the answer
        before = replace(before, version="")
    if isinstance(mine, InvoiceRecord) and getattr(theirs, "draft", False):
        mine = replace(mine, draft=True)  # left unfinished there: our next push goes on with it
    if isinstance(mine, ItemRecord) and isinstance(theirs, ItemRecord):
        mine = replace(mine, income_account_id=theirs.income_account_id)
    revision = 0 if unlike(kind, record, mine) else ours.revision
    uuid, generation = stamp_of(getattr(theirs, "marker", ""))
    now = run.now()
    store_link(
        session, now, run.key, kind.value, ours.local_id, mine, before, revision, run.company.connection_id,
        generation=generation if uuid else ours.generation,
    )  # fmt: skip
    session.add(log_link(now, run.key, kind, ours.local_id, ours.label, there, run.actor))
    run.pulled.note(LINKED, kind)
    session.flush()
    link = find_link(session, run.key, kind.value, ours.local_id)
    assert link is not None
    return link
