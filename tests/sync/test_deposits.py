"""Each way of being paid has an account where the money goes (N4)."""

from __future__ import annotations

import pytest

from desktop.errors import InputError
from desktop.sync.tax_payments import methods_without_account, save_deposits, tax_payments_view
from tests.helpers.office import Office


@pytest.mark.every_service
def test_N4_an_account_per_way_of_being_paid_is_kept_and_can_be_taken_back(office: Office) -> None:
    view = office.read(tax_payments_view, office.company.key)
    assert len(view.methods) > 3
    if office.company.key.provider == "freshbooks":  # it chooses the account itself: there is nothing to keep
        assert not view.accounts and not view.default_account
        return
    assert view.accounts
    first = view.accounts[0]
    office.write(save_deposits, office.company.key, {one.method: "" for one in view.methods})
    waiting = 0 if view.default_account else len(view.methods)
    assert office.read(methods_without_account, office.company.key) == waiting
    office.write(save_deposits, office.company.key, {"cash": first.external_id})
    stored = {one.method: one for one in office.read(tax_payments_view, office.company.key).methods}
    assert (stored["cash"].account_id, stored["cash"].account) == (first.external_id, first.name)
    assert stored["card"].account_id == ""
    assert office.read(methods_without_account, office.company.key) == max(0, waiting - 1)
    office.write(save_deposits, office.company.key, {"cash": ""})
    assert all(not one.account_id for one in office.read(tax_payments_view, office.company.key).methods)


@pytest.mark.every_service
def test_N4_an_account_that_is_not_there_is_refused(office: Office) -> None:
    with pytest.raises(InputError, match="can't be used"):
        office.write(save_deposits, office.company.key, {"cash": "no such account"})
