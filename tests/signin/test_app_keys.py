"""The owner's own app keys: what goes wrong when pasting is said in words; the secret lies sealed (I13, M139, W2)."""

from __future__ import annotations

import pytest

from desktop.errors import InputError
from desktop.models.session import Database
from desktop.providers.base import AppKeys
from desktop.sync.app_keys import AppKeyBook, check_app_keys, check_redirect_address
from desktop.sync.secrets import KeyMissing
from tests.helpers.logfail import Canaries
from tests.signin.helpers import unlocked

ID = "AB" + "x" * 48
SECRET = "s" * 40


@pytest.mark.parametrize("around", ["{}", "  {} ", "{}\n", "\ufeff{}\u200b", "\t{}\r\n", "\u00a0{}"])
def test_what_pasting_puts_around_is_taken_off(around: str) -> None:
    assert check_app_keys("quickbooks", around.format(ID), around.format(SECRET)) == AppKeys(ID, SECRET)


@pytest.mark.parametrize(
    ("client_id", "secret", "field", "word"),
    [
        ("", SECRET, "client_id", "missing"),
        ("  \n", SECRET, "client_id", "missing"),
        (ID, "", "client_secret", "missing"),
        ("AB one", SECRET, "client_id", "space"),
        (ID, "one\ntwo", "client_secret", "space"),
        (SECRET, ID, "client_id", "swapped"),
        (ID, ID, "client_secret", "same"),
        ("maria@example.test", SECRET, "client_id", "address"),
        ("https://example.test/x", SECRET, "client_id", "address"),
        (ID, "••••••••", "client_secret", "characters"),
        (ID, "********", "client_secret", "characters"),
        ("АВcyrillic", SECRET, "client_id", "characters"),
        ("x" * 256, SECRET, "client_id", "too long"),
    ],
)
def test_M139_each_mistake_is_named(client_id: str, secret: str, field: str, word: str) -> None:
    with pytest.raises(InputError) as raised:
        check_app_keys("quickbooks", client_id, secret)
    assert raised.value.field == field
    assert word in raised.value.title
    if secret and secret not in (ID, SECRET):
        assert secret not in raised.value.sentence


def test_keys_of_an_unknown_shape_are_taken() -> None:
    assert check_app_keys("quickbooks", "practice-client", "practice-secret")
    assert check_app_keys("wave", SECRET, ID)


async def test_I13_kept_sealed_for_one_service_and_environment(db: Database, canaries: Canaries) -> None:
    book, secret = AppKeyBook(db, unlocked()), canaries.new("secret")
    assert await book.load("quickbooks", "live") is None
    await book.save("quickbooks", "live", ID, secret)
    assert await book.load("quickbooks", "live") == AppKeys(ID, secret)
    assert await book.load("quickbooks", "sandbox") is None
    assert await book.load("xero", "live") is None
    await book.save("quickbooks", "live", "AB-new", secret)
    assert await book.client_id("quickbooks", "live") == "AB-new"
    with pytest.raises(KeyMissing):
        await AppKeyBook(db, unlocked()).load("quickbooks", "live")
    await book.forget("quickbooks", "live")
    await book.forget("quickbooks", "live")
    assert await book.load("quickbooks", "live") is None
    assert await book.client_id("quickbooks", "live") == ""


@pytest.mark.parametrize(
    "address",
    [
        "http://office.example/x",
        "https://localhost/x",
        "https://app.localhost/x",
        "https://127.0.0.1/x",
        "https://[::1]/x",
        "https://[::1/x",
        "https://office.example:8443/x",
        "https://office.example:x/",
        "https://maria:pw@office.example/",
        "https://office.example/?a=b",
        "https://office.example/#a",
        "https://office.example/a b",
        "office.example",
        "https://office",
    ],
)
def test_addresses_that_no_service_registers_are_refused(address: str) -> None:
    with pytest.raises(InputError) as raised:
        check_redirect_address(address)
    assert raised.value.field == "redirect_uri"


async def test_the_bounce_pages_address_is_kept_with_the_keys(db: Database) -> None:
    book = AppKeyBook(db, unlocked())
    assert await book.redirect_address("quickbooks", "live") == ""
    await book.save_redirect_address("quickbooks", "live", " https://office.example/blueclerk/\n")
    assert await book.redirect_address("quickbooks", "live") == "https://office.example/blueclerk/"
    assert await book.redirect_address("quickbooks", "sandbox") == ""
    await book.save_redirect_address("quickbooks", "live", "")
    assert await book.redirect_address("quickbooks", "live") == ""


async def test_a_refused_pair_replaces_nothing(db: Database) -> None:
    book = AppKeyBook(db, unlocked())
    await book.save("quickbooks", "live", ID, SECRET)
    with pytest.raises(InputError):
        await book.save("quickbooks", "live", SECRET, ID)
    with pytest.raises(ValueError, match="elsewhere"):
        await book.save("quickbooks", "elsewhere", ID, SECRET)
    assert await book.load("quickbooks", "live") == AppKeys(ID, SECRET)


def test_a_service_without_secrets_takes_the_client_id_alone() -> None:
    assert check_app_keys("xero", "0123456789ABCDEF0123456789ABCDEF", " ").client_secret == ""
    with pytest.raises(InputError):
        check_app_keys("quickbooks", "AB" + "1" * 48, " ")
