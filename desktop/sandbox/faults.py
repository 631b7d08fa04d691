"""Fault rules by meaning: which call, how often, in which phase. What they then do stands in `damage.py`.

Three sorts of fault ids: those that break or bend a call (`CATALOGUE`), those that are somebody's hand edit just
before a call (`CATALOGUE` with `edit`), and those that only the world around the sandbox can make (`OUTSIDE`): whoever
makes one of these says so (`/control/hit`, or `"fault"` in a hand edit or a setting), so that it counts as struck.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from desktop.sandbox.service import Call, ControlError, Json

TOKEN_OPS = frozenset({"token", "refresh", "revoke"})
PHASES = ("before", "after", "mid")


@dataclass(frozen=True, slots=True)
class Kind:
    """What a fault id needs: its usual phase, whether it strikes single elements of a bulk call, and the ops
    that it is about when a rule names none (a prefix ending in `_`, or a whole name; `*`: all; empty: all but
    tokens)."""

    phase: str
    per_element: bool = False
    ops: tuple[str, ...] = ()
    lasts_s: float = 0.0
    """Seconds that it goes on once it has struck: every call of the service meets it meanwhile."""
    edit: tuple[str, Any] | None = None
    """The hand edit (kind, change) that happens just before the call, if a rule names no other."""
    chance: float | None = None
    """Its chance per call, if a rule says nothing about how often."""


CATALOGUE: dict[str, Kind] = {
    "N1": Kind("after"),
    "N2": Kind("before"),
    "N3": Kind("after"),
    "N5": Kind("after"),
    "N6": Kind("after"),
    "N7": Kind("before", ops=("*",), lasts_s=14_400),
    "N8": Kind("before", ops=("*",), chance=0.5),
    "N9": Kind("before"),
    "N10": Kind("before"),
    "N11": Kind("after"),
    "H1": Kind("before"),
    "H2": Kind("before"),
    "H3": Kind("before"),
    "H4": Kind("before", ops=("token", "refresh")),
    "H5": Kind("before"),
    "H6": Kind("before"),
    "H7": Kind("before", lasts_s=10_800),
    "H8": Kind("before"),
    "H9": Kind("before"),
    "H10": Kind("before", per_element=True, ops=("update_", "void_", "delete_")),
    "H11": Kind("before"),
    "H12": Kind("before"),
    "B1": Kind("after"),
    "B2": Kind("after"),
    "B3": Kind("after"),
    "B4": Kind("before"),
    "B5": Kind("after", ops=("batch",)),
    "B6": Kind("after"),
    "B7": Kind("after"),
    "A1": Kind("before"),
    "A2": Kind("before"),
    "A3": Kind("before", ops=("refresh",)),
    "A6": Kind("after", ops=("refresh",)),
    "A8": Kind("before", ops=("refresh",)),
    "A9": Kind("after", ops=("refresh",)),
    "A10": Kind("after", ops=("refresh",)),
    "A12": Kind("before"),
    "A13": Kind("before", ops=("refresh",)),
    "D1": Kind("before", ops=("create_invoice",), edit=("invoice", "create")),
    "D2": Kind("before", ops=("create_customer",), edit=("customer", "create")),
    "D3": Kind("before", ops=("update_",), edit=("", "touch")),
    "D4": Kind("before", ops=("update_invoice", "create_payment"), edit=("invoice", "void")),
    "D6": Kind("before", ops=("create_", "update_item"), edit=("account", "archive")),
    "D7": Kind("before", per_element=True, ops=("create_", "update_")),
    "D8": Kind("before", per_element=True, ops=("create_", "update_")),
    "D9": Kind("after", per_element=True, ops=("create_invoice",)),
    "D10": Kind("before", ops=("create_payment",), edit=("invoice", "pay")),
    "D11": Kind("before", ops=("create_payment",), edit=("invoice", "pay")),
    "D12": Kind("before", ops=("create_", "update_"), edit=("", "close_books")),
    "D14": Kind("before", ops=("update_",), edit=("", "touch")),
    "D15": Kind("after", per_element=True, ops=("create_", "update_", "void_", "delete_")),
    "L2": Kind("before", ops=("list_",), edit=("customer", "create")),
    "L3": Kind("after", ops=("list_",)),
    "L4": Kind("before", ops=("list_",), edit=("", "touch")),
    "L5": Kind("after", ops=("list_",)),
    "FAULT": Kind("before", per_element=True),
}

OUTSIDE: dict[str, str] = {
    "N4": "no connection at all: the network between the program and the sandbox",
    "A4": "several programs at once",
    "A5": "several programs at once, at a service set to reuse_kills_family",
    "A7": "a program that is killed while it holds the lock",
    "A11": "the password store of the program's machine",
    "D5": "an item of the program's own without its account",
    "D13": "an invoice of the program's own in another currency",
    "L1": "a sandbox with the company 'large'",
    "L6": "somebody who presses Cancel",
}
"""Faults that no rule can make, and what makes them; they are counted when they are told of."""

EDITS = frozenset(name for name, kind in CATALOGUE.items() if kind.edit is not None)
"""Somebody changes the books by hand just before the call is worked on."""

TAMPERING = EDITS | frozenset({"A1", "A2", "A3", "A9", "A10", "A12", "A13", "D9", "D15", "L3"})
"""Faults that bend the service's rules and leave the reply's way alone."""


@dataclass(slots=True)
class Rule:
    """One armed rule. Without nth, every and p it means the first matching call (H7, N7: all while it lasts)."""

    id: str
    provider: str | None = None
    op: str | None = None
    entity: str | None = None
    nth: int | None = None
    every: int | None = None
    p: float | None = None
    phase: str = "before"
    params: dict[str, Any] = field(default_factory=dict)
    times: int | None = None
    on: bool = True
    seen: int = 0
    fired: int = 0
    until: float | None = None

    @property
    def per_element(self) -> bool:
        whole = self.op == "batch" and "element" not in self.params or self.params.get("whole") is True
        return CATALOGUE[self.id].per_element and not (self.id == "FAULT" and whole)

    def as_json(self) -> Json:
        names = [
            "id",
            "provider",
            "op",
            "entity",
            "nth",
            "every",
            "p",
            "phase",
            "params",
            "times",
            "on",
            "seen",
            "fired",
        ]
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, slots=True)
class Firing:
    """A rule that strikes this call; `element` is the index in a bulk call, None for the call as a whole."""

    rule: Rule
    element: int | None = None
    phase: str = "before"


class FaultPlan:
    """The armed rules of one sandbox, one random generator for all of them, and hits since the last reset."""

    def __init__(self) -> None:
        self._rules: list[Rule] = []
        self._seed = 0
        self._random = random.Random(0)
        self._hits: Counter[str] = Counter()

    def arm(self, rules: Iterable[Mapping[str, Any]], seed: int | None) -> None:
        """Replace all rules. Raises `ControlError` naming what is wrong; then nothing has changed."""
        made = [_rule(data) for data in rules]
        self._seed = 0 if seed is None else seed
        self._random = random.Random(self._seed)
        for rule in made:
            chance = rule.params.get("on")
            rule.on = chance is None or self._random.random() < float(chance)
        self._rules = made

    def clear(self) -> None:
        """Disarm; the hits stay."""
        self._rules = []

    def reset(self) -> None:
        self.clear()
        self._hits.clear()
        self._random = random.Random(self._seed)

    def draw(self, service: str, call: Call, now: float) -> list[Firing]:
        """The rules that strike this call, in the order in which they were armed."""
        found: list[Firing] = []
        for rule in self._rules:
            if not rule.on or rule.provider not in (None, service):
                continue
            for element in self._places(rule, call):
                if self._strikes(rule, now):
                    rule.fired += 1
                    self._hits[rule.id] += 1
                    found.append(Firing(rule, element, self._phase(rule)))
        return found

    def _phase(self, rule: Rule) -> str:
        """A network that flaps (N8) breaks as often behind the work as before it."""
        return self._random.choice(("before", "after")) if rule.id == "N8" else rule.phase

    def told(self, fault: str, count: int = 1) -> None:
        """A fault was made by other means than a rule. Raises `ControlError` for an unknown id."""
        if fault not in CATALOGUE and fault not in OUTSIDE:
            raise ControlError(f"unknown fault {fault!r}; known: {', '.join(known())}")
        self._hits[fault] += count

    def missed(self, rule: Rule) -> None:
        """The rule's hand edit could not be done: it has not struck after all."""
        rule.fired -= 1
        self._hits[rule.id] -= 1

    def _places(self, rule: Rule, call: Call) -> list[int | None]:
        if not rule.per_element:
            ops = [call.op, *(element["op"] for element in call.elements)]
            return [None] if any(_is_about(rule, op) for op in ops) and _fits(rule, call.body, call) else []
        if not call.elements:
            return [None] if _is_about(rule, call.op) and _fits(rule, call.body, call) else []
        return [
            index
            for index, element in enumerate(call.elements)
            if (_is_about(rule, element["op"]) or rule.op == call.op)
            and rule.params.get("element") in (None, index)
            and _fits(rule, element["body"], call)
        ]

    def _strikes(self, rule: Rule, now: float) -> bool:
        rule.seen += 1
        if rule.until is not None:
            return now < rule.until
        if rule.times is not None and rule.fired >= rule.times:
            return False
        if rule.nth is not None:
            hit = rule.seen >= rule.nth
        elif rule.every is not None:
            hit = rule.seen % rule.every == 0
        else:
            hit = rule.p is not None and self._random.random() < rule.p
        lasts = CATALOGUE[rule.id].lasts_s
        if hit and lasts:
            rule.until = now + float(rule.params.get("for_s", lasts))
        return hit

    def as_json(self) -> Json:
        return {
            "seed": self._seed,
            "rules": [rule.as_json() for rule in self._rules],
            "hits": {name: count for name, count in sorted(self._hits.items()) if count},
            "known": known(),
            "outside": dict(OUTSIDE),
        }


def known() -> list[str]:
    """All fault ids that can be armed or told of."""
    return sorted([*CATALOGUE, *OUTSIDE])


def _is_about(rule: Rule, op: str) -> bool:
    if rule.entity and not op.endswith((f"_{rule.entity}", f"_{rule.entity}s")):
        return False
    if rule.op is not None:
        return rule.op == op
    wanted = CATALOGUE[rule.id].ops
    if "*" in wanted:
        return True
    if not wanted:
        return op not in TOKEN_OPS
    return any(op.startswith(name) if name.endswith("_") else op == name for name in wanted)


def _fits(rule: Rule, body: Any, call: Call) -> bool:
    """`params.match` maps dotted paths of the request's body to values; numbers compare as text."""
    if rule.id in ("A1", "A2", "A12") and not call.identity:
        return False
    for path, wanted in rule.params.get("match", {}).items():
        value = body
        for part in str(path).split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        if str(value) != str(wanted):
            return False
    return True


_KINDS: dict[str, Any] = {
    "provider": str,
    "op": str,
    "entity": str,
    "nth": int,
    "every": int,
    "p": int | float | Decimal,
    "params": dict,
    "times": int,
}


def _rule(data: Any) -> Rule:
    if isinstance(data, Mapping) and data.get("id") in OUTSIDE:
        raise ControlError(f"no rule can make fault {data['id']}: it takes {OUTSIDE[data['id']]}")
    if not isinstance(data, Mapping) or str(data.get("id")) not in CATALOGUE:
        raise ControlError(f"unknown fault {data!r}; known: {', '.join(sorted(CATALOGUE))}")
    unknown = set(data) - {"id", "provider", "op", "entity", "nth", "every", "p", "phase", "params", "times"}
    phase = data.get("phase") or CATALOGUE[data["id"]].phase
    if unknown or phase not in PHASES:
        raise ControlError(f"fault {data['id']}: cannot read {sorted(unknown) or phase!r}")
    wrong = [name for name, kind in _KINDS.items() if not isinstance(data.get(name), kind | None)]
    if not wrong:
        wrong = [name for name in ("nth", "every", "times") if data.get(name) is not None and data[name] < 1]
    if not wrong and not isinstance((data.get("params") or {}).get("match", {}), Mapping):
        wrong = ["params.match"]
    if wrong:
        raise ControlError(f"fault {data['id']}: {wrong[0]} has the wrong kind of value")
    rule = Rule(
        id=data["id"],
        provider=data.get("provider"),
        op=data.get("op"),
        entity=data.get("entity"),
        nth=data.get("nth"),
        every=data.get("every"),
        p=None if data.get("p") is None else float(data["p"]),
        phase=phase,
        params=dict(data.get("params") or {}),
        times=data.get("times"),
    )
    if rule.nth is None and rule.every is None and rule.p is None:
        rule.p = CATALOGUE[rule.id].chance
        rule.nth = 1 if rule.p is None else None
    if rule.nth is not None and rule.times is None:
        rule.times = 1
    return rule
