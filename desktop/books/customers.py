"""What the owner can do with customers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from desktop.books.desk import Desk
from desktop.books.outbox import promise_if_due
from desktop.books.typed import checked, fold
from desktop.errors import InputError, NotAllowed
from desktop.kinds import CustomerKind
from desktop.models.customer import Customer
from desktop.models.session import note_change
from desktop.text import tr

__all__ = [
    "CustomerDraft",
    "check_customer",
    "create_customer",
    "draft_of",
    "fold",
    "import_customers",
    "is_placeholder",
    "placeholder_email",
    "real_email",
    "update_customer",
]

PLACEHOLDER_HOST = "@placeholder.local"
_EMAIL = re.compile(r"[^@\s,;<>()\[\]\"]+@[^@\s,;<>()\[\]\"]+\.[^@\s,;<>()\[\]\".]+")
_LIMITS = {
    "given_name": 100,
    "family_name": 100,
    "company_name": 500,
    "phone": 64,
    "line1": 500,
    "line2": 500,
    "city": 255,
    "region": 255,
    "postal_code": 30,
    "country": 255,
}


@dataclass(frozen=True, slots=True)
class CustomerDraft:
    """All that can be edited of a customer; absent text is ""."""

    display_name: str
    kind: CustomerKind | str = CustomerKind.HOMEOWNER
    given_name: str = ""
    family_name: str = ""
    company_name: str = ""
    email: str = ""
    """"" keeps a generated placeholder that is there already."""
    phone: str = ""
    line1: str = ""
    line2: str = ""
    city: str = ""
    region: str = ""
    postal_code: str = ""
    country: str = ""
    notes: str = ""
    active: bool = True
    kind_reason: str = ""
    kind_chosen: bool = False
    """The owner chose the kind: rules never change it again."""


def placeholder_email(uuid: str) -> str:
    """A unique stand-in for the address of an imported customer who has none (M129)."""
    return f"{uuid}{PLACEHOLDER_HOST}"


def is_placeholder(email: str) -> bool:
    """Whether `email` was generated: never sent, mailed to, matched or counted (M133, I19)."""
    return email.strip().casefold().endswith(PLACEHOLDER_HOST)


def real_email(email: str) -> str:
    """`email` as it is, or "" for a placeholder (M131, M133)."""
    return "" if is_placeholder(email) else email


def create_customer(session: Session, desk: Desk, draft: CustomerDraft, *, imported: bool = False) -> int:
    """Keep a new customer and return its id.

    `imported` ones came from a service: they get a placeholder when they have no address (M129), are not
    pushed back, and are no sign-ups (M132). Raises InputError naming the field.
    """
    now = desk.clock.now()
    customer = Customer(
        uuid=desk.entropy.uuid(), email="", revision=1, imported=imported, created_at=now, updated_at=now
    )
    _fill(customer, draft)
    if imported and not customer.email:
        customer.email = placeholder_email(customer.uuid)
    session.add(customer)
    session.flush()
    note_change(session, "customer", customer.id)
    if not imported:
        promise_if_due(session, desk, "customer", customer.id)
    return customer.id


def import_customers(session: Session, desk: Desk, drafts: Sequence[CustomerDraft]) -> list[int | InputError]:
    """Keep many customers that came from a service, in one go; for each its id, or why it can't be kept.

    One that can't be kept hides no other. Like `create_customer` with `imported`, but for thousands.
    """
    now = desk.clock.now()
    kept: list[Customer | InputError] = []
    for draft in drafts:
        customer = Customer(
            uuid=desk.entropy.uuid(), email="", revision=1, imported=True, created_at=now, updated_at=now
        )
        try:
            _fill(customer, draft)
        except InputError as error:
            kept.append(error)
            continue
        customer.email = customer.email or placeholder_email(customer.uuid)
        kept.append(customer)
    session.add_all(one for one in kept if isinstance(one, Customer))
    session.flush()
    result: list[int | InputError] = []
    for one in kept:
        if isinstance(one, Customer):
            note_change(session, "customer", one.id)
            result.append(one.id)
        else:
            result.append(one)
    return result


def check_customer(draft: CustomerDraft) -> CustomerDraft:
    """`draft` unchanged. Raises InputError naming the first field that can't be kept."""
    _fill(Customer(email=""), draft)
    return draft


def update_customer(
    session: Session, desk: Desk, customer_id: int, draft: CustomerDraft, *, pulled: bool = False
) -> None:
    """Keep the owner's edit, or one `pulled` from the service, which is not sent back.

    Nothing happens when nothing differs. Raises InputError, NotAllowed.
    """
    customer = session.get(Customer, customer_id)
    if customer is None:
        raise NotAllowed(tr("This customer is no longer there."))
    _fill(customer, draft)
    if not session.is_modified(customer):
        return
    customer.revision += 1
    customer.updated_at = desk.clock.now()
    session.flush()
    note_change(session, "customer", customer.id)
    if not pulled:
        promise_if_due(session, desk, "customer", customer.id)


def draft_of(customer: Customer) -> CustomerDraft:
    """The customer as the editor would open it."""
    names = CustomerDraft.__dataclass_fields__
    return CustomerDraft(**{name: getattr(customer, name) for name in names})


def _labels() -> dict[str, str]:
    return {
        "given_name": tr("First name"),
        "family_name": tr("Last name"),
        "company_name": tr("Company"),
        "phone": tr("Phone"),
        "line1": tr("Street"),
        "line2": tr("Address line 2"),
        "city": tr("City"),
        "region": tr("State"),
        "postal_code": tr("ZIP code"),
        "country": tr("Country"),
    }


def _fill(customer: Customer, draft: CustomerDraft) -> None:
    """Check everything first, so that a refusal leaves `customer` as it was."""
    labels = _labels()
    values = {name: checked(name, labels[name], getattr(draft, name), limit) for name, limit in _LIMITS.items()}
    values["display_name"] = checked("display_name", tr("The name"), draft.display_name, 500, needed=True)
    values["notes"] = checked("notes", tr("The notes"), draft.notes, 64_000, multiline=True)
    values["kind_reason"] = checked("kind", tr("The reason"), draft.kind_reason, 500)
    email = _email(draft.email, customer.email)
    try:
        kind = CustomerKind(draft.kind)
    except ValueError as error:
        raise InputError("kind", tr("Choose what kind of customer this is.")) from error
    for name, value in values.items():
        setattr(customer, name, value)
    customer.name_key = fold(draft.display_name)
    customer.email = email
    customer.kind = kind.value
    customer.kind_chosen = draft.kind_chosen
    customer.active = draft.active


def _email(typed: str, present: str) -> str:
    if typed == present or (not typed and is_placeholder(present)):
        return present
    if is_placeholder(typed):
        raise InputError("email", tr("This address is a stand-in of this program, not a real one."))
    checked("email", tr("The e-mail address"), typed, 320)
    if typed and not _EMAIL.fullmatch(typed):
        raise InputError("email", tr("“{email}” is not an e-mail address.", email=typed[:80]))
    return typed
