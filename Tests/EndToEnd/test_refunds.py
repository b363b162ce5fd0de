"""What a limit keeps of a call that ended badly, by the answer of a real upstream over HTTP: the refunds
that were measured to be wrong in another proxy."""

import contextlib
import http.server
import json
import socket
import threading

import pytest

from agents import text_of
from scripted import Scripted, tool

POLICY = {"version": "1", "default": "deny", "tools": {"pay": {"limits": [
    {"counter": "calls", "window": "hour", "max": 100},
    {"counter": "amount", "window": "hour", "max": 100, "increment_from": "args.n"},
    {"counter": "busy", "concurrent": 1}]}}}


def error(code):
    return {"error": {"code": code, "message": "it did not work"}}


def result(text, **more):
    return {"result": {"content": [{"type": "text", "text": text}], **more}}


# What the upstream answers: a message, or a status with a body that is no JSON; None: it hangs up.
ANSWERS = {
    "an answer": result("paid"),
    "the tool reports an error": result("no money", isError=True),
    "an error of the tool's own": error(-32000),
    "it never ran: bad arguments": error(-32602),
    "it never ran: no such method": error(-32601),
    "503 and a page": (503, b"<html>down</html>"),
    "200 and a page": (200, b"<html>hello</html>"),
    "it hangs up": None,
}
# Calls and amounts that still count.
KEPT = {name: (1, 0) if name.startswith("it never ran") else (1, 1) for name in ANSWERS}


class Upstream(http.server.ThreadingHTTPServer):
    """Every `tools/call` is answered as its argument `how` says."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self):
        self.shutdown()
        self.server_close()


class Handler(http.server.BaseHTTPRequestHandler):
    # HTTP/1.0: each request has a connection of its own.

    def do_POST(self):
        message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if "id" not in message:
            return self.say(202, b"")
        answer = self.answer(message)
        if answer is None:
            self.connection.shutdown(socket.SHUT_RDWR)
        elif isinstance(answer, tuple):
            self.say(*answer, kind="text/html")
        else:
            self.say(200, json.dumps({"jsonrpc": "2.0", "id": message["id"], **answer}).encode())

    def answer(self, message):
        if message["method"] == "initialize":
            return {"result": {"protocolVersion": message["params"]["protocolVersion"],
                               "capabilities": {"tools": {}},
                               "serverInfo": {"name": "payments", "version": "1"}}}
        if message["method"] == "tools/list":
            return {"result": {"tools": [tool("pay")]}}
        if message["method"] == "tools/call":
            return ANSWERS[message["params"]["arguments"]["how"]]
        return {"result": {}}

    def do_GET(self):
        self.say(405, b"")

    do_DELETE = do_GET

    def say(self, status, body, kind="application/json"):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(body)

    def log_message(self, *_):
        pass


class Paying(Scripted):
    def write_files(self):
        super().write_files()
        config = json.loads(self.config_path.read_text())
        config["upstreams"]["main"] = {"url": f"http://127.0.0.1:{self.upstream.server_port}/mcp"}
        self.config_path.write_text(json.dumps(config))

    def __init__(self, tmp_path):
        super().__init__(tmp_path, [], policy=POLICY)
        self.upstream = Upstream()

    def close(self):
        super().close()
        with contextlib.suppress(OSError):
            self.upstream.stop()

    def pay(self, how):
        """The agent's answer, None where it is an error of the protocol."""
        _, answer = self.agent().post({
            "jsonrpc": "2.0", "id": 1, "method": "tools/call",
            "params": {"name": "pay", "arguments": {"how": how, "n": "1"}}})
        return answer.get("result")

    def counted(self):
        rows = {row["counter"]: row["used"] for row in json.loads(
            self.cli("agent", "limits", "--json").stdout)}
        assert "busy" not in rows, "nothing is under way any more"
        return int(rows.get("calls", 0)), int(rows.get("amount", 0))


@pytest.fixture
def paying(tmp_path):
    with Paying(tmp_path) as world:
        yield world


def test_what_an_answer_gives_back(paying):
    before, kept = (0, 0), {}
    for name in ANSWERS:
        paying.pay(name)
        now = paying.counted()
        kept[name] = tuple(b - a for a, b in zip(before, now))
        before = now
    assert kept == KEPT
    paying.kill_gateway()
    paying.start_gateway()
    assert paying.counted() == before, "the same after a crash"


def test_a_call_that_cannot_be_sent_counts_nothing(paying):
    assert text_of(paying.pay("an answer")) == "paid"
    before = paying.counted()
    paying.upstream.stop()
    for _ in range(3):
        assert text_of(paying.pay("an answer")).startswith("Not executed"), "nobody listens"
    assert paying.counted() == before
