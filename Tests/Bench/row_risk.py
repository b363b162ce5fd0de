"""risk: all checks of a batch of twenty orders, beside what a held call of twenty orders costs the
gateway."""

import json

from measure import Measure, Spread, at_most, ratios
from row_held import HOLD, SHORT, held, template

TITLE = "risk checks of a batch"
SECONDS = 20
ROUNDS = 5
ORDERS = 20


def measures(place):
    costs = json.loads(place.run(place.bench, "risk"))
    made = template(place, SHORT)
    # The mean time of the gateway per call, one after the other.
    calls = [1e6 / held(place, made, 1, ORDERS)[0] for _ in range(ROUNDS)]
    whole, tick = ([n / 1000 for n in costs[name]] for name in ("assess", "tick"))
    budget = at_most(0.1)
    return [
        Measure(
            "risk", "20 orders, 200 levels: all checks", Spread.of(whole, "µs"),
            "one held call of 20 orders", Spread.of(calls, "µs"),
            ratios(whole[:ROUNDS], calls), budget),
        Measure(
            "risk", "again after news of quote and book", Spread.of(tick, "µs"),
            "all checks", Spread.of(whole, "µs"), ratios(tick, whole), None,
            "no budget: what a tick costs while a batch waits")]
