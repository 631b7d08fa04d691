"""The key and the cipher: never in plain text, never silently elsewhere, each trouble told apart (I13)."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import Any

import keyring.backend
import keyring.core
import keyring.errors
import pytest

from desktop.clock import SystemEntropy
from desktop.errors import SecretStoreProblem
from desktop.models.session import Database
from desktop.models.states import ConnectionState
from desktop.sync.secrets import (
    Cipher,
    KeyMissing,
    KeyringStore,
    MemoryStore,
    OfficeCodeWrong,
    SealBroken,
    Sealed,
    StoreLocked,
    StoreMissing,
    StoreRefused,
)
from desktop.sync.vault import join_office, open_cipher, start_over
from tests.helpers.keyrings import MemoryKeyring
from tests.helpers.logfail import Canaries
from tests.helpers.sources import ROOT
from tests.signin.helpers import add_connection, columns, unlocked


class Broken(keyring.backend.KeyringBackend):
    """A store that answers everything with one error."""

    priority = -1  # type: ignore[assignment]

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def get_password(self, service: str, username: str) -> str | None:
        raise self.error

    def set_password(self, service: str, username: str, password: str) -> None:
        raise self.error

    def delete_password(self, service: str, username: str) -> None:
        raise self.error


class pywintypes_error(Exception):  # noqa: N801
    """What Windows' back end raises: no KeyringError."""


def use(monkeypatch: pytest.MonkeyPatch, backend: Any) -> None:
    monkeypatch.setattr(keyring.core, "_keyring_backend", backend)


# --- the password store ---


async def test_I13_the_store_gets_one_short_key(memory_keyring: MemoryKeyring) -> None:
    cipher = Cipher(KeyringStore(), "db-1")
    await cipher.unlock()
    assert list(memory_keyring.secrets) == [("BlueClerk", "db-1")]
    assert len(memory_keyring.secrets["BlueClerk", "db-1"]) == 44
    again = Cipher(KeyringStore(), "db-1")
    assert await again.unlock(cipher.key_id) == cipher.key_id
    assert again.open("token:1", cipher.seal("token:1", "secret")) == "secret"


async def test_calls_of_the_store_leave_the_loop_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[threading.Thread] = []

    class Watching(MemoryKeyring):
        def get_password(self, service: str, username: str) -> str | None:
            threads.append(threading.current_thread())
            return super().get_password(service, username)

    use(monkeypatch, Watching())
    await Cipher(KeyringStore(), "db-1").unlock()
    assert threads
    assert threading.main_thread() not in threads


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (keyring.errors.NoKeyringError("none"), StoreMissing),
        (keyring.errors.KeyringLocked("Prompt dismissed"), StoreLocked),
        (keyring.errors.InitError("Failed to unlock"), StoreLocked),
        (keyring.errors.PasswordSetError("no"), StoreRefused),
        (pywintypes_error(1783, "CredWrite", "The stub received bad data"), StoreRefused),
        (OSError(1783, "CredWrite"), StoreRefused),
        (RuntimeError("bus gone"), StoreRefused),
    ],
)
async def test_troubles_of_the_store_are_told_apart(
    monkeypatch: pytest.MonkeyPatch, error: Exception, kind: type[SecretStoreProblem]
) -> None:
    use(monkeypatch, Broken(error))
    with pytest.raises(SecretStoreProblem) as raised:
        await Cipher(KeyringStore(), "db-1").unlock()
    assert type(raised.value) is kind
    assert raised.value.title
    assert raised.value.advice


async def test_plain_text_stores_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    weak = type("PlaintextKeyring", (MemoryKeyring,), {"__module__": "keyrings.alt.file"})()
    use(monkeypatch, weak)
    with pytest.raises(StoreMissing):
        await Cipher(KeyringStore(), "db-1").unlock()
    assert not weak.secrets


async def test_a_chain_is_searched_for_a_good_store(monkeypatch: pytest.MonkeyPatch) -> None:
    weak = type("PlaintextKeyring", (MemoryKeyring,), {"__module__": "keyrings.alt.file"})()
    good = MemoryKeyring()
    chain = MemoryKeyring()
    chain.backends = [weak, good]  # type: ignore[attr-defined]
    use(monkeypatch, chain)
    await Cipher(KeyringStore(), "db-1").unlock()
    assert good.secrets
    assert not weak.secrets


async def test_a_store_that_forgets_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    from keyring.backends.null import Keyring as Null

    use(monkeypatch, Null())
    with pytest.raises(StoreRefused):
        await Cipher(KeyringStore(), "db-1").unlock()


async def test_windows_keeps_the_key_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    vault = type("WinVaultKeyring", (MemoryKeyring,), {"__module__": "keyring.backends.Windows"})()
    use(monkeypatch, vault)
    await Cipher(KeyringStore(), "db-1").unlock()
    assert vault.persist == "local machine"


def test_windows_limit_is_what_the_tests_imitate(memory_keyring: MemoryKeyring) -> None:
    KeyringStore().write("x", "a" * 1280)
    with pytest.raises(StoreRefused):
        KeyringStore().write("x", "a" * 1281)


def test_keyring_is_loaded_only_when_needed() -> None:
    code = "import sys, desktop.sync.secrets; sys.exit('keyring' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


async def test_a_damaged_key_is_said_to_be_one(memory_keyring: MemoryKeyring) -> None:
    memory_keyring.secrets["BlueClerk", "db-1"] = "not a key"
    with pytest.raises(StoreRefused):
        await Cipher(KeyringStore(), "db-1").unlock()
    assert memory_keyring.secrets["BlueClerk", "db-1"] == "not a key", "nothing is overwritten"


# --- seals ---


def test_I13_a_seal_opens_only_for_its_own_purpose() -> None:
    cipher = unlocked()
    sealed = cipher.seal("token:1", "secret")
    assert b"secret" not in sealed.blob
    assert cipher.open("token:1", sealed) == "secret"
    for purpose in ("token:2", "app-key:quickbooks:live", ""):
        with pytest.raises(SealBroken) as raised:
            cipher.open(purpose, sealed)
        assert "Sign in again" in raised.value.sentence


@pytest.mark.parametrize("spoil", [lambda b: b[:-1], lambda b: b"", lambda b: bytes([b[0] ^ 1]) + b[1:]])
def test_a_changed_seal_is_refused_in_words(spoil: Any) -> None:
    cipher = unlocked()
    sealed = cipher.seal("token:1", "secret")
    with pytest.raises(SealBroken):
        cipher.open("token:1", Sealed(spoil(sealed.blob), sealed.key_id))


def test_another_key_is_said_to_be_missing() -> None:
    with pytest.raises(KeyMissing):
        unlocked().open("token:1", unlocked().seal("token:1", "secret"))


def test_equal_secrets_give_different_seals() -> None:
    cipher = unlocked()
    assert len({cipher.seal("token:1", "secret").blob for _ in range(50)}) == 50


def test_nothing_is_sealed_before_the_key_is_there() -> None:
    with pytest.raises(KeyMissing):
        Cipher(MemoryStore(), "db-1").seal("token:1", "secret")


def test_only_the_keyring_lasts() -> None:
    assert KeyringStore().lasting
    assert not Cipher(MemoryStore(), "db-1").lasting


# --- several desks ---


async def test_a_second_desk_joins_by_code(db: Database) -> None:
    first = await open_cipher(db, MemoryStore(), SystemEntropy())
    sealed = first.seal("token:1", "secret")
    with pytest.raises(KeyMissing):
        await open_cipher(db, MemoryStore(), SystemEntropy())
    store = MemoryStore()
    typed = first.office_code().lower().replace("-", " ").replace("0", "o").replace("1", "l")
    joined = await join_office(db, store, SystemEntropy(), typed)
    assert joined.open("token:1", sealed) == "secret"
    assert (await open_cipher(db, store, SystemEntropy())).key_id == first.key_id


async def test_every_typing_mistake_in_a_code_is_noticed() -> None:
    cipher = unlocked()
    code = cipher.office_code()
    for place in [i for i, c in enumerate(code) if c != "-"]:
        wrong = code[:place] + ("7" if code[place] != "7" else "8") + code[place + 1 :]
        with pytest.raises(OfficeCodeWrong):
            await cipher.join(wrong)
    for wrong in ("", "hello", code[:-3], code + "A", "é" * 20):
        with pytest.raises(OfficeCodeWrong):
            await cipher.join(wrong)


async def test_a_code_of_another_office_is_refused() -> None:
    code = unlocked().office_code()
    store = MemoryStore()
    with pytest.raises(OfficeCodeWrong) as raised:
        await Cipher(store, "another-office").join(code)
    assert "another office" in raised.value.title
    assert store.read("another-office") is None


async def test_two_desks_that_start_at_once_end_with_one_key(db: Database) -> None:
    import asyncio

    stores = [MemoryStore(), MemoryStore()]
    both = await asyncio.gather(*(open_cipher(db, store, SystemEntropy()) for store in stores), return_exceptions=True)
    won = [cipher for cipher in both if isinstance(cipher, Cipher)]
    lost = [error for error in both if isinstance(error, KeyMissing)]
    assert len(won) == 1
    assert len(lost) == 1
    assert await join_office(db, MemoryStore(), SystemEntropy(), won[0].office_code())


async def test_M104_a_lost_key_ends_in_signing_in_again(db: Database) -> None:
    cipher = await open_cipher(db, MemoryStore(), SystemEntropy())
    connection_id = add_connection(db, cipher, "access", "refresh", expires_in=3600)
    new = await start_over(db, MemoryStore(), SystemEntropy())
    assert new.key_id != cipher.key_id
    row = columns(db, connection_id)
    assert (row.token_blob, row.token_state) == (None, "reconnect")
    assert (row.state, row.live) == (ConnectionState.NEEDS_SIGN_IN.value, 1)


async def test_I13_nothing_lies_in_the_database_in_clear(file_db: Database, canaries: Canaries) -> None:
    cipher = await open_cipher(file_db, MemoryStore(), SystemEntropy())
    add_connection(file_db, cipher, canaries.new("access"), canaries.new("refresh"), expires_in=3600)


@pytest.mark.keyring
async def test_the_real_password_store_keeps_the_key() -> None:
    store, name = KeyringStore(), "test-of-the-real-store"
    store.delete(name)
    try:
        cipher = Cipher(store, name)
        await cipher.unlock()
        assert await Cipher(KeyringStore(), name).unlock(cipher.key_id) == cipher.key_id
    finally:
        store.delete(name)
    assert store.read(name) is None
