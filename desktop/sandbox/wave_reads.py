"""What each field of the schema shows. Everything not named here is the record's own value of that name."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, Protocol

from graphql import GraphQLResolveInfo

from desktop.sandbox.service import Json
from desktop.sandbox.wave_books import TYPE_OF, Business, Row, currency_of, money
from desktop.sandbox.wave_graphql import Fault, not_found

PAGE_MOST = 200
COUNTRY_NAMES = {"US": "United States", "CA": "Canada", "GB": "United Kingdom"}


class Reader(Protocol):
    """What a field may ask of the call it is part of. `paging` bends the pages (fault L3)."""

    paging: str

    def businesses(self) -> list[Business]: ...

    def business(self, business_id: str) -> Business | None: ...

    def default_business(self) -> Business: ...

    def guard(self) -> None:
        """Raises `Fault` unless the token is good."""

    def mutate(self, info: GraphQLResolveInfo[Any], wanted: Json) -> Json: ...

    def person(self) -> Json: ...


Show = Callable[[Reader, Any, Mapping[str, Any]], Any]


def resolve(source: Any, info: GraphQLResolveInfo[Any], **arguments: Any) -> Any:
    """The one resolver of the schema."""
    reader: Reader = info.context
    kind = info.parent_type.name
    if kind in ("Query", "Mutation"):
        reader.guard()
    if kind == "Mutation":
        return reader.mutate(info, dict(arguments["input"]))
    show = SHOWS.get(f"{kind}.{info.field_name}")
    if show is not None:
        return show(reader, source, arguments)
    if info.field_name == "business" and isinstance(source, Row):
        return source.home
    if isinstance(source, Row):
        return source.data.get(info.field_name)
    if isinstance(source, Business):
        return source.info.get(info.field_name)
    return source.get(info.field_name) if isinstance(source, Mapping) else None


# --- pages ---


def page(reader: Reader, rows: list[Any], arguments: Mapping[str, Any], total: bool = True) -> Json:
    """A connection: page and pageSize count from 1; a page past the end is empty [U]."""
    number, size = arguments.get("page"), arguments.get("pageSize")
    number, size = 1 if number is None else number, 45 if size is None else size
    if number < 1 or not 1 <= size <= PAGE_MOST:
        raise Fault(f"page starts at 1, and pageSize is 1 to {PAGE_MOST}.", "BAD_REQUEST")
    pages = max(1, -(-len(rows) // size))
    shown = 1 if reader.paging == "repeat" or (reader.paging == "endless" and number > pages) else number
    found = [] if reader.paging == "empty" and number == 2 else rows[(shown - 1) * size : shown * size]
    if reader.paging.startswith("again:") and number > 1:
        found = [*(row for row in rows if row.id == reader.paging.removeprefix("again:")), *found]
    count = len(rows) * (2 if reader.paging == "total" else 1)
    if reader.paging in ("total", "endless", "repeat"):
        pages = max(pages * 2, number + 1) if reader.paging != "total" else -(-count // size)
    info = {"currentPage": number, "totalCount": count if total else None, "totalPages": pages}
    return {"pageInfo": info, "edges": [{"node": row} for row in found]}


def _sorted(rows: list[Row], sort: Iterable[str], keys: Mapping[str, Callable[[Row], Any]]) -> list[Row]:
    for name in reversed(list(sort)):
        field, _, direction = name.rpartition("_")
        rows = sorted(rows, key=keys[field], reverse=direction == "DESC")
    return rows


_TIMES: Mapping[str, Callable[[Row], Any]] = {
    "CREATED_AT": lambda row: (row.data["createdAt"], row.data["id"]),
    "MODIFIED_AT": lambda row: (row.data["modifiedAt"], row.data["id"]),
    "NAME": lambda row: str(row.data.get("name", "")).casefold(),
}
_OF_INVOICES: Mapping[str, Callable[[Row], Any]] = {
    **_TIMES,
    "AMOUNT_DUE": lambda row: row.home.due(row.data),
    "AMOUNT_PAID": lambda row: row.home.paid(row.data),
    "CUSTOMER_NAME": lambda row: row.home.tables["Customer"][row.data["customerId"]]["name"].casefold(),
    "DUE_AT": lambda row: row.data["dueDate"],
    "INVOICE_DATE": lambda row: row.data["invoiceDate"],
    "INVOICE_NUMBER": lambda row: row.data["invoiceNumber"],
    "STATUS": lambda row: row.home.status(row.data),
    "TOTAL": lambda row: row.data["total"],
}


def _list(name: str, make: Callable[[Business, Mapping[str, Any]], list[Row]]) -> Show:
    def show(reader: Reader, home: Business, arguments: Mapping[str, Any]) -> Json:
        asked = {key: value for key, value in arguments.items() if key not in ("page", "pageSize")}
        rows = home.listed(f"{name} {home.today()} {sorted(asked.items(), key=str)}", lambda: make(home, asked))
        return page(reader, rows, arguments)

    return show


def _within(row: Row, arguments: Mapping[str, Any]) -> bool:
    after, before = arguments.get("modifiedAtAfter"), arguments.get("modifiedAtBefore")
    at = row.data["modifiedAt"]
    return (after is None or at > after) and (before is None or at < before)


def _wants(row: Row, arguments: Mapping[str, Any], name: str, value: Any) -> bool:
    wanted = arguments.get(name)
    return wanted is None or wanted == value


def _accounts(home: Business, arguments: Mapping[str, Any]) -> list[Row]:
    types, only, without = (arguments.get(name) for name in ("types", "subtypes", "excludedSubtypes"))
    rows = [
        row
        for row in home.rows("Account")
        if _wants(row, arguments, "isArchived", row.data["isArchived"])
        and (only is None or row.data["subtype"] in only)
        and (types is None or TYPE_OF[row.data["subtype"]] in types)
        and (without is None or row.data["subtype"] not in without)
    ]
    return rows


def _customers(home: Business, arguments: Mapping[str, Any]) -> list[Row]:
    email = arguments.get("email")
    rows = [
        row
        for row in home.rows("Customer")
        if _within(row, arguments)
        and (email is None or (row.data["email"] or "").casefold() == email.strip().casefold())
    ]
    return _sorted(rows, arguments["sort"], _TIMES)


def _products(home: Business, arguments: Mapping[str, Any]) -> list[Row]:
    rows = [
        row
        for row in home.rows("Product")
        if _within(row, arguments)
        and _wants(row, arguments, "isArchived", row.data["isArchived"])
        and _wants(row, arguments, "isSold", row.data["incomeAccountId"] is not None)
        and _wants(row, arguments, "isBought", row.data["expenseAccountId"] is not None)
    ]
    return _sorted(rows, arguments["sort"], _TIMES)


def _taxes(home: Business, arguments: Mapping[str, Any]) -> list[Row]:
    rows = [row for row in home.rows("SalesTax") if _within(row, arguments)]
    rows = [row for row in rows if _wants(row, arguments, "isArchived", row.data["isArchived"])]
    return rows


def _invoices(home: Business, arguments: Mapping[str, Any]) -> list[Row]:
    number, first, last = (arguments.get(name) for name in ("invoiceNumber", "invoiceDateStart", "invoiceDateEnd"))
    rows = [
        row
        for row in home.rows("Invoice")
        if _within(row, arguments)
        and (number is None or number.casefold() in row.data["invoiceNumber"].casefold())
        and _wants(row, arguments, "customerId", row.data["customerId"])
        and _wants(row, arguments, "currency", row.data["currency"])
        and _wants(row, arguments, "status", home.status(row.data))
        and (arguments.get("amountDue") is None or home.due(row.data) == arguments["amountDue"])
        and (first is None or row.data["invoiceDate"] >= first)
        and (last is None or row.data["invoiceDate"] <= last)
    ]
    return _sorted(rows, arguments["sort"], _OF_INVOICES)


def _businesses(reader: Reader, source: Any, arguments: Mapping[str, Any]) -> Json:
    archived = bool(arguments.get("isArchived"))
    rows = [home for home in reader.businesses() if home.info["isArchived"] == archived]
    return page(reader, rows, {"pageSize": 10, **arguments})


def _business(reader: Reader, source: Any, arguments: Mapping[str, Any]) -> Business:
    business_id = arguments.get("id")
    if business_id is None:
        return reader.default_business()
    home = reader.business(business_id)
    if home is None:
        raise not_found("Business", business_id)
    return home


def _one(table: str) -> Show:
    def show(reader: Reader, home: Business, arguments: Mapping[str, Any]) -> Row:
        if home.get(table, arguments["id"]) is None:
            raise not_found(table, arguments["id"])
        return home.row(table, arguments["id"])

    return show


def _one_invoice(reader: Reader, home: Business, arguments: Mapping[str, Any]) -> Row:
    """Payments are shown only here, where one invoice is asked for."""
    found: Row = _one("Invoice")(reader, home, arguments)
    return Row(home, "Invoice", {**found.data, "__alone": True})


# --- parts of records ---


def _country(reader: Reader, source: Json, arguments: Mapping[str, Any]) -> Json | None:
    code = source.get("countryCode")
    return country(code) if code else None


def country(code: str) -> Json:
    name = COUNTRY_NAMES.get(code, code)
    return {"code": code, "name": name, "nameWithArticle": name, "currency": currency_of("USD"), "provinces": []}


def _province(reader: Reader, source: Json, arguments: Mapping[str, Any]) -> Json | None:
    code = source.get("provinceCode")
    return {"code": code, "name": code.partition("-")[2], "slug": code.lower()} if code else None


def _money(amount: Callable[[Row], Decimal]) -> Show:
    def show(reader: Reader, row: Row, arguments: Mapping[str, Any]) -> Json:
        return money(amount(row), row.data.get("currency") or row.home.currency, row.home.money_commas)

    return show


def _ref(table: str, name: str) -> Show:
    def show(reader: Reader, row: Row, arguments: Mapping[str, Any]) -> Row | None:
        record_id = row.data.get(name)
        return row.home.row(table, record_id) if record_id else None

    return show


def _subtype(value: str) -> Json:
    kind = TYPE_OF[value]
    system = value in ("UNCATEGORIZED_INCOME", "GAIN_ON_FOREIGN_EXCHANGE", "RECEIVABLE_INVOICES")
    return {
        "archivable": not system,
        "description": None,
        "name": value.replace("_", " ").title(),
        "systemCreated": system,
        "type": _type(kind),
        "value": value,
    }


def _type(value: str) -> Json:
    debit = value in ("ASSET", "EXPENSE")
    return {"name": value.title(), "normalBalanceType": "DEBIT" if debit else "CREDIT", "value": value}


def _normal(row: Row) -> str:
    return str(_type(TYPE_OF[row.data["subtype"]])["normalBalanceType"])


def _open(row: Row, overdue: bool) -> Decimal:
    home = row.home
    found = [one for one in home.invoices_of(row.id) if not one["isDraft"]]
    return sum((home.due(one) for one in found if not overdue or one["dueDate"] < home.today()), Decimal(0))


def _items(reader: Reader, row: Row, arguments: Mapping[str, Any]) -> list[Row]:
    currency = row.data["currency"]
    return [Row(row.home, "InvoiceItem", {**item, "currency": currency}) for item in row.data["items"]]


def _item_taxes(reader: Reader, row: Row, arguments: Mapping[str, Any]) -> list[Json]:
    pairs = zip(row.data["taxIds"], row.data["taxAmounts"], strict=True)
    return [
        {
            "amount": money(amount, row.data["currency"], row.home.money_commas),
            "rate": row.home.tables["SalesTax"][tax_id]["rate"],
            "salesTax": row.home.row("SalesTax", tax_id),
        }
        for tax_id, amount in pairs
    ]


def _item_account(reader: Reader, row: Row, arguments: Mapping[str, Any]) -> Row:
    account_id = row.data["accountId"]
    if account_id:
        return row.home.row("Account", account_id)
    return next(one for one in row.home.rows("Account") if one.data["subtype"] == "UNCATEGORIZED_INCOME")


def _payments(reader: Reader, row: Row, arguments: Mapping[str, Any]) -> list[Row] | None:
    if not row.data.get("__alone"):
        return None
    return [Row(row.home, "InvoicePayment", payment) for payment in row.home.payments_of(row.id)]


def _paid_invoice(reader: Reader, row: Row, arguments: Mapping[str, Any]) -> Row | None:
    invoice = row.home.get("Invoice", row.data["invoiceId"])
    return Row(row.home, "Invoice", {**invoice, "__alone": True}) if invoice else None


def _paying_customer(reader: Reader, row: Row, arguments: Mapping[str, Any]) -> Row | None:
    invoice = row.home.get("Invoice", row.data["invoiceId"])
    return row.home.row("Customer", invoice["customerId"]) if invoice else None


def _rates(reader: Reader, row: Row, arguments: Mapping[str, Any]) -> list[Json]:
    return [{"effective": dt.date(2000, 1, 1), "rate": row.data["rate"]}]


def _web(what: str) -> Show:
    return lambda reader, row, arguments: f"https://example.com/{what}/{row.home.uuid}/{row.data['invoiceNumber']}"


def _default(name: str, value: Any) -> Show:
    def show(reader: Reader, row: Row, arguments: Mapping[str, Any]) -> Any:
        found = row.data.get(name)
        return value if found is None else found

    return show


def _code(name: str) -> Show:
    def show(reader: Reader, source: Any, arguments: Mapping[str, Any]) -> Json | None:
        value = source.data.get(name) if isinstance(source, Row) else source.info.get(name)
        return currency_of(value) if value else None

    return show


def _every(enum: str, make: Callable[[str], Json]) -> Show:
    def show(reader: Reader, source: Any, arguments: Mapping[str, Any]) -> list[Json]:
        from desktop.sandbox.wave_graphql import wave_schema

        return [make(value) for value in wave_schema().type_map[enum].values]  # type: ignore[attr-defined]

    return show


_TITLES = {"amountTitle": "Amount", "itemTitle": "Items", "priceTitle": "Price", "unitTitle": "Quantity"}
_SWITCHES = (
    "disableAmexPayments", "disableBankPayments", "disableCreditCardPayments", "hideAmount", "hideDescription",
    "hideName", "hidePrice", "hideUnit", "requireTermsOfServiceAgreement",
)  # fmt: skip

SHOWS: dict[str, Show] = {
    "Query.user": lambda reader, source, arguments: reader.person(),
    "Query.business": _business,
    "Query.businesses": _businesses,
    "Query.countries": _every("CountryCode", country),
    "Query.country": lambda reader, source, arguments: country(arguments["code"]),
    "Query.currencies": _every("CurrencyCode", currency_of),
    "Query.currency": lambda reader, source, arguments: currency_of(arguments["code"]),
    "Query.province": lambda reader, source, arguments: _province(reader, {"provinceCode": arguments["code"]}, {}),
    "Query.accountTypes": _every("AccountTypeValue", _type),
    "Query.accountSubtypes": lambda reader, source, arguments: [_subtype(value) for value in TYPE_OF],
    "Business.id": lambda reader, home, arguments: home.id,
    "Business.currency": _code("currency"),
    "Business.accounts": _list("accounts", _accounts),
    "Business.account": _one("Account"),
    "Business.customers": _list("customers", _customers),
    "Business.customer": _one("Customer"),
    "Business.products": _list("products", _products),
    "Business.product": _one("Product"),
    "Business.salesTaxes": _list("taxes", _taxes),
    "Business.salesTax": _one("SalesTax"),
    "Business.invoices": _list("invoices", _invoices),
    "Business.invoice": _one_invoice,
    "Business.invoicePayment": _one("InvoicePayment"),
    "Address.country": _country,
    "Address.province": _province,
    "Account.currency": _code("currency"),
    "Account.subtype": lambda reader, row, arguments: _subtype(row.data["subtype"]),
    "Account.type": lambda reader, row, arguments: _type(TYPE_OF[row.data["subtype"]]),
    "Account.normalBalanceType": lambda reader, row, arguments: _normal(row),
    "Customer.currency": _code("currency"),
    "Customer.outstandingAmount": _money(lambda row: _open(row, False)),
    "Customer.overdueAmount": _money(lambda row: _open(row, True)),
    "Product.incomeAccount": _ref("Account", "incomeAccountId"),
    "Product.expenseAccount": _ref("Account", "expenseAccountId"),
    "Product.isSold": lambda reader, row, arguments: row.data["incomeAccountId"] is not None,
    "Product.isBought": lambda reader, row, arguments: row.data["expenseAccountId"] is not None,
    "Product.defaultSalesTaxes": lambda reader, row, arguments: [
        row.home.row("SalesTax", tax_id) for tax_id in row.data["defaultSalesTaxIds"]
    ],
    "SalesTax.rates": _rates,
    "Invoice.customer": _ref("Customer", "customerId"),
    "Invoice.currency": _code("currency"),
    "Invoice.status": lambda reader, row, arguments: row.home.status(row.data),
    "Invoice.amountDue": _money(lambda row: row.home.due(row.data)),
    "Invoice.amountPaid": _money(lambda row: row.home.paid(row.data)),
    "Invoice.total": _money(lambda row: row.data["total"]),
    "Invoice.subtotal": _money(lambda row: row.data["subtotal"]),
    "Invoice.taxTotal": _money(lambda row: row.data["taxTotal"]),
    "Invoice.discountTotal": _money(lambda row: row.data["discountTotal"]),
    "Invoice.items": _items,
    "Invoice.payments": _payments,
    "Invoice.anonymousId": lambda reader, row, arguments: row.id[-12:],
    "Invoice.viewUrl": _web("view"),
    "Invoice.pdfUrl": _web("pdf"),
    "InvoiceItem.product": _ref("Product", "productId"),
    "InvoiceItem.account": _item_account,
    "InvoiceItem.price": lambda reader, row, arguments: row.data["unitPrice"],
    "InvoiceItem.subtotal": _money(lambda row: row.data["subtotal"]),
    "InvoiceItem.total": _money(lambda row: row.data["subtotal"] + sum(row.data["taxAmounts"], Decimal(0))),
    "InvoiceItem.taxes": _item_taxes,
    "InvoicePayment.account": _ref("Account", "accountId"),
    "InvoicePayment.invoice": _paid_invoice,
    "InvoicePayment.customer": _paying_customer,
    "InvoicePayment.amount": lambda reader, row, arguments: f"{row.data['amount']:.2f}",
    **{
        f"InvoicePayment.{name}": lambda reader, row, arguments: currency_of(row.home.currency)
        for name in ("businessCurrency", "invoiceCurrency", "paymentCurrency")
    },
    **{f"Invoice.{name}": _default(name, text) for name, text in _TITLES.items()},
    **{f"Invoice.{name}": _default(name, False) for name in _SWITCHES},
}
