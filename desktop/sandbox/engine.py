"""One imitated service behind HTTP: count, break if a fault says so, do the work, write it down, answer."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

from starlette.types import Message, Receive, Scope, Send

from desktop.sandbox import transport
from desktop.sandbox.clock import SandboxClock
from desktop.sandbox.damage import Delivery, damage
from desktop.sandbox.faults import CATALOGUE, EDITS, TAMPERING, FaultPlan, Firing
from desktop.sandbox.ledger import Entry, Ledger, safe_path
from desktop.sandbox.service import Answer, Call, ControlError, Json, Request, Service, read_change

BODY_LIMIT = 16 * 1024 * 1024
CHUNK = 64 * 1024


TOUCHES: dict[str, Json] = {
    "customer": {"phone": "555 0199"},
    "item": {"description": "as said by phone"},
    "invoice": {"memo": "as said by phone"},
    "payment": {"reference": "as said by phone"},
}
"""What a hand edit changes if nobody says what (D3, D14)."""


class BodyProblem(Exception):
    """The request's body cannot be read."""


class ClientGone(Exception):
    """The client left before its request was whole: no server's program ever sees such a call."""


async def read_request(scope: Scope, receive: Receive, prefix: str) -> Request:
    """The call with its body, unpacked if it came with gzip. Raises `BodyProblem` and `ClientGone`."""
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    chunks: list[bytes] = []
    size = 0
    more = True
    while more:
        message: Message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        more = message.get("more_body", False)
        if size > BODY_LIMIT:
            raise BodyProblem("the request is larger than 16 MB")
    body = b"".join(chunks)
    if "gzip" in headers.get("content-encoding", ""):
        try:
            body = gzip.decompress(body)
        except (OSError, EOFError, zlib.error) as error:
            raise BodyProblem(f"the request's gzip is broken: {error}") from error
    query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    path = scope["path"]
    return Request(
        method=scope["method"],
        path=path[len(prefix) :] or "/",
        query=tuple(query),
        headers=headers,
        body=body,
        origin=f"{scope['scheme']}://{headers.get('host', '127.0.0.1')}",
    )


class ServiceEndpoint:
    """The ASGI program of one service, mounted below `prefix`."""

    def __init__(self, service: Service, prefix: str, ledger: Ledger, faults: FaultPlan, clock: SandboxClock) -> None:
        self._service = service
        self._prefix = prefix
        self._ledger = ledger
        self._faults = faults
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            request = await read_request(scope, receive, self._prefix)
        except ClientGone:
            return
        except BodyProblem as problem:
            await send_answer(send, Answer(400, str(problem).encode(), "text/plain"), {})
            return
        call = self._service.classify(request)
        refused = self._service.admit(request, call)
        try:
            if refused is not None:
                self._write_down(request, call, Delivery(refused), None)
                await send_answer(send, refused, request.headers)
                self._service.demanded_wait(call, 60)
                return
            delivery = self._work(request, call)
            await deliver(delivery, request, scope, receive, send)
            if delivery.wait_s:
                self._service.demanded_wait(call, delivery.wait_s)
        finally:
            self._service.release(call)

    def _work(self, request: Request, call: Call) -> Delivery:
        now = self._clock.timestamp()
        firings = self._faults.draw(self._service.key, call, now)
        breaking: Firing | None = None
        for firing in firings:
            if firing.rule.id in TAMPERING or firing.rule.per_element and call.elements:
                self._tamper(firing, request, call)
            elif breaking is None:
                breaking = firing
                if firing.rule.id == "A6":
                    call.tamper["rotate"] = True
        answer: Answer | None = None
        if breaking is None or breaking.phase != "before":
            if breaking is not None and breaking.phase == "mid":
                call.stop_after = int(breaking.rule.params.get("k", max(1, len(call.elements) // 2)))
            answer = self._service.handle(request, call)
        if breaking is None:
            delivery = Delivery(answer or Answer(500))
            struck = firings[0] if firings else None
        else:
            delivery = damage(breaking, request, call, answer, self._service, now)
            struck = breaking
        self._write_down(request, call, delivery, struck)
        return delivery

    def _tamper(self, firing: Firing, request: Request, call: Call) -> None:
        rule = firing.rule
        if rule.id in ("A1", "A2"):
            self._service.expire_access(request.bearer, revoked=rule.id == "A2")
        elif rule.id in ("A3", "A13"):
            self._service.rotate_elsewhere(str(call.body.get("refresh_token", "")) if call.body else "")
        elif rule.id == "A12":
            self._service.kill_grant(request.bearer)
        elif rule.id in EDITS:
            edited = self._edit(firing, call)
            if rule.id == "L4" and edited:
                call.tamper["paging"] = f"again:{edited}"
        elif rule.id == "L3":
            call.tamper["paging"] = rule.params.get("kind", "repeat")
        elif rule.id in ("D7", "D8"):
            words = self._service.words(rule.id, call.elements[firing.element or 0]["op"])
            call.tamper.setdefault("FAULT", {})[firing.element] = {**words, **rule.params, "phase": rule.phase}
        elif rule.id in ("A9", "A10"):
            call.tamper[rule.id] = rule.params.get("kind", "refresh_token")
        else:
            call.tamper.setdefault(rule.id, {})[firing.element] = {**rule.params, "phase": rule.phase}

    def _edit(self, firing: Firing, call: Call) -> str:
        """Somebody changes the books by hand, just now; the id of the record. What can't be done was no hit."""
        rule, company = firing.rule, call.company_id or None
        kind, change = CATALOGUE[rule.id].edit or ("", "")
        kind = str(rule.params.get("kind") or kind or rule.entity or _kind_in(call))
        change = rule.params.get("change", change)
        try:
            if change == "close_books":
                until = str(rule.params.get("until") or self._clock.now().date())
                self._service.close_books(until, company)
                return ""
            if change == "touch":
                change = TOUCHES.get(kind, {})
            action, params = read_change({"change": change, "fields": rule.params.get("fields")})
            record_id = str(rule.params.get("id") or "")
            if not record_id and action != "create":
                first = rule.id == "L4"
                record_id = self._service.books(company)[f"{kind}s"][0]["id"] if first else self._newest(kind, company)
            record = self._service.edit(kind, record_id, action, params, company)
        except ControlError as refused:
            call.note["edit_refused"] = str(refused)
            self._faults.missed(rule)
            return ""
        return str(record.get("id", record_id))

    def _newest(self, kind: str, company: str | None) -> str:
        """The record of this kind that calls made last; of accounts, the one it is booked to. Raises `ControlError`."""
        if kind == "account":
            item = self._newest("item", company)
            rows = self._service.books(company)["items"]
            return next((str(row["income_account_id"] or "") for row in rows if row["id"] == item), "")
        for entry in reversed(list(self._ledger.since(0))):
            for change in reversed(entry.changed if entry.service == self._service.key else []):
                if change["kind"] == kind and change["action"] == "created":
                    return change["id"]
        raise ControlError(f"no call has made a {kind} yet")

    def _write_down(self, request: Request, call: Call, delivery: Delivery, struck: Firing | None) -> None:
        note: Json = dict(call.note)
        if delivery.lost or delivery.how == "late":
            note["reply"] = delivery.how
        self._ledger.append(
            Entry(
                sequence=0,
                time=self._clock.now(),
                service=self._service.key,
                company_id=call.company_id,
                op=call.op,
                method=request.method,
                path=safe_path(self._prefix + request.path, request.query),
                status=None if delivery.lost else delivery.answer.status,
                key=call.key,
                identity=call.identity,
                phase=struck.phase if struck else "",
                fault=struck.rule.id if struck else "",
                replayed=call.replayed,
                changed=call.changed,
                elements=[{k: v for k, v in element.items() if k != "body"} for element in call.elements],
                note=note,
                request_type=request.content_type,
                request=request.body,
                answer=delivery.answer.body,
            )
        )


def _kind_in(call: Call) -> str:
    """The kind of record that a call, or the first part of a bulk call, is about."""
    kinds = [op.partition("_")[2].rstrip("s") for op in (call.op, *(element["op"] for element in call.elements))]
    return next((kind for kind in kinds if kind in TOUCHES), "")


async def deliver(delivery: Delivery, request: Request, scope: Scope, receive: Receive, send: Send) -> None:
    """Send the answer the way the delivery says, or break off."""
    if delivery.how == "hang_up":
        await transport.hang_up(scope, receive)
    elif delivery.how == "reset":
        await transport.reset(scope, receive)
    elif delivery.how in ("cut_reset", "cut_close"):
        await _send_half(delivery.answer, send)
        await (transport.reset if delivery.how == "cut_reset" else transport.hang_up)(scope, receive)
    elif delivery.how == "drip":
        await _drip(delivery, receive, send)
    else:
        gone = delivery.how == "late" and await transport.wait_or_gone(receive, delivery.seconds)
        if not gone:
            await send_answer(send, delivery.answer, request.headers)
        if delivery.how == "twice":
            transport.write_raw(scope, _raw(delivery.answer))


async def send_answer(send: Send, answer: Answer, asked: Mapping[str, str]) -> None:
    body = answer.body
    headers = {"Content-Type": answer.content_type, "Cache-Control": "no-store", **answer.headers}
    if "gzip" in asked.get("accept-encoding", "") and len(body) > 4096 and "Content-Encoding" not in headers:
        body = gzip.compress(body, compresslevel=1)
        headers["Content-Encoding"] = "gzip"
    if answer.status != HTTPStatus.NO_CONTENT:
        headers["Content-Length"] = str(len(body))
    await _start(send, answer.status, headers)
    for at in range(0, len(body), CHUNK):
        await send({"type": "http.response.body", "body": body[at : at + CHUNK], "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _start(send: Send, status: int, headers: Mapping[str, str]) -> None:
    raw = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})


def _raw(answer: Answer) -> bytes:
    head = f"HTTP/1.1 {answer.status} Again\r\ncontent-type: {answer.content_type}\r\n"
    return f"{head}content-length: {len(answer.body)}\r\n\r\n".encode("latin-1") + answer.body


async def _send_half(answer: Answer, send: Send) -> None:
    body = answer.body or b'{"lost": true}'
    headers = {"Content-Type": answer.content_type, "Content-Length": str(len(body)), **answer.headers}
    await _start(send, answer.status, headers)
    await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
    await asyncio.sleep(0.05)  # let the half arrive: a reset may throw away what was not read yet


async def _drip(delivery: Delivery, receive: Receive, send: Send) -> None:
    """A byte at a time, and blanks without end after the body, until the client leaves."""
    await _start(send, delivery.answer.status, {"Content-Type": delivery.answer.content_type})
    at = 0
    body: Any = delivery.answer.body
    while True:
        await send({"type": "http.response.body", "body": body[at : at + 1] or b" ", "more_body": True})
        at += 1
        if await transport.wait_or_gone(receive, delivery.seconds):
            return
