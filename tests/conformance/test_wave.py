"""What our Wave client sends, and the schema that the sandbox serves, against the published schema.

The file lies beside the project; a public clone has none. `.ci/run` wants it where `shared` is.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    OperationDefinitionNode,
    StringValueNode,
    Visitor,
    build_schema,
    parse,
    validate,
    visit,
)
from graphql.execution.values import get_variable_values

from desktop.providers.base import Action, Linked
from desktop.providers.records import Address, Lookup, PaymentLookup, PaymentMethod
from desktop.sandbox.seed_shapes import data_file
from tests.helpers.control import Control
from tests.helpers.published import SHARED, need
from tests.providers.support import step
from tests.providers.wave_support import (
    billed,
    connected,
    customer,
    imitated,
    invoice,
    item,
    line,
    make,
    paying,
    payment,
)

PUBLISHED = SHARED / "specs" / "wave_schema.graphql"


@pytest.fixture(scope="module")
def published() -> GraphQLSchema:
    need(PUBLISHED, "the published schema of Wave (shared/specs)")
    return build_schema(PUBLISHED.read_text("utf-8"))


class _Texts(Visitor):
    """Texts that stand inside a document."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def enter_string_value(self, node: StringValueNode, *_: Any) -> None:
        self.found.append(node.value)


def check_document(schema: GraphQLSchema, body: dict[str, Any]) -> None:
    """The document fits the schema, its variables fit their types, and no text stands in it (U3)."""
    document = parse(body["query"])
    assert not validate(schema, document), body["query"]
    texts = _Texts()
    visit(document, texts)
    assert not texts.found, body["query"]
    [operation] = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
    assert operation.name is not None and operation.name.value == body["operationName"]
    names = {one.variable.name.value for one in operation.variable_definitions or ()}
    assert names == set(body["variables"])
    values = get_variable_values(schema, list(operation.variable_definitions or ()), body["variables"])
    assert not isinstance(values, list), values
    check_decimals(schema, operation, body["variables"])


def check_decimals(schema: GraphQLSchema, operation: OperationDefinitionNode, variables: dict[str, Any]) -> None:
    """A Decimal travels as text; every other number would have lost digits on the way."""

    def walk(kind: Any, value: Any) -> None:
        while hasattr(kind, "of_type"):
            kind = kind.of_type
        if value is None:
            return
        if isinstance(value, list):
            for one in value:
                walk(kind, one)
        elif isinstance(kind, GraphQLInputObjectType):
            for name, inner in value.items():
                walk(kind.fields[name].type, inner)
        elif isinstance(kind, GraphQLScalarType) and kind.name in ("Decimal", "Date", "DateTime", "String", "ID"):
            assert isinstance(value, str), (kind.name, value)
        elif isinstance(kind, GraphQLEnumType):
            assert value in kind.values, (kind.name, value)

    for one in operation.variable_definitions or ():
        named: Any = one.type
        while not hasattr(named, "name"):
            named = named.type
        walk(schema.type_map[named.name.value], variables[one.variable.name.value])


async def test_every_document_that_the_client_sends_fits_the_published_schema(
    published: GraphQLSchema, sandbox: Any, control: Control
) -> None:
    async with connected(sandbox, control) as wave:
        await wave.companies()
        await wave.settings()
        for pages in (wave.customers(), wave.items(), wave.invoices(), wave.payments()):
            assert [page async for page in pages]
        for pages in (wave.customers(control.clock()), wave.payments(control.clock())):
            assert not [page async for page in pages]
        bill = await billed(wave, discount=Decimal("24.01"))
        [paid] = await make(wave, step(await paying(wave, bill)))
        assert isinstance(paid, Linked)
        lookups = (
            PaymentLookup(bill.customer_id, bill.issued_on),
            PaymentLookup("", bill.issued_on, "", (bill.external_id or "",)),
        )
        found = await wave.find(
            Lookup(("Nora Stone",), ("Skylight",), ("B-1", "1001"), lookups, (bill.customer_id,),
                   (bill.lines[0].item_id or "",), (bill.external_id or "",), (paid.record.external_id or "",))
        )  # fmt: skip
        assert found.customers and found.items and found.invoices and found.payments
        who, what = found.customers[0], found.items[0]
        full = replace(who, given_name="N", family_name="S", email="n@example.com", phone="1",
                       address=Address("1 Elm St", "2", "Raleigh", "North Carolina", "27601", "USA"))  # fmt: skip
        steps = [
            step(full, Action.UPDATE, "customer:1",
                 ("display_name", "given_name", "family_name", "email", "phone", "address")),
            step(replace(who, email="", phone=""), Action.UPDATE, "customer:2", ("email", "phone", "company_name")),
            step(what, Action.UPDATE, "item:1", ("name", "description", "unit_price", "income_account_id", "taxable")),
            step(replace(bill, discount_percent=Decimal(5)), Action.UPDATE, "invoice:1",
                 ("number", "customer_id", "issued_on", "due_on", "lines", "discount", "memo", "currency")),
            step(paid.record, Action.UPDATE, "payment:1",
                 ("amount", "paid_on", "method", "reference", "deposit_account_id", "allocations")),
        ]  # fmt: skip
        outcomes = await make(wave, *steps)
        assert all(isinstance(one, Linked) for one in outcomes), outcomes
        for one in (
            step(paid.record, Action.VOID),
            step(bill, Action.VOID),
            step(what, Action.DELETE),
            step(who, Action.DELETE),
        ):
            [outcome] = await make(wave, one)
            assert isinstance(outcome, Linked), outcome
    sent = [entry["request"] for entry in control.ledger() if entry["path"].endswith("/graphql/public")]
    assert len(sent) > 20
    for body in sent:
        check_document(published, body)


@pytest.mark.parametrize("method", list(PaymentMethod))
def test_all_that_can_be_new_fits_the_published_schema(published: GraphQLSchema, method: PaymentMethod) -> None:
    import json

    wave, _ = imitated({})
    everywhere = [Address("1", "", "Town", "TX", "1", one) for one in ("", "Canada", "DE", "Nowhere")]
    steps = [
        *[step(customer(f"P {n}", address=one, email="x@placeholder.local"), ref=f"customer:{n}")
          for n, one in enumerate(everywhere)],
        step(item(description="d")), step(item(unit_price=None)),
        step(invoice(currency="USD", discount=Decimal("1.10"), lines=(line(taxable=True, tax_code_id="T"),))),
        step(payment(method=method)), step(payment(method_id="PAYPAL", marker="", reference="")),
    ]  # fmt: skip
    for call in wave.prepare(steps):
        check_document(published, json.loads(call.body))


def test_halves_of_a_document_fit_the_published_schema(published: GraphQLSchema) -> None:
    import json

    from desktop.providers.wave import _only

    wave, _ = imitated({})
    [call] = wave.prepare([step(customer(f"P, {n}: (x) {{"), ref=f"customer:{n}") for n in range(4)])
    for keys in ([call.elements[0].key], [one.key for one in call.elements[1:]]):
        half = _only(json.loads(call.body), keys)
        assert list(half["variables"]) == keys
        check_document(published, half)


def test_our_own_schema_holds_nothing_that_the_published_one_does_not(published: GraphQLSchema) -> None:
    ours = build_schema(data_file("wave.graphql"))
    for name, kind in ours.type_map.items():
        theirs = published.type_map[name]
        assert type(kind) is type(theirs), name
        if isinstance(kind, GraphQLEnumType) and isinstance(theirs, GraphQLEnumType):
            assert set(kind.values) == set(theirs.values), name
        elif isinstance(kind, GraphQLInputObjectType) and isinstance(theirs, GraphQLInputObjectType):
            assert set(kind.fields) == set(theirs.fields), name
            for field, value in kind.fields.items():
                assert str(value.type) == str(theirs.fields[field].type), f"{name}.{field}"
                assert _default(value) == _default(theirs.fields[field]), f"{name}.{field}"
        elif hasattr(kind, "fields") and not name.startswith("__"):
            _check_fields(name, kind, theirs)
        if isinstance(kind, GraphQLObjectType) and isinstance(theirs, GraphQLObjectType):
            assert [one.name for one in kind.interfaces] == [one.name for one in theirs.interfaces], name


def _default(value: Any) -> str:
    return str(getattr(value.ast_node, "default_value", None) and value.ast_node.default_value.to_dict())


def _check_fields(name: str, ours: Any, theirs: Any) -> None:
    for field, value in ours.fields.items():
        assert field in theirs.fields, f"{name}.{field}"
        assert str(value.type) == str(theirs.fields[field].type), f"{name}.{field}"
        assert set(value.args) == set(theirs.fields[field].args), f"{name}.{field}"
        for argument, shape in value.args.items():
            known = theirs.fields[field].args[argument]
            assert str(shape.type) == str(known.type), f"{name}.{field}({argument})"
            assert _default(shape) == _default(known), f"{name}.{field}({argument})"


def test_C8_no_document_books_a_bank_transaction_or_touches_taxes() -> None:
    """A bank line would leave the invoice open; a failing salesTax field would hide what the others did."""
    sources = [
        path.read_text("utf-8") for path in (Path(__file__).parents[2] / "desktop" / "providers").glob("wave*.py")
    ]
    assert len(sources) > 5
    for word in ("moneyTransaction", "salesTaxCreate", "salesTaxPatch", "salesTaxArchive", 'invoiceSend"'):
        assert not any(word in source for source in sources), word
