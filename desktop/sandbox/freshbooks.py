"""FreshBooks on loopback: paths, sign-in, gate, limits. The rules of the books lie in `freshbooks_*.py`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from desktop.sandbox import freshbooks_hand, freshbooks_seed
from desktop.sandbox import freshbooks_names as names
from desktop.sandbox import freshbooks_sales as sales
from desktop.sandbox.freshbooks_books import DELETED, Account
from desktop.sandbox.freshbooks_errors import REFUSALS, Refused, classic, ledger_error, newer, oauth_error
from desktop.sandbox.freshbooks_lists import list_page
from desktop.sandbox.freshbooks_signin import PREFIX, SignIn, missing_scope, scope_words, unauthenticated
from desktop.sandbox.imitation import Imitation, check_addresses, check_choices, picked
from desktop.sandbox.ledger import identity_of
from desktop.sandbox.meter import Limit, Meter
from desktop.sandbox.oauth import take_rules
from desktop.sandbox.service import Answer, Call, ControlError, Json, Request, from_json, to_json

LIMITS = (Limit("per_second", 4, 1), Limit("per_minute", 50, 60))
CALLS_A_MINUTE = 600
"""What the ready file states while no limit is enforced: FreshBooks publishes none, and nobody who tries the program
has to wait for what clients only assume."""
"""No number is published (contract 9): what our client promises to keep. Not enforced unless switched on."""
CONCURRENCY = 3
_ACCOUNT = re.compile(r"^/accounting/account/([^/]+)/(.+)$")
_BUSINESS = re.compile(r"^/accounting/businesses/([^/]+)/(.+)$")
_RESOURCE = re.compile(r"^([a-z_]+/[a-z_]+)(?:/([^/]+))?$")
RESOURCES = {
    "users/clients": ("clients", "client", "customer", "clients"),
    "items/items": ("items", "item", "item", "billable_items"),
    "invoices/invoices": ("invoices", "invoice", "invoice", "invoices"),
    "payments/payments": ("payments", "payment", "payment", "payments"),
    "taxes/taxes": ("taxes", "tax", "tax", "taxes"),
    "expenses/categories": ("categories", "category", "category", "expenses"),
}
"""Path to list key, single key, the word in op names, and the object in scopes."""
_PLURALS = {"tax": "taxes", "category": "categories"}
_CREATE: dict[str, Callable[..., Json]] = {
    "clients": names.create_client,
    "items": names.create_item,
    "taxes": names.create_tax,
    "payments": sales.create_payment,
}
_UPDATE: dict[str, Callable[..., Json]] = {
    "clients": names.update_client,
    "items": names.update_item,
    "taxes": names.update_tax,
    "payments": sales.update_payment,
}
_DELETE: dict[str, Callable[..., Json]] = {"invoices": sales.delete_invoice, "taxes": names.delete_tax}


class FreshBooks(Imitation[Meter]):
    """The service with its businesses. `seeds` gives a company's seed by name; `source` is where ids come from."""

    key = "freshbooks"
    refusals = REFUSALS
    _sign_in: SignIn
    _accounts: dict[str, Account]

    def _make_sign_in(self, redirect_uris: Sequence[str]) -> SignIn:
        return SignIn(self._clock.timestamp, self._text, self._all_accounts, redirect_uris)

    # --- what a call means ---

    def classify(self, request: Request) -> Call:
        account, business = _ACCOUNT.match(request.path), _BUSINESS.match(request.path)
        if account is None and business is None:
            return self._sign_in.classify(request)
        call = Call(op="unknown", identity=identity_of(request.bearer))
        if account is not None:
            call.company_id = account[1]
            self._name(request, account[2], call)
        elif business is not None:
            owner = next((one for one in self._accounts.values() if one.business_uuid == business[1]), None)
            call.company_id = owner.id if owner else business[1]
            if business[2].startswith("ledger_accounts/accounts"):
                call.op = "list_accounts" if business[2] == "ledger_accounts/accounts" else "get_account"
        return call

    def _name(self, request: Request, path: str, call: Call) -> None:
        found = _RESOURCE.match(path)
        known = RESOURCES.get(found[1]) if found else None
        if found is None or known is None:
            return
        _, single, word, _ = known
        if request.method in ("POST", "PUT"):
            try:
                whole = from_json(request.body)
                call.body = whole.get(single) if isinstance(whole, dict) else None
            except ValueError as error:
                call.note["unreadable"] = str(error)
        body = call.body if isinstance(call.body, dict) else {}
        one = found[2] is not None
        if request.method == "GET":
            call.op = f"get_{word}" if one else f"list_{_PLURALS.get(word, word + 's')}"
        elif request.method == "POST" and not one:
            call.op = f"create_{word}"
        elif request.method == "PUT" and one:
            acts = any(body.get(name) for name in sales.ACTIONS)
            gone = str(body.get("vis_state")) == str(DELETED)
            call.op = f"{'send' if acts else 'delete' if gone else 'update'}_{word}"
        elif request.method == "DELETE" and one:
            call.op = f"delete_{word}"

    # --- limits ---

    def admit(self, request: Request, call: Call) -> Answer | None:
        meter = self._meters.get(call.company_id)
        if not request.path.startswith("/accounting/") or meter is None:
            (meter or next(iter(self._meters.values()))).count(call.op, self._clock.timestamp())
            return None
        return self._enter(meter, call)

    # --- doing it ---

    def handle(self, request: Request, call: Call) -> Answer:
        account, business = _ACCOUNT.match(request.path), _BUSINESS.match(request.path)
        if account is None and business is None:
            return self._sign_in.handle(request, call)
        if self._sign_in.problem(request.bearer):
            return unauthenticated()
        books = self._accounts.get(call.company_id)
        if business is not None:
            return self._ledger(request, call, books, business[2])
        assert account is not None
        shape = request.headers.get("x-api-version", "")
        try:
            if books is None:
                raise Refused(1012, message="The requested resource was not found.", value=call.company_id)
            return self._accounting(request, call, books, account[2])
        except Refused as refused:
            call.note["code"] = refused.errno
            return self._dress(refused, books, shape >= "2023")

    def _dress(self, refused: Refused, books: Account | None, newer_asked: bool = False) -> Answer:
        if newer_asked or (books is not None and books.rules.error_shape == "newer"):
            return newer([refused], refused.status)
        return classic([refused], refused.status)

    def _accounting(self, request: Request, call: Call, books: Account, path: str) -> Answer:
        found = _RESOURCE.match(path)
        known = RESOURCES.get(found[1]) if found else None
        if found is None or known is None or call.op == "unknown":
            raise Refused(1012, message="The requested resource was not found.", value=path)
        resource, single, _, scope = known
        needed = f"user:{scope}:{'read' if request.method == 'GET' else 'write'}"
        held = self._sign_in.scopes(request.bearer)
        if needed not in held:
            raise Refused(1003, message=scope_words(needed, held))
        if books.rules.lapsed:
            raise Refused(1042)
        if resource == "categories" and request.method != "GET":
            raise Refused(1003, status=405)
        includes = frozenset(value for name, value in request.query if name == "include[]")
        if request.method == "GET" and found[2] is None:
            trick = str(call.tamper.get("paging", ""))
            return _result(list_page(books, resource, request.query, trick))
        record = self._record(books, resource, single, found[2]) if found[2] is not None else None
        if request.method == "GET":
            assert record is not None
            return _result({single: books.show(resource, record, includes)})
        return self._write(request, call, books, resource, single, record)

    @staticmethod
    def _record(books: Account, resource: str, single: str, number: str) -> Json:
        record = books.get(resource, int(number)) if number.isdigit() else None
        if record is None:
            field = {"client": "userid", "payment": "logid"}.get(single, f"{single}id")
            raise Refused(1012, field, f"{single.capitalize()} not found.", single, number)
        return record

    def _write(
        self, request: Request, call: Call, books: Account, resource: str, single: str, record: Json | None
    ) -> Answer:
        before = books.snapshot() if "D15" in call.tamper else None
        if request.method == "DELETE":
            assert record is not None
            if resource not in _DELETE:
                raise Refused(1003, status=405)
            _DELETE[resource](books, record)
            answer = Answer(200, b'{"response":{}}')
            call.change(_word(resource), str(record["id"]), "deleted")
        else:
            made = self._saved(request, call, books, resource, single, record)
            answer = _result({single: books.show(resource, books.tables[resource][made["id"]])})
            done = {"create": "created", "send": "sent", "delete": "deleted"}.get(call.op.split("_")[0], "updated")
            call.change(_word(resource), str(made["id"]), done)
        if before is not None:
            books.restore(before)
            call.changed.clear()
        return answer

    def _saved(
        self, request: Request, call: Call, books: Account, resource: str, single: str, record: Json | None
    ) -> Json:
        if request.content_type != "application/json" or "unreadable" in call.note:
            raise Refused(1005, message=f"The request could not be parsed. {call.note.get('unreadable', '')}".strip())
        body = call.body
        if not isinstance(body, dict):
            raise Refused(1001, single, f"The body must hold an object {single!r}.", single)
        if resource == "invoices":
            wrong = call.tamper.get("D9", {}).get(None)
            extra = int(wrong.get("cents", 1)) if wrong is not None else 0
            if record is None:
                return sales.create_invoice(books, body, extra)
            return sales.update_invoice(books, record, body, extra)
        if record is None:
            return _CREATE[resource](books, body)
        return _UPDATE[resource](books, record, body)

    def _ledger(self, request: Request, call: Call, books: Account | None, path: str) -> Answer:
        """The chart of accounts: no envelope, no pages, errors of a shape of its own."""
        if books is None or call.op == "unknown" or request.method != "GET":
            return ledger_error(404 if request.method == "GET" else 405, "Not found")
        held = self._sign_in.scopes(request.bearer)
        if books.rules.ledger == "closed":
            return ledger_error(403, "Your plan does not include the chart of accounts.")
        if not held & {"user:journal_entries:read", "user:reports:read"}:
            return missing_scope("user:journal_entries:read", held)
        if call.op == "list_accounts":
            return Answer(200, to_json({"data": books.ledger}))
        one = next((row for row in books.ledger if row["uuid"] == path.rpartition("/")[2]), None)
        return Answer(200, to_json({"data": one})) if one else ledger_error(404, "Not found")

    # --- faults ---

    def fault_answer(self, kind: str, params: Mapping[str, Any], call: Call) -> Answer:
        if kind in ("invalid_grant", "invalid_client"):
            return oauth_error(401, kind, "The provided authorization grant is invalid.")
        if kind in ("rate_limit", "quota"):
            return oauth_error(429, "rate_limited", "Too many requests. Please slow down.")
        books = self._accounts.get(call.company_id)
        if call.op in ("identity", "token", "refresh", "revoke"):
            return oauth_error(500 if kind == "server_error" else 403, kind, "Something went wrong.")
        if kind == "forbidden" and params.get("kind") == "scope":
            words = scope_words("user:invoices:write", frozenset({"user:profile:read"}))
            return self._dress(Refused(1003, message=words), books)
        return self._dress(_fault(kind, params), books, params.get("shape") == "newer")

    def element_fault(self, params: Mapping[str, Any]) -> Json:
        """There are no bulk calls."""
        return {}

    def close_books(self, until: str, company_id: str | None) -> None:
        raise ControlError("FreshBooks closes no periods")

    def bulk_list(self, answer: Any) -> list[Any] | None:
        return None

    # --- control ---

    def ready(self, origin: str) -> Json:
        base = f"{origin}{PREFIX}"
        first = next(iter(self._accounts.values()))
        return {
            "api": base,
            "discovery": "",
            "authorize": f"{base}/oauth/authorize",
            "token": f"{base}/auth/oauth/token",
            "revoke": f"{base}/auth/oauth/revoke",
            **self._app(),
            "company_id": first.id,
            "business_id": first.business_id,
            "business_uuid": first.business_uuid,
            **({} if self._enforce else {"calls_a_minute": CALLS_A_MINUTE}),
        }

    def _all_accounts(self) -> list[Account]:
        return list(self._accounts.values())

    def companies(self) -> list[Json]:
        return [{"id": account.id, "name": account.title} for account in self._accounts.values()]

    def _account(self, company_id: str | None) -> Account:
        return self._accounts[picked(company_id, [(one.id, one.name) for one in self._accounts.values()])]

    def books(self, company_id: str | None = None) -> Json:
        return freshbooks_hand.books(self._account(company_id))

    def grant(self, company_id: str | None) -> Json:
        """A FreshBooks grant is a person's: it opens every business; `account_id` names the one asked for."""
        account = self._account(company_id)
        return {**self._sign_in.grant(), "account_id": account.id}

    def edit(self, kind: str, record_id: str, action: str, params: Mapping[str, Any], company_id: str | None) -> Json:
        return freshbooks_hand.edit(self._account(company_id), kind, record_id, action, params)

    def settings(self, changes: Mapping[str, Any]) -> Json:
        left = dict(changes)
        rules = self._account(left.pop("company_id", None)).rules
        _check_settings(left)
        if "limits" in left:
            self._enforce = left.pop("limits") != "off"
        if "redirects" in left:
            self._sign_in.redirects = str(left.pop("redirects"))
        if "one_refresh_token" in left:
            self._sign_in.one_refresh_token = bool(left.pop("one_refresh_token"))
        self._allow_addresses(left)
        tokens = take_rules(self._sign_in.authority.rules, left)
        company = take_rules(rules, left)
        if left:
            raise ControlError(f"unknown settings: {', '.join(left)}")
        return {
            **tokens,
            **company,
            "limits": "real" if self._enforce else "off",
            "redirects": self._sign_in.redirects,
            "one_refresh_token": self._sign_in.one_refresh_token,
            "redirect_uris": list(self._sign_in.redirect_uris),
        }

    def reset(self, names: Sequence[str] | None) -> None:
        """All companies back to their seed; with `names`, these come first (and stay until the next reset)."""
        seeds = self._seeds_for(names)
        self._sign_in.reset()
        self._enforce = False
        made = [freshbooks_seed.build(seed, name, at, self._clock) for at, (name, seed) in enumerate(seeds.items())]
        self._accounts = {account.id: account for account in made}
        self._meters = {account.id: Meter(LIMITS, CONCURRENCY) for account in made}


_CHOICES = {
    "rotation": ("daily", "always", "never"),
    "limits": ("real", "off"),
    "redirects": ("loopback", "https"),
    "error_shape": ("classic", "newer"),
    "money": ("text", "number"),
    "ids": ("number", "text"),
    "numbers": ("unique", "free"),
    "number_search": ("contains", "exact"),
    "sent_twice": ("refuse", "allow"),
    "paid_drafts": ("refuse", "allow"),
    "fine_money": ("refuse", "allow"),
    "ledger": ("open", "closed"),
}


def _check_settings(changes: Mapping[str, Any]) -> None:
    """Raises `ControlError` before anything is set."""
    check_choices(changes, _CHOICES)
    check_addresses(changes)


def _result(result: Json) -> Answer:
    return Answer(200, to_json({"response": {"result": result}}))


def _word(resource: str) -> str:
    return next(word for found, _, word, _ in RESOURCES.values() if found == resource)


def _fault(kind: str, params: Mapping[str, Any]) -> Refused:
    code = str(params.get("code", ""))
    if kind == "server_error":
        return Refused(500)
    if kind == "forbidden":
        return Refused(1003)
    if kind == "not_found":
        return Refused(1012)
    if kind == "stale":
        return Refused(409)
    if kind == "lapsed":
        return Refused(1042)
    errno = int(code) if code.isdigit() else 1004
    status = params.get("status")
    field, message = str(params.get("field", "")), str(params.get("message") or params.get("detail") or "")
    if kind == "error_in_200":
        return Refused(errno, field, message or "The request failed.", status=200)
    if kind == "fault":
        return Refused(errno, field, message, status=int(status) if status else None)
    return Refused(
        int(code) if code.isdigit() else 99999, field, "Nobody has seen this before.", status=int(status or 501)
    )
