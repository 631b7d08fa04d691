"""Each way of being paid has an account where the money goes (N4)."""

from __future__ import annotations

import pytest

from desktop.errors import InputError
from desktop.sync.tax_payments import save_deposits, tax_payments_view
from tests.helpers.office import Office


def test_N4_an_account_per_way_of_being_paid_is_kept_and_can_be_taken_back(office: Office) -> None:
    view = office.read(tax_payments_view, office.company.key)
    if not view.accounts:
        pytest.skip("this service chooses the account itself")
    first = view.accounts[0]
    office.write(save_deposits, office.company.key, {"cash": first.external_id})
    stored = {one.method: one for one in office.read(tax_payments_view, office.company.key).methods}
    assert (stored["cash"].account_id, stored["cash"].account) == (first.external_id, first.name)
    assert stored["card"].account_id == ""
    office.write(save_deposits, office.company.key, {"cash": ""})
    assert all(not one.account_id for one in office.read(tax_payments_view, office.company.key).methods)


def test_N4_an_account_that_is_not_there_is_refused(office: Office) -> None:
    with pytest.raises(InputError, match="can't be used"):
        office.write(save_deposits, office.company.key, {"cash": "no such account"})
