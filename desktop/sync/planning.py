"""From what we have, what was found there and what both sides last agreed on, to the steps of a push.

Pure: no database, no call, no clock. The preview prints the plan, the executor runs exactly it.

A record that isn't at the service yet has no id there; steps that need it carry `@customer:12` in its
place, and the executor puts the real id in once the step before has settled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType

from desktop.errors import (
    AccountUnusable,
    Concern,
    CurrencyRefused,
    Fix,
    GoneRemote,
    InvalidField,
    ItemError,
    MissingCustomer,
    MissingIncomeAccount,
    MissingItem,
    NameTaken,
    NumberTaken,
    PaymentBlocked,
    PaymentThere,
    PeriodClosed,
    PossibleDuplicate,
    TaxProblem,
)
from desktop.models.states import Switches
from desktop.providers.base import Action, Capabilities, Step, Terms, stamp_of
from desktop.providers.records import (
    AccountKind,
    CompanySettings,
    CustomerRecord,
    Found,
    InvoiceRecord,
    ItemRecord,
    Kind,
    LineRecord,
    Lookup,
    PaymentLookup,
    PaymentRecord,
    Record,
)
from desktop.sync.snapshots import both, changed_fields, compared, unlike, with_identity
from desktop.text import tr

Snapshot = Mapping[str, object]

CLOCKS_APART = timedelta(days=1)
"""What the clocks here and there may differ by where it is asked which of two records came first."""


@dataclass(frozen=True, slots=True)
class LinkState:
    """A link as stored: who it is there, and the two snapshots of the last agreement."""

    external_id: str
    version: str
    revision: int
    """Our revision at the last agreement."""
    agreed_ours: Snapshot = field(default_factory=dict)
    agreed_theirs: Snapshot = field(default_factory=dict)
    generation: int = 0
    alias: bool = False
    """Points at the survivor of a merge, which is linked to another record of ours: never written (E3)."""


@dataclass(frozen=True, slots=True)
class Ours:
    """One record of ours with all that planning may ask about it."""

    kind: Kind
    local_id: int
    uuid: str
    label: str
    revision: int
    record: Record
    link: LinkState | None = None
    gone: bool = False
    """Void or taken back here: must not be created there, and is voided there if it is linked."""
    needs: tuple[str, ...] = ()
    """Refs of the records that must be at the service before this one."""
    account_id: str | None = None
    """Items: the mapped income account."""
    untaxable: bool = False
    """Invoices: a line is taxed with a code that the company does not have."""
    foreign: bool = False
    """Invoices: made there and read-only here; only what is owed on it is compared (E1)."""
    generation: int = 0
    """How often it was made anew there; part of our stamp, so that an older one is never taken for it."""
    made_at: datetime | None = None
    """Customers and items: when it was made here (UTC)."""
    old: bool = False
    """The books were put back from a copy, and this has not been edited since (S4)."""
    copied: bool = False
    """Invoices and payments without a link: the copy had it, and nothing in it says that it ever left. Where it is at
    the service all the same it left after the copy was taken, and what stands there is newer (S4)."""

    @property
    def ref(self) -> str:
        return ref(self.kind, self.local_id)

    @property
    def concern(self) -> Concern:
        return Concern(self.kind.value, self.local_id, self.label)


@dataclass(frozen=True, slots=True)
class Work:
    """Everything of ours that a push concerns. `targets` is what was asked for, in order."""

    targets: tuple[str, ...]
    ours: Mapping[str, Ours]
    settings: CompanySettings
    switches: Switches
    asked: bool = True
    """Started by hand: the owner's word for invoices and payments; entity switches still rule what is made besides."""
    unsure: frozenset[str] = frozenset()
    """Refs with a write of an earlier run whose outcome nobody knows yet: nothing of them may leave (I1)."""
    twins: Mapping[str, tuple[Decimal, str, date]] = field(default_factory=dict)
    """Payments that may be in the service already, typed there by hand: amount, currency and day of the one there."""
    sent_before: frozenset[str] = frozenset()
    """Payments without a link that left once: looked up by our stamp before they are made again (I1)."""
    made: frozenset[tuple[str, str]] = frozenset()
    """Invoices without a link that a call of ours made, by what the service answered then: (ref, external id)."""


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """A step with what its success means for our link."""

    step: Step
    ours: Ours
    revision: int
    """Our revision that is agreed on once this step is done."""


@dataclass(frozen=True, slots=True)
class Adoption:
    """A record there that is ours already: link it, write nothing."""

    ours: Ours
    record: Record
    older: bool = False
    """Ours is older than what is there, for the books were put back from a copy (S4)."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What will happen, level by level; a level's steps never depend on each other (I9)."""

    adoptions: tuple[Adoption, ...] = ()
    levels: tuple[tuple[PlannedStep, ...], ...] = ()
    refused: Mapping[str, ItemError] = field(default_factory=dict)
    settled: tuple[Ours, ...] = ()
    """Linked and nothing to write: only the revision is noted."""
    waiting: tuple[str, ...] = ()
    """Refs that wait for another record: one in doubt, or an invoice that was refused (M84)."""

    @property
    def writes(self) -> int:
        return sum(len(level) for level in self.levels)


def ref(kind: Kind | str, local_id: int) -> str:
    """The name of a record of ours within a run."""
    return f"{kind}:{local_id}"


def symbol(reference: str) -> str:
    """What stands for the external id of a record that has none yet."""
    return f"@{reference}"


# --- 1. what our own rules refuse, before any call ------------------------------------------------


def refuse_early(
    work: Work, capabilities: Capabilities, terms: Terms, check: Callable[[Step], ItemError | None]
) -> dict[str, ItemError]:
    """Targets that may not leave, with the reason (I8): unmapped items, closed period, currency, switches, lengths.

    A refused invoice takes its customer and items with it: nothing of it is written.
    """
    refused: dict[str, ItemError] = {}
    for reference in work.targets:
        ours = work.ours[reference]
        if reference in work.unsure:
            continue
        error = _own_rules(ours, work, capabilities, terms) or _checked(ours, work, check)
        if error is not None:
            error.concerns = error.concerns or (ours.concern,)
            refused[reference] = error
    return refused


def _own_rules(ours: Ours, work: Work, capabilities: Capabilities, terms: Terms) -> ItemError | None:
    if ours.gone or ours.foreign:
        return None
    if ours.kind is Kind.ITEM:
        return _item_account((ours,), work, capabilities, terms)
    if ours.kind is Kind.INVOICE and not _agreed(ours):
        return _invoice_rules(ours, work, capabilities, terms)
    if ours.kind is Kind.PAYMENT and not _agreed(ours):
        twin = work.twins.get(ours.ref) if ours.link is None else None
        if twin is not None:
            return PaymentThere(terms.service, f"{twin[0]:,.2f} {twin[1]}", twin[2])
        return _payment_rules(ours, work, terms)
    return None


def _agreed(ours: Ours) -> bool:
    return ours.link is not None and ours.link.revision >= ours.revision


def _invoice_rules(ours: Ours, work: Work, capabilities: Capabilities, terms: Terms) -> ItemError | None:
    record = ours.record
    assert isinstance(record, InvoiceRecord)
    service = terms.service
    needed = [work.ours[name] for name in ours.needs if name in work.ours]
    items = [one for one in needed if one.kind is Kind.ITEM]
    error = _item_account(items, work, capabilities, terms)
    if error is not None:
        return error
    for one in needed:
        if one.link is not None or (work.asked and one.ref in work.targets):
            continue  # asked for by itself: "create it now" (C17, E7)
        if one.kind is Kind.CUSTOMER and not work.switches.customers:
            return MissingCustomer(service, one.label, concerns=(one.concern,))
        if one.kind is Kind.ITEM and capabilities.sync_items and not work.switches.items:
            return MissingItem(service, one.label, concerns=(one.concern,))
    if not work.settings.multi_currency and record.currency and record.currency != work.settings.home_currency:
        return CurrencyRefused(service, record.currency, work.settings.home_currency)
    if ours.untaxable:
        return TaxProblem(service, title=tr("A line uses a tax code that {service} does not have.", service=service))
    codes = {line.tax_code_id for line in record.lines if line.tax_code_id}
    if capabilities.tax_codes_per_invoice is not None and len(codes) > capabilities.tax_codes_per_invoice:
        return TaxProblem(service, title=tr("{service} takes only one tax rate on an invoice.", service=service))
    if len(record.lines) > capabilities.lines_max:
        return InvalidField(
            service,
            tr(
                "{service} takes at most {count} lines on an invoice.",
                service=service,
                count=capabilities.lines_max,
            ),
            field="lines",
        )
    return _closed(record.issued_on, work, service)


def _payment_rules(ours: Ours, work: Work, terms: Terms) -> ItemError | None:
    record = ours.record
    assert isinstance(record, PaymentRecord)
    error = _closed(record.paid_on, work, terms.service)
    if error is not None:
        error.fix = Fix.EDIT_PAYMENT
    return error


def _closed(day: date, work: Work, service: str) -> ItemError | None:
    closed = work.settings.closed_until
    return PeriodClosed(service, closed) if closed is not None and day <= closed else None


def _item_account(items: Iterable[Ours], work: Work, capabilities: Capabilities, terms: Terms) -> ItemError | None:
    if not capabilities.income_accounts:
        return None
    items = list(items)
    unmapped = [item for item in items if not item.account_id]
    if unmapped:
        return MissingIncomeAccount(terms.service, [item.concern for item in unmapped], terms.income_account)
    accounts = {account.external_id: account for account in work.settings.accounts}
    if not accounts:
        return None
    for item in items:
        account = accounts.get(item.account_id or "")
        if account is None or not account.active or account.kind is not AccountKind.INCOME:
            name = account.name if account is not None else item.label
            return AccountUnusable(terms.service, name, [item.concern])
    return None


def _checked(ours: Ours, work: Work, check: Callable[[Step], ItemError | None]) -> ItemError | None:
    """The service's own known rules, for the record and for everything that would be created along with it.

    A payment stands alone: its invoice is judged where it is sent.
    """
    if ours.gone or ours.foreign:
        return None
    for name in (*ours.needs, ours.ref):
        one = work.ours.get(name)
        if one is None or one.gone or _agreed(one):
            continue
        if one is not ours and (one.link is not None or one.kind is Kind.INVOICE):
            continue
        error = check(Step(one.ref, Action.CREATE, one.kind, one.record))
        if error is not None:
            error.concerns = error.concerns or (one.concern,)
            return error
    return None


# --- 2. what must be looked up before anything is created ------------------------------------------


def questions(
    work: Work,
    refused: Mapping[str, ItemError],
    refuses_taken: frozenset[Kind] = frozenset(),
    *,
    counts_ids: bool = False,
) -> Lookup | None:
    """Names and numbers that would be created: do they exist there already? None when nothing is new.

    Customers are not asked about where the service itself refuses a taken name: only then is it looked up who has it.
    With `counts_ids` who is to get a new invoice is read too: the number may be somebody else's there now (W4).
    """
    payers: list[str] = []
    customers: list[str] = []
    items: list[str] = []
    numbers: list[str] = []
    payments: list[PaymentLookup] = []
    invoices: list[str] = []
    for ours in _concerned(work, refused):
        record = ours.record
        if ours.ref in work.unsure:
            continue
        if isinstance(record, CustomerRecord) and ours.link is None:
            if Kind.CUSTOMER not in refuses_taken:
                customers.append(record.display_name)
        elif isinstance(record, ItemRecord) and ours.link is None:
            items.append(record.name)
        elif isinstance(record, InvoiceRecord) and _number_is_new(ours, record):
            numbers.append(record.number)
            if counts_ids and ours.link is None and not record.customer_id.startswith("@"):
                payers.append(record.customer_id)
        elif isinstance(record, PaymentRecord) and ours.link is None and not ours.gone:
            if _look_first(ours, record, work):
                payments.append(payment_question(record))
            else:  # its balance tells whether somebody entered a payment there meanwhile (N6)
                invoices += [one.invoice_id for one in record.allocations if not one.invoice_id.startswith("@")]
    if not (customers or items or numbers or payments or invoices):
        return None
    return Lookup(
        tuple(customers),
        tuple(items),
        tuple(numbers),
        tuple(payments),
        customer_ids=tuple(dict.fromkeys(payers)),
        invoice_ids=tuple(dict.fromkeys(invoices)),
    )


def _look_first(ours: Ours, record: PaymentRecord, work: Work) -> bool:
    sent = ours.link is None and ours.ref in work.sent_before
    return sent and not ours.gone and not record.customer_id.startswith("@")


def payment_question(record: PaymentRecord) -> PaymentLookup:
    """How a payment that may be there already is asked for; its invoices spare the service's whole list."""
    invoices = tuple(part.invoice_id for part in record.allocations if not part.invoice_id.startswith("@"))
    return PaymentLookup(record.customer_id, record.paid_on, record.reference, invoices)


def _number_is_new(ours: Ours, record: InvoiceRecord) -> bool:
    if ours.gone:
        return False
    return ours.link is None or ours.link.agreed_ours.get("number", record.number) != record.number


def _concerned(work: Work, refused: Mapping[str, ItemError]) -> list[Ours]:
    """Targets that may go, with what they need, each once, needs first."""
    seen: dict[str, Ours] = {}
    for reference in work.targets:
        if reference in refused:
            continue
        ours = work.ours[reference]
        if ours.gone and ours.link is None:
            continue
        if not ours.gone and not (ours.kind is not Kind.PAYMENT and _agreed(ours)):
            for name in ours.needs:
                if name in work.ours and work.ours[name].kind in (Kind.CUSTOMER, Kind.ITEM):
                    seen.setdefault(name, work.ours[name])
        seen.setdefault(reference, ours)
    return list(seen.values())


# --- 3. the plan ------------------------------------------------------------------------------------


def plan(
    work: Work,
    refused: Mapping[str, ItemError],
    found: Found,
    linked_elsewhere: Mapping[tuple[Kind, str], str],
    capabilities: Capabilities,
    terms: Terms,
    markers: Mapping[str, str],
    known: Mapping[str, str] = MappingProxyType({}),
) -> Plan:
    """The steps that bring the service to what we have.

    `linked_elsewhere` holds what is linked already ((kind, external id) -> label of our record), so that
    a record there is never linked twice. `markers` holds our stamp for each invoice, `known` the id of a record
    without a link whom such an invoice names there.
    """
    able = capabilities
    builder = _Builder(
        work, dict(refused), found, linked_elsewhere, terms, markers, able.no_room, known, able.invoice_stamps
    )
    for ours in _concerned(work, refused):
        builder.add(ours)
    return builder.result()


class _Builder:
    """Collects adoptions and steps while walking the records, needs before what needs them."""

    def __init__(
        self,
        work: Work,
        refused: dict[str, ItemError],
        found: Found,
        linked_elsewhere: Mapping[tuple[Kind, str], str],
        terms: Terms,
        markers: Mapping[str, str],
        no_room: frozenset[str] = frozenset(),
        known: Mapping[str, str] = MappingProxyType({}),
        invoice_stamps: bool = True,
    ) -> None:
        self.work = work
        self.invoice_stamps = invoice_stamps
        self.known = known
        self.no_room = no_room
        self.refused = refused
        self.found = found
        self.linked = linked_elsewhere
        self.terms = terms
        self.markers = markers
        self.adoptions: list[Adoption] = []
        self.steps: dict[Kind, list[PlannedStep]] = {kind: [] for kind in Kind}
        self.settled: list[Ours] = []
        self.waiting: list[str] = []
        self.first: list[PlannedStep] = []
        self.targets = set(work.targets)

    def add(self, ours: Ours) -> None:
        if ours.ref in self.refused:
            return
        if ours.ref in self.work.unsure:
            self.waiting.append(ours.ref)
            return
        if self._unasked(ours):
            self.waiting.append(ours.ref)
            return
        blocked = self._blocking(ours)
        if blocked is not None and (ours.kind is Kind.PAYMENT or blocked not in self.refused):
            self.waiting.append(ours.ref)
            return
        error = self.refused[blocked] if blocked is not None else None
        if error is None:
            error = self._create_or_adopt(ours) if ours.link is None else self._update(ours)
        if error is not None:
            error.concerns = error.concerns or (ours.concern,)
            self.refused[ours.ref] = error

    def _unasked(self, ours: Ours) -> bool:
        """A payment that left once, and nobody could ask for it before its customer was found: that is just done, so
        the next push asks (I1)."""
        record = ours.record
        if not isinstance(record, PaymentRecord) or ours.ref not in self.work.sent_before:
            return False
        return record.customer_id.startswith("@") and any(
            f"@{one.ours.ref}" == record.customer_id for one in self.adoptions
        )

    def _blocking(self, ours: Ours) -> str | None:
        """The record that this one can't go without and that is refused or waits itself; refused ones first."""
        if ours.gone or ours.foreign:
            return None
        held = [name for name in ours.needs if name in self.refused or name in self.waiting]
        held = [name for name in held if blocks(self.work.ours[name])]
        return next((name for name in held if name in self.refused), held[0] if held else None)

    def _create_or_adopt(self, ours: Ours) -> ItemError | None:
        if isinstance(ours.record, CustomerRecord):
            return self._customer(ours, ours.record)
        if isinstance(ours.record, ItemRecord):
            return self._item(ours, ours.record)
        if isinstance(ours.record, InvoiceRecord):
            return self._invoice(ours, ours.record)
        stamped = [one for one in self.found.payments if self._bears(one.marker, ours)]
        mine = next((one for one in stamped if not one.voided), None)
        if mine is None and ours.copied:  # sent after the copy was taken, and taken back there since: that asks
            mine = next(iter(stamped), None)
        if mine is not None:
            self.adoptions.append(Adoption(ours, mine, ours.copied))
            self._update_to(ours, mine)
        elif self._too_much(ours.record):
            return PaymentBlocked(
                tr("This payment is larger than what is still owed in {service}.", service=self.terms.service),
                tr("Compare the payments on both sides: somebody may have entered one there."),
            )
        else:
            self._step(ours, Action.CREATE)
        return None

    def _too_much(self, record: PaymentRecord) -> bool:
        """Whether a new payment exceeds what its invoice owes there, as just read (D11); unknown where it changes."""
        for part in record.allocations:
            theirs = next((one for one in self.found.invoices if one.external_id == part.invoice_id), None)
            changing = any(step.step.record.external_id == part.invoice_id for step in self.steps[Kind.INVOICE])
            if theirs is None or theirs.balance is None or changing or self.first:
                continue
            others = [step.step.record for step in self.steps[Kind.PAYMENT]]
            going = sum(
                (
                    one.amount
                    for other in others
                    if isinstance(other, PaymentRecord)
                    for one in other.allocations
                    if one.invoice_id == part.invoice_id
                ),
                part.amount,
            )
            if going > theirs.balance:
                return True
        return False

    def _bears(self, stamp: str, ours: Ours) -> bool:
        """Whether this is our stamp for it; a copy of the books may not know how often it was made anew since."""
        marker = self.markers.get(ours.ref, "")
        return bool(marker) and same_stamp(stamp, marker, any_generation=ours.copied)

    def _customer(self, ours: Ours, record: CustomerRecord) -> ItemError | None:
        service = self.terms.service
        proven = next((c for c in self.found.customers if c.external_id == self.known.get(ours.ref, "")), None)
        alike = next((c for c in self.found.customers if same_name(c.display_name, record.display_name)), None)
        if proven is not None and not may_be_ours(ours, proven):
            proven = None
        if proven is not None and alike is not None and (Kind.CUSTOMER, proven.external_id or "") in self.linked:
            proven = None
        if proven is not None and not self._is_plain(ours, proven, alike):
            return PossibleDuplicate(service, record.display_name, _described(proven))
        theirs = proven or alike
        if theirs is None:
            holder = next(
                (who for name, who in self.found.other_name_holders if same_name(name, record.display_name)),
                "",
            )
            if holder:
                return NameTaken(service, record.display_name, holder=_holder(holder))
            self._step(ours, Action.CREATE)
            return None
        other = self.linked.get((Kind.CUSTOMER, theirs.external_id or ""))
        if other is not None:
            return NameTaken(service, record.display_name, holder=tr("your customer “{name}”", name=other))
        if not theirs.active:
            return GoneRemote(service, record.display_name)
        if proven is None and not may_be_same(record, theirs):
            return PossibleDuplicate(service, record.display_name, _described(theirs))
        self.adoptions.append(Adoption(ours, theirs, proven is not None and ours.old))
        return None

    def _is_plain(self, ours: Ours, proven: CustomerRecord, alike: CustomerRecord | None) -> bool:
        """Whether it goes without asking that this is ours: nobody else has the name, and ours is older than theirs."""
        if alike is not None:
            return alike.external_id == proven.external_id
        return ours.old or (Kind.CUSTOMER, proven.external_id or "") in self.linked  # the latter is told as taken

    def _item(self, ours: Ours, record: ItemRecord) -> ItemError | None:
        proven = next((item for item in self.found.items if item.external_id == self.known.get(ours.ref, "")), None)
        alike = next((item for item in self.found.items if same_name(item.name, record.name)), None)
        taken = proven is not None and (Kind.ITEM, proven.external_id or "") in self.linked
        if proven is not None and (taken or not proven.active or not may_be_ours(ours, proven)):
            proven = None
        theirs = alike or proven
        if theirs is None:
            self._step(ours, Action.CREATE)
            return None
        if (Kind.ITEM, theirs.external_id or "") in self.linked:
            holder = tr("another item of yours")
            return NameTaken(self.terms.service, record.name, holder=holder, is_item=True)
        if not theirs.active:
            return GoneRemote(self.terms.service, record.name, fix=Fix.LINK_ITEM)
        self.adoptions.append(Adoption(ours, theirs, theirs is proven and ours.old))
        if record.income_account_id and record.income_account_id != theirs.income_account_id:
            # its lines must land in the account that the owner chose (M54, M65); nothing else of it is touched
            moved = replace(theirs, income_account_id=record.income_account_id)
            step = Step(ours.ref, Action.UPDATE, ours.kind, moved, frozenset({"income_account_id"}))
            self.steps[Kind.ITEM].append(PlannedStep(step, ours, 0))
        return None

    def _invoice(self, ours: Ours, record: InvoiceRecord) -> ItemError | None:
        same = [inv for inv in self.found.invoices if same_name(inv.number, record.number) and not inv.voided]
        mine = next((inv for inv in same if self._bears(inv.marker, ours)), None)
        if mine is not None:
            self.adoptions.append(Adoption(ours, mine, ours.copied))
            self._update_to(ours, mine)
            return None
        if same:
            return self._number_taken(ours, record, same[0])
        self._step(ours, Action.CREATE)
        return None

    def _number_taken(self, ours: Ours, record: InvoiceRecord, theirs: InvoiceRecord) -> ItemError | None:
        """Where it is ours all the same (the service could not find it when it was read back), it is linked."""
        customer = next((self.work.ours[name] for name in ours.needs if name.startswith("customer:")), None)
        linked = customer.link if customer is not None else None
        adopted = next(
            (a.record.external_id for a in self.adoptions if customer is not None and a.ours.ref == customer.ref),
            None,
        )
        ours_there = linked.external_id if linked is not None else adopted
        same_customer = ours_there is not None and theirs.customer_id == ours_there
        free = (Kind.INVOICE, theirs.external_id or "") not in self.linked
        can_link = same_customer and theirs.total == record.total and free
        if can_link and (ours.ref, theirs.external_id) in self.work.made:
            self.adoptions.append(Adoption(ours, theirs))
            self._update_to(ours, theirs)
            return None
        if ours.copied and not self.invoice_stamps:  # sent after the copy was taken, and changed there since
            can_link = free
        if stamp_of(theirs.marker)[0] and not self._bears(theirs.marker, ours):
            can_link = False  # another one of ours
        there = next((one for one in self.found.customers if one.external_id == theirs.customer_id), None)
        named = there.display_name if there is not None and ours.copied else tr("another customer")
        taken_by = customer.label if same_customer and customer is not None else named
        error = NumberTaken(self.terms.service, record.number, taken_by=taken_by, can_link=can_link)
        error.details = tr("Invoice there: {number}, {total}.", number=theirs.number, total=theirs.total or Decimal(0))
        return error

    def _update(self, ours: Ours) -> ItemError | None:
        link = ours.link
        assert link is not None
        if link.alias:
            if ours.ref in self.targets:
                self.settled.append(ours)
            return None
        if ours.gone:
            if link.agreed_ours.get("voided") is not True:
                self._step(ours, Action.VOID)
            elif ours.ref in self.targets:
                self.settled.append(ours)
            return None
        if _agreed(ours):
            if ours.ref in self.targets:
                self.settled.append(ours)
            return None
        if isinstance(ours.record, InvoiceRecord) and _number_is_new(ours, ours.record):
            others = [i for i in self.found.invoices if same_name(i.number, ours.record.number)]
            if any(other.external_id != link.external_id and not other.voided for other in others):
                return NumberTaken(self.terms.service, ours.record.number)
        fields = self._kept_there(ours.kind, changed_fields(ours.kind, ours.record, link.agreed_ours))
        if ours.ref not in self.targets:
            fields &= {"income_account_id"}
        if fields:
            self._step(ours, Action.UPDATE, fields)
        elif ours.ref in self.targets:
            self.settled.append(ours)
        return None

    def _update_to(self, ours: Ours, theirs: Record) -> None:
        """An adopted record of ours may be older than what we have now: bring it up to date (unless ours is a copy's).

        What it refers to may be adopted in the same breath: compared by its real id, not by our symbol for it.
        """
        ids = {name: one.link.external_id for name, one in self.work.ours.items() if one.link is not None}
        ids |= {one.ours.ref: one.record.external_id or "" for one in self.adoptions}
        mine = resolve(ours.record, ids) or ours.record
        fields = self._kept_there(ours.kind, unlike(ours.kind, mine, theirs))
        record = with_identity(mine, theirs.external_id, theirs.version)
        if ours.copied:  # what stands there is newer: only what was left unfinished there goes on
            fields &= {"draft"}
            record = replace(theirs, draft=False) if isinstance(theirs, InvoiceRecord) else record
        if fields:
            step = Step(ours.ref, Action.UPDATE, ours.kind, record, fields)
            self.steps[ours.kind].append(PlannedStep(step, ours, ours.revision))

    def _kept_there(self, kind: Kind, fields: frozenset[str]) -> frozenset[str]:
        """Without what the service has no room for: an edit of that alone writes nothing."""
        return frozenset(name for name in fields if f"{kind}.{name}" not in self.no_room)

    def _step(self, ours: Ours, action: Action, fields: frozenset[str] = frozenset()) -> None:
        record = ours.record
        revision = ours.revision
        if ours.link is not None:
            record = with_identity(record, ours.link.external_id, ours.link.version)
            if ours.ref not in self.targets and action is Action.UPDATE:
                revision = ours.link.revision
        planned = PlannedStep(Step(ours.ref, action, ours.kind, record, fields), ours, revision)
        if isinstance(ours.record, PaymentRecord) and takes_money_back(ours, ours.record):
            self.first.append(planned)
        else:
            self.steps[ours.kind].append(planned)

    def result(self) -> Plan:
        """Levels: names and money taken back, invoices, money received.

        A payment that is removed or made smaller goes before its invoice, which may be void or smaller now.
        """
        wanted = self._wanted()
        names = (*self.steps[Kind.CUSTOMER], *self.steps[Kind.ITEM])
        levels = (
            (*(step for step in names if step.ours.ref in wanted), *self.first),
            tuple(self.steps[Kind.INVOICE]),
            tuple(self.steps[Kind.PAYMENT]),
        )
        return Plan(
            tuple(one for one in self.adoptions if one.ours.ref in wanted),
            tuple(level for level in levels if level),
            self.refused,
            tuple(self.settled),
            tuple(self.waiting),
        )

    def _wanted(self) -> set[str]:
        """What was asked for, and what it needs: a refused invoice leaves no customer behind (I8)."""
        wanted = set(self.targets)
        for name in self.targets:
            if name not in self.refused and name not in self.waiting:
                wanted.update(self.work.ours[name].needs)
        return wanted


# --- small judgements --------------------------------------------------------------------------------


def blocks(need: Ours) -> bool:
    """Whether a record that can't be sent holds up those that need it.

    What is there already can be referred to, whatever became of our edit of it; an item whose account
    changed is the exception, because the line would land in the old account (M49, M54).
    """
    if need.link is None:
        return True
    return need.kind is Kind.ITEM and "income_account_id" in changed_fields(
        need.kind, need.record, need.link.agreed_ours
    )


def takes_money_back(ours: Ours, record: PaymentRecord) -> bool:
    """A payment that is linked and counts for less than what was agreed."""
    if ours.link is None:
        return False
    agreed = ours.link.agreed_ours.get("amount")
    return ours.gone or (agreed is not None and record.amount < Decimal(str(agreed)))


def same_name(left: str, right: str) -> bool:
    """Equal as the services compare names and numbers: without regard to case and outer blanks."""
    return left.strip().casefold() == right.strip().casefold()


def same_stamp(left: str, right: str, *, any_generation: bool = False) -> bool:
    """Whether two stamps of ours are of one record, and of one making of it unless `any_generation` will do."""
    return left == right or (any_generation and stamp_of(left)[0] == stamp_of(right)[0])


def same_line(ours: LineRecord, theirs: LineRecord) -> bool:
    """Whether two lines say the same, whatever item stands on them."""
    return (ours.description, ours.quantity, ours.unit_price) == (
        theirs.description,
        theirs.quantity,
        theirs.unit_price,
    )


def may_be_same(ours: CustomerRecord, theirs: CustomerRecord) -> bool:
    """Equal names, and nothing speaks against it: where both have an e-mail, phone or street, one agrees."""
    pairs = [
        (ours.email.strip().casefold(), theirs.email.strip().casefold()),
        (_digits(ours.phone), _digits(theirs.phone)),
        (_plain(ours.address.line1), _plain(theirs.address.line1)),
    ]
    known = [(left, right) for left, right in pairs if left and right]
    return not known or any(left == right for left, right in known)


def not_agreed(ours: CustomerRecord, theirs: CustomerRecord) -> CustomerRecord:
    """Ours with e-mail and phone as they read there, where we have another: linking two records settles neither.

    Ours counts as changed then: the owner sees it, and it goes there when the customer is sent.
    """
    other_mail = ours.email and ours.email.strip().casefold() != theirs.email.strip().casefold()
    other_phone = ours.phone and _digits(ours.phone) != _digits(theirs.phone)
    return replace(
        ours,
        email=theirs.email if other_mail else ours.email,
        phone=theirs.phone if other_phone else ours.phone,
    )


def may_be_ours(ours: Ours, theirs: CustomerRecord | ItemRecord) -> bool:
    """Whether theirs can be what we made: what was there before ours was written is somebody else (D4)."""
    if theirs.created_at is None or ours.made_at is None:
        return True
    return theirs.created_at >= ours.made_at - CLOCKS_APART


def _digits(phone: str) -> str:
    return "".join(char for char in phone if char.isdigit())[-10:]


def _plain(text: str) -> str:
    return "".join(char for char in text.casefold() if char.isalnum())


def _holder(kind: str) -> str:
    return {"vendor": tr("a vendor"), "employee": tr("an employee")}.get(kind, tr("another record"))


def _described(theirs: CustomerRecord) -> str:
    extra = theirs.email or theirs.phone or theirs.address.line1
    return f"{theirs.display_name} ({extra})" if extra else theirs.display_name


# --- putting real ids in ------------------------------------------------------------------------------


def resolve(record: Record, ids: Mapping[str, str]) -> Record | None:
    """`record` with every symbol replaced by the real id from `ids` (ref -> external id); None while one is missing."""
    if isinstance(record, InvoiceRecord):
        customer = _real(record.customer_id, ids)
        lines = tuple(replace(line, item_id=_real(line.item_id or "", ids) or None) for line in record.lines)
        if customer is None or any(line.item_id is None for line in lines):
            return None
        return replace(record, customer_id=customer, lines=lines)
    if isinstance(record, PaymentRecord):
        customer = _real(record.customer_id, ids)
        invoices = [_real(part.invoice_id, ids) for part in record.allocations]
        if customer is None or None in invoices:
            return None
        parts = tuple(
            replace(part, invoice_id=invoice or "") for part, invoice in zip(record.allocations, invoices, strict=True)
        )
        return replace(record, customer_id=customer, allocations=parts)
    return record


def _real(value: str, ids: Mapping[str, str]) -> str | None:
    return ids.get(value[1:]) if value.startswith("@") else value


# --- after a push: does the service show what we meant? -------------------------------------------------


def differences(kind: Kind, ours: Record, theirs: Record) -> tuple[str, ...]:
    """Fields that decide whether a record may be called in sync and that read differently there (I3).

    Text that a service may write its own way (notes, addresses) is not among them; numbers, names,
    dates, lines and money are.
    """
    left, right = both(kind, ours, theirs)
    decisive = {
        Kind.CUSTOMER: ("display_name",),
        Kind.ITEM: ("name",),
        Kind.INVOICE: ("number", "customer_id", "issued_on", "lines"),
        Kind.PAYMENT: ("amount", "allocations", "paid_on"),
    }[kind]
    result = [name for name in decisive if left[name] != right[name]]
    if isinstance(ours, InvoiceRecord) and isinstance(theirs, InvoiceRecord):
        if ours.due_on is not None and left["due_on"] != right["due_on"]:
            result.append("due_on")
        if theirs.draft:
            result.append("draft")
        if theirs.total != ours.total:
            result.append("total")
    return tuple(result)


def merge(kind: Kind, ours: Record, theirs: Record, link: LinkState, fields: frozenset[str]) -> tuple[str, ...]:
    """Fields of ours that were changed there too since both sides agreed: those are in conflict (N10).

    Empty means that our change may be written over the newer version.
    """
    now = compared(kind, theirs)
    mine = compared(kind, ours)
    return tuple(
        sorted(
            name
            for name in fields
            if name in link.agreed_theirs and now[name] != link.agreed_theirs[name] and now[name] != mine[name]
        )
    )
