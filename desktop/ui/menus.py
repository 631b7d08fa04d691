"""The actions of the window, each made once: the menu bar, context menus and the page of shortcuts show the same."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMainWindow, QMenu

from desktop.text import tr

Keys = QKeySequence.StandardKey
Roles = QAction.MenuRole


@dataclass(frozen=True)
class _Spec:
    name: str
    words: str
    tip: str
    keys: str | QKeySequence.StandardKey = ""
    role: QAction.MenuRole = Roles.NoRole
    checkable: bool = False


def _menus() -> list[tuple[str, str, list[_Spec | None]]]:
    return [
        (
            "file",
            tr("&File"),
            [
                _Spec("new_invoice", tr("&New invoice"), tr("Write an invoice"), Keys.New),
                _Spec("new_customer", tr("New &customer"), tr("Add a customer"), "Ctrl+Shift+C"),
                _Spec("new_item", tr("New &item"), tr("Add a service or product"), "Ctrl+Shift+I"),
                None,
                _Spec("import_file", tr("I&mport from a file…"), tr("Customers, items or invoices from a CSV file")),
                _Spec("export_list", tr("&Export this list…"), tr("What this list shows as a CSV file")),
                None,
                _Spec(
                    "settings", tr("&Settings…"), tr("Connection, team, appearance"), "Ctrl+,", Roles.PreferencesRole
                ),
                None,
                _Spec("close", tr("&Close window"), tr("Close this window"), Keys.Close),
                _Spec("quit", tr("&Quit"), tr("End BlueClerk"), "Ctrl+Q", Roles.QuitRole),
            ],
        ),
        (
            "edit",
            tr("&Edit"),
            [
                _Spec("copy", tr("&Copy"), tr("Copy the selected rows"), ""),
                _Spec("select_all", tr("Select &all"), tr("Select all rows of the list"), ""),
                None,
                _Spec("find", tr("&Find"), tr("Search in this list"), Keys.Find),
            ],
        ),
        (
            "view",
            tr("&View"),
            [
                _Spec("detail", tr("&Detail pane"), tr("Show or fold the detail pane"), "F4", checkable=True),
                _Spec("columns", tr("&Columns"), tr("Which columns are shown")),
                None,
                _Spec("look_system", tr("As the &system"), tr("Light or dark as the system has it"), checkable=True),
                _Spec("look_light", tr("&Light"), tr("Light colours"), checkable=True),
                _Spec("look_dark", tr("Dar&k"), tr("Dark colours"), checkable=True),
                None,
                _Spec("notifications", tr("&Notifications"), tr("What needs you"), "Ctrl+B"),
                _Spec("summary", tr("D&aily summary…"), tr("New customers, sent, paid and failed of a day")),
                _Spec("refresh", tr("&Refresh"), tr("Read this page again"), "F5"),
            ],
        ),
        (
            "invoice",
            tr("&Invoice"),
            [
                _Spec("edit", tr("&Edit"), tr("Change the selected invoice"), "Ctrl+E"),
                _Spec("mark_sent", tr("&Mark as sent"), tr("From now on it counts and goes to the books"), "Ctrl+M"),
                _Spec("sync", tr("&Sync"), tr("Send it to the accounting service now"), "Ctrl+R"),
                None,
                _Spec("record_payment", tr("Record &payment…"), tr("Money has come in"), "Ctrl+P"),
                _Spec("mark_paid", tr("Mark p&aid"), tr("Record a payment of all that is owed, today")),
                None,
                _Spec("pdf", tr("Save as P&DF…"), tr("The invoice as a file to send"), "Ctrl+S"),
                _Spec("void", tr("&Void…"), tr("Keep it as a record with nothing owed")),
                _Spec("delete", tr("De&lete draft…"), tr("Delete a draft for good"), Keys.Delete),
            ],
        ),
        (
            "sync_menu",
            tr("&Sync"),
            [
                _Spec("sync_now", tr("Sync &now"), tr("Send everything that waits"), "Ctrl+Shift+S"),
                _Spec("resync_failed", tr("&Resync failed items"), tr("Try again what failed")),
                None,
                _Spec("checks", tr("Check &my connection…"), tr("Why doesn't it sync? Looks and names the cause")),
                _Spec("connection", tr("&Connection…"), tr("The connected accounting service")),
                _Spec("wizard", tr("Run Setup &Wizard…"), tr("Import, map and choose what syncs")),
            ],
        ),
        (
            "help",
            tr("&Help"),
            [
                _Spec("help", tr("&Help for this page"), tr("What this page is for"), Keys.HelpContents),
                _Spec("shortcuts", tr("&Keyboard shortcuts"), tr("All keys on one page")),
                None,
                _Spec("diagnostics", tr("&Save diagnostics…"), tr("A file that helps us help you, without names")),
                _Spec("data_folder", tr("Open &data folder"), tr("Where your books are kept")),
                None,
                _Spec("about", tr("&About BlueClerk"), tr("Version and licences"), "", Roles.AboutRole),
                _Spec("about_qt", tr("About &Qt"), tr("The toolkit that draws this window"), "", Roles.AboutQtRole),
            ],
        ),
    ]


class Menus:
    """The menu bar of `window`; `actions` by name."""

    def __init__(self, window: QMainWindow) -> None:
        self.actions: dict[str, QAction] = {}
        self.menus: dict[str, QMenu] = {}
        for key, title, specs in _menus():
            menu = window.menuBar().addMenu(title)
            menu.setToolTipsVisible(False)
            self.menus[key] = menu
            for spec in specs:
                if spec is None:
                    menu.addSeparator()
                else:
                    self.actions[spec.name] = _action(window, menu, spec)

    def __getitem__(self, name: str) -> QAction:
        return self.actions[name]

    def enable(self, **states: bool) -> None:
        """Which of the named actions can be used now."""
        for name, on in states.items():
            self.actions[name].setEnabled(on)

    def shortcuts(self) -> list[tuple[str, str]]:
        """(words, keys) of every action that has keys, in the order of the menus."""
        found = []
        for action in self.actions.values():
            keys = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
            if keys:
                found.append((action.text().replace("&", "").rstrip("…"), keys))
        return found


def _action(window: QMainWindow, menu: QMenu, spec: _Spec) -> QAction:
    action = QAction(spec.words, window)
    action.setObjectName(spec.name)
    action.setStatusTip(spec.tip)
    action.setMenuRole(spec.role)
    action.setCheckable(spec.checkable)
    if isinstance(spec.keys, str):
        if spec.keys:
            action.setShortcut(QKeySequence(spec.keys))
    else:
        action.setShortcuts(spec.keys)
    menu.addAction(action)
    window.addAction(action)
    return action
