"""A password store in memory that is as small as the smallest real one."""

from __future__ import annotations

import json
import os
from pathlib import Path

import keyring.backend
import keyring.errors

WINDOWS_LIMIT_BYTES = 2560  # CRED_MAX_CREDENTIAL_BLOB_SIZE; the secret is stored as UTF-16


class MemoryKeyring(keyring.backend.KeyringBackend):
    """Keeps secrets in a dict and refuses what Windows' Credential Manager refuses.

    There a too long secret ends in an error (code 1783) that is not a KeyringError, so code that only catches
    KeyringError must fail here as well.
    """

    priority = -1  # never chosen by keyring's own search

    def __init__(self) -> None:
        super().__init__()
        self.secrets: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.secrets.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        if len(password.encode("utf-16-le")) > WINDOWS_LIMIT_BYTES:
            raise OSError(1783, "CredWrite", "The stub received bad data")
        self.secrets[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if self.secrets.pop((service, username), None) is None:
            raise keyring.errors.PasswordDeleteError(f"no such password: {service}")


class FileKeyring(MemoryKeyring):
    """The same for a program that a test starts: PYTHON_KEYRING_BACKEND names this class, FILE where it keeps them."""

    FILE = "BLUECLERK_TEST_KEYRING_FILE"

    @property
    def _path(self) -> Path:
        """Asked late: the library makes one of each back end that it knows, to find the system's own."""
        return Path(os.environ[self.FILE])

    def get_password(self, service: str, username: str) -> str | None:
        self._load()
        return super().get_password(service, username)

    def set_password(self, service: str, username: str, password: str) -> None:
        self._load()
        super().set_password(service, username, password)
        self._save()

    def delete_password(self, service: str, username: str) -> None:
        self._load()
        super().delete_password(service, username)
        self._save()

    def _load(self) -> None:
        rows = json.loads(self._path.read_text("utf-8")) if self._path.exists() else []
        self.secrets = {(service, username): password for service, username, password in rows}

    def _save(self) -> None:
        self._path.write_text(json.dumps([[*names, password] for names, password in self.secrets.items()]), "utf-8")
