"""Which income account each item's revenue goes to: the tab, and the panel that the wizard shows too."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QVBoxLayout, QWidget

from desktop.core import Core
from desktop.models.states import CompanyKey
from desktop.providers.base import Terms
from desktop.sync import mapping
from desktop.sync.mapping import MappingRow, MappingView
from desktop.text import tr
from desktop.ui import formats, operations
from desktop.ui.banner import Banner
from desktop.ui.busy import SkeletonOverlay
from desktop.ui.buttons import PrimaryButton, QuietButton
from desktop.ui.check_model import CheckTableModel
from desktop.ui.check_table import CheckTable
from desktop.ui.chips import FilterChips
from desktop.ui.columns import Column
from desktop.ui.empty_state import EmptyState
from desktop.ui.labels import LinkLabel, label
from desktop.ui.panels import Card
from desktop.ui.problems import show_problem
from desktop.ui.search_field import SearchField
from desktop.ui.status import Status
from desktop.ui.theme import theme
from desktop.ui.watching import watch


@dataclass(frozen=True, slots=True)
class _Row:
    """One item with the account chosen on screen, saved or not."""

    item: MappingRow
    chosen: str
    """Account id, "" for none."""
    chosen_name: str
    saved: str

    @property
    def is_open(self) -> bool:
        return not self.chosen

    @property
    def is_changed(self) -> bool:
        return self.chosen != self.saved


class MappingPanel(QWidget):
    """The table with its tools. Nothing is stored before `save` (M50)."""

    changed = Signal()
    """Other accounts are chosen now; `dirty` and `open_count` may be different."""
    loaded = Signal()
    load_failed = Signal(object)

    def __init__(self, core: Core, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._core = core
        self._key: CompanyKey | None = None
        self._view = MappingView((), ())
        self._names: dict[str, str] = {}
        self._ids: frozenset[int] = frozenset()
        self._text = ""
        self._lay_out()

    # -- what others ask ----------------------------------------------------------------------

    @property
    def dirty(self) -> bool:
        """Whether something chosen here is not saved yet."""
        return any(row.is_changed for row in self.model.rows)

    @property
    def open_count(self) -> int:
        """Items without an account, as chosen on screen (M153)."""
        return sum(1 for row in self.model.rows if row.is_open)

    def choices(self) -> dict[int, str]:
        """What `save` would store: item id -> account id."""
        return {row.item.item_id: row.chosen for row in self.model.rows if row.is_changed}

    def load(self) -> None:
        """Read the mapping from our books; unsaved choices on screen are kept."""
        operations.run(self, self._read(), success=self._fill, failure=self.load_failed.emit, busy=self._skeleton.busy)

    async def save(self) -> int:
        """Store what was chosen; answers how many items changed. Raises InputError, NotAllowed, StorageProblem."""
        if self._key is None:
            return 0
        choices = self.choices()
        count = await self._core.do(mapping.save_mapping, self._key, choices) if choices else 0
        self._fill(await self._read(), keep=False)
        return count

    def show_only(self, ids: Iterable[int]) -> None:
        """Only these items, as a failure named them; none means all."""
        self._ids = frozenset(ids)
        self.chips.set_chip_visible("named", bool(self._ids))
        if self._ids:
            self.chips.choose("named")
        elif self.chips.current == "named":
            self.chips.choose("all")
        self._refilter()
        if self._ids and self.model.rowCount():
            self.table.select_ids([self.model.id_at(0)], self.model.id_at(0))

    def choose(self, item_id: int, account_id: str) -> None:
        """Choose an account for one item on screen."""
        for row_id, row in enumerate(self.model.rows):
            if row.item.item_id == item_id:
                self._set({row_id: account_id})

    def apply_to_all_unmapped(self) -> None:
        """Give the account picked beside the button to every item that has none (M48); stored on save."""
        account = self.picker.currentData()
        if account:
            wanted = mapping.apply_to_unmapped(self._as_chosen(), account)
            self._set({n: account for n, row in enumerate(self.model.rows) if row.item.item_id in wanted})

    def use_suggestions(self) -> None:
        """Take the suggested account wherever an item has none."""
        self._set(
            {n: row.item.suggested_id for n, row in enumerate(self.model.rows) if row.is_open and row.item.suggested_id}
        )

    # -- private ------------------------------------------------------------------------------

    def _as_chosen(self) -> MappingView:
        rows = tuple(
            replace(row.item, usable=bool(row.chosen), account_id=row.chosen or None) for row in self.model.rows
        )
        return MappingView(self._view.accounts, rows)

    async def _read(self) -> MappingView:
        self._key = await self._core.company_key()
        self._terms = await self._core.terms()
        if self._key is None:
            return MappingView((), ())
        return await self._core.ask(mapping.mapping_view, self._key)

    def _fill(self, view: MappingView, *, keep: bool = True) -> None:
        unsaved = {row.item.item_id: row.chosen for row in self.model.rows if row.is_changed} if keep else {}
        self._view = view
        self._names = {account.external_id: account.name for account in view.accounts}
        rows = []
        for item in view.rows:
            saved = item.account_id if item.usable and item.account_id else ""
            chosen = unsaved.get(item.item_id, saved)
            rows.append(_Row(item, chosen, self._names.get(chosen, ""), saved))
        self.model.clear()
        self.model.append_rows(rows)
        before = self.picker.currentData()
        self.picker.clear()
        self.picker.addItem(tr("Choose an account"), "")
        for account in view.accounts:
            self.picker.addItem(account.name, account.external_id)
        self.picker.setCurrentIndex(max(0, self.picker.findData(before)))
        self._refilter()
        self._tell()
        self.loaded.emit()

    def _set(self, accounts: dict[int, str | None]) -> None:
        rows = {}
        for row_id, account in accounts.items():
            row = self.model.rows[row_id]
            rows[row_id] = replace(row, chosen=account or "", chosen_name=self._names.get(account or "", ""))
        self.model.replace_rows(rows)
        self._tell()

    def _tell(self) -> None:
        count = self.open_count
        suggested = sum(1 for row in self.model.rows if row.is_open and row.item.suggested_id)
        self.chips.set_counts({"all": len(self.model.rows), "open": count, "named": len(self._ids)})
        self.apply_button.setEnabled(bool(self.picker.currentData()) and count > 0)
        self.suggest_button.setVisible(suggested > 0)
        self.suggest_button.setText(
            tr("Use 1 suggestion") if suggested == 1 else tr("Use {count} suggestions", count=formats.number(suggested))
        )
        self.changed.emit()

    def _refilter(self) -> None:
        chip, text = self.chips.current, self._text.casefold()

        def shown(row: _Row) -> bool:
            if chip == "open" and not (row.is_open or row.is_changed):
                return False
            if chip == "named" and row.item.item_id not in self._ids:
                return False
            return not text or text in row.item.name.casefold() or text in row.chosen_name.casefold()

        self.model.set_filter(shown)
        self.empty.setVisible(not self.model.rows)
        for part in (self.card, self.chips, self.search, self.picker, self.apply_button):
            part.setVisible(bool(self.model.rows))
        self.chips.set_counts({"all": len(self.model.rows), "open": self.open_count, "named": len(self._ids)})

    def _on_search(self, text: str) -> None:
        self._text = text
        self._refilter()

    def _choices(self, _row: _Row) -> list[tuple[str, str]]:
        return [("", tr("None yet")), *((account.external_id, account.name) for account in self._view.accounts)]

    def _account(self, row: _Row) -> Status:
        if row.chosen:
            return Status(row.chosen_name, "info" if row.is_changed else "", "edit" if row.is_changed else "")
        if row.item.account_name:
            return Status(tr("“{name}” can't be used any more", name=row.item.account_name), "bad", "bad")
        return Status(tr("Choose an account"), "wait", "not_synced")

    def _suggestion(self, row: _Row) -> str:
        if row.is_open and row.item.suggested_id:
            return tr("Suggested: {name}", name=self._names.get(row.item.suggested_id, ""))
        return tr("Not saved yet") if row.is_changed else ""

    def _lay_out(self) -> None:
        px = theme().px
        self.chips = FilterChips(
            [("all", tr("All")), ("open", tr("Without account")), ("named", tr("In this invoice"))], self
        )
        self.chips.chosen.connect(lambda _key: self._refilter())
        self.search = SearchField(tr("Search items"), self)
        self.search.setMaximumWidth(px(220))
        self.search.searched.connect(self._on_search)
        self.picker = QComboBox(self)
        self.picker.setAccessibleName(tr("Account for all unmapped items"))
        self.picker.setMinimumWidth(px(150))
        self.picker.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.picker.setMinimumContentsLength(16)
        self.apply_button = QuietButton(tr("Apply to All &Unmapped"), self)
        self.picker.currentIndexChanged.connect(
            lambda _n: self.apply_button.setEnabled(bool(self.picker.currentData()) and self.open_count > 0)
        )
        self.apply_button.setEnabled(False)
        self.apply_button.clicked.connect(self.apply_to_all_unmapped)
        self.suggest_button = LinkLabel("", self)
        self.suggest_button.clicked.connect(self.use_suggestions)
        columns = [
            Column[_Row](tr("Item"), lambda row: row.item.name, key="item", sort_key="item", stretch=True),
            Column[_Row](
                tr("Account"),
                lambda row: self._account(row).text,
                key="account",
                sort_key="account",
                status=self._account,
                choices=self._choices,
                width=26,
                stretch=True,
            ),
            Column[_Row](
                tr("Suggestion"),
                self._suggestion,
                key="suggestion",
                status=lambda row: Status(self._suggestion(row)) if self._suggestion(row) else None,
                width=26,
            ),
        ]
        self.model = CheckTableModel[_Row](columns, self, can_check=lambda row: False)
        self.model.choice_made.connect(lambda row_id, _column, key: self._set({row_id: key}))
        self.table = CheckTable(tr("Items and their accounts"), self)
        self.table.setModel(self.model)
        self.table.setColumnHidden(0, True)
        self.card = Card(parent=self)
        self.card.body.setContentsMargins(1, 1, 1, 1)
        self.card.body.addWidget(self.table)
        self.card.setMinimumHeight(px(130))
        self.empty = EmptyState(
            "items", tr("No items yet"), tr("Import items or add one; then choose where its revenue goes."), parent=self
        )
        self._skeleton = SkeletonOverlay(self.card)
        tools = QHBoxLayout()
        tools.setSpacing(px(8))
        tools.addWidget(self.chips, 1)
        tools.addWidget(self.search)
        apply = QHBoxLayout()
        apply.setSpacing(px(8))
        apply.addWidget(self.picker)
        apply.addWidget(self.apply_button)
        apply.addWidget(self.suggest_button)
        apply.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(12))
        column.addLayout(tools)
        column.addWidget(self.card, 1)
        column.addWidget(self.empty, 1)
        column.addLayout(apply)
        self.empty.hide()
        self.show_only(())


def why_it_matters(terms: Terms | None) -> str:
    """M52, in the service's own words for an account."""
    word = terms.income_account if terms is not None else tr("income account")
    service = terms.service if terms is not None else tr("your books")
    return tr(
        "The {word} decides where revenue shows up in {service}. With the wrong one your profit report and your tax "
        "figures are wrong; with none, an invoice with that item is not sent.",
        word=word,
        service=service,
    )


def nothing_to_map(terms: Terms | None) -> str:
    """Why a service has no accounts to choose, in its own words (M7)."""
    if terms is not None and terms.mapping_note:
        return terms.mapping_note
    return tr("{service} keeps no accounts on items.", service=terms.service if terms is not None else "")


class MappingTab(QWidget):
    """Account Mapping on the service's page: the panel with Save and Discard."""

    toasted = Signal(str)

    def __init__(self, core: Core, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._core = core
        px = theme().px
        self.why = label("", "secondary", wrap=True, parent=self)
        self.banner = Banner(self)
        self.panel = MappingPanel(core, self)
        self.nothing = EmptyState("account", tr("There is nothing to map"), "", parent=self)
        self.nothing.hide()
        self._has_accounts = True
        self.state = label("", "secondary", parent=self)
        self.save_button = PrimaryButton(tr("&Save"), self)
        self.discard_button = QuietButton(tr("Dis&card"), self)
        self.save_button.clicked.connect(self._on_save)
        self.discard_button.clicked.connect(self._on_discard)
        foot = QHBoxLayout()
        foot.setSpacing(px(8))
        foot.addWidget(self.state, 1)
        foot.addWidget(self.discard_button)
        foot.addWidget(self.save_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, px(16), 0, px(16))
        column.setSpacing(px(12))
        column.addWidget(self.why)
        column.addWidget(self.banner)
        column.addWidget(self.panel, 1)
        column.addWidget(self.nothing, 1)
        column.addLayout(foot)
        self.panel.changed.connect(self._show_state)
        self.panel.load_failed.connect(lambda error: show_problem(self.banner, error))
        self._show_state()
        watch(self, core, ("mapping", "item"), self._on_books_changed)

    def set_terms(self, terms: Terms | None, *, has_accounts: bool = True) -> None:
        """The service's own words; without accounts there is nothing to map (M7)."""
        self._has_accounts = has_accounts
        self.why.setText(why_it_matters(terms) if has_accounts else "")
        self.nothing.set_text(tr("There is nothing to map"), nothing_to_map(terms))
        for part in (self.why, self.panel, self.state, self.save_button):
            part.setVisible(has_accounts)
        self.nothing.setVisible(not has_accounts)
        self._show_state()

    def load(self) -> None:
        self.banner.clear()
        self.panel.load()

    def show_only(self, ids: Iterable[int]) -> None:
        """Only the items a failure named."""
        self.panel.show_only(ids)

    def _on_books_changed(self) -> None:
        if self.isVisible():
            self.panel.load()

    def _show_state(self) -> None:
        changed, missing = len(self.panel.choices()), self.panel.open_count
        self.save_button.setEnabled(changed > 0)
        self.discard_button.setVisible(changed > 0 and self._has_accounts)
        if changed:
            text = tr("1 change is not saved.") if changed == 1 else tr("{n} changes are not saved.", n=changed)
        elif missing:
            text = tr("1 item has no account.") if missing == 1 else tr("{n} items have no account.", n=missing)
        else:
            text = tr("Every item has its account.") if self.panel.model.rows else ""
        self.state.setText(text)

    def _on_save(self) -> None:
        self.save_button.setEnabled(False)
        self.banner.clear()
        operations.run(self, self.panel.save(), success=self._on_saved, failure=self._on_save_failed)

    def _on_saved(self, count: int) -> None:
        self._show_state()
        self.toasted.emit(
            tr("Saved: 1 item has a new account.")
            if count == 1
            else tr("Saved: {n} items have a new account.", n=count)
        )

    def _on_save_failed(self, error: Exception) -> None:
        self._show_state()
        show_problem(self.banner, error)

    def _on_discard(self) -> None:
        operations.run(
            self,
            self.panel._read(),
            success=lambda view: self.panel._fill(view, keep=False),
            failure=lambda error: show_problem(self.banner, error),
        )
