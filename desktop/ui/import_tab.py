"""Import Data: the two imports of the wizard, at any time (M16, M33, M44)."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from desktop.providers.base import Terms
from desktop.text import tr
from desktop.ui.buttons import QuietButton
from desktop.ui.labels import label
from desktop.ui.panels import Card
from desktop.ui.theme import theme


class ImportTab(QWidget):
    """Two cards, each with its import."""

    import_requested = Signal(str)
    """ "customers", "items" or "file"."""
    older_asked = Signal()
    """ "Send older invoices" was pressed: the other way, by date and with a preview."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        px = theme().px
        self._texts = {}
        self.customers_button = QuietButton(tr("Import &Customers"), self, icon_name="import")
        self.items_button = QuietButton(tr("Import &Items"), self, icon_name="import")
        self.customers_button.clicked.connect(lambda: self.import_requested.emit("customers"))
        self.items_button.clicked.connect(lambda: self.import_requested.emit("items"))
        self.file_button = QuietButton(tr("Import from a &file"), self, icon_name="folder")
        self.file_button.clicked.connect(lambda: self.import_requested.emit("file"))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, px(16), 0, px(16))
        column.setSpacing(px(12))
        self.older_button = QuietButton(tr("Send &older invoices …"), self, icon_name="send")
        self.older_button.clicked.connect(self.older_asked)
        for key, title, button in (
            ("customers", tr("Customers"), self.customers_button),
            ("items", tr("Services and items"), self.items_button),
            ("file", tr("From a file"), self.file_button),
            ("older", tr("Older invoices"), self.older_button),
        ):
            card = Card(parent=self)
            text = self._texts[key] = label("", "secondary", wrap=True, parent=card)
            words = QVBoxLayout()
            words.setSpacing(px(4))
            words.addWidget(label(title, "section", parent=card))
            words.addWidget(text)
            row = QHBoxLayout()
            row.setSpacing(px(16))
            row.addLayout(words, 1)
            row.addWidget(button)
            card.body.addLayout(row)
            column.addWidget(card)
        self._column = column
        column.addStretch(1)
        self._texts["file"].setText(
            tr("Customers, items or invoices out of a CSV file of a spreadsheet or another program, or pasted cells.")
        )

    def add_below(self, part: QWidget) -> None:
        """Put `part` under the imports."""
        self._column.insertWidget(self._column.count() - 1, part)

    def set_terms(self, terms: Terms | None, customers: int = 0, items: int = 0, *, has_accounts: bool = True) -> None:
        """Say what each import does, and how many are linked now."""
        service = terms.service if terms is not None else ""
        self._texts["older"].setText(
            tr(
                "Invoices that were sent before you connected stay here. Choose a day, see exactly what would be "
                "written in {service}, and send that.",
                service=service,
            )
        )
        self._texts["customers"].setText(
            tr(
                "Everyone in {service} with a suggested type; who is here already is linked, never copied. "
                "{count} are linked now.",
                service=service,
                count=f"{customers:,}",
            )
        )
        self._texts["items"].setText(
            tr(
                "Items from {service} bring their {what} along. Take as few as you like. {count} are linked now.",
                service=service,
                what=tr("account and tax") if has_accounts else tr("price"),
                count=f"{items:,}",
            )
        )
