"""What the owner can do with items: the services and products on invoice lines."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from desktop.books.desk import Desk
from desktop.books.outbox import promise_if_due
from desktop.books.typed import checked, fold
from desktop.errors import InputError, NotAllowed
from desktop.models.item import Item
from desktop.models.session import note_change
from desktop.money import fine_number
from desktop.text import tr

NAME_LIMIT = 100
"""Characters of a name: what the strictest of the services takes."""


@dataclass(frozen=True, slots=True)
class ItemDraft:
    """All that can be edited of an item."""

    name: str
    description: str = ""
    unit_price: Decimal | None = None
    """In the desk's currency; None where the price is agreed each time."""
    taxable: bool = False
    sku: str = ""
    active: bool = True


def create_item(session: Session, desk: Desk, draft: ItemDraft, *, imported: bool = False) -> int:
    """Keep a new item and return its id; one `imported` from a service is not pushed back.

    Raises InputError naming the field.
    """
    item = _new(session, desk, draft, imported=imported)
    if not imported:
        promise_if_due(session, desk, "item", item.id)
    return item.id


def update_item(session: Session, desk: Desk, item_id: int, draft: ItemDraft, *, pulled: bool = False) -> None:
    """Keep the owner's edit (M91), or one `pulled` from the service, which is not sent back.

    Nothing happens when nothing differs. Raises InputError, NotAllowed.
    """
    item = session.get(Item, item_id)
    if item is None:
        raise NotAllowed(tr("This item is no longer there."))
    if item.builtin and not draft.active:
        raise NotAllowed(tr("“{name}” is needed for lines of free text.", name=item.name))
    _fill(session, item, draft)
    if not session.is_modified(item):
        return
    item.revision += 1
    item.updated_at = desk.clock.now()
    session.flush()
    note_change(session, "item", item.id)
    if not pulled:
        promise_if_due(session, desk, "item", item.id)


def item_draft(item: Item) -> ItemDraft:
    """The item as the editor would open it."""
    return ItemDraft(**{name: getattr(item, name) for name in ItemDraft.__dataclass_fields__})


def other_work(session: Session, desk: Desk) -> int:
    """The id of the built-in item that lines of free text use (E4); made when it is first needed."""
    found = session.execute(select(Item.id).where(Item.builtin).order_by(Item.id)).scalars().first()
    if found is not None:
        return found
    name, number = tr("Other work"), 2
    while _taken(session, name, None):
        name, number = f"{tr('Other work')} {number}", number + 1
    return _new(session, desk, ItemDraft(name=name), builtin=True).id


def _new(session: Session, desk: Desk, draft: ItemDraft, *, imported: bool = False, builtin: bool = False) -> Item:
    now = desk.clock.now()
    item = Item(
        uuid=desk.entropy.uuid(), builtin=builtin, imported=imported, revision=1, created_at=now, updated_at=now
    )
    _fill(session, item, draft)
    session.add(item)
    session.flush()
    note_change(session, "item", item.id)
    return item


def _taken(session: Session, name: str, own_id: int | None) -> bool:
    query = select(Item.id).where(Item.name_key == fold(name, 200), Item.name == name, Item.active)
    return any(found != own_id for found in session.scalars(query))


def check_item(draft: ItemDraft, name_limit: int = NAME_LIMIT) -> ItemDraft:
    """`draft` unchanged. Raises InputError naming the first field that can't be kept, whatever items there are."""
    checked("name", tr("The name"), draft.name, name_limit, needed=True)
    checked("description", tr("The description"), draft.description, 4000, multiline=True)
    checked("sku", tr("The code"), draft.sku, 100)
    if draft.unit_price is not None:
        fine_number(draft.unit_price, "unit_price", negative=True)
    return draft


def _fill(session: Session, item: Item, draft: ItemDraft) -> None:
    check_item(draft, 200 if item.imported else NAME_LIMIT)
    name, description, sku = draft.name, draft.description, draft.sku
    price = None if draft.unit_price is None else fine_number(draft.unit_price, "unit_price", negative=True)
    with session.no_autoflush:
        if draft.active and not item.imported and _taken(session, name, item.id):
            raise InputError("name", tr("There is already an item called “{name}”.", name=name))
    item.name, item.name_key, item.description, item.sku = name, fold(name, 200), description, sku
    item.unit_price, item.taxable, item.active = price, draft.taxable, draft.active
