"""The table, and the JSON document with every figure."""

import datetime
import json
import os
import platform


def number(value):
    """Three digits that count, never an exponent."""
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.3g}"


def spread(one):
    if one is None:
        return ""
    unit = f" {one.unit}" if one.unit else ""
    if one.count == 1 or one.low == one.high:
        return f"{number(one.median)}{unit}"
    return f"{number(one.median)}{unit} [{number(one.low)} – {number(one.high)}]"


HEAD = ("row", "what", "Countersign", "beside it", "ratio", "budget", "")


def cells(measure):
    met = {None: "", True: "met", False: "NOT MET"}[measure.is_met]
    beside = f"{measure.peer_name}: {spread(measure.peer)}" if measure.peer else measure.peer_name
    return (
        measure.row, measure.what, spread(measure.subject), beside, spread(measure.ratio),
        str(measure.budget or ""), met)


def table(measures):
    rows = [HEAD] + [cells(one) for one in measures]
    widths = [max(len(row[n]) for row in rows) for n in range(len(HEAD))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()
             for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    notes = [f"{one.row}: {one.note}" for one in measures if one.note]
    return "\n".join(lines + [""] + sorted(set(notes), key=notes.index))


def markdown(measures):
    rows = [HEAD, ("---",) * len(HEAD)] + [cells(one) for one in measures]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def machine(program, configuration):
    """What the figures belong to."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        models = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "cores": os.cpu_count(), "processor": models[0] if models else platform.machine(),
        "system": _system(), "kernel": platform.release(), "program": program,
        "configuration": configuration}


def _system():
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return platform.platform()
    return release.get("PRETTY_NAME", platform.platform())


def write(path, head, measures, load):
    document = {**head, "load": load, "measures": [one.json() for one in measures]}
    with open(path, "w", encoding="utf-8") as file:
        json.dump(document, file, indent=1, ensure_ascii=False)
        file.write("\n")
