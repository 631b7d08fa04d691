"""A made-up company translated into Wave's words."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal

from desktop.sandbox.clock import SandboxClock
from desktop.sandbox.seed_shapes import BASE_DATE, CompanySeed, SeedCustomer, SeedInvoice, SeedPayment
from desktop.sandbox.service import Json
from desktop.sandbox.wave_books import ZERO, Business, add_up, pack_id, stamp

_START = dt.datetime.combine(BASE_DATE, dt.time(17), dt.UTC)
SUBTYPE_OF = {
    "income": "INCOME",
    "bank": "CASH_AND_BANK",
    "undeposited": "MONEY_IN_TRANSIT",
    "receivable": "RECEIVABLE_INVOICES",
    "expense": "EXPENSE",
    "cogs": "COST_OF_GOODS_SOLD",
}
MORE_ACCOUNTS = (
    ("Cash on Hand", "CASH_AND_BANK"),
    ("Other Income", "OTHER_INCOME"),
    ("Sales Discounts", "DISCOUNTS"),
    ("Uncategorized Income", "UNCATEGORIZED_INCOME"),
    ("Gain on Foreign Exchange", "GAIN_ON_FOREIGN_EXCHANGE"),
)
"""Wave puts these into every business."""
METHODS = {"Cash": "CASH", "Check": "CHEQUE", "Credit Card": "CREDIT_CARD", "Bank Transfer": "BANK_TRANSFER"}
COUNTRIES = {"USA": "US", "United States": "US", "Canada": "CA", "UK": "GB"}
UUID_SPACE = uuid.UUID("6c2f7f1e-4b57-4f4a-9a53-0b8f2d9c1a70")


def business_uuid(name: str) -> str:
    """The same for the same name in each process."""
    return str(uuid.uuid5(UUID_SPACE, name))


def business_id(name: str) -> str:
    return pack_id(("Business", business_uuid(name)))


def build(seed: CompanySeed, name: str, clock: SandboxClock) -> Business:
    """The company's books as Wave would hold them at the start."""
    home = Business(business_uuid(name), name, clock)
    maker = _Maker(home, seed)
    maker.business()
    maker.lists()
    maker.records()
    home.mark()
    return home


def retired(clock: SandboxClock) -> Business:
    """An archived business with classic accounting: shown to a person, of no use to a program."""
    home = Business(business_uuid("retired"), "retired", clock)
    home.info = _info("Sunset Books (classic)", "US", "USD", stamp(min(_START, clock.now())))
    home.info |= {"isArchived": True, "isClassicAccounting": True, "isClassicInvoicing": True}
    return home


def _info(name: str, country: str, currency: str, at: str) -> Json:
    return {
        "name": name,
        "currency": currency,
        "country": country,
        "address": None,
        "isArchived": False,
        "isClassicAccounting": False,
        "isClassicInvoicing": False,
        "isPersonal": False,
        "emailSendEnabled": True,
        "organizationalType": "SOLE_PROPRIETORSHIP",
        "timezone": "America/Chicago",
        "createdAt": at,
        "modifiedAt": at,
    }


class _Maker:
    def __init__(self, home: Business, seed: CompanySeed) -> None:
        self._home = home
        self._seed = seed
        self._start = min(_START, home.clock.now())
        self._ids: dict[tuple[str, str], str] = {}

    def _create(self, table: str, key: str, fields: Json, time: dt.datetime | None = None) -> Json:
        made = self._home.create(table, fields, time or self._start)
        self._ids[table, key] = made.id
        return made.data

    def business(self) -> None:
        seed = self._seed
        self._home.info = _info(seed.name, seed.country, seed.currency, stamp(self._start))
        self._home.info["address"] = {
            "addressLine1": seed.address_line1,
            "addressLine2": None,
            "city": seed.city,
            "postalCode": seed.postal_code,
            "provinceCode": f"{seed.country}-{seed.region}",
            "countryCode": seed.country,
        }

    def lists(self) -> None:
        for account in self._seed.accounts:
            self._account(account.key, account.name, SUBTYPE_OF[account.type], account.active)
        for name, subtype in MORE_ACCOUNTS:
            self._account(name, name, subtype, True)
        for tax in self._seed.tax_codes:
            fields = {
                "name": tax.name,
                "abbreviation": tax.name[:10],
                "description": None,
                "rate": tax.rate / 100,
                "isArchived": not tax.active,
                "isCompound": False,
                "isRecoverable": False,
                "showTaxNumberOnInvoices": False,
                "taxNumber": None,
            }
            self._create("SalesTax", tax.key, fields)

    def _account(self, key: str, name: str, subtype: str, active: bool) -> None:
        number = len(self._home.tables["Account"]) + 1
        fields = {
            "name": name,
            "subtype": subtype,
            "isArchived": not active,
            "currency": self._home.currency,
            "displayId": None,
            "description": None,
            "sequence": number,
        }
        self._create("Account", key, fields)

    def records(self) -> None:
        for customer in self._seed.customers:
            self._customer(customer)
        taxes = [self._ids["SalesTax", tax.key] for tax in self._seed.tax_codes if tax.active and tax.rate]
        for item in self._seed.items:
            account = self._ids["Account", item.account_key] if item.account_key else None
            fields = {
                "name": item.name,
                "description": item.description or None,
                "unitPrice": item.unit_price,
                "incomeAccountId": account,
                "expenseAccountId": None,
                "defaultSalesTaxIds": taxes[:1] if item.taxable else [],
                "isArchived": not item.active,
            }
            self._create("Product", item.key, fields)
        invoices = {invoice.number: self._invoice(invoice, taxes[:1]) for invoice in self._seed.invoices}
        for payment in self._seed.payments:
            self._payment(payment, invoices[payment.invoice_number])

    def _customer(self, customer: SeedCustomer) -> None:
        country = COUNTRIES.get(customer.country, customer.country) or (self._seed.country if customer.region else "")
        address = {
            "addressLine1": customer.line1 or None,
            "addressLine2": None,
            "city": customer.city or None,
            "postalCode": customer.postal_code or None,
            "provinceCode": f"{country}-{customer.region}" if customer.region else None,
            "countryCode": country or None,
        }
        fields: Json = {
            "name": customer.display_name,
            "firstName": customer.given_name or None,
            "lastName": customer.family_name or None,
            "email": customer.email or None,
            "phone": customer.phone or None,
            "internalNotes": customer.notes or None,
            "displayId": None,
            "currency": None,
            "address": address if any(address.values()) else None,
            "shippingDetails": None,
            "isArchived": not customer.active,
        }
        self._create("Customer", customer.key, fields)

    def _invoice(self, seed: SeedInvoice, taxes: list[str]) -> Json:
        at = self._at(seed.date)
        items = []
        for number, line in enumerate(seed.lines, start=1):
            product = self._home.tables["Product"][self._ids["Product", line.item_key]]
            items.append(
                {
                    "id": str(number),
                    "productId": product["id"],
                    "accountId": product["incomeAccountId"],
                    "description": line.description or None,
                    "quantity": line.quantity,
                    "unitPrice": line.unit_price,
                    "taxIds": taxes if line.taxable else [],
                }
            )
        fields: Json = {
            "customerId": self._ids["Customer", seed.customer_key],
            "invoiceNumber": seed.number,
            "invoiceDate": seed.date,
            "dueDate": seed.due_date,
            "currency": self._home.currency,
            "exchangeRate": Decimal(1),
            "discounts": [],
            "items": items,
            "isDraft": False,
            "lastSentAt": stamp(at),
            "lastSentVia": "MARKED_SENT",
            "lastViewedAt": None,
            "title": "Invoice",
        }
        return self._create("Invoice", seed.number, add_up(self._home, fields), at)

    def _payment(self, seed: SeedPayment, invoice: Json) -> None:
        fields = {
            "invoiceId": invoice["id"],
            "amount": seed.amount + ZERO,
            "exchangeRate": Decimal(1),
            "paymentDate": seed.date,
            "paymentMethod": METHODS.get(seed.method, "OTHER"),
            "memo": seed.reference or None,
            "accountId": self._ids["Account", "checking"],
        }
        self._create("InvoicePayment", f"{seed.invoice_number}/{len(self._ids)}", fields, self._at(seed.date))

    def _at(self, day: dt.date) -> dt.datetime:
        return min(dt.datetime.combine(day, dt.time(17), dt.UTC), self._start)
