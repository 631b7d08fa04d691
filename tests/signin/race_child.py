"""A desk as a process of its own: asks for a token with several tasks each time its parent says so.

Reads one JSON line (database, key, connection, service, tasks, lease seconds, place to die at), answers
"ready", then one line of JSON for every line received.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys

from desktop import crashpoint
from desktop.clock import SystemClock, SystemEntropy
from desktop.errors import BlueClerkError
from desktop.models.session import Database
from desktop.sync.leases import Leases
from desktop.sync.tokens import Tokens
from tests.signin.helpers import sandbox_sign_in, unlocked


def die_at(place: str) -> None:
    def handler(name: str) -> None:
        if name == place:
            print(json.dumps({"died": place}), flush=True)
            os.kill(os.getpid(), signal.SIGKILL)

    crashpoint.install(handler)


async def one_round(tokens: Tokens, tasks: int) -> dict[str, object]:
    answers = await asyncio.gather(*(tokens() for _ in range(tasks)), return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException) and not isinstance(answer, BlueClerkError):
            raise answer
    return {
        "tokens": [answer.value for answer in answers if not isinstance(answer, BaseException)],
        "errors": [type(answer).__name__ for answer in answers if isinstance(answer, BaseException)],
    }


async def main() -> None:
    orders = json.loads(sys.stdin.readline())
    if orders.get("die_at"):
        die_at(orders["die_at"])
    clock = SystemClock()
    db = Database(orders["url"], clock=clock)
    sign_in = sandbox_sign_in(orders["service"])
    tokens = Tokens(
        db,
        unlocked(orders["key"]),
        sign_in,
        Leases(db, f"desk-{os.getpid()}"),
        clock,
        SystemEntropy(),
        orders["connection_id"],
        lease_seconds=orders["lease_seconds"],
    )
    print("ready", flush=True)
    while await asyncio.to_thread(sys.stdin.readline):
        print(json.dumps(await one_round(tokens, orders["tasks"])), flush=True)
    await sign_in.close()
    db.close()


if __name__ == "__main__":
    asyncio.run(main())
