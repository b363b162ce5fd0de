"""policy: one decision with 382 tools and ten conditions, beside parsing its call, in one process."""

import json

from measure import Measure, Spread, at_most, ratios
from place import REPOSITORY

TITLE = "policy decision, in process"
SECONDS = 3


def measures(place):
    costs = json.loads(place.run(
        place.bench, "policy", REPOSITORY / "config/catalogues/bybit.json"))
    found = []
    for legs, cost in costs.items():
        judge, parse = ([n / 1000 for n in cost[name]] for name in ("judge", "parse"))
        found.append(Measure(
            "policy", f"judging a call of {legs} leg{'s' if legs != '1' else ''}",
            Spread.of(judge, "µs"), f"parsing its {cost['bytes']} bytes", Spread.of(parse, "µs"),
            ratios(judge, parse), at_most(1)))
    return found
