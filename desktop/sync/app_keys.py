"""The owner's own app registration at a service: checked for what goes wrong when pasting, then sealed."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

from sqlalchemy import select
from sqlalchemy.orm import Session

from desktop.errors import InputError
from desktop.models.connection import AppKey
from desktop.models.desk import Setting
from desktop.models.session import Database
from desktop.providers.base import AppKeys
from desktop.providers.records import ProviderKey
from desktop.providers.registry import SERVICES
from desktop.sync.secrets import Cipher, Sealed
from desktop.text import tr

ENVIRONMENTS = ("sandbox", "live")
LONGEST_ID = 255
LONGEST_SECRET = 1000

# What a client id looks like where the service gives it a shape of its own; used only to notice a swap.
_ID_SHAPES = {
    "quickbooks": re.compile(r"AB[A-Za-z0-9]{46,56}"),
    "xero": re.compile(r"[0-9A-F]{32}"),
}


def check_app_keys(provider: str, client_id: str, client_secret: str) -> AppKeys:
    """The keys without what pasting put around them. Raises InputError naming the field.

    A service that lets desktop apps sign in without a secret (Xero's PKCE apps) takes an empty one.
    """
    service = SERVICES.get(ProviderKey(provider)) if provider in set(ProviderKey) else None
    if not client_secret.strip() and service is not None and not service.needs_secret:
        return AppKeys(_clean("client_id", client_id, LONGEST_ID), "")
    keys = AppKeys(_clean("client_id", client_id, LONGEST_ID), _clean("client_secret", client_secret, LONGEST_SECRET))
    if keys.client_id == keys.client_secret:
        raise InputError(
            "client_secret",
            tr("Client id and secret are the same."),
            tr("Copy the secret from its own field on the service's page."),
        )
    shape = _ID_SHAPES.get(provider)
    if shape and shape.fullmatch(keys.client_secret) and not shape.fullmatch(keys.client_id):
        raise InputError(
            "client_id",
            tr("Client id and secret seem to be swapped."),
            tr("Put each into the other field."),
        )
    return keys


def check_redirect_address(address: str) -> str:
    """The address of the bounce page, or "" for none. Raises InputError for what no service would register.

    Providers' contract: QuickBooks 1.7: https, no "localhost", no IP address; FreshBooks: no query either.
    """
    address = address.strip()
    if not address:
        return ""
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
        plain = parts.scheme == "https" and "." in host and parts.port in (None, 443) and not parts.username
    except ValueError:
        plain, host = False, ""
    if not plain or not address.isascii() or any(sign.isspace() for sign in address):
        raise InputError(
            "redirect_uri",
            tr("The return address must start with https:// and name a web site."),
            tr("Copy it from your browser, with BlueClerk's bounce page open."),
        )
    if _is_this_machine(host) or parts.query or parts.fragment or len(address) > LONGEST_ID:
        raise InputError(
            "redirect_uri",
            tr("The service accepts no such return address: no localhost, no number in place of a name, no “?”."),
            tr("Use the address of the bounce page, exactly as it is registered there."),
        )
    return address


def _is_this_machine(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _clean(field: str, value: str, longest: int) -> str:
    is_id = field == "client_id"
    value = value.strip().strip("\u200b\ufeff\u2060\u00a0").strip()
    if not value:
        raise InputError(field, tr("The client id is missing.") if is_id else tr("The secret is missing."))
    if any(character.isspace() for character in value):
        raise InputError(
            field,
            tr("There is a space or a line break in the client id.")
            if is_id
            else tr("There is a space or a line break in the secret."),
            tr("Copy it again, only the one value."),
        )
    if is_id and ("@" in value or "://" in value):
        raise InputError(
            field,
            tr("This is an address, not a client id."),
            tr("The client id is on the page of your app there, under Keys."),
        )
    if not value.isascii() or not value.isprintable() or set(value) <= set("*\u2022."):
        raise InputError(
            field,
            tr("This can't be right: it holds characters that such a key never has."),
            tr("Press Show on the service's page, then copy it again."),
        )
    if len(value) > longest:
        raise InputError(field, tr("This is too long."), tr("Copy it again, only the one value."))
    return value


class AppKeyBook:
    """App keys by service and environment ("sandbox" or "live"); the two never mix (W2)."""

    def __init__(self, db: Database, cipher: Cipher) -> None:
        self._db = db
        self._cipher = cipher

    async def save(self, provider: str, environment: str, client_id: str, client_secret: str) -> AppKeys:
        """Check, seal and keep; what was there is replaced. Raises InputError or SecretStoreProblem."""
        if environment not in ENVIRONMENTS:
            raise ValueError(environment)
        keys = check_app_keys(provider, client_id, client_secret)
        sealed = self._cipher.seal(_purpose(provider, environment), keys.client_secret)

        def keep(session: Session) -> None:
            row = _find(session, provider, environment) or AppKey(provider=provider, environment=environment)
            row.client_id = keys.client_id
            row.secret_blob = sealed.blob
            row.secret_key_id = sealed.key_id
            session.add(row)

        await self._db.in_write(keep)
        return keys

    async def load(self, provider: str, environment: str) -> AppKeys | None:
        """The keys, or None if the owner entered none. Raises SecretStoreProblem."""
        row = await self._db.in_read(lambda session: _find(session, provider, environment))
        if row is None:
            return None
        sealed = Sealed(row.secret_blob, row.secret_key_id)
        return AppKeys(row.client_id, self._cipher.open(_purpose(provider, environment), sealed))

    async def client_id(self, provider: str, environment: str) -> str:
        """The client id alone, to be shown; "" if there is none. Needs no key."""
        row = await self._db.in_read(lambda session: _find(session, provider, environment))
        return row.client_id if row is not None else ""

    async def save_redirect_address(self, provider: str, environment: str, address: str) -> str:
        """Keep the bounce page's address that is registered with these keys; "" for none. Raises InputError."""
        address = check_redirect_address(address)
        name = _redirect_setting(provider, environment)

        def keep(session: Session) -> None:
            session.merge(Setting(key=name, value=address))

        await self._db.in_write(keep)
        return address

    async def redirect_address(self, provider: str, environment: str) -> str:
        """For `SignInService.redirect_uri`; "" means the listener's own address on localhost."""
        name = _redirect_setting(provider, environment)
        row = await self._db.in_read(lambda session: session.get(Setting, name))
        return str(row.value) if row is not None else ""

    async def forget(self, provider: str, environment: str) -> None:
        """Delete the keys; fine if there are none."""

        def drop(session: Session) -> None:
            row = _find(session, provider, environment)
            if row is not None:
                session.delete(row)

        await self._db.in_write(drop)


def _purpose(provider: str, environment: str) -> str:
    return f"app-key:{provider}:{environment}"


def _redirect_setting(provider: str, environment: str) -> str:
    return f"redirect:{provider}:{environment}"


def _find(session: Session, provider: str, environment: str) -> AppKey | None:
    return session.scalars(
        select(AppKey).where(AppKey.provider == provider, AppKey.environment == environment)
    ).one_or_none()
