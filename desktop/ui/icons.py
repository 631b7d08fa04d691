"""Icons of one family (Material Design 6), drawn in the theme's colours at the moment of painting.

The font comes with qtawesome, whose own loader reads all its ten fonts and takes a quarter of a second at
start; here its one file is loaded when the first icon is really drawn.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from PySide6.QtCore import QPoint, QRect, QSize, Qt
from PySide6.QtGui import QFont, QFontDatabase, QIcon, QIconEngine, QPainter, QPixmap

from desktop.ui.theme import theme

NAMES = {
    "invoices": "file-document-outline",
    "customers": "account-group-outline",
    "customer": "account-outline",
    "items": "package-variant-closed",
    "activity": "history",
    "settings": "cog-outline",
    "bell": "bell-outline",
    "search": "magnify",
    "close": "close",
    "expand": "chevron-right",
    "collapse": "chevron-down",
    "back": "arrow-left",
    "add": "plus",
    "edit": "pencil-outline",
    "delete": "delete-outline",
    "undo": "undo",
    "more": "dots-horizontal",
    "info": "information-outline",
    "good": "check-circle",
    "wait": "clock-outline",
    "bad": "alert-circle",
    "warning": "alert-outline",
    "help": "help-circle-outline",
    "synced": "check-circle",
    "not_synced": "circle-medium",
    "changed": "circle-edit-outline",
    "syncing": "sync",
    "checking": "progress-clock",
    "conflict": "source-branch",
    "connected": "cloud-check-outline",
    "disconnected": "cloud-off-outline",
    "paused": "pause-circle-outline",
    "sign_in": "login",
    "link": "link-variant",
    "external": "open-in-new",
    "empty": "tray",
    "no_hits": "filter-remove-outline",
    "payment": "cash",
    "print": "printer-outline",
    "pdf": "file-download-outline",
    "send": "send-outline",
    "import": "tray-arrow-down",
    "homeowner": "home-outline",
    "business": "domain",
    "builder": "hard-hat",
    "account": "bank-outline",
    "tax": "percent-outline",
    "calendar": "calendar-blank-outline",
    "copy": "content-copy",
    "wizard": "auto-fix",
    "sandbox": "flask-outline",
    "folder": "folder-open-outline",
    "note": "note-text-outline",
}
"""Our word for an icon -> its name in the family. Any other name of the family may be used as it is."""


@cache
def _charmap() -> dict[str, str]:
    spec = find_spec("qtawesome")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("The icon font (package qtawesome) is missing.")
    folder = Path(spec.submodule_search_locations[0]) / "fonts"
    listing = next(folder.glob("materialdesignicons6-webfont-charmap-*.json"))
    return dict(json.loads(listing.read_text(encoding="utf-8")))


@cache
def _family() -> str:
    spec = find_spec("qtawesome")
    assert spec is not None and spec.submodule_search_locations
    folder = Path(spec.submodule_search_locations[0]) / "fonts"
    number = QFontDatabase.addApplicationFont(str(next(folder.glob("materialdesignicons6-webfont-*.ttf"))))
    return QFontDatabase.applicationFontFamilies(number)[0]


def glyph(name: str) -> str:
    """The character of an icon. Raises KeyError for a name that neither `NAMES` nor the family has."""
    return chr(int(_charmap()[NAMES.get(name, name)], 16))


def paint_icon(painter: QPainter, rect: QRect, name: str, role: str) -> None:
    """Draw an icon centred in `rect`, as large as fits, in the colour of the token `role`."""
    font = QFont(_family())
    font.setPixelSize(max(1, min(rect.width(), rect.height())))
    painter.save()
    painter.setFont(font)
    painter.setPen(theme().color(role))
    painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, glyph(name))
    painter.restore()


class _TintedEngine(QIconEngine):
    """Looks up its colour each time it paints, so that a change of theme needs no new icons."""

    def __init__(self, name: str, role: str) -> None:
        super().__init__()
        self._name = name
        self._role = role

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        paint_icon(painter, rect, self._name, "text3" if mode == QIcon.Mode.Disabled else self._role)

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        picture = QPixmap(size)
        picture.fill(Qt.GlobalColor.transparent)
        painter = QPainter(picture)
        self.paint(painter, QRect(QPoint(0, 0), size), mode, state)
        painter.end()
        return picture

    def clone(self) -> QIconEngine:
        return _TintedEngine(self._name, self._role)


@cache
def icon(name: str, role: str = "text2") -> QIcon:
    """The icon `name` in the colour of the theme's token `role`; it changes its tint with the theme."""
    return QIcon(_TintedEngine(name, role))
