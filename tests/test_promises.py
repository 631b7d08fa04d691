"""Every promise that this release makes has a test that carries its number in its name."""

from __future__ import annotations

import re

from tests.helpers.sources import ROOT

KEPT = "1-155"
"""All promises (M...) of the product page."""


def promises(ranges: str) -> list[int]:
    """The numbers that a text such as "2-4 9" stands for."""
    found: list[int] = []
    for part in ranges.split():
        first, _, last = part.partition("-")
        found.extend(range(int(first), int(last or first) + 1))
    return found


def table_of_promises() -> dict[int, list[str]]:
    """Promise -> the tests that name it, as "file::test"."""
    table: dict[int, list[str]] = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for name in re.findall(r"^\s*(?:async )?def (test_\w+)", path.read_text("utf-8"), re.MULTILINE):
            for number in _numbers(name):
                table.setdefault(number, []).append(f"{path.relative_to(ROOT).as_posix()}::{name}")
    return table


def _numbers(name: str) -> set[int]:
    """M numbers in a test's name; M12_to_M14 means all three."""
    numbers = {int(number) for number in re.findall(r"(?<![A-Za-z0-9])M(\d+)", name.replace("_", " "))}
    for first, last in re.findall(r"M(\d+)_to_M(\d+)", name):
        numbers.update(range(int(first), int(last) + 1))
    return numbers


def test_every_promise_has_a_test() -> None:
    table = table_of_promises()
    for number in sorted(table):
        print(f"M{number}: {', '.join(table[number])}")
    missing = [f"M{number}" for number in promises(KEPT) if number not in table]
    assert not missing, f"no test names {', '.join(missing)}"
