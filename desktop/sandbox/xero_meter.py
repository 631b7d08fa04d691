"""Xero's limits: fixed windows of a minute and a day for each organisation, a minute for the app, 5 calls at once."""

from __future__ import annotations

from desktop.sandbox.meter import Gauge

MINUTE, DAY = 60.0, 86_400.0
PER_MINUTE, CONCURRENT, APP_PER_MINUTE = 60, 5, 10_000


class _Window:
    """Counts from a fixed start on; windows are not rolling (contract 6)."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._start: float | None = None
        self.count = 0

    def at(self, now: float) -> int:
        """The calls of the window that is open now."""
        if self._start is None or not self._start <= now < self._start + self.seconds:
            self._start, self.count = now, 0
        return self.count

    def left(self, now: float) -> float:
        """Seconds until the next window opens."""
        return max(0.0, (self._start or now) + self.seconds - now)


class XeroMeter(Gauge):
    """One organisation's meter; `app` is the minute that all organisations of the app share."""

    def __init__(self, app: _Window) -> None:
        super().__init__()
        self._app = app
        self._minute, self._day = _Window(MINUTE), _Window(DAY)
        self.daily = 5000

    def enter(self, op: str, now: float, enforce: bool) -> tuple[str, float | None] | None:
        """Count a call. If it breaks a limit and `enforce`: the limit's name and the seconds of Retry-After."""
        self._in_flight += 1
        self._waits.see(op, now)
        broken = self._broken(now)
        if broken is not None and enforce:
            self._refused += 1
            return broken
        self._calls[op] += 1
        for name, window in (("minute", self._minute), ("day", self._day), ("appminute", self._app)):
            window.at(now)
            window.count += 1
            self._peaks[name] = max(self._peaks[name], window.count)
        self._peaks["concurrent"] = max(self._peaks["concurrent"], self._in_flight)
        return None

    def _broken(self, now: float) -> tuple[str, float | None] | None:
        if self._day.at(now) >= self.daily:
            return "day", self._day.left(now)
        if self._app.at(now) >= APP_PER_MINUTE:
            return "appminute", self._app.left(now)
        if self._minute.at(now) >= PER_MINUTE:
            return "minute", self._minute.left(now)
        return ("concurrent", None) if self._in_flight > CONCURRENT else None

    def headers(self, now: float) -> dict[str, str]:
        """What every answer tells of the limits."""
        return {
            "X-MinLimit-Remaining": str(max(0, PER_MINUTE - self._minute.at(now))),
            "X-DayLimit-Remaining": str(max(0, self.daily - self._day.at(now))),
            "X-AppMinLimit-Remaining": str(max(0, APP_PER_MINUTE - self._app.at(now))),
        }

    def limits(self) -> dict[str, int]:
        return {"minute": PER_MINUTE, "day": self.daily, "appminute": APP_PER_MINUTE, "concurrent": CONCURRENT}


def app_window() -> _Window:
    return _Window(MINUTE)
