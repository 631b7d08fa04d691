"""The help of the program: pages in a list with a search, one window that stays open beside the work."""

from __future__ import annotations

from html import escape

from PySide6.QtCore import Qt, QUrl
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from desktop.text import tr
from desktop.ui.buttons import QuietButton
from desktop.ui.help_topics import Form, Topic, search, topics
from desktop.ui.labels import label
from desktop.ui.search_field import SearchField
from desktop.ui.theme import theme

_KEY = int(Qt.ItemDataRole.UserRole)
_SCHEME = "topic"


class HelpWindow(QDialog):
    """One page at a time; the list at the left is the contents, narrowed by the search."""

    def __init__(self, parent: QWidget, key: str) -> None:
        super().__init__(parent)
        px = theme().px
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("BlueClerk Help"))
        self.setAccessibleName(self.windowTitle())
        self.search = SearchField(tr("Search help"), self)
        self.search.searched.connect(self._narrow)
        self.contents = QListWidget(self)
        self.contents.setAccessibleName(tr("Help pages"))
        self.contents.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.contents.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.contents.currentItemChanged.connect(self._on_chosen)
        self.nothing = label(tr("No page has these words."), "secondary", wrap=True, parent=self)
        self.nothing.hide()
        self.page = QTextBrowser(self)
        self.page.setOpenLinks(False)
        self.page.anchorClicked.connect(self._on_link)
        self.page.setFrameShape(QTextBrowser.Shape.NoFrame)
        self.page.setStyleSheet("border: none; border-radius: 0px;")
        self.page.document().setDocumentMargin(px(20))
        close = QuietButton(tr("&Close"), self)
        close.clicked.connect(self.close)
        left = QVBoxLayout()
        left.setSpacing(px(8))
        left.addWidget(self.search)
        left.addWidget(self.nothing)
        left.addWidget(self.contents, 1)
        left.addWidget(close, 0, Qt.AlignmentFlag.AlignLeft)
        side = QWidget(self)
        side.setLayout(left)
        side.setFixedWidth(px(310))
        left.setContentsMargins(px(16), px(16), px(16), px(16))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(side)
        row.addWidget(self.page, 1)
        self.resize(px(920), px(580))
        theme().changed.connect(self._draw)
        self._narrow("")
        self.show_topic(key)

    @property
    def topic(self) -> Topic:
        """The page that is shown."""
        return self._topic

    def show_topic(self, key: str) -> None:
        """Show the page `key`, whatever is searched for."""
        self._topic = topics()[key]
        for place in range(self.contents.count()):
            item = self.contents.item(place)
            if item.data(_KEY) == key:
                blocked = self.contents.blockSignals(True)
                self.contents.setCurrentItem(item)
                self.contents.blockSignals(blocked)
        self._draw()

    def _draw(self) -> None:
        look = theme()
        px = look.px
        text, quiet, link = (look.color(name).name() for name in ("text", "text2", "accent"))
        self.page.document().setDefaultStyleSheet(
            f"p.title {{ font-size: {px(20)}px; font-weight: 600; color: {text}; }}"
            f"p.head {{ font-size: {px(15)}px; font-weight: 600; color: {text}; margin-top: {px(14)}px; }}"
            f"ul {{ margin-left: -{px(22)}px; }}"
            f"p, li {{ color: {text}; margin-top: {px(4)}px; margin-bottom: {px(4)}px; line-height: 135%; }}"
            f".see {{ color: {quiet}; }} a {{ color: {link}; text-decoration: none; }}"
        )
        self.page.setHtml(_html(self._topic))
        self.page.setAccessibleName(self._topic.title)

    def _narrow(self, text: str) -> None:
        found = search(text)
        blocked = self.contents.blockSignals(True)
        self.contents.clear()
        for one in found:
            item = QListWidgetItem(one.title)
            item.setData(_KEY, one.key)
            self.contents.addItem(item)
        self.contents.blockSignals(blocked)
        self.nothing.setVisible(not found)
        if found and text:
            self.contents.setCurrentRow(0)

    def _on_chosen(self, item: QListWidgetItem | None) -> None:
        if item is not None:
            self.show_topic(item.data(_KEY))

    def _on_link(self, url: QUrl) -> None:
        if url.scheme() == _SCHEME and url.path() in topics():
            self.search.clear()
            self.show_topic(url.path())


def _html(topic: Topic) -> str:
    """The page as markup; every word of it is escaped."""
    parts = [f'<p class="title">{escape(topic.title)}</p>']
    in_list = False
    for line in topic.lines:
        point = line.form is Form.POINT
        if point != in_list:
            parts.append("<ul>" if point else "</ul>")
            in_list = point
        words = escape(line.text)
        form = {
            Form.POINT: f"<li>&nbsp;{words}</li>",
            Form.HEADING: f'<p class="head">{words}</p>',
            Form.TEXT: f"<p>{words}</p>",
        }
        parts.append(form[line.form])
    if in_list:
        parts.append("</ul>")
    links = " &nbsp;·&nbsp; ".join(f'<a href="{_SCHEME}:{key}">{escape(topics()[key].title)}</a>' for key in topic.see)
    if links:
        parts.append(f'<p class="see">{escape(tr("See also:"))} {links}</p>')
    return "".join(parts)
