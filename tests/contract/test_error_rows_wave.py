"""Every row of Wave's error table (providers' contract: Wave, section 6), armed and read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete

from desktop.errors import (
    AccountUnusable,
    BlueClerkError,
    Fix,
    InternalMistake,
    InvalidField,
    MissingIncomeAccount,
)
from desktop.models.item import ItemAccount
from desktop.providers.records import CompanyRef, Kind, PaymentMethod
from desktop.providers.wave_faults import DepositAccountNeeded, MissingScope, PaymentNotApplied, PlanNeeded
from desktop.sync.tax_payments import save_deposits
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
)
from tests.helpers.control import Control
from tests.helpers.desk import open_core, sign_in
from tests.helpers.office import Office

WAVE = "wave"


async def no_deposit_account(office: Office, record: tuple[Kind, int]) -> None:
    office.write(save_deposits, office.company.key, {method.value: "" for method in PaymentMethod})


async def no_income_account(office: Office, record: tuple[Kind, int]) -> None:
    with office.db.write() as session:
        session.execute(delete(ItemAccount))


async def plan_lapsed_at_refresh(office: Office, record: tuple[Kind, int]) -> None:
    office.control.settings(plan="lapsed")
    office.clock.advance(3 * 3600)


ROWS = [
    Row("| network down, timeout on a query", nobody_home, seen=Seen.CONNECTION),
    Row(
        "| timeout or reset on a mutation",
        fault("create_invoice", at="N1", phase="after", once=True),
        seen=Seen.NOWHERE,
    ),
    Row("| 401, or code UNAUTHENTICATED", fault("create_invoice", at="A1", once=True), seen=Seen.NOWHERE),
    Row(
        "| again, or token call says",
        [fault("create_invoice", at="A1"), fault("refresh", at="A8")],
        seen=Seen.CONNECTION,
    ),
    Row("| **403 at refresh**", plan_lapsed_at_refresh, seen=Seen.CONNECTION),
    Row(
        "| 403 on API call, or a scope",
        fault("create_invoice", at="H8", kind="scope", scope="invoice:write"),
        seen=Seen.CONNECTION,
    ),
    Row("| no businesses in the list", test="test_M139_no_business_after_sign_in_names_the_plan"),
    Row(
        "| NOT_FOUND on a stored id",
        fault("create_invoice", code="NOT_FOUND", path=["input", "customerId"], message="Not found"),
        "second invoice",
        variant="customer",
    ),
    Row("| NOT_FOUND on a stored id", by_hand(Kind.INVOICE, "delete"), "change of an invoice", variant="invoice"),
    Row(
        "| NOT_FOUND on a stored id",
        fault("update_item", code="NOT_FOUND", path=["input", "id"], message="Gone"),
        "change of an item",
        variant="item",
    ),
    Row(
        "| inputErrors with path incomeAccountId",
        fault("create_item", path=["input", "incomeAccountId"], message="Not an income account"),
        "item",
    ),
    Row("| inputErrors with path invoiceNumber", number_taken),
    Row(
        "| other inputErrors",
        fault("create_customer", path=["input", "email"], message="Not a valid e-mail address."),
        "customer",
    ),
    Row("| payment reported but amountPaid", fault("create_payment", at="D15", phase="after"), "payment"),
    Row("| no deposit account chosen", no_deposit_account, "payment"),
    Row("| item without income account", no_income_account),
    Row(
        "| GRAPHQL_VALIDATION_FAILED",
        fault("create_invoice", at="H11", code="GRAPHQL_VALIDATION_FAILED", whole=True, status=400),
    ),
    Row("| 429 / rate text", fault("create_invoice", at="H1", retry_after=900), seen=Seen.WAITING),
    Row(
        "| INTERNAL_SERVER_ERROR, 5xx", fault("create_invoice", at="H5", once=True), seen=Seen.NOWHERE, variant="write"
    ),
    Row("| INTERNAL_SERVER_ERROR, 5xx", fault("list_customers", at="H6"), seen=Seen.CONNECTION, variant="page"),
    Row("| isClassicAccounting, isArchived", test="test_W3_a_business_that_can_t_be_used_is_shown_with_its_reason"),
]

OWNER_READS: dict[str, Told] = {
    "network-down-timeout-on-a-query": same_words.not_reached(WAVE),
    "again-or-token-call-says": same_words.sign_in_again(WAVE),
    "403-at-refresh": Told(
        PlanNeeded,
        "Wave lets other programs in only while the business has Wave Pro (or an Advisor plan).",
        "Check the plan in Wave, then press Reconnect.",
        Fix.RECONNECT,
    ),
    "403-on-API-call-or-a-scope": Told(
        MissingScope,
        "BlueClerk lacks a permission in Wave: invoices.",
        "Reconnect to grant it.",
        Fix.RECONNECT,
    ),
    "NOT-FOUND-on-a-stored-id-customer": same_words.customer_gone(WAVE),
    "NOT-FOUND-on-a-stored-id-invoice": same_words.invoice_gone(WAVE),
    "NOT-FOUND-on-a-stored-id-item": same_words.item_gone(WAVE),
    "inputErrors-with-path-incomeAccountId": Told(
        AccountUnusable,
        "The account “Installation Income” can no longer be used in Wave.",
        "Choose another one in Settings > Account Mapping.",
        Fix.OPEN_MAPPING,
    ),
    "inputErrors-with-path-invoiceNumber": same_words.number_used(WAVE),
    "other-inputErrors": Told(
        InvalidField,
        "Wave refused the e-mail address: Not a valid e-mail address.",
        "Change it and press Resync.",
        Fix.EDIT_CUSTOMER,
    ),
    "payment-reported-but-amountPaid": Told(
        PaymentNotApplied,
        "Wave took the payment note but the invoice still shows 100.00 open.",
        "Please check in Wave.",
        Fix.EDIT_PAYMENT,
    ),
    "no-deposit-account-chosen": Told(
        DepositAccountNeeded,
        "Nobody has said yet which bank account payments go to.",
        "Choose the bank account that payments go to (Settings > Integrations > Tax and payments).",
        Fix.CHOOSE_DEPOSIT_ACCOUNT,
    ),
    "item-without-income-account": Told(
        MissingIncomeAccount,
        "“Skylight” has no income account, so nothing was sent.",
        "Choose one in Settings > Account Mapping. Wave needs it to book the sale.",
        Fix.OPEN_MAPPING,
    ),
    "GRAPHQL-VALIDATION-FAILED": Told(
        InternalMistake,
        "BlueClerk sent Wave something it doesn't understand.",
        "Help > Save diagnostics keeps what we need to mend it.",
        Fix.RETRY,
    ),
    "429-rate-text": same_words.asked_to_wait(WAVE),
    "INTERNAL-SERVER-ERROR-5xx-page": same_words.not_answering(WAVE),
}
"""By the row's name: what stands at the record or the connection, and in the bell."""


TABLE = Table(WAVE, ROWS, OWNER_READS, ("| seen | our class",))


@TABLE.each_armed
async def test_M106_what_wave_refuses_is_told_in_words(row: Row, meets: Meeting) -> None:
    await meets(TABLE, row)


def test_M106_every_row_of_wave_table_is_armed(capsys: pytest.CaptureFixture[str]) -> None:
    TABLE.print_complete(capsys)


async def test_M139_no_business_after_sign_in_names_the_plan(sandbox: Any, control: Control, tmp_path: Path) -> None:
    businesses = control.reset("demo")[WAVE]

    def lapse() -> None:
        for business in businesses:
            control.settings(WAVE, plan="lapsed", company_id=business["id"])

    async with open_core(tmp_path / "desk", sandbox) as core:
        with pytest.raises(BlueClerkError) as caught:
            await sign_in(core, WAVE, meanwhile=lapse)
        assert "Wave Pro" in caught.value.title and await core.connection() is None


async def test_W3_a_business_that_can_t_be_used_is_shown_with_its_reason(
    sandbox: Any, control: Control, tmp_path: Path
) -> None:
    control.settings(WAVE, reach="all")
    asked: list[CompanyRef] = []

    async def choose(companies: Sequence[CompanyRef]) -> CompanyRef:
        asked.extend(companies)
        return next(one for one in companies if not one.unusable)

    async with open_core(tmp_path / "desk", sandbox) as core:
        core.choose_company = choose
        await sign_in(core, WAVE)
        view = await core.connection()
    assert view is not None and view.company_name == asked[0].name
    assert [(one.name, one.unusable) for one in asked if one.unusable] == [
        ("Sunset Books (classic)", "This business is archived in Wave.")
    ]
