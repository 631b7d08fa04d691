"""Every row of QuickBooks' error table (providers' contract: QuickBooks, section 5), armed and read."""

from __future__ import annotations

from typing import Any

import pytest

from desktop.errors import (
    AccessRefused,
    Fix,
    InvalidField,
    NameTaken,
    PaymentBlocked,
    PlanLacksFeature,
    RuleBroken,
    StaleVersion,
)
from desktop.providers.records import Kind
from tests.contract import same_words
from tests.contract.conftest import Meeting
from tests.contract.error_rows import (
    Row,
    Seen,
    Table,
    Told,
    by_hand,
    fault,
    number_taken,
    setting,
)

QUICKBOOKS = "quickbooks"


async def name_of_a_vendor(office: Any, record: Any) -> None:
    office.control.edit("vendor", "", {"create": {"DisplayName": "Nora Stone"}})


ROWS = [
    Row("| 3200 (003200) / 100", fault("batch", at="A1", once=True), seen=Seen.NOWHERE, variant="expired"),
    Row(
        "| 3200 (003200) / 100",
        [fault("batch", at="A1"), fault("refresh", at="A8")],
        seen=Seen.CONNECTION,
        variant="and not renewed",
    ),
    Row("| 3100 (003100)", fault("batch", at="H8", kind="company"), seen=Seen.CONNECTION),
    Row("| 120 |", fault("batch", at="H8", kind="user"), seen=Seen.CONNECTION),
    Row("| 3001 (003001)", fault("batch", at="H1", retry_after=900), seen=Seen.WAITING),
    Row("| 500 | 400", fault("create_invoice", code="500")),
    Row("| 600 |", fault("create_invoice", code="600", once=True), seen=Seen.NOWHERE),
    Row("| 610 |", by_hand(Kind.CUSTOMER, "archive"), "second invoice"),
    Row("| 620 |", fault("create_payment", code="620"), "payment"),
    Row("| 630/700/800", fault("create_invoice", code="630", detail="It exists already"), variant="630"),
    Row("| 630/700/800", fault("create_invoice", code="700", detail="The parent is not valid"), variant="700"),
    Row("| 630/700/800", fault("void_invoice", code="800", detail="Others depend on it"), "void", variant="800"),
    Row("| 1040 |", fault("batch", code="1040", once=True), seen=Seen.NOWHERE, variant="a question"),
    Row(
        "| 1040 |",
        {"id": "FAULT", "op": "batch", "nth": 2, "params": {"code": "1040"}},
        seen=Seen.NOWHERE,
        variant="a write",
    ),
    Row("| 2010 |", fault("create_invoice", code="2010", detail="Property Name:Foo is unsupported")),
    Row("| 2020 |", fault("create_customer", code="2020", element_name="DisplayName"), "customer"),
    Row("| 2040 |", fault("create_customer", code="2040", element_name="DisplayName"), "customer"),
    Row(
        "| 2050 |",
        fault(
            "create_invoice",
            code="2050",
            element_name="CustomerMemo",
            detail="String length: Min:0 Max:1,000 supported. Supplied length:1,001",
        ),
    ),
    Row("| 2170 |", fault("create_invoice", code="2170")),
    Row("| 2210 |", fault("create_customer", code="2210", element_name="PrimaryEmailAddr"), "customer"),
    Row("| 2500 |", by_hand(Kind.ITEM, "archive"), "second invoice"),
    Row("| 4000 / 4001 |", fault("list_customers", code="4000"), "customer", variant="4000"),
    Row("| 4000 / 4001 |", fault("list_customers", code="4001"), "customer", variant="4001"),
    Row(
        "| 5010 |",
        fault("update_customer", at="H10", once=True),
        "change of a customer",
        seen=Seen.NOWHERE,
        variant="once",
    ),
    Row("| 5010 |", fault("update_customer", at="H10"), "change of a customer", variant="always"),
    Row("| 5020 / 5030 |", fault("create_invoice", code="5020"), variant="5020"),
    Row("| 5020 / 5030 |", fault("create_invoice", code="5030"), variant="5030"),
    Row("| 6000 |", fault("create_invoice", code="6000", detail="Only QuickBooks knows this rule")),
    Row("| 6070 |", fault("create_invoice", code="6070")),
    Row("| 6080 |", fault("create_customer", code="6080"), "customer"),
    Row("| 6100 |", fault("create_invoice", code="6100")),
    Row("| 6140 |", number_taken),
    Row("| 6190 |", fault("batch", at="H12"), seen=Seen.CONNECTION),
    Row("| 6210 |", setting(book_close_date="2026-11-30")),
    Row("| 6240 |", name_of_a_vendor, "customer"),
    Row("| 6250 / 6560 |", fault("create_invoice", code="6250"), variant="6250"),
    Row("| 6250 / 6560 |", fault("create_invoice", code="6560"), variant="6560"),
    Row("| 6540 |", by_hand(Kind.PAYMENT, "deposit"), "removed payment"),
    Row("| 10000 / 5xx |", fault("batch", at="H5"), seen=Seen.CONNECTION),
]

OWNER_READS: dict[str, Told] = {
    "3200-003200-100-and-not-renewed": same_words.sign_in_again(QUICKBOOKS),
    "3100-003100": same_words.company_refused(QUICKBOOKS),
    "120": Told(
        AccessRefused,
        "The QuickBooks user who connected no longer has access.",
        "Someone with admin rights there must sign in again.",
        Fix.RECONNECT,
    ),
    "3001-003001": same_words.asked_to_wait(QUICKBOOKS),
    "500-400": Told(
        RuleBroken,
        "This can't be done in QuickBooks.",
        "Details has its reason; nothing was changed there.",
        Fix.EDIT_INVOICE,
    ),
    "610": same_words.customer_gone(QUICKBOOKS),
    "620": Told(
        PaymentBlocked,
        "This payment belongs to another customer in QuickBooks.",
        "Check the customer of the invoice on both sides, then press Resync.",
        Fix.EDIT_PAYMENT,
    ),
    "630-700-800-630": Told(
        RuleBroken,
        "QuickBooks refused: It exists already.",
        "Details has its reason; nothing was changed there.",
        Fix.EDIT_INVOICE,
    ),
    "630-700-800-700": Told(
        RuleBroken,
        "QuickBooks refused: The parent is not valid.",
        "Details has its reason; nothing was changed there.",
        Fix.EDIT_INVOICE,
    ),
    "630-700-800-800": Told(
        RuleBroken,
        "QuickBooks refused: Others depend on it.",
        "Details has its reason; nothing was changed there.",
        Fix.EDIT_INVOICE,
    ),
    "2010": same_words.our_mistake(QUICKBOOKS),
    "2020": Told(
        InvalidField,
        "QuickBooks needs the name.",
        "Change it and press Resync.",
        Fix.EDIT_CUSTOMER,
    ),
    "2040": Told(
        InvalidField,
        "Names in QuickBooks can't contain a colon, a tab or a line break.",
        "Change it and press Resync.",
        Fix.EDIT_CUSTOMER,
    ),
    "2050": Told(
        InvalidField,
        "The note is too long: QuickBooks takes 1000 characters.",
        "Change it and press Resync.",
        Fix.EDIT_INVOICE,
    ),
    "2170": same_words.our_mistake(QUICKBOOKS),
    "2210": Told(
        InvalidField,
        "The e-mail address of Nora Stone is not valid.",
        "Change it and press Resync.",
        Fix.EDIT_CUSTOMER,
    ),
    "2500": same_words.item_gone(QUICKBOOKS),
    "4000-4001-4000": same_words.not_understood(QUICKBOOKS),
    "4000-4001-4001": same_words.not_understood(QUICKBOOKS),
    "5010-always": Told(
        StaleVersion,
        "This was changed in QuickBooks meanwhile.",
        "Look at both versions and choose.",
        Fix.SHOW_DIFFERENCE,
        retryable=True,
    ),
    "5020-5030-5020": Told(
        PlanLacksFeature,
        "Your QuickBooks plan does not include this.",
        "Nothing was changed there.",
        Fix.RETRY,
    ),
    "5020-5030-5030": Told(
        PlanLacksFeature,
        "Your QuickBooks plan does not include this.",
        "Nothing was changed there.",
        Fix.RETRY,
    ),
    "6000": Told(
        RuleBroken,
        "QuickBooks refused: Only QuickBooks knows this rule.",
        "Details has its reason; nothing was changed there.",
        Fix.EDIT_INVOICE,
    ),
    "6070": same_words.our_mistake(QUICKBOOKS),
    "6080": Told(
        InvalidField,
        "The customer needs a name.",
        "Change it and press Resync.",
        Fix.EDIT_CUSTOMER,
    ),
    "6100": same_words.tax_refused(QUICKBOOKS),
    "6140": same_words.number_used(QUICKBOOKS),
    "6190": same_words.subscription_lapsed(QUICKBOOKS),
    "6210": same_words.period_closed(QUICKBOOKS),
    "6240": Told(
        NameTaken,
        "The name “Nora Stone” is already used by a vendor in QuickBooks.",
        "Link to that record, or give this one another name.",
        Fix.LINK_CUSTOMER,
    ),
    "6250-6560-6250": same_words.customer_missing(QUICKBOOKS),
    "6250-6560-6560": same_words.customer_missing(QUICKBOOKS),
    "6540": Told(
        PaymentBlocked,
        "This payment is in a bank deposit in QuickBooks.",
        "Remove it from the deposit there first, then press Resync.",
        Fix.EDIT_PAYMENT,
    ),
    "10000-5xx": same_words.not_answering(QUICKBOOKS),
}
"""By the row's name: what stands at the record or the connection, and in the bell."""


TABLE = Table(QUICKBOOKS, ROWS, OWNER_READS, ("| code | HTTP | meaning",))


@TABLE.each_armed
async def test_M106_what_quickbooks_refuses_is_told_in_words(row: Row, meets: Meeting) -> None:
    await meets(TABLE, row)


def test_M106_every_row_of_quickbooks_table_is_armed(capsys: pytest.CaptureFixture[str]) -> None:
    TABLE.print_complete(capsys)
