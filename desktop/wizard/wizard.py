"""The setup wizard: five steps after connecting, each of which can be skipped and none of which blocks."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QCloseEvent, QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget, QWizard

from desktop.core import Core
from desktop.errors import NotAllowed
from desktop.providers.base import Capabilities, Terms
from desktop.sync import mapping, overview
from desktop.sync.overview import ConnectionView
from desktop.text import tr
from desktop.ui import operations
from desktop.ui.buttons import PlainButton, PrimaryButton, QuietButton
from desktop.ui.help_route import HelpButton
from desktop.ui.theme import theme
from desktop.wizard.accounts_page import AccountsPage
from desktop.wizard.customers_page import CustomersPage
from desktop.wizard.done_page import DonePage
from desktop.wizard.flow import SKIPPED, Flow, Only, is_finished
from desktop.wizard.items_page import ItemsPage
from desktop.wizard.page import StepPage
from desktop.wizard.settings_page import SettingsPage

_PAGES: dict[str, Callable[[SetupWizard], StepPage]] = {
    "customers": CustomersPage,
    "items": ItemsPage,
    "accounts": AccountsPage,
    "settings": SettingsPage,
    "done": DonePage,
}
_SKIP = QWizard.WizardButton.CustomButton1


class SetupWizard(QWizard):
    """Made ready by `SetupWizard.prepare`; show it with `open()`, never `exec()`."""

    pages_made: Mapping[str, Callable[[Any], StepPage]] = _PAGES

    def __init__(
        self, core: Core, flow: Flow, terms: Terms, capabilities: Capabilities, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.core, self.flow, self.terms, self.capabilities = core, flow, terms, capabilities
        self.results: dict[str, dict[str, Any]] = {}
        """What the steps of this run came to."""
        self._passing = False
        self._names: dict[str, str] | None = None
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.setWindowTitle(tr("Set up {service}", service=terms.full_name))
        self.setAccessibleName(self.windowTitle())
        self.setWizardStyle(QWizard.WizardStyle.ModernStyle)
        self.setOption(QWizard.WizardOption.NoBackButtonOnStartPage)
        self.setOption(QWizard.WizardOption.NoCancelButtonOnLastPage)
        self.setOption(QWizard.WizardOption.HaveCustomButton1)
        self.setOption(QWizard.WizardOption.HaveHelpButton)
        self._set_up_buttons()
        self.pages_by_step: dict[str, StepPage] = {}
        for number, step in enumerate(flow.steps):
            page = self.pages_made[step](self)
            page.commit_changed.connect(self._say)
            page.completeChanged.connect(self._say)
            self.pages_by_step[step] = page
            self.setPage(number, page)
        self.currentIdChanged.connect(lambda _id: self._on_page())
        self.finished.connect(lambda _code: self._end())
        self._fit()

    @property
    def help_topic(self) -> str:
        """The help page of the step that is shown."""
        page = self.currentPage()
        return page.help_topic if isinstance(page, StepPage) else "setup"

    # -- steps --------------------------------------------------------------------------------

    def id_of(self, step: str) -> int:
        return self.flow.steps.index(step)

    @property
    def step(self) -> str:
        """The step shown now; "" before the first."""
        page = self.currentPage()
        return page.step if isinstance(page, StepPage) else ""

    def begin_at(self, step: str) -> None:
        """Show this step first (M14: where it was left)."""
        self.setStartId(self.id_of(step))

    async def account_names(self) -> dict[str, str]:
        """The service's accounts by id, read once."""
        if self._names is None:
            key = await self.core.company_key()
            view = await self.core.ask(mapping.mapping_view, key) if key is not None else None
            self._names = {one.external_id: one.name for one in view.accounts} if view is not None else {}
        return self._names

    # -- going on -----------------------------------------------------------------------------

    def validateCurrentPage(self) -> bool:
        """Next, Commit and Finish: do what the page stands for first, and go on when that is done."""
        page = self.currentPage()
        if self._passing or not isinstance(page, StepPage):
            return True
        if not page.isComplete():
            return False
        work = page.commit()
        if work is None:
            return True
        self._do(page, work, page.is_import)
        return False

    def skip(self) -> None:
        """Leave the step with no change made (M13)."""
        page = self.currentPage()
        if not isinstance(page, StepPage) or page.step == "done":
            return
        page.stop()
        page.banner.clear()
        page.setCommitPage(False)  # nothing was done, so one may come back
        self.results[page.step] = dict(SKIPPED)
        if self.flow.only is not None:
            self.reject()
            return
        self._do(page, self.core.do(overview.note_step, page.step, SKIPPED), False)

    def _do(self, page: StepPage, work: Coroutine[Any, Any, object], shown: bool) -> None:
        page.work(
            work,
            success=lambda _result: self._go_on(),
            progress=tr("Importing") if shown else "",
        )
        self._say()

    def _go_on(self) -> None:
        self._passing = True
        try:
            if self.currentPage().isFinalPage():
                self.accept()
            else:
                self.next()
        finally:
            self._passing = False

    # -- the window ---------------------------------------------------------------------------

    def closeEvent(self, event: QCloseEvent) -> None:
        self._end()
        super().closeEvent(event)

    def _end(self) -> None:
        """Closed, finished or left half-way: what is under way ends, what was done stays (M14)."""
        for page in self.pages_by_step.values():
            page.stop()

    def _set_up_buttons(self) -> None:
        kinds = QWizard.WizardButton
        self.setButton(kinds.NextButton, PrimaryButton(tr("&Next"), self))
        self.setButton(kinds.CommitButton, PrimaryButton(tr("&Import Selected"), self))
        self.setButton(kinds.FinishButton, PrimaryButton(tr("&Finish"), self))
        self.setButton(kinds.BackButton, QuietButton(tr("&Back"), self))
        self.setButton(
            kinds.CancelButton, PlainButton(tr("Finish later") if self.flow.only is None else tr("Cancel"), self)
        )
        self.setButton(_SKIP, PlainButton(tr("&Skip"), self))
        self.button(_SKIP).clicked.connect(self.skip)
        self.setButton(kinds.HelpButton, HelpButton(self))
        layout = [kinds.CancelButton, kinds.HelpButton, kinds.Stretch, kinds.CustomButton1, kinds.BackButton]
        self.setButtonLayout([*layout, kinds.NextButton, kinds.CommitButton, kinds.FinishButton])
        for which in (kinds.NextButton, kinds.CommitButton, kinds.FinishButton):
            button = self.button(which)
            assert isinstance(button, QPushButton)
            button.setDefault(True)

    def _line_up(self) -> None:
        """Have the last button end where the page does; QWizard makes its rows anew when another page is shown."""
        for row in self.findChildren(QHBoxLayout):
            if row.indexOf(self.button(_SKIP)) >= 0:
                margins = row.contentsMargins()
                margins.setRight(theme().px(24) + 2)
                row.setContentsMargins(margins)

    def _on_page(self) -> None:
        self._line_up()
        self._say()
        page = self.currentPage()
        if isinstance(page, AccountsPage) and page.has_accounts:
            page.panel.table.setFocus()
        elif isinstance(page, StepPage) and not page.is_import:
            kinds = QWizard.WizardButton
            self.button(kinds.FinishButton if page.isFinalPage() else kinds.NextButton).setFocus()

    def _say(self) -> None:
        page = self.currentPage()
        if not isinstance(page, StepPage):
            return
        kinds = QWizard.WizardButton
        words = page.commit_words()
        which = kinds.CommitButton if page.isCommitPage() else kinds.NextButton
        self.setButtonText(which, words)
        self.button(which).setAccessibleName(words.replace("&", ""))
        self.button(_SKIP).setVisible(not page.isFinalPage() and self.flow.only is None)
        if page.isCommitPage():
            self.button(kinds.NextButton).setVisible(False)

    def _fit(self) -> None:
        px = theme().px
        self.setMinimumSize(px(680), px(420))
        screen = QGuiApplication.primaryScreen()
        room = screen.availableSize() if screen is not None else None
        wide, high = px(1120), px(700)
        if room is not None:
            wide, high = min(wide, room.width() - 16), min(high, room.height() - 40)
        self.resize(wide, high)


async def prepare(core: Core, parent: QWidget | None = None, only: str = "") -> SetupWizard:
    """The wizard for the live connection, at the step where it was left; a finished one starts anew (M15).

    `only` is "customers" or "items" for one import alone, "file" or "file:items" for one from a file, which needs
    no connection. Raises NotAllowed when nothing is connected.
    """
    if only.startswith("file"):
        from desktop.wizard.file_wizard import prepare_file  # which is made of this one

        return await prepare_file(core, parent, only.partition(":")[2])
    view = await core.connection()
    if view is None:
        raise NotAllowed(tr("No accounting service is connected."), tr("Connect one in Settings > Integrations."))
    info = next(one for one in core.services() if one.key.value == view.provider)
    flow = Flow.importing(Only(only)) if only else Flow()
    progress = await _progress(core, view, flow)
    wizard = SetupWizard(core, flow, info.terms, info.capabilities, parent)
    wizard.begin_at(flow.first_open(progress))
    return wizard


async def _progress(core: Core, view: ConnectionView, flow: Flow) -> dict[str, Any]:
    if flow.only is None and is_finished(view.wizard):
        await core.do(overview.forget_steps)
        return {}
    return dict(view.wizard)


class WizardOpener(QWidget):
    """Stands for a wizard that is on its way: `opened` tells when it is there."""

    opened = Signal(object)
    failed = Signal(object)

    def __init__(self, core: Core, parent: QWidget, only: str) -> None:
        super().__init__(parent)
        self.hide()
        operations.run(self, prepare(core, parent, only), success=self._show, failure=self._on_failed)

    def _show(self, wizard: SetupWizard) -> None:
        wizard.open()
        self.opened.emit(wizard)
        self.deleteLater()

    def _on_failed(self, error: Exception) -> None:
        self.failed.emit(error)
        self.deleteLater()


def open_wizard(core: Core, parent: QWidget, *, only: str = "") -> QWidget:
    """Show the wizard over `parent`; what is returned emits `opened(wizard)` or `failed(error)`."""
    return WizardOpener(core, parent, only)
