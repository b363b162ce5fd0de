#!/usr/bin/env python3
"""An upstream whose tools are a file: `scripted_upstream.py DIRECTORY`.

DIRECTORY/tools.json    the definitions; when they change the client is told
DIRECTORY/calls.jsonl   every tools/call as it arrived, byte for byte
"""

import json
import pathlib
import sys
import threading
import time

place = pathlib.Path(sys.argv[1])
writing = threading.Lock()


def say(message):
    with writing:
        sys.stdout.buffer.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
        sys.stdout.buffer.flush()


def tools():
    return json.loads((place / "tools.json").read_text())


def watch(known):
    while True:
        time.sleep(0.02)
        try:
            now = tools()
        except (OSError, ValueError):
            continue
        if now != known:
            known = now
            say({"method": "notifications/tools/list_changed"})


def answer(message, line):
    method = message.get("method")
    if method == "initialize":
        return {"protocolVersion": message["params"]["protocolVersion"],
                "capabilities": {"tools": {"listChanged": True}},
                "serverInfo": {"name": "scripted", "version": "1"}}
    if method == "tools/list":
        return {"tools": tools()}
    if method == "tools/call":
        with writing, open(place / "calls.jsonl", "ab") as calls:
            calls.write(line)
        return {"content": [{"type": "text", "text": f"did {message['params']['name']}"}]}
    return {}


def main():
    threading.Thread(target=watch, args=(tools(),), daemon=True).start()
    for line in sys.stdin.buffer:
        message = json.loads(line)
        if "id" in message and "method" in message:
            say({"id": message["id"], "result": answer(message, line)})


if __name__ == "__main__":
    main()
