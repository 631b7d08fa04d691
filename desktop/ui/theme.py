"""Every colour, size and duration of the window, in one place, following the system while the program runs.

Widgets never name a colour: they ask `theme().color("bad")` when they paint, or carry a `role` property
that the stylesheet (`stylesheet.py`) knows. So a switch from light to dark needs no widget to take part.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QFontInfo, QFontMetrics, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication, QStyle, QStyleFactory, QWidget


@dataclass(frozen=True, slots=True)
class Tokens:
    """Named colours. `text*` are readable on every surface; each status has a tint to stand on."""

    window: str
    panel: str
    hover: str
    selected: str  # chosen rows: quiet, so that status colours stay readable on it
    pressed: str
    hairline: str
    control: str  # border of fields and check boxes: 3:1 against the panel (WCAG 1.4.11)
    text: str
    text2: str
    text3: str
    accent: str
    accent_hover: str
    on_accent: str
    good: str
    good_bg: str
    wait: str
    wait_bg: str
    bad: str
    bad_bg: str
    bad_hover: str
    on_bad: str
    info: str
    info_bg: str
    scroll: str
    tip: str
    on_tip: str
    tip_action: str


LIGHT = Tokens(
    window="#F6F7F9",
    panel="#FFFFFF",
    hover="#F0F3F8",
    selected="#E4EDFC",
    pressed="#E3E8F0",
    hairline="#E1E5EB",
    control="#868F9C",
    text="#1A1F27",
    text2="#4F5A69",
    text3="#5C6777",
    accent="#1F5FD6",
    accent_hover="#184FB5",
    on_accent="#FFFFFF",
    good="#13683F",
    good_bg="#E5F4EC",
    wait="#7D5200",
    wait_bg="#FFF4DA",
    bad="#B3261E",
    bad_bg="#FDE9E7",
    bad_hover="#931D17",
    on_bad="#FFFFFF",
    info="#31527E",
    info_bg="#E8F0FB",
    scroll="#C3CAD4",
    tip="#232A35",
    on_tip="#F4F6F9",
    tip_action="#9DBEFF",
)

DARK = Tokens(
    window="#15181D",
    panel="#1D2128",
    hover="#262B34",
    selected="#25344D",
    pressed="#303743",
    hairline="#2F3540",
    control="#717B8B",
    text="#E9ECF1",
    text2="#B4BCC9",
    text3="#9CA6B5",
    accent="#7AA7FF",
    accent_hover="#9ABCFF",
    on_accent="#0D1524",
    good="#6FD3A1",
    good_bg="#17322A",
    wait="#F0C36A",
    wait_bg="#3A2F17",
    bad="#FF9B92",
    bad_bg="#3D1F1D",
    bad_hover="#FFB4AD",
    on_bad="#2B0B08",
    info="#9CC1F5",
    info_bg="#1C2C44",
    scroll="#454D5A",
    tip="#343C49",
    on_tip="#F1F3F7",
    tip_action="#A9C6FF",
)

SURFACES = ("window", "panel", "hover", "selected")
TEXTS = ("text", "text2", "text3", "accent", "good", "wait", "bad", "info")
STATUSES = ("good", "wait", "bad", "info")


class Mode(Enum):
    """What the owner chose in View > Appearance."""

    SYSTEM = "system"  # as the desktop says, and again whenever that changes
    LIGHT = "light"
    DARK = "dark"


def text_pairs() -> Iterator[tuple[str, str]]:
    """Every (foreground, background) pair of token names that text is drawn in; a test checks them all."""
    yield from ((text, surface) for text in TEXTS for surface in SURFACES)
    for status in STATUSES:
        yield from ((status, f"{status}_bg"), ("text", f"{status}_bg"), ("text2", f"{status}_bg"))
        yield "accent", f"{status}_bg"
    yield from (("on_accent", "accent"), ("on_accent", "accent_hover"), ("on_bad", "bad"))
    yield from (("on_bad", "bad_hover"), ("on_tip", "tip"), ("tip_action", "tip"), ("text", "pressed"))


def contrast(one: str, other: str) -> float:
    """The WCAG 2 contrast ratio of two colours, 1.0 to 21.0."""

    def luminance(name: str) -> float:
        colour = QColor(name)
        parts = (colour.redF(), colour.greenF(), colour.blueF())
        r, g, b = (p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def high_contrast(tokens: Tokens) -> Tokens:
    """`tokens` for people who asked their system for more contrast: no greys, firm borders."""
    return replace(
        tokens,
        text2=tokens.text,
        text3=tokens.text2,
        hairline=tokens.control,
        control=tokens.text2,
        scroll=tokens.text2,
    )


class Theme(QObject):
    """The look of the running program. One per QApplication, like its style; get it with `theme()`."""

    changed = Signal()
    """Colours or sizes are different now; painting widgets are updated by the stylesheet already."""

    def __init__(self, app: QApplication) -> None:
        super().__init__(app)
        self._app = app
        self._mode = Mode.SYSTEM
        self._text_scale = 1.0
        self._calm: bool | None = None
        self._applied = False
        self._applying = False
        self._colours: dict[str, QColor] = {}
        self.tokens = LIGHT
        self.body = 13
        hints = QGuiApplication.styleHints()
        hints.colorSchemeChanged.connect(self._on_system_changed)
        access = hints.accessibility() if hasattr(hints, "accessibility") else None
        for name in ("contrastPreferenceChanged", "motionPreferenceChanged"):
            if access is not None and hasattr(access, name):
                getattr(access, name).connect(self._on_system_changed)
        self._measure()

    # -- what the owner chooses ---------------------------------------------------------------

    @property
    def mode(self) -> Mode:
        return self._mode

    def set_mode(self, mode: Mode) -> None:
        """Light, dark or as the system has it; title bars follow where the system allows it."""
        self._mode = mode
        hints = QGuiApplication.styleHints()
        self._applying = True
        try:
            if mode is Mode.SYSTEM:
                hints.unsetColorScheme()
            else:
                hints.setColorScheme(Qt.ColorScheme.Dark if mode is Mode.DARK else Qt.ColorScheme.Light)
        finally:
            self._applying = False
        self.apply()

    def set_text_scale(self, scale: float) -> None:
        """Text, and everything measured by it, `scale` times the system's size (0.8 to 3)."""
        self._text_scale = min(3.0, max(0.8, scale))
        self.apply()

    def set_calm(self, calm: bool | None) -> None:
        """True: no motion at all; None: as the system says."""
        self._calm = calm

    # -- what widgets ask ---------------------------------------------------------------------

    @property
    def is_dark(self) -> bool:
        if self._mode is Mode.SYSTEM:
            return QGuiApplication.styleHints().colorScheme() == Qt.ColorScheme.Dark
        return self._mode is Mode.DARK

    def color(self, role: str) -> QColor:
        """The colour of a token, by its name in `Tokens`."""
        found = self._colours.get(role)
        if found is None:
            found = self._colours[role] = QColor(getattr(self.tokens, role))
        return found

    def px(self, size: float) -> int:
        """`size` pixels of the drawings (body text 13) at the text size in use now."""
        return max(1, round(size * self.body / 13))

    def font(self, role: str = "body") -> QFont:
        """The system's font as `title`, `section`, `strong`, `body` or `small`."""
        font = QFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont))
        size = {"title": 20, "section": 15, "small": 12}.get(role, 13)
        font.setPixelSize(max(12, self.px(size)))
        if role in ("title", "section", "strong"):
            font.setWeight(QFont.Weight.DemiBold)
        if hasattr(QFont, "Tag"):  # figures of equal width, so that columns of amounts line up
            font.setFeature(QFont.Tag("tnum"), 1)
        return font

    def row_height(self) -> int:
        """Height of a list row: 40 in the drawings, never less than the text needs."""
        return max(self.px(40), QFontMetrics(self.font()).height() + self.px(12))

    def duration(self, milliseconds: int) -> int:
        """`milliseconds`, or 0 when the owner or the system asks for less motion."""
        return 0 if self._wants_calm() else milliseconds

    # -- applying -----------------------------------------------------------------------------

    def apply(self) -> None:
        """Give the application the style, palette, font and stylesheet of this moment."""
        from desktop.ui.stylesheet import stylesheet

        self._applying = True
        try:
            if not self._applied:
                self._app.setStyle(QStyleFactory.create("Fusion"))
                self._applied = True
            tokens = DARK if self.is_dark else LIGHT
            self.tokens = high_contrast(tokens) if self._wants_contrast() else tokens
            self._colours.clear()
            self._measure()
            self._app.setFont(self.font())
            self._app.setPalette(palette(self.tokens))
            self._app.setStyleSheet(stylesheet(self))
        finally:
            self._applying = False
        self.changed.emit()

    def _measure(self) -> None:
        system = QFontInfo(QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont)).pixelSize()
        self.body = max(13, round(max(13, system) * self._text_scale))

    def _on_system_changed(self) -> None:
        if self._applied and not self._applying:
            self.apply()

    def _wants_contrast(self) -> bool:
        hints = QGuiApplication.styleHints()
        if not hasattr(hints, "accessibility"):
            return False
        return hints.accessibility().contrastPreference() == Qt.ContrastPreference.HighContrast

    def _wants_calm(self) -> bool:
        if self._calm is not None:
            return self._calm
        hints = QGuiApplication.styleHints()
        access = hints.accessibility() if hasattr(hints, "accessibility") else None
        if access is not None and hasattr(access, "motionPreference"):  # newer Qt only
            return "Reduced" in str(access.motionPreference())
        return self._app.style().styleHint(QStyle.StyleHint.SH_Widget_Animation_Duration) == 0


def palette(tokens: Tokens) -> QPalette:
    """The Qt palette of `tokens`, for whatever the stylesheet leaves to Fusion."""
    roles = QPalette.ColorRole
    table = {
        roles.Window: tokens.window,
        roles.WindowText: tokens.text,
        roles.Base: tokens.panel,
        roles.AlternateBase: tokens.hover,
        roles.Text: tokens.text,
        roles.PlaceholderText: tokens.text3,
        roles.Button: tokens.panel,
        roles.ButtonText: tokens.text,
        roles.BrightText: tokens.bad,
        roles.Highlight: tokens.accent,
        roles.HighlightedText: tokens.on_accent,
        roles.Link: tokens.accent,
        roles.LinkVisited: tokens.accent,
        roles.ToolTipBase: tokens.tip,
        roles.ToolTipText: tokens.on_tip,
        roles.Mid: tokens.hairline,
        roles.Midlight: tokens.hairline,
        roles.Dark: tokens.control,
        roles.Accent: tokens.accent,
    }
    made = QPalette()
    for role, colour in table.items():
        made.setColor(role, QColor(colour))
    for role in (roles.Text, roles.WindowText, roles.ButtonText):
        made.setColor(QPalette.ColorGroup.Disabled, role, QColor(tokens.text3))
    return made


def theme() -> Theme:
    """The theme of the running QApplication, made on first use. Raises RuntimeError without one."""
    app = QApplication.instance()
    if not isinstance(app, QApplication):
        raise RuntimeError("There is no QApplication yet.")
    found = app.findChild(Theme)
    return found if found is not None else Theme(app)


def set_role(widget: QWidget, name: str, value: object) -> None:
    """Set a property that the stylesheet looks at, and have it looked at again."""
    if widget.property(name) != value:
        widget.setProperty(name, value)
        style = widget.style()
        style.unpolish(widget)
        style.polish(widget)
        widget.update()
