#!/usr/bin/env python3
"""Stands between the gateway and its upstream and writes down every call as it comes in.

    counting_upstream.py FILE SECONDS COMMAND…

Each call is a line of FILE: the tool, and how many calls of it are under way with this one. Answers
of `getOpenOrders` are held back for SECONDS.
"""

import collections
import json
import os
import subprocess
import sys
import threading
import time

SLOW = "getOpenOrders"
lock = threading.Lock()
under_way = collections.Counter()
tools = {}


def inward(upstream, log):
    for line in sys.stdin.buffer:
        message = json.loads(line)
        if message.get("method") == "tools/call":
            name = message["params"]["name"]
            with lock:
                tools[message["id"]] = name
                under_way[name] += 1
                log.write(f"{name} {under_way[name]}\n")
                log.flush()
        upstream.write(line)
        upstream.flush()
    upstream.close()


def main():
    path, seconds, *command = sys.argv[1:]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    out = threading.Lock()

    def outward(line, name):
        if name == SLOW:
            time.sleep(float(seconds))
        with out, lock:
            # No longer under way before the gateway can know it.
            if name is not None:
                under_way[name] -= 1
            sys.stdout.buffer.write(line)
            sys.stdout.buffer.flush()

    with open(path, "a") as log:
        threading.Thread(target=inward, args=(child.stdin, log), daemon=True).start()
        for line in child.stdout:
            with lock:
                name = tools.pop(json.loads(line).get("id"), None)
            threading.Thread(target=outward, args=(line, name), daemon=True).start()
        return child.wait()


if __name__ == "__main__":
    os._exit(max(0, main()))
