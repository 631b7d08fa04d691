"""Who acts, and with which clock and chance: handed to every verb of the books."""

from __future__ import annotations

from dataclasses import dataclass

from desktop.clock import Clock, Entropy


@dataclass(frozen=True, slots=True)
class Desk:
    """One installation, as its verbs see it."""

    clock: Clock
    entropy: Entropy
    account: str
    """The operating system's account name: what the activity log and the roles call this user (E10)."""
    currency: str = "USD"
    """What new invoices are written in, unless they or the connected company say otherwise."""
