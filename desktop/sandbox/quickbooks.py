"""QuickBooks Online on loopback: paths, sign-in, gateway, limits. The rules of the books lie in `quickbooks_*.py`."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from desktop.sandbox import quickbooks_hand, quickbooks_seed
from desktop.sandbox.imitation import Imitation, check_addresses, check_choices, picked
from desktop.sandbox.ledger import identity_of
from desktop.sandbox.meter import Limit, Meter
from desktop.sandbox.oauth import OAuthRefused, take_rules
from desktop.sandbox.quickbooks_books import Realm
from desktop.sandbox.quickbooks_calls import (
    BY_PATH,
    WORDS,
    Desk,
    element_entity,
    fault_from,
    op_of,
    query_op,
)
from desktop.sandbox.quickbooks_errors import REFUSALS, Refused, gateway_fault, service_fault, xml_fault
from desktop.sandbox.quickbooks_pdf import invoice_pdf
from desktop.sandbox.quickbooks_signin import SignIn
from desktop.sandbox.service import Answer, Call, ControlError, Json, Request, from_json, to_json
from desktop.sandbox.signing_in import oauth_error

REALM_IDS = {"demo": "9130350000000001", "empty": "9130350000000002", "large": "9130350000000003"}
LIMITS = (
    Limit("per_minute", 500, 60),
    Limit("per_second", 10, 1),
    Limit("batch_per_minute", 40, 60, frozenset({"batch"})),
)
CONCURRENCY = 10
_API = re.compile(r"^/v3/company/([^/]+)/(.+)$")
_TOKEN_PROBLEMS = {
    "missing": "Missing bearer token",
    "malformed": "Malformed bearer token: too short or too long",
    "expired": "Token expired",
    "revoked": "Token revoked",
}


class QuickBooks(Imitation[Meter]):
    """The service with its companies. `seeds` gives a company's seed by name; `source` is where ids come from."""

    key = "quickbooks"
    refusals = REFUSALS
    _sign_in: SignIn
    _realms: dict[str, Realm]

    def _make_sign_in(self, redirect_uris: Sequence[str]) -> SignIn:
        return SignIn(self._clock.timestamp, self._text, self.companies, redirect_uris)

    # --- what a call means ---

    def classify(self, request: Request) -> Call:
        api = _API.match(request.path)
        if api is None:
            return self._sign_in.classify(request)
        call = Call(op="unknown", company_id=api[1], key=request.parameter("requestid"))
        call.identity = identity_of(request.bearer)
        path = api[2].split("/")
        try:
            call.body = self._body(request, path[0])
        except ValueError as error:
            call.note["unreadable"] = str(error)
        self._name(request, path, call)
        return call

    @staticmethod
    def _body(request: Request, resource: str) -> Any:
        if request.method != "POST" or not request.body:
            return None
        if resource == "query":
            return request.body.decode("utf-8")
        body = from_json(request.body)
        if b"\\u" in request.body:
            json.dumps(body, ensure_ascii=False, default=str).encode("utf-8")  # half a character: refused
        return body

    def _name(self, request: Request, path: list[str], call: Call) -> None:
        entity = BY_PATH.get(path[0])
        if path == ["batch"]:
            call.op = "batch"
            items = call.body.get("BatchItemRequest") if isinstance(call.body, dict) else None
            if isinstance(items, list):
                call.elements = [_element(item) for item in items if isinstance(item, dict)]
        elif path == ["query"]:
            call.op = query_op(str(call.body or request.parameter("query")))
        elif path == ["cdc"]:
            call.op = "list_changes"
        elif entity and request.method == "POST" and len(path) == 3 and path[2] == "send":
            call.op = f"send_{WORDS[entity]}"
        elif entity and request.method == "GET":
            call.op = f"get_{WORDS[entity]}"
        elif entity and request.method == "POST" and len(path) == 1:
            call.op = op_of(entity, request.parameter("operation"), request.parameter("include"), call.body)

    # --- limits ---

    def admit(self, request: Request, call: Call) -> Answer | None:
        meter = self._meter_of(call, request)
        if meter is None:
            return None
        return self._enter(meter, call)

    def _meter_of(self, call: Call, request: Request) -> Meter | None:
        if request.path.startswith("/v3/"):
            return self._meters.get(call.company_id)
        first = next(iter(self._meters.values()))
        (self._meters.get(call.company_id) or first).count(call.op, self._clock.timestamp())
        return None

    # --- doing it ---

    def handle(self, request: Request, call: Call) -> Answer:
        api = _API.match(request.path)
        if api is not None:
            return self._api(request, call, api[2])
        return self._sign_in.handle(request, call)

    def _api(self, request: Request, call: Call, path: str) -> Answer:
        refused = self._gate(request, call)
        realm = self._realms.get(call.company_id)
        if refused is not None or realm is None:
            return self._dress(refused or self._forbidden())
        desk = Desk(realm, call)
        format_problem = self._format_problem(request, path, desk)
        if format_problem is not None:
            return self._dress(format_problem)
        try:
            if call.op == "get_invoice" and path.endswith("/pdf"):
                return self._dress(
                    Answer(200, invoice_pdf(desk.read("Invoice", path.split("/")[1])["Invoice"]), "application/pdf")
                )
            return self._dress(Answer(200, to_json(self._route(request, call, path.split("/"), desk))))
        except Refused as refused_call:
            call.note["code"] = refused_call.code
            return self._dress(service_fault(refused_call, desk.time()))

    def _route(self, request: Request, call: Call, path: list[str], desk: Desk) -> Json:
        if "unreadable" in call.note:
            if "codec" in call.note["unreadable"]:
                raise Refused("500", f"MalformedByteSequenceException: {call.note['unreadable']}", kind="SystemFault")
            raise Refused("2010", f"Property Name:failed to parse json object: {call.note['unreadable']}")
        entity = BY_PATH.get(path[0])
        if path == ["query"]:
            statement = str(call.body or "") if request.method == "POST" else request.parameter("query")
            return {"QueryResponse": desk.query(statement), "time": desk.time()}
        if path == ["cdc"] and request.method == "GET":
            return desk.changes(request.parameter("entities"), request.parameter("changedSince"))
        if path == ["batch"] and request.method == "POST":
            return desk.batch(call.body, call.key)
        if entity and call.op.startswith("send_"):
            return desk.send(path[1], request.parameter("sendTo"))
        if entity and request.method == "GET" and (len(path) == 2 or path == ["preferences"]):
            return desk.read(entity, path[-1])
        if entity and request.method == "POST" and len(path) == 1:
            return desk.write(
                entity, request.parameter("operation").lower(), request.parameter("include"), call.body, call.key
            )
        raise Refused("500", f"Unsupported operation: {request.method} {'/'.join(path)}")

    def _gate(self, request: Request, call: Call) -> Answer | None:
        """The gateway's refusal (shape B), None if the token may use this company."""
        problem = self._sign_in.may_use(request.bearer, call.company_id)
        if not problem:
            return None
        if problem == "forbidden":
            return self._forbidden()
        return gateway_fault("3200", 401, "AuthenticationFailed", _TOKEN_PROBLEMS[problem], self._millis())

    def _forbidden(self) -> Answer:
        return gateway_fault(
            "3100",
            403,
            "ApplicationAuthorizationFailed",
            "The application is not authorised for this company",
            self._millis(),
            "AUTHORIZATION",
        )

    def _format_problem(self, request: Request, path: str, desk: Desk) -> Answer | None:
        accept = request.headers.get("accept", "")
        if path.endswith("/pdf"):
            return (
                None
                if "pdf" in accept or "octet-stream" in accept
                else Answer(406, b"Send Accept: application/pdf", "text/plain")
            )
        if "application/json" not in accept:
            text = "Without Accept: application/json QuickBooks may answer in XML; this sandbox speaks JSON only."
            return xml_fault(406, "500", "Unsupported format", text, desk.time())
        if request.method != "POST" or path.endswith("/send"):
            return None
        wanted = ("application/text", "text/plain") if path == "query" else ("application/json",)
        if request.content_type in wanted:
            return None
        text = (
            f"Content-Type {request.content_type or 'none'} cannot be read here; send {wanted[0]} (XML is not offered)."
        )
        return xml_fault(415, "500", "Unsupported format", text, desk.time())

    def _dress(self, answer: Answer) -> Answer:
        answer.headers |= {"intuit_tid": f"1-{self._text(8)}-{self._text(24)}", "QBO-Version": "1985.166"}
        return answer

    def _millis(self) -> int:
        return int(self._clock.timestamp() * 1000)

    # --- faults ---

    def fault_answer(self, kind: str, params: Mapping[str, Any], call: Call) -> Answer:
        if kind in ("invalid_grant", "invalid_client"):
            return oauth_error(400 if kind == "invalid_grant" else 401, kind)
        if kind == "rate_limit" and call.op in ("token", "refresh", "revoke"):
            return oauth_error(429, "rate_limit_exceeded")
        if kind == "forbidden":
            return self._dress(self._refusal(str(params.get("kind", "company"))))
        if kind == "quota":
            return self._dress(
                Answer(
                    429,
                    to_json(
                        {
                            "code": "QuotaExceeded",
                            "type": "THROTTLE",
                            "message": None,
                            "detail": "The monthly allowance of read calls is used up",
                            "moreInfo": None,
                        }
                    ),
                )
            )
        refused = _fault(kind, params)
        realm = self._realms.get(call.company_id) or next(iter(self._realms.values()))
        desk = Desk(realm, call)
        if call.op == "batch" and kind == "error_in_200":
            parts = [{"bId": element["bId"], "Fault": refused.fault} for element in call.elements]
            return self._dress(Answer(200, to_json({"BatchItemResponse": parts, "time": desk.time()})))
        return self._dress(service_fault(refused, desk.time()))

    def _refusal(self, kind: str) -> Answer:
        if kind == "user":
            detail = "Authorization failure: the person who connected has no access any more (-11014)"
            return gateway_fault("120", 401, "AuthorizationFailure", detail, self._millis(), "AUTHORIZATION")
        if kind == "scope":
            detail = "insufficient_scope: the token was not granted this scope"
            return gateway_fault("3100", 403, "ApplicationAuthorizationFailed", detail, self._millis(), "AUTHORIZATION")
        return self._forbidden()

    def element_fault(self, params: Mapping[str, Any]) -> Json:
        return {"Fault": fault_from(dict(params)).fault}

    def rotate_elsewhere(self, token: str) -> None:
        with contextlib.suppress(OAuthRefused):  # dead already: then nobody can
            self._sign_in.authority.refresh(token, True)

    def close_books(self, until: str, company_id: str | None) -> None:
        self.settings({"book_close_date": until, "company_id": company_id})

    def bulk_list(self, answer: Any) -> list[Any] | None:
        found = answer.get("BatchItemResponse") if isinstance(answer, dict) else None
        return found if isinstance(found, list) else None

    # --- control ---

    def ready(self, origin: str) -> Json:
        base = f"{origin}/{self.key}"
        return {
            "api": base,
            "discovery": f"{base}/.well-known/openid_sandbox_configuration",
            "authorize": f"{base}/connect/oauth2",
            "token": f"{base}/oauth2/v1/tokens/bearer",
            "revoke": f"{base}/v2/oauth2/tokens/revoke",
            **self._app(),
            "company_id": next(iter(self._realms)),
        }

    def companies(self) -> list[Json]:
        return [
            {"id": realm.id, "name": realm.tables["CompanyInfo"]["1"]["CompanyName"]} for realm in self._realms.values()
        ]

    def _realm(self, company_id: str | None) -> Realm:
        return self._realms[picked(company_id, [(realm.id, realm.name) for realm in self._realms.values()])]

    def books(self, company_id: str | None = None) -> Json:
        return quickbooks_hand.books(self._realm(company_id))

    def grant(self, company_id: str | None) -> Json:
        realm = self._realm(company_id)
        return {**self._sign_in.grant(realm.id), "realmId": realm.id}

    def edit(self, kind: str, record_id: str, action: str, params: Mapping[str, Any], company_id: str | None) -> Json:
        return quickbooks_hand.edit(self._realm(company_id), kind, record_id, action, params)

    def settings(self, changes: Mapping[str, Any]) -> Json:
        left = dict(changes)
        realm = self._realm(left.pop("company_id", None))
        _check_settings(left)
        if "limits" in left:
            self._enforce = left.pop("limits") != "off"
        if "pkce" in left:
            self._sign_in.pkce = str(left.pop("pkce"))
        self._allow_addresses(left)
        rules = take_rules(self._sign_in.authority.rules, left)
        company = take_rules(realm.rules, left, blank_clears=True)
        if left:
            raise ControlError(f"unknown settings: {', '.join(left)}")
        limits = "real" if self._enforce else "off"
        return {
            **rules,
            **company,
            "limits": limits,
            "pkce": self._sign_in.pkce,
            "redirect_uris": list(self._sign_in.redirect_uris),
        }

    def reset(self, names: Sequence[str] | None) -> None:
        """All companies back to their seed; with `names`, these come first (and stay until the next reset)."""
        seeds = self._seeds_for(names)
        self._sign_in.reset()
        self._enforce = True
        self._realms = {}
        for number, (name, seed) in enumerate(seeds.items()):
            realm_id = REALM_IDS.get(name, str(9130350000000010 + number))
            self._realms[realm_id] = quickbooks_seed.build(seed, name, realm_id, self._clock)
        self._meters = {realm_id: Meter(LIMITS, CONCURRENCY) for realm_id in self._realms}


_CHOICES = {
    "rotation": ("daily", "always", "never"),
    "limits": ("real", "off"),
    "pkce": ("ignore", "reject"),
    "numbers_when_off": ("kept", "replaced"),
    "text": ("utf8", "latin1"),
    "unknown_fields": ("refuse", "ignore"),
    "tax_engine": ("manual", "ast"),
    "batch_order": ("given", "reversed"),
}


def _check_settings(changes: Mapping[str, Any]) -> None:
    """Raises `ControlError` before anything is set."""
    check_choices(changes, _CHOICES)
    if changes.get("book_close_date"):
        dt.date.fromisoformat(str(changes["book_close_date"]))
    if "amount_tolerance" in changes and not str(changes["amount_tolerance"]).replace(".", "", 1).isdigit():
        raise ControlError("amount_tolerance is an amount, e.g. 0.005")
    check_addresses(changes)


def _element(item: Json) -> Json:
    """One part of a batch by its meaning."""
    batch_id = str(item.get("bId", ""))
    if "Query" in item:
        return {"id": batch_id, "bId": batch_id, "op": query_op(str(item["Query"])), "body": item}
    entity = element_entity(item)
    op = "unknown"
    if entity is not None:
        op = op_of(entity, str(item.get("operation") or ""), str(item.get("optionsData") or ""), item[entity])
    return {"id": batch_id, "bId": batch_id, "op": op, "body": item.get(entity) if entity else None}


def _fault(kind: str, params: Mapping[str, Any]) -> Refused:
    if kind == "fault":
        return fault_from(dict(params))
    if kind == "rate_limit":
        return Refused("3001", "You have exceeded the rate limit. Wait and try again.", status=429, kind="SERVICE")
    if kind == "server_error":
        return Refused(
            "10000", "An unexpected error occurred while accessing or saving your data.", status=500, kind="SystemFault"
        )
    if kind == "not_found":
        return Refused("610", "Object Not Found : Something you're trying to use has been made inactive or deleted.")
    if kind == "stale":
        return Refused("5010", "Stale Object Error : You and another user were working on this at the same time.")
    if kind == "lapsed":
        return Refused(
            "6190", "Invalid Company Status : Subscription period has ended or canceled or there was a billing problem"
        )
    if kind == "error_in_200":
        return Refused(str(params.get("code", "6000")), "Business Validation Error: Unexpected error", status=200)
    return Refused(
        str(params.get("code", "99999")),
        "Something nobody has seen before",
        status=int(params.get("status", 501)),
        kind="SystemFault",
        message="Unheard of",
    )
