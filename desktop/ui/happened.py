"""A line of the activity list in the owner's words: which way it went, and no success that was not one (N1)."""

from __future__ import annotations

from desktop.books.activity import Activity
from desktop.sync.settling import field_words
from desktop.text import tr
from desktop.ui.status import Status


def what_happened(row: Activity, service: str) -> str:
    """What was done, came in, or was tried: "Invoice added in QuickBooks", "Payment came from QuickBooks"."""
    kinds = {
        "customer": tr("Customer"),
        "item": tr("Item"),
        "invoice": tr("Invoice"),
        "payment": tr("Payment"),
        "connection": tr("Connection"),
    }
    values = {"what": kinds.get(row.kind, tr("Record")), "service": service or tr("the service")}
    anywhere = {
        "link": tr("{what} linked", **values),
        "import": tr("{what} imported", **values),
        "connected": tr("Connected to {service}", **values),
        "reconnected": tr("Connected to {service} again", **values),
        "disconnected": tr("Disconnected from {service}", **values),
    }
    came = {
        "create": tr("{what} came from {service}", **values),
        "update": tr("{what} was changed in {service}", **values),
        "void": tr("{what} was taken back in {service}", **values),
    }
    done = {
        "create": tr("{what} added in {service}", **values),
        "update": tr("{what} updated in {service}", **values),
        "void": tr("{what} voided in {service}", **values),
        "delete": tr("{what} removed in {service}", **values),
    }
    tried = {
        "create": tr("{what} to add in {service}", **values),
        "update": tr("{what} to update in {service}", **values),
        "void": tr("{what} to void in {service}", **values),
        "delete": tr("{what} to remove in {service}", **values),
    }
    verbs = came if row.direction == "in" else done if row.result == "done" else tried
    return {**anywhere, **verbs}.get(row.action, values["what"])


def note_of(row: Activity) -> str:
    """What is to be said beside it: why it was not done, or what was changed."""
    return row.message or ", ".join(dict.fromkeys(field_words(row.fields)))


def result_status(result: str) -> Status:
    """A result as icon and word."""
    return {
        "done": Status(tr("Done"), "good", "good"),
        "refused": Status(tr("Not accepted"), "bad", "bad"),
        "in_doubt": Status(tr("Checking"), "info", "checking"),
        "waiting": Status(tr("Waiting"), "wait", "wait"),
    }.get(result, Status(tr("Noted"), "", "info"))
