"""One live connection at any moment, on both databases, whatever order things come in (M4, M135-M138, W1, W2)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select, update

from desktop.errors import NotAllowed, WrongCompany
from desktop.models.connection import Connection
from desktop.models.session import Change, Database
from desktop.models.work import ActivityRow
from desktop.providers.records import CompanyRef, TokenGrant
from desktop.sync.connection_rows import Connected, NewConnection, end_connection, last_company, store_connection
from desktop.sync.tokens import StoredGrant, open_grant
from tests.signin.helpers import START, unlocked

CIPHER = unlocked()
ACME, BOLT = CompanyRef("1", "Acme"), CompanyRef("2", "Bolt")
NEW = NewConnection(
    provider="quickbooks",
    environment="sandbox",
    company=ACME,
    grant=TokenGrant("access", "refresh", START),
    stored=StoredGrant("access", "refresh", "", 3600),
    redirect_uri="http://localhost:53682/callback",
    actor="maria",
)


def store(db: Database, new: NewConnection) -> Connected:
    with db.write() as session:
        return store_connection(session, CIPHER, new)


def end(db: Database) -> None:
    with db.write() as session:
        end_connection(session, session.scalars(select(Connection).where(Connection.live == 1)).one(), "maria")


def lives(db: Database) -> list[tuple[str, str, int]]:
    with db.read() as session:
        rows = session.scalars(select(Connection).order_by(Connection.id))
        return [(row.environment, row.company_id, row.live) for row in rows]


def test_a_new_one_is_told_to_listeners_with_its_activity(db: Database) -> None:
    heard: list[frozenset[Change]] = []
    db.subscribe(heard.append)
    done = store(db, NEW)
    assert {change.kind for change in heard[0]} == {"connection", "activity"}
    with db.read() as session:
        row = session.get(Connection, done.connection_id)
        assert row is not None
        assert open_grant(CIPHER, row, row.id) == NEW.stored
        (activity,) = session.scalars(select(ActivityRow))
        assert (activity.kind, activity.local_id, activity.label) == ("connection", row.id, "Acme")


def test_M4_nothing_changes_when_it_is_refused(db: Database) -> None:
    store(db, NEW)
    for other in (
        NEW,
        replace(NEW, company=BOLT, allow_other_company=True),
        replace(NEW, provider="xero"),
        replace(NEW, environment="live"),
    ):
        with pytest.raises(NotAllowed):
            store(db, other)
    assert lives(db) == [("sandbox", "1", 1)]


def test_M137_M138_each_company_keeps_its_own_row(db: Database) -> None:
    acme = store(db, NEW).connection_id
    end(db)
    with pytest.raises(WrongCompany):
        store(db, replace(NEW, company=BOLT))
    bolt = store(db, replace(NEW, company=BOLT, allow_other_company=True)).connection_id
    end(db)
    with db.read() as session:
        assert last_company(session, "quickbooks", "sandbox") == BOLT
        assert last_company(session, "quickbooks", "live") is None
    assert store(db, replace(NEW, allow_other_company=True)) == Connected(acme, "quickbooks", ACME, True)
    assert acme != bolt
    assert lives(db) == [("sandbox", "1", 1), ("sandbox", "2", 0)]


def test_W1_starting_clean_from_a_broken_connection_ends_it(db: Database) -> None:
    store(db, NEW)
    with db.write() as session:
        session.execute(update(Connection).values(state="needs_sign_in", token_state="reconnect"))
    store(db, replace(NEW, company=BOLT, allow_other_company=True))
    assert lives(db) == [("sandbox", "1", 0), ("sandbox", "2", 1)]
    with db.read() as session:
        assert session.scalars(select(ActivityRow.action).order_by(ActivityRow.id)).all() == [
            "connected",
            "disconnected",
            "connected",
        ]


def test_W2_the_same_company_number_there_and_here_are_two(db: Database) -> None:
    store(db, NEW)
    end(db)
    store(db, replace(NEW, environment="live"))
    assert lives(db) == [("sandbox", "1", 0), ("live", "1", 1)]


def test_versions_only_grow_so_that_a_late_refresh_finds_no_row(db: Database) -> None:
    done = store(db, NEW)
    end(db)
    store(db, NEW)
    with db.read() as session:
        row = session.get(Connection, done.connection_id)
        assert row is not None
        assert (row.token_version, row.token_state) == (3, "ok")


def test_a_name_that_could_not_be_read_does_not_blank_the_old_one(db: Database) -> None:
    store(db, NEW)
    end(db)
    assert store(db, replace(NEW, company=CompanyRef("1"))).company == ACME
