"""The bell's panel: what needs the owner, newest first, one entry a cause, the fix before all else."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPoint, QSize, Qt, Signal
from PySide6.QtWidgets import QApplication, QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from desktop.sync.failures import BellEntry
from desktop.text import tr
from desktop.ui import formats, operations
from desktop.ui.buttons import PlainButton, QuietButton
from desktop.ui.context import Context
from desktop.ui.empty_state import EmptyState
from desktop.ui.fixes import fix_button
from desktop.ui.help_route import show_help
from desktop.ui.labels import label
from desktop.ui.layouts import clear
from desktop.ui.panels import hairline
from desktop.ui.sync_actions import SyncActions
from desktop.ui.theme import theme


class BellPanel(QFrame):
    """Drops from the bell; closes on Esc and on a click elsewhere. Solved entries vanish by themselves."""

    count_changed = Signal(int)
    """How many unread entries there are now."""
    shown = Signal(object)
    """The open entries, after each reading."""
    alerted = Signal(object)
    """A new `BellEntry` has come in since the last look."""

    help_topic = "bell"

    def __init__(self, context: Context, sync: SyncActions, window: QWidget) -> None:
        super().__init__(window)
        self._context, self._sync = context, sync
        self._window = window
        self._bell: QWidget | None = None
        self.hide()
        self.entries: list[BellEntry] = []
        self.rows: list[BellRow] = []
        self.count = 0
        self._seen: set[int] | None = None
        self.setProperty("role", "card")
        self.setAccessibleName(tr("Notifications"))
        px = theme().px
        self._read_button = PlainButton(tr("Mark all as read"))
        self._read_button.clicked.connect(self.mark_all_read)
        self._all_button = QuietButton(tr("Resync all"))
        self._all_button.clicked.connect(self.resync_all)
        head = QHBoxLayout()
        head.setContentsMargins(px(16), px(12), px(8), px(8))
        head.addWidget(label(tr("Notifications"), "section"), 1)
        self._help_button = PlainButton(tr("Help"))
        self._help_button.clicked.connect(lambda: show_help(window, self.help_topic))
        head.addWidget(self._help_button)
        head.addWidget(self._read_button)
        head.addWidget(self._all_button)
        self._empty = EmptyState("good", tr("Nothing needs you"), tr("What goes wrong shows up here by itself."))
        self._list = QWidget()
        self._column = QVBoxLayout(self._list)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setWidget(self._list)
        self._list.setAutoFillBackground(False)
        self._scroll.viewport().setAutoFillBackground(False)
        self._scroll.setMinimumHeight(0)
        column = QVBoxLayout(self)
        column.setContentsMargins(1, 1, 1, px(8))
        column.setSpacing(0)
        column.addLayout(head)
        column.addWidget(hairline())
        column.addWidget(self._scroll, 1)
        column.addWidget(self._empty)
        sync.working.connect(lambda busy: self._enable(not busy))

    # -- reading ------------------------------------------------------------------------------

    def reload(self) -> None:
        """Read the entries again."""
        operations.run(self, self._read(), success=self._show, failure=self._context.show_problem)

    async def _read(self) -> tuple[list[BellEntry], int]:
        core = self._context.core
        return await core.bell(), await core.unread()

    def _show(self, found: tuple[list[BellEntry], int]) -> None:
        entries, unread = found
        fresh = self._fresh(entries)
        if entries != self.entries or not self.rows:
            self.entries = entries
            self._fill()
        if unread != self.count:
            self.count = unread
            self.count_changed.emit(unread)
        self.shown.emit(entries)
        for entry in fresh:
            self.alerted.emit(entry)

    def _fresh(self, entries: list[BellEntry]) -> list[BellEntry]:
        """Entries that were not there at the last look; at the first one none is news."""
        before, self._seen = self._seen, {each for entry in entries for each in entry.ids}
        if before is None:
            return []
        return [entry for entry in entries if not entry.read and not before.issuperset(entry.ids)]

    def _fill(self) -> None:
        clear(self._column)
        self.rows = []
        for entry in self.entries:
            row = BellRow(entry, self._context)
            row.fix_asked.connect(self._on_fix)
            row.resync_asked.connect(self._on_resync)
            row.read_asked.connect(lambda entry=entry: self._mark(entry.ids))
            self.rows.append(row)
            if len(self.rows) > 1:
                self._column.addWidget(hairline())
            self._column.addWidget(row)
        self._column.addStretch(1)
        has = bool(self.entries)
        self._scroll.setVisible(has)
        self._empty.setVisible(not has)
        self._read_button.setVisible(any(not entry.read for entry in self.entries))
        self._all_button.setVisible(len(self.entries) > 1)
        self._enable(not self._sync.is_working)
        if self.isVisible():
            self._size()

    # -- acting -------------------------------------------------------------------------------

    def mark_all_read(self) -> None:
        self._mark([each for entry in self.entries if not entry.read for each in entry.ids])

    def resync_all(self) -> None:
        """Try again everything that is listed; goes without a question (C14)."""
        records = [record for entry in self.entries for record in entry.records]
        if records:
            self._sync.resync(records)

    def _mark(self, ids: list[int]) -> None:
        if ids:
            operations.run(self, self._context.core.mark_read(ids), failure=self._context.show_problem)

    def _on_fix(self, entry: BellEntry) -> None:
        button = fix_button(entry.fix, entry.kind, entry.local_id, entry.concerns)
        self._mark(entry.ids)
        self.close_panel()
        if button is None:
            return
        if button.action == "link_invoice":
            self._sync.link_to_existing(entry.local_id)
        elif button.route is not None:
            self._context.go(button.route)

    def _on_resync(self, entry: BellEntry) -> None:
        self._sync.resync(entry.records)

    def _enable(self, on: bool) -> None:
        self._all_button.setEnabled(on)
        for row in self.rows:
            row.resync_button.setEnabled(on)

    # -- place --------------------------------------------------------------------------------

    def toggle(self, bell: QWidget) -> None:
        """Open under `bell`, or close."""
        if self.isVisible():
            self.close_panel()
            return
        self._bell = bell
        self._size()
        self.show()
        self.raise_()
        self._size()
        app = QApplication.instance()
        if app is not None:
            app.installEventFilter(self)
        first: QWidget = self.rows[0].first_button if self.rows else self
        first.setFocus(Qt.FocusReason.PopupFocusReason)

    def close_panel(self) -> None:
        """Put it away; the focus goes back to the bell."""
        inside = QApplication.focusWidget()
        back = inside is not None and self.isAncestorOf(inside)
        self.hide()
        if back and self._bell is not None:
            self._bell.setFocus(Qt.FocusReason.PopupFocusReason)

    def hideEvent(self, event) -> None:  # noqa: ANN001
        super().hideEvent(event)
        app = QApplication.instance()
        if app is not None:
            app.removeEventFilter(self)

    def keyPressEvent(self, event) -> None:  # noqa: ANN001
        if event.key() == Qt.Key.Key_Escape:
            self.close_panel()
        else:
            super().keyPressEvent(event)

    def eventFilter(self, watched, event) -> bool:  # noqa: ANN001
        """A click elsewhere closes it, as with any menu."""
        if event.type() == QEvent.Type.MouseButtonPress and isinstance(watched, QWidget):
            mine = watched is self or self.isAncestorOf(watched)
            if not mine and watched is not self._bell and watched.window() is self.window():
                self.close_panel()
        elif event.type() == QEvent.Type.Resize and watched is self._window and self.isVisible():
            self._size()
        return False

    def _size(self) -> None:
        """Under the bell, as wide as reads well, as high as the window allows."""
        px = theme().px
        room = QSize(self._window.width() - px(32), self._window.height() - px(110))
        width = min(px(460), room.width())
        self._list.setFixedWidth(width - 2)
        self._column.activate()
        needed = self._column.heightForWidth(width - 2) if self.rows else px(220)
        self.resize(width, max(px(160), min(needed + px(64), room.height())))
        if self._bell is not None:
            corner = self._bell.mapTo(self._window, QPoint(self._bell.width(), self._bell.height() + px(4)))
            self.move(max(px(8), corner.x() - width), corner.y())


class BellRow(QWidget):
    """One entry: what, why, when, and its buttons."""

    fix_asked = Signal(object)
    resync_asked = Signal(object)
    read_asked = Signal()

    def __init__(self, entry: BellEntry, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.entry = entry
        px = theme().px
        when = formats.ago(entry.updated_at, context.now())
        if entry.count > 1:
            when = tr("{count} times, last {when}", count=formats.number(entry.count), when=when)
        top = QHBoxLayout()
        top.setSpacing(px(8))
        self._what = label(what_failed(entry), "secondary" if entry.read else "strong")
        top.addWidget(self._what, 1)
        top.addWidget(label(when, "hint"))
        words = QVBoxLayout(self)
        words.setContentsMargins(px(16), px(12), px(16), px(12))
        words.setSpacing(px(6))
        words.addLayout(top)
        words.addWidget(label(entry.title, wrap=True))
        if entry.advice:
            words.addWidget(label(entry.advice, "secondary", wrap=True))
        buttons = QHBoxLayout()
        buttons.setSpacing(px(8))
        fix = fix_button(entry.fix, entry.kind, entry.local_id, entry.concerns)
        self.fix_button: QuietButton | None = None
        if fix is not None and fix.action != "resync":
            self.fix_button = QuietButton(fix.label)
            self.fix_button.clicked.connect(lambda: self.fix_asked.emit(entry))
            buttons.addWidget(self.fix_button)
        self.resync_button = QuietButton(tr("Resync"), icon_name="syncing")
        self.resync_button.clicked.connect(lambda: self.resync_asked.emit(entry))
        buttons.addWidget(self.resync_button)
        details = "\n".join(filter(None, (_all_of(entry), entry.details)))
        self._details = label(details, "hint", wrap=True)
        self._details.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._details.hide()
        if details:
            fold = PlainButton(tr("Details"))
            fold.setCheckable(True)
            fold.toggled.connect(self._details.setVisible)
            buttons.addWidget(fold)
        buttons.addStretch(1)
        if not entry.read:
            read = PlainButton(tr("Mark as read"))
            read.clicked.connect(self.read_asked)
            buttons.addWidget(read)
        words.addLayout(buttons)
        words.addWidget(self._details)
        self.setAccessibleName(f"{what_failed(entry)}. {entry.title}")
        self.setAccessibleDescription(entry.advice)

    @property
    def first_button(self) -> QuietButton:
        """The fix, or Resync where there is none."""
        return self.fix_button or self.resync_button


def what_failed(entry: BellEntry) -> str:
    """The record that failed, as the owner calls it, and how many more wait for the same (M106)."""
    name = _name_of(entry)
    if not entry.others:
        return name
    return tr("{name} and {count} more", name=name, count=formats.number(len(entry.others)))


def _name_of(entry: BellEntry) -> str:
    kinds = {
        "customer": tr("Customer {label}", label=entry.label),
        "item": tr("Item {label}", label=entry.label),
        "invoice": tr("Invoice {label}", label=entry.label),
        "payment": tr("Payment {label}", label=entry.label),
    }
    return kinds.get(entry.kind, entry.label or tr("Connection"))


def _all_of(entry: BellEntry) -> str:
    """Every record of a cause that holds up several."""
    if not entry.others:
        return ""
    return tr("Waiting for this: {records}.", records=", ".join(map(_name_of, (entry, *entry.others))))
