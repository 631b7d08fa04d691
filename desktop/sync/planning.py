"""From what we have, what was found there and what both sides last agreed on, to the steps of a push.

Pure: no database, no call, no clock. The preview prints the plan, the executor runs exactly it.

A record that isn't at the service yet has no id there; steps that need it carry `@customer:12` in its
place, and the executor puts the real id in once the step before has settled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal

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
    PeriodClosed,
    PossibleDuplicate,
    TaxProblem,
)
from desktop.models.states import Switches
from desktop.providers.base import Action, Capabilities, Step, Terms
from desktop.providers.records import (
    AccountKind,
    CompanySettings,
    CustomerRecord,
    Found,
    InvoiceRecord,
    ItemRecord,
    Kind,
    Lookup,
    PaymentRecord,
    Record,
)
from desktop.sync.snapshots import changed_fields, compared, with_identity
from desktop.text import tr

Snapshot = Mapping[str, object]


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


@dataclass(frozen=True, slots=True)
class Plan:
    """What will happen, level by level; a level's steps never depend on each other (I9)."""

    adoptions: tuple[Adoption, ...] = ()
    levels: tuple[tuple[PlannedStep, ...], ...] = ()
    refused: Mapping[str, ItemError] = field(default_factory=dict)
    settled: tuple[Ours, ...] = ()
    """Linked and nothing to write: only the revision is noted."""

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
        error = _own_rules(ours, work, capabilities, terms) or _checked(ours, work, check)
        if error is not None:
            refused[reference] = error
    return refused


def _own_rules(ours: Ours, work: Work, capabilities: Capabilities, terms: Terms) -> ItemError | None:
    if ours.gone:
        return None
    if ours.kind is Kind.ITEM:
        return _item_account((ours,), work, capabilities, terms)
    if ours.kind is Kind.INVOICE and not _agreed(ours):
        return _invoice_rules(ours, work, capabilities, terms)
    if ours.kind is Kind.PAYMENT and not _agreed(ours):
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
        if one.link is None and one.kind is Kind.CUSTOMER and not work.switches.customers:
            return MissingCustomer(service, one.label, concerns=(one.concern,))
        if one.link is None and one.kind is Kind.ITEM and capabilities.sync_items and not work.switches.items:
            return MissingItem(service, one.label, concerns=(one.concern,))
    if (
        not work.settings.multi_currency
        and record.currency
        and record.currency != work.settings.home_currency
    ):
        return CurrencyRefused(service, record.currency, work.settings.home_currency)
    if ours.untaxable:
        return TaxProblem(
            service, title=tr("A line uses a tax code that {service} does not have.", service=service)
        )
    codes = {line.tax_code_id for line in record.lines if line.tax_code_id}
    if capabilities.tax_codes_per_invoice is not None and len(codes) > capabilities.tax_codes_per_invoice:
        return TaxProblem(
            service, title=tr("{service} takes only one tax rate on an invoice.", service=service)
        )
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


def _item_account(
    items: Iterable[Ours], work: Work, capabilities: Capabilities, terms: Terms
) -> ItemError | None:
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
    """The service's own known rules, for the record and for everything that would be created along with it."""
    for name in (*ours.needs, ours.ref):
        one = work.ours.get(name)
        if one is None or one.gone or (one.link is not None and _agreed(one)):
            continue
        error = check(Step(one.ref, Action.CREATE, one.kind, one.record))
        if error is not None:
            error.concerns = error.concerns or (one.concern,)
            return error
    return None


# --- 2. what must be looked up before anything is created ------------------------------------------


def questions(work: Work, refused: Mapping[str, ItemError]) -> Lookup | None:
    """Names and numbers that would be created: do they exist there already? None when nothing is new."""
    customers: list[str] = []
    items: list[str] = []
    numbers: list[str] = []
    for ours in _concerned(work, refused):
        record = ours.record
        if isinstance(record, CustomerRecord) and ours.link is None:
            customers.append(record.display_name)
        elif isinstance(record, ItemRecord) and ours.link is None:
            items.append(record.name)
        elif isinstance(record, InvoiceRecord) and _number_is_new(ours, record):
            numbers.append(record.number)
    if not (customers or items or numbers):
        return None
    return Lookup(customer_names=tuple(customers), item_names=tuple(items), invoice_numbers=tuple(numbers))


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
) -> Plan:
    """The steps that bring the service to what we have.

    `linked_elsewhere` holds what is linked already ((kind, external id) -> label of our record), so that
    a record there is never linked twice. `markers` holds our stamp for each invoice.
    """
    builder = _Builder(work, dict(refused), found, linked_elsewhere, terms, markers)
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
    ) -> None:
        self.work = work
        self.refused = refused
        self.found = found
        self.linked = linked_elsewhere
        self.terms = terms
        self.markers = markers
        self.adoptions: list[Adoption] = []
        self.steps: dict[Kind, list[PlannedStep]] = {kind: [] for kind in Kind}
        self.settled: list[Ours] = []
        self.targets = set(work.targets)

    def add(self, ours: Ours) -> None:
        error = self._need_refused(ours)
        if error is None and ours.link is None:
            error = self._create_or_adopt(ours)
        elif error is None:
            error = self._update(ours)
        if error is not None:
            error.concerns = error.concerns or (ours.concern,)
            self.refused[ours.ref] = error

    def _need_refused(self, ours: Ours) -> ItemError | None:
        if ours.gone:
            return None
        return next((self.refused[name] for name in ours.needs if name in self.refused), None)

    def _create_or_adopt(self, ours: Ours) -> ItemError | None:
        if isinstance(ours.record, CustomerRecord):
            return self._customer(ours, ours.record)
        if isinstance(ours.record, ItemRecord):
            return self._item(ours, ours.record)
        if isinstance(ours.record, InvoiceRecord):
            return self._invoice(ours, ours.record)
        self._step(ours, Action.CREATE)
        return None

    def _customer(self, ours: Ours, record: CustomerRecord) -> ItemError | None:
        service = self.terms.service
        theirs = next(
            (c for c in self.found.customers if same_name(c.display_name, record.display_name)), None
        )
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
        if not may_be_same(record, theirs):
            return PossibleDuplicate(service, record.display_name, _described(theirs))
        self.adoptions.append(Adoption(ours, theirs))
        return None

    def _item(self, ours: Ours, record: ItemRecord) -> ItemError | None:
        theirs = next((item for item in self.found.items if same_name(item.name, record.name)), None)
        if theirs is None:
            self._step(ours, Action.CREATE)
            return None
        if (Kind.ITEM, theirs.external_id or "") in self.linked:
            holder = tr("another item of yours")
            return NameTaken(self.terms.service, record.name, holder=holder, is_item=True)
        if not theirs.active:
            return GoneRemote(self.terms.service, record.name, fix=Fix.LINK_ITEM)
        self.adoptions.append(Adoption(ours, theirs))
        return None

    def _invoice(self, ours: Ours, record: InvoiceRecord) -> ItemError | None:
        same = [inv for inv in self.found.invoices if same_name(inv.number, record.number) and not inv.voided]
        marker = self.markers.get(ours.ref, "")
        mine = next((inv for inv in same if marker and inv.marker == marker), None)
        if mine is not None:
            self.adoptions.append(Adoption(ours, mine))
            self._update_to(ours, mine)
            return None
        if same:
            return self._number_taken(ours, record, same[0])
        self._step(ours, Action.CREATE)
        return None

    def _number_taken(self, ours: Ours, record: InvoiceRecord, theirs: InvoiceRecord) -> ItemError:
        customer = next((self.work.ours[name] for name in ours.needs if name.startswith("customer:")), None)
        linked = customer.link if customer is not None else None
        adopted = next(
            (
                a.record.external_id
                for a in self.adoptions
                if customer is not None and a.ours.ref == customer.ref
            ),
            None,
        )
        ours_there = linked.external_id if linked is not None else adopted
        same_customer = ours_there is not None and theirs.customer_id == ours_there
        free = (Kind.INVOICE, theirs.external_id or "") not in self.linked
        can_link = same_customer and theirs.total == record.total and free
        taken_by = customer.label if same_customer and customer is not None else tr("another customer")
        error = NumberTaken(self.terms.service, record.number, taken_by=taken_by, can_link=can_link)
        error.details = tr(
            "Invoice there: {number}, {total}.", number=theirs.number, total=theirs.total or Decimal(0)
        )
        return error

    def _update(self, ours: Ours) -> ItemError | None:
        link = ours.link
        assert link is not None
        if ours.gone:
            if link.agreed_ours.get("voided") is not True:
                self._step(ours, Action.VOID)
            return None
        if _agreed(ours):
            if ours.ref in self.targets:
                self.settled.append(ours)
            return None
        if isinstance(ours.record, InvoiceRecord) and _number_is_new(ours, ours.record):
            others = [i for i in self.found.invoices if same_name(i.number, ours.record.number)]
            if any(other.external_id != link.external_id and not other.voided for other in others):
                return NumberTaken(self.terms.service, ours.record.number)
        fields = changed_fields(ours.kind, ours.record, link.agreed_ours)
        if ours.ref not in self.targets:
            fields &= {"income_account_id"}
        if fields:
            self._step(ours, Action.UPDATE, fields)
        elif ours.ref in self.targets:
            self.settled.append(ours)
        return None

    def _update_to(self, ours: Ours, theirs: Record) -> None:
        """An adopted record of ours may be older than what we have now: bring it up to date."""
        fields = changed_fields(ours.kind, ours.record, compared(ours.kind, theirs))
        if fields:
            record = with_identity(ours.record, theirs.external_id, theirs.version)
            step = Step(ours.ref, Action.UPDATE, ours.kind, record, fields)
            self.steps[ours.kind].append(PlannedStep(step, ours, ours.revision))

    def _step(self, ours: Ours, action: Action, fields: frozenset[str] = frozenset()) -> None:
        record = ours.record
        revision = ours.revision
        if ours.link is not None:
            record = with_identity(record, ours.link.external_id, ours.link.version)
            if ours.ref not in self.targets and action is Action.UPDATE:
                revision = ours.link.revision
        self.steps[ours.kind].append(
            PlannedStep(Step(ours.ref, action, ours.kind, record, fields), ours, revision)
        )

    def result(self) -> Plan:
        levels = (
            (*self.steps[Kind.CUSTOMER], *self.steps[Kind.ITEM]),
            tuple(self.steps[Kind.INVOICE]),
            tuple(self.steps[Kind.PAYMENT]),
        )
        return Plan(
            tuple(self.adoptions),
            tuple(level for level in levels if level),
            self.refused,
            tuple(self.settled),
        )


# --- small judgements --------------------------------------------------------------------------------


def same_name(left: str, right: str) -> bool:
    """Equal as the services compare names and numbers: without regard to case and outer blanks."""
    return left.strip().casefold() == right.strip().casefold()


def may_be_same(ours: CustomerRecord, theirs: CustomerRecord) -> bool:
    """Equal names, and nothing speaks against it: where both have an e-mail, phone or street, one agrees."""
    pairs = [
        (ours.email.strip().casefold(), theirs.email.strip().casefold()),
        (_digits(ours.phone), _digits(theirs.phone)),
        (_plain(ours.address.line1), _plain(theirs.address.line1)),
    ]
    known = [(left, right) for left, right in pairs if left and right]
    return not known or any(left == right for left, right in known)


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
            replace(part, invoice_id=invoice or "")
            for part, invoice in zip(record.allocations, invoices, strict=True)
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
    left, right = compared(kind, ours), compared(kind, theirs)
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
        if theirs.total != ours.total:
            result.append("total")
    return tuple(result)


def merge(
    kind: Kind, ours: Record, theirs: Record, link: LinkState, fields: frozenset[str]
) -> tuple[str, ...]:
    """Fields of ours that were changed there too since both sides agreed: those are in conflict (N10).

    Empty means that our change may be written over the newer version.
    """
    now = compared(kind, theirs)
    mine = compared(kind, ours)
    return tuple(
        sorted(
            name
            for name in fields
            if name in link.agreed_theirs
            and now[name] != link.agreed_theirs[name]
            and now[name] != mine[name]
        )
    )
