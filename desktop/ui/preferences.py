"""What the window remembers of one person on this computer: sizes, columns, questions not to be asked again."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QByteArray, QSettings

LOOK_KEY = "window.look"
"""The look that the owner chose, a `Mode` of the theme."""
VERSION = 1
"""Raised when stored values change their meaning; older ones are then forgotten."""


class Preferences:
    """A small file beside the books, so that nothing is left behind when the folder goes."""

    def __init__(self, folder: Path | None = None) -> None:
        """Without a folder (before the books are open) nothing is kept."""
        self._file: QSettings | None = None
        self._held: dict[str, str] = {}
        if folder is not None:
            self._file = QSettings(str(folder / "window.ini"), QSettings.Format.IniFormat)
            if str(self._file.value("version", VERSION)) != str(VERSION):
                self._file.clear()
            self._file.setValue("version", VERSION)

    def text(self, key: str, default: str = "") -> str:
        """The text stored under `key`."""
        if self._file is None:
            return self._held.get(key, default)
        value = self._file.value(key, default)
        return value if isinstance(value, str) else default

    def flag(self, key: str) -> bool:
        """Whether `key` was switched on."""
        return self.text(key) == "yes"

    def data(self, key: str) -> QByteArray:
        """Bytes that Qt itself made (`saveGeometry`); empty if none."""
        return QByteArray.fromBase64(self.text(key).encode("ascii", "replace"))

    def keep(self, key: str, value: str | bool | QByteArray) -> None:
        """Store `value`, to be read by `text`, `flag` or `data`."""
        if isinstance(value, QByteArray):
            value = bytes(value.toBase64().data()).decode("ascii")
        elif isinstance(value, bool):
            value = "yes" if value else "no"
        if self._file is None:
            self._held[key] = value
        else:
            self._file.setValue(key, value)
