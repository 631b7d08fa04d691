"""The GraphQL documents that are sent to Wave; pure.

Every value travels as a variable, never inside a document (providers' contract: Wave, section 1; U3), and the
selections are small, because what a document may cost is not published.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from desktop.providers.records import Kind

CUSTOMER = (
    "id name firstName lastName email phone mobile isArchived createdAt modifiedAt"
    " address { addressLine1 addressLine2 city postalCode province { code } country { code } }"
)
PRODUCT = (
    "id name description unitPrice isSold isBought isArchived createdAt modifiedAt"
    " incomeAccount { id } defaultSalesTaxes { id }"
)
INVOICE = (
    "id invoiceNumber status invoiceDate dueDate memo modifiedAt customer { id } currency { code }"
    " discounts { name ... on PercentageInvoiceDiscount { percentage } }"
    " discountTotal { value } taxTotal { value } total { value } amountDue { value }"
    " items { description quantity unitPrice product { id } account { id } subtotal { value }"
    " taxes { salesTax { id } } }"
)
PAYMENT = "id amount paymentDate paymentMethod memo modifiedAt account { id }"
PAID_INVOICE = "id customer { id } currency { code } amountPaid { value } amountDue { value }"
PAYMENTS = f"{PAID_INVOICE} payments {{ {PAYMENT} }}"
"""What one invoice shows of its payments; in a list of invoices they are null."""
SHOWN: Mapping[Kind, str] = {
    Kind.CUSTOMER: CUSTOMER,
    Kind.ITEM: PRODUCT,
    Kind.INVOICE: INVOICE,
    Kind.PAYMENT: f"{PAYMENT} invoice {{ {PAID_INVOICE} payments {{ id amount }} }}",
}
"""A payment's own answer carries the invoice it pays: that is the read which proves it, at no extra call."""
ANSWERED = "didSucceed inputErrors { path message code }"
PAGE_INFO = "pageInfo { currentPage totalPages totalCount }"
LETTERS = {Kind.CUSTOMER: "c", Kind.ITEM: "p", Kind.INVOICE: "i", Kind.PAYMENT: "y"}

INCOME = "[INCOME, DISCOUNTS, OTHER_INCOME]"
"""What `incomeAccountId` takes; the type INCOME would be too wide (contract 4)."""
DEPOSIT = "[CASH_AND_BANK]"


@dataclass(frozen=True, slots=True)
class Question:
    """One field below `business`. `variables` maps a name in `text` to its type and value."""

    text: str
    variables: Mapping[str, tuple[str, Any]] = field(default_factory=dict)
    weight: int = 1
    """How much of a document it may take: a long list counts as many single records."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One mutation of a document: its alias, its root field, its input and what to show of the record."""

    alias: str
    mutation: str
    wanted: Mapping[str, Any]
    shows: str = ""

    @property
    def input_type(self) -> str:
        return f"{self.mutation[0].upper()}{self.mutation[1:]}Input!"


def mutation_document(entries: Sequence[Entry]) -> dict[str, Any]:
    """All entries in one document: one call, run there in this order (contract 8)."""
    heads = ", ".join(f"${entry.alias}: {entry.input_type}" for entry in entries)
    fields = [
        f"  {entry.alias}: {entry.mutation}(input: ${entry.alias}) {{ {ANSWERED} {entry.shows} }}" for entry in entries
    ]
    body = "\n".join(fields)
    return {
        "query": f"mutation BlueClerk({heads}) {{\n{body}\n}}",
        "operationName": "BlueClerk",
        "variables": {entry.alias: dict(entry.wanted) for entry in entries},
    }


def business_document(business_id: str, questions: Mapping[str, Question], own: str = "id") -> dict[str, Any]:
    """Questions by alias, all about one business; without an id, about the one that the token is for.

    A variable `$x` of a question is renamed after its alias, so that questions never share one.
    """
    heads = ["$business: ID"]
    variables: dict[str, Any] = {"business": business_id or None}
    fields = [own]
    for alias, question in questions.items():
        words = question.text
        for name, (kind, value) in question.variables.items():
            words = re.sub(rf"\${name}\b", f"${alias}_{name}", words)
            heads.append(f"${alias}_{name}: {kind}")
            variables[f"{alias}_{name}"] = value
        fields.append(f"{alias}: {words}")
    body = "\n    ".join(fields)
    query = f"query BlueClerk({', '.join(heads)}) {{\n  business(id: $business) {{\n    {body}\n  }}\n}}"
    return {"query": query, "operationName": "BlueClerk", "variables": variables}


def businesses_document(page: int) -> dict[str, Any]:
    """The businesses that the token reaches; archived ones are left out unless asked for by themselves."""
    shown = "id name isPersonal isArchived isClassicAccounting currency { code }"
    listed = f"{{ {PAGE_INFO} edges {{ node {{ {shown} }} }} }}"
    query = (
        f"query BlueClerk($page: Int) {{\n  open: businesses(page: $page, pageSize: 50) {listed}\n"
        f"  archived: businesses(isArchived: true, page: $page, pageSize: 50) {listed}\n}}"
    )
    return {"query": query, "operationName": "BlueClerk", "variables": {"page": page}}


# --- lists ---


@dataclass(frozen=True, slots=True)
class Listing:
    """A list below `business`: its field, its fixed arguments, what each row shows, rows on a page."""

    field: str
    shown: str
    size: int = 200
    fixed: str = ""
    weight: int = 10

    def page(self, number: int, **filters: tuple[str, Any]) -> Question:
        """One page; `filters` maps an argument to its type and value. `sort` is left out: null would be refused."""
        arguments = [self.fixed] if self.fixed else []
        arguments += [f"{name}: ${name}" for name in filters]
        arguments += ["page: $page", f"pageSize: {self.size}"]
        words = f"{self.field}({', '.join(arguments)}) {{ {PAGE_INFO} edges {{ node {{ {self.shown} }} }} }}"
        return Question(words, {**filters, "page": ("Int", number)}, self.weight)


CUSTOMERS = Listing("customers", CUSTOMER)
PRODUCTS = Listing("products", PRODUCT, fixed="isArchived: null")
INVOICES = Listing("invoices", INVOICE, size=100, weight=20)
NUMBERED = Listing("invoices", INVOICE, size=50, weight=4)
BILLS = Listing("invoices", f"{PAID_INVOICE} status modifiedAt")
CUSTOMER_NAMES = Listing("customers", "id name")
PRODUCT_NAMES = Listing("products", "id name", fixed="isArchived: null")
INCOME_ACCOUNTS = Listing("accounts", "id name isArchived", fixed=f"subtypes: {INCOME}, isArchived: null")
DEPOSIT_ACCOUNTS = Listing("accounts", "id name isArchived", fixed=f"subtypes: {DEPOSIT}, isArchived: null")
SALES_TAXES = Listing("salesTaxes", "id name rate isArchived", fixed="isArchived: null")
BUSINESS = "id name isArchived isPersonal isClassicAccounting currency { code } address { country { code } }"


def one(kind: Kind, external_id: str) -> Question:
    """One record by its id."""
    fields = {Kind.CUSTOMER: "customer", Kind.ITEM: "product", Kind.INVOICE: "invoice", Kind.PAYMENT: "invoicePayment"}
    shown = SHOWN[kind] if kind is not Kind.PAYMENT else f"{PAYMENT} invoice {{ {PAID_INVOICE} }}"
    return Question(f"{fields[kind]}(id: $id) {{ {shown} }}", {"id": ("ID!", external_id)})


def payments_of(invoice_id: str) -> Question:
    """One invoice's payments."""
    return Question(f"invoice(id: $id) {{ {PAYMENTS} }}", {"id": ("ID!", invoice_id)}, 2)


def cut(questions: Iterable[Question], most: int) -> list[list[Question]]:
    """The questions in documents of at most `most` weight each."""
    documents: list[list[Question]] = []
    size = most + 1
    for question in questions:
        if size + question.weight > most:
            documents.append([])
            size = 0
        documents[-1].append(question)
        size += question.weight
    return documents
