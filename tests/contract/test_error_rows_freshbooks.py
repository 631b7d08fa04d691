"""Every row of FreshBooks's error table (providers' contract: FreshBooks, section 9), armed and read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from desktop.errors import (
    AccessRefused,
    Fix,
    GoneRemote,
    InvalidField,
    NeedsSignIn,
    NumberTaken,
    Offline,
    PaymentBlocked,
    RateLimited,
    RuleBroken,
    ServiceDown,
    SubscriptionLapsed,
    TaxProblem,
)
from desktop.providers.records import Kind
from tests.contract.error_rows import (
    Row,
    Seen,
    Table,
    Told,
    by_hand,
    fault,
    nobody_home,
    number_taken,
    read_row,
    setting,
)
from tests.helpers.control import Control

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
    "no-connection-DNS": Told(
        Offline,
        "FreshBooks can't be reached.",
        "Everything is kept and goes out as soon as the internet is back.",
        Fix.RETRY,
        retryable=True,
    ),
    "401-again-or-refresh": Told(
        NeedsSignIn,
        "FreshBooks needs you to sign in again.",
        "Nothing is lost: what waits goes out after you reconnect in Settings > Integrations.",
        Fix.RECONNECT,
    ),
    "403-naming-scopes": Told(
        AccessRefused,
        "FreshBooks was not given leave to read and write your books.",
        "Sign in again and allow everything that is asked for.",
        Fix.RECONNECT,
    ),
    "1003-or-403-otherwise": Told(
        AccessRefused,
        "Your FreshBooks user may not do this.",
        "Ask the account's owner there, or sign in again as somebody who may.",
        Fix.RECONNECT,
    ),
    "404-1012-customer": Told(
        GoneRemote,
        "“Nora Stone” was deleted or made inactive in FreshBooks.",
        "Make it active there, link to another record, or create it again.",
        Fix.LINK_CUSTOMER,
    ),
    "404-1012-invoice": Told(
        GoneRemote,
        "“E-1” was deleted or made inactive in FreshBooks.",
        "Create it again, or take it back here too.",
        Fix.LINK_INVOICE,
    ),
    "404-1012-item": Told(
        GoneRemote,
        "“Skylight” was deleted or made inactive in FreshBooks.",
        "Make it active there, link to another record, or create it again.",
        Fix.LINK_ITEM,
    ),
    "field-invoice-number": Told(
        NumberTaken,
        "FreshBooks already uses number E-1 for another customer.",
        "Choose another number for this invoice.",
        Fix.CHANGE_NUMBER,
    ),
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
    "1001-1004-1017-1018-1019-1019": Told(
        TaxProblem,
        "FreshBooks does not accept the tax on this invoice.",
        "Check the tax codes in Settings > Integrations > Tax and payments.",
        Fix.OPEN_TAX,
    ),
    "409-always": Told(
        RuleBroken,
        "FreshBooks is busy with this record.",
        "Try again later: press Resync.",
        Fix.RETRY,
    ),
    "429": Told(
        RateLimited,
        "FreshBooks asked us to wait a moment.",
        "Sending goes on by itself.",
        Fix.NONE,
        retryable=True,
    ),
    "5xx-500-errno-non-JSON-page": Told(
        ServiceDown,
        "FreshBooks is not answering properly at the moment.",
        "Everything is kept and goes out when it is back.",
        Fix.RETRY,
        retryable=True,
    ),
    "subscription-statuses-active": Told(
        SubscriptionLapsed,
        "Your FreshBooks subscription has lapsed.",
        "Renew it there, then press Resync. Everything that waits is kept.",
        Fix.RETRY,
    ),
}
"""By the row's name: what stands at the record or the connection, and in the bell."""


TABLE = Table(FRESHBOOKS, ROWS, OWNER_READS, ("| seen | our class",))


@TABLE.each_armed
async def test_M106_what_freshbooks_refuses_is_told_in_words(
    row: Row, sandbox: Any, control: Control, tmp_path: Path, no_books: Path
) -> None:
    await read_row(TABLE, row, sandbox, control, tmp_path, no_books)


def test_M106_every_row_of_freshbooks_table_is_armed(capsys: pytest.CaptureFixture[str]) -> None:
    TABLE.print_complete(capsys)
