"""A company with twenty thousand customers, for long lists, paging and matching."""

from __future__ import annotations

import datetime as dt
import json
import random
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from desktop.sandbox.seed_shapes import (
    ACCOUNTS,
    BASE_DATE,
    METHODS,
    TAX_CODES,
    CompanySeed,
    SeedCustomer,
    SeedInvoice,
    SeedItem,
    SeedPayment,
    cents,
    data_file,
    invoice_total,
    make_invoice,
    make_line,
    make_payment,
)

_Words = dict[str, Any]  # lists of words by kind, as in data/words.json


def large(customers: int = 20_000, invoices: int = 5_000) -> CompanySeed:
    rng = random.Random(20261102)
    words: _Words = json.loads(data_file("words.json"))
    people = tuple(_large_customers(rng, words, customers))
    items = tuple(_large_items(rng, words))
    sales: list[SeedInvoice] = []
    payments: list[SeedPayment] = []
    days = sorted((rng.randrange(1, 730) for _ in range(invoices)), reverse=True)
    for number, ago in enumerate(days, start=1001):
        sold = rng.sample(items, rng.choice((1, 1, 2, 2, 3, 4)))
        lines = tuple(make_line(item, Decimal(rng.choice((1, 1, 1, 2, 3, 10)))) for item in sold)
        invoice = make_invoice(number, rng.choice(people).key, BASE_DATE - dt.timedelta(ago), lines)
        sales.append(invoice)
        if rng.random() < 0.6:
            total = invoice_total(invoice, TAX_CODES)
            amount = total if rng.random() < 0.9 else cents(total / 2)
            payments.append(make_payment(invoice, amount, rng.choice(METHODS), rng.randrange(1, 45)))
    return CompanySeed(
        name="Summit Facility Services Inc",
        legal_name="Summit Facility Services Inc",
        country="US",
        currency="USD",
        address_line1="8800 Commerce Parkway",
        city="Austin",
        region="TX",
        postal_code="78701",
        email="office@summitfacility.example.com",
        accounts=ACCOUNTS,
        tax_codes=TAX_CODES,
        payment_methods=METHODS,
        customers=people,
        vendors=tuple(f"Supplier {number}" for number in range(1, 201)),
        employees=tuple(f"Technician {number}" for number in range(1, 51)),
        items=items,
        invoices=tuple(sales),
        payments=tuple(payments),
    )


def _large_items(rng: random.Random, words: _Words) -> Iterator[SeedItem]:
    names = [(part, work) for part in words["part"] for work in words["work"]]
    for number, (part, work) in enumerate(names, start=1):
        is_part = work == "Delivery"
        kind, account = ("NonInventory", "sales") if is_part else ("Service", "services")
        price = f"{rng.randrange(25, 900)}.{rng.choice(('00', '50', '95'))}"
        yield SeedItem(
            key=f"i{number}",
            name=f"{part} {work.lower()}",
            type=kind,
            unit_price=Decimal(price),
            description="",
            account_key=account,
            taxable=is_part,
            active=True,
            sku=f"L-{number:04}",
        )


# Given name, family name, company name, display name
_Name = tuple[str, str, str, str]


def _large_names(rng: random.Random, words: _Words, count: int) -> list[_Name]:
    """Names without a repetition: each kind draws from its own numbered combinations, none of them twice."""
    given, family, form = words["given"], words["family"], words["form"]
    g, f = len(given), len(family)

    def person(n: int) -> _Name:
        first, last = given[n // f], family[n % f]
        return first, last, "", f"{first} {last}"

    def couple(n: int) -> _Name:
        pair, last = n // f, family[n % f]
        one, other = pair // (g - 1), pair % (g - 1)
        first, second = given[one], given[other + (other >= one)]
        return first, last, "", f"{first} & {second} {last}"

    def firm(kinds: list[str]) -> Callable[[int], _Name]:
        def named(n: int) -> _Name:
            rest, last = n // f, family[n % f]
            full = f"{last} {kinds[rest // len(form)]} {form[rest % len(form)]}".rstrip()
            return given[n % g], last, full, full

        return named

    def drawn(make: Callable[[int], _Name], combinations: int, wanted: int) -> list[_Name]:
        return [make(n) for n in rng.sample(range(combinations), wanted)]

    couples, firms, builders = count * 12 // 100, count * 20 // 100, count * 8 // 100
    trades, building = words["trade"], words["building"]
    names = drawn(person, g * f, count - couples - firms - builders)
    names += drawn(couple, g * (g - 1) * f, couples)
    names += drawn(firm(trades), len(trades) * len(form) * f, firms)
    names += drawn(firm(building), len(building) * len(form) * f, builders)
    rng.shuffle(names)
    return names


def _large_customers(rng: random.Random, words: _Words, count: int) -> Iterator[SeedCustomer]:
    streets, towns = words["street"], words["town"]
    for number, (first, last, firm, display) in enumerate(_large_names(rng, words, count), start=1):
        chance = rng.random()
        town, postal_code = towns[int(chance * 7919) % len(towns)]
        street = streets[int(chance * 104729) % len(streets)]
        yield SeedCustomer(
            key=f"c{number}",
            display_name=display,
            given_name=first,
            family_name=last,
            company_name=firm,
            email=f"{first}.{last}.{number}@example.com".lower() if chance > 0.1 else "",
            phone=f"{200 + number // 100}-555-{100 + number % 100:04}",
            line1=f"{1 + number * 37 % 9999} {street}" + (f", Suite {number % 90 + 10}" if firm else ""),
            city=town,
            region="TX",
            postal_code=postal_code,
            country="USA",
            active=chance < 0.97,
        )
