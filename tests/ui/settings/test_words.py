"""What the screens must say in so many words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtWidgets import QLabel, QWidget

from desktop.ui.mapping_tab import MappingTab
from desktop.ui.screenshots import settle
from tests.helpers.control import Control
from tests.helpers.desk import connected_core
from tests.helpers.waiting import until


async def test_M52_the_mapping_says_why_it_matters(
    qloop: Any, tmp_path: Path, sandbox: Any, control: Control, window: QWidget
) -> None:
    async with connected_core(tmp_path / "desk", sandbox, control) as core:
        tab = MappingTab(core, window)
        tab.show()
        tab.set_terms(await core.terms())
        tab.load()

        def says() -> bool:
            texts = " ".join(part.text() for part in tab.findChildren(QLabel))
            return "income account decides where revenue shows up in QuickBooks" in texts

        await until(says, timeout=20)
        await settle()
