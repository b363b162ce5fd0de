#!/usr/bin/env python3
"""Stands between the gateway and its upstream and holds back the answers to held calls.

    slow_answers.py SECONDS COMMAND…
"""

import json
import os
import subprocess
import sys
import threading
import time

HELD = ("wsBatchCreateOrders", "wsCreateOrder")
late = set()


def inward(upstream):
    for line in sys.stdin.buffer:
        message = json.loads(line)
        if message.get("method") == "tools/call" and message["params"]["name"] in HELD:
            late.add(message["id"])
        upstream.write(line)
        upstream.flush()
    upstream.close()


def main():
    child = subprocess.Popen(sys.argv[2:], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    threading.Thread(target=inward, args=(child.stdin,), daemon=True).start()
    for line in child.stdout:
        if json.loads(line).get("id") in late:
            time.sleep(float(sys.argv[1]))
        sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()
    return child.wait()


if __name__ == "__main__":
    os._exit(max(0, main()))
