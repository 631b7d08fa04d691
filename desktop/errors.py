"""Errors are data: what happened, what to do, whom it concerns, and the one thing that mends it.

Two branches matter to the sync: `ItemError` (this record failed, its siblings go on) and
`ConnectionProblem` (the whole connection waits). Sentences are written for the owner; a service's own
words go to `details`, which the window folds away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from desktop.text import day_in_words, tr


class Fix(StrEnum):
    """The one action that mends a failure; `desktop.ui` turns it into a button, nothing else decides."""

    NONE = "none"
    """Nothing to press: the program goes on by itself."""
    RETRY = "retry"
    """Try again (the button reads Resync)."""
    OPEN_MAPPING = "open_mapping"
    """Account Mapping, showing only the items concerned."""
    RECONNECT = "reconnect"
    """Sign in again at the service."""
    OPEN_APP_KEYS = "open_app_keys"
    """The page for the owner's own app keys."""
    LINK_CUSTOMER = "link_customer"
    """Choose the customer's record at the service, or create it."""
    LINK_ITEM = "link_item"
    """Choose the item's record at the service, or create it."""
    LINK_INVOICE = "link_invoice"
    """Link to the invoice that already exists there, or choose another number."""
    LINK_PAYMENT = "link_payment"
    """Say whether a payment there is the same money as ours."""
    CHANGE_NUMBER = "change_number"
    """Choose another invoice number."""
    EDIT_CUSTOMER = "edit_customer"
    """Open the customer at the field named."""
    EDIT_ITEM = "edit_item"
    """Open the item at the field named."""
    EDIT_INVOICE = "edit_invoice"
    """Open the invoice at the field named."""
    EDIT_PAYMENT = "edit_payment"
    """Open the payment at the field named."""
    CHOOSE_DEPOSIT_ACCOUNT = "choose_deposit_account"
    """Tax and payments, at the payment method concerned."""
    OPEN_TAX = "open_tax"
    """Tax and payments, at the tax codes."""
    SHOW_DIFFERENCE = "show_difference"
    """Show both sides next to each other with the ways out."""
    OPEN_SETTINGS = "open_settings"
    """The sync settings of the connection."""
    OTHER_BOOKS = "other_books"
    """The connection's page: connect another company, or start clean with this one."""


@dataclass(frozen=True, slots=True)
class Concern:
    """A record of ours that a failure is about."""

    kind: str
    """"customer", "item", "invoice" or "payment"."""
    local_id: int
    label: str = ""
    """What the owner calls it: a number or a name."""
    field: str = ""
    """The field to jump to, when one is known."""


class BlueClerkError(Exception):
    """Base of all errors that a person may get to read."""

    fix: Fix = Fix.RETRY
    retryable: bool = False
    """Whether the program may try again by itself without anything having changed."""

    def __init__(
        self,
        title: str,
        advice: str = "",
        *,
        concerns: Sequence[Concern] = (),
        service_ref: str = "",
        details: str = "",
        fix: Fix | None = None,
    ) -> None:
        super().__init__(title)
        self.title = title
        self.advice = advice
        self.concerns = tuple(concerns)
        self.service_ref = service_ref
        self.details = details
        if fix is not None:
            self.fix = fix

    @property
    def sentence(self) -> str:
        """Title and advice as one text."""
        return f"{self.title} {self.advice}".strip()


# --- our own side -------------------------------------------------------------------------------


class PlanChanged(BlueClerkError):
    """What would be written is not what the owner was shown any more (N11); nothing was written."""

    fix = Fix.NONE

    def __init__(self) -> None:
        super().__init__(
            tr("Something was changed since you looked, here or there."),
            tr("Nothing was sent. Look at it again, then send it."),
        )


class InputError(BlueClerkError):
    """Something typed can't be kept as it is; `field` says which, nothing was changed."""

    fix = Fix.NONE

    def __init__(self, field: str, title: str, advice: str = "") -> None:
        super().__init__(title, advice)
        self.field = field


class NotAllowed(BlueClerkError):
    """The state of a record, or the role of the user, forbids this action; nothing was changed."""

    fix = Fix.NONE


class StorageProblem(BlueClerkError):
    """The database can't be opened, read or written; what was not confirmed did not happen."""


class SecretStoreProblem(BlueClerkError):
    """The operating system's password store is locked, missing or unusable; nothing was stored elsewhere."""


class CancelledByOwner(BlueClerkError):
    """The owner pressed Cancel; what was finished before stays."""

    fix = Fix.NONE


# --- the services -------------------------------------------------------------------------------


class ProviderError(BlueClerkError):
    """Anything that a service, or the way to it, refused."""


class ConnectionProblem(ProviderError):
    """The connection as a whole can't be used now; `until` is set when it is known how long."""

    def __init__(
        self,
        title: str,
        advice: str = "",
        *,
        until: datetime | None = None,
        service_ref: str = "",
        details: str = "",
    ) -> None:
        super().__init__(title, advice, service_ref=service_ref, details=details)
        self.until = until


class Offline(ConnectionProblem):
    """The service can't be reached; certain that nothing was done there."""

    retryable = True

    def __init__(self, service: str, details: str = "") -> None:
        super().__init__(
            tr("{service} can't be reached.", service=service),
            tr("Everything is kept and goes out as soon as the internet is back."),
            details=details,
        )


class NetworkIntercepted(ConnectionProblem):
    """Something between us and the service answered in its place (hotel sign-in, bad certificate)."""

    retryable = True

    def __init__(self, service: str, details: str = "") -> None:
        super().__init__(
            tr("This network answers in place of {service}.", service=service),
            tr("It may ask for a sign-in first: open any web page, then try again."),
            details=details,
        )


class ServiceDown(ConnectionProblem):
    """The service answered that it can't serve now (5xx, maintenance)."""

    retryable = True

    def __init__(
        self, service: str, *, until: datetime | None = None, service_ref: str = "", details: str = ""
    ) -> None:
        super().__init__(
            tr("{service} is not answering properly at the moment.", service=service),
            tr("Everything is kept and goes out when it is back."),
            until=until,
            service_ref=service_ref,
            details=details,
        )


class AnswerUnreadable(ServiceDown):
    """A read was answered with something that can't be understood: never taken for "nothing there" (B3, B7)."""


class RateLimited(ConnectionProblem):
    """The service asked us to wait; quiet, never a failure (H1-H3)."""

    retryable = True
    fix = Fix.NONE

    def __init__(self, service: str, until: datetime, *, service_ref: str = "", details: str = "") -> None:
        super().__init__(
            tr("{service} asked us to wait a moment.", service=service),
            tr("Sending goes on by itself."),
            until=until,
            service_ref=service_ref,
            details=details,
        )


class NeedsSignIn(ConnectionProblem):
    """The grant has ended or was refused; only the owner can renew it (M104, M144)."""

    fix = Fix.RECONNECT

    def __init__(self, service: str, *, service_ref: str = "", details: str = "") -> None:
        super().__init__(
            tr("{service} needs you to sign in again.", service=service),
            tr("Nothing is lost: what waits goes out after you reconnect in Settings > Integrations."),
            service_ref=service_ref,
            details=details,
        )


class AccessRefused(ConnectionProblem):
    """The person who connected lost access there, or the app is not authorised for this company."""

    fix = Fix.RECONNECT

    def __init__(
        self,
        service: str,
        *,
        lost_user: bool = False,
        missing_right: bool = False,
        service_ref: str = "",
        details: str = "",
    ) -> None:
        if lost_user:
            title = tr("The {service} user who connected no longer has access.", service=service)
            advice = tr("Someone with admin rights there must sign in again.")
        elif missing_right:
            title = tr("{service} was not given leave to read and write your books.", service=service)
            advice = tr("Sign in again and allow everything that is asked for.")
        else:
            title = tr("{service} refused this company.", service=service)
            advice = tr("Sign in again and choose the same company.")
        super().__init__(title, advice, service_ref=service_ref, details=details)


class AccessBlocked(ConnectionProblem):
    """This desk can't open its own stored sign-in (password store locked, key or app keys missing)."""


class BooksOlder(ConnectionProblem):
    """An older copy of our books was put back: what was sent since is there, and unknown here (S6)."""

    def __init__(self, service: str) -> None:
        super().__init__(
            tr("These books are older than the ones last used on this computer."),
            tr(
                "Nothing is sent by itself for now. Press Sync Now to go on: what is in {service} already is found and "
                "linked again, not sent twice.",
                service=service,
            ),
        )


class BooksMoved(ConnectionProblem):
    """Our books were copied from another computer, which may still use the same sign-in (A13)."""

    fix = Fix.RECONNECT

    def __init__(self, service: str) -> None:
        super().__init__(
            tr("These books were brought here from another computer."),
            tr(
                "Sign in to {service} again, so that this copy has a sign-in of its own. From then on use the books on "
                "one computer only.",
                service=service,
            ),
        )


class WrongCompany(ConnectionProblem):
    """The sign-in reached another company than the one whose links we hold (M138, W1)."""

    fix = Fix.RECONNECT

    def __init__(self, service: str, expected: str, found: str) -> None:
        super().__init__(
            tr(
                "You signed in to {found}, but your books are linked to {expected}.",
                found=found,
                expected=expected,
            ),
            tr("Go back and choose {expected}, or start clean with {found}.", expected=expected, found=found),
        )


class OtherBooks(ConnectionProblem):
    """The company was emptied and filled anew under its old id: our links lead to strangers, or nowhere (W4)."""

    fix = Fix.OTHER_BOOKS

    def __init__(self, service: str, company: str) -> None:
        super().__init__(
            tr("This is not the company as it was: its records are others than those linked."),
            tr(
                "Nothing is sent to {service}. Connect another company if you meant another one, or start clean with "
                "{company}: the old links are set aside, and your records are matched anew.",
                service=service,
                company=company,
            ),
        )


class SubscriptionLapsed(ConnectionProblem):
    """The service's own subscription has ended; mapping and queue are kept (H12)."""

    def __init__(self, service: str, *, service_ref: str = "", details: str = "") -> None:
        super().__init__(
            tr("Your {service} subscription has lapsed.", service=service),
            tr("Renew it there, then press Resync. Everything that waits is kept."),
            service_ref=service_ref,
            details=details,
        )


class AppKeysWrong(ConnectionProblem):
    """The app's own client id or secret is not accepted; not the owner's sign-in (A8)."""

    fix = Fix.OPEN_APP_KEYS

    def __init__(self, service: str, *, details: str = "") -> None:
        super().__init__(
            tr("The app keys for {service} are not accepted.", service=service),
            tr("Check the client id and the secret in Settings > Integrations > App keys."),
            details=details,
        )


class AppKeysMissing(ConnectionProblem):
    """Nobody has entered the app keys of this service yet."""

    fix = Fix.OPEN_APP_KEYS

    def __init__(self, service: str) -> None:
        super().__init__(
            tr("BlueClerk needs your app keys for {service} first.", service=service),
            tr("Enter them once in Settings > Integrations > App keys; the page shows where to find them."),
        )


class SignInRefused(ConnectionProblem):
    """The owner said no on the consent page, or it ran out of time (M139)."""

    fix = Fix.RECONNECT


class ItemError(ProviderError):
    """One record can't be sent as it is; the others go on (M112)."""


class MissingIncomeAccount(ItemError):
    """Lines use items without an income account; nothing was sent (M53, M72, C9)."""

    fix = Fix.OPEN_MAPPING

    def __init__(self, service: str, items: Sequence[Concern], account_word: str = "") -> None:
        word = account_word or tr("income account")
        names = ", ".join(f"“{item.label}”" for item in items)
        if len(items) == 1:
            title = tr("{names} has no {word}, so nothing was sent.", names=names, word=word)
        else:
            title = tr("{names} have no {word}, so nothing was sent.", names=names, word=word)
        super().__init__(
            title,
            tr(
                "Choose one in Settings > Account Mapping. {service} needs it to book the sale.",
                service=service,
            ),
            concerns=items,
        )


class AccountUnusable(ItemError):
    """The mapped account was archived, removed or is of another type now (D6)."""

    fix = Fix.OPEN_MAPPING

    def __init__(self, service: str, account: str, items: Sequence[Concern] = (), *, details: str = "") -> None:
        super().__init__(
            tr(
                "The account “{account}” can no longer be used in {service}.",
                account=account,
                service=service,
            ),
            tr("Choose another one in Settings > Account Mapping."),
            concerns=items,
            details=details,
        )


class NumberTaken(ItemError):
    """An invoice with this number exists there already (M143, C18); ours was not sent."""

    fix = Fix.CHANGE_NUMBER

    def __init__(
        self, service: str, number: str, *, taken_by: str = "", can_link: bool = False, details: str = ""
    ) -> None:
        if can_link:
            title = tr(
                "{service} already has invoice {number} for {who}.",
                service=service,
                number=number,
                who=taken_by,
            )
            advice = tr("Link it, or choose another number.")
        elif taken_by:
            title = tr(
                "{service} already uses number {number} for {who}.",
                service=service,
                number=number,
                who=taken_by,
            )
            advice = tr("Choose another number for this invoice.")
        else:
            title = tr("Invoice number {number} is already used in {service}.", service=service, number=number)
            advice = tr("Choose another number for this invoice.")
        super().__init__(title, advice, details=details, fix=Fix.LINK_INVOICE if can_link else Fix.CHANGE_NUMBER)


class NameTaken(ItemError):
    """A customer, vendor, employee or item with this name exists there (D2)."""

    fix = Fix.LINK_CUSTOMER

    def __init__(self, service: str, name: str, *, holder: str = "", is_item: bool = False, details: str = "") -> None:
        who = holder or tr("another record")
        super().__init__(
            tr(
                "The name “{name}” is already used by {who} in {service}.",
                name=name,
                who=who,
                service=service,
            ),
            tr("Link to that record, or give this one another name."),
            details=details,
            fix=Fix.LINK_ITEM if is_item else Fix.LINK_CUSTOMER,
        )


class PossibleDuplicate(ItemError):
    """A record there may be the same one; the owner decides, nothing was created (M35, M88)."""

    fix = Fix.LINK_CUSTOMER

    def __init__(self, service: str, name: str, other: str, *, is_item: bool = False) -> None:
        super().__init__(
            tr("“{name}” may already be in {service} as “{other}”.", name=name, service=service, other=other),
            tr("Link them, or give yours another name."),
            fix=Fix.LINK_ITEM if is_item else Fix.LINK_CUSTOMER,
        )


class MissingCustomer(ItemError):
    """The customer is not at the service and may not be created by itself (M145, C17); `name` "" if not known."""

    fix = Fix.LINK_CUSTOMER

    def __init__(self, service: str, name: str = "", *, concerns: Sequence[Concern] = (), details: str = "") -> None:
        if name:
            title = tr("“{name}” is not in {service} yet.", name=name, service=service)
            advice = tr("Sync the customer first: Sync Customers is switched off.")
        else:
            title = tr("This invoice has no customer in {service}.", service=service)
            advice = tr("Link its customer or sync the customer first, then press Resync.")
        super().__init__(title, advice, concerns=concerns, details=details)


class MissingItem(ItemError):
    """An item is not at the service and may not be created by itself (E7)."""

    fix = Fix.LINK_ITEM

    def __init__(self, service: str, name: str, *, concerns: Sequence[Concern] = ()) -> None:
        super().__init__(
            tr("“{name}” is not in {service} yet.", name=name, service=service),
            tr("Link it to an item there or create it now: Sync Items is switched off."),
            concerns=concerns,
        )


class GoneRemote(ItemError):
    """A linked record was deleted, voided, merged or made inactive there (D4, H9); never repaired by itself.

    `how` is "deleted", "void", "inactive" or "merged" where that is known; `into` names the survivor of a merge.
    `what` stands in place of a name that isn't known: "The customer"; "This record" where neither is.
    """

    fix = Fix.LINK_CUSTOMER

    def __init__(
        self,
        service: str,
        name: str,
        *,
        fix: Fix = Fix.LINK_CUSTOMER,
        details: str = "",
        how: str = "",
        into: str = "",
        what: str = "",
    ) -> None:
        who = tr("“{name}”", name=name) if name else what or tr("This record")
        titles = {
            "deleted": tr("{what} was deleted in {service}.", what=who, service=service),
            "void": tr("{what} was made void in {service}.", what=who, service=service),
            "inactive": tr("{what} was made inactive in {service}.", what=who, service=service),
            "merged": tr("{what} was merged into “{into}” in {service}.", what=who, into=into, service=service),
        }
        advice = {
            "inactive": tr("Make it active there again, link to another record, or create it again."),
            "merged": tr("Follow it: what is sent from now on goes to “{into}”.", into=into),
        }
        unknown = tr("{what} was deleted or made inactive in {service}.", what=who, service=service)
        other = tr("Make it active there, link to another record, or create it again.")
        if fix is Fix.LINK_INVOICE:  # an invoice or payment: neither is ever active again
            other = tr("Create it again, or take it back here too.")
        super().__init__(
            titles.get(how) or unknown,
            advice.get(how) or other,
            details=details,
            fix=fix,
        )
        self.how = how
        self.another = bool(what)
        """It is a record that this one needs that is gone; its part in this one names it ("The customer")."""


class PaymentThere(ItemError):
    """A payment of the same amount and about the same day is in the service already (N6, D10); nothing was sent."""

    fix = Fix.LINK_PAYMENT

    def __init__(self, service: str, amount: str, day: date) -> None:
        super().__init__(
            tr(
                "{service} already has a payment of {amount}, dated {day}.",
                service=service,
                amount=amount,
                day=day_in_words(day),
            ),
            tr("Nothing was sent. Say whether it is the same money."),
        )


class InvalidField(ItemError):
    """The service refuses one field (D7, D8); `field` is ours."""

    def __init__(
        self, service: str, message: str, *, field: str = "", fix: Fix = Fix.EDIT_INVOICE, details: str = ""
    ) -> None:
        super().__init__(message, tr("Change it and press Resync."), details=details, fix=fix)
        self.field = field


class StaleVersion(ItemError):
    """The record changed there since we last read it (H10): re-read, compare our fields, try again twice."""

    retryable = True
    fix = Fix.SHOW_DIFFERENCE

    def __init__(self, service: str, *, details: str = "") -> None:
        super().__init__(
            tr("This was changed in {service} meanwhile.", service=service),
            tr("Look at both versions and choose."),
            details=details,
        )


class PeriodClosed(ItemError):
    """The date lies in a closed period (N7, D12); never retried by itself."""

    fix = Fix.EDIT_INVOICE

    def __init__(self, service: str, closed_until: date | None = None, *, details: str = "") -> None:
        if closed_until:
            title = tr(
                "The books in {service} are closed up to {day}.",
                service=service,
                day=day_in_words(closed_until),
            )
        else:
            title = tr("The books in {service} are closed for this date.", service=service)
        super().__init__(title, tr("Use a later date, or ask the bookkeeper to reopen the period."), details=details)


class PlanLacksFeature(ItemError):
    """The service's plan does not include what this needs."""

    def __init__(self, service: str, *, details: str = "") -> None:
        super().__init__(
            tr("Your {service} plan does not include this.", service=service),
            tr("Nothing was changed there."),
            details=details,
        )


class TotalsDiffer(ItemError):
    """The service computed another total (N5, D9): linked, but never shown as in sync."""

    fix = Fix.SHOW_DIFFERENCE

    def __init__(self, service: str, ours: str, theirs: str, *, number: str = "") -> None:
        super().__init__(
            tr(
                "{service} calculates {theirs} for this invoice, we have {ours}.",
                service=service,
                theirs=theirs,
                ours=ours,
            ),
            tr("Check the tax on both sides before anyone pays."),
        )
        self.ours = ours
        self.theirs = theirs


class BalanceDiffers(ItemError):
    """The service counts another amount as still owed (I5): a payment is on one side only."""

    fix = Fix.SHOW_DIFFERENCE

    def __init__(self, service: str, ours: str, theirs: str) -> None:
        super().__init__(
            tr("{service} shows {theirs} still to pay, we have {ours}.", service=service, theirs=theirs, ours=ours),
            tr("A payment may be on one side only: look at both."),
        )
        self.ours = ours
        self.theirs = theirs


class NoEffect(ItemError):
    """The service said yes but changed nothing (D15)."""

    fix = Fix.RETRY

    def __init__(self, service: str) -> None:
        super().__init__(
            tr("{service} accepted this but did not keep it.", service=service),
            tr("Press Resync; if it comes again, enter it there by hand and link it."),
        )


class PaymentBlocked(ItemError):
    """The payment can't be applied there: deposited, void, of another customer, or larger than the balance."""

    fix = Fix.EDIT_PAYMENT


class TaxProblem(ItemError):
    """The tax of a line can't be booked there as it is."""

    fix = Fix.OPEN_TAX

    def __init__(self, service: str, *, details: str = "", title: str = "") -> None:
        super().__init__(
            title or tr("{service} does not accept the tax on this invoice.", service=service),
            tr("Check the tax codes in Settings > Integrations > Tax and payments."),
            details=details,
        )


class CurrencyRefused(ItemError):
    """The invoice's currency is not the one the company books in (D13); nothing was sent."""

    fix = Fix.EDIT_INVOICE

    def __init__(self, service: str, ours: str, theirs: str) -> None:
        super().__init__(
            tr(
                "This invoice is in {ours}, but the company in {service} books in {theirs}.",
                ours=ours,
                theirs=theirs,
                service=service,
            ),
            tr("Nothing was sent. Write it in {theirs}.", theirs=theirs),
        )


class Conflict(ItemError):
    """Both sides changed since they last agreed (N10); nothing is written until the owner decides."""

    fix = Fix.SHOW_DIFFERENCE

    def __init__(self, service: str, label: str, fields: Sequence[str]) -> None:
        super().__init__(
            tr("“{label}” was changed here and in {service}.", label=label, service=service),
            tr("Choose which version counts: {fields}.", fields=", ".join(fields)),
        )
        self.fields = tuple(fields)


class RuleBroken(ItemError):
    """A business rule of the service that only its own words explain."""

    fix = Fix.EDIT_INVOICE

    def __init__(self, service: str, *, title: str = "", details: str = "", fix: Fix = Fix.EDIT_INVOICE) -> None:
        super().__init__(
            title or tr("{service} refused this.", service=service),
            tr("Details has its reason; nothing was changed there."),
            details=details,
            fix=fix,
        )


class UnexpectedAnswer(ItemError):
    """The answer fits nothing that we know (H11, B3): logged with the request id, not retried."""

    fix = Fix.RETRY

    def __init__(self, service: str, *, service_ref: str = "", details: str = "") -> None:
        super().__init__(
            tr("{service} gave an answer that we don't understand.", service=service),
            tr("Nothing is marked as sent. Press Resync; if it comes again, use Help > Save diagnostics."),
            service_ref=service_ref,
            details=details,
        )


class InternalMistake(ItemError):
    """We sent something that could never be right: a fault of this program, not of the owner."""

    fix = Fix.RETRY

    def __init__(self, service: str, *, service_ref: str = "", details: str = "") -> None:
        super().__init__(
            tr("BlueClerk sent {service} something it can't accept.", service=service),
            tr("This is our mistake: please use Help > Save diagnostics."),
            service_ref=service_ref,
            details=details,
        )
