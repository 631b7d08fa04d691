"""What was typed in an editor, laid over a record that was changed while the editor was open.

A pull that ran meanwhile, or another desk, may have changed what stands in the editor's other fields. Those are kept
as they are now; only what was typed goes over them (I6).
"""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date
from decimal import Decimal
from typing import Any, TypeVar

from desktop.books.customers import CustomerDraft
from desktop.books.drafts import InvoiceDraft
from desktop.books.items import ItemDraft
from desktop.errors import InputError
from desktop.money import ZERO, plain
from desktop.text import day_in_words, tr

Draft = TypeVar("Draft", InvoiceDraft, CustomerDraft, ItemDraft)

TOGETHER = (("discount_percent", "discount_amount"), ("kind", "kind_reason", "kind_chosen"))
"""Fields that mean something only with each other."""


class ChangedMeanwhile(InputError):
    """A field that was typed in was changed to something else meanwhile. Saving again keeps what was typed."""

    def __init__(self, field: str, now: dict[str, Any]) -> None:
        title = (
            tr("This was changed meanwhile, by a sync or at another desk: it is {value} now.", value=shown)
            if (shown := _shown(now))
            else tr("This was changed meanwhile, by a sync or at another desk.")
        )
        if field == "lines":
            title = tr(
                "The lines were changed meanwhile, by a sync or at another desk: they come to {sum} now.", sum=shown
            )
        super().__init__(field, title, tr("Save again to keep what you typed."))
        self.now = now
        """The fields of this kind as they are now."""


def merged(typed: Draft, opened: Draft, loaded: Draft, now: Draft) -> Draft:
    """`typed`, but with what differs between `loaded` and `now` wherever nothing was typed since `opened`.

    `loaded` is the record as the editor read it, `opened` what the editor made of that before anybody typed, `now`
    the record as it is. Raises ChangedMeanwhile for the first field that was changed on both sides, differently.
    """
    kept: dict[str, Any] = {}
    for names in _groups(loaded):
        then, is_now = _of(loaded, names), _of(now, names)
        if then == is_now:
            continue
        if _of(typed, names) == _of(opened, names):
            kept |= is_now
        elif _of(typed, names) != is_now:
            raise ChangedMeanwhile(names[0], is_now)
    return replace(typed, **kept)


def _groups(draft: Any) -> list[tuple[str, ...]]:
    names = [field.name for field in fields(draft)]
    groups = [group for group in TOGETHER if group[0] in names]
    single = set(names).difference(*groups)
    return [*((name,) for name in names if name in single), *groups]


def _of(draft: Any, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(draft, name) for name in names}


def _shown(now: dict[str, Any]) -> str:
    """What stands there now, for a sentence; "" for what has no words of its own (a choice, nothing at all)."""
    if "lines" in now:
        return f"{sum((line.quantity * line.unit_price for line in now['lines']), ZERO):,.2f}"
    if (percent := now.get("discount_percent")) is not None:
        return f"{plain(percent)} %"
    value = None if "kind" in now else next((one for one in now.values() if one not in (None, "")), None)
    if isinstance(value, str):
        return f"“{value}”"
    if isinstance(value, Decimal):
        return plain(value)
    return day_in_words(value) if isinstance(value, date) else ""
