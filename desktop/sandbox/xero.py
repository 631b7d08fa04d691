"""Xero on loopback: paths, gateway, limits, idempotency. The rules of the books lie in `xero_*.py`."""

from __future__ import annotations

import copy
import datetime as dt
import hashlib
import json
import re
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from desktop.sandbox import xero_hand, xero_seed
from desktop.sandbox.clock import SandboxClock
from desktop.sandbox.imitation import Imitation, check_addresses, check_choices, picked
from desktop.sandbox.ledger import identity_of
from desktop.sandbox.oauth import take_rules
from desktop.sandbox.seed_shapes import CompanySeed
from desktop.sandbox.service import Answer, Call, ControlError, Json, Request, from_json, to_json
from desktop.sandbox.signing_in import oauth_error
from desktop.sandbox.xero_books import ID, Organisation
from desktop.sandbox.xero_calls import (
    ENTITY_OF,
    LISTS,
    WORDS,
    Desk,
    element_op,
    elements_in,
    fault_messages,
    query_value,
)
from desktop.sandbox.xero_errors import (
    KEY_REUSED,
    REFUSALS,
    BadData,
    Invalid,
    Missing,
    Unusable,
    errors_of,
    gateway,
    not_found,
    unusable,
    validation,
)
from desktop.sandbox.xero_meter import XeroMeter, app_window
from desktop.sandbox.xero_signin import AUTHORIZE, SignIn
from desktop.sandbox.xero_xml import from_xml, xml_text

TENANT_IDS = {
    "demo": "7d3f2f0a-5b1c-4c55-9a60-0c1d5a8be001",
    "empty": "7d3f2f0a-5b1c-4c55-9a60-0c1d5a8be002",
    "large": "7d3f2f0a-5b1c-4c55-9a60-0c1d5a8be003",
}
KEY_SECONDS = 360
KEY_MOST = 128
BODY_MOST = 3_500_000
_API = re.compile(r"^/api\.xro/2\.0/(.+?)/?$", re.IGNORECASE)
_SCOPES = {
    "Contact": ("accounting.contacts",),
    "Item": ("accounting.invoices", "accounting.transactions", "accounting.settings"),
    "Invoice": ("accounting.invoices", "accounting.transactions"),
    "Payment": ("accounting.payments", "accounting.transactions"),
    "Account": ("accounting.settings",),
    "TaxRate": ("accounting.settings",),
    "Organisation": ("accounting.settings",),
    "Currency": ("accounting.settings",),
}
_PROBLEMS = {"missing": "AuthenticationUnsuccessful", "malformed": "AuthenticationUnsuccessful"}


@dataclass(slots=True)
class Reply:
    """What an Idempotency-Key remembers; `answer` is None while a first attempt was interrupted half-way."""

    time: float
    digest: str
    answer: Answer | None = None
    done: dict[int, tuple[bool, Json]] = field(default_factory=dict)


class _Organisations(Mapping[str, Organisation]):
    """The organisations by tenant id; the books of each are made when somebody first looks at them."""

    def __init__(self, clock: SandboxClock, seeds: Mapping[str, tuple[str, CompanySeed]]) -> None:
        self._clock = clock
        self._seeds = seeds
        self._made: dict[str, Organisation] = {}

    def __getitem__(self, tenant: str) -> Organisation:
        if tenant not in self._made:
            name, seed = self._seeds[tenant]
            self._made[tenant] = xero_seed.build(seed, name, tenant, self._clock)
        return self._made[tenant]

    def __contains__(self, tenant: object) -> bool:
        return tenant in self._seeds

    def __iter__(self) -> Iterator[str]:
        return iter(self._seeds)

    def __len__(self) -> int:
        return len(self._seeds)

    def names(self) -> list[tuple[str, str, str]]:
        """(tenant id, made from, name shown), without making anything."""
        return [(tenant, name, seed.name) for tenant, (name, seed) in self._seeds.items()]


class Xero(Imitation[XeroMeter]):
    """The service with its organisations. `seeds` gives a company's seed by name; tokens come from `source`."""

    key = "xero"
    refusals = REFUSALS
    _sign_in: SignIn
    _orgs: _Organisations
    _replies: dict[str, Reply]

    def _make_sign_in(self, redirect_uris: Sequence[str]) -> SignIn:
        return SignIn(self._clock.timestamp, self._text, self.companies, redirect_uris)

    # --- what a call means ---

    def classify(self, request: Request) -> Call:
        api = _API.match(request.path)
        if api is None:
            return self._sign_in.classify(request)
        tenant = request.headers.get("xero-tenant-id", "").strip().lower()
        call = Call(op="unknown", company_id=tenant, key=request.headers.get("idempotency-key", ""))
        call.identity = identity_of(request.bearer)
        kept = ("if-modified-since", "accept")
        call.note["headers"] = {name: request.headers[name] for name in kept if name in request.headers}
        path = api[1].split("/")
        entity = ENTITY_OF.get(path[0].lower())
        if request.method in ("PUT", "POST") and request.body:
            try:
                written = xml_text(request)
                call.body = from_json(request.body) if written is None else from_xml(written)
                if written is None and b"\\u" in request.body:
                    json.dumps(call.body, ensure_ascii=False, default=str).encode("utf-8")  # half a character
            except ValueError as error:
                call.note["unreadable"] = str(error)
        call.tamper["digest"] = _digest(request, call)
        if path[0].lower() == "currencies" and request.method == "GET":
            call.op = "list_currencies"
        elif entity is not None:
            self._name(request, path, entity, call)
        return call

    def _name(self, request: Request, path: list[str], entity: str, call: Call) -> None:
        if request.method == "GET":
            single = len(path) == 2 and entity in WORDS
            call.op = f"get_{WORDS[entity]}" if single else LISTS[entity] if len(path) == 1 else "unknown"
        elif request.method == "DELETE" and entity == "Item" and len(path) == 2:
            call.op = "delete_item"
        elif request.method == "POST" and entity == "Invoice" and len(path) == 3 and path[2].lower() == "email":
            call.op = "send_invoice"
        elif request.method in ("PUT", "POST") and entity in WORDS and "unreadable" not in call.note:
            try:
                elements = self._elements(path, entity, call.body)
            except BadData:
                return
            org = self._orgs.get(call.company_id)
            ops = [element_op(org, entity, request.method, one) for one in elements]
            call.elements = [
                {"id": str(at), "op": op, "body": one} for at, (op, one) in enumerate(zip(ops, elements, strict=True))
            ]
            call.op = ops[0] if len(ops) == 1 else "batch"

    @staticmethod
    def _elements(path: list[str], entity: str, body: Any) -> list[Json]:
        """With `/X/{id}` the id in the path rules."""
        elements = elements_in(body, entity)
        if len(path) == 2:
            if len(elements) != 1:
                raise BadData("Exactly one object is expected here")
            elements = [{**elements[0], ID[entity]: path[1]}]
        return elements

    # --- limits ---

    def admit(self, request: Request, call: Call) -> Answer | None:
        if not _API.match(request.path):
            first = next(iter(self._meters.values()))
            self._meters.get(call.company_id, first).count(call.op, self._clock.timestamp())
            return None
        meter = self._meters.get(call.company_id)
        if meter is None:
            return None
        meter.daily = self._orgs[call.company_id].rules.daily_calls
        broken = meter.enter(call.op, self._clock.timestamp(), self._enforce)
        call.tamper["metered"] = meter
        if broken is None:
            return None
        call.note["limit"] = broken[0]
        wait = {} if broken[1] is None else {"retry_after": int(broken[1]) + 1}
        call.note |= wait
        return self._too_many(broken[0], call, wait.get("retry_after"))

    def _too_many(self, problem: str, call: Call, wait: int | None) -> Answer:
        answer = Answer(429, b"", "text/plain", {"X-Rate-Limit-Problem": problem})
        if wait is not None:
            answer.headers["Retry-After"] = str(wait)
        return self._dress(answer, call)

    def demanded_wait(self, call: Call, seconds: float) -> None:
        """Only what the answer really asked for: a refusal for too many at once names no time."""
        if "limit" in call.note:
            seconds = float(call.note.get("retry_after", 1))
        super().demanded_wait(call, seconds)

    # --- doing it ---

    def handle(self, request: Request, call: Call) -> Answer:
        api = _API.match(request.path)
        if api is None:
            return self._sign_in.handle(request, call)
        path = api[1].split("/")
        refused = self._gate(request, path, call) or _format_problem(request)
        if refused is not None:
            return self._dress(refused, call)
        key = call.key if request.method in ("PUT", "POST", "PATCH") else ""
        reply, known = self._remembered(request, call, key)
        if known is not None:
            return self._dress(copy.deepcopy(known), call)
        answer = self._answer(request, path, call, reply)
        if reply is not None and call.stop_after is None and (answer.status < 400 or self._caches(call)):
            reply.answer = copy.deepcopy(answer)
        return self._dress(answer, call)

    def _caches(self, call: Call) -> bool:
        org = self._orgs.get(call.company_id)
        return org is not None and org.rules.cache_errors

    def _remembered(self, request: Request, call: Call, key: str) -> tuple[Reply | None, Answer | None]:
        """The memory of an Idempotency-Key for six minutes from its first call (contract 2.2)."""
        if "idempotency-key" in request.headers and request.method in ("PUT", "POST", "PATCH") and not key.strip():
            return None, unusable(BadData("The Idempotency-Key must not be empty."))
        if not key:
            return None, None
        if len(key) > KEY_MOST:
            return None, unusable(BadData(f"The Idempotency-Key must not be longer than {KEY_MOST} characters."))
        now, digest = self._clock.timestamp(), _digest(request, call)
        known = self._replies.get(key)
        if known is None or known.time + KEY_SECONDS <= now:
            known = self._replies[key] = Reply(now, digest)
            return known, None
        if known.digest != digest:
            call.note["key_reused"] = True
            return None, unusable(Unusable(10, "ValidationException", KEY_REUSED.format(key=key)))
        call.replayed = known.answer is not None
        return known, known.answer

    def _answer(self, request: Request, path: list[str], call: Call, reply: Reply | None) -> Answer:
        try:
            return self._route(request, path, call, reply)
        except Missing as missing:
            call.note["missing"] = str(missing)
            org = self._orgs[call.company_id]
            org.rollback()
            call.changed.clear()
            return not_found()
        except Invalid as invalid:
            self._orgs[call.company_id].rollback()
            return validation([{"ValidationErrors": errors_of(invalid.messages)}])
        except Unusable as problem:
            call.note["code"] = str(problem.number)
            return unusable(problem)

    def _route(self, request: Request, path: list[str], call: Call, reply: Reply | None) -> Answer:
        org = self._orgs[call.company_id]
        entity, method = ENTITY_OF.get(path[0].lower(), ""), request.method
        if len(request.body) > BODY_MOST:
            raise BadData("The request is larger than 3.5 MB")
        if "unreadable" in call.note:
            raise BadData(f"The request is not JSON: {call.note['unreadable']}")
        desk = Desk(org, request, call)
        if call.op == "list_currencies":
            return desk.currencies()
        if call.op == "get_company":
            return desk.organisation()
        if method == "GET" and entity in WORDS and len(path) <= 2:
            return desk.rows(entity) if len(path) == 1 else desk.read(entity, path[1])
        if call.op == "delete_item":
            return desk.delete_item(path[1])
        if call.op == "send_invoice":
            return desk.mail(path[1])
        if method in ("PUT", "POST") and entity in ("Contact", "Item", "Invoice", "Payment", "Account"):
            elements = self._elements(path, entity, call.body)
            self._check_shape(path, entity, method, elements)
            return desk.bulk(entity, method, elements, reply.done if reply is not None else {})
        if entity:
            return Answer(501, b"Not Implemented", "text/plain")
        raise Missing("/".join(path))

    @staticmethod
    def _check_shape(path: list[str], entity: str, method: str, elements: list[Json]) -> None:
        if method == "PUT" and len(path) == 2:
            raise Missing("/".join(path))
        if entity == "Account" and (len(elements) > 1 or (method == "POST") != (len(path) == 2)):
            raise BadData("One account per call: PUT /Accounts, or POST /Accounts/{AccountID}")
        if entity == "Payment" and method == "POST" and len(elements) > 1:
            raise BadData("POST /Payments takes one payment; use PUT for several")
        if entity == "Payment" and len(path) == 2 and elements[0].get("Status") != "DELETED":
            raise Invalid("A payment cannot be changed, only deleted: Status must be DELETED.")

    def _gate(self, request: Request, path: list[str], call: Call) -> Answer | None:
        """401 for the token, 403 for tenant and scope."""
        problem, granted = self._sign_in.may_use(request.bearer, call.company_id)
        instance = str(uuid.UUID(hex=self._text(32), version=4))
        if problem in ("expired", "revoked"):
            now = dt.datetime.strftime(self._clock.now(), "%m/%d/%Y %H:%M:%S")
            detail = f"TokenExpired: token expired at {now}" if problem == "expired" else "TokenInvalid: token revoked"
            return gateway(401, "Unauthorized", detail, instance)
        if problem in _PROBLEMS:
            return gateway(401, "Unauthorized", _PROBLEMS[problem], instance)
        if problem or call.company_id not in self._orgs:
            return gateway(403, "Forbidden", "AuthenticationUnsuccessful", instance)
        entity = ENTITY_OF.get(path[0].lower(), "Currency")
        enough = set(_SCOPES[entity])
        if request.method == "GET":
            enough |= {f"{scope}.read" for scope in enough}
        if enough.isdisjoint(granted.split()):
            return _without_scope(instance)
        return None

    def _dress(self, answer: Answer, call: Call) -> Answer:
        answer.headers["Xero-Correlation-Id"] = str(uuid.UUID(hex=self._text(32), version=4))
        meter = self._meters.get(call.company_id)
        if meter is not None:
            answer.headers |= meter.headers(self._clock.timestamp())
        return answer

    # --- faults ---

    def fault_answer(self, kind: str, params: Mapping[str, Any], call: Call) -> Answer:
        if kind in ("invalid_grant", "invalid_client"):
            return oauth_error(400, kind)
        if call.op in ("token", "refresh", "revoke", "list_connections"):
            return oauth_error(429 if "limit" in kind else 400, "rate_limit_exceeded" if kind == "rate_limit" else kind)
        instance = str(uuid.UUID(hex=self._text(32), version=4))
        if kind == "rate_limit":
            default = "minute" if "retry_after" in params else "concurrent"
            return self._too_many(str(params.get("problem", default)), call, None)
        if kind == "quota":
            return self._too_many("day", call, int(params.get("retry_after", 41_000)))
        if kind == "server_error":
            text = to_json({"ErrorNumber": 500, "Type": "InternalServerError", "Message": "An error occurred in Xero."})
            return self._keep(Answer(500, text), call)
        makers: dict[str, Callable[[], Answer]] = {
            "forbidden": lambda: (
                _without_scope(instance)
                if params.get("kind") == "scope"
                else gateway(403, "Forbidden", "AuthenticationUnsuccessful", instance)
            ),
            "lapsed": lambda: gateway(403, "Forbidden", "AuthenticationUnsuccessful", instance),
            "not_found": not_found,
            "stale": lambda: self._refusal(["This document has been changed by somebody else meanwhile."], 400, call),
            "error_in_200": lambda: self._refusal(fault_messages(params), 200, call),
            "fault": lambda: self._fault(params, call),
        }
        maker = makers.get(kind)
        if maker is not None:
            return self._dress(maker(), call)
        return self._dress(Answer(int(params.get("status", 501)), b"Something nobody has seen", "text/plain"), call)

    def _fault(self, params: Mapping[str, Any], call: Call) -> Answer:
        status = int(params.get("status", 400))
        number = str(params.get("code", "10"))
        if number.isdigit() and number not in ("10", "400"):
            return unusable(Unusable(int(number), str(params.get("type", "Exception")), fault_messages(params)[0]))
        return self._refusal(fault_messages(params), status, call)

    def _refusal(self, messages: list[str], status: int, call: Call) -> Answer:
        """Every element refused, in the summarised shape (400) or each for itself (200)."""
        rows = []
        for part in call.elements or [{"body": {}}]:
            rows.append(
                {
                    **{k: v for k, v in part["body"].items() if isinstance(v, str)},
                    "StatusAttributeString": "ERROR",
                    "ValidationErrors": errors_of(messages),
                }
            )
        if status != 200:
            answer = validation(rows)
            answer.status = status
            return answer
        plural = {"customer": "Contacts", "item": "Items", "invoice": "Invoices", "payment": "Payments"}
        word = (call.elements[0]["op"] if call.elements else call.op).partition("_")[2]
        return Answer(200, to_json({"Status": "OK", plural.get(word, "Elements"): rows}))

    def _keep(self, answer: Answer, call: Call) -> Answer:
        """An Idempotency-Key remembers internal errors as well (contract 2.2)."""
        if call.key and self._caches(call) and "digest" in call.tamper:
            known = self._replies.setdefault(call.key, Reply(self._clock.timestamp(), call.tamper["digest"]))
            known.answer = copy.deepcopy(answer)
        return self._dress(answer, call)

    def element_fault(self, params: Mapping[str, Any]) -> Json:
        return {"StatusAttributeString": "ERROR", "ValidationErrors": errors_of(fault_messages(params))}

    def close_books(self, until: str, company_id: str | None) -> None:
        self.settings({"period_lock_date": until, "company_id": company_id})

    def bulk_list(self, answer: Any) -> list[Any] | None:
        if not isinstance(answer, dict):
            return None
        return next((answer[name] for name in ("Contacts", "Items", "Invoices", "Payments") if name in answer), None)

    # --- control ---

    def ready(self, origin: str) -> Json:
        """`client_secret` is looked at by nobody: a public client has none, but some libraries insist on one."""
        base = f"{origin}/{self.key}"
        return {
            "api": base,
            "discovery": f"{base}/.well-known/openid-configuration",
            "authorize": f"{base}{AUTHORIZE}",
            "token": f"{base}/connect/token",
            "revoke": f"{base}/connect/revocation",
            "connections": f"{base}/connections",
            **self._app(),
            "company_id": next(iter(self._orgs)),
        }

    def companies(self) -> list[Json]:
        return [{"id": tenant, "name": shown} for tenant, _, shown in self._orgs.names()]

    def _org(self, company_id: str | None) -> Organisation:
        return self._orgs[picked(company_id, [(tenant, name) for tenant, name, _ in self._orgs.names()])]

    def books(self, company_id: str | None = None) -> Json:
        return xero_hand.books(self._org(company_id))

    def grant(self, company_id: str | None) -> Json:
        org = self._org(company_id)
        return {**self._sign_in.grant(org.id), "tenantId": org.id}

    def edit(self, kind: str, record_id: str, action: str, params: Mapping[str, Any], company_id: str | None) -> Json:
        return xero_hand.edit(self._org(company_id), kind, record_id, action, params)

    def settings(self, changes: Mapping[str, Any]) -> Json:
        left = dict(changes)
        org = self._org(left.pop("company_id", None))
        if "book_close_date" in left:
            left["period_lock_date"] = left.pop("book_close_date")
        _check_settings(left)
        if "limits" in left:
            self._enforce = left.pop("limits") != "off"
        self._allow_addresses(left)
        rules = take_rules(self._sign_in.authority.rules, left)
        own = take_rules(org.rules, left, blank_clears=True)
        if left:
            raise ControlError(f"unknown settings: {', '.join(left)}")
        limits = "real" if self._enforce else "off"
        return {**rules, **own, "limits": limits, "redirect_uris": list(self._sign_in.redirect_uris)}

    def reset(self, names: Sequence[str] | None) -> None:
        """All organisations back to their seed; with `names`, these come first (and stay until the next reset)."""
        seeds = self._seeds_for(names)
        self._sign_in.reset()
        self._replies = {}
        self._enforce = True
        tenants = {
            TENANT_IDS.get(name, f"7d3f2f0a-5b1c-4c55-9a60-0c1d5a8be{number + 16:03x}"): (name, seed)
            for number, (name, seed) in enumerate(seeds.items())
        }
        self._orgs = _Organisations(self._clock, tenants)
        app = app_window()
        self._meters = {tenant: XeroMeter(app) for tenant in self._orgs}


def _digest(request: Request, call: Call) -> str:
    text = json.dumps([request.method, request.path.lower(), request.query, call.company_id])
    return hashlib.sha256(text.encode() + b"\0" + request.body).hexdigest()


def _without_scope(instance: str) -> Answer:
    answer = gateway(403, "Forbidden", "AuthorizationUnsuccessful", instance)
    answer.headers["WWW-Authenticate"] = 'Bearer error="insufficient_scope"'
    return answer


def _format_problem(request: Request) -> Answer | None:
    """Answers are JSON, and only if asked for: the real service would answer XML. Bodies may be either."""
    if query_value(request, "unitdp") and not query_value(request, "unitdp").isdigit():
        return unusable(BadData("unitdp must be a number"))
    accept = request.headers.get("accept", "")
    if "application/json" not in accept and not accept.endswith("json"):
        text = "Without Accept: application/json Xero answers in XML, which is not offered here."
        return Answer(406, text.encode(), "text/plain")
    if request.method in ("PUT", "POST") and request.content_type != "application/json" and xml_text(request) is None:
        return Answer(415, b"Send Content-Type: application/json or application/xml.", "text/plain")
    return None


def _check_settings(changes: Mapping[str, Any]) -> None:
    """Raises `ControlError` before anything is set."""
    choices = {"rotation": ("always", "never"), "limits": ("real", "off")}
    check_choices(changes, choices)
    for name in ("period_lock_date", "end_of_year_lock_date"):
        if changes.get(name):
            dt.date.fromisoformat(str(changes[name]))
    check_addresses(changes)
