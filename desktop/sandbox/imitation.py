"""What every imitated service does alike beside its own rules: companies, random ids, meters, tokens, settings.

Nothing here is QuickBooks, Xero, FreshBooks or Wave: paths, limits, words and books are each service's own.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Generic, TypeVar

from desktop.sandbox.clock import SandboxClock
from desktop.sandbox.meter import Gauge, Meter
from desktop.sandbox.oauth import OAuthRefused
from desktop.sandbox.seed_shapes import CompanySeed
from desktop.sandbox.service import Answer, Call, ControlError, Json
from desktop.sandbox.signing_in import SignInDesk

MeterT = TypeVar("MeterT", bound=Gauge)


class Imitation(Generic[MeterT]):
    """A service with its companies. `seeds` gives a company's seed by name; `source` is where ids come from.

    A service gives its own sign-in, and a `reset` that makes its books and fills `_meters`, one for each company, the
    default company's first.
    """

    key: str
    refusals: ClassVar[Mapping[str, Mapping[str, Json]]] = {}
    """Fault id -> kind of record -> how the service refuses one of its fields."""
    _sign_in: SignInDesk

    def __init__(
        self,
        clock: SandboxClock,
        seeds: Callable[[str], CompanySeed],
        companies: Sequence[str],
        redirect_uris: Sequence[str] = (),
        source: random.Random | None = None,
    ) -> None:
        self._clock = clock
        self._seeds = seeds
        self._source = source or random.SystemRandom()
        names = list(dict.fromkeys(companies)) or ["demo"]
        # a person who signs in has two companies at least
        self._names = names if len(names) > 1 else [*names, "empty" if names != ["empty"] else "demo"]
        self._meters: dict[str, MeterT] = {}
        self._enforce = True
        self._sign_in = self._make_sign_in(redirect_uris)
        self.reset(None)

    def _make_sign_in(self, redirect_uris: Sequence[str]) -> SignInDesk:
        raise NotImplementedError

    def reset(self, names: Sequence[str] | None) -> None:
        """All companies back to their seed; with `names`, these come first (and stay until the next reset)."""
        raise NotImplementedError

    def _text(self, length: int) -> str:
        return f"{self._source.getrandbits(length * 4):0{length}x}"

    def _seeds_for(self, names: Sequence[str] | None) -> dict[str, CompanySeed]:
        """The seeds of a reset: `names` come first."""
        return {name: self._seeds(name) for name in dict.fromkeys([*(names or ()), *self._names])}

    # --- limits ---

    def _enforced(self) -> bool:
        return self._enforce

    def fault_answer(self, kind: str, params: Mapping[str, Any], call: Call) -> Answer:
        """See `Service.fault_answer`."""
        raise NotImplementedError

    def _enter(self, meter: Meter, call: Call) -> Answer | None:
        """The call counted; the service's own refusal where a limit is broken and enforced."""
        broken = meter.enter(call.op, self._clock.timestamp(), self._enforced())
        call.tamper["metered"] = meter
        if broken is None:
            return None
        call.note["limit"] = broken
        return self.fault_answer("rate_limit", {}, call)

    def release(self, call: Call) -> None:
        meter = call.tamper.pop("metered", None)
        if isinstance(meter, Gauge):
            meter.leave()

    def demanded_wait(self, call: Call, seconds: float) -> None:
        meter = self._meters.get(call.company_id)
        if meter is not None:
            meter.demand_wait(call.op, self._clock.timestamp(), seconds)

    def meter(self) -> Json:
        first, *others = self._meters
        return self._meters[first].as_json() | {
            "enforced": self._enforced(),
            "companies": {one: self._meters[one].as_json() for one in (first, *others)},
        }

    # --- tokens ---

    def expire_access(self, token: str, revoked: bool) -> None:
        self._sign_in.authority.expire_access(token)

    def kill_grant(self, token: str) -> None:
        self._sign_in.authority.revoke(token)

    def rotate_elsewhere(self, token: str) -> None:
        with contextlib.suppress(OAuthRefused):  # dead already: then nobody can
            self._sign_in.authority.refresh(token)

    # --- control ---

    def words(self, fault_id: str, op: str) -> Json:
        known = self.refusals[fault_id]
        return dict(known.get(op.partition("_")[2], known["invoice"]))

    def _app(self) -> Json:
        """The app's keys and addresses, for the ready file."""
        return {
            "client_id": self._sign_in.authority.client_id,
            "client_secret": self._sign_in.authority.client_secret,
            "redirect_uris": list(self._sign_in.redirect_uris),
        }

    def _allow_addresses(self, changes: dict[str, Any]) -> None:
        """Takes new redirect addresses out of `changes`."""
        for uri in changes.pop("redirect_uris", ()):
            if uri not in self._sign_in.redirect_uris:
                self._sign_in.redirect_uris.append(str(uri))


def picked(company_id: str | None, names: Iterable[tuple[str, str]]) -> str:
    """The id of the company of this id or name among (id, name); the first one's where none is asked for.

    Raises `ControlError`.
    """
    known = list(names)
    if not company_id:
        return known[0][0]
    found = next((one for one, name in known if company_id in (one, name)), None)
    if found is None:
        raise ControlError(f"no such company: {company_id}; there are {', '.join(one for one, _ in known)}")
    return found


def check_choices(changes: Mapping[str, Any], choices: Mapping[str, Sequence[str]]) -> None:
    """Raises `ControlError` for a setting that is none of its choices."""
    for name, allowed in choices.items():
        if name in changes and changes[name] not in allowed:
            raise ControlError(f"{name} is one of {', '.join(allowed)}")


def check_addresses(changes: Mapping[str, Any]) -> None:
    """Raises `ControlError` unless the redirect addresses are a list."""
    if not isinstance(changes.get("redirect_uris", []), list):
        raise ControlError("redirect_uris is a list of addresses")
