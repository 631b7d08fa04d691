"""Xero's published OpenAPI files, and one call of the ledger checked against them.

The files are no part of this project: they are read from `../shared/specs` beside it (required where CI is set).
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.helpers.published import SHARED, need

FOLDER = SHARED / "specs"
FILES = {"accounting": "xero_accounting.yaml", "identity": "xero-identity.yaml"}
ACCOUNTING = "/xero/api.xro/2.0"

EXCEPTIONS: Mapping[str, str] = {
    "status": "the file knows no answer but 200, 204 and 400: 401, 403, 404, 429, 500, 501 and 503 are left out",
    "If-Modified-Since": "typed date-time, which demands an offset; Xero's own pages send UTC without one",
    "createdDateUtc": "a connection's times are typed date-time as well; Xero sends seven digits and no offset",
    "path ids": "typed uuid, though item codes, invoice numbers and contact numbers are accepted",
    "security": "only the broad scopes are listed, which apps made since March 2026 cannot ask for",
    "boolean default": 'several booleans have the text "false" as their default',
    "DateString": "the invoice's DateString and DueDateString, in each answer of Xero, are not in the file",
    "Elements": "a 400 echoes the refused objects whole; the file's Element has ids and errors only",
    "Id": "the envelope (Id, Status, ProviderName, DateTimeUTC) is in no schema, only in the examples",
}
"""Where the file is wrong or silent and Xero's documented behaviour rules (../shared/specs, README)."""


def skip_without_files() -> None:
    """Skips with a word where the files are missing, as in a public clone."""
    need(FOLDER, "the folder of Xero's OpenAPI files (shared/specs)")


@functools.cache
def document(name: str) -> dict[str, Any]:
    """The file as data."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    with (FOLDER / FILES[name]).open(encoding="utf-8") as file:
        found: dict[str, Any] = yaml.load(file, Loader=loader)  # noqa: S506 - a safe loader, the quick one where it is built
    return _mended(found, name)


def _mended(found: dict[str, Any], name: str) -> dict[str, Any]:
    """The listed exceptions, applied where they would hide everything else."""
    for schema in found["components"]["schemas"].values():
        for one in schema.get("properties", {}).values():
            if one.get("type") == "boolean" and isinstance(one.get("default"), str):
                del one["default"]
    if name == "accounting":
        del found["components"]["parameters"]["ifModifiedSince"]["schema"]["format"]
        del found["components"]["parameters"]["ItemID"]["schema"]["format"]
    else:
        for field in ("createdDateUtc", "updatedDateUtc"):
            del found["components"]["schemas"]["Connection"]["properties"][field]["format"]
    for path in found["paths"].values():
        for operation in path.values():
            if isinstance(operation, dict):
                operation.pop("security", None)
                operation.pop("x-hasAccountingValidationError", None)
    found.pop("security", None)
    return found


@functools.cache
def openapi(name: str) -> Any:
    """The validator for one file; the file itself is taken as it is."""
    from openapi_core import Config, OpenAPI

    return OpenAPI.from_dict(document(name), config=Config(spec_validator_cls=None))


class Call:
    """One ledger entry as the validator wants it."""

    def __init__(self, entry: Mapping[str, Any]) -> None:
        parts = urlsplit(entry["path"])
        self.entry = entry
        self.name = "accounting" if parts.path.startswith(ACCOUNTING) else "identity"
        self.path = parts.path.removeprefix("/xero")
        if self.name == "identity":
            self.path = self.path.replace("/connections", "/Connections")  # Xero ignores case, the file does not
        self.query = dict(parse_qsl(parts.query, keep_blank_values=True))
        kept = entry["note"].get("headers", {})
        self.headers = {name: value for name, value in kept.items() if name != "accept"}
        if self.name == "accounting":
            self.headers["xero-tenant-id"] = entry["company_id"]
        if entry["key"]:
            self.headers["idempotency-key"] = entry["key"]

    def request(self) -> Any:
        from openapi_core.testing import MockRequest

        body = self.entry["request"]
        return MockRequest(
            "https://api.xero.com",
            self.entry["method"].lower(),
            self.path,
            args=self.query,
            headers=self.headers,
            data=None if body is None else json.dumps(body).encode(),
            content_type="application/json",
        )

    def response(self) -> Any:
        from openapi_core.testing import MockResponse

        return MockResponse(json.dumps(self.entry["answer"]).encode(), self.entry["status"], None, "application/json")

    def errors(self) -> Iterator[str]:
        """What the file says against the request and its answer."""
        from openapi_core.exceptions import OpenAPIError

        checks = [lambda: openapi(self.name).validate_request(self.request())]
        if self.entry["status"] in (200, 400):
            checks.append(lambda: openapi(self.name).validate_response(self.request(), self.response()))
        for check in checks:
            try:
                check()
            except OpenAPIError as error:
                yield f"{self.entry['method']} {self.entry['path']} -> {self.entry['status']}: {_words(error)}"


def _words(error: BaseException) -> str:
    found = [f"{type(error).__name__}: {error}"[:300]]
    found += [_words(one) for one in getattr(error, "schema_errors", ()) or ()]
    cause = error.__cause__
    return " | ".join([*found, *([_words(cause)] if cause is not None else [])])[:1500]


# --- names that the file does not know ---


def unknown_names(value: Any, schema: Mapping[str, Any], where: str = "") -> Iterator[str]:
    """Members of `value` that no schema names: the file forbids none, so the validator lets a wrong name pass."""
    schema = _resolved(schema)
    if isinstance(value, list):
        for one in value:
            yield from unknown_names(one, schema.get("items", {}), where)
    elif isinstance(value, dict) and schema.get("properties"):
        for name, part in value.items():
            if name in schema["properties"]:
                yield from unknown_names(part, schema["properties"][name], f"{where}.{name}".strip("."))
            else:
                yield f"{where}.{name}".strip(".")


def _resolved(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in schema:
        schema = document("accounting")["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    return schema
