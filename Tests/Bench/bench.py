"""Measures the budgets of this project, each beside a peer in the same run.

    bench.py --program P --bench B --mcp-proxy M --mitmproxy N [--rows policy,console] [--json FILE]

Ends with 0 whether or not a budget is met: what is not is marked. See docs/performance.md.
"""

import argparse
import importlib
import os
import pathlib
import sys
import tempfile
import time

import report
from place import REPOSITORY, Missing, Place

ROWS = ("policy", "risk", "stdio", "http", "held", "console", "stream", "verify")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    build = REPOSITORY / ".build/release"
    parser.add_argument("--program", default=build / "countersign", type=pathlib.Path)
    parser.add_argument("--bench", default=build / "bench", type=pathlib.Path)
    parser.add_argument(
        "--mcp-proxy", default=REPOSITORY / ".venv/bench/bin/mcp-proxy", type=pathlib.Path)
    parser.add_argument(
        "--mitmproxy", default=REPOSITORY / ".venv/mitmproxy/bin/mitmproxy", type=pathlib.Path)
    parser.add_argument("--rows", default="", help=f"some of {','.join(ROWS)}; default: all")
    parser.add_argument("--json", default=REPOSITORY / ".build/bench.json", type=pathlib.Path)
    parser.add_argument("--markdown", action="store_true", help="print the table as Markdown too")
    given = parser.parse_args()
    given.rows = [one for one in given.rows.replace(",", " ").split() if one] or list(ROWS)
    unknown = [one for one in given.rows if one not in ROWS]
    if unknown:
        parser.error(f"there is no row {unknown[0]}; the rows are {', '.join(ROWS)}")
    for name in ("program", "bench"):
        path = getattr(given, name).absolute()
        if not os.access(path, os.X_OK):
            parser.error(f"{path} is no program; `make bench` builds it")
        setattr(given, name, path)
    return given


def say(words):
    print(words, flush=True)


def run(row, place):
    """The measures of a row; none, with a sentence, where something for it is missing."""
    module = importlib.import_module(f"row_{row}")
    say(f"==> {row}: {module.TITLE}; about {module.SECONDS} s")
    start = time.monotonic()
    try:
        found = module.measures(place)
    except Missing as missing:
        say(f"==> left out: {missing}")
        return []
    say(f"==> done in {time.monotonic() - start:.0f} s: {row}")
    return found


def main():
    given = arguments()
    configuration = "debug" if "debug" in given.program.resolve().parts else "release"
    head = report.machine("countersign", configuration)
    before = os.getloadavg()[0]
    measures = []
    with tempfile.TemporaryDirectory(prefix="countersign-bench-") as directory:
        place = Place(directory, given.program, given.bench, given.mcp_proxy, given.mitmproxy)
        place.build_peers()
        for row in given.rows:
            measures += run(row, place)
    report.write(given.json, head, measures, {"before": before, "after": os.getloadavg()[0]})
    say("")
    say(f"{head['date']}, {head['cores']} × {head['processor']}, {head['system']}, "
        f"{configuration} build, load before {before:.1f}")
    say("Median of the rounds [smallest – largest]. A budget judges the median: with a unit that of")
    say("the figure, without one that of the ratio.\n")
    say(report.table(measures))
    if given.markdown:
        say("\n" + report.markdown(measures))
    missed = sum(one.is_met is False for one in measures)
    judged = sum(one.is_met is not None for one in measures)
    say(f"\n{judged - missed} of {judged} budgets met; every figure is in {given.json}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
