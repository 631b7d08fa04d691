"""The one stylesheet, built from the theme's tokens; it holds rules only, no colour of its own."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from PySide6.QtCore import QTemporaryDir

from desktop.ui.status import CELL_MARGIN

if TYPE_CHECKING:
    from desktop.ui.theme import Theme

_ART = {
    "chevron": ("text2", '<path d="M4 6l4 4 4-4"/>'),
    "chevron_up": ("text2", '<path d="M4 10l4-4 4 4"/>'),
    "check": ("on_accent", '<path d="M3.5 8.5l3 3 6-6.5"/>'),
    "tick": ("text", '<path d="M3.5 8.5l3 3 6-6.5"/>'),
    "dash": ("on_accent", '<path d="M4 8h8"/>'),
    "dot": ("on_accent", '<circle cx="8" cy="8" r="2.2"/>'),
}

_RULES = Template("""
QToolTip { background: $tip; color: $on_tip; border: 1px solid $tip; padding: ${p4}px ${p8}px; }
QLabel { background: transparent; }
QLabel[role="title"] { font-size: ${f20}px; font-weight: 600; }
QLabel[role="section"] { font-size: ${f15}px; font-weight: 600; }
QLabel[role="strong"] { font-weight: 600; }
QLabel[role="secondary"] { color: $text2; }
QLabel[role="hint"] { color: $text3; font-size: ${f12}px; }
QLabel[role="field"] { color: $text2; }
QLabel[role="error"] { color: $bad; font-size: ${f12}px; }
QLabel[status="good"] { color: $good; }
QLabel[status="wait"] { color: $wait; }
QLabel[status="bad"] { color: $bad; }
QLabel[status="info"] { color: $info; }

QFrame[role="card"] { background: $panel; border: 1px solid $hairline; border-radius: ${p8}px; }
QFrame[role="panel"] { background: $panel; border: none; }
QFrame[role="rail"] { background: $panel; border: none; border-right: 1px solid $hairline; }
QFrame[role="line"] { background: $hairline; border: none; max-height: 1px; min-height: 1px; }
QFrame[role="banner"] { border-radius: ${p6}px; border: 1px solid transparent; }
QFrame[role="banner"][status="info"] { background: $info_bg; }
QFrame[role="banner"][status="good"] { background: $good_bg; }
QFrame[role="banner"][status="wait"] { background: $wait_bg; }
QFrame[role="banner"][status="bad"] { background: $bad_bg; }
QFrame[role="toast"] { background: $tip; border-radius: ${p6}px; }
QFrame[role="toast"] QLabel { color: $on_tip; }

QPushButton, QToolButton[role="button"] {
  min-height: ${h}px; padding: 0 ${p12}px; border: 1px solid $hairline; border-radius: ${p6}px;
  background: $panel; color: $text; }
QPushButton:hover { background: $hover; border-color: $control; }
QPushButton:pressed { background: $pressed; }
QPushButton:focus { border: 2px solid $accent; padding: 0 ${p11}px; min-height: ${h2}px; }
QPushButton:disabled { color: $text3; background: $window; border-color: $hairline; }
QPushButton[kind="primary"] { background: $accent; color: $on_accent; border-color: $accent;
  font-weight: 600; }
QPushButton[kind="primary"]:hover, QPushButton[kind="primary"]:pressed { background: $accent_hover; }
QPushButton[kind="primary"]:focus { border: 2px solid $text; }
QPushButton[kind="primary"]:disabled { background: $pressed; color: $text3; border-color: $pressed; }
QPushButton[kind="danger"] { color: $bad; }
QPushButton[kind="danger"]:hover { background: $bad_bg; border-color: $bad; }
QPushButton[kind="danger-filled"] { background: $bad; color: $on_bad; border-color: $bad; font-weight: 600; }
QPushButton[kind="danger-filled"]:hover { background: $bad_hover; }
QPushButton[kind="danger-filled"]:focus { border: 2px solid $text; }
QPushButton[kind="plain"], QPushButton[kind="link"] { background: transparent; border-color: transparent; }
QPushButton[kind="plain"]:hover { background: $pressed; }
QPushButton[kind="plain"]:focus, QPushButton[kind="link"]:focus { border-color: $accent; }
QPushButton[kind="link"] { color: $accent; padding: 0 ${p4}px; }
QPushButton[kind="link"]:focus { padding: 0 ${p3}px; }
QPushButton[kind="link"]:hover { color: $accent_hover; text-decoration: underline; }
QPushButton[kind="icon"] { background: transparent; border-color: transparent; padding: 0;
  min-width: ${h}px; }
QPushButton[kind="icon"]:hover { background: $pressed; }
QPushButton[kind="icon"]:focus { border-color: $accent; padding: 0; min-width: ${h2}px; }
QPushButton[kind="on-toast"] { background: transparent; border-color: transparent; color: $tip_action;
  font-weight: 600; }
QPushButton[kind="on-toast"]:hover { text-decoration: underline; }
QPushButton[kind="on-toast"]:focus { border-color: $tip_action; }

QPushButton[kind="chip"] { border-radius: ${chip_r}px; min-height: ${chip}px; color: $text2;
  background: transparent; }
QPushButton[kind="chip"]:hover { background: $hover; color: $text; }
QPushButton[kind="chip"]:focus { min-height: ${chip2}px; }
QPushButton[kind="chip"]:checked { background: $selected; border-color: $accent; color: $text;
  font-weight: 600; }
QPushButton[kind="connection"] { border-radius: ${conn_r}px; background: transparent; color: $text2; }

QLineEdit, QPlainTextEdit, QTextEdit, QComboBox, QAbstractSpinBox {
  min-height: ${h}px; border: 1px solid $control; border-radius: ${p6}px; background: $panel; color: $text;
  padding: 0 ${p8}px; selection-background-color: $accent; selection-color: $on_accent; }
QPlainTextEdit, QTextEdit { padding: ${p4}px; }
QLineEdit:focus, QPlainTextEdit:focus, QTextEdit:focus, QComboBox:focus, QAbstractSpinBox:focus {
  border: 2px solid $accent; padding: 0 ${p7}px; min-height: ${h2}px; }
QPlainTextEdit:focus, QTextEdit:focus { padding: ${p3}px; }
QLineEdit[invalid="true"], QComboBox[invalid="true"], QAbstractSpinBox[invalid="true"] { border-color: $bad; }
QLineEdit:disabled, QComboBox:disabled, QAbstractSpinBox:disabled { background: $window; color: $text3; }
QLineEdit[search="true"], QLineEdit[search="true"]:focus { padding-left: 0; }
QLineEdit:read-only { background: $window; }
QAbstractSpinBox QLineEdit, QComboBox QLineEdit { border: none; padding: 0; min-height: 0;
  background: transparent; }
QComboBox { padding-left: ${p10}px; }
QGroupBox { border: 1px solid $hairline; border-radius: ${p8}px; margin-top: ${p24}px; padding: ${p8}px; }
QGroupBox::title { subcontrol-origin: margin; subcontrol-position: top left; color: $text; }
QMessageBox QLabel#qt_msgbox_label { font-size: ${f15}px; font-weight: 600; min-width: ${wide}px; }
QMessageBox QLabel#qt_msgbox_informativelabel { color: $text2; min-width: ${wide}px; }
QComboBox::drop-down, QDateEdit::drop-down {
  subcontrol-origin: padding; subcontrol-position: center right; width: ${p24}px; border: none; }
QComboBox::down-arrow, QDateEdit::down-arrow { image: url("$chevron"); width: ${p16}px; height: ${p16}px; }
QSpinBox::up-button, QSpinBox::down-button, QTimeEdit::up-button, QTimeEdit::down-button { border: none;
  width: ${p24}px; }
QSpinBox::up-arrow, QTimeEdit::up-arrow { image: url("$chevron_up"); width: ${p12}px; height: ${p12}px; }
QSpinBox::down-arrow, QTimeEdit::down-arrow { image: url("$chevron"); width: ${p12}px; height: ${p12}px; }
QComboBox QAbstractItemView { background: $panel; border: 1px solid $hairline; padding: ${p4}px; outline: 0;
  selection-background-color: $selected; selection-color: $text; }

QCheckBox, QRadioButton { spacing: ${p8}px; padding: ${p4}px; border: 2px solid transparent;
  border-radius: ${p6}px; }
QCheckBox:focus, QRadioButton:focus { border-color: $accent; }
QCheckBox::indicator, QRadioButton::indicator, QAbstractItemView::indicator, QGroupBox::indicator {
  width: ${p16}px; height: ${p16}px; border: 1px solid $control; border-radius: ${p4}px; background: $panel; }
QRadioButton::indicator { border-radius: ${radio_r}px; }
QCheckBox::indicator:hover, QRadioButton::indicator:hover { border-color: $accent; }
QCheckBox::indicator:checked, QAbstractItemView::indicator:checked, QGroupBox::indicator:checked {
  background: $accent; border-color: $accent; image: url("$check"); }
QCheckBox::indicator:indeterminate, QAbstractItemView::indicator:indeterminate {
  background: $accent; border-color: $accent; image: url("$dash"); }
QRadioButton::indicator:checked { background: $accent; border-color: $accent; image: url("$dot"); }
QCheckBox::indicator:disabled, QRadioButton::indicator:disabled { background: $window;
  border-color: $hairline; }

QTableView, QListView, QTreeView {
  background: $panel; border: none; outline: 0; alternate-background-color: $panel;
  selection-background-color: $selected; selection-color: $text; }
QTableView[role="records"]::item { padding: 0 ${p12}px; border: none; border-bottom: 1px solid $hairline; }
QTableView[role="records"]::item:selected, QListView::item:selected { background: $selected; color: $text; }
QTreeView[role="plan"]::item { padding: ${p4}px ${p8}px ${p4}px ${p4}px; }
QListView::item { padding: ${p4}px ${p8}px; border-radius: ${p4}px; }
QListView::item:hover { background: $hover; }
QHeaderView { background: $panel; border: none; }
QHeaderView::section { background: $panel; color: $text2; border: none; border-bottom: 1px solid $hairline;
  padding: 0 ${head}px; min-height: ${h}px; font-weight: 400; font-size: ${f12}px; }
QHeaderView::section:hover { background: $hover; color: $text; }
QHeaderView::down-arrow { image: url("$chevron"); width: ${p12}px; height: ${p12}px;
  subcontrol-position: center right; }
QHeaderView::up-arrow { image: url("$chevron_up"); width: ${p12}px; height: ${p12}px;
  subcontrol-position: center right; }
QTableCornerButton::section { background: $panel; border: none; }

QTabWidget::pane { border: none; border-top: 1px solid $hairline; }
QTabBar { qproperty-drawBase: 0; }
QTabBar QToolButton { background: $panel; border: none; }
QTabBar::tab { padding: ${p8}px ${p12}px; color: $text2; border: none; border-bottom: 2px solid transparent;
  background: transparent; }
QTabBar::tab:hover { color: $text; border-bottom-color: $control; }
QTabBar::tab:selected { color: $text; border-bottom-color: $accent; }
QTabBar::tab:focus { color: $accent; background: $hover; }

QPushButton[kind="rail"] { background: transparent; border-color: transparent; color: $text2;
  text-align: left;
  min-height: ${rail}px; padding: 0 ${p8}px; }
QPushButton[kind="rail"]:hover { background: $hover; color: $text; }
QPushButton[kind="rail"]:checked { background: $selected; color: $text; font-weight: 600; }
QPushButton[kind="rail"]:focus { border: 1px solid transparent; padding: 0 ${p8}px; min-height: ${rail}px; }
QPushButton[kind="rail"][ring="true"]:focus { border: 2px solid $accent; padding: 0 ${p7}px;
  min-height: ${rail2}px; }

QMenuBar { background: $panel; border-bottom: 1px solid $hairline; }
QMenuBar::item { padding: ${p6}px ${p8}px; background: transparent; }
QMenuBar::item:selected { background: $hover; }
QMenu { background: $panel; border: 1px solid $hairline; padding: ${p4}px; }
QMenu::item { padding: ${p6}px ${p24}px ${p6}px ${p32}px; border-radius: ${p4}px; }
QMenu::item:selected { background: $selected; color: $text; }
QMenu::item:disabled { color: $text3; }
QMenu::indicator { width: ${p16}px; height: ${p16}px; left: ${p8}px; background: transparent; border: none; }
QMenu::indicator:checked { image: url("$tick"); }
QMenu::icon { left: ${p8}px; }
QMenu::separator { height: 1px; background: $hairline; margin: ${p4}px 0; }

QProgressBar { border: none; background: $pressed; border-radius: 2px; max-height: 4px; min-height: 4px; }
QProgressBar::chunk { background: $accent; border-radius: 2px; }
QSplitter::handle { background: $hairline; }
QScrollArea { background: transparent; border: none; }
QScrollBar:vertical { background: transparent; width: ${p12}px; margin: 0; }
QScrollBar:horizontal { background: transparent; height: ${p12}px; margin: 0; }
QScrollBar::handle { background: $scroll; border-radius: ${p4}px; margin: 2px; }
QScrollBar::handle:vertical { min-height: ${p32}px; }
QScrollBar::handle:horizontal { min-width: ${p32}px; }
QScrollBar::handle:hover { background: $control; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
QStatusBar { background: $panel; color: $text2; border-top: 1px solid $hairline; }
QStatusBar::item { border: none; }
QCalendarWidget QWidget#qt_calendar_navigationbar { background: $panel; border-bottom: 1px solid $hairline; }
QCalendarWidget QToolButton { color: $text; background: transparent; border: none; padding: ${p4}px ${p8}px;
  border-radius: ${p4}px; }
QCalendarWidget QToolButton:hover { background: $hover; }
QCalendarWidget QAbstractItemView { selection-background-color: $accent; selection-color: $on_accent; }
QCalendarWidget QSpinBox { min-height: 0; border: none; }
""")


@lru_cache(maxsize=1)
def _art_folder() -> QTemporaryDir:
    return QTemporaryDir()


def _art(theme: Theme) -> dict[str, str]:
    """Small SVG files for what a stylesheet takes only from a file: arrows and ticks in today's colours."""
    files = {}
    for name, (token, shape) in _ART.items():
        colour = getattr(theme.tokens, token)
        path = Path(_art_folder().path()) / f"{name}-{colour[1:]}.svg"
        if not path.exists():
            path.write_text(
                '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16" fill="none" stroke-width="1.8" '
                f'stroke-linecap="round" stroke-linejoin="round" stroke="{colour}">{shape}</svg>',
                encoding="utf-8",
            )
        files[name] = path.as_posix()
    return files


def stylesheet(theme: Theme) -> str:
    """The stylesheet for the theme's present tokens and text size."""
    from dataclasses import asdict

    px = theme.px
    sizes = {f"p{n}": px(n) for n in (3, 4, 6, 7, 8, 10, 11, 12, 16, 24, 32)}
    sizes["p7"], sizes["p3"], sizes["p11"] = sizes["p8"] - 1, sizes["p4"] - 1, sizes["p12"] - 1
    fonts = {f"f{n}": max(12, px(n)) for n in (12, 15, 20)}
    inner = px(32) - 2  # a stylesheet's height is measured inside the border
    chip = px(28) - 2
    heights = {
        "wide": px(340),
        "h": inner,
        "h2": inner - 2,
        "chip": chip,
        "chip2": chip - 2,
        "head": px(12) + CELL_MARGIN,
        "rail": px(36) - 2,
        "rail2": px(36) - 4,
        "chip_r": px(28) // 2,
        "conn_r": px(32) // 2,
    }
    return _RULES.substitute(asdict(theme.tokens), **sizes, **fonts, **heights, radio_r=px(8) + 1, **_art(theme))
