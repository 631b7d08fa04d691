"""The company that people see first: a plumber with sixty customers, their names as odd as in real life."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Iterator, Sequence
from decimal import Decimal

from desktop.sandbox.seed_shapes import (
    ACCOUNTS,
    BASE_DATE,
    METHODS,
    TAX_CODES,
    CompanySeed,
    SeedAccount,
    SeedCustomer,
    SeedInvoice,
    SeedItem,
    SeedPayment,
    SeedTaxCode,
    data_file,
    invoice_total,
    make_invoice,
    make_line,
    make_payment,
)


def demo() -> CompanySeed:
    customers = tuple(_customers())
    items = tuple(_item(*row) for row in _ITEMS)
    invoices, payments = _sales(customers, items)
    return CompanySeed(
        name="Acme Plumbing LLC",
        legal_name="Acme Plumbing Services LLC",
        country="US",
        currency="USD",
        address_line1="1450 Depot Street",
        city="Round Rock",
        region="TX",
        postal_code="78664",
        email="office@acmeplumbing.example.com",
        accounts=(
            *ACCOUNTS[:2],
            SeedAccount("repairs", "Plumbing Repairs", "income", "ServiceFeeIncome"),
            SeedAccount("installs", "Installation Income", "income", "ServiceFeeIncome"),
            SeedAccount("landscaping", "Landscaping Services", "income", "ServiceFeeIncome", active=False),
            *ACCOUNTS[2:],
            SeedAccount("cogs", "Cost of Goods Sold", "cogs", "SuppliesMaterialsCogs"),
        ),
        tax_codes=(*TAX_CODES, SeedTaxCode("old", "City rate until 2024", Decimal("8.00"), active=False)),
        payment_methods=(*METHODS, "Money Order"),
        customers=customers,
        vendors=(
            "Lone Star Pipe Supply",
            "Tom Baker",
            "Ramirez Electric",
            "Summit Ridge Builders",
            "Hill Country Tool Rental",
            "City of Round Rock Water",
            "Maple Leaf Tile & Stone",
        ),
        employees=("Emily Carter", "David Ortiz", "Sarah Whitfield", "Robert Hayes"),
        items=items,
        invoices=invoices,
        payments=payments,
    )


def _customers() -> Iterator[SeedCustomer]:
    rows = csv.DictReader(data_file("demo_customers.csv").splitlines(), delimiter="|", quoting=csv.QUOTE_NONE)
    for number, row in enumerate(rows, start=1):
        yield SeedCustomer(
            key=f"c{number}",
            display_name=row["display_name"],
            given_name=row["given_name"],
            family_name=row["family_name"],
            company_name=row["company_name"],
            email=row["email"],
            phone=row["phone"],
            line1=row["line1"],
            city=row["city"],
            region=row["region"],
            postal_code=row["postal_code"],
            country=row["country"],
            active=row["active"] == "yes",
            notes=row["notes"],
        )


# key, name, type, price, income account, taxable, number, description
_ITEMS: tuple[tuple[str, str, str, str, str | None, bool, str, str], ...] = (
    ("call", "Service call", "Service", "95.00", "services", False, "SVC-CALL", "Visit and first half hour"),
    (
        "labor",
        "Plumbing labor (hour)",
        "Service",
        "110.00",
        "services",
        False,
        "SVC-HOUR",
        "One plumber, per hour",
    ),
    ("urgent", "Emergency call-out", "Service", "185.00", "services", False, "SVC-URG", "Nights and Sundays"),
    (
        "drain",
        "Drain cleaning",
        "Service",
        "149.00",
        "repairs",
        False,
        "REP-DRAIN",
        "One drain, up to 50 feet",
    ),
    ("leak", "Leak detection", "Service", "225.00", "repairs", False, "REP-LEAK", "With acoustic equipment"),
    ("toilet", "Toilet repair", "Service", "129.50", "repairs", False, "REP-WC", "Flapper, valve and seal"),
    (
        "camera",
        "Sewer camera inspection",
        "Service",
        "289.00",
        "repairs",
        False,
        "REP-CAM",
        "Report with video",
    ),
    (
        "heater",
        "Water heater installation",
        "Service",
        "780.00",
        "installs",
        False,
        "INS-HEAT",
        "Old unit removed",
    ),
    (
        "faucet",
        "Faucet installation",
        "Service",
        "175.00",
        "installs",
        False,
        "INS-FAUC",
        "Faucet not included",
    ),
    (
        "tank",
        "Water heater, 50 gallon",
        "Inventory",
        "949.00",
        "sales",
        True,
        "PRT-WH50",
        "Gas, 6 years warranty",
    ),
    ("pipe", "Copper pipe 3/4 in (foot)", "NonInventory", "6.85", "sales", True, "PRT-CU34", "Type L"),
    ("filter", "Water filter cartridge", "NonInventory", "38.40", "sales", True, "PRT-FILT", "Pack of two"),
    ("check", "Drain check", "Service", "60.00", None, False, "", ""),
    ("pressure", "Pressure test (old price)", "Service", "70.00", "repairs", False, "REP-PRES", ""),
)
_OUT_OF_USE = {"pressure"}

# Customer, days before BASE_DATE, ((item, quantity), ...), then what was paid: all, a sum, or nothing yet.
_SALES: tuple[tuple[str, int, tuple[tuple[str, str], ...], str, str], ...] = (
    ("Emily Alvarez", 196, (("call", "1"), ("toilet", "1")), "all", "Check"),
    ("Cedar Ridge Homes LLC", 181, (("tank", "2"), ("pipe", "48.5")), "all", "Bank Transfer"),
    ("Blue Heron Cafe", 167, (("drain", "1"),), "all", "Credit Card"),
    ("Mary & John Mason", 150, (("leak", "1"), ("labor", "1.5")), "all", "Check"),
    ("Hartwell Construction", 139, (("labor", "16"), ("pipe", "120")), "1000.00", "Check"),
    ("Jürgen Müller", 121, (("faucet", "2"),), "all", "Cash"),
    ("Rosewood Apartments", 104, (("camera", "1"), ("drain", "3")), "all", "Bank Transfer"),
    ("Patrick O'Brien", 88, (("urgent", "1"), ("labor", "2")), "", ""),
    ("Green Valley", 75, (("filter", "4"), ("call", "1")), "all", "Credit Card"),
    ("<b>Bob's Diner</b>", 61, (("drain", "1"), ("labor", "0.5")), "all", "Cash"),
    ("Johnson Brothers", 47, (("camera", "1"), ("labor", "3.25")), "", ""),
    ("Isabel Núñez", 33, (("heater", "1"), ("tank", "1")), "500.00", "Credit Card"),
    ("Sunny Side Dental PLLC", 24, (("faucet", "6"), ("filter", "6")), "", ""),
    ("Cedar Ridge Homes LLC", 16, (("labor", "24"), ("pipe", "210.25")), "", ""),
    ("Karen & Luis Ortega", 9, (("call", "1"), ("toilet", "2")), "all", "Credit Card"),
    ("Ming's Noodle House", 3, (("drain", "2"), ("filter", "1")), "", ""),
)


def _item(
    key: str, name: str, kind: str, price: str, account: str | None, taxable: bool, sku: str, text: str
) -> SeedItem:
    return SeedItem(key, name, kind, Decimal(price), text, account, taxable, key not in _OUT_OF_USE, sku)


def _sales(
    customers: Sequence[SeedCustomer], items: Sequence[SeedItem]
) -> tuple[tuple[SeedInvoice, ...], tuple[SeedPayment, ...]]:
    key_of = {customer.display_name: customer.key for customer in customers}
    item_of = {item.key: item for item in items}
    invoices: list[SeedInvoice] = []
    payments: list[SeedPayment] = []
    for number, (name, days, sold, paid, method) in enumerate(_SALES, start=1001):
        lines = tuple(make_line(item_of[key], Decimal(quantity)) for key, quantity in sold)
        invoice = make_invoice(number, key_of[name], BASE_DATE - dt.timedelta(days), lines)
        invoices.append(invoice)
        if paid:
            amount = invoice_total(invoice, TAX_CODES) if paid == "all" else Decimal(paid)
            payments.append(make_payment(invoice, amount, method, 6))
    return tuple(invoices), tuple(payments)
