"""Lists, chips and details: right by example, and a page says the same as the whole on large books."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import event

from desktop.books.invoices import mark_sent, update_invoice, void_invoice
from desktop.books.outbox import promise
from desktop.books.payments import PaymentDraft, record_payment, remove_payment
from desktop.books.queries import (
    Chip,
    InvoiceFilter,
    ItemFilter,
    Sort,
    has_synced_invoice,
    invoice_counts,
    invoice_detail,
    invoice_draft,
    invoice_ids,
    invoice_rows,
    item_ids,
    item_rows,
    tax_choices,
)
from desktop.books.sync_view import first_needing_you, invoice_states
from desktop.clock import ManualClock
from desktop.errors import NotAllowed
from desktop.models.session import Database, open_database
from desktop.models.states import CompanyKey, InvoiceView, PushReason, SyncState
from desktop.models.tables import ActivityRow, ExternalLink, Invoice, ItemAccount, RemoteAccount, SyncStatus, TaxCode
from tests.books import many
from tests.books.writing import COMPANY, START, Office

TODAY = date(2026, 6, 1)
SORTS = ("number", "customer", "issued_on", "due_on", "total", "balance", "status", "sync")


BY_NUMBER = Sort("number", False)


def ids(office: Office, chip: str = "all", text: str = "", sort: Sort = BY_NUMBER) -> list[int]:
    return list(office.ask(invoice_ids, InvoiceFilter(chip, text, TODAY), sort, COMPANY))


def state(office: Office, invoice: int, company: CompanyKey | None = COMPANY) -> SyncState:
    row = office.ask(invoice_rows, [invoice], company, TODAY)[0]
    with office.database.read() as session:
        assert invoice_states(session, company).of(invoice) is row.sync
    return row.sync  # type: ignore[no-any-return]


def pay(office: Office, invoice: int, amount: str) -> int:
    return int(office.do(record_payment, PaymentDraft(invoice, TODAY, Decimal(amount))))


def trouble(office: Office, kind: str, local_id: int, found: SyncState, title: str = "Look") -> None:
    with office.database.write() as session:
        session.add(SyncStatus(kind=kind, local_id=local_id, state=found.value, title=title, at=START))


def test_M113_the_sync_column_comes_with_the_first_synced_invoice(office: Office) -> None:
    invoice = office.invoice(office.customer())
    assert not office.ask(has_synced_invoice, COMPANY)
    office.link("invoice", invoice)
    assert office.ask(has_synced_invoice, COMPANY)
    assert not office.ask(has_synced_invoice, CompanyKey("quickbooks", "another"))
    assert not office.ask(has_synced_invoice, None)


def test_the_state_of_an_invoice_follows_link_outbox_and_revision(office: Office) -> None:
    customer = office.customer()
    invoice = office.invoice(customer)
    assert state(office, invoice) is SyncState.NOT_SYNCED
    office.do(promise, "invoice", invoice, PushReason.ASKED)
    assert state(office, invoice) is SyncState.QUEUED
    office.empty_outbox()
    office.link("invoice", invoice)
    assert state(office, invoice) is SyncState.SYNCED
    assert state(office, invoice, None) is SyncState.NOT_SYNCED
    assert state(office, invoice, CompanyKey("xero", "company-1")) is SyncState.NOT_SYNCED
    office.do(promise, "invoice", invoice, PushReason.ASKED)
    assert state(office, invoice) is SyncState.QUEUED
    office.do(update_invoice, invoice, office.draft(customer, "7"))
    assert state(office, invoice) is SyncState.CHANGED
    trouble(office, "invoice", invoice, SyncState.NEEDS_YOU)
    assert state(office, invoice) is SyncState.NEEDS_YOU


def test_M96_an_invoice_is_in_sync_only_if_its_payments_are(office: Office) -> None:
    invoice = office.invoice(office.customer(), "100")
    office.link("invoice", invoice)
    first = pay(office, invoice, "10")
    assert state(office, invoice) is SyncState.CHANGED
    office.link("payment", first)
    assert state(office, invoice) is SyncState.SYNCED
    office.do(promise, "payment", first, PushReason.ASKED)
    assert state(office, invoice) is SyncState.QUEUED
    office.empty_outbox()
    trouble(office, "payment", first, SyncState.WAITING, "Later")
    row = office.ask(invoice_rows, [invoice], COMPANY, TODAY)[0]
    assert (row.sync, row.sync_title) == (SyncState.WAITING, "Later")
    trouble(office, "invoice", invoice, SyncState.SYNCING, "Now")
    row = office.ask(invoice_rows, [invoice], COMPANY, TODAY)[0]
    assert (row.sync, row.sync_title) == (SyncState.SYNCING, "Now")


def test_a_payment_taken_back_counts_until_the_company_knows(office: Office) -> None:
    invoice = office.invoice(office.customer(), "100")
    office.link("invoice", invoice)
    there, here = pay(office, invoice, "10"), pay(office, invoice, "10")
    office.link("payment", there)
    office.do(remove_payment, here)
    assert state(office, invoice) is SyncState.SYNCED
    office.do(remove_payment, there)
    assert state(office, invoice) is SyncState.CHANGED
    with office.database.write() as session:
        session.query(ExternalLink).filter_by(kind="payment").delete()
    assert state(office, invoice) is SyncState.SYNCED


def test_chips_show_and_count_the_same(office: Office) -> None:
    customer = office.customer()
    late = {"issued_on": date(2026, 4, 1), "due_on": date(2026, 5, 1)}
    draft = office.invoice(customer, sent=False)
    sent = office.invoice(customer)
    partly = office.invoice(customer)
    overdue = office.invoice(customer, **late)
    paid = office.invoice(customer, **late)
    free = office.invoice(customer, "0")
    void = office.invoice(customer)
    pay(office, partly, "1")
    pay(office, paid, "100")
    office.do(void_invoice, void)
    office.link("invoice", sent)
    trouble(office, "invoice", overdue, SyncState.CONFLICT)
    shown = {
        Chip.ALL: [draft, sent, partly, overdue, paid, free, void],
        Chip.DRAFT: [draft],
        Chip.SENT: [sent, partly, overdue],
        Chip.OVERDUE: [overdue],
        Chip.PAID: [paid, free],
        Chip.NOT_SYNCED: [partly, paid, free],
        Chip.NEEDS_YOU: [overdue],
    }
    for chip, expected in shown.items():
        assert ids(office, chip) == expected, chip
    counts = office.ask(invoice_counts, COMPANY, TODAY)
    assert counts == {chip: len(expected) for chip, expected in shown.items()}
    views = [row.view for row in office.ask(invoice_rows, shown[Chip.ALL], COMPANY, TODAY)]
    assert views == [
        InvoiceView.DRAFT,
        InvoiceView.SENT,
        InvoiceView.PARTLY_PAID,
        InvoiceView.OVERDUE,
        InvoiceView.PAID,
        InvoiceView.PAID,
        InvoiceView.VOID,
    ]


def test_who_needs_the_owner_first_is_an_invoice_or_else_the_customer_or_item_itself(office: Office) -> None:
    customer = office.customer()
    invoice = office.invoice(customer)
    assert office.ask(first_needing_you) is None
    trouble(office, "customer", customer, SyncState.CONFLICT)
    trouble(office, "invoice", invoice, SyncState.WAITING)
    assert office.ask(first_needing_you) == ("customer", customer)
    other = office.invoice(customer)
    trouble(office, "payment", pay(office, other, "10"), SyncState.NEEDS_YOU)
    assert office.ask(first_needing_you) == ("invoice", other)


def test_N8_a_void_that_the_company_does_not_know_is_not_synced(office: Office) -> None:
    invoice = office.invoice(office.customer())
    office.link("invoice", invoice)
    office.do(void_invoice, invoice)
    assert ids(office, "not_synced") == [invoice]
    assert office.ask(invoice_counts, COMPANY, TODAY)[Chip.NOT_SYNCED] == 1


def test_an_invoice_due_today_is_not_overdue(office: Office) -> None:
    invoice = office.invoice(office.customer(), due_on=TODAY)
    assert ids(office, "overdue") == []
    row = office.ask(invoice_rows, [invoice], COMPANY, TODAY + timedelta(days=1))[0]
    assert row.view is InvoiceView.OVERDUE


def test_text_finds_number_and_customer_without_case_and_accents(office: Office) -> None:
    zoe = office.invoice(office.customer("Zoë Ångström"))
    bob = office.invoice(office.customer("Bob 50%"), number="A_7")
    assert ids(office, text="zoe") == [zoe]
    assert ids(office, text="ANGST inv-0") == [zoe]
    assert ids(office, text="a_7") == [bob]
    assert ids(office, text="50%") == [bob]
    assert ids(office, text="%") == [bob]
    assert ids(office, text="nobody") == []
    assert sorted(ids(office, text="  ")) == [zoe, bob]


def test_numbers_are_sorted_as_people_count(office: Office) -> None:
    customer = office.customer()
    made = {number: office.invoice(customer, number=number) for number in ("INV-10", "INV-9", "inv-11", "A-2")}
    assert ids(office, sort=Sort("number", False)) == [made[n] for n in ("A-2", "INV-9", "INV-10", "inv-11")]


def test_invoices_without_due_date_come_last(office: Office) -> None:
    customer = office.customer()
    none, some = office.invoice(customer, due_on=None), office.invoice(customer)
    assert ids(office, sort=Sort("due_on", False)) == ids(office, sort=Sort("due_on", True)) == [some, none]


def test_sorting_by_balance_status_and_sync(office: Office) -> None:
    customer = office.customer()
    draft, small = office.invoice(customer, "900", sent=False), office.invoice(customer, "10")
    large, paid = office.invoice(customer, "500"), office.invoice(customer, "700")
    pay(office, paid, "700")
    office.link("invoice", large)
    trouble(office, "invoice", small, SyncState.NEEDS_YOU)
    assert ids(office, sort=Sort("balance", True))[:2] == [large, small]
    assert ids(office, sort=Sort("status", False)) == [draft, small, large, paid]
    assert ids(office, sort=Sort("sync", False)) == [small, draft, paid, large]
    assert ids(office, sort=Sort("sync", True)) == [large, paid, draft, small]


def test_rows_come_in_the_order_asked_for_and_gone_ones_are_left_out(office: Office) -> None:
    customer = office.customer()
    first, second = office.invoice(customer), office.invoice(customer)
    rows = office.ask(invoice_rows, [second, 999, first], COMPANY, TODAY)
    assert [row.id for row in rows] == [second, first]


def test_M75_the_detail_holds_everything(office: Office) -> None:
    customer = office.customer(email="a@b.co")
    item = office.item("Labor", sku="L-1")
    invoice = office.invoice(customer, "100", "50", sent=False, discount_percent=Decimal(10))
    office.do(mark_sent, invoice)
    there, here = pay(office, invoice, "30"), pay(office, invoice, "20")
    gone = pay(office, invoice, "1")
    office.do(remove_payment, gone)
    office.link("invoice", invoice)
    office.link("payment", there)
    trouble(office, "payment", here, SyncState.NEEDS_YOU, "No deposit account.")
    with office.database.write() as session:
        for kind, local_id, action in (
            ("invoice", invoice, "create"),
            ("payment", there, "create"),
            ("item", item, "x"),
        ):
            session.add(
                ActivityRow(at=START, direction="out", kind=kind, local_id=local_id, action=action, result="done")
            )
    detail = office.ask(invoice_detail, invoice, COMPANY, TODAY)
    assert (detail.subtotal, detail.discount, detail.row.total, detail.row.balance) == (150, 15, 135, 85)
    assert [(line.item_name, line.amount, line.free_text) for line in detail.lines] == [
        ("Other work", 100, True),
        ("Other work", 50, True),
    ]
    assert [(p.id, p.external_id, p.sync) for p in detail.payments] == [
        (there, f"payment-{there}", SyncState.SYNCED),
        (here, "", SyncState.NEEDS_YOU),
    ]
    assert [row.kind for row in detail.history] == ["payment", "invoice"]
    assert (detail.external_id, detail.linked_at) == (f"invoice-{invoice}", START)
    assert detail.trouble is not None and detail.trouble.title == "No deposit account."
    assert (detail.customer_email, detail.customer_linked) == ("a@b.co", False)
    with pytest.raises(NotAllowed):
        office.ask(invoice_detail, 999, COMPANY)


def test_the_editor_loads_what_it_saved(office: Office) -> None:
    customer = office.customer()
    invoice = office.invoice(customer, "100", note="Thanks", sent=False)
    before = office.row(Invoice, invoice)
    office.do(update_invoice, invoice, office.ask(invoice_draft, invoice))
    assert state(office, invoice) is SyncState.NOT_SYNCED
    assert office.ask(invoice_detail, invoice, None, TODAY).revision == before.revision


def test_M153_items_show_their_account_and_what_lacks_one(office: Office) -> None:
    mapped, lost, bare = office.item("A"), office.item("B"), office.item("C")
    key = {"provider": COMPANY.provider, "company_id": COMPANY.company_id}
    with office.database.write() as session:
        session.add(RemoteAccount(**key, external_id="79", name="Sales", kind="income"))
        session.add(ItemAccount(**key, item_id=mapped, account_id="79"))
        session.add(ItemAccount(**key, item_id=lost, account_id="80"))
        session.add(ItemAccount(provider="xero", company_id="x", item_id=bare, account_id="79"))
        session.add(TaxCode(name="Local", rate=Decimal("8.25")))
        session.add(TaxCode(name="TAX", rate=Decimal(8), **key, external_id="2"))
    office.link("item", mapped)
    rows = office.ask(item_rows, office.ask(item_ids, ItemFilter(), Sort("name", False), COMPANY), COMPANY)
    assert [(row.account_id, row.account_name, row.unmapped, row.linked) for row in rows] == [
        ("79", "Sales", False, True),
        ("80", None, False, False),
        ("", None, True, False),
    ]
    assert [row.sync for row in rows] == [SyncState.SYNCED, SyncState.NOT_SYNCED, SyncState.NOT_SYNCED]
    assert list(office.ask(item_ids, ItemFilter(unmapped=True), Sort(), COMPANY)) == [bare]
    assert list(office.ask(item_ids, ItemFilter(), Sort("account", True), COMPANY))[0] == mapped
    assert not office.ask(item_rows, [bare], None)[0].unmapped
    assert [each.name for each in office.ask(tax_choices, COMPANY)] == ["TAX"]
    assert [each.name for each in office.ask(tax_choices, None)] == ["Local"]


# --- large books ---


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    path: Path = tmp_path_factory.mktemp("large") / "books.db"
    database = open_database(str(path), ManualClock(many.NOW), backup_dir=path.parent)
    many.fill(database, 3000, customers=200)
    yield database
    database.close()


@pytest.mark.parametrize("company", [CompanyKey(*many.COMPANY), None])
def test_a_page_says_the_same_as_the_whole(large: Database, company: CompanyKey | None) -> None:
    with large.read() as session:
        rows = invoice_rows(session, range(1, 3001), company, many.TODAY)
        states = invoice_states(session, company)
        assert {row.id: row.sync for row in rows} == {row.id: states.of(row.id) for row in rows}
        counts = invoice_counts(session, company, many.TODAY)
        for chip in Chip:
            found = invoice_ids(session, InvoiceFilter(chip, today=many.TODAY), Sort(), company)
            assert len(found) == counts[chip] == len(set(found)), chip
        views = {row.id: row.view for row in rows}
        overdue = invoice_ids(session, InvoiceFilter("overdue", today=many.TODAY), Sort(), company)
        assert set(overdue) == {each for each, view in views.items() if view is InvoiceView.OVERDUE}
        paid = invoice_ids(session, InvoiceFilter("paid", today=many.TODAY), Sort(), company)
        assert set(paid) == {each for each, view in views.items() if view is InvoiceView.PAID}
        assert len({row.sync for row in rows}) >= (7 if company else 6)


@pytest.mark.parametrize("by", SORTS)
def test_every_order_holds_every_invoice_and_turns_round(large: Database, by: str) -> None:
    company = CompanyKey(*many.COMPANY)
    with large.read() as session:
        up = invoice_ids(session, InvoiceFilter(today=many.TODAY), Sort(by, False), company)
        down = invoice_ids(session, InvoiceFilter(today=many.TODAY), Sort(by, True), company)
        rows = invoice_rows(session, up, company, many.TODAY)
    assert sorted(up) == list(range(1, 3001))
    assert list(up) == list(down)[::-1]
    keys = {"customer": "customer_name", "number": "id"}
    if by not in ("status", "sync"):
        values = [getattr(row, keys.get(by, by)) for row in rows]
        assert values == sorted(values)


def test_a_page_costs_few_queries_whatever_it_holds(large: Database) -> None:
    company = CompanyKey(*many.COMPANY)
    statements: list[str] = []
    with large.read() as session:
        connection = session.connection()
        event.listen(connection, "before_cursor_execute", lambda *args: statements.append(args[2]))
        invoice_rows(session, range(1, 201), company, many.TODAY)
        assert len(statements) == 2
        statements.clear()
        invoice_ids(session, InvoiceFilter(text="cust", today=many.TODAY), Sort("customer"), company)
        assert len(statements) == 1
