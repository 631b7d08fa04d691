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
STYLE = """
:root { color-scheme: light dark; --ink: #17212b; --soft: #5b6875; --paper: #fff; --ground: #eef2f5; --line: #d5dde4;
  --deed: #0b6b47; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eef3; --soft: #9fb0bf; --paper: #1b242c; --ground: #11181e;
  --line: #34424e; --deed: #2fa676; } }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: var(--ground); color: var(--ink);
  font: 16px/1.5 system-ui, "Segoe UI", sans-serif; }
main { width: min(30rem, calc(100vw - 2rem)); margin: 2rem 0; padding: 2.25rem; background: var(--paper);
  border: 1px solid var(--line); border-radius: 14px; }
small { display: inline-block; color: var(--soft); letter-spacing: .02em; }
h1 { margin: .35rem 0 .5rem; font-size: 1.45rem; line-height: 1.25; }
p { margin: .5rem 0 1rem; color: var(--soft); }
fieldset { margin: 0 0 1.5rem; padding: 0; border: 0; }
legend { padding: 0; font-weight: 600; margin-bottom: .5rem; }
label { display: flex; gap: .75rem; align-items: center; padding: .8rem 1rem; border: 1px solid var(--line);
  border-radius: 10px; margin-bottom: .5rem; cursor: pointer; }
label:has(input:checked) { border-color: var(--deed); box-shadow: inset 0 0 0 1px var(--deed); }
input { accent-color: var(--deed); width: 1.1rem; height: 1.1rem; flex: none; }
.actions { display: flex; gap: .75rem; justify-content: flex-end; }
button { font: inherit; font-weight: 600; padding: .65rem 1.4rem; border-radius: 9px; border: 1px solid var(--line);
  background: transparent; color: inherit; cursor: pointer; }
button[value=approve] { background: var(--deed); border-color: var(--deed); color: #fff; }
button:focus-visible, input:focus-visible { outline: 3px solid var(--deed); outline-offset: 2px; }
"""


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
    """The form: which company, approve or deny. Works without scripts."""
    choices = "".join(
        f'<label><input type="radio" name="company" value="{escape(company["id"])}"{" checked" if not index else ""}>'
        f"<span>{escape(company['name'])}</span></label>"
        for index, company in enumerate(companies)
    )
    body = f"""<small>{escape(service_name)} sandbox &middot; no real books</small>
<h1>{escape(app_name)} wants to work with your books</h1>
<p>{escape(asks)}</p>
<form method="post" action="{escape(action)}">
<input type="hidden" name="ticket" value="{escape(ticket)}">
<fieldset><legend>Company</legend>{choices}</fieldset>
<div class="actions"><button name="decision" value="deny">Deny</button>
<button name="decision" value="approve">Approve</button></div>
</form>"""
    return _html(200, f"{service_name} sign-in", body)


def error_page(service_name: str, status: int, title: str, text: str) -> Answer:
    """Shown where a redirect would be unsafe."""
    body = f"<small>{escape(service_name)} sandbox</small><h1>{escape(title)}</h1><p>{escape(text)}</p>"
    return _html(status, title, body)


def back_to(redirect_uri: str, parameters: dict[str, Any]) -> Answer:
    joint = "&" if "?" in redirect_uri else "?"
    return Answer(302, b"", "text/html", {"Location": f"{redirect_uri}{joint}{urlencode(parameters)}", **HEADERS})


def _html(status: int, title: str, body: str) -> Answer:
    text = f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="stylesheet" href="/consent.css">
</head><body><main>{body}</main></body></html>"""
    return Answer(status, text.encode(), "text/html; charset=utf-8", dict(HEADERS))
