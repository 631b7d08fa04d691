"""What the owner can do about a record that stands in the way: the buttons of its card, and both versions of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QWidget

from desktop.books import queries
from desktop.errors import BlueClerkError, Concern, Fix
from desktop.providers.records import Kind
from desktop.sync.differing import Difference, Value, differences_of
from desktop.text import tr
from desktop.ui import formats, operations
from desktop.ui.context import Context
from desktop.ui.fixes import FixButton, fix_button
from desktop.ui.sync_actions import ANSWERS, SyncActions
from desktop.ui.sync_card import SyncCard

Row = tuple[str, str, str]
"""A field, its value here, its value there."""

LINES_SHOWN = 6
LINKED_BY_HAND = {Fix.LINK_CUSTOMER.value: "customer", Fix.LINK_ITEM.value: "item"}


@dataclass(frozen=True, slots=True)
class WaysOut:
    """The buttons for one trouble, in order; `act` does what the owner presses."""

    buttons: tuple[tuple[str, str], ...] = ()
    fix: FixButton | None = None
    subject: tuple[str, int] = ("", 0)
    """What would be kept or created again: the record itself, or the one it needs."""
    resynced: tuple[tuple[str, int], ...] = ()
    """What goes along afterwards."""
    url: str | None = None
    rows: tuple[Row, ...] = field(default=())
    """Both versions, as far as they are known without asking."""
    advice: str = ""
    """What to say instead of the trouble's own advice; "" for that."""
    asks: bool = False
    """The values must be read at the service first (`read_rows`)."""


def ways_out(trouble: queries.Trouble, kind: str, local_id: int, service: str, url: str | None) -> WaysOut:
    """What can be done about `trouble`, shown in the card of the record `kind`/`local_id`."""
    concerns = tuple(Concern(**one) for one in trouble.concerns)
    first = fix_button(Fix(trouble.fix), trouble.kind, trouble.local_id, concerns)
    gone, differs = bool(trouble.extra.get("gone")), trouble.fix == Fix.SHOW_DIFFERENCE.value
    subject = _gone_record(trouble, concerns) if gone else (trouble.kind, trouble.local_id)
    buttons: list[tuple[str, str]] = []
    if LINKED_BY_HAND.get(trouble.fix) == kind:
        buttons.append(("link", tr("Link to existing…")))
        first = None
    elif differs:
        first = None
        if trouble.extra.get("what") != "balance":  # a payment on one side only: no version of the invoice mends that
            buttons.append(("keep", tr("Keep ours")))
        if "ours" not in trouble.extra:
            buttons.append(("take", tr("Take theirs")))
            if len(trouble.extra.get("fields", ())) > 1:
                buttons.append(("choose", tr("Use what is marked")))
    elif trouble.extra.get("twin"):
        first = None
        buttons += [("same_money", tr("It is the same money")), ("two_payments", tr("They are two payments"))]
    elif gone and trouble.fix == Fix.LINK_INVOICE.value:
        first = None
    elif first is not None and first.action != "resync":
        buttons.append(("fix", first.label))
    if gone:
        buttons[:0] = _answers_to(trouble, subject)
        buttons.append(("create", tr("Create it again")))
    elif trouble.fix == Fix.LINK_INVOICE.value:
        buttons.append(("number", tr("Choose another number")))
    if url and (differs or (gone and subject == (kind, local_id) and kind in LINKED_BY_HAND.values())):
        buttons.append(("remote", tr("Open in {service}", service=service)))
    if not trouble.extra.get("twin"):
        buttons.append(("resync", tr("Resync")))
    return WaysOut(
        tuple(buttons),
        first,
        subject,
        ((kind, local_id),),
        url,
        _known_rows(trouble),
        _advice_when_gone(trouble) if gone else "",
        differs and "ours" not in trouble.extra,
    )


def _answers_to(trouble: queries.Trouble, subject: tuple[str, int]) -> list[tuple[str, str]]:
    """What the owner can answer to the way in which a record is gone there (N8)."""
    how = str(trouble.extra.get("how", ""))
    if subject != (trouble.kind, trouble.local_id) or not how:
        return []
    answers = {
        "merged": [("follow", tr("Follow to “{name}”", name=str(trouble.extra.get("into_name", ""))))],
        "inactive": [("active", tr("Make it active there")), ("same_here", tr("Make it inactive here too"))],
        "deleted": [("same_here", tr("Make it inactive here too"))],
    }
    if trouble.kind == "invoice":
        return [("same_here", tr("Make it void here too"))]
    if trouble.kind == "payment":
        return [("same_here", tr("Remove it here too"))]
    return answers.get(how, [])


def act(key: str, ways: WaysOut, context: Context, sync: SyncActions, marked: Sequence[str] = ()) -> bool:
    """Do what stands behind the button `key`; False where that is the page's own matter.

    `marked` names the rows of which the service's value is marked, for the choice field by field.
    """
    kind, local_id = ways.subject
    if key == "resync":
        sync.resync(ways.resynced)
    elif key == "keep":
        sync.keep_ours(kind, local_id, ways.resynced)
    elif key in ANSWERS:
        sync.answer(key, kind, local_id, ways.resynced)
    elif key == "choose":
        sync.choose(kind, local_id, marked, ways.resynced)
    elif key == "create":
        sync.create_again(kind, local_id, ways.resynced)
    elif key == "remote" and ways.url:
        QDesktopServices.openUrl(ways.url)
    elif key == "fix" and ways.fix is not None and ways.fix.route is not None:
        context.go(ways.fix.route)
    else:
        return False
    return True


def show_both_sides(
    owner: QWidget, card: SyncCard, context: Context, ways: WaysOut, trouble: queries.Trouble | None, currency: str = ""
) -> None:
    """Put both versions into the card, read at the service where that is needed."""
    choose = any(key == "choose" for key, _ in ways.buttons)
    card.show_both(ways.rows, context.service, choose=choose)
    if trouble is None or not ways.asks:
        return
    name = card.accessibleName()

    def show(rows: Sequence[Row]) -> None:
        if card.accessibleName() == name:  # the card may tell of another record by now
            card.show_both(rows, context.service, choose=choose and len(rows) > 1)

    def failed(error: Exception) -> None:
        why = error.title if isinstance(error, BlueClerkError) else tr("can't be read now")
        show([(row[0], "", why) for row in ways.rows])

    operations.run(owner, read_rows(context, trouble, currency or context.currency), success=show, failure=failed)


async def read_rows(context: Context, trouble: queries.Trouble, currency: str) -> tuple[Row, ...]:
    """Both versions as they are now. Raises ConnectionProblem, GoneRemote."""
    company = await context.core.require_company()
    found = await differences_of(company, Kind(trouble.kind), trouble.local_id, trouble.extra.get("fields", ()))
    return tuple(_row(one, currency, context.today()) for one in found)


async def record_url(context: Context, kind: str, external_id: str) -> str | None:
    """Where the record can be looked at in the browser, if the service has such a place."""
    if not external_id or context.connection is None:
        return None
    live = await context.core.company()
    return live.provider.record_url(Kind(kind), external_id) if live is not None else None


def _gone_record(trouble: queries.Trouble, concerns: Sequence[Concern]) -> tuple[str, int]:
    """An invoice is refused when its customer is gone: that one is created again, not the invoice."""
    wanted = LINKED_BY_HAND.get(trouble.fix)
    for concern in concerns:
        if concern.kind == wanted and concern.local_id is not None:
            return concern.kind, concern.local_id
    return trouble.kind, trouble.local_id


def _advice_when_gone(trouble: queries.Trouble) -> str:
    if trouble.fix != Fix.LINK_INVOICE.value:
        return ""
    if trouble.kind == "payment":
        return tr("Nothing was written. Create it again, or remove this payment here too.")
    return tr("Nothing was written. Create it again, or make this invoice void here too.")


def _known_rows(trouble: queries.Trouble) -> tuple[Row, ...]:
    extra = trouble.extra
    if "ours" in extra and "theirs" in extra:
        name = tr("Still to pay") if extra.get("what") == "balance" else tr("Total")
        return ((name, str(extra["ours"]), str(extra["theirs"])),)
    waiting = tr("reading…")
    return tuple((_capital(name), waiting, waiting) for name in extra.get("fields", ()))


def _row(one: Difference, currency: str, today: date) -> Row:
    return _capital(one.field), _shown(one.ours, currency, today), _shown(one.theirs, currency, today)


def _shown(value: Value, currency: str, today: date) -> str:
    if isinstance(value, bool):
        return tr("yes") if value else tr("no")
    if isinstance(value, date):
        return formats.short_date(value, today)
    if isinstance(value, Decimal):
        return formats.amount(value, currency)
    if isinstance(value, tuple):
        lines = [f"{formats.decimal(one.quantity)} × {formats.decimal(one.unit_price, 2)}" for one in value]
        rest = len(lines) - LINES_SHOWN
        more = [tr("and {count} more", count=formats.number(rest))] if rest > 0 else []
        return "\n".join(lines[:LINES_SHOWN] + more) or tr("none")
    return value or tr("nothing")


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]
