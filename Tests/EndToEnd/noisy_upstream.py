#!/usr/bin/env python3
"""An upstream that misbehaves once, on request, and is otherwise the one that it starts.

    noisy_upstream.py DIRECTORY COMMAND…

DIRECTORY/noise names what happens at the next tools/call that is no order, DIRECTORY/order-noise at
the next order: a key of NOISES is written before its answer; "close" ends the upstream once the
call is passed on; "mute-close" ends it before.
"""

import os
import pathlib
import subprocess
import sys
import threading

NOISES = {
    "garbage": b"this is not JSON\n",
    "binary": bytes(range(11, 256)) + b"\n",
    "empty lines": b"\n\r\n \n",
    "huge line": b"a" * (20 << 20) + b"\n",
    "deep": b"[" * 5000 + b"\n",
    "duplicate keys": b'{"jsonrpc":"2.0","jsonrpc":"2.0","method":"notifications/message"}\n',
    "an answer nobody asked for": b'{"jsonrpc":"2.0","id":999999,"result":{}}\n',
    "an answer without result": b'{"jsonrpc":"2.0","id":3}\n',
    "a batch": b'[{"jsonrpc":"2.0","method":"notifications/message"}]\n',
    "a request": b'{"jsonrpc":"2.0","id":1,"method":"sampling/createMessage","params":{}}\n',
    "an unknown notification": b'{"jsonrpc":"2.0","method":"notifications/nothing"}\n',
    "two documents": b'{"jsonrpc":"2.0","id":1,"result":{}}{}\n',
}


def take_noise(place, line):
    """The noise that was asked for, given once."""
    if b'"tools/call"' not in line:
        return None
    name = "order-noise" if b'"wsBatchCreateOrders"' in line else "noise"
    try:
        taken = place / f"{name}.{os.getpid()}"
        os.rename(place / name, taken)
        return taken.read_text().strip()
    except FileNotFoundError:
        return None


def outward(upstream, output):
    for line in upstream:
        output.write(line)
        output.flush()


def main():
    place, output = pathlib.Path(sys.argv[1]), sys.stdout.buffer
    child = subprocess.Popen(sys.argv[2:], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    threading.Thread(target=outward, args=(child.stdout, output), daemon=True).start()
    for line in sys.stdin.buffer:
        noise = take_noise(place, line)
        if noise == "mute-close":
            child.kill()
            os._exit(3)
        if noise in NOISES:
            output.write(NOISES[noise])
            output.flush()
        child.stdin.write(line)
        child.stdin.flush()
        if noise == "close":
            # The call itself is done to the end; its answer is not passed on.
            child.stdin.close()
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            child.wait()
            os._exit(3)
    child.stdin.close()
    child.wait()


if __name__ == "__main__":
    try:
        main()
    except BrokenPipeError:
        os._exit(1)
