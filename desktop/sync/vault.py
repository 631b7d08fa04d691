"""Brings one database and this desk's key together: who makes the key, who joins, and how to start over."""

from __future__ import annotations

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from desktop.clock import Entropy
from desktop.models.connection import AppKey, Connection
from desktop.models.desk import Setting
from desktop.models.session import Database, note_change
from desktop.models.states import ConnectionState
from desktop.sync.secrets import Cipher, KeyMissing, SecretStore

DATABASE_ID = "database_id"
KEY_ID = "secret_key_id"


async def open_cipher(db: Database, store: SecretStore, entropy: Entropy) -> Cipher:
    """The unlocked cipher of this database. Makes its key if the database never had one.

    Raises KeyMissing when another desk made it and this one has not joined (`join_office`) or lost it
    (`start_over`); another SecretStoreProblem when the store can't be used.
    """
    cipher, known = await _cipher_for(db, store, entropy)
    await _unlock(db, cipher, known)
    return cipher


async def join_office(db: Database, store: SecretStore, entropy: Entropy, code: str) -> Cipher:
    """The cipher of this database, with the key from another desk's code. Raises OfficeCodeWrong."""
    cipher, known = await _cipher_for(db, store, entropy)
    mine = await cipher.join(code, known)
    await db.in_write(lambda session: _register(session, mine))
    return cipher


async def start_over(db: Database, store: SecretStore, entropy: Entropy) -> Cipher:
    """A new key for a database whose key is lost: app keys and tokens go, the connection asks to sign in.

    Links, mapping, books and queue stay. Every other desk has to join again.
    """
    cipher, _ = await _cipher_for(db, store, entropy)
    key_id = await cipher.replace()

    def settle(session: Session) -> None:
        session.execute(delete(AppKey))
        _drop_tokens(session)
        session.merge(Setting(key=KEY_ID, value=key_id))

    await db.in_write(settle)
    return cipher


async def _cipher_for(db: Database, store: SecretStore, entropy: Entropy) -> tuple[Cipher, str]:
    fresh = entropy.uuid()

    def identify(session: Session) -> tuple[str, str]:
        row = session.get(Setting, DATABASE_ID)
        if row is None:
            row = Setting(key=DATABASE_ID, value=fresh)
            session.add(row)
        known = session.get(Setting, KEY_ID)
        return str(row.value), str(known.value) if known else ""

    database_id, known = await db.in_write(identify)
    return Cipher(store, database_id), known


async def _unlock(db: Database, cipher: Cipher, known: str) -> None:
    mine = await cipher.unlock(known)
    if known:
        return
    registered = await db.in_write(lambda session: _register(session, mine))
    if registered != mine:  # another desk registered its key between our look and our write
        await cipher.forget()
        raise KeyMissing(f"have {mine}, need {registered}")


def _register(session: Session, key_id: str) -> str:
    row = session.get(Setting, KEY_ID)
    if row is None:
        session.add(Setting(key=KEY_ID, value=key_id))
        return key_id
    return str(row.value)


def _drop_tokens(session: Session) -> None:
    live = session.scalars(select(Connection.id).where(Connection.live == 1)).all()
    session.execute(
        update(Connection)
        .where(Connection.token_blob.is_not(None))
        .values(
            token_blob=None,
            token_key_id="",
            token_version=Connection.token_version + 1,
            token_state="reconnect",
        )
    )
    session.execute(update(Connection).where(Connection.live == 1).values(state=ConnectionState.NEEDS_SIGN_IN.value))
    for connection_id in live:
        note_change(session, "connection", connection_id)
