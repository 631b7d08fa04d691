"""The page on which a person lets a program into a company's books; the same for all imitated services."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import Any
from urllib.parse import urlencode

from desktop.sandbox.service import Answer, Json

TICKET_SECONDS = 600
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
}


@dataclass(frozen=True, slots=True)
class Pending:
    """A sign-in that waits for the person's answer."""

    redirect_uri: str
    state: str
    scope: str
    expires: float
    extra: Json


class ConsentDesk:
    """Gives out tickets (one per page shown, single use) that make a forged approval impossible."""

    def __init__(self, now: Callable[[], float], random_text: Callable[[int], str]) -> None:
        self._now = now
        self._random = random_text
        self._pending: dict[str, Pending] = {}

    def open(self, redirect_uri: str, state: str, scope: str, extra: Json) -> str:
        ticket = self._random(32)
        self._pending[ticket] = Pending(redirect_uri, state, scope, self._now() + TICKET_SECONDS, extra)
        return ticket

    def take(self, ticket: str) -> Pending | None:
        """The sign-in of a ticket, once; None if it is unknown, used or too old."""
        pending = self._pending.pop(ticket, None)
        return pending if pending is not None and pending.expires >= self._now() else None

    def clear(self) -> None:
        self._pending.clear()


def page(service_name: str, action: str, ticket: str, companies: list[Json], app_name: str, asks: str) -> Answer:
    """The form: which company (no question where there is nothing to choose), approve or deny; without scripts."""
    choices = "".join(
        f'<label class="company"><input type="radio" name="company" value="{escape(company["id"])}"'
        f"{' checked' if not index else ''}><span>{escape(company['name'])}</span>"
        f'<span class="detail">Company ID {escape(company["id"])}</span></label>'
        for index, company in enumerate(companies)
    )
    question = f"<fieldset><legend>Which company?</legend>{choices}</fieldset>" if choices else ""
    body = f"""<h1>{escape(app_name)} asks to work with your {escape(service_name)} books</h1>
<p>{escape(asks)}</p>
<form method="post" action="{escape(action)}">
<input type="hidden" name="ticket" value="{escape(ticket)}">
{question}
<div class="actions"><button class="deny" name="decision" value="deny">Deny</button>
<button class="approve" name="decision" value="approve">Approve</button></div>
</form>"""
    return _html(200, f"{service_name} sign-in", service_name, body)


def error_page(service_name: str, status: int, title: str, text: str) -> Answer:
    """Shown where a redirect would be unsafe."""
    body = f'<h1>{escape(title)}</h1><p class="error">{escape(text)}</p>'
    return _html(status, title, service_name, body)


def used_up(service_name: str) -> Answer:
    """For a ticket that is unknown, used or too old."""
    text = "This page was already used or is too old. Please start again from your program."
    return error_page(service_name, 400, "Please start again", text)


def back_to(redirect_uri: str, parameters: dict[str, Any]) -> Answer:
    joint = "&" if "?" in redirect_uri else "?"
    return Answer(302, b"", "text/html", {"Location": f"{redirect_uri}{joint}{urlencode(parameters)}", **HEADERS})


def _html(status: int, title: str, service_name: str, body: str) -> Answer:
    text = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="/pages/icon.svg" type="image/svg+xml"><link rel="stylesheet" href="/pages/consent.css"></head>
<body><main class="card"><p class="badge">{escape(service_name)} practice service</p>{body}
<p class="fine">This is an imitation on your own computer. No real company is involved.</p></main></body></html>"""
    return Answer(status, text.encode(), "text/html; charset=utf-8", dict(HEADERS))
