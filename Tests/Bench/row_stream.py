"""stream: ten thousand order updates a second for a minute, from a WebSocket through stream, kernel and
operator protocol into the console's model. The sender is a process of its own."""

import json

from measure import Measure, Spread, at_most

TITLE = "order updates into the console's model"
SECONDS = 70
RATE, LASTS = 10_000, 60


def measures(place):
    told = json.loads(place.run(place.bench, "stream", LASTS, RATE))
    if not told["last_is_shown"]:
        raise AssertionError("the console's screen does not show the last order")
    lost = told["sent"] - told["told"]
    seconds = told["elapsed_ms"] / 1000
    lag = seconds - LASTS
    early, late = told["resident_kib_early"] / 1024, told["resident_kib"] / 1024
    return [
        Measure("stream", "updates that reached the model", Spread.of(
            [told["told"] / seconds], "/s")),
        Measure("stream", f"of {told['sent']:,} updates lost", Spread.of([lost], "updates"),
                budget=at_most(0, "updates")),
        Measure("stream", "behind at the end", Spread.of([lag], "s"), budget=at_most(1, "s")),
        Measure("stream", "memory after 10 s", Spread.of([early], "MiB")),
        Measure("stream", "memory growth from then to the end", Spread.of([late - early], "MiB"),
                budget=at_most(16, "MiB")),
    ]
