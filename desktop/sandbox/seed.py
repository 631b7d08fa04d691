"""The made-up companies that an imitated service starts with.

They are written in no service's own words, so that each imitation translates them by itself. Everything is
deterministic: the same name gives equal data in each process, dates count from `BASE_DATE`, never from today.
All people are invented; e-mail addresses lie in reserved example domains, telephone numbers end in 555-01xx.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

from desktop.sandbox.seed_demo import demo
from desktop.sandbox.seed_large import large
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
    SeedLine,
    SeedPayment,
    SeedTaxCode,
    invoice_total,
)

__all__ = [
    "BASE_DATE",
    "CompanySeed",
    "SeedAccount",
    "SeedCustomer",
    "SeedInvoice",
    "SeedItem",
    "SeedLine",
    "SeedPayment",
    "SeedTaxCode",
    "company",
    "invoice_total",
]


def _empty() -> CompanySeed:
    return CompanySeed(
        name="Bluebird Cleaning Co",
        legal_name="Bluebird Cleaning Company",
        country="US",
        currency="USD",
        address_line1="27 Orchard Way",
        city="Georgetown",
        region="TX",
        postal_code="78626",
        email="office@bluebirdcleaning.example.com",
        accounts=ACCOUNTS,
        tax_codes=TAX_CODES,
        payment_methods=METHODS,
    )


_BUILDERS: dict[str, Callable[[], CompanySeed]] = {"demo": demo, "empty": _empty, "large": large}


@functools.cache
def company(name: str) -> CompanySeed:
    """The company called "demo", "empty" or "large". Raises `ValueError` for another name."""
    try:
        build = _BUILDERS[name]
    except KeyError:
        raise ValueError(f"No such company: {name!r}. There are {', '.join(_BUILDERS)}.") from None
    return build()
