"""Every row of FreshBooks's error table (providers' contract: FreshBooks, section 9), armed and read."""

from __future__ import annotations

from typing import Any

import pytest

from desktop.errors import (
    AccessRefused,
    Fix,
    InvalidField,
    PaymentBlocked,
    RuleBroken,
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
    nobody_home,
    number_taken,
    setting,
)

FRESHBOOKS = "freshbooks"


def said(
    number: int, field: str, op: str = "create_invoice", words: str = "Only FreshBooks knows why"
) -> dict[str, Any]:
    """FreshBooks refuses with this number and field."""
    return fault(op, code=str(number), field=field, message=words)


ROWS = [
    Row("| no connection, DNS", nobody_home, seen=Seen.CONNECTION),
    Row("| timeout or reset after POST", fault("create_invoice", at="N1", phase="after", once=True), seen=Seen.NOWHERE),
    Row("| 401 on API call", fault("create_invoice", at="A1", once=True), seen=Seen.NOWHERE),
    Row("| 401 again, or refresh", [fault("create_invoice", at="A1"), fault("refresh", at="A8")], seen=Seen.CONNECTION),
    Row("| 403 naming scopes", fault("create_invoice", at="H8", kind="scope"), seen=Seen.CONNECTION),
    Row("| 1003, or 403 otherwise", fault("create_invoice", at="H8"), seen=Seen.CONNECTION),
    Row("| 404 / 1012", by_hand(Kind.CUSTOMER, "delete"), "second invoice", variant="customer"),
    Row("| 404 / 1012", by_hand(Kind.INVOICE, "delete"), "change of an invoice", variant="invoice"),
    Row("| 404 / 1012", by_hand(Kind.ITEM, "delete"), "change of an item", variant="item"),
    Row("| field invoice_number", number_taken),
    Row("| 1001/1004/1017/1018/1019", said(1001, "fname", "create_customer"), "customer", variant="1001"),
    Row("| 1001/1004/1017/1018/1019", said(1004, "create_date"), variant="1004"),
    Row("| 1001/1004/1017/1018/1019", said(1004, "invoiceid", "create_payment"), "payment", variant="1004 payment"),
    Row("| 1001/1004/1017/1018/1019", said(1017, "notes"), variant="1017"),
    Row("| 1001/1004/1017/1018/1019", said(1018, "discount_value"), variant="1018"),
    Row("| 1001/1004/1017/1018/1019", said(1019, "taxName1"), variant="1019"),
    Row("| 409 |", fault("create_invoice", at="H10"), variant="always"),
    Row("| 409 |", fault("create_invoice", at="H10", once=True), seen=Seen.NOWHERE, variant="once"),
    Row("| 429 |", fault("create_invoice", at="H1", retry_after=900), seen=Seen.WAITING),
    Row("| 5xx, 500 errno, non-JSON", fault("create_invoice", at="H5", once=True), seen=Seen.NOWHERE, variant="write"),
    Row("| 5xx, 500 errno, non-JSON", fault("list_customers", at="H6"), seen=Seen.CONNECTION, variant="page"),
    Row("| ledger 403/404", setting(ledger="closed"), "settings", seen=Seen.NOWHERE),
    Row("| subscription_statuses != active", setting(lapsed=True), "settings", seen=Seen.CONNECTION),
]

OWNER_READS: dict[str, Told] = {
    "no-connection-DNS": same_words.not_reached(FRESHBOOKS),
    "401-again-or-refresh": same_words.sign_in_again(FRESHBOOKS),
    "403-naming-scopes": same_words.leave_not_given(FRESHBOOKS),
    "1003-or-403-otherwise": Told(
        AccessRefused,
        "Your FreshBooks user may not do this.",
        "Ask the account's owner there, or sign in again as somebody who may.",
        Fix.RECONNECT,
    ),
    "404-1012-customer": same_words.customer_gone(FRESHBOOKS),
    "404-1012-invoice": same_words.invoice_gone(FRESHBOOKS),
    "404-1012-item": same_words.item_gone(FRESHBOOKS),
    "field-invoice-number": same_words.number_used(FRESHBOOKS),
    "1001-1004-1017-1018-1019-1001": Told(
        InvalidField,
        "FreshBooks refused the first name: Only FreshBooks knows why",
        "Change it and press Resync.",
        Fix.EDIT_CUSTOMER,
    ),
    "1001-1004-1017-1018-1019-1004": Told(
        InvalidField,
        "FreshBooks refused the date: Only FreshBooks knows why",
        "Change it and press Resync.",
        Fix.EDIT_INVOICE,
    ),
    "1001-1004-1017-1018-1019-1004-payment": Told(
        PaymentBlocked,
        "FreshBooks can't apply this payment to the invoice.",
        "Look at the invoice there, then press Resync.",
        Fix.EDIT_PAYMENT,
    ),
    "1001-1004-1017-1018-1019-1017": Told(
        InvalidField,
        "FreshBooks refused the note: Only FreshBooks knows why",
        "Change it and press Resync.",
        Fix.EDIT_INVOICE,
    ),
    "1001-1004-1017-1018-1019-1018": Told(
        InvalidField,
        "FreshBooks refused the discount: Only FreshBooks knows why",
        "Change it and press Resync.",
        Fix.EDIT_INVOICE,
    ),
    "1001-1004-1017-1018-1019-1019": same_words.tax_refused(FRESHBOOKS),
    "409-always": Told(
        RuleBroken,
        "FreshBooks is busy with this record.",
        "Try again later: press Resync.",
        Fix.RETRY,
    ),
    "429": same_words.asked_to_wait(FRESHBOOKS),
    "5xx-500-errno-non-JSON-page": same_words.not_answering(FRESHBOOKS),
    "subscription-statuses-active": same_words.subscription_lapsed(FRESHBOOKS),
}
"""By the row's name: what stands at the record or the connection, and in the bell."""


TABLE = Table(FRESHBOOKS, ROWS, OWNER_READS, ("| seen | our class",))


@TABLE.each_armed
async def test_M106_what_freshbooks_refuses_is_told_in_words(row: Row, meets: Meeting) -> None:
    await meets(TABLE, row)


def test_M106_every_row_of_freshbooks_table_is_armed(capsys: pytest.CaptureFixture[str]) -> None:
    TABLE.print_complete(capsys)
