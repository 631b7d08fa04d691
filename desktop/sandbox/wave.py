"""Wave on loopback: one GraphQL endpoint, sign-in, limits, faults. The rules of the books lie in `wave_*.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from graphql import FieldNode, GraphQLError, GraphQLResolveInfo
from graphql.execution import execute_sync

from desktop.sandbox import wave_hand, wave_seed
from desktop.sandbox.clock import SandboxClock
from desktop.sandbox.imitation import Imitation, check_choices, picked
from desktop.sandbox.ledger import identity_of
from desktop.sandbox.meter import Limit, Meter
from desktop.sandbox.oauth import Grant, take_rules
from desktop.sandbox.seed_shapes import CompanySeed
from desktop.sandbox.service import Answer, Call, ControlError, Json, Request, from_json, to_json
from desktop.sandbox.signing_in import oauth_error
from desktop.sandbox.wave_books import Business, stamp
from desktop.sandbox.wave_graphql import Fault, Parsed, error_json, read_document, wave_schema
from desktop.sandbox.wave_reads import resolve
from desktop.sandbox.wave_signin import EVERYTHING, PREFIX, SignIn, allowed
from desktop.sandbox.wave_writes import MUTATIONS, REFUSALS, Declined

LIMITS = (Limit("per_minute", 60, 60),)
"""Wave publishes no number; 60 in 60 s is the default of a directive in its schema [U]."""
CONCURRENCY = 10
GRAPHQL = "/graphql/public"
_CHOICES = {
    "rotation": ("daily", "always", "never"),
    "limits": ("real", "off"),
    "reach": ("one", "all"),
    "offline": ("optional", "needed", "unknown"),
    "plan": ("active", "lapsed"),
    "dead_token": ("200", "401"),
    "invalid_document": ("400", "200"),
    "missing_scope": ("403", "graphql"),
    "inline_strings": ("refuse", "accept"),
    "money": ("plain", "commas"),
}
"""Where the contract leaves something open [U], a switch shows each way; the first one is the way at the start."""


class Wave(Imitation[Meter]):
    """The service with its businesses. `seeds` gives a company's seed by name; `source` is where ids come from."""

    key = "wave"
    refusals = REFUSALS
    _sign_in: SignIn
    _loaded: dict[str, CompanySeed]
    _made: dict[str, Business]
    _switches: dict[str, str]
    _max_aliases: int

    def _make_sign_in(self, redirect_uris: Sequence[str]) -> SignIn:
        return SignIn(self._clock.timestamp, self._text, self._offered, redirect_uris)

    def support_id(self) -> str:
        return f"{self._text(8)}-{self._text(4)}-{self._text(12)}"

    # --- what a call means ---

    def classify(self, request: Request) -> Call:
        if request.path != GRAPHQL:
            return self._sign_in.classify(request)
        call = Call(op="unknown", identity=identity_of(request.bearer))
        call.company_id = self._sign_in.authority.company_of(request.bearer)
        if request.method != "POST":
            return call
        try:
            call.body = from_json(request.body)
        except ValueError as error:
            call.note["unreadable"] = str(error)
        parsed = read_document(call.body, self._switches["inline_strings"] == "accept")
        call.tamper["parsed"] = parsed
        if len(parsed.parts) == 1:
            call.op, call.body = parsed.parts[0]["op"], parsed.parts[0]["body"]
            call.elements = parsed.parts if parsed.is_mutation else []
        elif parsed.parts:
            call.op, call.elements = "batch", parsed.parts
        elif parsed.anonymous:
            call.op = "get_schema"
        return call

    # --- limits ---

    def admit(self, request: Request, call: Call) -> Answer | None:
        meter = self._meters.get(call.company_id) or next(iter(self._meters.values()))
        if request.path != GRAPHQL:
            meter.count(call.op, self._clock.timestamp())
            return None
        return self._enter(meter, call)

    # --- doing it ---

    def handle(self, request: Request, call: Call) -> Answer:
        if request.path != GRAPHQL:
            return self._sign_in.handle(request, call)
        if request.method != "POST":
            return Answer(405, b"Method Not Allowed", "text/plain", {"Allow": "POST"})
        if request.content_type != "application/json" or "unreadable" in call.note:
            return self._errors(400, [GraphQLError("POST body missing or not JSON.")], "GRAPHQL_VALIDATION_FAILED")
        parsed: Parsed = call.tamper["parsed"]
        if parsed.problems:
            return self._errors(int(self._switches["invalid_document"]), parsed.problems, "GRAPHQL_VALIDATION_FAILED")
        grant = self._sign_in.check(request.bearer)
        if isinstance(grant, str) and self._switches["dead_token"] == "401" and not parsed.anonymous:
            return self._errors(401, [Fault("Unauthorized", "UNAUTHENTICATED")], "UNAUTHENTICATED")
        most = self._max_aliases
        if most and parsed.is_mutation and len(parsed.parts) > most:
            return self._errors(400, [Fault("The query exceeds the maximum complexity.", "COMPLEXITY")], "COMPLEXITY")
        missing = self._missing(grant, parsed)
        if missing and self._switches["missing_scope"] == "403":
            return Answer(403, to_json({"error": "insufficient_scope", "scope": missing}))
        return self._run(call, parsed, _Desk(self, grant, call, missing))

    @staticmethod
    def _missing(grant: Grant | str, parsed: Parsed) -> str:
        if isinstance(grant, str):
            return ""
        return next((scope for scope in sorted(parsed.scopes) if not allowed(grant, scope)), "")

    def _run(self, call: Call, parsed: Parsed, desk: _Desk) -> Answer:
        assert parsed.document is not None and parsed.operation is not None
        name = parsed.operation.name.value if parsed.operation.name is not None else None
        result = execute_sync(
            wave_schema(),
            parsed.document,
            context_value=desk,
            variable_values=parsed.variables,
            operation_name=name,
            field_resolver=resolve,
        )
        for home in self._homes.values():
            home.mark()
        errors = result.errors or []
        if result.data is None and errors and all(error.path is None for error in errors):
            return self._errors(int(self._switches["invalid_document"]), errors, "GRAPHQL_VALIDATION_FAILED")
        broken = [repr(error.original_error) for error in errors if _is_ours(error)]
        if broken:
            call.note["broken"] = broken
        body: Json = {"data": result.data}
        if errors:
            shown = [error_json(error, self.support_id(), "INTERNAL_SERVER_ERROR") for error in errors]
            body = {"errors": shown, "data": result.data}
            call.note["code"] = shown[0]["extensions"]["code"]
        return Answer(200, to_json(body))

    def _errors(self, status: int, errors: Iterable[GraphQLError], code: str) -> Answer:
        shown = [error_json(error, self.support_id(), code) for error in errors]
        return Answer(status, to_json({"errors": shown}))

    # --- faults ---

    def fault_answer(self, kind: str, params: Mapping[str, Any], call: Call) -> Answer:
        if kind in ("invalid_grant", "invalid_client"):
            return oauth_error(400 if kind == "invalid_grant" else 401, kind)
        if call.op in ("token", "refresh", "revoke"):
            status = {"rate_limit": 429, "lapsed": 403, "forbidden": 403}.get(kind, 500)
            return oauth_error(status, {"lapsed": "subscription_required"}.get(kind, kind))
        if kind in ("rate_limit", "quota"):
            text = "Too many requests: rate limit exceeded." if kind == "rate_limit" else "Daily rate limit exceeded."
            return self._errors(429, [Fault(text, "RATE_LIMITED")], "RATE_LIMITED")
        if kind == "forbidden":
            error = "insufficient_scope" if params.get("kind") == "scope" else "forbidden"
            return Answer(403, to_json({"error": error, "scope": params.get("scope", "")}))
        if kind == "lapsed":
            return Answer(403, to_json({"error": "subscription_required"}))
        if kind == "error_in_200":
            return Answer(200, to_json({"data": {alias: _declined(params) for alias in self._aliases(call)}}))
        codes = {"server_error": "INTERNAL_SERVER_ERROR", "not_found": "NOT_FOUND", "stale": "CONFLICT"}
        code = str(params.get("code") or codes.get(kind, "SOMETHING_NEW"))
        text = str(params.get("message") or {"not_found": "could not be found."}.get(kind, "Something went wrong."))
        status = int(params.get("status", {"server_error": 500}.get(kind, 200)))
        asked = self._asked_by_id(call) if kind == "not_found" else ()
        paths = [["business", alias] for alias in asked] or [[alias] for alias in self._aliases(call)]
        errors = [
            {"message": text, "path": path, "extensions": {"id": self.support_id(), "code": code}} for path in paths
        ]
        if params.get("whole"):  # refused before anything ran: no data, no path
            return Answer(status, to_json({"errors": [{k: v for k, v in errors[0].items() if k != "path"}]}))
        data: Json = {"business": {"id": call.company_id, **dict.fromkeys(asked)}} if asked else {}
        return Answer(status, to_json({"errors": errors, "data": data or dict.fromkeys(self._aliases(call))}))

    @staticmethod
    def _asked_by_id(call: Call) -> list[str]:
        """Aliases of the single records that a query asks a business for: each is absent by itself."""
        parsed = call.tamper.get("parsed")
        if not isinstance(parsed, Parsed) or parsed.operation is None:
            return []
        tops = [one for one in parsed.operation.selection_set.selections if isinstance(one, FieldNode)]
        inner = [
            node
            for top in tops
            if top.name.value == "business" and top.selection_set
            for node in top.selection_set.selections
        ]
        fields = [node for node in inner if isinstance(node, FieldNode) and node.arguments]
        if any("id" not in {given.name.value for given in node.arguments or ()} for node in fields):
            return []  # lists are asked for as well: then it is the business that isn't found
        return [node.alias.value if node.alias is not None else node.name.value for node in fields]

    @staticmethod
    def _aliases(call: Call) -> list[str]:
        parsed = call.tamper.get("parsed")
        if not isinstance(parsed, Parsed) or parsed.operation is None:
            return ["business"]
        names = [one for one in parsed.operation.selection_set.selections if isinstance(one, FieldNode)]
        return [one.alias.value if one.alias is not None else one.name.value for one in names]

    def element_fault(self, params: Mapping[str, Any]) -> Json:
        return _declined(params)

    def close_books(self, until: str, company_id: str | None) -> None:
        raise ControlError("Wave closes no periods")

    def bulk_list(self, answer: Any) -> list[Any] | None:
        """The aliases of a mutation's answer, as a list whose changes reach the answer."""
        data = answer.get("data") if isinstance(answer, dict) else None
        results = data.values() if isinstance(data, dict) else ()
        plain = bool(results) and all(isinstance(one, dict) and "didSucceed" in one for one in results)
        return _Aliases(data) if plain and isinstance(data, dict) else None

    # --- control ---

    def ready(self, origin: str) -> Json:
        base = f"{origin}{PREFIX}"
        return {
            "api": base,
            "graphql": f"{base}{GRAPHQL}",
            "discovery": "",
            "authorize": f"{base}/oauth2/authorize/",
            "token": f"{base}/oauth2/token/",
            "revoke": f"{base}/oauth2/token-revoke/",
            **self._app(),
            "company_id": wave_seed.business_id(next(iter(self._loaded))),
        }

    def companies(self) -> list[Json]:
        return [{"id": wave_seed.business_id(name), "name": seed.name} for name, seed in self._loaded.items()]

    def _offered(self) -> list[Json]:
        return [{"id": home.id, "name": home.info["name"]} for home in self._homes.values() if home.suitable]

    @property
    def _homes(self) -> dict[str, Business]:
        """The businesses by id, made when they are first looked at: large ones take a while."""
        if not self._made:
            homes = [wave_seed.build(seed, name, self._clock) for name, seed in self._loaded.items()]
            homes.append(wave_seed.retired(self._clock))
            self._made = {home.id: home for home in homes}
        return self._made

    def homes(self) -> list[Business]:
        return list(self._homes.values())

    def _home(self, company_id: str | None) -> Business:
        return self._homes[picked(company_id, [(home.id, home.name_of_seed) for home in self._homes.values()])]

    def books(self, company_id: str | None = None) -> Json:
        return wave_hand.books(self._home(company_id))

    def grant(self, company_id: str | None) -> Json:
        return self._sign_in.grant(self._home(company_id).id)

    def edit(self, kind: str, record_id: str, action: str, params: Mapping[str, Any], company_id: str | None) -> Json:
        return wave_hand.edit(self._home(company_id), kind, record_id, action, params)

    def _enforced(self) -> bool:
        return self._switches["limits"] == "real"

    def settings(self, changes: Mapping[str, Any]) -> Json:
        left = dict(changes)
        home = self._home(left.pop("company_id", None))
        check_choices(left, _CHOICES)
        self._max_aliases = int(left.pop("max_aliases", self._max_aliases))
        self._allow_addresses(left)
        for name in [name for name in left if name in self._switches]:
            self._switches[name] = left.pop(name)
        self._sign_in.reach, self._sign_in.offline = self._switches["reach"], self._switches["offline"]
        self._sign_in.lapsed = self._switches["plan"] == "lapsed"
        home.active_plan = not self._sign_in.lapsed
        home.money_commas = self._switches["money"] == "commas"
        rules = take_rules(self._sign_in.authority.rules, left)
        if left:
            raise ControlError(f"unknown settings: {', '.join(left)}")
        more = {"max_aliases": self._max_aliases, "redirect_uris": list(self._sign_in.redirect_uris)}
        return {**rules, **self._switches, **more}

    def reset(self, names: Sequence[str] | None) -> None:
        """All businesses back to their seed; with `names`, these come first (and stay until the next reset)."""
        self._loaded = self._seeds_for(names)
        self._made = {}
        self._sign_in.reset()
        self._switches = {name: choices[0] for name, choices in _CHOICES.items() if name != "rotation"}
        self._max_aliases = 0
        self._meters = {wave_seed.business_id(name): Meter(LIMITS, CONCURRENCY) for name in self._loaded}

    @property
    def clock(self) -> SandboxClock:
        return self._clock


class _Desk:
    """One call at work: what it may reach, and what became of each of its mutations."""

    def __init__(self, service: Wave, grant: Grant | str, call: Call, missing_scope: str) -> None:
        self._service = service
        self._grant = grant
        self._call = call
        self._missing = missing_scope
        self.paging = str(call.tamper.get("paging", ""))
        self.extra_cents = 0

    def guard(self) -> None:
        if isinstance(self._grant, str):
            raise Fault("Authentication is required: the token is missing or has expired.", "UNAUTHENTICATED")
        if self._missing:
            raise Fault(f"The token lacks the scope {self._missing}.", "FORBIDDEN")

    def businesses(self) -> list[Business]:
        assert isinstance(self._grant, Grant)
        reach = self._grant.company_id
        return [home for home in self._service.homes() if home.active_plan and reach in (EVERYTHING, home.id)]

    def business(self, business_id: str) -> Business | None:
        return next((home for home in self.businesses() if home.id == business_id), None)

    def default_business(self) -> Business:
        found = self.businesses()
        if not found:
            raise Fault("No business could be found.", "NOT_FOUND")
        return found[0]

    def holder(self, table: str, record_id: str) -> Business | None:
        return next((home for home in self.businesses() if home.get(table, record_id) is not None), None)

    def person(self) -> Json:
        at = stamp(self._service.clock.now())
        names = {"firstName": "Sam", "lastName": "Owner", "defaultEmail": "owner@example.com"}
        return {"id": "VXNlcjpzYW5kYm94LW93bmVy", **names, "createdAt": at, "modifiedAt": at}

    def change(self, kind: str, record_id: str, action: str) -> None:
        self._call.change(kind, record_id, action)

    # --- mutations ---

    def mutate(self, info: GraphQLResolveInfo[Any], wanted: Json) -> Json:
        """One root field of a mutation, done for good before the next one begins."""
        call, mutation = self._call, MUTATIONS[info.field_name]
        index = next((at for at, one in enumerate(call.elements) if one["id"] == info.path.key), None)
        if call.stop_after is not None and (index or 0) >= call.stop_after:
            raise Fault("The server went away.", "INTERNAL_SERVER_ERROR")
        before = len(call.changed)
        record: Json = call.elements[index] if index is not None else {}
        try:
            answer = self._struck(index, mutation.shows, lambda: mutation.act(self, wanted))
        except Fault as fault:
            record |= {"ok": False, "status": 500, "code": (fault.extensions or {})["code"]}
            raise
        finally:
            record["changed"] = call.changed[before:]
        record |= {"ok": answer["didSucceed"], "status": 200}
        return answer

    def _struck(self, index: int | None, shows: str, act: Callable[[], Any]) -> Json:
        """The mutation with whatever faults were armed for it."""
        tamper = self._call.tamper
        fault = tamper.get("FAULT", {}).get(index)
        if fault is not None and fault.get("phase") != "after":
            return self._refusal(fault)
        if index in tamper.get("H10", {}):
            raise Fault("The record was changed meanwhile.", "CONFLICT")
        cents = tamper.get("D9", {}).get(index)
        self.extra_cents = int(cents.get("cents", 1)) if cents is not None else 0
        before = len(self._call.changed)
        for home in self._service.homes():
            home.mark()
        try:
            row = act()
        except Declined as declined:
            self._undo(before)
            return {"didSucceed": False, "inputErrors": declined.as_json(), shows: None}
        if index in tamper.get("D15", {}):
            self._undo(before)
        if fault is not None:
            return self._refusal(fault)
        return {"didSucceed": True, "inputErrors": None, shows: row}

    def _undo(self, changed: int) -> None:
        for home in self._service.homes():
            home.rollback()
        del self._call.changed[changed:]

    @staticmethod
    def _refusal(params: Mapping[str, Any]) -> Json:
        if params.get("exception") or params.get("phase") == "after":
            text = str(params.get("message", "Internal server error"))
            raise Fault(text, str(params.get("code", "INTERNAL_SERVER_ERROR")))
        return _declined(params)


class _Aliases(list[Any]):
    """The results of an answer's aliases; taking one away or turning them round happens in the answer too."""

    def __init__(self, data: dict[str, Any]) -> None:
        super().__init__(data.values())
        self._data = data

    def __delitem__(self, at: Any) -> None:
        super().__delitem__(at)
        del self._data[list(self._data)[at]]

    def insert(self, at: Any, value: Any) -> None:
        """An object can't name one alias twice: a doubled one is left as it is."""

    def reverse(self) -> None:
        super().reverse()
        turned = dict(reversed(self._data.items()))
        self._data.clear()
        self._data.update(turned)


def _declined(params: Mapping[str, Any]) -> Json:
    path = params.get("path") or ["input"]
    message = params.get("message") or params.get("detail") or "This can't be done."
    error = {"path": list(path), "message": str(message), "code": str(params.get("code", "INVALID"))}
    return {"didSucceed": False, "inputErrors": [error]}


def _is_ours(error: GraphQLError) -> bool:
    cause = error.original_error
    return cause is not None and not isinstance(cause, GraphQLError)
