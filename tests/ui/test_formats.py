"""What amounts, dates and times look like."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from PySide6.QtCore import QLocale

from desktop.ui import formats

US, DE, GB, CA, JP = (QLocale(name) for name in ("en_US", "de_DE", "en_GB", "en_CA", "ja_JP"))
NOW = datetime(2026, 11, 20, 14, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "currency", "locale", "shown"),
    [
        ("350", "USD", US, "$350.00"),
        ("-1234.5", "USD", US, "-$1,234.50"),
        ("1234.5", "EUR", DE, "1.234,50 €"),
        ("1234.5", "USD", DE, "1.234,50 $"),
        ("5", "USD", CA, "US$5.00"),
        ("5", "CAD", CA, "$5.00"),
        ("5", "CAD", US, "CA$5.00"),
        ("1234", "JPY", US, "¥1,234"),
        ("5", "CHF", US, "CHF 5.00"),
        ("-0.00", "USD", US, "$0.00"),
        ("0.005", "USD", US, "$0.01"),
        ("99999999999999999.99", "USD", US, "$99,999,999,999,999,999.99"),
    ],
)
def test_money(value: str, currency: str, locale: QLocale, shown: str) -> None:
    assert formats.money(Decimal(value), currency, locale).replace("\u00a0", " ") == shown


def test_amounts_in_a_column_have_no_symbol() -> None:
    assert formats.amount(Decimal("350"), "USD", US) == "350.00"
    assert formats.amount(Decimal("350"), "JPY", US) == "350"
    assert formats.decimal(Decimal("2.500"), None, US) == "2.5"
    assert formats.decimal(Decimal("1E+3"), None, US) == "1,000"


@pytest.mark.parametrize(
    ("past", "words"),
    [
        (timedelta(seconds=-30), "just now"),
        (timedelta(seconds=59), "just now"),
        (timedelta(minutes=1), "1 minute ago"),
        (timedelta(minutes=2), "2 minutes ago"),
        (timedelta(hours=1), "1 hour ago"),
        (timedelta(hours=3), "3 hours ago"),
        (timedelta(hours=28), "yesterday at 10:05"),
        (timedelta(days=17), "3 Nov"),
        (timedelta(days=400), "16 Oct 2025"),
    ],
)
def test_how_long_ago(past: timedelta, words: str) -> None:
    assert formats.ago(NOW - past, NOW, GB) == words


def test_points_in_time_are_shown_in_the_zone_of_the_reader() -> None:
    from datetime import timezone

    here = NOW.astimezone(timezone(timedelta(hours=-5)))
    assert formats.when(NOW, here, GB) == "today at 09:05"
    assert formats.when(NOW - timedelta(days=8), here, GB) == "12 Nov at 09:05"
    assert formats.until(NOW + timedelta(minutes=5), NOW, GB) == "at 14:10"
    assert formats.until(NOW + timedelta(days=1), NOW, GB) == "tomorrow at 14:05"


def test_dates_in_the_order_of_the_country() -> None:
    assert formats.short_date(date(2026, 11, 26), NOW.date(), US) == "Nov 26"
    assert formats.short_date(date(2026, 11, 26), NOW.date(), GB) == "26 Nov"
    assert formats.short_date(date(2025, 11, 26), NOW.date(), US) == "Nov 26, 2025"
    assert formats.list_date(date(2026, 11, 26), NOW.date(), US) == "Nov 26"
    assert formats.list_date(date(2025, 11, 26), NOW.date(), US) == "11/26/25"
    assert formats.full_date(date(2026, 11, 26), US) == "Thursday, November 26, 2026"
