"""The owner's own app keys at a service: where to find them in plain words, and what to register there."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from desktop.core import Core
from desktop.errors import InputError
from desktop.providers.records import ProviderKey
from desktop.sync.loopback import PATH, PORTS
from desktop.text import tr
from desktop.ui import operations
from desktop.ui.banner import Banner
from desktop.ui.buttons import PrimaryButton, QuietButton
from desktop.ui.form_field import FormField, focus_first_error
from desktop.ui.labels import label
from desktop.ui.panels import Card
from desktop.ui.problems import show_problem
from desktop.ui.theme import theme


def redirect_addresses() -> list[str]:
    """What the browser may return to on this computer; each is to be registered, the first free one is used."""
    return [f"http://localhost:{port}{PATH}" for port in PORTS]


def guide(key: ProviderKey, service: str) -> list[str]:
    """Where the keys are, step by step."""
    if key is ProviderKey.QUICKBOOKS:
        return [
            tr("Open developer.intuit.com in your browser and sign in with your Intuit account."),
            tr("Create an app there and choose “Accounting”. Its name does not matter; “BlueClerk” is fine."),
            tr(
                "Under “Keys and credentials”, press Show and copy the Client ID and the Client Secret into the fields."
            ),
            tr("Under “Redirect URIs”, add the addresses shown below, letter for letter."),
        ]
    return [
        tr("Sign in to {service}'s pages for developers and create an app of your own.", service=service),
        tr("Copy its client id and its secret into the fields."),
        tr("Register the addresses shown below as its redirect addresses, letter for letter."),
    ]


class CopyLine(QWidget):
    """A text to be copied, with its button."""

    def __init__(self, text: str, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.field = QLineEdit(text, self)
        self.field.setReadOnly(True)
        self.field.setAccessibleName(name)
        self.field.setCursorPosition(0)
        self.button = QuietButton(tr("Copy"), self, icon_name="copy")
        self.button.setAccessibleName(tr("Copy {name}", name=name))
        self.button.clicked.connect(self.copy)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme().px(8))
        row.addWidget(self.field, 1)
        row.addWidget(self.button)

    def set_text(self, text: str) -> None:
        self.field.setText(text)
        self.field.setCursorPosition(0)
        self.button.setText(tr("Copy"))

    def copy(self) -> None:
        QGuiApplication.clipboard().setText(self.field.text())
        self.button.setText(tr("Copied"))


class AppKeysForm(QWidget):
    """The fields for one service and environment, with the way to them."""

    saved = Signal()

    def __init__(self, core: Core, key: ProviderKey, parent: QWidget | None = None, *, save_words: str = "") -> None:
        super().__init__(parent)
        self._core, self._key = core, key
        self._environment = core.environment(key)
        self._service = next(info.terms.service for info in core.services() if info.key is key)
        px = theme().px
        self.banner = Banner(self)
        steps = Card(tr("Where to find them"), self)
        steps.body.setSpacing(px(6))
        for number, text in enumerate(guide(key, self._service), start=1):
            steps.body.addWidget(label(f"{number}.  {text}", wrap=True, parent=steps))
        steps.body.addSpacing(px(4))
        steps.body.addWidget(label(tr("Redirect addresses to register"), "field", parent=steps))
        self.copies = [CopyLine(address, address, steps) for address in redirect_addresses()]
        for line in self.copies:
            steps.body.addWidget(line)
        if self._environment == "live":
            steps.body.addWidget(
                label(
                    tr(
                        "For a real company {service} accepts only an https address. Put BlueClerk's bounce page on "
                        "any web site of yours, register its address there, and enter the same below.",
                        service=self._service,
                    ),
                    "hint",
                    wrap=True,
                    parent=steps,
                )
            )
        self.client_id = FormField(tr("Client &id"), QLineEdit(self), parent=self)
        self.secret = FormField(
            tr("Client &secret"),
            QLineEdit(self),
            hint=tr("Kept encrypted on this computer; it goes to {service} only.", service=self._service),
            parent=self,
        )
        self.secret.field.setEchoMode(QLineEdit.EchoMode.Password)
        self.address = FormField(
            tr("&Return address (https, for a real company)"),
            QLineEdit(self),
            hint=tr("Leave it empty if you registered the addresses above."),
            parent=self,
        )
        self.address.setVisible(self._environment == "live")
        self.save_button = PrimaryButton(save_words or tr("&Save"), self)
        self.save_button.clicked.connect(self.save)
        for field in (self.client_id, self.secret, self.address):
            field.field.returnPressed.connect(self.save)
            field.field.textEdited.connect(lambda _text, field=field: field.set_error(""))
        self.state = label("", "secondary", wrap=True, parent=self)
        foot = QHBoxLayout()
        foot.addWidget(self.state, 1)
        foot.addWidget(self.save_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(12))
        column.addWidget(self.banner)
        column.addWidget(steps)
        for part in (self.client_id, self.secret, self.address):
            column.addWidget(part)
        column.addLayout(foot)
        column.addStretch(1)

    def load(self) -> None:
        """Show what is stored; the secret is never shown again."""
        operations.run(self, self._read(), success=self._fill, failure=lambda error: show_problem(self.banner, error))

    async def _read(self) -> tuple[str, str]:
        book = await self._core.app_keys()
        return (
            await book.client_id(self._key.value, self._environment),
            await book.redirect_address(self._key.value, self._environment),
        )

    def _fill(self, stored: tuple[str, str]) -> None:
        client_id, address = stored
        if not self.client_id.field.text():
            self.client_id.field.setText(client_id)
        if not self.address.field.text():
            self.address.field.setText(address)
        self.secret.field.setPlaceholderText(tr("Stored; enter it again only to change it") if client_id else "")
        self.state.setText(tr("Keys are stored.") if client_id else tr("No keys are stored yet."))

    def save(self) -> None:
        """Check and keep; a fault is shown at its field."""
        if not self.save_button.isEnabled():
            return
        for field in (self.client_id, self.secret, self.address):
            field.set_error("")
        self.banner.clear()
        operations.run(self, self._keep(), success=self._on_saved, failure=self._on_failed, busy=self._on_busy)

    async def _keep(self) -> None:
        book = await self._core.app_keys()
        typed = self.client_id.field.text().strip(), self.secret.field.text().strip()
        if self._environment == "live":
            await book.save_redirect_address(self._key.value, self._environment, self.address.field.text())
        stored = await book.client_id(self._key.value, self._environment)
        if not (stored and typed == (stored, "")):
            await book.save(self._key.value, self._environment, *typed)

    def _on_busy(self, busy: bool) -> None:
        self.save_button.setEnabled(not busy)

    def _on_saved(self, _none: object) -> None:
        self.secret.field.clear()
        self.state.setText(tr("Keys are stored."))
        self.saved.emit()

    def _on_failed(self, error: Exception) -> None:
        fields = {"client_id": self.client_id, "client_secret": self.secret, "redirect_uri": self.address}
        field = fields.get(error.field) if isinstance(error, InputError) else None
        if field is None:
            show_problem(self.banner, error, tr("Try again"))
            return
        assert isinstance(error, InputError)
        field.set_error(error.sentence)
        focus_first_error([self.client_id, self.secret, self.address])


class AppKeysPage(QWidget):
    """Settings > App keys: choose the service, enter its keys."""

    toasted = Signal(str)

    def __init__(self, core: Core, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._core = core
        self._form: AppKeysForm | None = None
        px = theme().px
        self.picker = QComboBox(self)
        for info in core.services():
            if info.available:
                self.picker.addItem(info.terms.full_name, info.key.value)
        head = FormField(tr("&Service"), self.picker, parent=self)
        head.setMaximumWidth(px(320))
        head.setVisible(self.picker.count() > 1)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, px(16))
        self._column.setSpacing(px(12))
        self._column.addWidget(
            label(
                tr(
                    "BlueClerk signs in with an app registration of your own, so nobody stands between you and your "
                    "books. It takes five minutes, once."
                ),
                "secondary",
                wrap=True,
                parent=self,
            )
        )
        self._column.addWidget(head)
        self._column.addStretch(1)
        self.picker.currentIndexChanged.connect(lambda _n: self.load())

    @property
    def form(self) -> AppKeysForm | None:
        return self._form

    def load(self) -> None:
        """Show the form of the chosen service."""
        key = self.picker.currentData()
        if key is None:
            return
        if self._form is not None:
            self._form.deleteLater()
        self._form = AppKeysForm(self._core, ProviderKey(key), self)
        self._form.saved.connect(lambda: self.toasted.emit(tr("The app keys are stored.")))
        self._column.insertWidget(2, self._form)
        self._form.load()
