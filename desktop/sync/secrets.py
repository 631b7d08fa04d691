"""The key in the system's password store, and the cipher that everything secret in the database passes.

The store holds one 256-bit key per database and nothing else: Windows' store takes 1,280 characters, less
than one token, and the desks of an office must share one rotating token, so tokens live sealed in the
database.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from desktop.errors import Fix, SecretStoreProblem
from desktop.text import tr

SERVICE = "BlueClerk"
KEY_BYTES = 32
NONCE_BYTES = 12

T = TypeVar("T")


# --- what can be wrong, told apart ---


class StoreMissing(SecretStoreProblem):
    """This computer has no password store (no desktop session, a bare server), or only one in plain text."""

    def __init__(self, details: str = "") -> None:
        super().__init__(
            tr("This computer has no password store that BlueClerk can use."),
            tr("Set one up (on Linux: GNOME Keyring or KWallet), or connect for this session only."),
            details=details,
        )


class StoreLocked(SecretStoreProblem):
    """The password store is there, but nobody unlocked it."""

    def __init__(self, details: str = "") -> None:
        super().__init__(
            tr("The password store of this computer is locked."),
            tr("Unlock it and try again. Nothing was stored elsewhere."),
            details=details,
        )


class StoreRefused(SecretStoreProblem):
    """The password store answered with an error of its own."""

    def __init__(self, details: str = "") -> None:
        super().__init__(
            tr("The password store of this computer refused BlueClerk's key."),
            tr("Allow BlueClerk to use it and try again. Nothing was stored elsewhere."),
            details=details,
        )


class KeyMissing(SecretStoreProblem):
    """The database holds sealed secrets, and this desk does not have the key to them."""

    fix = Fix.RECONNECT

    def __init__(self, details: str = "") -> None:
        super().__init__(
            tr("This desk does not have the key to the office's stored sign-in."),
            tr("Enter the office code that another desk shows in Settings, or start over and sign in again."),
            details=details,
        )


class SealBroken(SecretStoreProblem):
    """A sealed value was changed, or belongs somewhere else."""

    fix = Fix.RECONNECT

    def __init__(self, details: str = "") -> None:
        super().__init__(
            tr("A stored secret can't be read: it was changed or does not belong here."),
            tr("Sign in again; your invoices and customers are not affected."),
            details=details,
        )


# --- stores ---


class SecretStore(Protocol):
    """Keeps small secrets by name. Its calls may block, so the cipher makes them in a worker thread.

    All raise SecretStoreProblem (StoreMissing, StoreLocked or StoreRefused), never anything else.
    """

    lasting: bool
    """False when everything is gone with the end of the program."""

    def read(self, name: str) -> str | None: ...

    def write(self, name: str, value: str) -> None: ...

    def delete(self, name: str) -> None:
        """Forget it; fine if there is none."""
        ...


class MemoryStore:
    """For the demo, and for owners who choose "for this session only": gone when the program ends."""

    lasting = False

    def __init__(self, secrets: dict[str, str] | None = None) -> None:
        self._secrets = dict(secrets or {})

    def read(self, name: str) -> str | None:
        return self._secrets.get(name)

    def write(self, name: str, value: str) -> None:
        self._secrets[name] = value

    def delete(self, name: str) -> None:
        self._secrets.pop(name, None)


class KeyringStore:
    """The system's own store: Windows Credential Manager, macOS Keychain, Secret Service or KWallet."""

    lasting = True

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def read(self, name: str) -> str | None:
        found = self._ask(lambda backend: backend.get_password(SERVICE, name))
        return str(found) if found else None

    def write(self, name: str, value: str) -> None:
        self._ask(lambda backend: backend.set_password(SERVICE, name, value))
        if self.read(name) != value:  # the "null" store accepts everything and keeps nothing
            raise StoreRefused("the store did not keep what it was given")

    def delete(self, name: str) -> None:
        if self.read(name) is not None:
            self._ask(lambda backend: backend.delete_password(SERVICE, name))

    def _ask(self, call: Callable[[Any], T]) -> T:
        import keyring.errors

        try:
            with self._lock:
                return call(_backend())
        except SecretStoreProblem:
            raise
        except keyring.errors.NoKeyringError as error:
            raise StoreMissing(_named(error)) from None
        except (keyring.errors.KeyringLocked, keyring.errors.InitError) as error:
            raise StoreLocked(_named(error)) from None
        except Exception as error:
            # back ends also raise what is no KeyringError: pywintypes.error 1783, D-Bus errors, OSError
            raise StoreRefused(_named(error)) from None


def _named(error: Exception) -> str:
    """Kind and code of a foreign error, never its text: nobody knows what a back end puts into that."""
    code = error.args[0] if error.args and isinstance(error.args[0], int) else ""
    return f"{type(error).__name__} {code}".strip()


def _backend() -> Any:
    """The store that keyring found, unless it is none or keeps secrets in plain text. Raises StoreMissing."""
    import keyring

    found: Any = keyring.get_keyring()
    candidates = list(getattr(found, "backends", ())) or [found]  # a chain names its members
    good = [backend for backend in candidates if not _is_weak(backend)]
    if not good:
        raise StoreMissing(type(found).__module__)
    backend = good[0]
    if type(backend).__module__ == "keyring.backends.Windows":
        backend.persist = "local machine"  # the default lets the key roam to other machines of the domain
    return backend


def _is_weak(backend: Any) -> bool:
    module = type(backend).__module__
    return module.startswith("keyrings.alt") or module == "keyring.backends.fail"


# --- the cipher ---


@dataclass(frozen=True, slots=True)
class Sealed:
    """Ciphertext (nonce, then AES-GCM) and the id of the key that opens it."""

    blob: bytes
    key_id: str


@dataclass(frozen=True, slots=True)
class _Key:
    raw: bytes = field(repr=False)

    @property
    def id(self) -> str:
        """Derived from the key, so that a desk which joins by code arrives at the same id."""
        return hmac.new(self.raw, b"BlueClerk key id", hashlib.sha256).hexdigest()[:16]

    def to_text(self) -> str:
        return base64.b64encode(self.raw).decode("ascii")

    @classmethod
    def from_text(cls, text: str) -> _Key:
        try:
            raw = base64.b64decode(text, validate=True)
        except ValueError:
            raw = b""
        if len(raw) != KEY_BYTES:
            raise StoreRefused("the stored key is damaged")
        return cls(raw)


class Cipher:
    """Seals and opens secrets for one database. `unlock` first; `seal` and `open` then never wait.

    `purpose` is bound into each seal ("token:<connection id>", "app-key:<provider>:<environment>"), so a blob
    copied to another row opens nowhere.
    """

    def __init__(self, store: SecretStore, database_id: str, *, random: Callable[[int], bytes] = os.urandom) -> None:
        self._store = store
        self._database_id = database_id
        self._random = random
        self._key: _Key | None = None

    @property
    def lasting(self) -> bool:
        """False when the key lives for this session only."""
        return self._store.lasting

    @property
    def key_id(self) -> str:
        """The id of the key in use; "" before `unlock`."""
        return self._key.id if self._key else ""

    async def unlock(self, known_key_id: str = "") -> str:
        """Fetch the key and return its id; makes one only where the database knows of none.

        `known_key_id` is the key that the database was sealed with ("" for a new one). Raises
        SecretStoreProblem; KeyMissing when this desk's key is absent or another one.
        """
        return await asyncio.to_thread(self.unlock_now, known_key_id)

    def unlock_now(self, known_key_id: str = "") -> str:
        """`unlock` for callers that are on a worker thread already."""
        self._key = self._fetch(known_key_id)
        return self._key.id

    def _fetch(self, known_key_id: str) -> _Key:
        stored = self._store.read(self._database_id)
        if stored is None:
            if known_key_id:
                raise KeyMissing
            return self._keep(_Key(self._random(KEY_BYTES)))
        key = _Key.from_text(stored)
        if known_key_id and key.id != known_key_id:
            raise KeyMissing(f"have {key.id}, need {known_key_id}")
        return key

    def _keep(self, key: _Key) -> _Key:
        self._store.write(self._database_id, key.to_text())
        return key

    async def replace(self) -> str:
        """Make and keep a new key; what was sealed with the old one can't be opened any more."""
        self._key = await asyncio.to_thread(lambda: self._keep(_Key(self._random(KEY_BYTES))))
        return self._key.id

    async def forget(self) -> None:
        """Take the key out of the store (another desk registered its own first)."""
        self._key = None
        await asyncio.to_thread(self._store.delete, self._database_id)

    def seal(self, purpose: str, secret: str) -> Sealed:
        """Encrypt `secret` for `purpose`. Raises KeyMissing before `unlock`."""
        key = self._unlocked()
        nonce = self._random(NONCE_BYTES)
        blob = nonce + AESGCM(key.raw).encrypt(nonce, secret.encode(), purpose.encode())
        return Sealed(blob, key.id)

    def open(self, purpose: str, sealed: Sealed) -> str:
        """The secret. Raises KeyMissing for another key's seal, SealBroken for another purpose or blob."""
        key = self._unlocked()
        if sealed.key_id != key.id:
            raise KeyMissing(f"have {key.id}, need {sealed.key_id}")
        try:
            nonce, body = sealed.blob[:NONCE_BYTES], sealed.blob[NONCE_BYTES:]
            return AESGCM(key.raw).decrypt(nonce, body, purpose.encode()).decode()
        except (InvalidTag, ValueError):  # ValueError: too short to be a seal at all
            raise SealBroken(purpose.partition(":")[0]) from None

    def _unlocked(self) -> _Key:
        if self._key is None:
            raise KeyMissing("not unlocked")
        return self._key

    # --- several desks ---

    def office_code(self) -> str:
        """The key as text for another desk, with a checksum. Whoever holds it can read the tokens."""
        return _write_code(self._unlocked().raw, self._database_id)

    async def join(self, code: str, known_key_id: str = "") -> str:
        """Keep the key that `code` carries and return its id.

        Raises OfficeCodeWrong for a mistyped code or one of another office; nothing is kept then.
        """
        key = _Key(_read_code(code, self._database_id))
        if known_key_id and key.id != known_key_id:
            raise OfficeCodeWrong(tr("This code is older than the office's key."), tr("Ask for the code again."))
        self._key = await asyncio.to_thread(self._keep, key)
        return key.id


class OfficeCodeWrong(SecretStoreProblem):
    """A "join this office" code that can't be right."""

    fix = Fix.NONE


_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # no I, L, O, U: nobody has to tell 1 from l
_READ_AS = str.maketrans({"I": "1", "L": "1", "O": "0"} | dict.fromkeys("- \n\r\t", ""))
_CODE_VERSION = b"\x01"


def _write_code(key: bytes, database_id: str) -> str:
    body = _CODE_VERSION + key + _office(database_id)
    number = int.from_bytes(body + hashlib.sha256(body).digest()[:4], "big")
    digits = ""
    while number:
        number, digit = divmod(number, 32)
        digits = _ALPHABET[digit] + digits
    return "-".join(digits[start : start + 5] for start in range(0, len(digits), 5))


def _read_code(text: str, database_id: str) -> bytes:
    digits = text.upper().translate(_READ_AS)
    length = len(_CODE_VERSION) + KEY_BYTES + len(_office(database_id)) + 4
    try:
        number = 0
        for digit in digits:
            number = number * 32 + _ALPHABET.index(digit)
        raw = number.to_bytes(length, "big")
    except (ValueError, OverflowError):
        raw = b""
    body, check = raw[:-4], raw[-4:]
    if not raw or hashlib.sha256(body).digest()[:4] != check or not body.startswith(_CODE_VERSION):
        raise OfficeCodeWrong(tr("This code is not complete or has a typing mistake."), tr("Copy it again."))
    if body[len(_CODE_VERSION) + KEY_BYTES :] != _office(database_id):
        raise OfficeCodeWrong(
            tr("This code belongs to another office."),
            tr("Use the one that a desk with this database shows."),
        )
    return body[len(_CODE_VERSION) : len(_CODE_VERSION) + KEY_BYTES]


def _office(database_id: str) -> bytes:
    return hashlib.sha256(database_id.encode()).digest()[:4]
