"""The owner starts clean with a company that was emptied and filled anew: what belonged to it before is set aside (W4).

Nothing is deleted. Everything that was kept under the company's id moves under a retired one that no service gives
out; from then on the company is one that was never connected before.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from desktop.errors import Fix, NotAllowed
from desktop.models.connection import (
    Connection,
    ExternalLink,
    LeftOut,
    PaymentTwin,
    PullCursor,
    RemoteAccount,
    RemoteMethod,
)
from desktop.models.invoice import TaxCode
from desktop.models.item import ItemAccount
from desktop.models.session import db_now, note_change
from desktop.models.states import Switches
from desktop.models.work import WriteCall
from desktop.sync import failures
from desktop.sync.connection_rows import note
from desktop.sync.overview import forget_queue
from desktop.text import tr

RETIRED = "~"
"""Stands between a company's id and the number of its retirement; no service's id contains it."""

_BY_COMPANY: tuple[type[Any], ...] = (
    ExternalLink,
    LeftOut,
    PaymentTwin,
    RemoteAccount,
    RemoteMethod,
    TaxCode,
    ItemAccount,
)


def set_aside(session: Session, connection_id: int, actor: str) -> str:
    """Retire all that is known of the live connection's company; says under which id it is kept.

    The sign-in stays; queue, switches and setup begin as after the first connecting. Raises NotAllowed unless the
    connection waits for just this decision; nothing was changed then.
    """
    live = session.get(Connection, connection_id)
    if live is None or not live.live or live.state_fix != Fix.OTHER_BOOKS.value:
        raise NotAllowed(tr("The company is as it was, so there is nothing to start anew."))
    now = db_now(session)
    old = _retired_row(session, live)
    session.add(old)
    session.flush()
    for table in _BY_COMPANY:
        mine = (table.provider == live.provider, table.company_id == live.company_id)
        _change(session, update(table).where(*mine).values(company_id=old.company_id))
    _change(session, update(ExternalLink).where(ExternalLink.connection_id == live.id).values(connection_id=old.id))
    _change(session, update(PullCursor).where(PullCursor.connection_id == live.id).values(connection_id=old.id))
    calls = update(WriteCall).where(WriteCall.connection_id == live.id)
    _change(session, calls.values(connection_id=old.id, company_id=old.company_id))
    forget_queue(session)
    live.connected_at, live.last_synced_at, live.settings_read_at = now, None, None
    live.switches, live.wizard, live.unproven = Switches().to_json(), {}, False
    failures.connection_fine(session, now, live)
    note(session, live, "connected", actor, tr("Started clean: the old links are set aside."))
    for kind in ("customer", "item", "invoice", "payment", "mapping"):
        note_change(session, kind, 0)
    return old.company_id


def _retired_row(session: Session, live: Connection) -> Connection:
    """What the links, and the calls that were written down, belong to from now on."""
    begins = live.company_id + RETIRED
    query = select(func.count(Connection.id)).where(
        Connection.provider == live.provider, Connection.company_id.startswith(begins, autoescape=True)
    )
    number = (session.scalar(query) or 0) + 1
    return Connection(
        live=0,
        provider=live.provider,
        environment=live.environment,
        company_id=f"{begins}{number}",
        company_name=live.company_name,
        state=live.state,
        connected_at=live.connected_at,
        disconnected_at=db_now(session),
        last_synced_at=live.last_synced_at,
        settings_read_at=live.settings_read_at,
        company_settings=dict(live.company_settings or {}),
        switches=dict(live.switches or {}),
        wizard=dict(live.wizard or {}),
        redirect_uri=live.redirect_uri,
        weekly_for=live.weekly_for,
        token_version=0,
    )


def _change(session: Session, statement: Any) -> None:
    session.execute(statement.execution_options(synchronize_session=False))
