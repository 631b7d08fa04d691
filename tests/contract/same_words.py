"""What an owner reads in the same words whichever service refuses: written down once, with the service's name in it."""

from __future__ import annotations

from desktop.errors import (
    AccessRefused,
    Fix,
    GoneRemote,
    InternalMistake,
    MissingCustomer,
    NeedsSignIn,
    NumberTaken,
    Offline,
    PeriodClosed,
    RateLimited,
    ServiceDown,
    SubscriptionLapsed,
    TaxProblem,
    UnexpectedAnswer,
)
from tests.contract.error_rows import Told

WORDS = {"quickbooks": "QuickBooks", "xero": "Xero", "freshbooks": "FreshBooks", "wave": "Wave"}
"""What an owner calls each service."""


def sign_in_again(service: str) -> Told:
    return Told(
        NeedsSignIn,
        f"{WORDS[service]} needs you to sign in again.",
        "Nothing is lost: what waits goes out after you reconnect in Settings > Integrations.",
        Fix.RECONNECT,
    )


def company_refused(service: str) -> Told:
    return Told(
        AccessRefused,
        f"{WORDS[service]} refused this company.",
        "Sign in again and choose the same company.",
        Fix.RECONNECT,
    )


def asked_to_wait(service: str) -> Told:
    return Told(
        RateLimited,
        f"{WORDS[service]} asked us to wait a moment.",
        "Sending goes on by itself.",
        Fix.NONE,
        retryable=True,
    )


def customer_gone(service: str) -> Told:
    return Told(
        GoneRemote,
        f"“Nora Stone” was deleted or made inactive in {WORDS[service]}.",
        "Make it active there, link to another record, or create it again.",
        Fix.LINK_CUSTOMER,
    )


def our_mistake(service: str) -> Told:
    return Told(
        InternalMistake,
        f"BlueClerk sent {WORDS[service]} something it can't accept.",
        "This is our mistake: please use Help > Save diagnostics.",
        Fix.RETRY,
    )


def item_gone(service: str) -> Told:
    return Told(
        GoneRemote,
        f"“Skylight” was deleted or made inactive in {WORDS[service]}.",
        "Make it active there, link to another record, or create it again.",
        Fix.LINK_ITEM,
    )


def not_understood(service: str) -> Told:
    return Told(
        UnexpectedAnswer,
        f"{WORDS[service]} gave an answer that we don't understand.",
        "Nothing is marked as sent. Press Resync; if it comes again, use Help > Save diagnostics.",
        Fix.RETRY,
    )


def tax_refused(service: str) -> Told:
    return Told(
        TaxProblem,
        f"{WORDS[service]} does not accept the tax on this invoice.",
        "Check the tax codes in Settings > Integrations > Tax and payments.",
        Fix.OPEN_TAX,
    )


def number_used(service: str) -> Told:
    return Told(
        NumberTaken,
        f"{WORDS[service]} already uses number E-1 for another customer.",
        "Choose another number for this invoice.",
        Fix.CHANGE_NUMBER,
    )


def subscription_lapsed(service: str) -> Told:
    return Told(
        SubscriptionLapsed,
        f"Your {WORDS[service]} subscription has lapsed.",
        "Renew it there, then press Resync. Everything that waits is kept.",
        Fix.RETRY,
    )


def period_closed(service: str) -> Told:
    return Told(
        PeriodClosed,
        f"The books in {WORDS[service]} are closed up to Nov 30, 2026.",
        "Use a later date, or ask the bookkeeper to reopen the period.",
        Fix.EDIT_INVOICE,
    )


def customer_missing(service: str) -> Told:
    return Told(
        MissingCustomer,
        f"This invoice has no customer in {WORDS[service]}.",
        "Link its customer or sync the customer first, then press Resync.",
        Fix.LINK_CUSTOMER,
    )


def not_answering(service: str) -> Told:
    return Told(
        ServiceDown,
        f"{WORDS[service]} is not answering properly at the moment.",
        "Everything is kept and goes out when it is back.",
        Fix.RETRY,
        retryable=True,
    )


def leave_not_given(service: str) -> Told:
    return Told(
        AccessRefused,
        f"{WORDS[service]} was not given leave to read and write your books.",
        "Sign in again and allow everything that is asked for.",
        Fix.RECONNECT,
    )


def not_reached(service: str) -> Told:
    return Told(
        Offline,
        f"{WORDS[service]} can't be reached.",
        "Everything is kept and goes out as soon as the internet is back.",
        Fix.RETRY,
        retryable=True,
    )


def invoice_gone(service: str) -> Told:
    return Told(
        GoneRemote,
        f"“E-1” was deleted or made inactive in {WORDS[service]}.",
        "Create it again, or take it back here too.",
        Fix.LINK_INVOICE,
    )
