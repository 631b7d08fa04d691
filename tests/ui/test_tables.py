"""Lists: windowed rows, selection, copying, remembered columns, ticks; all checked by Qt's own model tester."""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QComboBox

from desktop.books.sheets import neutral
from desktop.ui import operations
from desktop.ui.check_model import CHOICES_ROLE, CheckTableModel
from desktop.ui.check_table import CheckTable
from desktop.ui.columns import RECORD_ROLE, Column
from desktop.ui.empty_state import EmptyState
from desktop.ui.record_table import COPY_LIMIT, RecordList, RecordTable
from desktop.ui.status import STATUS_ROLE, Status
from desktop.ui.windowed_model import KEPT, PAGE, WindowedTableModel
from tests.helpers.waiting import until

ROLE = Qt.ItemDataRole


@dataclass(frozen=True)
class Row:
    id: int
    name: str
    total: int = 0


class Rows:
    """A source that remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []
        self.gone: set[int] = set()
        self.renamed: dict[int, str] = {}

    def page(self, ids: Sequence[int]) -> list[Row]:
        self.asked.append(list(ids))
        there = sorted(set(ids) - self.gone)
        return [Row(n, self.renamed.get(n, f"<b>name {n}</b>"), n * 3) for n in there]


class LateRows(Rows):
    def __init__(self) -> None:
        super().__init__()
        self.open = asyncio.Event()
        self.broken = False

    async def fetch(self, ids: Sequence[int]) -> list[Row]:
        await self.open.wait()
        if self.broken:
            raise ConnectionError("no answer")
        return self.page(ids)


COLUMNS = [
    Column[Row]("Name", lambda r: r.name, sort_key="name", stretch=True),
    Column[Row]("Total", lambda r: str(r.total), align=Qt.AlignmentFlag.AlignRight, sort_key="total"),
    Column[Row](
        "Sync",
        lambda r: "Synced",
        status=lambda r: Status("Synced", "good", "synced"),
        tooltip=lambda r: f"{r.name}: sent",
    ),
]


def filled(count: int, source: Rows | None = None) -> WindowedTableModel[Row]:
    model = WindowedTableModel(COLUMNS, source or Rows())
    model.set_ids(array("q", range(count, 0, -1)))
    return model


@pytest.fixture
def table(qtbot, look) -> RecordTable:
    view = RecordTable("Invoices")
    view.resize(700, 400)
    qtbot.addWidget(view)
    view.setModel(filled(1000))
    view.show()
    view.activateWindow()
    qtbot.waitUntil(view.isActiveWindow)
    view.setFocus(Qt.FocusReason.TabFocusReason)
    return view


# -- the windowed model -------------------------------------------------------------------------


@pytest.mark.parametrize("count", [0, 1, PAGE, PAGE + 1])
def test_qt_finds_no_fault_with_the_windowed_model(qtmodeltester, count) -> None:
    qtmodeltester.check(filled(count))


def test_only_pages_near_the_screen_are_read_and_kept(qapp) -> None:
    source = Rows()
    model = filled(100_000, source)
    assert model.rowCount() == 100_000 and not source.asked
    assert model.index(5, 0).data() == "<b>name 99995</b>"
    assert model.index(199, 1).data() == str(99801 * 3)
    assert sum(len(ids) for ids in source.asked) <= 4 * PAGE
    for page in range(KEPT + 5):
        model.row_at(page * PAGE)
    assert len(model._pages) == KEPT
    before = len(source.asked)
    model.row_at((KEPT + 4) * PAGE)
    assert len(source.asked) == before
    model.row_at(0)
    assert len(source.asked) == before + 1


def test_roles(qapp) -> None:
    model = filled(3)
    index = model.index(0, 2)
    assert index.data(STATUS_ROLE) == Status("Synced", "good", "synced")
    assert index.data(ROLE.AccessibleTextRole) == "Synced"
    assert index.data(ROLE.ToolTipRole) == "<span>&lt;b&gt;name 3&lt;/b&gt;: sent</span>"
    assert index.data(RECORD_ROLE) == Row(3, "<b>name 3</b>", 9)
    assert model.index(0, 1).data(ROLE.TextAlignmentRole) & Qt.AlignmentFlag.AlignRight
    assert model.index(0, 1).data(ROLE.AccessibleTextRole) == "9"
    assert index.data(ROLE.DecorationRole) is None and index.data(ROLE.FontRole) is None
    assert model.headerData(1, Qt.Orientation.Horizontal) == "Total"


def test_a_changed_row_is_read_again_alone(qapp, qtbot) -> None:
    source = Rows()
    model = filled(500, source)
    changes: list[tuple[int, int]] = []
    model.dataChanged.connect(lambda first, last, *_: changes.append((first.row(), last.row())))
    model.row_at(0), model.row_at(250)
    source.renamed[500] = "new"
    model.row_changed(500)
    model.row_changed(12345)
    assert changes == [(0, 0)] and model.row_at(0).name == "new"
    changes.clear()
    model.rows_changed([499, 498, 100])
    assert changes == [(1, 2), (400, 400)]


def test_a_row_deleted_elsewhere_is_an_empty_one_not_an_error(qapp) -> None:
    source = Rows()
    source.gone = {2}
    model = filled(3, source)
    assert model.row_at(1) is None and model.index(1, 0).data() is None
    assert model.row_at(2) == Row(1, "<b>name 1</b>", 3)


def test_sorting_is_asked_for(qapp) -> None:
    model = filled(3)
    asked: list[tuple[str, bool]] = []
    model.sort_requested.connect(lambda key, descending: asked.append((key, descending)))
    model.sort(1, Qt.SortOrder.DescendingOrder)
    model.sort(2, Qt.SortOrder.AscendingOrder)
    model.sort(-1)
    assert asked == [("total", True)] and model.id_at(0) == 3


async def test_rows_from_afar_are_painted_empty_first(qloop, qtbot) -> None:
    source = LateRows()
    model = WindowedTableModel(COLUMNS, source)
    model.set_ids(array("q", range(1, 301)))
    changes: list[tuple[int, int]] = []
    model.dataChanged.connect(lambda first, last, *_: changes.append((first.row(), last.row())))
    assert model.row_at(0) is None and model.row_at(1) is None
    source.open.set()
    await until(lambda: changes)
    assert changes == [(0, PAGE - 1)] and model.row_at(0).id == 1 and len(source.asked) == 1


def test_a_screen_is_read_with_one_question_wherever_it_begins(table, qtbot) -> None:
    source = table.model()._source
    for row in (0, 3, 7, 501, 990):
        source.asked.clear()
        table.model().set_ids(array("q", range(1000, 0, -1)))
        table.scrollTo(table.model().index(row, 0), table.ScrollHint.PositionAtTop)
        table.viewport().repaint()
        shown = range(table.rowAt(0), min(table.rowAt(table.viewport().height() - 1) % 1001, 999) + 1)
        (asked,) = source.asked
        assert {table.model().id_at(row) for row in shown} <= set(asked) and len(asked) <= len(shown) + 2 * PAGE
        table.viewport().repaint()
        assert len(source.asked) == 1, "nothing is read twice"


async def test_rows_from_afar_are_fetched_a_screen_ahead_with_one_question(qloop, qtbot) -> None:
    source = LateRows()
    model = WindowedTableModel(COLUMNS, source)
    model.set_ids(array("q", range(1, 301)))
    source.open.set()
    model.read_ahead(100, 109)
    model.read_ahead(100, 109)
    await until(lambda: not operations.pending())
    (asked,) = source.asked
    assert {*range(91, 121)} <= set(asked) and len(asked) <= 30 + 2 * PAGE
    model.read_ahead(290, 299)
    await until(lambda: not operations.pending())
    assert len(source.asked) == 2 and model.row_at(299).id == 300


async def test_what_changed_while_it_was_on_its_way_is_asked_for_again(qloop, qtbot) -> None:
    source = LateRows()
    model = WindowedTableModel(COLUMNS, source)
    model.set_ids(array("q", range(1, 301)))
    model.read_ahead(0, 9)
    model.row_changed(1)
    assert model.row_at(0) is None
    source.renamed[1] = "new"
    source.open.set()
    await until(lambda: not operations.pending())
    assert len(source.asked) == 2 and model.row_at(0).name == "new" and model.row_at(PAGE).id == PAGE + 1


async def test_rows_from_afar_stay_painted_until_they_have_been_read_again(qloop, qtbot) -> None:
    source = LateRows()
    model = WindowedTableModel(COLUMNS, source, told=lambda error: None)

    async def read() -> None:
        model.read_ahead(0, 9)
        await until(lambda: not operations.pending())

    def painted(row: int) -> object:
        return model.index(row, 0).data()

    source.open.set()
    model.set_ids(array("q", range(1, 301)))
    await read()
    source.open.clear()
    source.renamed, source.gone = {1: "new"}, {2}
    model.rows_changed([1, 2])
    assert painted(0) == "<b>name 1</b>" and painted(1) == "<b>name 2</b>"
    assert model.row_at(0) is None, "what is painted is not taken for what is"
    source.open.set()
    await read()
    assert painted(0) == "new" and painted(1) is None
    source.open.clear()
    source.renamed[5] = "moved"
    model.set_ids(array("q", range(5, 301)))
    assert painted(0) == "<b>name 5</b>" and model.row_at(0) is None
    source.open.set()
    await read()
    assert painted(0) == "moved"
    source.broken = True
    model.rows_changed([5])
    assert painted(0) == "moved"
    await read()
    assert painted(0) is None, "nobody knows how it is by now"
    await until(lambda: not operations.pending())


@pytest.mark.parametrize("later", [False, True])
async def test_rows_that_cannot_be_read_are_told_once_and_so_is_that_they_can_be_again(
    qloop, qtbot, look, later: bool
) -> None:
    source = LateRows() if later else Rows()
    whole, told = source.page, []

    def broken(ids: Sequence[int]) -> list[Row]:
        raise OSError("the disk is gone")

    source.page = broken
    if later:
        source.open.set()
    view = RecordTable("Invoices")
    qtbot.addWidget(view)
    view.setModel(WindowedTableModel(COLUMNS, source, told=told.append))
    view.model().set_ids(array("q", range(1, 301)))
    view.show()

    async def painted() -> None:
        view.viewport().repaint()
        await until(lambda: not operations.pending())
        await asyncio.sleep(0)

    for _ in range(3):
        await painted()
    await until(lambda: told)
    assert [str(error) for error in told] == ["the disk is gone"] and view.model().index(0, 0).data() is None
    source.page = whole
    await painted()
    await until(lambda: len(told) == 2)
    assert told[1] is None and view.model().index(0, 0).data() == "<b>name 1</b>"
    source.page = broken
    view.model().set_ids(array("q", range(300, 0, -1)))
    await painted()
    await until(lambda: len(told) == 3)


async def test_copied_rows_from_afar_are_waited_for(qloop, qtbot, look) -> None:
    source, told = LateRows(), []
    view = RecordTable("Invoices")
    qtbot.addWidget(view)
    view.setModel(WindowedTableModel(COLUMNS, source))
    view.model().set_ids(array("q", range(1, 3001)))
    view.copied.connect(lambda *counts: told.append(counts))
    view.selectAll()
    view.copy()
    assert not told
    source.open.set()
    await until(lambda: told)
    lines = QGuiApplication.clipboard().text().splitlines()
    assert told == [(COPY_LIMIT, 3000)] and len(lines) == COPY_LIMIT
    assert lines[0].startswith("<b>name 1</b>\t3") and lines[-1].startswith(f"<b>name {COPY_LIMIT}</b>")


async def test_a_page_nobody_waits_for_is_forgotten_and_a_failed_one_tried_again(qloop, qtbot) -> None:
    source, errors = LateRows(), []
    operations.set_unhandled(lambda owner, error: errors.append(error))
    model = WindowedTableModel(COLUMNS, source)
    model.set_ids(array("q", range(1, 301)))
    model.row_at(0)
    model.set_ids(array("q", range(300, 0, -1)))
    source.open.set()
    source.broken = True
    model.row_at(0)
    await until(lambda: not operations.pending())
    assert [str(error) for error in errors] == ["no answer"] and not source.asked
    source.broken = False
    model.row_at(0)
    await until(lambda: not operations.pending())
    assert model.row_at(0).id == 300
    operations.set_unhandled(None)


# -- the view -----------------------------------------------------------------------------------


def test_rows_are_opened_by_enter_and_double_click(table, qtbot) -> None:
    opened: list[int] = []
    table.activated_record.connect(opened.append)
    assert table.current_id() == 1000  # the focus arrived by Tab
    qtbot.keyClick(table, Qt.Key.Key_Down)
    qtbot.keyClick(table, Qt.Key.Key_Return)
    place = table.visualRect(table.model().index(3, 0)).center()
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    qtbot.mouseDClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert opened == [999, 997]


def test_the_selection_stays_with_its_records(table, qtbot) -> None:
    table.select_ids([990, 980], current=980)
    changes: list[int] = []
    table.selection_changed.connect(lambda: changes.append(1))
    table.model().set_ids(array("q", range(500, 1001)))
    assert list(table.selected_ids()) == [980, 990] and table.current_id() == 980 and changes
    table.model().set_ids(array("q", [990, 1]))
    assert list(table.selected_ids()) == [990] and table.current_id() is None


def test_everything_selected_in_100_000_rows(table, qtbot) -> None:
    table.setModel(filled(100_000))
    table.selectAll()
    assert len(table.selected_ids()) == 100_000
    table.model().set_ids(array("q", range(1, 5)))
    assert not table.selected_ids()


def test_copied_rows_are_text_for_a_spreadsheet_without_formulas(table, qtbot) -> None:
    table.model()._source.renamed = {1000: "=1+1", 999: "a\tb\n<c>", 998: "-5.00"}
    table.model().set_ids(array("q", range(1000, 0, -1)))
    table.select_ids([1000, 999, 998])
    table.horizontalHeader().moveSection(1, 0)
    table.horizontalHeader().setSectionHidden(2, True)
    told: list[tuple[int, int]] = []
    table.copied.connect(lambda *counts: told.append(counts))
    qtbot.keyClick(table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    mime = QGuiApplication.clipboard().mimeData()
    assert mime.text() == "3000\t'=1+1\n2997\ta b <c>\n2994\t-5.00"
    assert "&lt;c&gt;" in mime.html() and told == [(3, 3)]
    table.select_ids([999], current=999)
    qtbot.keyClick(table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == "2997"


@pytest.mark.parametrize("text", ["=1", "+cmd", "-x", "@sum", " =1", "\t=1"])
def test_formula_signs_are_neutralised(text) -> None:
    assert neutral(text).startswith("'")


def test_columns_are_hidden_moved_and_remembered(table, qtbot, look) -> None:
    menu = table.column_menu()
    assert [action.text() for action in menu.actions()] == ["Name", "Total", "Sync"]
    menu.actions()[1].trigger()
    assert table.isColumnHidden(1)
    table.horizontalHeader().moveSection(2, 0)
    saved = table.save_state()
    other = RecordTable("Invoices")
    qtbot.addWidget(other)
    other.setModel(filled(5))
    assert other.restore_state(saved)
    assert other.isColumnHidden(1) and other.horizontalHeader().logicalIndex(0) == 2
    for broken in (
        "",
        "{}",
        "[]",
        saved.replace('"Total"', '"Balance"'),
        saved.replace('"version": 2', '"version": 9'),
    ):
        assert not other.restore_state(broken)
    other.make_room((1, 2), 0, 40)
    assert other.isColumnHidden(1)  # hidden by the owner, whatever room there is
    for action in other.column_menu().actions():
        if action.isChecked() and action.isEnabled():
            action.trigger()
    assert any(not other.isColumnHidden(number) for number in range(3))


def test_a_column_of_states_keeps_its_sign_while_there_is_no_room_for_words(table) -> None:
    header = table.horizontalHeader()
    full = header.sectionSize(2)
    others = header.sectionSize(1)

    def room_for(name: int, sync: int) -> None:
        table.setFixedWidth(table.width() - table.viewport().width() + others + name + sync)
        table.make_room((2,), 0, 150, slim=(2, 54, 100))

    room_for(150, full)
    assert header.sectionSize(2) == full
    room_for(100, 54)
    assert not table.isColumnHidden(2) and header.sectionSize(2) == 54
    saved = table.save_state()
    assert header.sectionSize(2) == 54
    room_for(99, 54)
    assert table.isColumnHidden(2)
    room_for(150, full)
    assert not table.isColumnHidden(2) and header.sectionSize(2) == full
    room_for(100, 54)
    assert table.restore_state(saved) and header.sectionSize(2) == full, "what is remembered is its whole width"


def test_a_click_on_the_header_sorts_and_selects_nothing(table, qtbot) -> None:
    header = table.horizontalHeader()
    asked: list[tuple[str, bool]] = []
    table.model().sort_requested.connect(lambda *what: asked.append(what))

    def click(number: int) -> None:
        place = QPoint(header.sectionViewportPosition(number) + 20, header.height() // 2)
        qtbot.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=place)

    click(1)
    click(1)
    click(2)  # cannot be sorted: the arrow stays where it was
    assert asked == [("total", False), ("total", True)] and header.sortIndicatorSection() == 1
    assert not table.selected_ids()
    table.show_sorted("name", True)
    assert header.sortIndicatorSection() == 0 and len(asked) == 2


def test_rows_have_their_height_by_the_text_size(table, look) -> None:
    assert table.rowHeight(0) == 40
    look.set_text_scale(2.0)
    assert table.rowHeight(0) >= 80


def test_the_list_has_a_face_for_nothing_and_for_no_hits(qtbot, look) -> None:
    table = RecordTable("Invoices")
    table.setModel(filled(3))
    shown = RecordList(table, EmptyState("invoices", "No invoices yet"), EmptyState("no_hits", "No hits"))
    qtbot.addWidget(shown)
    shown.show_rows(filtered=False)
    assert shown.face == "table"
    table.model().set_ids(array("q"))
    shown.show_rows(filtered=True)
    assert shown.face == "no_hits"
    shown.show_rows(filtered=False)
    assert shown.face == "empty"


# -- ticks --------------------------------------------------------------------------------------

KINDS = [("home", "Homeowner"), ("business", "Business")]
CHECK_COLUMNS = [
    Column[Row]("Name", lambda r: r.name, sort_key="name"),
    Column[Row]("Type", lambda r: KINDS[r.total % 2][1], choices=lambda r: KINDS),
]


def checks(count: int = 10) -> CheckTableModel[Row]:
    model = CheckTableModel(CHECK_COLUMNS, can_check=lambda r: r.id % 5 != 4)
    model.append_rows([Row(n, f"name {n:02}", n) for n in range(count)], checked=lambda r: r.id % 2 == 0)
    return model


def test_qt_finds_no_fault_with_the_tick_model(qtmodeltester) -> None:
    qtmodeltester.check(checks())


def test_ticks_filter_and_stream(qapp, qtbot) -> None:
    model = checks()
    assert model.checked_ids() == [0, 2, 6, 8] and model.shown_state() == Qt.CheckState.PartiallyChecked
    model.set_filter(lambda r: r.id >= 6)
    assert model.rowCount() == 4 and model.checked_count == 4
    model.set_all_shown(True)
    assert model.shown_state() == Qt.CheckState.Checked  # 9 cannot be ticked and does not count
    assert model.checked_ids() == [0, 2, 6, 7, 8]
    added: list[tuple[int, int]] = []
    model.rowsInserted.connect(lambda _parent, first, last: added.append((first, last)))
    model.append_rows([Row(n, f"name {n}") for n in (3, 20, 21)])
    assert added == [(4, 5)] and model.shown_state() == Qt.CheckState.PartiallyChecked
    model.set_all_shown(False)
    assert model.checked_ids() == [0, 2] and model.shown_state() == Qt.CheckState.Unchecked
    model.set_filter(None)
    assert model.rowCount() == 13


def test_sorting_keeps_ticks_and_persistent_places(qapp) -> None:
    from PySide6.QtCore import QPersistentModelIndex

    model = checks()
    kept = QPersistentModelIndex(model.index(2, 1))
    model.sort(1, Qt.SortOrder.DescendingOrder)
    assert model.id_at(0) == 9 and kept.row() == 7 and kept.data() == "name 02"
    model.sort(-1)
    assert model.id_at(0) == 0 and model.checked_ids() == [0, 2, 6, 8]


def test_choices_are_announced_not_made(qapp) -> None:
    model = checks()
    made: list[tuple[int, int, str]] = []
    model.choice_made.connect(lambda *what: made.append(what))
    index = model.index(3, 2)
    assert index.data(CHOICES_ROLE) == KINDS and index.flags() & Qt.ItemFlag.ItemIsEditable
    assert model.setData(index, "home") and not model.setData(index, "alien")
    assert made == [(3, 1, "home")] and index.data() == "Business"
    model.replace_row(3, replace(model.rows[3], total=0))
    assert index.data() == "Homeowner"


def test_50_000_rows_are_ticked_at_once(qapp) -> None:
    model = checks(50_000)
    changes: list[int] = []
    model.dataChanged.connect(lambda *_: changes.append(1))
    model.set_all_shown(True)
    assert len(changes) == 1 and model.checked_count == 40_000


def test_ticks_by_mouse_space_and_the_box_in_the_header(qtbot, look) -> None:
    table = CheckTable("Customers")
    table.resize(600, 400)
    qtbot.addWidget(table)
    model = checks()
    table.setModel(model)
    table.show()
    table.activateWindow()
    table.setFocus(Qt.FocusReason.TabFocusReason)
    place = table.visualRect(model.index(1, 0)).center()
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert model.is_checked(1)
    table.select_ids([1, 2, 3, 4], current=1)
    qtbot.keyClick(table, Qt.Key.Key_Space)
    assert model.checked_ids() == [0, 6, 8]
    qtbot.keyClick(table, Qt.Key.Key_Space)
    assert model.checked_ids() == [0, 1, 2, 3, 6, 8]
    assert list(table.selected_ids()) == [1, 2, 3, 4]
    header = table.horizontalHeader()
    for state in (Qt.CheckState.Checked, Qt.CheckState.Unchecked):
        qtbot.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(20, header.height() // 2))
        assert model.shown_state() == state
    assert model.index(0, 0).data(ROLE.AccessibleTextRole) == "name 00, not selected"
    table.grab()


def test_a_choice_is_made_in_place_by_keyboard(qtbot, look) -> None:
    table = CheckTable("Customers")
    qtbot.addWidget(table)
    model = checks()
    table.setModel(model)
    table.show()
    made: list[tuple[int, int, str]] = []
    model.choice_made.connect(lambda *what: made.append(what))
    table.setCurrentIndex(model.index(1, 2))
    qtbot.keyClick(table, Qt.Key.Key_F2)
    combo = table.viewport().findChild(QComboBox)
    assert combo is not None and combo.currentText() == "Business" and combo.accessibleName() == "Type"
    combo.setCurrentIndex(0)
    combo.activated.emit(0)
    assert made == [(1, 1, "home")]


def test_the_header_of_a_tick_list_sorts_it(qtbot, look) -> None:
    table = CheckTable("Customers")
    table.resize(600, 400)
    qtbot.addWidget(table)
    model = checks()
    table.setModel(model)
    table.show()
    header = table.horizontalHeader()
    sorted_times: list[int] = []
    model.layoutChanged.connect(lambda *_: sorted_times.append(1))
    place = QPoint(header.sectionViewportPosition(1) + 20, header.height() // 2)
    for first in (0, 9):
        qtbot.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=place)
        assert model.id_at(0) == first
    assert len(sorted_times) == 2 and not table.selected_ids() and model.checked_count == 4


def test_a_restored_sorting_is_asked_for_again(qtbot, table) -> None:
    table.model().sort_requested.connect(lambda *_: None)
    table.sortByColumn(1, Qt.SortOrder.DescendingOrder)
    saved = table.save_state()
    other = RecordTable("Invoices")
    qtbot.addWidget(other)
    other.setModel(filled(5))
    with qtbot.waitSignal(other.model().sort_requested) as asked:
        assert other.restore_state(saved)
    assert asked.args == ["total", True]
