"""What a fault does to a reply: another answer, a mangled body, or a broken way home."""

from __future__ import annotations

import email.utils
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from desktop.sandbox.faults import Firing
from desktop.sandbox.service import Answer, Call, Json, Request, Service, to_json

HTML = "text/html; charset=utf-8"
GATEWAY_TEXT = {502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Time-out"}


@dataclass(slots=True)
class Delivery:
    """How an answer goes home. `how`: whole, hang_up, reset, cut_reset, cut_close, late, drip or
    twice (once more after itself, for whatever is asked next on this connection)."""

    answer: Answer
    how: str = "whole"
    seconds: float = 0.0
    wait_s: float = 0.0
    """The wait that the client was told to keep (429)."""

    @property
    def lost(self) -> bool:
        return self.how in ("hang_up", "reset")


def html_page(status: int, title: str, text: str = "") -> Answer:
    body = f"<html><head><title>{status} {title}</title></head><body><h1>{title}</h1><p>{text}</p></body></html>"
    return Answer(status, body.encode(), HTML)


def damage(
    firing: Firing, request: Request, call: Call, answer: Answer | None, service: Service, now: float
) -> Delivery:
    """The delivery for a call struck by `firing`; `answer` is None if the fault came before the work."""
    rule = firing.rule
    maker = _MAKERS.get(rule.id)
    if maker is not None:
        return maker(rule.params, request, call, answer, service, now)
    if answer is None:
        answer = html_page(503, "Service Unavailable")
    way = _WAYS.get(rule.id)
    if way is not None:
        return Delivery(answer, way, seconds=_seconds(rule.id, rule.params))
    params = rule.params
    if "element" not in params and rule.op is not None:
        params = params | {"element": next((i for i, part in enumerate(call.elements) if part["op"] == rule.op), 0)}
    return _BODIES[rule.id](params, answer, service)


_WAYS = {
    "N1": "hang_up",
    "N2": "reset",
    "N3": "cut_reset",
    "N5": "late",
    "N6": "drip",
    "N7": "reset",
    "N8": "reset",
    "N11": "twice",
    "A6": "hang_up",
}


def _seconds(rule_id: str, params: Json) -> float:
    return float(params.get("delay_s", 60) if rule_id == "N5" else params.get("interval_s", 1))


# --- answers in place of the service's own ---

Maker = Callable[[Json, Request, Call, Answer | None, Service, float], Delivery]


def _portal(
    params: Json, request: Request, call: Call, answer: Answer | None, service: Service, now: float
) -> Delivery:
    if params.get("kind", "redirect") == "redirect":
        target = params.get("location") or f"{other_host(request.origin)}/elsewhere/sign-in"
        return Delivery(Answer(302, b"", HTML, {"Location": target}))
    return Delivery(html_page(200, "Welcome to GuestNet", "Please sign in to use this network."))


def _redirect(
    params: Json, request: Request, call: Call, answer: Answer | None, service: Service, now: float
) -> Delivery:
    target = params.get("location") or f"{other_host(request.origin)}/elsewhere{request.path}"
    return Delivery(Answer(int(params.get("status", 307)), b"", HTML, {"Location": target}))


def _rate_limit(
    params: Json, request: Request, call: Call, answer: Answer | None, service: Service, now: float
) -> Delivery:
    reply = service.fault_answer("rate_limit", params, call)
    wait = float(params.get("retry_after", 5))
    date = email.utils.formatdate(now + wait, usegmt=True)
    reply.headers["Retry-After"] = date if params.get("date") else f"{wait:.0f}"
    return Delivery(reply, wait_s=wait)


def _quiet_limit(
    params: Json, request: Request, call: Call, answer: Answer | None, service: Service, now: float
) -> Delivery:
    if "retry_after" in params:
        return _rate_limit(params, request, call, answer, service, now)
    return Delivery(service.fault_answer("rate_limit", params, call), wait_s=float(params.get("wait_s", 60)))


def _gateway(
    params: Json, request: Request, call: Call, answer: Answer | None, service: Service, now: float
) -> Delivery:
    status = int(params.get("status", 502))
    return Delivery(html_page(status, GATEWAY_TEXT.get(status, "Error"), "<!-- <script>alert(1)</script> -->"))


def _maintenance(
    params: Json, request: Request, call: Call, answer: Answer | None, service: Service, now: float
) -> Delivery:
    return Delivery(html_page(503, "Scheduled maintenance", "We will be back in about three hours."))


def _refresh_refused(
    params: Json, request: Request, call: Call, answer: Answer | None, service: Service, now: float
) -> Delivery:
    kind = params.get("kind", "invalid_grant")
    if kind == "timeout":
        return Delivery(html_page(504, "Gateway Time-out"), "late", float(params.get("delay_s", 60)))
    if kind == "5xx":
        return Delivery(html_page(int(params.get("status", 503)), "Service Unavailable"))
    if kind == "invalid_grant" and isinstance(call.body, dict):
        service.kill_grant(str(call.body.get("refresh_token", "")))
    return Delivery(service.fault_answer(kind, params, call))


def _words(fault_id: str) -> Maker:
    def make(
        params: Json, request: Request, call: Call, answer: Answer | None, service: Service, now: float
    ) -> Delivery:
        return Delivery(service.fault_answer("fault", {**service.words(fault_id, call.op), **params}, call))

    return make


def _answer(kind: str) -> Maker:
    def make(
        params: Json, request: Request, call: Call, answer: Answer | None, service: Service, now: float
    ) -> Delivery:
        return Delivery(service.fault_answer(kind, params, call))

    return make


_MAKERS: dict[str, Maker] = {
    "N9": _portal,
    "N10": _redirect,
    "H1": _rate_limit,
    "H2": _quiet_limit,
    "H3": _answer("quota"),
    "H4": _quiet_limit,
    "H5": _answer("server_error"),
    "H6": _gateway,
    "H7": _maintenance,
    "H8": _answer("forbidden"),
    "H9": _answer("not_found"),
    "H10": _answer("stale"),
    "H11": _answer("unknown"),
    "H12": _answer("lapsed"),
    "B4": _answer("error_in_200"),
    "FAULT": _answer("fault"),
    "D7": _words("D7"),
    "D8": _words("D8"),
    "A8": _refresh_refused,
}


def other_host(origin: str) -> str:
    """The same server under another name, so that a client that follows can be seen doing so."""
    if "://127.0.0.1" in origin:
        return origin.replace("://127.0.0.1", "://localhost", 1)
    return re.sub(r"://(localhost|\[::1\])", "://127.0.0.1", origin, count=1)


# --- bodies ---


def _truncated(params: Json, answer: Answer, service: Service) -> Delivery:
    if params.get("length", "right") == "wrong":
        return Delivery(answer, "cut_close")
    half = answer.body[: max(1, len(answer.body) // 2)]
    return Delivery(Answer(answer.status, half, answer.content_type, answer.headers))


def _not_json(params: Json, answer: Answer, service: Service) -> Delivery:
    kind = params.get("kind", "text")
    body, content_type, headers = answer.body, answer.content_type, dict(answer.headers)
    if kind == "text":
        body = b"OK, thank you!"
    elif kind == "empty":
        body = b""
    elif kind == "content_type":
        content_type = HTML
    elif kind == "bom":
        body = b"\xef\xbb\xbf" + body
    elif kind == "utf16":
        body = body.decode("utf-8", "replace").encode("utf-16")
    elif kind == "gzip":
        headers["Content-Encoding"] = "gzip"
        body = b"\x1f\x8b\x08\x00broken" + body[:40]
    return Delivery(Answer(answer.status, body, content_type, headers))


_ID_KEY = re.compile(r"^(Id|id|[A-Z][A-Za-z]*ID)$")
_MONEY_KEYS = frozenset(["TotalAmt", "Balance", "Amount", "UnitPrice", "UnappliedAmt", "Total", "AmountDue", "amount"])
_ENUM_KEYS = frozenset(["EmailStatus", "Type", "AccountType", "AccountSubType", "Status", "status", "vis_state"])
_DATE_KEYS = frozenset(
    ["TxnDate", "DueDate", "Date", "DateString", "due_date", "create_date", "CreateTime", "LastUpdatedTime"]
)


def _walk(value: Any, visit: Callable[[str, Any], tuple[bool, Any]]) -> Any:
    """Rebuild JSON from the leaves up; `visit(key, value)` says whether to keep the pair, and with which value."""
    if isinstance(value, dict):
        kept = ((key, *visit(key, _walk(item, visit))) for key, item in value.items())
        return {key: item for key, keep, item in kept if keep}
    if isinstance(value, list):
        return [_walk(item, visit) for item in value]
    return value


def _reshaped(params: Json, answer: Answer, service: Service) -> Delivery:
    kind = params.get("kind", "no_id")
    data = _decoded(answer)
    if kind == "list":
        data = [data]
    elif kind == "null":
        data = None
    elif kind == "no_id":
        data = _walk(data, lambda key, item: (not _ID_KEY.match(key), item))
    elif kind == "id_number":
        data = _walk(data, lambda key, item: (True, int(item) if _ID_KEY.match(key) and str(item).isdigit() else item))
    elif kind == "money_text":
        data = _walk(
            data,
            lambda key, item: (True, str(item) if key in _MONEY_KEYS and isinstance(item, int | float) else item),
        )
    elif kind == "extra":
        data = _walk(
            data,
            lambda key, item: (True, {**item, "xNewIn2027": {"deep": [1, None]}} if isinstance(item, dict) else item),
        )
    return Delivery(Answer(answer.status, to_json(data), answer.content_type, answer.headers))


def _monster(params: Json, answer: Answer, service: Service) -> Delivery:
    kind = params.get("kind", "huge")
    body = answer.body or b"{}"
    if kind == "huge":
        size = int(params.get("bytes", 50 * 1024 * 1024))
        body = body[:-1] + b" " * max(0, size - len(body)) + body[-1:]
    elif kind == "nested":
        depth = int(params.get("depth", 10_000))
        body = body.rstrip()[:-1] + b',"deep":' + b"[" * depth + b"]" * depth + b"}"
    elif kind == "number":
        body = re.sub(rb'("(?:TotalAmt|Balance|Amount|UnitPrice|totalCount)":)[-0-9.]+', rb"\g<1>1e400", body)
    elif kind == "duplicate":
        body = re.sub(rb'"(Id|id)":("?)(\w+)("?)', rb'"\1":\g<2>\3\g<4>,"\1":\g<2>999999\g<4>', body)
    return Delivery(Answer(answer.status, body, answer.content_type, answer.headers))


def _strange_values(params: Json, answer: Answer, service: Service) -> Delivery:
    kind = params.get("kind", "enum")

    def visit(key: str, item: Any) -> tuple[bool, Any]:
        if kind == "enum" and key in _ENUM_KEYS and isinstance(item, str):
            return True, "FROZEN"
        if key in _DATE_KEYS and isinstance(item, str):
            if kind == "date":
                return True, "0001-01-01"
            if kind == "slash_date":
                return True, "/Date(-1)/"
            if kind == "offset":
                return True, re.sub(r"(Z|[+-]\d\d:\d\d)$", "", item) if "T" in item else item
        return True, item

    return Delivery(Answer(answer.status, to_json(_walk(_decoded(answer), visit)), answer.content_type, answer.headers))


def _partial(params: Json, answer: Answer, service: Service) -> Delivery:
    data = _decoded(answer)
    elements = service.bulk_list(data)
    if elements:
        index = int(params.get("element", 0)) % len(elements)
        kind = params.get("mode") or params.get("kind") or "missing"
        if kind == "missing":
            del elements[index]
        elif kind == "doubled":
            elements.insert(index, elements[index])
        elif kind == "reordered":
            elements.reverse()
    return Delivery(Answer(answer.status, to_json(data), answer.content_type, answer.headers))


def _disordered(params: Json, answer: Answer, service: Service) -> Delivery:
    """What changed comes in no order at all: every list of records backwards."""

    def turned(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: turned(item) for name, item in value.items()}
        if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
            return [turned(item) for item in reversed(value)]
        return value

    return Delivery(Answer(answer.status, to_json(turned(_decoded(answer))), answer.content_type, answer.headers))


def _decoded(answer: Answer) -> Any:
    try:
        return json.loads(answer.body)
    except ValueError:
        return {}


_BODIES: dict[str, Callable[[Json, Answer, Service], Delivery]] = {
    "B1": _truncated,
    "B2": _not_json,
    "B3": _reshaped,
    "B5": _partial,
    "B6": _monster,
    "B7": _strange_values,
    "L5": _disordered,
}
