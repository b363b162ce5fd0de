"""held: calls that are held, recorded on disk, and answered "pending", by agents at once."""

import os
import pathlib
import shutil
import sqlite3
import time

from measure import Measure, Spread, at_least, at_most, interleave, percentile, ratios
from place import Gateway, call_http

TITLE = "durable held calls"
SECONDS = 90
ROUNDS = 7
SHORT, LONG = 1_000, 100_000
# Calls of each agent: few, for what is held stays held, and a gateway rarely holds a few hundred.
CALLS = {1: 100, 16: 12, 64: 6}
HOLD = {"wait": "1ms", "ttl": "1h", "pending_per_agent": 1000, "pending_total": 10_000}


def measures(place):
    made = {entries: template(place, entries) for entries in (SHORT, LONG)}
    lanes = {
        (SHORT, agents): lambda agents=agents: held(place, made[SHORT], agents)
        for agents in CALLS}
    lanes[LONG, 16] = lambda: held(place, made[LONG], 16)
    lanes["disk"] = lambda: disk(place)
    found = interleave(ROUNDS, lanes)
    rate = {lane: [one[0] for one in rounds] for lane, rounds in found.items()}
    p50 = {lane: [one[1] for one in rounds] for lane, rounds in found.items()}
    one = rate[SHORT, 1]
    measured = [
        Measure(
            "held", f"rate of {agents} agents", Spread.of(rate[SHORT, agents], "/s"), "1 agent",
            Spread.of(one, "/s"), ratios(rate[SHORT, agents], one), at_least(bound))
        for agents, bound in ((16, 3), (64, 5))]
    return measured + [
        Measure(
            "held", "p50 with 16 agents", Spread.of(p50[SHORT, 16], "ms"), "1 agent",
            Spread.of(p50[SHORT, 1], "ms"), ratios(p50[SHORT, 16], p50[SHORT, 1]), at_most(3)),
        Measure(
            "held", f"rate of 16 agents, {words(LONG)} entries in the log",
            Spread.of(rate[LONG, 16], "/s"), f"{words(SHORT)} entries",
            Spread.of(rate[SHORT, 16], "/s"),
            ratios(rate[LONG, 16], rate[SHORT, 16]), at_least(0.8),
            "flat means at least 0.8 of the rate with a short log"),
        Measure(
            "held", "rate of 1 agent", Spread.of(one, "/s"), "bare SQLite commits",
            Spread.of(rate["disk"], "/s"), ratios(one, rate["disk"]), None,
            "no budget: what the disk gives one caller, WAL and synchronous=FULL")]


def words(number):
    return f"{number:,}".replace(",", " ")


def template(place, entries):
    """A directory with a gateway's state: a ledger of so many entries and 64 agents."""
    directory = place.new(f"log{entries}")
    place.run(place.bench, "ledger", directory / "state", entries, "bench")
    Gateway(place, directory, max(CALLS), HOLD)
    return directory


def held(place, made, agents, orders=1):
    """Rate and p50 in ms of held calls of so many orders each, in a new copy of the state."""
    directory = place.directory / "held"
    shutil.rmtree(directory, ignore_errors=True)
    shutil.copytree(made, directory)
    tokens = directory / "tokens"
    chosen = directory / "chosen"
    chosen.write_text("\n".join(tokens.read_text().split()[:agents]) + "\n")
    # What was copied must not be written while something is measured.
    os.sync()
    with Gateway(place, directory, hold=HOLD) as gateway:
        found = call_http(
            place, gateway.port, chosen, f"held:{orders}", warm=3, seconds=30,
            calls=CALLS[agents])
    return found["calls"] / found["seconds"], percentile(found["latencies"], 0.5) / 1e6


def disk(place):
    """The same rate for nothing but one row a commit, each on disk before the next."""
    path = pathlib.Path(place.directory) / "disk.sqlite"
    for one in place.directory.glob("disk.sqlite*"):
        one.unlink()
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=FULL")
    database.execute("CREATE TABLE entry (id INTEGER PRIMARY KEY, bytes BLOB)")
    times = []
    for _ in range(CALLS[1]):
        start = time.perf_counter()
        database.execute("INSERT INTO entry (bytes) VALUES (?)", (bytes(1500),))
        times.append(time.perf_counter() - start)
    database.close()
    return len(times) / sum(times), percentile(times, 0.5) * 1000
