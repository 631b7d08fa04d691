"""The keys, diagnostics and About: small windows that never stand in the way."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QDialog,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QPlainTextEdit,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from desktop.errors import BlueClerkError
from desktop.text import tr
from desktop.ui import operations
from desktop.ui.buttons import PrimaryButton, QuietButton
from desktop.ui.context import Context
from desktop.ui.diagnostics import app_version, diagnostics
from desktop.ui.labels import label
from desktop.ui.menus import Menus
from desktop.ui.panels import hairline
from desktop.ui.theme import theme


class InfoDialog(QDialog):
    """A title, paragraphs, and Close."""

    help_topic = "diagnostics"

    def __init__(self, title: str, parent: QWidget) -> None:
        super().__init__(parent)
        px = theme().px
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(title)
        self.setAccessibleName(title)
        content = QWidget()
        self.body = QVBoxLayout(content)
        self.body.setContentsMargins(px(24), px(20), px(24), px(20))
        self.body.setSpacing(px(12))
        self.body.addWidget(label(title, "section"))
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setWidget(content)
        self.foot = QHBoxLayout()
        self.foot.setContentsMargins(px(24), px(12), px(24), px(16))
        self.foot.addStretch(1)
        close = PrimaryButton(tr("&Close"))
        close.setDefault(True)
        close.clicked.connect(self.accept)
        self.foot.addWidget(close)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(scroll, 1)
        column.addWidget(hairline())
        column.addLayout(self.foot)
        self.resize(px(520), px(420))


def show_shortcuts(parent: QWidget, menus: Menus) -> InfoDialog:
    """All keys, made from the live actions."""
    dialog = InfoDialog(tr("Keyboard shortcuts"), parent)
    grid = QGridLayout()
    grid.setVerticalSpacing(theme().px(6))
    grid.setColumnStretch(0, 1)
    extra = [(tr("Go to page 1 to 5"), tr("Ctrl+1 to Ctrl+5"))]
    for place, (words, keys) in enumerate([*menus.shortcuts(), *extra]):
        grid.addWidget(label(words), place, 0)
        grid.addWidget(label(keys, "secondary"), place, 1)
    dialog.body.addLayout(grid)
    dialog.body.addStretch(1)
    dialog.open()
    return dialog


def show_about(parent: QWidget) -> InfoDialog:
    """Version and licences."""
    dialog = InfoDialog(tr("About BlueClerk"), parent)
    for text, role in (
        (tr("Version {version}", version=app_version()), ""),
        (tr("Invoices on your desk, in step with your accounting service."), "secondary"),
        (
            tr("Uses Qt under the GNU Lesser General Public License version 3; its libraries can be replaced."),
            "secondary",
        ),
        (tr("Icons: Material Design Icons, Apache License 2.0."), "secondary"),
    ):
        dialog.body.addWidget(label(text, role, wrap=True))
    dialog.body.addStretch(1)
    dialog.open()
    return dialog


def save_diagnostics(parent: QWidget, context: Context | None) -> None:
    """Show what would be saved, then save it where the owner says (M147)."""
    if context is None:
        return

    def show(text: str) -> None:
        dialog = InfoDialog(tr("Save diagnostics"), parent)
        dialog.body.addWidget(
            label(
                tr("This helps us help you. It holds no names, no amounts and no secrets: look for yourself."),
                wrap=True,
            )
        )
        view = QPlainTextEdit(text)
        view.setReadOnly(True)
        view.setAccessibleName(tr("What will be saved"))
        dialog.body.addWidget(view, 1)
        save = QuietButton(tr("&Save as…"))
        save.clicked.connect(lambda: _save_as(dialog, text, context))
        dialog.foot.insertWidget(1, save)
        dialog.open()

    operations.run(parent, diagnostics(context.core), success=show, failure=context.show_problem)


def _save_as(parent: QWidget, text: str, context: Context) -> None:
    chooser = QFileDialog(parent, tr("Save diagnostics"))
    chooser.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    chooser.setDefaultSuffix("json")
    chooser.selectFile("blueclerk-diagnostics.json")
    chooser.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)

    def write(name: str) -> None:
        try:
            Path(name).write_text(text, encoding="utf-8")
        except OSError as problem:
            context.show_problem(BlueClerkError(tr("The file could not be written."), details=str(problem)))
            return
        context.toast(tr("Saved as {name}.", name=Path(name).name))

    chooser.fileSelected.connect(write)
    chooser.open()
