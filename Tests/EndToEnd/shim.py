#!/usr/bin/env python3
"""Stands between the gateway and its upstream: passes lines on, keeps them, and kills the gateway
at a chosen moment of the next held call.

    shim.py DIRECTORY COMMAND…

DIRECTORY/lines.jsonl   every line that passed, with its way ("in" to the upstream, "out" back)
DIRECTORY/pids          this process, one line a start
DIRECTORY/point         the moment, taken once: kill-forward, kill-swallow, kill-late,
                        forward-kill, answer-kill, answer-pass-kill
"""

import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

HELD = ("wsBatchCreateOrders", "wsCreateOrder")
# Longer than a restarted gateway needs to kill what an earlier one left behind.
LATE = 3.0

place = pathlib.Path(sys.argv[1])
gateway = os.getppid()
recording = threading.Lock()
watched = {}


def keep(way, line):
    with recording, open(place / "lines.jsonl", "a") as lines:
        lines.write(json.dumps({"way": way, "line": line.decode(errors="replace")}) + "\n")


def take_point():
    """The chosen moment, given to the first held call that asks for it."""
    try:
        taken = place / f"point.{os.getpid()}"
        os.rename(place / "point", taken)
        return taken.read_text().strip()
    except FileNotFoundError:
        return None


def kill_gateway():
    try:
        os.kill(gateway, signal.SIGKILL)
    except ProcessLookupError:
        pass


def held_call(line):
    """The id of a call that is held by policy, else None."""
    try:
        message = json.loads(line)
    except ValueError:
        return None
    if message.get("method") != "tools/call" or message["params"]["name"] not in HELD:
        return None
    return message["id"]


def forward(line, upstream):
    upstream.write(line)
    upstream.flush()


def inward(upstream):
    """Lines from the gateway to the upstream."""
    for line in sys.stdin.buffer:
        keep("in", line)
        call = held_call(line)
        point = take_point() if call is not None else None
        if point in ("kill-forward", "kill-swallow", "kill-late"):
            kill_gateway()
        if point == "kill-late":
            time.sleep(LATE)
        if point in ("answer-kill", "answer-pass-kill"):
            watched[call] = point
        if point != "kill-swallow":
            try:
                forward(line, upstream)
            except BrokenPipeError:
                break
        if point == "forward-kill":
            kill_gateway()
    try:
        upstream.close()
    except BrokenPipeError:
        pass


def outward(upstream):
    """Lines from the upstream to the gateway."""
    for line in upstream:
        keep("out", line)
        point = watched.pop(json.loads(line).get("id"), None) if watched else None
        if point == "answer-kill":
            kill_gateway()
        try:
            sys.stdout.buffer.write(line)
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            # Nobody reads any more; the upstream still has to be read to its end.
            continue
        if point == "answer-pass-kill":
            kill_gateway()


def main():
    with open(place / "pids", "a") as pids:
        pids.write(f"{os.getpid()}\n")
    child = subprocess.Popen(sys.argv[2:], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    back = threading.Thread(target=outward, args=(child.stdout,))
    back.start()
    inward(child.stdin)
    back.join()
    return child.wait()


if __name__ == "__main__":
    code = main()
    # Standard output may be gone, and Python would complain about it.
    os._exit(code if code >= 0 else 1)
