"""Types and duplicates of 10,000 incoming customers against 20,000 that we have, against comparing every pair."""

from __future__ import annotations

import random
import time
import tracemalloc

from rapidfuzz import fuzz

from desktop.sandbox.seed import company
from desktop.sync.classification import CustomerFacts, classify
from desktop.sync.matching import Party, Verdict, match

INCOMING, EXISTING, SAMPLE = 10_000, 20_000, 20


def run() -> None:
    seed = company("large").customers
    existing = [
        Party(c.key, c.display_name, c.given_name, c.family_name, c.company_name, c.email, c.phone, c.line1, "", c.city,
              c.region, c.postal_code, c.country)
        for c in seed[:EXISTING]
    ]  # fmt: skip
    chance = random.Random(7)
    incoming = [_changed(party, chance) for party in chance.sample(existing, INCOMING)]
    started = time.process_time()
    results = match(incoming, existing)
    matching = time.process_time() - started
    started = time.process_time()
    for party in incoming:
        classify(CustomerFacts(display_name=party.display_name, company_name=party.company_name, email=party.email))
    typing = time.process_time() - started
    started = time.process_time()
    for party in incoming[:SAMPLE]:
        text = f"{party.display_name} {party.email} {party.line1}"
        max(fuzz.token_sort_ratio(text, f"{other.display_name} {other.email} {other.line1}") for other in existing)
    naive = (time.process_time() - started) * INCOMING / SAMPLE
    tracemalloc.start()
    match(incoming, existing)
    peak = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    found = sum(1 for result in results if result.verdict is not Verdict.NEW)
    print(
        f"processor time: duplicates {matching:.1f} s, types {typing:.1f} s,"
        f" {found:,} of {INCOMING:,} recognised, peak {peak:.0f} MB"
    )
    print(f"all pairs in a loop: {naive:.0f} s (from {SAMPLE} rows): {naive / (matching + typing):.0f}x slower")


def _changed(party: Party, chance: random.Random) -> Party:
    """The same customer as another system would hold it: keys differ, here and there a field is gone."""
    fields = {name: getattr(party, name) for name in Party.__dataclass_fields__}
    fields["key"] = f"r{party.key}"
    if chance.random() < 0.3:
        fields["email"] = ""
    if chance.random() < 0.3:
        fields["phone"] = ""
    if chance.random() < 0.2:
        fields["line1"] = fields["line1"].replace("Street", "St").replace("Avenue", "Ave")
    return Party(**fields)
