"""stream: ten thousand order updates a second for a minute, from a WebSocket through stream, kernel and
operator protocol into the console's model, in one process."""

import json

from measure import Measure, Spread, at_most

TITLE = "order updates into the console's model"
SECONDS = 70
RATE, LASTS = 10_000, 60


def measures(place):
    told = json.loads(place.run(place.bench, "stream", LASTS, RATE))
    lost = told["sent"] - told["told"]
    lag = told["elapsed_ms"] / 1000 - LASTS
    growth = (told["resident_kib"] - told["resident_kib_after_warm_up"]) / 1024
    return [
        Measure("stream", f"of {told['sent']:,} updates lost", Spread.of([lost], "updates"),
                budget=at_most(0, "updates")),
        Measure("stream", "behind at the end", Spread.of([lag], "s"), budget=at_most(1, "s")),
        Measure("stream", "memory growth after 2 s", Spread.of([growth], "MiB"),
                budget=at_most(16, "MiB")),
    ]
