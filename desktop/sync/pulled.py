"""What a pull came to, counted; and the sentences that tell the owner (M117)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from desktop.providers.records import Kind
from desktop.text import tr

CAME_IN = "came_in"
CHANGED = "changed"
REMOVED = "removed"
LINKED = "linked"
ASKS = "asks"
"""Waits for the owner: a conflict, a record that is gone there, a payment that may be on both sides."""
POSSIBLE = "possible"
"""May be one of ours: decided on the import page."""


@dataclass
class Pulled:
    """The other direction of a sync: how many records of each kind came in, changed, were taken back, or ask."""

    counts: Counter[tuple[str, Kind]] = field(default_factory=Counter)
    problems: list[tuple[str, str]] = field(default_factory=list)
    """(name, sentence) of records that could not be taken over."""
    unreadable: int = 0
    """Rows that made no sense and were left out."""
    put_off: bool = False
    """Not read now: something that was sent is still being checked. It is read as soon as that is known."""

    def count(self, what: str, kind: Kind | None = None) -> int:
        """How many of this kind, or of all."""
        return sum(number for (name, one), number in self.counts.items() if name == what and kind in (None, one))

    def note(self, what: str, kind: Kind, number: int = 1) -> None:
        if number:
            self.counts[(what, kind)] += number

    @property
    def quiet(self) -> bool:
        """Nothing was changed here and nothing asks."""
        return not (+self.counts or self.problems or self.unreadable or self.put_off)

    def as_json(self) -> dict[str, object]:
        """For programs: counts by what and kind."""
        found: dict[str, dict[str, int]] = {}
        for (what, kind), number in sorted(self.counts.items()):
            found.setdefault(what, {})[kind.value] = number
        return {**found, "problems": [list(one) for one in self.problems], "unreadable": self.unreadable}


def to_review(pulled: Pulled | None) -> bool:
    """Whether customers came that may be ours: the owner says so on the import page (M35)."""
    return pulled is not None and pulled.count(POSSIBLE) > 0


def sentence(pulled: Pulled, service: str) -> str:
    """What came from the service, in the owner's words; "" when nothing did."""
    parts = [*_came_in(pulled), *_changed(pulled), *_removed(pulled)]
    text = ""
    if parts:
        text = tr("From {service}: {what}.", service=service, what=", ".join(parts))
    more = _rest(pulled)
    return " ".join(part for part in (text, *more) if part)


def _came_in(pulled: Pulled) -> list[str]:
    found = []
    for kind in (Kind.PAYMENT, Kind.INVOICE, Kind.CUSTOMER, Kind.ITEM):
        n = pulled.count(CAME_IN, kind)
        words = {
            Kind.CUSTOMER: tr("1 customer came in") if n == 1 else tr("{n} customers came in", n=n),
            Kind.ITEM: tr("1 item came in") if n == 1 else tr("{n} items came in", n=n),
            Kind.INVOICE: tr("1 invoice came in") if n == 1 else tr("{n} invoices came in", n=n),
            Kind.PAYMENT: tr("1 payment came in") if n == 1 else tr("{n} payments came in", n=n),
        }
        found += [words[kind]] if n else []
    return found


def _changed(pulled: Pulled) -> list[str]:
    found = []
    for kind in Kind:
        n = pulled.count(CHANGED, kind)
        words = {
            Kind.CUSTOMER: tr("1 customer changed there") if n == 1 else tr("{n} customers changed there", n=n),
            Kind.ITEM: tr("1 item changed there") if n == 1 else tr("{n} items changed there", n=n),
            Kind.INVOICE: tr("1 invoice changed there") if n == 1 else tr("{n} invoices changed there", n=n),
            Kind.PAYMENT: tr("1 payment changed there") if n == 1 else tr("{n} payments changed there", n=n),
        }
        found += [words[kind]] if n else []
    return found


def _removed(pulled: Pulled) -> list[str]:
    found = []
    n = pulled.count(REMOVED, Kind.PAYMENT)
    if n:
        found.append(tr("1 payment was taken back") if n == 1 else tr("{n} payments were taken back", n=n))
    n = pulled.count(REMOVED, Kind.INVOICE)
    if n:
        found.append(tr("1 invoice was voided") if n == 1 else tr("{n} invoices were voided", n=n))
    return found


def _rest(pulled: Pulled) -> list[str]:
    found = []
    asks, possible = pulled.count(ASKS), pulled.count(POSSIBLE)
    if asks:
        found.append(tr("1 change there needs you.") if asks == 1 else tr("{n} changes there need you.", n=asks))
    if possible:
        found.append(
            tr("1 new customer may be one of yours: see Import Customers.")
            if possible == 1
            else tr("{n} new customers may be yours: see Import Customers.", n=possible)
        )
    if pulled.problems:
        name, why = pulled.problems[0]
        found.append(tr("“{name}” could not be taken over: {why}", name=name, why=why))
    if pulled.unreadable:
        found.append(tr("{n} records there could not be read.", n=pulled.unreadable))
    if pulled.put_off:
        found.append(tr("What changed there follows as soon as the open question is settled."))
    return found
