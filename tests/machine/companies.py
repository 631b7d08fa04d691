"""The two small companies of a run: few records, so that looking at all of them after each step is cheap."""

from __future__ import annotations

import datetime as dt
import functools
from dataclasses import replace
from decimal import Decimal

from desktop.sandbox.seed import company
from desktop.sandbox.seed_shapes import CompanySeed, SeedCustomer, SeedItem, make_invoice, make_line, make_payment

HOME, OTHER = "home", "other"


def _customer(key: str, given: str, family: str, number: int) -> SeedCustomer:
    name = f"{given} {family}"
    mail = f"{given}.{family}@mail.example.com".lower()
    return SeedCustomer(
        key,
        name,
        given,
        family,
        "",
        mail,
        f"555-01{number:02}",
        f"{number} Mill Lane",
        "Georgetown",
        "TX",
        "78626",
        "US",
    )


@functools.cache
def small(name: str) -> CompanySeed:
    """The company that the desks connect to, or the one that they must never write to."""
    empty = company("empty")
    customers = (_customer("c1", "Ada", "Brook", 1), _customer("c2", "Ben", "Carr", 2))
    items = tuple(
        SeedItem(key, name, "Service", Decimal(price), name, "services", False, True, f"S-{key}")
        for key, name, price in (("i1", "Mowing", 40), ("i2", "Digging", 55))
    )
    bills = tuple(
        make_invoice(900 + at, one.key, dt.date(2026, 10, 5), (make_line(items[at], Decimal(2)),))
        for at, one in enumerate(customers)
    )
    paid = make_payment(bills[0], Decimal(30), "Check", 5)
    other = name == OTHER
    return replace(
        empty,
        name="Redstart Fencing Co" if other else empty.name,
        legal_name="Redstart Fencing Company" if other else empty.legal_name,
        customers=customers,
        vendors=("Paper & Co",),
        items=items,
        invoices=bills,
        payments=(paid,),
    )
