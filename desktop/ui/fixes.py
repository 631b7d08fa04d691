"""What the button of a failure says and where it leads. Nothing else decides (design 2.11)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from desktop.errors import Concern, Fix
from desktop.text import tr
from desktop.ui.routes import Route, settings


@dataclass(frozen=True, slots=True)
class FixButton:
    """One way out: it leads to a `route`, or does an `action` on the spot."""

    label: str
    route: Route | None = None
    action: str = ""
    """ "resync" (try again) or "link_invoice" (tie to the one that is there)."""


def fix_button(fix: Fix, kind: str, local_id: int, concerns: Sequence[Concern] = ()) -> FixButton | None:
    """The first button for a failure of the record `kind`/`local_id`; None where nothing needs to be pressed.

    What the failure concerns comes before the record itself: an invoice refused for its items leads to them.
    """
    customer = _about("customer", kind, local_id, concerns)
    item = _about("item", kind, local_id, concerns)
    invoice = _about("invoice", kind, local_id, concerns)
    field = next((one.field for one in concerns if one.field), "")
    items = tuple(one.local_id for one in concerns if one.kind == "item")
    table = {
        Fix.RETRY: FixButton(tr("Resync"), action="resync"),
        Fix.OPEN_MAPPING: FixButton(
            tr("Choose accounts") if len(items) > 1 else tr("Choose account"), settings("account_mapping", ids=items)
        ),
        Fix.RECONNECT: FixButton(tr("Sign in again"), settings("integrations", action="reconnect")),
        Fix.OPEN_APP_KEYS: FixButton(tr("Open app keys"), settings("app_keys")),
        Fix.LINK_CUSTOMER: FixButton(tr("Open customer"), _record("customers", "customer", customer, action="link")),
        Fix.LINK_ITEM: FixButton(tr("Open item"), _record("items", "item", item, action="link")),
        Fix.LINK_INVOICE: FixButton(tr("Link it"), action="link_invoice"),
        Fix.LINK_PAYMENT: FixButton(tr("Show payment"), _record("invoices", "invoice", invoice)),
        Fix.CHANGE_NUMBER: FixButton(tr("Change number"), _record("invoices", "invoice", invoice, "number")),
        Fix.EDIT_CUSTOMER: FixButton(tr("Edit customer"), _record("customers", "customer", customer, field or "name")),
        Fix.EDIT_ITEM: FixButton(tr("Edit item"), _record("items", "item", item, field or "name")),
        Fix.EDIT_INVOICE: FixButton(tr("Edit invoice"), _record("invoices", "invoice", invoice, field or "lines")),
        Fix.EDIT_PAYMENT: FixButton(tr("Show payment"), _record("invoices", "invoice", invoice)),
        Fix.CHOOSE_DEPOSIT_ACCOUNT: FixButton(
            tr("Choose deposit account"), settings("tax_payments", field=field or "deposit")
        ),
        Fix.OPEN_TAX: FixButton(tr("Open tax settings"), settings("tax_payments", field=field or "tax")),
        Fix.SHOW_DIFFERENCE: _show(kind, local_id, invoice),
        Fix.OPEN_SETTINGS: FixButton(tr("Open sync settings"), settings("sync_settings")),
        Fix.OTHER_BOOKS: FixButton(tr("Show the choices"), settings("integrations")),
    }
    return table.get(fix)


def _show(kind: str, local_id: int, invoice: int | None) -> FixButton:
    """To the card of the record itself, where both versions stand; a payment's is its invoice's."""
    if kind == "customer":
        return FixButton(tr("Show customer"), _record("customers", kind, local_id))
    if kind == "item":
        return FixButton(tr("Show item"), _record("items", kind, local_id))
    words = tr("Show payment") if kind == "payment" else tr("Show invoice")
    return FixButton(words, _record("invoices", "invoice", invoice))


def _about(wanted: str, kind: str, local_id: int, concerns: Sequence[Concern]) -> int | None:
    """The record of the kind `wanted` that the failure is about: a concern of it, or the record itself."""
    for concern in concerns:
        if concern.kind == wanted:
            return concern.local_id
    return local_id if kind == wanted else None


def _record(page: str, kind: str, record_id: int | None, field: str = "", *, action: str = "") -> Route:
    return Route(page, kind=kind, record_id=record_id, field=field, action=action)
