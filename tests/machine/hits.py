"""Which faults and recovery branches were met, over all processes of a merge run: one line each in a file.

`BLUECLERK_HITS` names the file. Tests of faults that are no step of a random schedule (a killed process, a full disk,
a stranger's callback) carry the fault's id in their name, `test_S2_...`; one that passes counts as one hit.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from pathlib import Path

_ID = re.compile(r"_((?:[NHBADLPSTMWUC])\d{1,2})(?=_)")


def struck(fault: str, count: int = 1) -> None:
    """Count a fault; without a file named, nothing is kept."""
    name = os.environ.get("BLUECLERK_HITS")
    if name:
        with Path(name).open("a", encoding="utf-8") as file:
            file.write(f"{fault} {count}\n")


def ids_in(test: str) -> list[str]:
    """Fault ids in a test's name: test_M2_P6_... gives M2 and P6."""
    return _ID.findall(f"_{test.split('[')[0]}_")


def read(path: Path) -> Counter[str]:
    """What a file of hits adds up to."""
    found: Counter[str] = Counter()
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        fault, count = line.rsplit(" ", 1)
        found[fault] += int(count)
    return found


CATALOGUE = (
    *(f"N{at}" for at in range(1, 12)),
    *(f"H{at}" for at in range(1, 13)),
    *(f"B{at}" for at in range(1, 8)),
    *(f"A{at}" for at in range(1, 14)),
    *(f"D{at}" for at in range(1, 16)),
    *(f"L{at}" for at in range(1, 7)),
    *(f"P{at}" for at in range(1, 9)),
    *(f"S{at}" for at in range(1, 9)),
    *(f"T{at}" for at in range(1, 4)),
    *(f"M{at}" for at in range(1, 4)),
    *(f"W{at}" for at in range(1, 5)),
    *(f"U{at}" for at in range(1, 8)),
    *(f"C{at}" for at in range(1, 9)),
)
"""Every fault that the program must survive."""


def missing(found: Counter[str]) -> list[str]:
    """Faults that nothing has met."""
    return [fault for fault in CATALOGUE if not found[fault]]


BRANCHES = (
    "repeated under its key",
    "looked up",
    "too young to be judged",
    "stopped by the connection",
    "certainly not there",
    "still in doubt",
    "settled as linked",
    "settled as not_sent",
    "left over without a call",
)
"""Ways of the recovery that the random runs, or the plans replayed beside them, must have gone."""


def branches_missing(found: Counter[str]) -> list[str]:
    """Ways of the recovery that nothing has gone."""
    return [f"the branch “{name}”" for name in BRANCHES if not found[f"branch:{name}"]]
