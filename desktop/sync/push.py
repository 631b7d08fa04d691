"""Executes a plan: intention committed -> call -> settled -> read back, level by level.

One `Push` is one run for one set of records under one held lease. Nothing here decides what should
happen (`planning` does), what the service's answer proves (`verifying` does), and nothing here knows a wire
format (the provider does).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from desktop.crashpoint import crashpoint
from desktop.errors import (
    BalanceDiffers,
    Conflict,
    ConnectionProblem,
    Fix,
    GoneRemote,
    ItemError,
    NameTaken,
    NoEffect,
    NumberTaken,
    PaymentThere,
    PlanChanged,
    StaleVersion,
    TotalsDiffer,
    UnexpectedAnswer,
)
from desktop.models.connection import Connection
from desktop.models.desk import User
from desktop.models.session import note_change
from desktop.models.states import SyncState
from desktop.models.work import SyncStatus, WriteCall
from desktop.providers.base import Action, Outcome, PreparedCall
from desktop.providers.permits import Permit, only_with
from desktop.providers.records import (
    Found,
    InvoiceRecord,
    Kind,
    Lookup,
    PaymentRecord,
    Record,
)
from desktop.sync import blame, failures
from desktop.sync.adopting import Adopted, adopt
from desktop.sync.asking import Answers, ask_apart
from desktop.sync.company import Company
from desktop.sync.identity import known_of, look, prove
from desktop.sync.leases import LEASE_SECONDS, HeldLease, LeaseLost
from desktop.sync.looking import digest, make_plan, unanswered
from desktop.sync.planning import (
    Ours,
    Plan,
    PlannedStep,
    Work,
    blocks,
    merge,
    questions,
    ref,
    refuse_early,
    resolve,
)
from desktop.sync.pull_payments import ASKING, bring_payments_of, unexplained
from desktop.sync.pull_run import PullRun, status_of
from desktop.sync.pulled import ASKS, Pulled
from desktop.sync.settling import (
    Settled,
    doubt_answered,
    field_words,
    find_link,
    kept_otherwise,
    settle,
    stored_call,
    write_intentions,
)
from desktop.sync.snapshots import with_identity
from desktop.sync.verifying import (
    GONE_FIX,
    NotSeen,
    Written,
    as_agreed,
    by_id,
    effect,
    expected_balances,
    gone,
    invoice_verdict,
    lookup_for,
    note_versions,
    read_anew,
    take_back,
)
from desktop.sync.work import Ref, load_work
from desktop.text import tr

REPLAY_DELAYS = (1.0, 3.0)
"""Seconds before each repeat, under the same key, of a call whose answer was lost."""
STALE_ROUNDS = 2
"""How often a record that changed there meanwhile is read and tried again (H10)."""
SHOWN_LATE = 3.0
"""Seconds until what was written and reads otherwise is read once more: a service may show a write late."""
LATE = (NoEffect, BalanceDiffers, GoneRemote)
"""What may be said of a record that shows its last write late."""


AWAKE_SECONDS = 5.0
"""So long after the lease was seen to be ours a write may leave without a further look."""


def still_ours(company: Company, held: HeldLease) -> Permit:
    """A permit for writes; make it before the lease is looked at, so that whoever slept since looks again (M2).

    Sleep shows in one clock or the other: a frozen program's monotonic clock goes on, a sleeping computer's stops.
    A lease that ran out and that nobody took is renewed: nothing can have happened in between.
    """
    clock = company.desk.clock
    wall, monotonic = clock.now(), clock.monotonic()

    async def permit() -> None:
        nonlocal wall, monotonic
        passed = (clock.now() - wall).total_seconds()
        if 0 <= passed < AWAKE_SECONDS and clock.monotonic() - monotonic < AWAKE_SECONDS:
            return
        if await company.leases.renew(held, LEASE_SECONDS) is None:
            raise LeaseLost
        wall, monotonic = clock.now(), clock.monotonic()

    return permit


@dataclass
class Report:
    """What a run came to, by ref ("invoice:12")."""

    done: set[str] = field(default_factory=set)
    refused: dict[str, ItemError] = field(default_factory=dict)
    in_doubt: set[str] = field(default_factory=set)
    waiting: set[str] = field(default_factory=set)
    problem: ConnectionProblem | None = None
    writes: int = 0
    """Records written there."""
    pulled: Pulled | None = None
    """What came from there, for a run that looked."""
    ended: set[int] = field(default_factory=set)
    """Stored calls in doubt whose key keeps answering with an error: only a look-up and a new key go on."""
    disputed: bool = False
    """Something in doubt is looked up at once: a repeat of it was refused, or it was answered and could not be read."""

    @property
    def clean(self) -> bool:
        asks = self.pulled is not None and (self.pulled.count(ASKS) or self.pulled.problems or self.pulled.put_off)
        return not (self.refused or self.in_doubt or self.waiting or self.problem or asks)


class Push:
    """One run. `asked` means that the owner started it; `actor` is the user named in the activity log.

    `fresh` says that it was started just now, so that a connection that fails is told at once (E8). `expected` is
    the digest of the plan that the owner saw: exactly that one runs, or none (N11).
    """

    def __init__(
        self,
        company: Company,
        held: HeldLease,
        *,
        asked: bool,
        actor: str = "",
        fresh: bool | None = None,
        expected: str = "",
    ) -> None:
        self._company = company
        self._held = held
        self._asked = asked
        self._fresh = asked if fresh is None else fresh
        self._actor = actor
        self._service = company.provider.terms.service
        self._report = Report()
        self._ids: dict[str, str] = {}
        self._ours: dict[str, Ours] = {}
        self._written: dict[str, Written] = {}
        self._published: set[str] = set()
        self._found_paid: set[str] = set()
        """Invoices with a payment that was found there by our stamp."""
        self._reached = False
        self._met: set[tuple[Kind, str]] = set()
        self._wanted: list[Ref] = []
        self._expected = expected
        self._looking = bool(expected)
        """Nothing is shown of this run before its plan was found to be the one expected."""
        self._odd: dict[str, ItemError] = {}
        """What the answers to our writes show otherwise than it was sent; the read-back decides."""

    async def run(self, targets: Iterable[Ref]) -> Report:
        """Push `targets` and what they need. Raises LeaseLost, and PlanChanged before anything was written.

        Everything else ends in the report.
        """
        crashpoint("load")
        self._wanted = wanted = list(targets)
        work = await self._company.db.in_write(lambda session: self._begin(session, wanted))
        self._take(work)
        try:
            strangers = _unlinked_payers(work)
            if strangers:
                await self._link_payers(strangers)
                work = await self._company.db.in_write(lambda session: self._begin(session, wanted))
                self._take(work)
            planned = await self._plan(work)
            if self._expected:
                await self._accept(planned)
            await self._meet(planned)
            await self._adopt(planned)
            for level in planned.levels:
                await self._level(list(level))
                if self._report.problem is not None:
                    break
            await self._read_back(work)
        except ConnectionProblem as problem:
            self._report.problem = problem
            if self._looking:  # nothing was begun
                return self._report
        await self._finish(work)
        return self._report

    async def _accept(self, planned: Plan) -> None:
        """Go on with exactly what the owner saw. Raises PlanChanged."""
        if digest(planned) != self._expected:
            raise PlanChanged
        self._looking = False
        await self._company.db.in_write(lambda session: self._mark_syncing(session, self._work))

    def _take(self, work: Work) -> None:
        self._work = work
        self._ours = dict(work.ours)
        self._ids = {name: ours.link.external_id for name, ours in work.ours.items() if ours.link is not None}

    # --- planning -------------------------------------------------------------------------------

    async def _link_payers(self, customers: Sequence[Ref]) -> None:
        """Link those who are there already: only under them can a payment be found that left before (I1).

        This happens where books were restored from an older copy, which knows neither.
        """
        work = await self._company.db.in_read(lambda session: self._load(session, customers))
        lookup = questions(work, {})
        if lookup is None:
            return
        found = (await self._ask(lookup)).found
        there = await make_plan(self._company, self._ask, work, {}, found)
        await self._adopt(Plan(adoptions=there.adoptions))

    def _load(self, session: Session, targets: Sequence[Ref]) -> Work:
        connection = session.get_one(Connection, self._company.connection_id)
        return load_work(session, connection, targets, asked=self._asked)

    def _begin(self, session: Session, targets: Sequence[Ref]) -> Work:
        self._check_lease(session)
        connection = session.get_one(Connection, self._company.connection_id)
        work = self._without_questions(session, load_work(session, connection, targets, asked=self._asked))
        if not self._looking:
            self._mark_syncing(session, work)
        return work

    def _mark_syncing(self, session: Session, work: Work) -> None:
        told = self._published  # planned a second time: what was refused stays so, nobody says it again (I23)
        going = [work.ours[name] for name in work.targets if name not in work.unsure and name not in told]
        names = [(ours.kind.value, ours.local_id) for ours in going]
        failures.mark(session, self._now(), names, SyncState.SYNCING, title=self._who(session))

    def _who(self, session: Session) -> str:
        """Where several people work, whose desk sends it; "" says the usual."""
        if len(session.scalars(select(User.id).limit(2)).all()) < 2:
            return ""
        return tr("{name}'s desk is sending it to {service}.", name=self._company.desk.account, service=self._service)

    def _without_questions(self, session: Session, work: Work) -> Work:
        """A record that is gone there waits for its owner; where nothing of it would be written, it just goes on
        waiting (N8). An invoice is looked at, because that is what Resync promises."""
        asked: dict[str, ItemError] = {}
        for name in work.targets:
            ours = work.ours[name]
            if ours.kind is Kind.INVOICE or ours.link is None or ours.link.revision < ours.revision:
                continue
            row = status_of(session, ours.kind, ours.local_id)
            if row is not None and (row.extra or {}).get("gone"):
                asked[name] = ItemError(row.title, row.advice, concerns=(ours.concern,), fix=Fix(row.fix))
        self._report.refused.update(asked)
        self._published |= asked.keys()
        return replace(work, targets=tuple(name for name in work.targets if name not in asked))

    def _as_known(self, session: Session, ours: Ours, error: GoneRemote) -> tuple[ItemError, dict[str, object]]:
        """What the pull found out about a record that is gone, said again: a push only sees that it is gone."""
        row = status_of(session, ours.kind, ours.local_id)
        known = dict(row.extra or {}) if row is not None else {}
        if error.how or not known.get("how"):
            return error, {"gone": True, "how": error.how} if error.how else {"gone": True}
        into = str(known.get("into_name", ""))
        told = GoneRemote(self._service, ours.label, fix=error.fix, how=str(known["how"]), into=into)
        told.concerns, told.details, told.service_ref = error.concerns, error.details, error.service_ref
        return told, known

    async def _plan(self, work: Work) -> Plan:
        provider = self._company.provider
        refused = refuse_early(work, provider.capabilities, provider.terms, provider.check)
        self._report.refused.update(refused)
        await self._publish()  # before any call: the network may be down (M111)
        found = Found()
        able = provider.capabilities
        lookup = questions(work, refused, able.refuses_taken, counts_ids=able.counts_ids)
        if lookup is not None:
            answers = await self._ask(lookup)
            found = answers.found
            if await self._paid_there(found, lookup.invoice_ids):  # a shown plan has changed then (N11)
                work = await self._company.db.in_write(lambda session: self._begin(session, self._wanted))
                self._take(work)
                before, refused = refused, refuse_early(work, provider.capabilities, provider.terms, provider.check)
                self._refused_anew(before, refused)
                await self._publish()
            refused.update(unanswered(self._service, work, answers))
        return await make_plan(self._company, self._ask, work, refused, found)

    def _refused_anew(self, before: Mapping[str, ItemError], now: Mapping[str, ItemError]) -> None:
        """What our own rules say after a payment came in; what they say as before was told already (M111)."""
        for name, error in before.items():
            if name not in now or now[name].title != error.title:
                self._report.refused.pop(name, None)
                self._published.discard(name)
        self._report.refused.update(now)

    async def _paid_there(self, found: Found, invoices: Sequence[str]) -> bool:
        """Somebody entered a payment there: it is brought in before ours leave, so that none goes twice (N6)."""
        run = PullRun(self._company, self._held, self._actor)
        records = [one for one in found.invoices if one.external_id in invoices]
        strange = await self._company.db.in_read(partial(unexplained, run=run, records=records)) if records else []
        if strange:
            await bring_payments_of(run, strange)
        return bool(strange)

    async def _meet(self, planned: Plan) -> None:
        """Read what is about to be changed, unless this run has: its number may be somebody else's now (W4)."""
        able = self._company.provider.capabilities
        if self._looking or not able.counts_ids:
            return
        steps = [one.step for level in planned.levels for one in level if one.step.action is not Action.CREATE]
        blind = [step for step in steps if able.refuses_stale or not step.record.version]  # others: `_as_agreed`
        wanted = {(step.kind, step.record.external_id or "") for step in blind} - self._met
        if wanted:
            await self._ask(lookup_for(sorted(wanted, key=str)))

    async def _ask(self, lookup: Lookup) -> Answers:
        answers = await ask_apart(self._company.provider, lookup)
        self._reached = True
        self._met |= by_id(answers.found).keys()
        linked = known_of(self._ours.values())
        if look(linked, by_id(answers.found)).others:  # under our id is somebody else's record: is it the company? (W4)
            await prove(self._company)
        return answers

    async def _adopt(self, planned: Plan) -> None:
        """Everything that needs no call: refusals shown at once (M111), adopted links, equal records."""
        self._report.refused.update(planned.refused)
        self._report.waiting.update(planned.waiting)

        ids = self._ids | {one.ours.ref: one.record.external_id or "" for one in planned.adoptions}
        needed_first = sorted(planned.adoptions, key=lambda one: list(Kind).index(one.ours.kind))
        run = PullRun(self._company, self._held, self._actor)

        def write(session: Session) -> list[Adopted]:
            self._check_lease(session)
            outcomes = [adopt(session, run, one, ids) for one in needed_first]
            for ours in planned.settled:
                self._agree(session, ours)
            linked = [one for one, came in zip(needed_first, outcomes, strict=True) if came is Adopted.LINKED]
            self._take_newer(session, [one.ours for one in linked if one.older])
            return outcomes

        for adoption, came in zip(needed_first, await self._company.db.in_write(write), strict=True):
            if came is Adopted.TAKEN:
                self._refuse(adoption.ours, self._taken_by_ours(adoption.ours))
            if came is Adopted.LATER:
                self._report.waiting.add(adoption.ours.ref)
            if came is not Adopted.LINKED:
                continue
            self._ids[adoption.ours.ref] = adoption.record.external_id or ""
            if adoption.ours.kind is not Kind.INVOICE:
                self._report.done.add(adoption.ours.ref)
            if adoption.ours.kind is Kind.PAYMENT:
                self._found_paid.update(adoption.ours.needs)
        crashpoint("link.committed")
        await self._publish()

    def _take_newer(self, session: Session, adopted: Sequence[Ours]) -> None:
        """Ours as they are once what is newer there has come in; where both sides changed a field, the owner is asked
        already (S4)."""
        if not adopted:
            return
        session.flush()
        session.expire_all()
        self._ours |= self._load(session, [(one.kind, one.local_id) for one in adopted]).ours
        for one in adopted:
            row = status_of(session, one.kind, one.local_id)
            known = (row.extra or {}) if row is not None and row.state in ASKING else {}
            if row is not None and (known.get("fields") or known.get("gone")):
                error = ItemError(row.title, row.advice, concerns=(one.concern,), fix=Fix(row.fix))
                self._refuse(self._ours[one.ref], error)
                self._published.add(one.ref)

    def _taken_by_ours(self, ours: Ours) -> ItemError:
        if ours.kind is Kind.INVOICE:
            return NumberTaken(self._service, ours.label)
        holder = tr("another record of yours")
        return NameTaken(self._service, ours.label, holder=holder, is_item=ours.kind is Kind.ITEM)

    def _agree(self, session: Session, ours: Ours) -> None:
        """Linked, and nothing of it would be written: the revision is noted as agreed."""
        link = find_link(session, self._company.key, ours.kind.value, ours.local_id)
        if link is not None:
            link.agreed_revision = max(link.agreed_revision, ours.revision)
            note_change(session, ours.kind.value, ours.local_id)

    # --- calls ------------------------------------------------------------------------------------

    async def _level(self, level: list[PlannedStep]) -> None:
        """Send one level; what met a newer version there, or an earlier self, goes again up to twice (H10)."""
        for _ in range(STALE_ROUNDS + 1):
            ready, changed = await self._as_agreed(self._ready(level))
            stale, taken = await self._send_all(ready)
            stale = [*changed, *stale]
            if self._report.problem is not None:
                return
            if self._expected:  # whatever changed there meanwhile was not in the plan
                if taken:
                    await self._look_up_taken(taken)
                level = stale
                break
            again = await self._look_up_taken(taken) if taken else []
            level = [*await self._refresh_stale(stale), *again] if stale else again
            if not level:
                return
        for step in level:
            self._refuse(step.ours, StaleVersion(self._service))
        await self._publish()

    def _ready(self, level: Sequence[PlannedStep]) -> list[tuple[PlannedStep, Record]]:
        """The steps of this level whose needs are at the service, with real ids put in."""
        ready = []
        for step in level:
            if step.ours.ref in self._report.refused:
                continue  # refused while it was being linked: another record of ours has that one
            blocking = next((name for name in step.ours.needs if self._blocks(name)), None)
            record = resolve(step.step.record, self._ids)
            if blocking is not None and step.ours.kind is Kind.INVOICE and not step.ours.gone:
                self._refuse(step.ours, self._report.refused[blocking])
            elif record is not None:
                ready.append((step, record))
            else:
                self._report.waiting.add(step.ours.ref)
        return ready

    async def _as_agreed(
        self, ready: Sequence[tuple[PlannedStep, Record]]
    ) -> tuple[list[tuple[PlannedStep, Record]], list[PlannedStep]]:
        """(the steps that may go, those whose record was changed there) where the service itself looks at no version,
        or we know of none.

        Read just before, in one question for all (D3): nothing keeps a change in the very moment between from being
        overwritten, but nothing that anybody did before is.
        """
        able = self._company.provider.capabilities
        old = [
            (step.ours.kind, record.external_id)
            for step, record in ready
            if step.step.action is not Action.CREATE and record.external_id
            if not (able.refuses_stale and record.version)
        ]
        if not old:
            return list(ready), []
        theirs = by_id((await self._ask(lookup_for(old))).found)
        may_go, changed = [], []
        for step, record in ready:
            now = theirs.get((step.ours.kind, record.external_id or ""))
            known = (step.ours.kind, record.external_id) in old
            if known and (now is None or (now.version or "") != (record.version or "")):
                changed.append(step)
            else:
                may_go.append((step, record))
        return may_go, changed

    def _blocks(self, name: str) -> bool:
        if name not in self._report.refused:
            return False
        need = self._ours[name]
        return name not in self._ids or (need.link is not None and blocks(need))

    async def _send_all(
        self, ready: Sequence[tuple[PlannedStep, Record]]
    ) -> tuple[list[PlannedStep], dict[str, ItemError]]:
        """Send these steps; returns those that met a newer version, and names or numbers that turned out taken."""
        steps = [replace(step.step, record=record) for step, record in ready]
        planned = {step.ours.ref: (step, record) for step, record in ready}
        stale: list[PlannedStep] = []
        taken: dict[str, ItemError] = {}
        for call in self._company.provider.prepare(steps) if steps else ():
            result = await self._call(call, planned)
            for name, error in result.refused.items():
                if isinstance(error, StaleVersion):
                    stale.append(planned[name][0])
                elif isinstance(error, NameTaken | NumberTaken):
                    taken[name] = error
                else:
                    self._refuse(planned[name][0].ours, self._told(planned[name][0], error))
            for name, record in result.linked.items():
                self._linked(planned[name], record)
            self._report.in_doubt |= result.in_doubt
            if result.problem is not None:
                self._report.problem = result.problem
                for name, error in taken.items():
                    self._refuse(self._ours[name], error)
                break
            await self._publish()
        return stale, taken

    def _told(self, step: PlannedStep, error: ItemError) -> ItemError:
        """A service names what is gone by its own id at best: say what the owner calls it."""
        if not isinstance(error, GoneRemote) or error.another or step.step.action is Action.CREATE:
            return error
        told = gone(self._service, step.ours)
        told.details, told.service_ref = error.details, error.service_ref
        return told

    async def _look_up_taken(self, taken: Mapping[str, ItemError]) -> list[PlannedStep]:
        """A name or number is taken after all: by an attempt of ours whose answer was lost, or by others (E13, C18).

        Ours is adopted, and what it needs to be up to date comes back as steps; the others are refused.
        """
        work = await self._company.db.in_read(lambda session: self._reload(session, taken))
        lookup = questions(work, {})
        answers = await self._ask(lookup) if lookup is not None else Answers(Found())
        again = await make_plan(self._company, self._ask, work, {}, answers.found)
        adoptions = tuple(one for one in again.adoptions if one.ours.ref in taken)
        adopted = {one.ours.ref for one in adoptions}
        refused = {name: again.refused.get(name, error) for name, error in taken.items() if name not in adopted}
        for name, error in refused.items():
            self._refuse(self._ours[name], error)
        await self._adopt(Plan(adoptions=adoptions, refused=refused))
        steps = [step for level in again.levels for step in level if step.ours.ref in adopted]
        return [step for step in steps if step.step.action is Action.UPDATE]

    def _reload(self, session: Session, names: Iterable[str]) -> Work:
        """The work for these records with the links that this run has made meanwhile."""
        connection = session.get_one(Connection, self._company.connection_id)
        work = load_work(session, connection, [_ref(name) for name in names], asked=False)
        return replace(work, targets=tuple(names), asked=self._asked, unsure=frozenset())

    async def _call(self, call: PreparedCall, planned: Mapping[str, tuple[PlannedStep, Record]]) -> Settled:
        company = self._company
        key = company.desk.entropy.uuid().replace("-", "")
        permit = still_ours(company, self._held)

        def intend(session: Session) -> int:
            self._check_lease(session)
            return write_intentions(
                session,
                self._now(),
                connection_id=company.connection_id,
                company=company.key,
                call=call,
                key=key,
                fencing=self._held.fencing,
                planned=planned,
            )

        call_id = await company.db.in_write(intend)
        crashpoint("intent.committed")
        result = await self._send(call, key, call_id, permit)
        capabilities = company.provider.capabilities
        for repeats, delay in enumerate(REPLAY_DELAYS):
            if not result.in_doubt or result.stopped or result.disputed or not capabilities.native_keys:
                break
            if repeats and result.ended and capabilities.keys_keep_errors:
                break  # the key answers with the error that it kept
            await company.desk.clock.sleep(delay)
            result = _combined(result, await self._repeat(call_id))
        if result.ended and capabilities.keys_keep_errors:
            self._report.ended.add(call_id)
        self._report.disputed = self._report.disputed or bool(result.disputed)
        return result

    async def _send(self, call: PreparedCall, key: str, call_id: int, permit: Permit) -> Settled:
        crashpoint("call.sent")
        with only_with(permit):
            outcomes = await self._company.provider.send(call, key)
        crashpoint("reply.read")
        result = await self._company.db.in_write(lambda session: self._settle(session, call_id, outcomes))
        self._reached = self._reached or bool(result.linked or result.refused)
        crashpoint("link.committed")  # the log rows are in the same transaction
        crashpoint("log.committed")
        return result

    async def _repeat(self, call_id: int) -> Settled:
        permit = still_ours(self._company, self._held)
        call, key = await self._company.db.in_write(lambda session: self._count_attempt(session, call_id))
        return await self._send(call, key, call_id, permit)

    def _count_attempt(self, session: Session, call_id: int) -> tuple[PreparedCall, str]:
        self._check_lease(session)
        return count_attempt(session, call_id)

    def _settle(self, session: Session, call_id: int, outcomes: Sequence[Outcome]) -> Settled:
        # No lease check: what the service answered is true whoever holds the lease now.
        return settle(
            session,
            self._now(),
            self._company.key,
            call_id,
            outcomes,
            actor=self._actor,
            connection_id=self._company.connection_id,
        )

    def _linked(self, planned: tuple[PlannedStep, Record], answered: Record) -> None:
        step, sent = planned
        ours = step.ours
        self._ids[ours.ref] = answered.external_id or self._ids.get(ours.ref, "")
        self._written[ours.ref] = Written(ours, sent, answered, step.step.fields)
        self._report.writes += 1
        if not ours.gone:
            error = kept_otherwise(self._service, ours.kind, sent, answered)
            if error is not None:
                self._odd[ours.ref] = error

    async def _refresh_stale(self, stale: Sequence[PlannedStep]) -> list[PlannedStep]:
        """Read the records that changed there meanwhile; what we change and they changed too is a conflict (N10)."""
        answers = await self._ask(lookup_for((step.ours.kind, step.step.record.external_id or "") for step in stale))
        theirs = by_id(answers.found)
        again: list[PlannedStep] = []
        for step in stale:
            ours = step.ours
            now = theirs.get((ours.kind, step.step.record.external_id or ""))
            if ours.gone and (now is None or getattr(now, "voided", False)):
                await self._company.db.in_write(partial(self._is_gone, ours=ours))
            elif now is None or getattr(now, "voided", False) or (_active(ours.record) and not _active(now)):
                self._refuse(ours, gone(self._service, ours))
            else:
                clash = merge(ours.kind, step.step.record, now, ours.link, step.step.fields) if ours.link else ()
                if clash:
                    self._refuse(ours, Conflict(self._service, ours.label, field_words(clash)))
                else:
                    record = with_identity(step.step.record, now.external_id, now.version)
                    again.append(replace(step, step=replace(step.step, record=record)))
        await self._publish()
        return again

    def _is_gone(self, session: Session, ours: Ours) -> None:
        """To be taken away, and taken away there by somebody else."""
        link = find_link(session, self._company.key, ours.kind.value, ours.local_id)
        if link is not None:
            link.agreed = {**link.agreed, "ours": {**link.agreed.get("ours", {}), "voided": True}}
            link.agreed_revision = max(link.agreed_revision, ours.revision)
        self._report.done.add(ours.ref)

    # --- what it came to ----------------------------------------------------------------------------

    def _refuse(self, ours: Ours, error: ItemError) -> None:
        error.concerns = error.concerns or (ours.concern,)
        self._report.refused[ours.ref] = error

    async def _publish(self) -> None:
        """Show refusals while the run goes on (M111, M112)."""
        if not self._looking and set(self._report.refused) - self._published:
            await self._company.db.in_write(self._publish_refused)

    def _publish_refused(self, session: Session) -> None:
        """One entry for each record that was asked for; what it needs is named in its own concerns."""
        for name, error in self._report.refused.items():
            ours = self._ours[name]
            if name in self._published or (name not in self._work.targets and ours.kind is not Kind.INVOICE):
                continue
            if ours.kind is Kind.INVOICE:
                error = self._report.refused[name] = blame.named(session, self._service, ours.local_id, error)
            extra: dict[str, object] = {}
            if isinstance(error, TotalsDiffer | BalanceDiffers):
                what = "total" if isinstance(error, TotalsDiffer) else "balance"
                extra = {"ours": error.ours, "theirs": error.theirs, "what": what}
            elif isinstance(error, Conflict):
                extra = {"fields": list(error.fields)}
            elif isinstance(error, GoneRemote) and not error.another and error.fix is GONE_FIX[ours.kind]:
                error, extra = self._as_known(session, ours, error)  # of another record it says nothing about this one
            elif isinstance(error, PaymentThere):
                extra = {"twin": True}
            failures.fail(session, self._now(), ours.kind.value, ours.local_id, ours.label, error, extra)
        self._published |= set(self._report.refused)

    async def _read_back(self, work: Work) -> None:
        """Nothing is green before it was read and found as it was meant, balances included (N5, D15, I3)."""
        if self._report.problem is not None:
            for name, odd in self._odd.items():
                self._refuse(self._ours[name], odd)
            return
        written = {n: one for n, one in self._written.items() if n not in self._report.refused}
        invoices = {n: ours for n, ours in self._ours.items() if self._to_verify(n, ours, work)}
        wanted = [(self._ours[name].kind, self._ids[name]) for name in (*written, *invoices) if self._ids.get(name)]
        if not wanted:
            return
        theirs, unread = await self._look(wanted)
        crashpoint("readback")
        wrong, balances = await self._wrong(written, invoices, theirs, unread, work)
        late = [name for name, error in wrong.items() if isinstance(error, LATE) and self._touched(name)]
        if late:
            await self._company.desk.clock.sleep(SHOWN_LATE)
            more, unread = await self._look([(self._ours[name].kind, self._ids[name]) for name in late])
            theirs |= more
            wrong, balances = await self._wrong(written, invoices, theirs, unread, work)
        anew: list[tuple[Written, Record]] = []
        for name in dict.fromkeys((*written, *invoices)):
            ours, error = self._ours[name], wrong.get(name)
            now = theirs.get((ours.kind, self._ids[name]))
            if isinstance(error, NotSeen):
                await self._company.db.in_write(partial(self._doubt, ours=ours))
                continue
            if isinstance(error, NoEffect) and now is not None:
                await self._take_back(written[name], now)
            elif name in written and now is not None and not ours.gone:
                anew += [(written[name], now)] if name in self._odd else []
            if error is not None:
                self._refuse(ours, error)
            elif name in invoices and ours.local_id not in balances:  # nobody knows what is owed on it (I3)
                self._report.waiting.add(name)
            else:
                self._report.done.add(name)
        read = [(self._ours[n], theirs[k]) for n in invoices if (k := (Kind.INVOICE, self._ids[n])) in theirs]
        await self._company.db.in_write(lambda session: self._note_versions(session, read, anew))

    async def _look(self, wanted: Sequence[tuple[Kind, str]]) -> tuple[dict[tuple[Kind, str], Record], frozenset[str]]:
        """What is there of these records, and the ids of those that can't be read."""
        answers = await self._ask(lookup_for(wanted))
        return by_id(answers.found), frozenset(str(value) for _, value in answers.unreadable)

    async def _wrong(
        self,
        written: Mapping[str, Written],
        invoices: Mapping[str, Ours],
        theirs: Mapping[tuple[Kind, str], Record],
        unread: frozenset[str],
        work: Work,
    ) -> tuple[dict[str, ItemError], Mapping[int, Decimal]]:
        """What may not be called in sync, and why; and what the invoices owe, without those that nobody knows it of."""
        wrong: dict[str, ItemError] = {}
        for name, one in written.items():
            now = theirs.get((one.ours.kind, self._ids[name]))
            error = UnexpectedAnswer(self._service) if self._ids[name] in unread else effect(self._service, one, now)
            if error is None and now is not None and not one.ours.gone:
                error = kept_otherwise(self._service, one.ours.kind, one.sent, now)
            if error is not None:
                wrong[name] = error
        unseen = {name for name, error in wrong.items() if isinstance(error, NotSeen)}
        unsure = frozenset(self._report.in_doubt | work.unsure | unseen)
        balances = await self._company.db.in_read(
            lambda session: expected_balances(session, self._company.key, invoices.values(), unsure)
        )
        for name, ours in invoices.items():
            now = theirs.get((ours.kind, self._ids[name]))
            if name not in wrong:
                odd = UnexpectedAnswer(self._service) if self._ids[name] in unread else None
                error = odd or self._verdict(ours, now, balances.get(ours.local_id))
                if error is not None:
                    wrong[name] = error
        return wrong, balances

    def _touched(self, name: str) -> bool:
        """Whether this run wrote the record, or a payment of the invoice."""
        return name in self._written or any(name in one.ours.needs for one in self._payments())

    def _doubt(self, session: Session, ours: Ours) -> None:
        """Answered with a yes, and not there by its id: nobody knows which is true, so it must not leave again (I1)."""
        self._check_lease(session)
        doubt_answered(session, self._company.key, ours.kind.value, ours.local_id)
        self._report.in_doubt.add(ours.ref)
        self._report.disputed = True

    def _to_verify(self, name: str, ours: Ours, work: Work) -> bool:
        """Invoices asked for, and those whose payments were sent unless they hold edits that were not."""
        if ours.kind is not Kind.INVOICE or ours.gone or name not in self._ids or name in self._report.refused:
            return False
        if name in work.unsure or name in self._report.in_doubt or name in self._report.waiting:
            return False
        if name in work.targets or name in self._found_paid:
            return True
        unsent = ours.link is not None and ours.link.revision < ours.revision
        return not unsent and any(one.ours.kind is Kind.PAYMENT and name in one.ours.needs for one in self._payments())

    def _payments(self) -> list[Written]:
        return [one for one in self._written.values() if one.ours.kind is Kind.PAYMENT]

    def _verdict(self, ours: Ours, theirs: Record | None, balance: object) -> ItemError | None:
        assert theirs is None or isinstance(theirs, InvoiceRecord)
        done = self._written.get(ours.ref)
        sent = done.sent if done is not None else as_agreed(ours, self._ids, theirs)
        if ours.foreign and theirs is not None:
            sent = theirs
        assert isinstance(sent, InvoiceRecord)
        assert balance is None or isinstance(balance, Decimal)
        return invoice_verdict(self._service, ours, sent, theirs, balance)

    async def _take_back(self, written: Written, now: Record) -> None:
        key = self._company.key
        await self._company.db.in_write(lambda session: take_back(session, key, written, now))

    def _note_versions(
        self, session: Session, read: Sequence[tuple[Ours, Record]], anew: Sequence[tuple[Written, Record]]
    ) -> None:
        self._check_lease(session)
        for written, now in anew:
            read_anew(session, self._company.key, written, now)
        note_versions(session, self._company.key, read)

    async def _finish(self, work: Work) -> None:
        self._nothing_to_do(work)
        await self._company.db.in_write(lambda session: self._write_end(session, work))
        crashpoint("state.done")

    def _nothing_to_do(self, work: Work) -> None:
        """Targets that needed neither a call nor a check are done; what a problem stopped waits."""
        report = self._report
        report.in_doubt |= work.unsure & set(work.targets)
        report.done -= report.in_doubt | set(report.refused)
        report.waiting -= report.in_doubt | set(report.refused) | report.done
        known = report.done | set(report.refused) | report.in_doubt | report.waiting
        for name in work.targets:
            if name in known:
                continue
            ours = self._ours[name]
            if report.problem is None and (name in self._ids or ours.gone):
                report.done.add(name)
            else:
                report.waiting.add(name)

    def _write_end(self, session: Session, work: Work) -> None:
        self._check_lease(session)
        report = self._report
        now = self._now()
        self._publish_refused(session)
        failures.clear(session, now, [_key(name) for name in report.done])
        failures.mark(session, now, [_key(name) for name in report.in_doubt], SyncState.IN_DOUBT)
        held_up = [_key(name) for name in report.waiting if name in work.targets]
        if report.problem is not None:
            failures.mark(session, now, held_up, SyncState.WAITING, report.problem.until)
        else:
            self._unmark(session, held_up)
        connection = session.get_one(Connection, self._company.connection_id)
        if report.problem is not None:
            failures.connection_trouble(session, now, connection, report.problem, by_hand=self._fresh)
        elif self._reached:  # a run that asked nobody proves nothing about the connection
            failures.connection_fine(session, now, connection)
            connection.last_synced_at = now
            note_change(session, "connection", connection.id)
        crashpoint("notify")

    def _unmark(self, session: Session, records: Sequence[tuple[str, int]]) -> None:
        """What waits for another record shows nothing of its own (M84)."""
        for kind, local_id in records:
            row = session.scalar(select(SyncStatus).where(SyncStatus.kind == kind, SyncStatus.local_id == local_id))
            if row is not None and row.state == SyncState.SYNCING.value:
                failures.clear(session, self._now(), [(kind, local_id)])

    def _check_lease(self, session: Session) -> None:
        if not self._company.leases.still_held(session, self._held):
            raise LeaseLost

    def _now(self) -> datetime:
        return self._company.desk.clock.now()


def count_attempt(session: Session, call_id: int) -> tuple[PreparedCall, str]:
    """The stored call, with one more attempt noted before it leaves again."""
    session.get_one(WriteCall, call_id).attempts += 1
    return stored_call(session, call_id)


def _combined(first: Settled, second: Settled) -> Settled:
    return Settled(
        linked={**first.linked, **second.linked},
        refused={**first.refused, **second.refused},
        in_doubt=second.in_doubt,
        problem=second.problem,
        stopped=second.stopped,
        ended=second.ended,
        disputed=second.disputed,
    )


def _unlinked_payers(work: Work) -> list[Ref]:
    """Customers without a link whose payments may be at the service already."""
    names: set[str] = set()
    for name in work.sent_before - work.unsure:
        ours = work.ours.get(name)
        if ours is not None and isinstance(ours.record, PaymentRecord):
            names.add(ours.record.customer_id.removeprefix("@"))
    payers = [work.ours[name] for name in sorted(names & work.ours.keys())]
    return [(one.kind, one.local_id) for one in payers if one.link is None]


def _active(record: Record) -> bool:
    return bool(getattr(record, "active", True))


def _key(name: str) -> tuple[str, int]:
    kind, local_id = name.split(":")
    return kind, int(local_id)


def _ref(name: str) -> Ref:
    kind, local_id = _key(name)
    return Kind(kind), local_id


__all__ = ["LEASE_SECONDS", "LeaseLost", "Push", "Report", "count_attempt", "ref"]
