"""The wizard without its windows: which step comes next, what is done, and what the last page tells.

What a step came to is kept with the connection (`overview.note_step`), so that a wizard closed half-way goes
on where it was, on whichever desk.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from desktop.models.states import Switches
from desktop.sync.importing import Imported
from desktop.sync.overview import STEPS
from desktop.text import tr

SKIPPED: Mapping[str, Any] = {"skipped": True}
"""What is kept of a step that was left without a change (M13)."""


class Only(StrEnum):
    """A wizard cut down to one import (Import Customers, Import Items: M16, M33, M44)."""

    CUSTOMERS = "customers"
    ITEMS = "items"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class Flow:
    """The steps of one run of the wizard, in order."""

    steps: tuple[str, ...] = STEPS
    only: Only | None = None

    @classmethod
    def importing(cls, only: Only) -> Flow:
        """Just one import and its summary."""
        return cls((only.value, "done"), only)

    def next_after(self, step: str) -> str | None:
        """The step that follows, or None after the last one."""
        place = self.steps.index(step) + 1
        return self.steps[place] if place < len(self.steps) else None

    def first_open(self, progress: Mapping[str, Any]) -> str:
        """Where to begin: after the last step that was finished or skipped; a finished wizard begins anew (M15)."""
        if self.only is not None or is_finished(progress):
            return self.steps[0]
        return next((step for step in self.steps if step not in progress), self.steps[0])

    def place(self, step: str) -> tuple[int, int]:
        """(number of the step, number of all)."""
        return self.steps.index(step) + 1, len(self.steps)


def is_finished(progress: Mapping[str, Any]) -> bool:
    """Whether the wizard came to its end the last time."""
    return "done" in progress


def import_result(imported: Imported) -> dict[str, Any]:
    """What is kept of an import."""
    return {
        "created": imported.created,
        "linked": imported.linked,
        "skipped_rows": imported.skipped,
        "problems": [[name, sentence] for name, sentence in imported.problems[:50]],
        "problem_count": len(imported.problems),
    }


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the summary; `kind` as in `ui.status` (good, wait, "")."""

    text: str
    kind: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the summary is made of, read when it is shown."""

    progress: Mapping[str, Any]
    service: str
    switches: Switches
    mapped: int = 0
    unmapped: int = 0
    maps_accounts: bool = True
    account_word: str = ""
    """The service's word for an account in the mapping, in the singular."""
    problems: tuple[tuple[str, str], ...] = field(default=())
    sync_items: bool = True
    """Whether the service has a switch for items."""


def summary(facts: Facts, steps: tuple[str, ...] = STEPS) -> list[Line]:
    """What the wizard came to, as it is now and not as it was hoped (M17)."""
    lines = []
    if "customers" in steps:
        lines.append(_imported_customers(facts.progress.get("customers")))
    if "items" in steps:
        lines.append(_imported_items(facts.progress.get("items"), facts))
    if "accounts" in steps:
        lines.append(_accounts(facts))
    if "settings" in steps:
        lines.append(_auto(facts))
        lines.append(
            Line(
                tr("See who stayed behind"),
                "",
                tr(
                    "Open “Unsynced customers” at the top of {service}'s page whenever you like: it lists who is in "
                    "{service} but not here.",
                    service=facts.service,
                ),
            )
        )
    return lines


def problems(progress: Mapping[str, Any], steps: tuple[str, ...] = STEPS) -> list[tuple[str, str]]:
    """(name, sentence) of what an import of this run could not keep."""
    found: list[tuple[str, str]] = []
    for step in ("customers", "items"):
        if step in steps:
            result = progress.get(step) or {}
            found += [(str(name), str(sentence)) for name, sentence in result.get("problems", ())]
    return found


def _imported_customers(result: Mapping[str, Any] | None) -> Line:
    if not result or result.get("skipped"):
        return Line(
            tr("Customers: skipped"), "wait", tr("Import them at any time under Settings > Integrations > Import Data.")
        )
    created, linked = int(result.get("created", 0)), int(result.get("linked", 0))
    text = tr("1 customer added") if created == 1 else tr("{count} customers added", count=f"{created:,}")
    return Line(text, "good", _linked(linked))


def _imported_items(result: Mapping[str, Any] | None, facts: Facts) -> Line:
    if not result or result.get("skipped"):
        return Line(
            tr("Items: skipped"),
            "wait",
            tr(
                "Invoices still work. Items you import later bring their {what} from {service}.",
                service=facts.service,
                what=tr("account and tax") if facts.maps_accounts else tr("price"),
            ),
        )
    created, linked = int(result.get("created", 0)), int(result.get("linked", 0))
    text = tr("1 item imported") if created == 1 else tr("{count} items imported", count=f"{created:,}")
    return Line(text, "good", _linked(linked))


def _linked(count: int) -> str:
    if not count:
        return ""
    if count == 1:
        return tr("1 that you had already is linked.")
    return tr("{count} that you had already are linked.", count=f"{count:,}")


def _accounts(facts: Facts) -> Line:
    if not facts.maps_accounts:
        return Line(tr("Accounts: nothing to map"), "good", tr("{service} needs none.", service=facts.service))
    text = (
        tr("1 item has its {word}", word=facts.account_word)
        if facts.mapped == 1
        else tr("{count} items have their {word}", count=f"{facts.mapped:,}", word=facts.account_word)
    )
    if not facts.unmapped:
        return Line(text, "good")
    if not facts.mapped:
        text = tr("No item has its {word} yet", word=facts.account_word)
        return Line(text, "wait", tr("An invoice waits until its items have one."))
    hint = (
        tr("1 has none yet; an invoice with it waits until it has.")
        if facts.unmapped == 1
        else tr("{count} have none yet; an invoice with one of them waits until it has.", count=f"{facts.unmapped:,}")
    )
    return Line(text, "wait", hint)


def _auto(facts: Facts) -> Line:
    on = facts.switches
    if not on.auto:
        return Line(
            tr("Auto-Sync is off"),
            "wait",
            tr("Nothing is sent by itself. Press Sync Now, or switch it on under Sync Settings."),
        )
    what = [
        word
        for switch, word in (
            (on.invoices, tr("invoices")),
            (on.payments, tr("payments")),
            (on.customers, tr("customers")),
            (on.items and facts.sync_items, tr("items")),
        )
        if switch
    ]
    if not what:
        return Line(tr("Auto-Sync is on, but nothing is chosen to sync"), "wait", tr("Choose it under Sync Settings."))
    return Line(
        tr("Auto-Sync is on"),
        "good",
        tr("From now on these go to {service} at once: {what}.", service=facts.service, what=", ".join(what)),
    )
