"""Every row of Xero's error table (providers' contract: Xero, section 5), armed and read."""

from __future__ import annotations

from typing import Any

import pytest

from desktop.errors import (
    AccountUnusable,
    CurrencyRefused,
    Fix,
    InvalidField,
    NameTaken,
    PaymentBlocked,
    PlanLacksFeature,
    RuleBroken,
    TaxProblem,
    TotalsDiffer,
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

XERO = "xero"


def said(words: str, op: str = "create_invoice") -> dict[str, Any]:
    """Xero refuses one element with these words."""
    return fault(op, message=words)


ROWS = [
    Row('"Elements":[', said("Something that nobody has told us about")),
    Row(
        "ErrorNumber 14",
        fault("create_invoice", whole=True, code="14", type="PostDataInvalidException", message="Bad date"),
        variant="14",
    ),
    Row(
        "Idempotency key used with a different",
        fault(
            "create_invoice",
            whole=True,
            code="0",
            once=True,
            message="The Idempotency-Key 'x' is used with a different request.",
        ),
        seen=Seen.NOWHERE,
    ),
    Row(
        "TokenExpired: token expired at",
        fault("create_invoice", at="A1", once=True),
        seen=Seen.NOWHERE,
        variant="expired",
    ),
    Row(
        "TokenExpired: token expired at",
        [fault("create_invoice", at="A2"), fault("refresh", at="A8")],
        seen=Seen.CONNECTION,
        variant="revoked",
    ),
    Row("header `WWW-Authenticate` naming", fault("create_invoice", at="H8", kind="scope"), seen=Seen.CONNECTION),
    Row("tenant not (any longer) connected", fault("create_invoice", at="H8"), seen=Seen.CONNECTION),
    Row("linked record gone: unlink offer", fault("update_item", at="H9"), "change of an item"),
    Row("precondition failed", fault("create_invoice", at="H11", status=412)),
    Row("unsupported type / method not implemented", fault("create_invoice", at="H11", status=415), variant="415"),
    Row("unsupported type / method not implemented", fault("create_invoice", at="H11", status=501), variant="501"),
    Row(
        "little or no body; headers below",
        fault("create_invoice", at="H1", retry_after=900),
        seen=Seen.WAITING,
        variant="minute",
    ),
    Row(
        "little or no body; headers below",
        fault("create_invoice", at="H1", once=True),
        seen=Seen.WAITING,
        variant="concurrent",
    ),
    Row("little or no body; headers below", fault("create_invoice", at="H3"), seen=Seen.WAITING, variant="day"),
    Row(
        "little or no body; headers below",
        fault("create_invoice", at="H1", problem="appminute", retry_after=600),
        seen=Seen.WAITING,
        variant="appminute",
    ),
    Row(
        "reads: retry with backoff; writes",
        fault("create_invoice", at="H5", once=True),
        seen=Seen.NOWHERE,
        variant="once",
    ),
    Row(
        "reads: retry with backoff; writes",
        fault("list_accounts", at="H5"),
        "settings",
        seen=Seen.CONNECTION,
        variant="a read",
    ),
    Row("offline for maintenance", fault("create_invoice", at="H7"), seen=Seen.CONNECTION),
    # --- 5.1 ---
    Row(
        "already assigned to another contact",
        said(
            "The contact name Nora Stone is already assigned to another contact. The contact name must be unique "
            "across all active contacts.",
            "create_customer",
        ),
        "customer",
    ),
    Row("matched an archived contact", by_hand(Kind.CUSTOMER, "archive"), "second invoice"),
    Row("Account Number already exists", said("Account Number already exists", "create_customer"), "customer"),
    Row("Email address must be valid", said("Email address must be valid.", "create_customer"), "customer"),
    Row("must contain at least 1 of", said("A Contact must be specified")),
    Row("Invoice # must be unique", number_taken),
    Row("One or more line items must be specified", said("One or more line items must be specified")),
    Row("Account must be valid", said("Account code '200' is not a valid code for this document."), variant="line"),
    Row("Account must be valid", said("Account must be valid.", "create_payment"), "payment", variant="payment"),
    Row("Tax rate must be valid", said("Tax rate must be valid."), variant="unknown"),
    Row(
        "Tax rate must be valid",
        said("The TaxType code 'OUTPUT' cannot be used with account code '200'."),
        variant="account",
    ),
    Row("Invoice not of valid status for modification", by_hand(Kind.INVOICE, {"pay": "100"}), "change of an invoice"),
    Row("Invoice not of valid status for creation", said("Invoice not of valid status for creation")),
    Row("cannot be before the period lock date", setting(period_lock_date="2026-11-30"), variant="period"),
    Row("cannot be before the period lock date", setting(end_of_year_lock_date="2026-11-30"), variant="year"),
    Row("The invoice total does not equal", said("The invoice total does not equal the sum of the lines 100.00 99.99")),
    Row("Discount must not be greater", said("Discount must not be greater than the line total")),
    Row("not subscribed to currency", said("Organisation is not subscribed to currency NZD")),
    Row("reached the limit of invoices", said("You have reached the limit of invoices you can approve on your plan")),
    Row(
        "Payment amount exceeds",
        said("Payment amount exceeds the amount outstanding on this document", "create_payment"),
        "payment",
    ),
    Row(
        "Payments can only be made against Authorised",
        said("Payments can only be made against Authorised documents", "create_payment"),
        "payment",
    ),
    Row(
        "Payment not of valid status for modification",
        by_hand(Kind.PAYMENT, "delete"),
        "removed payment",
        seen=Seen.NOWHERE,
    ),
    Row("Price List Item with Code", said("Price List Item with Code 'SKY' already exists", "create_item"), "item"),
    Row("Please enter a unique Name / Code", reason="about accounts, which nothing here creates at Xero"),
]

OWNER_READS: dict[str, Told] = {
    "little-or-no-body-headers-below-day": same_words.asked_to_wait(XERO),
    "Elements": Told(
        RuleBroken,
        "Xero refused: Something that nobody has told us about",
        "Details has its reason; nothing was changed there.",
        Fix.EDIT_INVOICE,
    ),
    "ErrorNumber-14-14": same_words.our_mistake(XERO),
    "TokenExpired-token-expired-at-revoked": same_words.sign_in_again(XERO),
    "header-WWW-Authenticate-naming": same_words.leave_not_given(XERO),
    "tenant-not-any-longer-connected": same_words.company_refused(XERO),
    "linked-record-gone-unlink-offer": same_words.item_gone(XERO),
    "precondition-failed": same_words.not_understood(XERO),
    "unsupported-type-method-not-implemented-415": same_words.our_mistake(XERO),
    "unsupported-type-method-not-implemented-501": same_words.our_mistake(XERO),
    "little-or-no-body-headers-below-minute": same_words.asked_to_wait(XERO),
    "little-or-no-body-headers-below-appminute": same_words.asked_to_wait(XERO),
    "reads-retry-with-backoff-writes-a-read": same_words.not_answering(XERO),
    "offline-for-maintenance": same_words.not_answering(XERO),
    "already-assigned-to-another-contact": Told(
        NameTaken,
        "The name “Nora Stone” is already used by another contact in Xero.",
        "Link to that record, or give this one another name.",
        Fix.LINK_CUSTOMER,
    ),
    "matched-an-archived-contact": same_words.customer_gone(XERO),
    "Account-Number-already-exists": Told(
        RuleBroken,
        "That account number belongs to another Xero contact.",
        "Details has its reason; nothing was changed there.",
        Fix.EDIT_CUSTOMER,
    ),
    "Email-address-must-be-valid": Told(
        InvalidField,
        "Xero rejects the e-mail address of Nora Stone.",
        "Change it and press Resync.",
        Fix.EDIT_CUSTOMER,
    ),
    "must-contain-at-least-1-of": same_words.customer_missing(XERO),
    "Invoice-must-be-unique": same_words.number_used(XERO),
    "One-or-more-line-items-must-be-specified": Told(
        InvalidField,
        "Invoice E-1 has no lines.",
        "Change it and press Resync.",
        Fix.EDIT_INVOICE,
    ),
    "Account-must-be-valid-line": Told(
        AccountUnusable,
        "The account “200” can no longer be used in Xero.",
        "Choose another one in Settings > Account Mapping.",
        Fix.OPEN_MAPPING,
    ),
    "Account-must-be-valid-payment": Told(
        PaymentBlocked,
        "Xero can't book this payment on the chosen account.",
        "Choose a bank account in Settings > Integrations > Tax and payments.",
        Fix.CHOOSE_DEPOSIT_ACCOUNT,
    ),
    "Tax-rate-must-be-valid-unknown": same_words.tax_refused(XERO),
    "Tax-rate-must-be-valid-account": Told(
        TaxProblem,
        "Tax rate OUTPUT can't be used with account 200.",
        "Check the tax codes in Settings > Integrations > Tax and payments.",
        Fix.OPEN_TAX,
    ),
    "Invoice-not-of-valid-status-for-modification": Told(
        RuleBroken,
        "This invoice is paid, voided or approved in Xero and can no longer be changed from here.",
        "Details has its reason; nothing was changed there.",
        Fix.EDIT_INVOICE,
    ),
    "Invoice-not-of-valid-status-for-creation": same_words.our_mistake(XERO),
    "cannot-be-before-the-period-lock-date-period": same_words.period_closed(XERO),
    "cannot-be-before-the-period-lock-date-year": same_words.period_closed(XERO),
    "The-invoice-total-does-not-equal": Told(
        TotalsDiffer,
        "Xero calculates 99.99 for this invoice, we have 100.00.",
        "Check the tax on both sides before anyone pays.",
        Fix.SHOW_DIFFERENCE,
    ),
    "Discount-must-not-be-greater": Told(
        InvalidField,
        "The discount is larger than the line it is taken from.",
        "Change it and press Resync.",
        Fix.EDIT_INVOICE,
    ),
    "not-subscribed-to-currency": Told(
        CurrencyRefused,
        "Your Xero plan does not have currency NZD.",
        "Add it in Xero, or write the invoice in your own currency.",
        Fix.EDIT_INVOICE,
    ),
    "reached-the-limit-of-invoices": Told(
        PlanLacksFeature,
        "Your Xero plan's monthly invoice limit is reached.",
        "Nothing was changed there.",
        Fix.RETRY,
    ),
    "Payment-amount-exceeds": Told(
        PaymentBlocked,
        "This payment is larger than what is still due in Xero.",
        "Compare the payments on both sides: it may be there already.",
        Fix.EDIT_PAYMENT,
    ),
    "Payments-can-only-be-made-against-Authorised": Told(
        PaymentBlocked,
        "The invoice of this payment is not approved in Xero.",
        "Approve it there first, then press Resync.",
        Fix.LINK_INVOICE,
    ),
    "Price-List-Item-with-Code": Told(
        NameTaken,
        "The name “Skylight” is already used by another item in Xero.",
        "Link to that record, or give this one another name.",
        Fix.LINK_ITEM,
    ),
}
"""By the row's name: what stands at the record or the connection, and in the bell."""


TABLE = Table(
    XERO,
    ROWS,
    OWNER_READS,
    (
        "| HTTP | body | meaning",
        "| Xero says (substring)",
    ),
)


@TABLE.each_armed
async def test_M106_what_xero_refuses_is_told_in_words(row: Row, meets: Meeting) -> None:
    await meets(TABLE, row)


def test_M106_every_row_of_xero_table_is_armed(capsys: pytest.CaptureFixture[str]) -> None:
    TABLE.print_complete(capsys)
