"""Turns the outcomes of a call into links, log rows and the record's next state: one transaction per answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from desktop.errors import (
    ConnectionProblem,
    GoneRemote,
    InvalidField,
    ItemError,
    NameTaken,
    NumberTaken,
    UnexpectedAnswer,
)
from desktop.models.connection import ExternalLink
from desktop.models.session import note_change
from desktop.models.states import CompanyKey
from desktop.models.work import ActivityRow, Intention, WriteCall
from desktop.providers.base import (
    Action,
    CallElement,
    InDoubt,
    Linked,
    NotSent,
    Outcome,
    PreparedCall,
    Refused,
)
from desktop.providers.records import InvoiceRecord, Kind, Record
from desktop.sync.failures import printable
from desktop.sync.planning import PlannedStep, differences
from desktop.sync.snapshots import compared, record_from_json, to_json
from desktop.sync.tokens import service_name
from desktop.sync.work import connections_of
from desktop.text import tr

ID_MAX = 128
"""Longer ids or versions than this no service gives; such an answer is not understood."""
REF_MAX = 100

OPEN = "open"
LINKED = "linked"
REFUSED = "refused"
NOT_SENT = "not_sent"
IN_DOUBT = "in_doubt"

TAKES_AWAY = (Action.VOID.value, Action.DELETE.value)


@dataclass
class Settled:
    """What one answer came to, by ref."""

    linked: dict[str, Record] = field(default_factory=dict)
    refused: dict[str, ItemError] = field(default_factory=dict)
    in_doubt: set[str] = field(default_factory=set)
    problem: ConnectionProblem | None = None
    stopped: bool = False
    """The connection itself said no: repeating at once is pointless."""
    ended: bool = False
    """All that is in doubt was answered with an error of the service's own: the request is over there."""
    disputed: dict[str, ItemError] = field(default_factory=dict)
    """Refusals of a repeat: they don't say what became of the first attempt, which a look-up must."""


def write_intentions(
    session: Session,
    now: datetime,
    *,
    connection_id: int,
    company: CompanyKey,
    call: PreparedCall,
    key: str,
    fencing: int,
    planned: Mapping[str, tuple[PlannedStep, Record]],
) -> int:
    """Commit what is about to be sent (I10) and say its id; `planned` holds each step with its record as it leaves."""
    row = WriteCall(
        connection_id=connection_id,
        company_id=company.company_id,
        key=key,
        op=call.op,
        body=call.body,
        body_hash=call.body_hash,
        state=OPEN,
        attempts=1,
        fencing=fencing,
        first_sent_at=now,
        created_at=now,
    )
    session.add(row)
    session.flush()
    for element in call.elements:
        step, record = planned[element.ref]
        session.add(
            Intention(
                call_id=row.id,
                element_key=element.key,
                ref=element.ref,
                kind=element.kind.value,
                local_id=step.ours.local_id,
                label=step.ours.label,
                marker=getattr(record, "marker", "") or "",
                action=element.action.value,
                generation=step.ours.generation,
                revision=step.revision,
                record=to_json(record),
                fields=sorted(step.step.fields),
                outcome=OPEN,
            )
        )
    return row.id


def stored_call(session: Session, call_id: int) -> tuple[PreparedCall, str]:
    """The call as it was first sent, byte for byte, and its key."""
    row = session.get_one(WriteCall, call_id)
    elements = session.scalars(select(Intention).where(Intention.call_id == call_id).order_by(Intention.id)).all()
    call = PreparedCall(
        op=row.op,
        body=row.body,
        elements=tuple(CallElement(e.element_key, e.ref, Kind(e.kind), Action(e.action)) for e in elements),
        body_hash=row.body_hash,
    )
    return call, row.key


def settle(
    session: Session,
    now: datetime,
    company: CompanyKey,
    call_id: int,
    outcomes: Sequence[Outcome],
    *,
    actor: str,
    connection_id: int,
    looked_up: bool = False,
) -> Settled:
    """Store what became of each element that was still open, and write one log row for each (N1).

    Elements settled by an earlier answer keep what they were: a late or repeated reply changes nothing (N11).
    `looked_up` outcomes were read there and not taken from the answer to a write.
    """
    call = session.get_one(WriteCall, call_id)
    rows = session.scalars(select(Intention).where(Intention.call_id == call_id).order_by(Intention.id)).all()
    result = Settled()
    for row, outcome in zip(rows, outcomes, strict=True):
        if isinstance(outcome, Linked) and not _believable(session, company, row, outcome.record):
            outcome = _not_believed(company, outcome, looked_up)
        if isinstance(outcome, Refused) and not looked_up and _says_nothing_of_the_first(call, row, outcome.error):
            result.disputed[row.ref] = outcome.error
            outcome = InDoubt(outcome.error.title, outcome.service_ref)
        doubted = row.outcome == IN_DOUBT
        if row.outcome in (OPEN, IN_DOUBT):
            _settle_one(session, now, company, call, row, outcome, result, connection_id)
        if not (looked_up and doubted and row.outcome == IN_DOUBT):  # a further look that found nothing is no news
            session.add(_log(now, company, call, row, outcome, actor))
        note_change(session, "activity", row.local_id)
    if all(row.outcome not in (OPEN, IN_DOUBT) for row in rows):
        call.state = "settled"
    doubtful = [one for row, one in zip(rows, outcomes, strict=True) if row.outcome == IN_DOUBT]
    result.ended = bool(doubtful) and all(isinstance(one, InDoubt) and one.ended for one in doubtful)
    return result


def _settle_one(
    session: Session,
    now: datetime,
    company: CompanyKey,
    call: WriteCall,
    row: Intention,
    outcome: Outcome,
    result: Settled,
    connection_id: int,
) -> None:
    if isinstance(outcome, Linked):
        row.outcome, row.settled_at = LINKED, now
        row.external_id = outcome.record.external_id or ""
        sent = record_from_json(Kind(row.kind), row.record)
        unfinished = isinstance(outcome.record, InvoiceRecord) and outcome.record.draft
        if unfinished and isinstance(sent, InvoiceRecord):
            sent = replace(sent, draft=True)
        store_link(
            session,
            now,
            company,
            row.kind,
            row.local_id,
            sent,
            outcome.record,
            0 if unfinished else row.revision,  # there, but not sent: the next plan finishes it
            connection_id,
            fields=row.fields,
            generation=row.generation,
        )
        result.linked[row.ref] = outcome.record
    elif isinstance(outcome, Refused) and row.action in TAKES_AWAY and isinstance(outcome.error, GoneRemote):
        row.outcome, row.settled_at = LINKED, now  # to be taken away, and away it is
        result.linked[row.ref] = _note_gone(session, company, row)
    elif isinstance(outcome, Refused):
        row.outcome, row.settled_at = REFUSED, now
        outcome.error.service_ref = outcome.error.service_ref or outcome.service_ref
        result.refused[row.ref] = outcome.error
    elif isinstance(outcome, NotSent):
        result.problem, result.stopped = outcome.problem, True
        if call.attempts > 1:  # this repeat did nothing, but an earlier attempt may have
            row.outcome = IN_DOUBT
            result.in_doubt.add(row.ref)
        else:
            row.outcome, row.settled_at = NOT_SENT, now
    else:
        row.outcome = IN_DOUBT
        result.in_doubt.add(row.ref)
        result.problem = outcome.problem or result.problem


def doubt_answered(session: Session, company: CompanyKey, kind: str, local_id: int) -> None:
    """A create that was answered, and whose record is not found there: in doubt from now on, and not linked.

    Its id stays with the intention: whoever looks it up later asks for that too.
    """
    made = session.scalars(
        select(Intention)
        .join(WriteCall, WriteCall.id == Intention.call_id)
        .where(
            Intention.kind == kind,
            Intention.local_id == local_id,
            Intention.action == Action.CREATE.value,
            Intention.outcome == LINKED,
            WriteCall.connection_id.in_(connections_of(company)),
        )
        .order_by(Intention.id.desc())
    ).first()
    link = find_link(session, company, kind, local_id)
    if made is None or link is None or link.external_id != made.external_id:
        return
    made.outcome, made.settled_at = IN_DOUBT, None
    session.get_one(WriteCall, made.call_id).state = OPEN
    session.delete(link)
    note_change(session, kind, local_id)


def _not_believed(company: CompanyKey, outcome: Linked, looked_up: bool) -> Outcome:
    """Never tie two records of ours to one there, whatever an answer says: what was done is looked up instead."""
    if not looked_up:
        return InDoubt(tr("The answer names another record."), outcome.service_ref)
    error = UnexpectedAnswer(service_name(company.provider), service_ref=outcome.service_ref[:REF_MAX])
    return Refused(error, outcome.service_ref)


def _says_nothing_of_the_first(call: WriteCall, row: Intention, error: ItemError) -> bool:
    """Whether an earlier attempt, whose answer was lost, may have done what this repeat of it was refused.

    A gateway can refuse before the key is looked at. A name or number that is taken has a look-up of its own, and an
    edit that is refused for a reason changes nothing there either way.
    """
    if call.attempts < 2 or row.outcome not in (OPEN, IN_DOUBT) or isinstance(error, NameTaken | NumberTaken):
        return False
    return row.action == Action.CREATE or isinstance(error, UnexpectedAnswer)


def _note_gone(session: Session, company: CompanyKey, row: Intention) -> Record:
    link = find_link(session, company, row.kind, row.local_id)
    if link is not None:
        agreed = link.agreed or {}
        link.agreed = {**agreed, "ours": {**agreed.get("ours", {}), "voided": True}}
        link.agreed_revision = max(link.agreed_revision, row.revision)
        note_change(session, row.kind, row.local_id)
    return record_from_json(Kind(row.kind), row.record)


def _believable(session: Session, company: CompanyKey, row: Intention, record: Record) -> bool:
    """Whether the answer's id can be kept: present, not too long, and nobody else's."""
    external_id = record.external_id or ""
    if row.action != Action.CREATE:
        return True
    if not external_id or len(external_id) > ID_MAX or len(record.version or "") > ID_MAX:
        return False
    return holder_of(session, company, row.kind, external_id) in (None, row.local_id)


def find_link(session: Session, company: CompanyKey, kind: str, local_id: int) -> ExternalLink | None:
    """Our record's link to this company."""
    return session.scalar(
        select(ExternalLink).where(
            ExternalLink.provider == company.provider,
            ExternalLink.company_id == company.company_id,
            ExternalLink.kind == kind,
            ExternalLink.local_id == local_id,
        )
    )


def holder_of(session: Session, company: CompanyKey, kind: str, external_id: str) -> int | None:
    """Our record that is linked to this one there."""
    return session.scalar(
        select(ExternalLink.local_id).where(
            ExternalLink.provider == company.provider,
            ExternalLink.company_id == company.company_id,
            ExternalLink.kind == kind,
            ExternalLink.external_id == external_id,
            ExternalLink.alias == 0,
        )
    )


def store_link(
    session: Session,
    now: datetime,
    company: CompanyKey,
    kind: str,
    local_id: int,
    ours: Record,
    theirs: Record,
    revision: int,
    connection_id: int,
    *,
    fields: Sequence[str] = (),
    generation: int = 0,
) -> None:
    """Link the two records, or renew their link, with what both now agree on.

    With `fields` only those are agreed on anew: the rest of ours may hold edits that were not sent, and the rest
    of theirs edits that were not brought in yet. Such an edit keeps the version we knew, so that our next write of
    that field still meets it (N10).
    """
    link = find_link(session, company, kind, local_id)
    now_ours, now_theirs = compared(Kind(kind), ours), compared(Kind(kind), theirs)
    version = theirs.version or ""
    if link is None:
        link = ExternalLink(
            provider=company.provider,
            company_id=company.company_id,
            kind=kind,
            local_id=local_id,
            linked_at=now,
            agreed={},
            generation=generation,
        )
        session.add(link)
        fields = ()
    elif fields:
        before: Mapping[str, Any] = (link.agreed or {}).get("ours", {})
        now_ours = {**before, **{name: now_ours[name] for name in fields if name in now_ours}}
        there: Mapping[str, Any] = (link.agreed or {}).get("theirs", {})
        edited = {name for name, value in there.items() if name not in fields and now_theirs.get(name) != value}
        if edited and link.external_id == theirs.external_id:
            now_theirs = {**now_theirs, **{name: there[name] for name in edited}}
            version = link.external_version
    if theirs.external_id and theirs.external_id != link.external_id:
        link.agreed_revision = 0
    link.external_id = theirs.external_id or link.external_id
    link.external_version = version
    link.generation = max(generation, link.generation or 0)
    link.agreed = {"ours": now_ours, "theirs": now_theirs}
    link.agreed_revision = max(revision, link.agreed_revision or 0)
    link.agreed_at = now
    link.connection_id = connection_id
    note_change(session, kind, local_id)


def first_link(
    now: datetime,
    company: CompanyKey,
    kind: Kind,
    local_id: int,
    ours: Record,
    theirs: Record,
    revision: int,
    connection_id: int,
) -> ExternalLink:
    """A link between two records neither of which is linked yet; for imports of thousands."""
    return ExternalLink(
        provider=company.provider,
        company_id=company.company_id,
        kind=kind.value,
        local_id=local_id,
        external_id=theirs.external_id,
        external_version=theirs.version or "",
        generation=0,
        agreed={"ours": compared(kind, ours), "theirs": compared(kind, theirs)},
        agreed_revision=revision,
        linked_at=now,
        agreed_at=now,
        connection_id=connection_id,
    )


def log_link(
    now: datetime, company: CompanyKey, kind: Kind, local_id: int, label: str, external_id: str, actor: str
) -> ActivityRow:
    """The line of the activity list for two records that were tied together without a write there."""
    return ActivityRow(
        at=now,
        actor=actor,
        direction="in",
        provider=company.provider,
        company_id=company.company_id,
        kind=kind.value,
        local_id=local_id,
        label=label[:500],
        action="link",
        result="done",
        external_id=external_id,
    )


def _log(
    now: datetime, company: CompanyKey, call: WriteCall, row: Intention, outcome: Outcome, actor: str
) -> ActivityRow:
    result, message, service_ref = "done", "", ""
    if isinstance(outcome, Linked):
        service_ref = outcome.service_ref
    elif isinstance(outcome, Refused):
        result, message, service_ref = "refused", outcome.error.title, outcome.service_ref
    elif isinstance(outcome, NotSent):
        result, message, service_ref = "waiting", outcome.problem.title, outcome.problem.service_ref
    elif isinstance(outcome, InDoubt):
        result, message, service_ref = (
            "in_doubt",
            tr("No answer came back; it is being checked."),
            outcome.service_ref,
        )
    return ActivityRow(
        at=now,
        actor=actor,
        direction="out",
        provider=company.provider,
        company_id=company.company_id,
        kind=row.kind,
        local_id=row.local_id,
        label=row.label,
        action=row.action,
        fields=row.fields,
        result=result,
        message=printable(message),
        external_id=row.external_id,
        service_ref=printable(service_ref)[:REF_MAX],
        call_key=call.key,
        element_key=row.element_key,
    )


def kept_otherwise(service: str, kind: Kind, sent: Record, answered: Record) -> ItemError | None:
    """An error when the service kept something else than was sent, total aside (D8, D15); None when all is well."""
    wrong = [name for name in differences(kind, sent, answered) if name != "total"]
    if not wrong:
        return None
    return InvalidField(
        service,
        tr(
            "{service} kept this differently: {fields}.",
            service=service,
            fields=", ".join(field_words(wrong)),
        ),
        field=wrong[0],
    )


def field_words(names: Sequence[str]) -> list[str]:
    """Fields in the owner's words."""
    words = {
        "number": tr("number"),
        "customer_id": tr("customer"),
        "issued_on": tr("date"),
        "due_on": tr("due date"),
        "lines": tr("lines"),
        "total": tr("total"),
        "amount": tr("amount"),
        "allocations": tr("paid invoices"),
        "paid_on": tr("payment date"),
        "display_name": tr("name"),
        "name": tr("name"),
        "address": tr("address"),
        "email": tr("e-mail"),
        "phone": tr("phone"),
        "unit_price": tr("price"),
        "income_account_id": tr("account"),
        "memo": tr("note"),
        "discount": tr("discount"),
        "description": tr("description"),
        "taxable": tr("tax"),
        "given_name": tr("first name"),
        "family_name": tr("last name"),
        "company_name": tr("company"),
        "active": tr("active"),
        "reference": tr("reference"),
        "method": tr("method"),
        "voided": tr("void"),
        "draft": tr("not sent yet"),
    }
    return [words.get(name, name.replace("_", " ")) for name in names]
