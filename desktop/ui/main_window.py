"""The main window: the rail, the head with search, connection and bell, and the pages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QByteArray, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QActionGroup, QCloseEvent, QDesktopServices, QGuiApplication
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QHBoxLayout,
    QLineEdit,
    QMainWindow,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from desktop.core import Core
from desktop.errors import BlueClerkError, StorageProblem
from desktop.models.states import ConnectionState
from desktop.text import tr
from desktop.ui import formats, operations
from desktop.ui.appearance_page import restore as restore_look
from desktop.ui.banner import Banner
from desktop.ui.bell_button import BellButton
from desktop.ui.bell_panel import BellPanel
from desktop.ui.busy import SkeletonOverlay
from desktop.ui.buttons import IconButton
from desktop.ui.connection_chip import ConnectionChip
from desktop.ui.context import Context
from desktop.ui.fixes import fix_button
from desktop.ui.help_route import show_help, topic_at
from desktop.ui.labels import ElidedLabel
from desktop.ui.menus import Menus
from desktop.ui.nav_rail import NavRail
from desktop.ui.page import Change, Page
from desktop.ui.preferences import Preferences
from desktop.ui.problems import words as problem_words
from desktop.ui.routes import PAGES, Route, settings
from desktop.ui.search_field import SearchField
from desktop.ui.sync_actions import SyncActions
from desktop.ui.theme import Mode, theme
from desktop.ui.toast import Toast


class PageBook(dict[str, Page]):
    """The pages by key, each made when it is first asked for."""

    def __init__(self, make: Callable[[str], Page]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, key: str) -> Page:
        if key not in PAGES:
            raise KeyError(key)
        page = self[key] = self._make(key)
        return page


class MainWindow(QMainWindow):
    """Shown at once, with grey bars; `attach` fills it when the books are open."""

    quit_asked = Signal()
    """The owner wants to end the program."""
    closed = Signal()
    """The window was closed; whether the program ends is decided by whoever listens."""
    attached = Signal()
    sandbox_asked = Signal()
    """ "Try it with a sandbox company" was pressed."""
    restore_asked = Signal(object)
    """The owner wants to go on with this `Backup` of the books."""
    status_shown = Signal(str, str)
    """What the connection chip says now, and its kind."""

    def __init__(self, data_dir: Path | None = None, parent: QWidget | None = None) -> None:
        """`data_dir`: where sizes and places are remembered; None forgets them."""
        super().__init__(parent)
        self.setWindowTitle("BlueClerk")
        self.preferences = Preferences(data_dir)
        restore_look(self.preferences)  # first of all: everything is measured in the size of the text
        self.close_decided: Callable[[], bool] | None = None
        """Asked when the window is about to close: False keeps it (the program stays in the tray)."""
        self.context: Context | None = None
        self.pages: dict[str, Page] = {}
        self._welcome_said = ""
        self._banner_act: Callable[[], object] | None = None
        self._banner_second: Callable[[], object] | None = None
        self._toast_act: Callable[[], object] | None = None
        self._unwatch: Callable[[], None] | None = None
        self._closing = False
        self._storage_said = ""
        self.menus = Menus(self)
        self._connection_soon = QTimer(self, singleShot=True, interval=80)
        self._connection_soon.timeout.connect(self._read_connection)
        self._build()
        self._wire_menus()
        px = theme().px
        self.setMinimumSize(px(820), px(520))
        self.resize(px(1180), px(760))
        self._restore()
        self.toaster = Toast(self._body, self._foot)
        self.toaster.acted.connect(self._on_toast_acted)

    # -- filling ------------------------------------------------------------------------------

    def attach(self, core: Core) -> None:
        """The books are open: make the pages and show the first one."""
        self.banner.set_closable(True)
        self.context = Context(core, self, self.preferences, self)
        self.sync = SyncActions(self.context, self)
        self.sync.working.connect(lambda _busy: self._show_connection())
        self.context.connection_changed.connect(self._show_connection)
        self.bell_panel = BellPanel(self.context, self.sync, self)
        self.bell_panel.count_changed.connect(self._on_bell_count)
        self._unwatch = core.watch(self._on_changes)
        core.on_storage = self._on_storage
        core.on_notice = self.toast
        self._make_pages()
        self.menus.enable(**{name: True for name in self.menus.actions})
        operations.run(self, self.context.read_connection(), success=lambda _: self._begin(), failure=self._on_failed)

    def detach(self) -> None:
        """The books are about to be closed: nothing reads from them any more."""
        self._remember()
        if self._unwatch is not None:
            self._unwatch()
            self._unwatch = None
        if self.context is not None:
            self.context.core.on_storage = self.context.core.on_notice = None
        self._connection_soon.stop()
        for page in self.pages.values():
            page.stop()

    def show_start_problem(
        self, error: Exception, retry: Callable[[], object], mend: tuple[str, Callable[[], object]] | None = None
    ) -> None:
        """The books could not be opened: say so in the window that is already there.

        `mend` is what can be done about it (words, act); trying again stays reachable beside it.
        """
        self._skeleton.busy(False)
        self.banner.set_closable(False)
        self.show_problem(error, retry)
        if mend is not None:
            sentence, details = problem_words(error)
            words, self._banner_act = mend
            self._banner_second = retry
            self.banner.show_message(sentence, status="bad", action=words, second=tr("Try again"), details=details)

    @property
    def is_still(self) -> bool:
        """What is shown is up to date, as far as changes have come in."""
        waits = any(page.is_waiting for page in self.pages.values())
        return not (waits or self._connection_soon.isActive() or operations.pending())

    # -- what pages ask (Host) ----------------------------------------------------------------

    def go(self, route: Route) -> None:
        """Show the place that `route` names."""
        if self.context is None or route.page not in PAGES:
            return
        page = self.pages[route.page]
        before = QApplication.focusWidget()  # Qt moves it by itself, to whatever comes first, once it is hidden
        self._show_page(route.page)
        if before is None or self.rail.isAncestorOf(before) or not before.isVisible():
            page.focus_first()
        page.open(route)

    def toast(self, sentence: str, action: str = "", acted: Callable[[], object] | None = None) -> None:
        self._toast_act = acted
        self.toaster.show_message(sentence, action if acted is not None else "")

    def show_problem(self, error: Exception, retry: Callable[[], object] | None = None) -> None:
        """A failure as a banner: its sentence, one button that mends it, details folded away."""
        sentence, details = problem_words(error)
        act: Callable[[], object] | None = retry
        words = tr("Try again") if retry is not None else ""
        if isinstance(error, BlueClerkError) and self.context is not None:  # before, there is no page to lead to
            button = fix_button(error.fix, "", 0, error.concerns)
            if button is not None and button.route is not None:
                words, act = button.label, lambda route=button.route: self.go(route)
        self._banner_act = act
        self.banner.show_message(sentence, status="bad", action=words if act is not None else "", details=details)

    def problem_over(self, error: Exception) -> None:
        """What `show_problem` said of this failure is true no more."""
        if self.banner.sentence == problem_words(error)[0]:
            self._banner_act = None
            self.banner.clear()

    def show_welcome(self, sentence: str) -> None:
        """What this is and where to begin; it goes once something is connected."""
        self._welcome_said = sentence
        self._banner_act = lambda: self.go(settings("integrations"))
        self.banner.show_message(sentence, status="info", action=tr("Connect"))

    # -- building -----------------------------------------------------------------------------

    def _build(self) -> None:
        px = theme().px
        self._body = body = QWidget(self)
        self.rail = NavRail("BlueClerk", body)
        for key, name, at_foot in (
            ("invoices", tr("Invoices"), False),
            ("customers", tr("Customers"), False),
            ("items", tr("Items"), False),
            ("activity", tr("Activity"), False),
            ("settings", tr("Settings"), True),
        ):
            self.rail.add_page(key, name, key, at_foot=at_foot)
        self.rail.chosen.connect(self._on_page_chosen)
        self.page_title = ElidedLabel(tr("Invoices"), "title", keep=px(120))
        self.search = SearchField(tr("Search"))
        self.search.setMaximumWidth(px(280))
        self.search.searched.connect(self._on_searched)
        self.chip = ConnectionChip()
        self.chip.set_state(tr("Opening your books"), "")
        self.chip.clicked.connect(self._on_chip)
        self.help_button = IconButton("help", tr("Help for this page"))
        self.help_button.setIconSize(QSize(px(20), px(20)))
        self.help_button.clicked.connect(lambda: self._help_for_page())
        self.bell = BellButton()
        self.bell.clicked.connect(self.show_bell)
        head = QHBoxLayout()
        head.setContentsMargins(px(24), px(16), px(16), px(12))
        head.setSpacing(px(8))
        head.addWidget(self.page_title, 2)
        head.addWidget(self.search, 3)
        head.addSpacing(px(4))
        head.addWidget(self.chip)
        head.addWidget(self.help_button)
        head.addWidget(self.bell)
        self.banner = Banner()
        self.banner.acted.connect(self._on_banner_acted)
        self.banner.second_acted.connect(self._on_banner_second)
        around = QVBoxLayout()
        around.setContentsMargins(px(24), 0, px(24), px(12))
        around.addWidget(self.banner)
        self._banner_box = QWidget()
        self._banner_box.setLayout(around)
        self._banner_box.hide()
        self.stack = QStackedWidget()
        content = QVBoxLayout()
        content.setContentsMargins(0, 0, 0, 0)
        content.setSpacing(0)
        content.addLayout(head)
        content.addWidget(self._banner_box)
        content.addWidget(self.stack, 1)
        self.banner.closed.connect(self._banner_box.hide)
        self.banner.installEventFilter(self)
        row = QHBoxLayout(body)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self.rail)
        row.addLayout(content, 1)
        self.setCentralWidget(body)
        waiting = QWidget()
        self.stack.addWidget(waiting)
        self._skeleton = SkeletonOverlay(waiting)
        self._skeleton.busy(True)

    def eventFilter(self, watched, event) -> bool:  # noqa: ANN001
        if watched is self.banner and event.type() in (event.Type.ShowToParent, event.Type.HideToParent):
            self._banner_box.setVisible(event.type() == event.Type.ShowToParent)
        return super().eventFilter(watched, event)

    def _make_pages(self) -> None:
        """Pages are made when they are first needed: the list of invoices must not wait for the settings."""
        assert self.context is not None
        self.pages = PageBook(self._make_page)

    def _make_page(self, key: str) -> Page:
        assert self.context is not None
        page: Page
        if key == "invoices":
            from desktop.ui.invoices_page import InvoicesPage

            page = invoices = InvoicesPage(self.context, self.sync, self.menus)
            invoices.sandbox_asked.connect(self.sandbox_asked)
        elif key == "customers":
            from desktop.ui.customers_page import CustomersPage

            page = CustomersPage(self.context, self.sync)
        elif key == "items":
            from desktop.ui.items_page import ItemsPage

            page = ItemsPage(self.context, self.sync)
        elif key == "activity":
            from desktop.ui.activity_page import ActivityPage

            page = ActivityPage(self.context)
        else:
            from desktop.ui.settings_host import SettingsHost

            page = host = SettingsHost(self.context)
            host.restore_asked.connect(self.restore_asked)
        page.actions_changed.connect(self.show_look)
        self.stack.addWidget(page)
        return page

    def _wire_menus(self) -> None:
        table: dict[str, Callable[[], object]] = {
            "new_invoice": lambda: self.go(Route("invoices", action="new")),
            "new_customer": lambda: self.go(Route("customers", action="new")),
            "new_item": lambda: self.go(Route("items", action="new")),
            "import_file": self._import_file,
            "export_list": self._export_list,
            "settings": lambda: self._show_page("settings"),
            "close": self.close,
            "quit": self.quit_asked.emit,
            "copy": lambda: self._to_table("copy"),
            "select_all": lambda: self._to_table("selectAll"),
            "find": self._find,
            "columns": self._show_columns,
            "summary": self.show_summary,
            "notifications": self.show_bell,
            "refresh": self._refresh,
            "sync_now": lambda: self.sync.sync_now(),
            "resync_failed": lambda: self.resync_failed(),
            "connection": lambda: self.go(settings("integrations")),
            "checks": self.show_checks,
            "wizard": lambda: self.go(settings("integrations", action="wizard")),
            "help": self._help,
            "shortcuts": lambda: self._help_pages().show_shortcuts(self, self.menus),
            "diagnostics": lambda: self._help_pages().save_diagnostics(self, self.context),
            "data_folder": self._open_data_folder,
            "about": lambda: self._help_pages().show_about(self),
            "about_qt": QApplication.aboutQt,
        }
        for name, act in table.items():
            self.menus[name].triggered.connect(lambda _on=False, act=act: act())
        looks = QActionGroup(self)
        for mode in Mode:
            action = self.menus[f"look_{mode.value}"]
            looks.addAction(action)
            action.triggered.connect(lambda _on=False, mode=mode: self.set_look(mode))
        self.menus["look_system"].setChecked(True)
        for name, action in self.menus.actions.items():
            if name not in ("close", "quit", "about", "about_qt", "look_system", "look_light", "look_dark"):
                action.setEnabled(False)

    @staticmethod
    def _help_pages() -> Any:
        from desktop.ui import help_pages

        return help_pages

    # -- pages --------------------------------------------------------------------------------

    def _begin(self) -> None:
        self._skeleton.busy(False)
        assert self.context is not None
        last = self.context.preferences.text("window.page", "invoices")
        self._show_page(last if last in PAGES else "invoices")
        self._show_connection()
        self.bell_panel.reload()
        self.pages[self.rail.current].focus_first()
        self.attached.emit()

    def _show_page(self, key: str) -> None:
        if self.context is None or key not in PAGES:
            return
        page = self.pages[key]
        self.rail.choose(key)
        self.page_title.setText(page.title)
        self.search.setVisible(bool(page.search_hint))
        self.search.setPlaceholderText(page.search_hint)
        self.search.setAccessibleName(page.search_hint)
        text = getattr(page, "_text", "")
        if self.search.text() != text:
            blocked = self.search.blockSignals(True)
            self.search.setText(text)
            self.search.blockSignals(blocked)
        self.stack.setCurrentWidget(page)
        self.setWindowTitle(f"{page.title} - BlueClerk")
        on_invoices = key == "invoices"
        names = ("edit", "mark_sent", "sync", "record_payment", "mark_paid", "pdf", "void", "delete")
        if not on_invoices:
            self.menus.enable(**dict.fromkeys(names, False))
        elif hasattr(page, "update_actions"):
            page.update_actions()
        self.menus.enable(detail=on_invoices, export_list=hasattr(page, "export_csv"))

    def _foot(self) -> int:
        page = self.pages.get(self.current_page)
        return page.foot if page is not None else 0

    @property
    def current_page(self) -> str:
        """The key of the page that is shown."""
        return self.rail.current

    def _on_page_chosen(self, key: str) -> None:
        self._show_page(key)

    def _on_searched(self, text: str) -> None:
        page = self.pages.get(self.rail.current)
        if page is not None:
            page.search(text)

    def _find(self) -> None:
        if self.search.isVisible():
            self.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
            self.search.selectAll()

    def _refresh(self) -> None:
        page = self.pages.get(self.rail.current)
        if page is not None:
            page.reload()
        self._read_connection()

    def _read_connection(self) -> None:
        if self.context is not None:
            operations.run(self, self.context.read_connection(), failure=self._on_failed)

    def _on_changes(self, changes: frozenset[Change]) -> None:
        if self.context is None:
            return
        for page in list(self.pages.values()):
            page.on_changes(changes)
        kinds = {change.kind for change in changes}
        counted = {"connection", "outbox", "invoice", "payment", "customer", "item", "mapping"}
        if kinds & counted and not self._connection_soon.isActive():
            self._connection_soon.start()
        if "notification" in kinds:
            self.bell_panel.reload()

    def _on_failed(self, error: Exception) -> None:
        self.show_problem(error, self._refresh)

    def _on_storage(self, problem: StorageProblem | None) -> None:
        """The books can't be written, or can be again: it goes on by itself, so there is nothing to press."""
        if problem is not None:
            self._storage_said = problem_words(problem)[0]
            self._banner_act = None
            self.banner.show_message(self._storage_said, status="bad", details=problem.details)
        elif self._storage_said and self.banner.sentence == self._storage_said:
            self.banner.clear()
            self.toast(tr("Your books can be written again. Syncing goes on."))

    # -- connection and bell ------------------------------------------------------------------

    def _show_connection(self) -> None:
        if self.context is not None:
            self._fill_chip(self.context)
            state = self.chip.kind or ("left" if self.context.connection is not None else "")
            self.status_shown.emit(self.chip.words, state)

    def _fill_chip(self, context: Context) -> None:
        view, service = context.connection, context.service
        self.menus.enable(
            sync_now=view is not None and not self.sync.is_working,
            wizard=view is not None,
            resync_failed=view is not None and self.bell.count > 0,
        )
        if view is not None and self._welcome_said and self.banner.sentence == self._welcome_said:
            self.banner.clear()
        if view is None:
            self.chip.set_state(tr("Not connected"), "", reason=tr("Connect your accounting in Settings."))
            return
        who = f"{service} · {view.company_name}"
        if view.state is ConnectionState.NEEDS_SIGN_IN:
            self.chip.set_state(tr("{who} · Sign in again", who=who), "bad", reason=view.title)
        elif view.state is ConnectionState.REFUSED:
            self.chip.set_state(tr("{who} · needs you", who=who), "bad", reason=view.title)
        elif view.state is ConnectionState.PAUSED:
            until = formats.until(view.until, context.now()) if view.until else tr("soon")
            self.chip.set_state(tr("{who} · goes on {until}", who=who, until=until), "wait", reason=view.title)
        elif self.sync.is_working:
            self.chip.set_state(tr("{who} · syncing", who=who), "info")
        elif view.syncing_by:
            reason = tr("It goes on at one desk at a time; yours follows.")
            self.chip.set_state(tr("{who} · {name} is syncing", who=who, name=view.syncing_by), "info", reason=reason)
        elif view.waiting:
            waiting = tr("{who} · {count} waiting", who=who, count=formats.number(view.waiting))
            self.chip.set_state(waiting, "wait", reason=tr("They go out by themselves."))
        elif view.needs_you:
            count = formats.number(view.needs_you)
            one = view.needs_you == 1
            needs = tr("{who} · 1 needs you", who=who) if one else tr("{who} · {count} need you", who=who, count=count)
            self.chip.set_state(needs, "bad", icon_name="bad")
        elif view.last_synced_at is None:  # "in sync" would say more than is known
            self.chip.set_state(tr("{who} · connected", who=who), "good", reason=tr("Nothing was synced yet."))
        elif context.not_synced:
            reason = tr("Sent invoices that {service} lacks: choose Not synced above the list.", service=service)
            left = tr("{who} · {count} not synced", who=who, count=formats.number(context.not_synced))
            self.chip.set_state(left, "", icon_name="not_synced", reason=reason)
        else:
            reason = tr("Last synced {when}.", when=formats.ago(view.last_synced_at, context.now()))
            self.chip.set_state(tr("{who} · in sync", who=who), "good", reason=reason)

    def _on_chip(self) -> None:
        view = self.context.connection if self.context is not None else None
        again = view is not None and view.state is ConnectionState.NEEDS_SIGN_IN
        self.go(settings("integrations", action="reconnect" if again else ""))

    def _on_bell_count(self, count: int) -> None:
        self.bell.set_count(count)
        QGuiApplication.instance().setBadgeNumber(count)  # type: ignore[union-attr]
        self._show_connection()

    def show_bell(self) -> None:
        """Open the panel under the bell, or close it."""
        if self.context is not None:
            self.bell_panel.toggle(self.bell)

    def show_checks(self) -> None:
        """Why doesn't it sync? Look, and name the cause (M140)."""
        if self.context is not None:
            from desktop.ui.check_dialog import CheckDialog

            dialog = CheckDialog(self.context.core, self, self)
            dialog.sync_asked.connect(self.sync.resync)
            dialog.open()

    def resync_failed(self) -> None:
        """Try everything again that rang the bell."""
        self.bell_panel.resync_all()

    # -- small reactions ----------------------------------------------------------------------

    def _on_toast_acted(self) -> None:
        act, self._toast_act = self._toast_act, None
        if act is not None:
            act()

    def _on_banner_acted(self) -> None:
        act, self._banner_act = self._banner_act, None
        self.banner.clear()
        if act is not None:
            act()

    def _on_banner_second(self) -> None:
        self._banner_act, self._banner_second = self._banner_second, None
        self._on_banner_acted()

    def _to_table(self, verb: str) -> None:
        focus = QApplication.focusWidget()
        page = self.stack.currentWidget()
        if isinstance(focus, QLineEdit | QAbstractItemView):
            target: Any = focus
        else:
            target = getattr(page, "table", None)
        if target is not None and hasattr(target, verb):
            getattr(target, verb)()

    def show_summary(self) -> None:
        """What happened on a day (C12)."""
        if self.context is not None:
            from desktop.ui.summary_dialog import SummaryDialog

            SummaryDialog(self.context, self).open()

    def _import_file(self) -> None:
        """A CSV file; on the page of a list it is taken for one of that kind."""
        kind = self.rail.current if self.rail.current in ("customers", "items", "invoices") else ""
        self.go(settings("import_data", action="file", field=kind))

    def _export_list(self) -> None:
        page: Any = self.pages.get(self.rail.current)
        if hasattr(page, "export_csv"):
            page.export_csv()

    def _show_columns(self) -> None:
        table = getattr(self.stack.currentWidget(), "table", None)
        if table is not None:
            menu = table.column_menu()
            menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            menu.popup(table.horizontalHeader().mapToGlobal(table.horizontalHeader().rect().bottomLeft()))

    def set_look(self, mode: Mode) -> None:
        """Light, dark or as the system; remembered."""
        theme().set_mode(mode)
        self.show_look()
        self.preferences.keep("window.look", mode.value)

    def show_look(self) -> None:
        """Tick the look in use in the View menu."""
        self.menus[f"look_{theme().mode.value}"].setChecked(True)

    def _help(self) -> None:
        """For what has the focus: a part of a page may have a help page of its own."""
        focus = QApplication.focusWidget()
        shown = self.stack.currentWidget()
        here = focus is not None and (self.stack.isAncestorOf(focus) or self.bell_panel.isAncestorOf(focus))
        self._open_help(topic_at(focus if here else shown))

    def _help_for_page(self) -> None:
        self._open_help(topic_at(self.stack.currentWidget()))

    def _open_help(self, topic: str) -> None:
        show_help(self, topic)

    def _open_data_folder(self) -> None:
        if self.context is not None:
            from PySide6.QtCore import QUrl

            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.context.core.options.data_dir)))

    # -- life ---------------------------------------------------------------------------------

    def closeEvent(self, event: QCloseEvent) -> None:
        self._remember()
        if self.close_decided is not None and not self.close_decided():
            event.ignore()
            return
        event.accept()
        self.closed.emit()

    def bring_to_front(self) -> None:
        """Show the window, wherever it is."""
        self.setWindowState(self.windowState() & ~Qt.WindowState.WindowMinimized)
        self.show()
        self.raise_()
        self.activateWindow()

    def _remember(self) -> None:
        if self.context is None:
            return
        self.context.preferences.keep("window.geometry", self.saveGeometry())
        self.context.preferences.keep("window.page", self.rail.current)
        for page in self.pages.values():
            if hasattr(page, "remember"):
                page.remember()

    def _restore(self) -> None:
        kept = self.preferences
        geometry = kept.data("window.geometry")
        if not geometry.isEmpty():
            self._restore_geometry(geometry)
        self.show_look()

    def _restore_geometry(self, geometry: QByteArray) -> None:
        self.restoreGeometry(geometry)
        screen = self.screen() or QGuiApplication.primaryScreen()
        room = screen.availableGeometry()
        if not room.intersects(self.frameGeometry().adjusted(40, 0, -40, -40)):
            self.move(room.topLeft())
        self.resize(min(self.width(), room.width()), min(self.height(), room.height()))
