"""The commit profile: random schedules on all four services, time-boxed; every plan that once failed; replay."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.machine.driver import Plan, draw, play, regressions
from tests.machine.guards import GUARDS, Guard, act
from tests.machine.profiles import Totals, boxed
from tests.machine.world import ALL_SERVICES, Templates

SECONDS = 9.0
"""Per service; at least three runs, however slow the machine."""

pytestmark = pytest.mark.allow_errors()  # each run looks at the log by itself: what it says is a broken invariant


@pytest.fixture(scope="module")
def templates() -> Iterator[Templates]:
    made = Templates()
    yield made
    made.close()


@pytest.mark.parametrize("service", ALL_SERVICES)
def test_I1_to_I23_hold_whatever_happens(service: str, templates: Templates) -> None:
    totals = Totals()
    for result in boxed(service, SECONDS, 3, templates):
        totals.add(result)
        assert not result.broken, f"{result.report()}\nas a plan:\n{result.plan.to_json()}"
    assert totals.faulted >= totals.steps // 3, totals.text(0)
    print(totals.text(SECONDS))


def _kept() -> Iterator[Any]:
    for path in regressions():
        plan = Plan.from_json(path.read_text(encoding="utf-8"))
        yield pytest.param(plan, id=path.stem, marks=[pytest.mark.postgres] if plan.database == "postgres" else [])


@pytest.mark.parametrize("plan", list(_kept()))
def test_what_failed_once_holds_now(plan: Plan, templates: Templates) -> None:
    result = play(plan, templates)
    assert not result.broken, result.report()
    assert all(result.hits[name] for name in plan.meets), f"met {dict(result.hits)}"


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.name)
def test_the_scenes_of_the_guards_hold_while_they_stand(guard: Guard, templates: Templates) -> None:
    """`python -m tests.machine guards` shows that each turns red without its guard."""
    for service in guard.services:
        result = act(guard, service, templates)
        assert not result.broken, result.report()


@pytest.mark.parametrize("service", ALL_SERVICES)
def test_I24_the_same_seed_gives_the_same_ledger(service: str, templates: Templates) -> None:
    first, second = (play(draw(service, 7, 9), templates) for _ in range(2))
    assert first.digest == second.digest and first.calls == second.calls > 4
    assert play(draw(service, 8, 9), templates).digest != first.digest


def test_a_plan_survives_being_written_down() -> None:
    plan = draw("xero", 3, 30)
    assert Plan.from_json(plan.to_json()) == Plan("xero", 3, [tuple(step) for step in plan.steps])
