"""A made-up company translated into Xero's words."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal

from desktop.sandbox import xero_names as names
from desktop.sandbox import xero_sales as sales
from desktop.sandbox.clock import SandboxClock
from desktop.sandbox.seed_shapes import BASE_DATE, CompanySeed, SeedCustomer, SeedInvoice, SeedItem, invoice_total
from desktop.sandbox.service import Json
from desktop.sandbox.xero_books import ZERO, Organisation, OrganisationRules, cents

_START = dt.datetime.combine(BASE_DATE, dt.time(17), dt.UTC)
_ACCOUNTS = {
    "income": ("REVENUE", 200),
    "bank": ("BANK", 90),
    "undeposited": ("CURRENT", 610),
    "receivable": ("CURRENT", 620),
    "expense": ("EXPENSE", 400),
    "cogs": ("DIRECTCOSTS", 310),
}


def build(seed: CompanySeed, name: str, tenant_id: str, clock: SandboxClock) -> Organisation:
    """The company's books as Xero would hold them at the start."""
    info: Json = {
        "OrganisationID": str(uuid.uuid5(uuid.UUID(tenant_id), "organisation")),
        "Name": seed.name,
        "LegalName": seed.legal_name,
        "PaysTax": True,
        "Version": {"US": "US", "GB": "UK", "AU": "AU", "NZ": "NZ"}.get(seed.country, "GLOBAL"),
        "OrganisationType": "COMPANY",
        "BaseCurrency": seed.currency,
        "CountryCode": seed.country,
        "IsDemoCompany": False,
        "OrganisationStatus": "ACTIVE",
        "FinancialYearEndDay": 31,
        "FinancialYearEndMonth": 12,
        "SalesTaxBasis": "ACCRUALS",
        "DefaultSalesTax": "Tax Exclusive",
        "DefaultPurchasesTax": "Tax Exclusive",
        "CreatedDateUTC": "/Date(1546300800000)/",
        "OrganisationEntityType": "COMPANY",
        "Timezone": "CENTRALSTANDARDTIME",
        "ShortCode": f"!{name[:5]}",
        "Class": "STANDARD",
        "Edition": "BUSINESS",
    }
    locked = seed.book_close_date.isoformat() if seed.book_close_date else ""
    org = Organisation(tenant_id, name, info, seed.currency, clock, OrganisationRules(period_lock_date=locked))
    _Maker(org, seed).all()
    org.mark()
    return org


class _Maker:
    def __init__(self, org: Organisation, seed: CompanySeed) -> None:
        self._org = org
        self._seed = seed
        self._start = min(_START, org.clock.now())
        self._codes: dict[str, str] = {}
        self._items: dict[str, Json] = {}
        self._people: dict[str, str] = {}
        self._tax = "NONE"
        self._bank = ""

    def all(self) -> None:
        self._accounts()
        self._tax_rates()
        for customer in self._seed.customers:
            self._customer(customer)
        for name in self._seed.vendors:
            made = names.new_contact(self._org.new_id("Contact"), name) | {"IsSupplier": True}
            self._org.put("Contact", made, self._start)
        for number, item in enumerate(self._seed.items, start=1):
            self._item(item, number)
        self._sales()

    def _accounts(self) -> None:
        used: dict[str, int] = {}
        for seed in self._seed.accounts:
            kind, first = _ACCOUNTS[seed.type]
            number = used.get(seed.type, first)
            used[seed.type] = number + 10
            made = names.new_account(self._org.new_id("Account"), f"{number:03}", seed.name, kind)
            made["Status"] = "ACTIVE" if seed.active else "ARCHIVED"
            made["EnablePaymentsToAccount"] = seed.type == "undeposited"
            if seed.type == "receivable":
                made["SystemAccount"] = "DEBTORS"
            self._codes[seed.key] = made["Code"]
            stored = self._org.put("Account", made, self._start)
            if seed.type == "bank" and not self._bank:
                self._bank = stored["AccountID"]

    def _tax_rates(self) -> None:
        rates = [("NONE", "Tax Exempt", ZERO, True)]
        for tax in self._seed.tax_codes:
            if not tax.rate:
                rates[0] = ("NONE", tax.name, ZERO, True)
            elif tax.active and self._tax == "NONE":
                self._tax = "OUTPUT"
                rates.append(("OUTPUT", tax.name, tax.rate, True))
            else:
                rates.append((f"TAX{len(rates):03}", tax.name, tax.rate, tax.active))
        for kind, name, rate, active in rates:
            self._rate(kind, name, rate, active, True)
        self._rate("INPUT", "Tax on Purchases", Decimal("8.25"), True, False)

    def _rate(self, kind: str, name: str, rate: Decimal, active: bool, on_sales: bool) -> None:
        parts = [{"Name": name, "Rate": rate, "IsCompound": False, "IsNonRecoverable": False}]
        status = "ACTIVE" if active else "ARCHIVED"
        made = {"TaxType": kind, "Name": name, "Status": status, "TaxComponents": parts, "CanApplyToRevenue": on_sales}
        self._org.put("TaxRate", made, self._start)

    def _customer(self, seed: SeedCustomer) -> None:
        made = names.new_contact(self._org.new_id("Contact"), seed.display_name)
        made |= {
            "FirstName": seed.given_name,
            "LastName": seed.family_name,
            "EmailAddress": seed.email,
            "IsCustomer": True,
            "ContactStatus": "ACTIVE" if seed.active else "ARCHIVED",
        }
        address = {
            "AddressLine1": seed.line1,
            "City": seed.city,
            "Region": seed.region,
            "PostalCode": seed.postal_code,
            "Country": seed.country,
        }
        made["Addresses"] = [{**row, **address} if row["AddressType"] == "POBOX" else row for row in made["Addresses"]]
        made["Phones"] = [
            {**row, "PhoneNumber": seed.phone} if row["PhoneType"] == "DEFAULT" else row for row in made["Phones"]
        ]
        self._people[seed.key] = self._org.put("Contact", made, self._start)["ContactID"]

    def _item(self, seed: SeedItem, number: int) -> None:
        """Xero's items know no inactive state, and their names end after 50 characters."""
        details: Json = {"UnitPrice": seed.unit_price, "TaxType": self._tax if seed.taxable else "NONE"}
        if seed.account_key:
            details["AccountCode"] = self._codes[seed.account_key]
        made = {
            "ItemID": self._org.new_id("Item"),
            "Code": seed.sku or f"ITEM-{number:03}",
            "Name": seed.name[:50],
            "Description": seed.description or seed.name,
            "PurchaseDescription": "",
            "IsSold": True,
            "IsPurchased": False,
            "IsTrackedAsInventory": False,
            "SalesDetails": details,
            "PurchaseDetails": {},
        }
        self._items[seed.key] = self._org.put("Item", made, self._start)

    def _sales(self) -> None:
        totals: dict[str, Json] = {}
        for invoice in self._seed.invoices:
            totals[invoice.number] = self._invoice(invoice)
        by_number = {invoice.number: invoice for invoice in self._seed.invoices}
        for payment in self._seed.payments:
            record = totals[payment.invoice_number]
            whole = invoice_total(by_number[payment.invoice_number], self._seed.tax_codes)
            amount = record["Total"] if payment.amount == whole else payment.amount
            at = self._at(payment.date)
            method = payment.method if payment.method in self._seed.payment_methods else ""
            made = {
                "PaymentID": self._org.new_id("Payment"),
                "Date": payment.date.isoformat(),
                "Amount": amount,
                "BankAmount": amount,
                "Reference": f"{method} {payment.reference}".strip(),
                "PaymentType": "ACCRECPAYMENT",
                "Status": "AUTHORISED",
                "_invoice": record["InvoiceID"],
                "_account": self._bank,
            }
            self._org.put("Payment", made, at)
            sales.settle(self._org, record["InvoiceID"])
            self._org.put("Invoice", self._org.tables["Invoice"][record["InvoiceID"]], at)

    def _invoice(self, seed: SeedInvoice) -> Json:
        lines = []
        for line in seed.lines:
            item = self._items[line.item_key]
            lines.append(
                {
                    "LineItemID": self._org.new_id("Line"),
                    "Description": line.description,
                    "Quantity": line.quantity,
                    "UnitAmount": line.unit_price,
                    "LineAmount": cents(line.quantity * line.unit_price),
                    "ItemCode": item["Code"],
                    "AccountCode": item["SalesDetails"].get("AccountCode", "200"),
                    "TaxType": self._tax if line.taxable else "NONE",
                    "Tracking": [],
                }
            )
        made: Json = {
            "InvoiceID": self._org.new_id("Invoice"),
            "Type": "ACCREC",
            "InvoiceNumber": seed.number,
            "Reference": "",
            "Url": "",
            "Date": seed.date.isoformat(),
            "DueDate": seed.due_date.isoformat(),
            "LineAmountTypes": "Exclusive",
            "CurrencyCode": self._org.currency,
            "SentToContact": True,
            "Status": "AUTHORISED",
            "LineItems": lines,
            "AmountPaid": ZERO,
            "FullyPaidOnDate": "",
            "_contact": self._people[seed.customer_key],
        }
        sales.add_up(self._org, made)
        return self._org.put("Invoice", made, self._at(seed.date))

    def _at(self, day: dt.date) -> dt.datetime:
        return min(dt.datetime.combine(day, dt.time(17), dt.UTC), self._start)
