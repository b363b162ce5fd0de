#!/usr/bin/env python3
"""A tiny MCP server over stdio that behaves as its argument says, for tests of upstreams.

    good       answers; tools: echo, slow (never answers), steps (progress), env, die, change, spawn
    mute       reads and never answers
    refuse     refuses the handshake
    old        speaks an unknown revision
    garbage    writes garbage between its messages
    exit       ends at once with status 3
    flood      writes one endless line
    deaf       shakes hands, then never reads again
"""

import json
import os
import subprocess
import sys
import time

MODE = sys.argv[1]
NAMES = ["echo", "slow", "steps", "env", "die", "change", "spawn"]


def send(message):
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def answer(request, result):
    send({"id": request["id"], "result": result})


def text(request, value):
    answer(request, {"content": [{"type": "text", "text": value}]})


def call(request):
    name, arguments = request["params"]["name"], request["params"]["arguments"]
    if name == "echo":
        text(request, json.dumps(arguments))
    elif name == "env":
        text(request, json.dumps(dict(os.environ), sort_keys=True))
    elif name == "steps":
        token = request["params"]["_meta"]["progressToken"]
        for step in (1, 2, 3):
            send({"method": "notifications/progress",
                  "params": {"progressToken": token, "progress": step}})
        text(request, "three")
    elif name == "slow":
        sys.stderr.write("slow\n")
        sys.stderr.flush()
    elif name == "die":
        os._exit(7)
    elif name == "change":
        NAMES.append("extra")
        send({"method": "notifications/tools/list_changed"})
        text(request, "changed")
    elif name == "spawn":
        text(request, str(subprocess.Popen(["sleep", "300"]).pid))
    elif name == "refused":
        send({"id": request["id"], "error": {"code": -32602, "message": "unknown tool"}})


def serve(request):
    method = request.get("method")
    if method == "initialize":
        if MODE == "refuse":
            send({"id": request["id"], "error": {"code": -32000, "message": "not today\x1b[2J"}})
            return
        answer(request, {
            "protocolVersion": "1999-01-01" if MODE == "old" else "2025-06-18",
            "capabilities": {"tools": {"listChanged": True}},
            "serverInfo": {"name": "tiny", "version": "1"}})
    elif method == "tools/list":
        answer(request, {"tools": [{"name": n, "inputSchema": {"type": "object"}} for n in NAMES]})
        if MODE == "deaf":
            time.sleep(300)
    elif method == "tools/call":
        call(request)
    elif method == "notifications/cancelled":
        sys.stderr.write("cancelled " + json.dumps(request["params"].get("reason")) + "\n")
        sys.stderr.flush()


def main():
    if MODE == "exit":
        sys.exit(3)
    if MODE == "flood":
        while True:
            sys.stdout.write("x" * 65536)
    sys.stderr.write("ready\x1b[31m\u202e now\r\n")
    sys.stderr.flush()
    for line in sys.stdin:
        if MODE == "mute":
            continue
        if MODE == "garbage":
            sys.stdout.write("hello\n{\n\n[1]\n{\"jsonrpc\":\"2.0\",\"id\":99,\"result\":{}}\n")
        serve(json.loads(line))


main()
