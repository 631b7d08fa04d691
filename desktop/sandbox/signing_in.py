"""What every imitated sign-in does alike: the app's addresses, open consent pages, tokens noted in the ledger.

Addresses, scopes, words and the shape of a token answer are each service's own (`*_signin.py`).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import parse_qsl

from desktop.sandbox import consent
from desktop.sandbox.ledger import identity_of
from desktop.sandbox.oauth import Authority, Grant, Issued
from desktop.sandbox.service import Answer, Call, Json, Request, from_json, to_json

REDIRECT_PORTS = (53682, 53683, 53684)


class SignInDesk:
    """The sign-in side of a service. `now` in seconds of the sandbox's clock; `random_text(n)` gives n hex signs."""

    def __init__(
        self,
        authority: Authority,
        now: Callable[[], float],
        random_text: Callable[[int], str],
        redirect_uris: Sequence[str],
    ) -> None:
        fixed = [f"http://localhost:{port}/callback" for port in REDIRECT_PORTS]
        self.redirect_uris = list(dict.fromkeys([*fixed, *redirect_uris]))
        self.authority = authority
        self._consent = consent.ConsentDesk(now, random_text)

    def check(self, token: str) -> Grant | str:
        """The grant of a live token, else why not: `missing`, `malformed`, `expired` or `revoked`."""
        return self.authority.check_access(token) if token else "missing"

    def _note_form(self, call: Call, form: dict[str, str]) -> None:
        """What a POST is about: a refresh is told from a first token, and whose token it is."""
        call.body = form
        if call.op == "token" and form.get("grant_type") == "refresh_token":
            call.op = "refresh"
        token = form.get("refresh_token") or form.get("token") or ""
        call.identity = identity_of(token)
        call.company_id = self.authority.company_of(token)

    def _note_issued(self, call: Call, issued: Issued) -> None:
        call.company_id = issued.grant.company_id
        call.note |= {"rotated": issued.rotated, "issued": identity_of(issued.access)}
        call.change("grant", issued.grant.id, "refreshed" if call.op == "refresh" else "granted")


def keeps_refresh_token(call: Call) -> bool:
    """Whether a fault wants the refresh to bring no new refresh token (A9, A10)."""
    return call.tamper.get("A9") == "refresh_token" or "A10" in call.tamper


def forced_rotation(call: Call) -> bool | None:
    """Whether faults want the refresh token to rotate; None leaves it to the rules."""
    if keeps_refresh_token(call):
        return False
    return True if call.tamper.get("rotate") else None


def leave_out(body: Json, call: Call, scope: str = "") -> Json:
    """A token answer without the field that fault A9 names; `scope` is what a too small one holds, "" for none."""
    missing: Any = call.tamper.get("A9")
    if missing == "scope" and scope:
        body["scope"] = scope
    elif missing in body:
        del body[missing]
    return body


def form_of(request: Request, *, flat_json: bool = False) -> dict[str, str]:
    """The fields of a form, or of a flat JSON object where the service takes both; empty for anything else."""
    try:
        if flat_json and request.content_type == "application/json":
            data = from_json(request.body)
            return {str(k): str(v) for k, v in data.items()} if isinstance(data, dict) else {}
        if request.content_type == "application/x-www-form-urlencoded":
            return dict(parse_qsl(request.body.decode("utf-8"), keep_blank_values=True))
    except ValueError:
        return {}
    return {}


def basic(request: Request) -> tuple[str, str]:
    """(client id, secret) of a Basic header, "" for what it doesn't tell."""
    scheme, _, packed = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        client_id, _, secret = base64.b64decode(packed.strip(), validate=True).decode("utf-8").partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return client_id, secret


def oauth_error(status: int, error: str, description: str = "") -> Answer:
    """A refusal as RFC 6749 has it."""
    body = {"error": error} | ({"error_description": description} if description else {})
    return Answer(status, to_json(body))
