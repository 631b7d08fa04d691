"""PySide6 6.12.0 ends a process on Python 3.11; this tells before an owner's afternoon does."""

from __future__ import annotations

import sys
from typing import Any

from PySide6.QtCore import QObject, Signal

ROUNDS = 100
# Harmless leaks upwards exist; the faulty version loses one reference a call, and 571 calls end the process.
LOST_AT_MOST = 50


class _Bell(QObject):
    rung = Signal()


def test_qt_calls_take_no_reference_from_none_or_true(qapp: Any) -> None:
    bell = _Bell()
    before_true, before_none = sys.getrefcount(True), sys.getrefcount(None)
    for _ in range(ROUNDS):
        bell.rung.emit()
        qapp.processEvents()
    assert sys.getrefcount(True) > before_true - LOST_AT_MOST
    assert sys.getrefcount(None) > before_none - LOST_AT_MOST
