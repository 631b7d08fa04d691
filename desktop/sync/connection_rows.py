"""What connecting and disconnecting do to the tables; each function works inside the caller's write unit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from desktop.books.outbox import live_connection
from desktop.errors import NotAllowed, WrongCompany
from desktop.models.connection import Connection
from desktop.models.session import db_now, note_change
from desktop.models.states import ConnectionState, Switches
from desktop.models.work import ActivityRow
from desktop.providers.records import CompanyRef, TokenGrant
from desktop.sync.overview import forget_queue
from desktop.sync.pull_feed import keep_start
from desktop.sync.secrets import Cipher
from desktop.sync.tokens import StoredGrant, service_name, token_columns
from desktop.text import tr

WAITS_FOR_OWNER = {ConnectionState.NEEDS_SIGN_IN.value, ConnectionState.REFUSED.value}


def company_label(company: CompanyRef) -> str:
    """What to call a company: its id while its name could not be read yet."""
    return company.name or company.external_id


@dataclass(frozen=True, slots=True)
class NewConnection:
    """Everything that a finished sign-in brings."""

    provider: str
    environment: str
    company: CompanyRef
    grant: TokenGrant
    stored: StoredGrant
    redirect_uri: str
    actor: str = ""
    allow_other_company: bool = False


@dataclass(frozen=True, slots=True)
class Connected:
    """A connection that works. `known` is True when links to this company were kept from before (M137)."""

    connection_id: int
    provider: str
    company: CompanyRef
    known: bool


def check_may_connect(session: Session, provider: str, environment: str) -> None:
    """Raises NotAllowed while another connection is in use (M4); signing in again to a broken one is fine."""
    live = live_connection(session)
    if live is None:
        return
    service, company = service_name(live.provider), live.company_name or live.company_id
    if live.provider != provider or live.environment != environment:
        raise NotAllowed(
            tr("You are connected to {company} in {service}.", company=company, service=service),
            tr(
                "BlueClerk keeps one accounting system at a time. Disconnect {service} first; "
                "its links and your books are kept.",
                service=service,
            ),
        )
    if live.state not in WAITS_FOR_OWNER and live.token_state != "reconnect":
        raise NotAllowed(
            tr("{service} is already connected to {company}.", service=service, company=company),
            tr("To use another company, disconnect first; links and books are kept."),
        )


def last_company(session: Session, provider: str, environment: str) -> CompanyRef | None:
    """The company that the links belong to: of the live connection, else of the one that ended last."""
    row = session.scalars(
        select(Connection)
        .where(Connection.provider == provider, Connection.environment == environment)
        .order_by(Connection.live.desc(), Connection.disconnected_at.desc(), Connection.id.desc())
    ).first()
    return CompanyRef(row.company_id, row.company_name) if row is not None else None


def asked_to_wait(session: Session, provider: str, environment: str, now: datetime) -> datetime | None:
    """The longest wait still asked for by all connections to the service, those that have ended as well (I14)."""
    rows = session.scalars(
        select(Connection).where(
            Connection.provider == provider, Connection.environment == environment, Connection.state_until > now
        )
    )
    return max(filter(None, (row.still_to_wait(now) for row in rows)), default=None)


def store_connection(session: Session, cipher: Cipher, new: NewConnection) -> Connected:
    """The connection with its sealed tokens, all or nothing.

    The same company gets its old row, and with it links, mapping and switches, back (M137). Raises NotAllowed
    (M4), and WrongCompany for another one than before, unless that is wanted (M138, W1); then nothing changed.
    """
    check_may_connect(session, new.provider, new.environment)
    _check_company(session, new)
    row = _row_of(session, new)
    live = live_connection(session)
    if live is not None and live is not row:
        end_connection(session, live, new.actor)
        session.flush()  # the index allows one live row at any moment
    if _served_last(session) not in (None, row):
        forget_queue(session)
    now, known = db_now(session), row is not None
    again = row is not None and row.live == 1
    if row is not None and not again:
        keep_start(session, row)
    if row is None:
        row = Connection(
            provider=str(new.provider),
            environment=new.environment,
            company_id=new.company.external_id,
            switches=Switches().to_json(),
            token_version=0,
        )
    if not again:  # signing in again is no new connection: what was sent since still counts
        row.connected_at = now
    _revive(row, new)
    session.add(row)
    session.flush()
    columns = token_columns(session, cipher, row.id, new.stored, new.grant.refresh_expires_at)
    for name, value in columns.items():
        setattr(row, name, value)
    row.token_version += 1
    note(session, row, "reconnected" if known else "connected", new.actor)
    return Connected(row.id, row.provider, CompanyRef(row.company_id, row.company_name), known)


def _served_last(session: Session) -> Connection | None:
    """The connection that what is still queued was meant for."""
    newest = select(Connection).order_by(
        Connection.live.desc(), Connection.disconnected_at.desc().nulls_last(), Connection.id.desc()
    )
    return session.scalars(newest.limit(1)).one_or_none()


def end_connection(session: Session, row: Connection, actor: str, message: str = "") -> None:
    """Tokens go, everything else stays (M135): links, mapping, queue, and the row that they belong to."""
    row.live = 0
    row.disconnected_at = db_now(session)
    row.token_blob = None
    row.token_key_id = ""
    row.token_expires_at = None
    row.token_refresh_expires_at = None
    row.token_state = "none"
    row.token_version += 1
    row.state_title = row.state_advice = row.state_fix = ""  # not until when: who signs in again is asked to wait too
    note(session, row, "disconnected", actor, message)


def note(session: Session, row: Connection, action: str, actor: str, message: str = "") -> None:
    """A line in the activity list, and word to whoever shows the connection."""
    activity = ActivityRow(
        at=db_now(session),
        actor=actor,
        direction="here",
        provider=row.provider,
        company_id=row.company_id,
        kind="connection",
        local_id=row.id,
        label=(row.company_name or row.company_id)[:500],
        action=action,
        result="noted",
        message=message,
    )
    session.add(activity)
    session.flush()
    note_change(session, "connection", row.id)
    note_change(session, "activity", activity.id)


def _check_company(session: Session, new: NewConnection) -> None:
    before = last_company(session, new.provider, new.environment)
    if before is not None and before.external_id != new.company.external_id and not new.allow_other_company:
        raise WrongCompany(service_name(new.provider), company_label(before), company_label(new.company))


def _row_of(session: Session, new: NewConnection) -> Connection | None:
    return session.scalars(
        select(Connection)
        .where(
            Connection.provider == new.provider,
            Connection.environment == new.environment,
            Connection.company_id == new.company.external_id,
        )
        .order_by(Connection.live.desc(), Connection.disconnected_at.desc(), Connection.id.desc())
    ).first()


def _revive(row: Connection, new: NewConnection) -> None:
    row.live = 1
    row.company_name = new.company.name or row.company_name or ""
    row.state = ConnectionState.CONNECTED.value
    row.state_title = row.state_advice = row.state_fix = ""
    row.disconnected_at = None
    row.redirect_uri = new.redirect_uri
    row.unproven = True  # the id is the same; whether the records are is looked at before the first write (W4)
