"""Signing in to a service: app keys if none are there, the browser, the confirmation with the company's name.

Opened with `open()`. It never blocks: the browser may take its ten minutes while the window works on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QDialog,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from desktop.core import Core
from desktop.errors import (
    AppKeysMissing,
    AppKeysWrong,
    BlueClerkError,
    CancelledByOwner,
    InputError,
    NotAllowed,
    OtherBooks,
    SecretStoreProblem,
    WrongCompany,
)
from desktop.providers.records import CompanyRef, ProviderKey
from desktop.sync.connect import Progress, SignInPage, Stage
from desktop.sync.secrets import KeyMissing, MemoryStore, StoreMissing
from desktop.sync.vault import start_over
from desktop.text import tr
from desktop.ui import dialogs, operations
from desktop.ui.app_keys_page import AppKeysForm, CopyLine
from desktop.ui.banner import Banner
from desktop.ui.buttons import PlainButton, PrimaryButton, QuietButton
from desktop.ui.form_field import FormField
from desktop.ui.help_route import HelpButton
from desktop.ui.icons import icon
from desktop.ui.labels import label
from desktop.ui.problems import show_problem, words
from desktop.ui.theme import theme

LINGER_MS = 1500
"""How long the confirmation stays before the wizard opens by itself; "Continue" is quicker."""


class ConnectDialog(QDialog):
    """One sign-in to one service."""

    help_topic = "connecting"

    ready = Signal(str)
    """Connected and read; the name of the company. The dialog is closed."""
    stopped = Signal()
    """Connected, but to other records than those linked: the connection's page asks what to do. It is closed too."""

    def __init__(
        self,
        core: Core,
        key: ProviderKey,
        parent: QWidget,
        *,
        again: bool = False,
        other: bool = False,
        wizard_follows: bool = True,
        linger_ms: int = LINGER_MS,
    ) -> None:
        """`again`: signing in once more to a connection that needs it; `other`: another company than before is wanted.

        `wizard_follows` is said on the last step.
        """
        super().__init__(parent.window())
        self._core, self._key, self._again, self._linger = core, key, again, linger_ms
        self._info = next(info for info in core.services() if info.key is key)
        self._service = self._info.terms.service
        self._wizard_follows = wizard_follows
        self._page: SignInPage | None = None
        self._task: asyncio.Task[None] | None = None
        self._company = ""
        self._connected = False
        self._allow_other = other
        px = theme().px
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowModality(Qt.WindowModality.WindowModal)
        title = tr("Sign in again to {service}") if again else tr("Connect {service}")
        self.setWindowTitle(title.format(service=self._info.terms.full_name))
        self.setAccessibleName(self.windowTitle())
        self.steps = QStackedWidget(self)
        self.keys = _KeysStep(core, key, self._service, self)
        self.waiting = _WaitingStep(self._service, self)
        self.exchanging = _BusyStep(self)
        self.connected = _ConnectedStep(self._service, self)
        self.failed = _FailedStep(self)
        for step in (self.exchanging, self.keys, self.waiting, self.connected, self.failed):
            self.steps.addWidget(step)
        column = QGridLayout(self)
        column.setContentsMargins(px(24), px(20), px(24), px(20))
        column.addWidget(self.steps, 0, 0)
        self.help_button = HelpButton(self, lambda: "app_keys" if self.step == "keys" else self.help_topic)
        column.addWidget(self.help_button, 0, 0, Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignRight)
        self.keys.form.saved.connect(self.start)
        self.keys.cancel.clicked.connect(self.reject)
        self.waiting.cancel.clicked.connect(self.reject)
        self.waiting.again.clicked.connect(self._on_open_again)
        self.waiting.use_pasted.clicked.connect(self._on_pasted)
        self.waiting.pasted.field.returnPressed.connect(self._on_pasted)
        self.exchanging.cancel.clicked.connect(self.reject)
        self.connected.go_on.clicked.connect(self._finish)
        self.connected.banner.acted.connect(self._read_accounts)
        self.failed.try_again.clicked.connect(self.start)
        self.failed.cancel.clicked.connect(self.reject)
        self.failed.keys.clicked.connect(self._show_keys)
        self._other: Coroutine[Any, Any, Any] | None = None
        self.failed.other.clicked.connect(self._on_other)
        self.setMinimumWidth(px(460))
        self.resize(px(560), px(360))

    @property
    def step(self) -> str:
        """keys, waiting, exchanging, connected or failed."""
        names: dict[QWidget | None, str] = {
            self.keys: "keys",
            self.waiting: "waiting",
            self.exchanging: "exchanging",
            self.connected: "connected",
            self.failed: "failed",
        }
        return names[self.steps.currentWidget()]

    def open(self) -> None:
        super().open()
        self.start()

    # -- the way there ------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to sign in; again after a failure."""
        self._show(self.exchanging, tr("Opening {service}'s sign-in page", service=self._service))
        self._run(self._sign_in())

    async def _choose_company(self, companies: Sequence[CompanyRef]) -> CompanyRef:
        """Which company to keep books with, when this sign-in reaches several (W3). Raises CancelledByOwner."""
        chosen, _ = await dialogs.choose(
            self,
            tr("Which company?"),
            tr("You signed in to several companies. BlueClerk keeps its books with one of them."),
            [(one.external_id, one.name or one.external_id) for one in companies if not one.unusable],
            [(one.name or one.external_id, one.unusable) for one in companies if one.unusable],
        )
        company = next((one for one in companies if one.external_id == chosen), None)
        if company is None:
            raise CancelledByOwner(tr("No company was chosen, so nothing was connected."))
        return company

    async def _sign_in(self) -> None:
        self._core.choose_company = self._choose_company
        flow = await self._core.sign_in()
        self._page = await flow.begin(self._key.value, allow_other_company=self._allow_other)
        self.waiting.show_page(self._page)
        self._show(self.waiting)
        done = await flow.wait(self._on_progress)
        self._company = done.company.name or done.company.external_id
        self._connected = True
        self._show_connected()
        await self._core.after_connecting()

    def _run(self, coroutine: Coroutine[Any, Any, None]) -> None:
        if self._task is not None and not self._task.done():
            self._task.cancel()
        self._task = operations.run(self, coroutine, success=lambda _none: self._on_read(), failure=self._on_failed)

    def _on_progress(self, progress: Progress) -> None:
        if progress.stage is Stage.EXCHANGING:
            self._show(self.exchanging, tr("{service} agreed. Finishing the connection", service=self._service))

    def _on_open_again(self) -> None:
        operations.run(self, self._open_again(), success=self.waiting.show_opened, failure=self._on_failed)

    async def _open_again(self) -> bool:
        flow = await self._core.sign_in()
        return flow.open_browser_again(self._page.url) if self._page is not None else False

    def _on_pasted(self) -> None:
        text = self.waiting.pasted.field.text()
        if text.strip():
            self.waiting.pasted.set_error("")
            operations.run(self, self._paste(text), failure=self._on_paste_failed)

    async def _paste(self, text: str) -> None:
        (await self._core.sign_in()).finish_with_pasted(text)

    def _on_paste_failed(self, error: Exception) -> None:
        if isinstance(error, InputError | NotAllowed):
            self.waiting.pasted.set_error(error.sentence)
        else:
            self._on_failed(error)

    # -- the end ------------------------------------------------------------------------------

    def _show_connected(self) -> None:
        self.connected.show_company(self._company, self._wizard_follows)
        self._show(self.connected)

    def _read_accounts(self) -> None:
        self.connected.banner.clear()
        self.connected.show_company(self._company, self._wizard_follows)
        self._run(self._core.after_connecting())

    def _on_read(self) -> None:
        self.connected.show_read(self._wizard_follows)
        QTimer.singleShot(self._linger, self, self._finish)

    def _finish(self) -> None:
        if self.isVisible():
            self.accept()
            self.ready.emit(self._company)

    def _on_failed(self, error: Exception) -> None:
        if isinstance(error, CancelledByOwner):
            self.reject()
        elif isinstance(error, OtherBooks):
            self.accept()
            self.stopped.emit()
        elif self._connected:
            self.connected.show_problem(error)
        elif isinstance(error, AppKeysMissing | AppKeysWrong):
            self._show_keys()
            if isinstance(error, AppKeysWrong):
                show_problem(self.keys.form.banner, error)
        else:
            self._show_failure(error)

    def _show_failure(self, error: Exception) -> None:
        other = ""
        if isinstance(error, StoreMissing):
            other = tr("Connect for this session only")
        elif isinstance(error, KeyMissing):
            other = tr("Start over with a new key")
        elif isinstance(error, WrongCompany):
            other = tr("Start clean with the other company")
        self._reason = error
        self.failed.show_error(error, other, can_retry=not isinstance(error, NotAllowed))
        self.failed.keys.setVisible(not isinstance(error, NotAllowed | SecretStoreProblem | WrongCompany))
        self._show(self.failed)

    def _on_other(self) -> None:
        if isinstance(self._reason, WrongCompany):
            self._allow_other = True
            self.start()
        else:
            self._show(self.exchanging, tr("One moment"))
            self._run(self._start_over(self._reason))

    async def _start_over(self, reason: Exception) -> None:
        core = self._core
        if isinstance(reason, StoreMissing):
            core.use_store(MemoryStore())
            try:
                await core.cipher()
            except KeyMissing:  # keys of an earlier store are out of reach: begin with none, for this session
                await start_over(core.db, core.options.store, core.entropy)
        else:
            await start_over(core.db, core.options.store, core.entropy)
        await self._sign_in()

    def _show_keys(self) -> None:
        self.keys.form.load()
        self._show(self.keys)

    def _show(self, step: QWidget, text: str = "") -> None:
        if step is self.exchanging:
            self.exchanging.say(text)
        self.steps.setCurrentWidget(step)
        step.setFocus()
        high = theme().px(620 if step is self.keys else 360)
        screen = self.screen()
        room = screen.availableSize().height() - theme().px(60) if screen is not None else high
        self.resize(self.width(), min(high, room))

    def done(self, code: int) -> None:
        """Closed in any way: a sign-in under way is given up, whatever was connected stays."""
        task, self._task = self._task, None
        if task is not None and not task.done() and not self._connected:
            task.cancel()
            parent = self.parentWidget()
            if parent is not None:
                operations.run(parent, self._give_up(self._core))
        super().done(code)

    @staticmethod
    async def _give_up(core: Core) -> None:
        try:
            await (await core.sign_in()).cancel()
        except BlueClerkError:  # without a password store there is no sign-in to give up
            return


class _Step(QWidget):
    """Title, sentences, and a row of buttons at the foot."""

    def __init__(self, title: str, parent: QWidget) -> None:
        super().__init__(parent)
        px = theme().px
        self.title = label(title, "section", wrap=True, parent=self)
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(0, 0, 0, 0)
        self.column.setSpacing(px(12))
        self.column.addWidget(self.title)
        self.cancel = QuietButton(tr("Cancel"), self)
        self.foot = QHBoxLayout()
        self.foot.setSpacing(px(8))
        self.foot.addStretch(1)
        self.foot.addWidget(self.cancel)

    def close_column(self) -> None:
        self.column.addStretch(1)
        self.column.addLayout(self.foot)


class _KeysStep(_Step):
    def __init__(self, core: Core, key: ProviderKey, service: str, parent: QWidget) -> None:
        super().__init__(tr("First, your app keys for {service}", service=service), parent)
        self.form = AppKeysForm(core, key, self, save_words=tr("&Save and Connect"))
        self.form.setContentsMargins(0, 0, theme().px(12), 0)
        area = QScrollArea(self)
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidget(self.form)
        self.column.addWidget(area, 1)
        self.foot.addWidget(self.form.save_button)
        self.column.addLayout(self.foot)


class _WaitingStep(_Step):
    def __init__(self, service: str, parent: QWidget) -> None:
        super().__init__(tr("Waiting for your browser"), parent)
        self._service = service
        self.sentence = label("", wrap=True, parent=self)
        self.bar = _moving_bar(self)
        self.link = CopyLine("", tr("the sign-in address"), self)
        self.again = QuietButton(tr("&Open the browser again"), self, icon_name="external")
        self.more = PlainButton(tr("The browser says it can't reach the page?"), self)
        self.more.setCheckable(True)
        self.paste = QWidget(self)
        self.pasted = FormField(
            tr("&Paste the address that the browser shows"),
            QLineEdit(self),
            hint=tr("The whole line, from http to the end."),
            parent=self.paste,
        )
        self.use_pasted = PrimaryButton(tr("&Finish with this"), self.paste)
        row = QHBoxLayout(self.paste)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.pasted, 1)
        row.addWidget(self.use_pasted, 0, Qt.AlignmentFlag.AlignVCenter)
        self.more.toggled.connect(self.paste.setVisible)
        self.paste.hide()
        self.column.addWidget(self.sentence)
        self.column.addWidget(self.bar)
        self.column.addWidget(label(tr("Or open this address in any browser on this computer:"), "secondary"))
        self.column.addWidget(self.link)
        buttons = QHBoxLayout()
        buttons.addWidget(self.again)
        buttons.addWidget(self.more)
        buttons.addStretch(1)
        self.column.addLayout(buttons)
        self.column.addWidget(self.paste)
        self.close_column()

    def show_page(self, page: SignInPage) -> None:
        self.link.set_text(page.url)
        self.pasted.field.clear()
        self.pasted.set_error("")
        self.show_opened(page.browser_opened)
        self.more.setChecked(not page.listening)
        if not page.listening:
            self.sentence.setText(
                tr(
                    "Sign in to {service} in your browser and agree. Its last page can't be shown on this computer: "
                    "copy the address from the browser and paste it below.",
                    service=self._service,
                )
            )

    def show_opened(self, opened: bool) -> None:
        self.sentence.setText(
            tr(
                "{service} asks you to sign in and to agree, in the browser window that just opened. BlueClerk goes on "
                "by itself afterwards.",
                service=self._service,
            )
            if opened
            else tr(
                "No browser could be opened. Copy the address below into a browser on this computer, sign in to "
                "{service} and agree.",
                service=self._service,
            )
        )


class _BusyStep(_Step):
    def __init__(self, parent: QWidget) -> None:
        super().__init__("", parent)
        self.column.addWidget(_moving_bar(self))
        self.close_column()

    def say(self, text: str) -> None:
        self.title.setText(text)
        self.setAccessibleName(text)


class _ConnectedStep(_Step):
    def __init__(self, service: str, parent: QWidget) -> None:
        super().__init__("", parent)
        self._service = service
        sign = QLabel(self)
        size = theme().px(40)
        sign.setPixmap(icon("good", "good").pixmap(QSize(size, size), self.devicePixelRatioF()))
        self.column.insertWidget(0, sign)
        self.sentence = label("", "secondary", wrap=True, parent=self)
        self.banner = Banner(self, closable=False)
        self.bar = _moving_bar(self)
        self.column.addWidget(self.sentence)
        self.column.addWidget(self.bar)
        self.column.addWidget(self.banner)
        self.go_on = PrimaryButton(tr("&Continue"), self)
        self.foot.addWidget(self.go_on)
        self.cancel.hide()
        self.close_column()

    def show_company(self, company: str, wizard_follows: bool) -> None:
        self.title.setText(tr("Connected to {company}", company=company))
        self.setAccessibleName(self.title.text())
        self.sentence.setText(tr("Reading accounts, taxes and payment methods from {service}.", service=self._service))
        self.bar.show()
        self.go_on.hide()

    def show_read(self, wizard_follows: bool) -> None:
        self.bar.hide()
        self.sentence.setText(
            tr("Everything needed was read. The setup opens now.")
            if wizard_follows
            else tr("Everything needed was read. What waited goes out now.")
        )
        self.go_on.show()

    def show_problem(self, error: Exception) -> None:
        self.bar.hide()
        self.sentence.setText(
            tr("The connection is made, but the accounts could not be read yet. Nothing is sent before they are.")
        )
        show_problem(self.banner, error, tr("Try again"))
        self.go_on.show()


class _FailedStep(_Step):
    def __init__(self, parent: QWidget) -> None:
        super().__init__("", parent)
        self.sentence = label("", wrap=True, parent=self)
        self.check = label("", "secondary", wrap=True, parent=self)
        self.details = label("", "hint", wrap=True, parent=self)
        self.keys = QuietButton(tr("Check app &keys"), self)
        self.other = QuietButton("", self)
        self.try_again = PrimaryButton(tr("&Try again"), self)
        for part in (self.sentence, self.check, self.details):
            self.column.addWidget(part)
        extra = QHBoxLayout()
        extra.addWidget(self.other)
        extra.addWidget(self.keys)
        extra.addStretch(1)
        self.column.addLayout(extra)
        self.foot.addWidget(self.try_again)
        self.close_column()

    def show_error(self, error: Exception, other: str, *, can_retry: bool) -> None:
        """The sentence, what to check, and Try again (M139)."""
        self.title.setText(tr("Not connected"))
        title, advice = (error.title, error.advice) if isinstance(error, BlueClerkError) else (words(error)[0], "")
        self.sentence.setText(title)
        self.check.setText(advice)
        self.check.setVisible(bool(advice))
        details = error.details if isinstance(error, BlueClerkError) else ""
        self.details.setText(details)
        self.details.setVisible(bool(details))
        self.other.setText(other.replace("&", "&&"))
        self.other.setAccessibleName(other)
        self.other.setVisible(bool(other))
        self.try_again.setVisible(can_retry)
        self.cancel.setText(tr("Cancel") if can_retry else tr("Close"))
        self.setAccessibleName(title)


def _moving_bar(parent: QWidget) -> QProgressBar:
    bar = QProgressBar(parent)
    bar.setTextVisible(False)
    bar.setRange(0, 0 if theme().duration(150) else 1)
    bar.setAccessibleName(tr("Working"))
    return bar
