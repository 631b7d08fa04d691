"""The plan, for whatever we have and whatever is there: pure, so tried on thousands of made-up books."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from desktop.errors import MissingIncomeAccount
from desktop.models.states import Switches
from desktop.providers.base import Action, Step, marker_for
from desktop.providers.quickbooks import CAPABILITIES, TERMS
from desktop.providers.records import (
    AccountKind,
    AccountRecord,
    Allocation,
    CompanyRef,
    CompanySettings,
    CustomerRecord,
    Found,
    InvoiceRecord,
    ItemRecord,
    Kind,
    LineRecord,
    PaymentRecord,
)
from desktop.sync.planning import (
    LinkState,
    Ours,
    Plan,
    Work,
    merge,
    plan,
    questions,
    ref,
    refuse_early,
    resolve,
    same_name,
    symbol,
)
from desktop.sync.snapshots import compared

DAY = date(2026, 11, 10)
COMPANY = CompanySettings(CompanyRef("1"), "USD", accounts=(AccountRecord("79", "Sales", AccountKind.INCOME),))
NAMES = st.sampled_from(["Ann", "ann ", "Bob", "Cy", "Di"])
LINKED = st.booleans()


def link_of(kind: Kind, local_id: int, record: object, behind: bool) -> LinkState:
    snapshot = compared(kind, record)  # type: ignore[arg-type]
    return LinkState(f"X{kind}{local_id}", "0", 0 if behind else 1, snapshot, snapshot)


@st.composite
def books(draw: st.DrawFn) -> tuple[Work, Found]:
    """Some customers, items, invoices and payments of ours, some of them linked; some records there."""
    ours: dict[str, Ours] = {}

    def keep(kind: Kind, local_id: int, record: object, *, linked: bool, **more: object) -> None:
        link = link_of(kind, local_id, record, draw(st.booleans())) if linked else None
        one = Ours(kind, local_id, f"u{kind}{local_id}", f"{kind} {local_id}", 1, record, link, **more)  # type: ignore[arg-type]
        ours[one.ref] = one

    def there(kind: Kind, local_id: int) -> str:
        one = ours[ref(kind, local_id)]
        return one.link.external_id if one.link else symbol(one.ref)

    customers = draw(st.integers(1, 3))
    items = draw(st.integers(1, 3))
    for at in range(1, customers + 1):
        keep(Kind.CUSTOMER, at, CustomerRecord(f"{draw(NAMES)}{at}"), linked=draw(LINKED))
    for at in range(1, items + 1):
        account = draw(st.sampled_from(["79", "79", "79", None]))
        record = ItemRecord(f"{draw(NAMES)}{at}", income_account_id=account)
        keep(Kind.ITEM, at, record, linked=draw(LINKED), account_id=account)
    for at in range(1, draw(st.integers(1, 4)) + 1):
        customer, item = draw(st.integers(1, customers)), draw(st.integers(1, items))
        both = ours[ref(Kind.CUSTOMER, customer)].link and ours[ref(Kind.ITEM, item)].link
        line = LineRecord("", Decimal(1), Decimal(10), Decimal(10), there(Kind.ITEM, item))
        record = InvoiceRecord(f"N{at}", there(Kind.CUSTOMER, customer), DAY, (line,), total=Decimal(10))
        needs = (ref(Kind.CUSTOMER, customer), ref(Kind.ITEM, item))
        gone = draw(st.sampled_from([False, False, False, True]))
        keep(Kind.INVOICE, at, replace(record, voided=gone), linked=bool(both) and draw(LINKED), needs=needs, gone=gone)
        if ours[ref(Kind.INVOICE, at)].gone:
            continue
        paid = PaymentRecord(record.customer_id, DAY, Decimal(5), (Allocation(there(Kind.INVOICE, at), Decimal(5)),))
        known = ours[ref(Kind.INVOICE, at)].link is not None and draw(LINKED)
        keep(Kind.PAYMENT, at, paid, linked=known, needs=(ref(Kind.INVOICE, at),))
    targets = tuple(name for name in ours if draw(st.booleans()))
    unsure = frozenset(name for name in ours if draw(st.integers(0, 9)) == 0)
    work = Work(targets, ours, COMPANY, Switches(), draw(st.booleans()), unsure)
    return work, draw(found_for(work))


@st.composite
def found_for(draw: st.DrawFn, work: Work) -> Found:
    """For each new record of ours, nothing there, or a namesake."""
    customers, items, invoices = [], [], []
    for at, one in enumerate(work.ours.values()):
        if one.link is not None or draw(st.booleans()):
            continue
        external = f"F{at}"
        if isinstance(one.record, CustomerRecord):
            active = draw(st.booleans())
            customers.append(CustomerRecord(one.record.display_name.upper(), external, "0", active=active))
        elif isinstance(one.record, ItemRecord):
            items.append(ItemRecord(one.record.name, external, "0", income_account_id="79"))
        elif isinstance(one.record, InvoiceRecord):
            marker = marker_for(one.uuid) if draw(st.booleans()) else ""
            invoices.append(replace(one.record, external_id=external, version="0", marker=marker, customer_id="?"))
    return Found(tuple(customers), tuple(items), tuple(invoices))


def nothing_wrong(step: Step) -> None:
    return None


def made(work: Work, found: Found) -> Plan:
    refused = refuse_early(work, CAPABILITIES, TERMS, nothing_wrong)
    markers = {name: marker_for(one.uuid) for name, one in work.ours.items()}
    return plan(work, refused, found, {}, CAPABILITIES, TERMS, markers)


SETTINGS = settings(max_examples=300, deadline=None)


@given(books())
@SETTINGS
def test_M71_the_plan_creates_nothing_that_is_there(made_up: tuple[Work, Found]) -> None:
    work, found = made_up
    result = made(work, found)
    names = [c.display_name for c in found.customers]
    numbers = [i.number for i in found.invoices if not i.voided]
    for level in result.levels:
        for step in level:
            if step.step.action is not Action.CREATE:
                assert step.ours.link is not None or step.step.record.external_id
                continue
            assert step.ours.link is None and step.step.record.external_id is None
            record = step.step.record
            if isinstance(record, CustomerRecord):
                assert not any(same_name(record.display_name, name) for name in names)
            if isinstance(record, InvoiceRecord):
                assert not any(same_name(record.number, number) for number in numbers)
    refs = [step.ours.ref for level in result.levels for step in level if step.step.action is Action.CREATE]
    assert len(refs) == len(set(refs))


@given(books())
@SETTINGS
def test_I9_levels_respect_needs_and_every_symbol_can_be_resolved(made_up: tuple[Work, Found]) -> None:
    work, found = made_up
    result = made(work, found)
    ids = {name: one.link.external_id for name, one in work.ours.items() if one.link is not None}
    ids |= {one.ours.ref: one.record.external_id or "" for one in result.adoptions}
    for level in result.levels:
        for step in level:
            payment_alone = step.ours.kind is Kind.PAYMENT and step.ours.needs[0] not in work.targets
            assert resolve(step.step.record, ids) is not None or step.ours.gone or payment_alone
        ids |= {step.ours.ref: f"N{step.ours.ref}" for step in level}


@given(books())
@SETTINGS
def test_M72_I8_a_refused_invoice_writes_nothing_not_even_its_customer(made_up: tuple[Work, Found]) -> None:
    work, found = made_up
    result = made(work, found)
    written = {step.ours.ref for level in result.levels for step in level}
    assert not written & set(result.refused)
    needed = {need for name in work.targets if name not in result.refused for need in work.ours[name].needs}
    assert written <= set(work.targets) | needed
    for name, error in result.refused.items():
        assert error.concerns, f"{name} is refused and names nobody"
        if isinstance(error, MissingIncomeAccount):
            assert all(work.ours[f"{c.kind}:{c.local_id}"].account_id is None for c in error.concerns)


@given(books())
@SETTINGS
def test_I1_what_is_in_doubt_never_leaves_and_nothing_is_forgotten(made_up: tuple[Work, Found]) -> None:
    work, found = made_up
    result = made(work, found)
    written = {step.ours.ref for level in result.levels for step in level}
    adopted = {one.ours.ref for one in result.adoptions}
    assert not work.unsure & (written | adopted)
    settled = {one.ref for one in result.settled}
    for name in work.targets:
        known = written | adopted | settled | set(result.refused) | set(result.waiting) | work.unsure
        assert name in known or (work.ours[name].gone and work.ours[name].link is None), name


@given(books())
@SETTINGS
def test_I18_what_is_linked_and_unchanged_is_not_written(made_up: tuple[Work, Found]) -> None:
    work, found = made_up
    quiet = {
        name: replace(one, gone=False, link=link_of(one.kind, one.local_id, one.record, False))
        for name, one in work.ours.items()
    }
    unchanged = replace(work, ours=quiet, unsure=frozenset())
    assert questions(unchanged, {}) is None
    result = made(unchanged, found)
    assert result.writes == 0 and not result.adoptions


@given(books(), st.text(max_size=5), st.text(max_size=5))
@SETTINGS
def test_N10_only_fields_that_both_sides_changed_are_in_conflict(
    made_up: tuple[Work, Found], mine: str, theirs: str
) -> None:
    before = CustomerRecord("Ann", phone="1", email="a@b.example")
    agreed = compared(Kind.CUSTOMER, before)
    link = LinkState("1", "0", 1, agreed, agreed)
    ours, there = replace(before, phone=mine), replace(before, phone=theirs, email="new@b.example")
    clash = merge(Kind.CUSTOMER, ours, there, link, frozenset({"phone"}))
    expected = theirs.strip() not in ("1", mine.strip())
    assert (clash == ("phone",)) == expected
