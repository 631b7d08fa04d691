"""The imitated Wave's schema at work: documents judged and named before they run, and errors in Wave's shape."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLScalarType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    StringValueNode,
    TypeInfo,
    TypeInfoVisitor,
    ValueNode,
    VariableNode,
    Visitor,
    build_schema,
    get_named_type,
    parse,
    validate,
    visit,
)
from graphql.language import BooleanValueNode, FloatValueNode, IntValueNode

from desktop.sandbox.seed_shapes import data_file
from desktop.sandbox.service import Json
from desktop.sandbox.wave_books import plain, stamp
from desktop.sandbox.wave_writes import MUTATIONS, parse_date

READ_OPS = {
    "accounts": "list_accounts",
    "account": "get_account",
    "customers": "list_customers",
    "customer": "get_customer",
    "products": "list_items",
    "product": "get_item",
    "invoices": "list_invoices",
    "invoice": "get_invoice",
    "invoicePayment": "get_payment",
    "salesTaxes": "list_tax_codes",
    "salesTax": "get_tax_code",
}
SCOPES = {
    "Query.user": "user:read",
    "Query.business": "business:read",
    "Query.businesses": "business:read",
    "Business.account": "account:read",
    "Business.accounts": "account:read",
    "Business.customer": "customer:read",
    "Business.customers": "customer:read",
    "Business.product": "product:read",
    "Business.products": "product:read",
    "Business.invoice": "invoice:read",
    "Business.invoices": "invoice:read",
    "Business.invoicePayment": "invoice:read",
    "Business.salesTax": "sales_tax:read",
    "Business.salesTaxes": "sales_tax:read",
} | {f"Mutation.{name}": mutation.scope for name, mutation in MUTATIONS.items()}
"""The permission behind a field; Wave names none for payments, so they go with invoices [U]."""


class Fault(GraphQLError):
    """An error of Wave's own, with its `extensions.code`."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message, extensions={"code": code})


def not_found(kind: str, record_id: str) -> Fault:
    return Fault(f"{kind} '{record_id}' could not be found.", "NOT_FOUND")


# --- scalars ---


def _decimal(value: Any) -> Decimal:
    """Text or a whole number; a float has lost its cents already and is refused."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise GraphQLError(f"Decimal cannot represent value: {value!r}. Send it as a string.")
    try:
        number = Decimal(value)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or abs(number.adjusted()) > 40:
        raise GraphQLError(f"Decimal cannot represent value: {value!r}")
    return number


def _date(value: Any) -> dt.date:
    try:
        return parse_date(value)
    except ValueError as error:
        raise GraphQLError(str(error)) from None


def _instant(value: Any) -> str:
    try:
        moment = dt.datetime.fromisoformat(value if isinstance(value, str) else "")
    except ValueError:
        raise GraphQLError(f"DateTime cannot represent value: {value!r}") from None
    if moment.tzinfo is None:
        raise GraphQLError(f"DateTime cannot represent value without offset: {value!r}")
    return stamp(moment)


def _shown(value: Any) -> str:
    return value.isoformat() if isinstance(value, dt.date) else str(value)


def _literal(read: Callable[[Any], Any]) -> Callable[..., Any]:
    """A scalar written into the document itself: text and numbers, read from their very digits."""

    def parse_literal(node: ValueNode) -> Any:
        if isinstance(node, StringValueNode | IntValueNode | FloatValueNode):
            return read(node.value)
        raise GraphQLError("this value can't be read here", node)

    return parse_literal


@functools.cache
def wave_schema() -> GraphQLSchema:
    """The schema with its scalars taught to read and write."""
    schema = build_schema(data_file("wave.graphql"))
    scalars: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
        "Decimal": (_decimal, plain),
        "Date": (_date, _shown),
        "DateTime": (_instant, str),
    }
    for name, (read, write) in scalars.items():
        scalar = schema.type_map[name]
        assert isinstance(scalar, GraphQLScalarType)
        scalar.coerce_input_value = read
        scalar.coerce_input_literal = _literal(read)
        scalar.coerce_output_value = write
    return schema


# --- documents ---


@dataclass
class Parsed:
    """A request's document by its meaning. `problems` say why it may not run; nothing of it runs then."""

    document: DocumentNode | None = None
    operation: OperationDefinitionNode | None = None
    variables: Json = field(default_factory=dict)
    problems: list[GraphQLError] = field(default_factory=list)
    parts: list[Json] = field(default_factory=list)
    """`{"id": alias, "op", "body"}` of each thing that is asked for."""
    scopes: set[str] = field(default_factory=set)
    anonymous: bool = False
    """Only about the schema: answered without a token."""

    @property
    def is_mutation(self) -> bool:
        return self.operation is not None and self.operation.operation is OperationType.MUTATION


def read_document(body: Any, accept_inline: bool) -> Parsed:
    """Parse, validate and name what a request asks for; never raises."""
    parsed = Parsed()
    if not isinstance(body, dict) or not isinstance(body.get("query"), str):
        parsed.problems.append(GraphQLError("Must provide query string."))
        return parsed
    variables = body.get("variables") or {}
    if not isinstance(variables, dict):
        parsed.problems.append(GraphQLError("Variables must be provided as an Object."))
        return parsed
    parsed.variables = variables
    try:
        parsed.document = parse(body["query"], max_tokens=20_000)
    except GraphQLError as error:
        parsed.problems.append(error)
        return parsed
    parsed.problems += validate(wave_schema(), parsed.document)
    parsed.operation = _operation(parsed.document, body.get("operationName"))
    if parsed.operation is None and not parsed.problems:
        parsed.problems.append(GraphQLError("Must provide the name of one operation of the document."))
    if not parsed.problems and parsed.operation is not None:
        look = _Look(TypeInfo(wave_schema()))
        visit(parsed.document, TypeInfoVisitor(look.types, look))
        parsed.scopes = look.scopes
        parsed.problems += [] if accept_inline else look.inline
    if parsed.operation is not None:
        _name_parts(parsed)
    return parsed


def _operation(document: DocumentNode, name: Any) -> OperationDefinitionNode | None:
    found = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
    if isinstance(name, str) and name:
        return next((one for one in found if one.name is not None and one.name.value == name), None)
    return found[0] if len(found) == 1 else None


class _Look(Visitor):
    """Collects the scopes a document needs, and texts written into it where Wave wants a variable."""

    def __init__(self, types: TypeInfo) -> None:
        super().__init__()
        self.types = types
        self.scopes: set[str] = set()
        self.inline: list[GraphQLError] = []
        self._schema_depth = 0

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        self._schema_depth += node.name.value.startswith("__") or self._schema_depth > 0
        parent = self.types.get_parent_type()
        scope = SCOPES.get(f"{parent.name}.{node.name.value}") if parent is not None else None
        if scope:
            self.scopes.add(scope)

    def leave_field(self, node: FieldNode, *_: Any) -> None:
        self._schema_depth = max(0, self._schema_depth - 1)

    def enter_string_value(self, node: StringValueNode, *_: Any) -> None:
        wanted = self.types.get_input_type()
        if self._schema_depth or wanted is None or get_named_type(wanted).name != "String":
            return
        self.inline.append(GraphQLError("Values of type String must be passed as variables.", node))


def _name_parts(parsed: Parsed) -> None:
    assert parsed.operation is not None and parsed.document is not None
    fragments = {one.name.value: one for one in parsed.document.definitions if isinstance(one, FragmentDefinitionNode)}

    def fields(selections: Any) -> Iterator[FieldNode]:
        for one in selections.selections if selections is not None else ():
            if isinstance(one, FieldNode):
                yield one
            elif isinstance(one, InlineFragmentNode):
                yield from fields(one.selection_set)
            elif isinstance(one, FragmentSpreadNode) and one.name.value in fragments:
                yield from fields(fragments[one.name.value].selection_set)

    roots = list(fields(parsed.operation.selection_set))
    parsed.anonymous = all(one.name.value.startswith("__") for one in roots)
    for root in roots:
        name = root.name.value
        if parsed.is_mutation and name in MUTATIONS:
            parsed.parts.append(_part(root, MUTATIONS[name].op, parsed.variables))
        elif name == "business":
            inner = [one for one in fields(root.selection_set) if one.name.value in READ_OPS]
            parsed.parts += [_part(one, READ_OPS[one.name.value], parsed.variables) for one in inner]
            if not inner:
                parsed.parts.append(_part(root, "get_company", parsed.variables))
        elif name == "businesses":
            parsed.parts.append(_part(root, "list_companies", parsed.variables))
        elif not name.startswith("__"):
            parsed.parts.append(_part(root, f"get_{name}", parsed.variables))


def _part(node: FieldNode, op: str, variables: Json) -> Json:
    alias = node.alias.value if node.alias is not None else node.name.value
    values = {one.name.value: _value(one.value, variables) for one in node.arguments or ()}
    body = values.get("input") if isinstance(values.get("input"), dict) else values
    return {"id": alias, "op": op, "body": body}


def _value(node: ValueNode, variables: Json) -> Any:
    if isinstance(node, VariableNode):
        return variables.get(node.name.value)
    fields = getattr(node, "fields", None)
    if fields is not None:
        return {one.name.value: _value(one.value, variables) for one in fields}
    if isinstance(node, BooleanValueNode):
        return node.value
    return getattr(node, "value", None)


# --- errors ---


def error_json(error: GraphQLError, support_id: str, default: str) -> Json:
    """One entry of `errors`. A mistake of the sandbox itself shows no words."""
    cause = error.original_error
    own = cause is None or isinstance(cause, GraphQLError)
    code = str((error.extensions or {}).get("code") or getattr(cause, "extensions", {}).get("code") or default)
    shown: Json = {"message": error.message if own else "Internal server error"}
    if error.path is not None:
        shown["path"] = list(error.path)
    if error.locations:
        shown["locations"] = [{"line": one.line, "column": one.column} for one in error.locations]
    return {**shown, "extensions": {"id": support_id, "code": code}}
