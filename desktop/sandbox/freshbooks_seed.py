"""A made-up company translated into FreshBooks' words."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from functools import partial

from desktop.sandbox import freshbooks_names as names
from desktop.sandbox import freshbooks_sales as sales
from desktop.sandbox.clock import SandboxClock
from desktop.sandbox.freshbooks_books import ARCHIVED, CENT, Account, money, value_of
from desktop.sandbox.seed_shapes import (
    BASE_DATE,
    CompanySeed,
    SeedCustomer,
    SeedInvoice,
    SeedItem,
    SeedPayment,
    invoice_total,
)
from desktop.sandbox.service import Json

ACCOUNT_IDS = {"demo": "DM4x7Q", "empty": "EM9k2R", "large": "LG2w8T"}
COUNTRIES = {"US": "United States", "USA": "United States", "CA": "Canada", "GB": "United Kingdom", "AU": "Australia"}
METHODS = {"Cash": "Cash", "Check": "Check", "Credit Card": "Credit Card", "Bank Transfer": "Bank Transfer"}
LEDGER = {
    "income": ("income", "Income"),
    "bank": ("asset", "Cash & Bank"),
    "undeposited": ("asset", "Cash & Bank"),
    "receivable": ("asset", "Current Asset"),
    "expense": ("expense", "Operating Expense"),
    "cogs": ("expense", "Cost of Goods Sold"),
}
_NAMESPACE = uuid.UUID("0e9f55d8-49b1-4c1e-8d0b-6f4d8a3c7b20")
_START = dt.datetime.combine(BASE_DATE, dt.time(17), dt.UTC)


def build(seed: CompanySeed, name: str, number: int, clock: SandboxClock) -> Account:
    """The company's books as FreshBooks would hold them at the start. The person owns the first (number 0)."""
    account = Account(
        id=ACCOUNT_IDS.get(name, f"BC{number:04d}"),
        business_id=439_001 + number,
        business_uuid=str(uuid.uuid5(_NAMESPACE, name)),
        name=name,
        title=seed.name,
        role="owner" if number == 0 else "business_employee",
        country=seed.country,
        currency=seed.currency,
        address={
            "id": 7_000 + number,
            "street": seed.address_line1,
            "city": seed.city,
            "province": seed.region,
            "country": COUNTRIES.get(seed.country, seed.country),
            "postal_code": seed.postal_code,
        },
        clock=clock,
        ledger=[_ledger(name, one.key, one.name, one.type, one.active) for one in seed.accounts],
        fill=partial(_fill, seed),
    )
    return account


def _fill(seed: CompanySeed, made: Account) -> None:
    _Maker(made, seed).everything()


def _ledger(company: str, key: str, name: str, kind: str, active: bool) -> Json:
    type_, sub_type = LEDGER[kind]
    return {
        "uuid": str(uuid.uuid5(_NAMESPACE, f"{company}/{key}")),
        "name": name,
        "number": "",
        "description": "",
        "type": type_,
        "sub_type": sub_type,
        "system_account_name": None,
        "parent_account": None,
        "sub_accounts": [],
        "auto_created": True,
        "state": "active" if active else "archived",
        "updated_at": "2026-01-04T14:33:48.841075Z",
    }


class _Maker:
    def __init__(self, account: Account, seed: CompanySeed) -> None:
        self._account = account
        self._seed = seed
        self._now = min(_START, account.clock.now())
        self._clients: dict[str, int] = {}
        self._items: dict[str, SeedItem] = {item.key: item for item in seed.items}
        self._tax: Json = {}

    def everything(self) -> None:
        account, seed = self._account, self._seed
        for code in seed.tax_codes:
            if code.active and code.rate:
                made = names.create_tax(account, {"name": code.name, "amount": str(code.rate)})
                self._tax = self._tax or {"taxName1": made["name"], "taxAmount1": made["amount"], "id": made["id"]}
        for name in ("Job Supplies", "Advertising", "Rent"):
            account.create("categories", {"category": name, "is_cogs": False, "is_editable": False})
        for customer in seed.customers:
            self._client(customer)
        for item in seed.items:
            self._item(item)
        invoices = {invoice.number: self._invoice(invoice) for invoice in seed.invoices}
        totals = {invoice.number: invoice_total(invoice, seed.tax_codes) for invoice in seed.invoices}
        for payment in seed.payments:
            self._payment(payment, invoices[payment.invoice_number], totals[payment.invoice_number])

    def _stamped(self, resource: str, made: Json, at: dt.datetime) -> Json:
        stamp = self._account.stamp(at)
        changes: Json = {"updated": stamp}
        if "created_at" in made:
            changes["created_at"] = stamp
        return self._account.put(resource, {**made, **changes})

    def _client(self, customer: SeedCustomer) -> None:
        fields = {
            **_person(customer),
            "email": customer.email,
            "bus_phone": customer.phone,
            "note": customer.notes,
            "p_street": customer.line1,
            "p_city": customer.city,
            "p_province": customer.region,
            "p_code": customer.postal_code,
            "p_country": COUNTRIES.get(customer.country, customer.country),
        }
        made = names.create_client(self._account, fields)
        made = {**made, "signup_date": self._now.strftime("%Y-%m-%d %H:%M:%S")}
        if not customer.active:
            made = {**made, "vis_state": ARCHIVED}
        self._stamped("clients", made, self._now)
        self._clients[customer.key] = made["id"]

    def _item(self, item: SeedItem) -> None:
        fields = {
            "name": item.name,
            "description": item.description,
            "sku": item.sku,
            "unit_cost": money(item.unit_price, self._account.currency),
            "tax1": self._tax.get("id", 0) if item.taxable else 0,
        }
        made = names.create_item(self._account, fields)
        if not item.active:
            made = {**made, "vis_state": ARCHIVED}
        self._stamped("items", made, self._now)

    def _invoice(self, seed: SeedInvoice) -> Json:
        code = self._account.currency
        tax = {name: value for name, value in self._tax.items() if name != "id"}
        lines = [
            {
                "name": self._items[line.item_key].name,
                "description": "" if line.description == self._items[line.item_key].name else line.description,
                "qty": str(line.quantity),
                "unit_cost": {"amount": str(line.unit_price), "code": code},
                **(tax if line.taxable else {}),
            }
            for line in seed.lines
        ]
        body = {
            "customerid": self._clients[seed.customer_key],
            "create_date": seed.date.isoformat(),
            "due_offset_days": (seed.due_date - seed.date).days,
            "invoice_number": seed.number,
            "currency_code": code,
            "lines": lines,
        }
        made = sales.create_invoice(self._account, body)
        return self._stamped("invoices", {**made, "sent": True}, self._at(seed.date))

    def _payment(self, seed: SeedPayment, invoice: Json, total: Decimal) -> None:
        """What pays the seed's own total pays ours, though taxes are rounded line by line here."""
        amount = value_of(invoice["amount"]) if seed.amount == total else seed.amount.quantize(CENT)
        body = {
            "invoiceid": invoice["id"],
            "amount": money(amount, self._account.currency),
            "date": seed.date.isoformat(),
            "type": METHODS.get(seed.method, "Other"),
            "note": seed.reference,
        }
        made = sales.create_payment(self._account, body)
        self._stamped("payments", made, self._at(seed.date))
        paid = self._account.tables["invoices"][invoice["id"]]
        if paid["date_paid"]:
            paid = {**paid, "date_paid": seed.date.isoformat()}
        created = paid["created_at"]
        paid = self._stamped("invoices", paid, self._at(seed.date))
        self._account.put("invoices", {**paid, "created_at": created})

    def _at(self, day: dt.date) -> dt.datetime:
        return min(dt.datetime.combine(day, dt.time(17), dt.UTC), self._now)


def _person(customer: SeedCustomer) -> Json:
    """FreshBooks knows no display name: firms have an organization, people a first and a last name."""
    if customer.company_name:
        who = {"fname": customer.given_name, "lname": customer.family_name}
        return {"organization": customer.display_name, **who}
    if "," in customer.display_name:
        return {"fname": customer.given_name, "lname": customer.family_name}
    if f"{customer.given_name} {customer.family_name}" == customer.display_name:
        return {"fname": customer.given_name, "lname": customer.family_name}
    first, _, last = customer.display_name.rpartition(" ")
    return {"fname": first, "lname": last}
