"""verify: `audit verify` of ledgers of three lengths, with every check."""

import json
import os
import time

from measure import Measure, Spread, at_least, ratios
from place import Gateway

TITLE = "audit verify"
SECONDS = 120
# Entries and rounds; the longest is read once.
SIZES = {10_000: 5, 100_000: 5, 1_000_000: 1}
if os.environ.get("BENCH_LONGEST"):
    SIZES = {size: rounds for size, rounds in SIZES.items() if size <= int(os.environ["BENCH_LONGEST"])}


def measures(place):
    measured, rates = [], {}
    for size, rounds in SIZES.items():
        directory = place.new("verify")
        place.run(place.bench, "ledger", directory / "state", size, "bench")
        Gateway(place, directory, 0)
        verify, digest = [], []
        for _ in range(rounds):
            verify.append(size / timed(lambda: check(place, directory, size)))
            digest.append(size / timed(
                lambda: place.run("sha256sum", directory / "state/entries.bin")))
        rates[size] = verify
        measured.append(Measure(
            "verify", f"{size:,} entries".replace(",", " "), Spread.of(verify, "/s"),
            "sha256sum of the same bytes", Spread.of(digest, "/s"), ratios(verify, digest),
            at_least(50_000, "/s")))
    short, long = min(SIZES), max(SIZES)
    if short != long:
        flat = Spread.of(rates[long]).median / Spread.of(rates[short]).median
        measured.append(Measure(
            "verify", f"{long:,} entries".replace(",", " "), Spread.of(rates[long], "/s"),
            f"{short:,} entries".replace(",", " "), Spread.of(rates[short], "/s"),
            Spread.of([flat], "×"), at_least(0.8), "flat means at least 0.8 of the shortest's rate"))
    return measured


def check(place, directory, size):
    said = json.loads(place.run(
        place.program, "audit", "verify", "--json", "--config", directory / "config.json"))
    if said != {**said, "verified": True, "entries": size, "covered": size}:
        raise AssertionError(f"the ledger is not verified: {said}")


def timed(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
