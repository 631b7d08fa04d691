"""A: tokens that end, rotate, get lost or are refused, on all four services.

A4, A5 and A7 need several processes: `tests/signin/test_token_race.py`.
"""

from __future__ import annotations

from typing import Any

import pytest

from desktop.errors import SecretStoreProblem
from desktop.models.connection import Connection
from desktop.providers.records import Kind
from desktop.sync.secrets import StoreLocked
from tests.faults.conftest import OpenDesk
from tests.faults.invariants import made
from tests.faults.world import ALL, Desk, Store, plain_words

GRACE = ("xero",)
"""A used refresh token works on for half an hour there (providers' contract: Xero 1.4)."""


def refreshes(desk: Desk) -> list[dict[str, Any]]:
    return [entry for entry in desk.world.calls() if entry["op"] == "refresh"]


def presented(desk: Desk) -> list[str]:
    """A short hash of each refresh token that was shown, in order."""
    return [entry["identity"] for entry in refreshes(desk)]


async def done(desk: Desk, invoice: int) -> None:
    """The invoice is there once, green, and nothing is left over."""
    assert desk.outcome(Kind.INVOICE, invoice) == "Done", desk.told(Kind.INVOICE, invoice)
    assert len(desk.remote("A-1")) == 1 and len(made(desk.world, "invoice")) == 1
    assert desk.trouble()[0] == "connected" and not desk.bells()
    desk.quiet()


async def signs_in_again(desk: Desk, invoice: int) -> None:
    """Only the owner can help: one bell, the queue kept; after signing in all goes out by itself."""
    state, fix, said = desk.trouble()
    assert (state, fix) == ("needs_sign_in", "reconnect") and desk.name in said
    assert desk.connection().token_state == "reconnect"
    assert [key for key, _ in desk.bells()] == [f"connection:{desk.connection().id}"]
    assert desk.outcome(Kind.INVOICE, invoice) in ("Waiting", "InDoubt")
    desk.holds()
    desk.control.clear_faults()
    calls = len(desk.world.calls())
    await desk.core.runner.drain()
    assert len(desk.world.calls()) == calls, "nothing is tried with a dead sign-in"
    await desk.sign_in_again()
    await desk.settle()
    await done(desk, invoice)


@pytest.mark.parametrize("service", ALL)
@pytest.mark.parametrize("fault", ["A1", "A2"])
async def test_A1_A2_an_ended_access_token_is_renewed_once_and_the_call_repeated(
    service: str, fault: str, desk_on: OpenDesk
) -> None:
    async with desk_on(service) as desk:
        invoice = desk.bill("A-1", "80", paid="30")
        desk.arm({"id": fault, "op": "create_invoice"})
        report = await desk.sync(invoice)
        assert desk.hits(fault) == 1 and report.clean, report
        assert len(refreshes(desk)) == 1
        await done(desk, invoice)


@pytest.mark.parametrize("service", ALL)
async def test_A1_an_expired_token_is_renewed_before_the_first_call(service: str, desk_on: OpenDesk) -> None:
    async with desk_on(service, life=-10) as desk:
        invoice = desk.bill("A-1")
        assert (await desk.sync(invoice)).clean
        assert len(refreshes(desk)) == 1 and desk.world.calls()[0]["op"] == "refresh"
        assert desk.connection().token_version == 3  # the template's, the test's, the renewed one
        await done(desk, invoice)


@pytest.mark.parametrize("service", ALL)
async def test_A3_A13_a_token_rotated_elsewhere_asks_for_signing_in_once(service: str, desk_on: OpenDesk) -> None:
    """Another installation used the sign-in up. (A newer one in our own books is read again: test_tokens.py.)"""
    async with desk_on(service, life=-10) as desk:
        invoice = desk.bill("A-1")
        desk.arm({"id": "A3"})
        await desk.sync(invoice)
        assert desk.hits("A3") == 1
        if service in GRACE:
            return await done(desk, invoice)
        assert len(refreshes(desk)) == 1, "a refused token is not shown again"
        await signs_in_again(desk, invoice)


@pytest.mark.parametrize("service", ALL)
async def test_A13_books_copied_to_another_computer_sign_in_for_themselves(
    service: str, desk_on: OpenDesk, tmp_path: Any
) -> None:
    async with desk_on(service) as first:
        invoice = first.bill("A-1")
        assert (await first.sync(invoice)).clean
    # the same file, opened where another password store has its own mark
    known = {name: value for name, value in first.core.options.store.values.items() if name != "installation"}
    store = Store({**known, "installation": "another computer"})
    async with desk_on(service, store=store, grant=False) as copy:
        copy.control.hit("A13")
        await copy.core.live()
        state, fix, said = copy.trouble()
        assert (state, fix) == ("needs_sign_in", "reconnect") and "another computer" in said
        assert copy.link(Kind.INVOICE, invoice) is not None
        before = len(copy.control.ledger())
        second = copy.bill("A-2")
        await copy.core.runner.drain(everything=True)
        assert len(copy.control.ledger()) == before, "it may not write before it has signed in"
        await copy.sign_in_again()
        copy.clock.advance(60)  # what the first computer asked a moment ago counts at the service as well
        assert (await copy.sync(second)).clean


@pytest.mark.parametrize("service", ALL)
async def test_A6_a_refresh_whose_answer_is_lost_is_asked_once_more(service: str, desk_on: OpenDesk) -> None:
    async with desk_on(service, life=-10) as desk:
        invoice = desk.bill("A-1")
        desk.arm({"id": "A6"})
        await desk.sync(invoice)
        assert desk.hits("A6") == 1
        assert len(presented(desk)) == 2 and len(set(presented(desk))) == 1, "the old token, once more"
        if service in GRACE:
            return await done(desk, invoice)
        await signs_in_again(desk, invoice)


@pytest.mark.parametrize("service", ALL)
async def test_A8_invalid_grant_asks_for_signing_in(service: str, desk_on: OpenDesk) -> None:
    async with desk_on(service, life=-10) as desk:
        invoice = desk.bill("A-1")
        desk.arm({"id": "A8", "params": {"kind": "invalid_grant"}})
        await desk.sync(invoice)
        assert len(refreshes(desk)) == 1
        await signs_in_again(desk, invoice)


@pytest.mark.parametrize("service", ALL)
async def test_A8_invalid_client_is_about_the_app_keys(service: str, desk_on: OpenDesk) -> None:
    async with desk_on(service, life=-10) as desk:
        invoice = desk.bill("A-1")
        desk.arm({"id": "A8", "params": {"kind": "invalid_client"}})
        await desk.sync(invoice)
        state, fix, said = desk.trouble()
        assert (state, fix) == ("refused", "open_app_keys") and "app keys" in said
        assert desk.connection().token_state == "ok", "the sign-in itself is good"
        assert (await desk.sync(invoice)).clean
        await done(desk, invoice)


@pytest.mark.parametrize("service", ALL)
@pytest.mark.parametrize("kind", ["5xx", "timeout"])
async def test_A8_an_error_of_theirs_keeps_the_token(service: str, kind: str, desk_on: OpenDesk) -> None:
    async with desk_on(service, life=-10) as desk:
        invoice = desk.bill("A-1")
        desk.arm({"id": "A8", "params": {"kind": kind, "delay_s": 0.05}})
        await desk.sync(invoice)
        assert desk.connection().token_state == "ok" and desk.trouble()[0] in ("paused", "connected")
        assert desk.outcome(Kind.INVOICE, invoice) in ("Waiting", "Done")
        await desk.settle()
        await done(desk, invoice)


@pytest.mark.parametrize("service", ALL)
@pytest.mark.parametrize("missing", ["refresh_token", "expires_in", "scope"])
async def test_A9_a_new_sign_in_that_lacks_something_keeps_the_old(
    service: str, missing: str, desk_on: OpenDesk
) -> None:
    async with desk_on(service, life=-10) as desk:
        invoice = desk.bill("A-1")
        desk.arm({"id": "A9", "params": {"kind": missing}})
        assert (await desk.sync(invoice)).clean
        assert desk.hits("A9") == 1
        await done(desk, invoice)
        desk.clock.advance(13 * 3600)  # the next one works with what was kept
        later = desk.bill("A-2")
        assert (await desk.sync(later)).clean


@pytest.mark.parametrize("service", ALL)
async def test_A10_the_same_refresh_token_again_is_stored_as_a_new_version(service: str, desk_on: OpenDesk) -> None:
    async with desk_on(service, life=-10) as desk:
        invoice = desk.bill("A-1")
        version = desk.connection().token_version
        desk.arm({"id": "A10"})
        assert (await desk.sync(invoice)).clean
        assert desk.hits("A10") == 1 and desk.connection().token_version == version + 1
        await done(desk, invoice)


class LockedStore(Store):
    """A password store that the owner has not unlocked, until `open` is set."""

    open = False

    def read(self, name: str) -> str | None:
        if not self.open:
            raise StoreLocked
        return super().read(name)

    def write(self, name: str, value: str) -> None:
        if not self.open:
            raise StoreLocked
        super().write(name, value)


@pytest.mark.parametrize("service", ALL)
async def test_A11_a_locked_password_store_is_one_state_and_loses_nothing(
    service: str, desk_on: OpenDesk, templates: Any
) -> None:
    async with desk_on(service):  # makes the template if there is none yet
        pass
    store = LockedStore(dict(templates[1][service].secrets))
    async with desk_on(service, name="locked", store=store, grant=False) as desk:
        desk.control.hit("A11")
        invoice = desk.bill("A-1")
        blob = desk.connection().token_blob
        try:
            await desk.core.runner.drain(everything=True)
            await desk.sync(invoice)
        except SecretStoreProblem as problem:
            plain_words(problem.title, problem.advice)
        state, _, said = desk.trouble()
        assert state != "connected" and "password store" in said
        assert not desk.world.calls() and len(desk.bells()) <= 1
        assert desk.connection().token_blob == blob and blob, "nothing is deleted, nothing stored elsewhere"
        store.open = True
        await desk.grant()
        await desk.sync(invoice)
        await desk.settle()
        await done(desk, invoice)


@pytest.mark.parametrize("service", ALL)
async def test_A11_someone_elses_key_is_told_and_nothing_is_lost(service: str, desk_on: OpenDesk) -> None:
    async with desk_on(service) as desk:
        invoice = desk.bill("A-1")
        with desk.core.db.write() as session:  # sealed with a key that this computer doesn't have
            row = session.get_one(Connection, desk.connection().id)
            assert row.token_blob is not None
            row.token_blob = bytes(reversed(row.token_blob))
            row.token_version += 1
        desk.control.hit("A11")
        try:
            await desk.sync(invoice)
        except SecretStoreProblem as problem:
            plain_words(problem.title, problem.advice)
        assert desk.trouble()[0] != "connected" or desk.outcome(Kind.INVOICE, invoice) != "Done"
        assert not made(desk.world, "invoice")
        await desk.grant()
        await desk.sync(invoice)
        await desk.settle()
        await done(desk, invoice)


@pytest.mark.parametrize("service", ALL)
@pytest.mark.parametrize("op", ["create_invoice", "create_payment"])
async def test_A12_disconnected_there_during_a_run_is_one_alert_and_goes_on_after_signing_in(
    service: str, op: str, desk_on: OpenDesk
) -> None:
    async with desk_on(service) as desk:
        invoice = desk.bill("A-1", "80", paid="30")
        desk.arm({"id": "A12", "op": op})
        await desk.sync(invoice)
        assert desk.hits("A12") == 1
        state, fix, _ = desk.trouble()
        assert (state, fix) == ("needs_sign_in", "reconnect") and len(desk.bells()) == 1
        desk.holds()
        await desk.sign_in_again()
        await desk.settle()
        (there,) = desk.remote("A-1")
        assert there["balance"] == "50.00"
        await done(desk, invoice)
