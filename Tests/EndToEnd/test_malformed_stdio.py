"""Malformed lines on both sides of the stdio border: an upstream that misbehaves behind the
gateway, and a client that misbehaves in front of `bybit-tools`."""

import json
import pathlib
import subprocess
import sys

import pytest

from agents import Agent, decision_of, pending_id, resting
from noisy_upstream import NOISES
from world import World, program_path, until

HERE = pathlib.Path(__file__).resolve().parent
TICKER = ("getTickers", {"category": "linear", "symbol": "BTCUSDT"})


def succeeds(result):
    return not result.get("isError") and json.loads(result["content"][0]["text"])["retCode"] == 0


# Behind the gateway

def noisy(directory):
    command = [sys.executable, HERE / "noisy_upstream.py", directory, program_path(), "bybit-tools"]
    return World(directory, hold={"wait": "1s"}, upstream_command=command)


@pytest.fixture(scope="module")
def noisy_world(tmp_path_factory):
    with noisy(tmp_path_factory.mktemp("noisy")) as world:
        yield world


@pytest.mark.parametrize("noise", [*NOISES, "close", "mute-close"])
def test_an_upstreams_noise_harms_no_later_call(noisy_world, noise):
    world, pid = noisy_world, noisy_world.gateway_pid
    agent = Agent(world.agents_url, world.token)
    (world.directory / "noise").write_text(noise)
    status, answer = agent.post(agent.message(
        "tools/call", {"name": TICKER[0], "arguments": TICKER[1]}))
    assert status == 200 and ("result" in answer or len(answer["error"]["message"]) > 10), answer
    assert not (world.directory / "noise").exists(), "the noise was made"

    def works():
        # An upstream that was started again is looked at again first.
        _, again = agent.post(agent.message(
            "tools/call", {"name": TICKER[0], "arguments": TICKER[1]}))
        return "result" in again and succeeds(again["result"])

    until(works, f"a normal call succeeds after {noise}", 15)
    assert world.gateway_pid == pid
    until(world.is_ready, "the gateway has verified the upstream again", 15)


@pytest.mark.parametrize("noise", ["garbage", "an answer nobody asked for", "huge line", "close"])
def test_an_order_survives_an_upstreams_noise(tmp_path, noise):
    """Whatever the upstream does, the outcome is the exchange's and nothing is sent twice."""
    with noisy(tmp_path) as world:
        agent = Agent(world.agents_url, world.token)
        approval = pending_id(agent.call("wsBatchCreateOrders", resting(2)))
        summary = world.until_held()
        (world.directory / "order-noise").write_text(noise)
        world.operator().decide("approve", summary)
        outcome = agent.await_outcome(approval)
        assert not (world.directory / "order-noise").exists(), "the noise was made"
        codes = [code for entry, _ in world.received_requests() for code in entry["legs"]]
        state = decision_of(outcome)["status"]
        assert len(codes) <= 2, "nothing is sent twice"
        assert state == ("acknowledged" if codes == [0, 0] else "failed"), (state, codes)


@pytest.mark.parametrize("command", [["/bin/cat"], ["/bin/true"], ["/no/such/program"],
                                     ["/bin/sh", "-c", "yes garbage"]])
def test_an_upstream_that_is_none_leaves_the_gateway_serving(tmp_path, command):
    world = World(tmp_path, upstream_command=command)
    world.write_files()
    world.start_paper()
    try:
        world.token = world.add_agent("alpha")
        world.add_operator("ops", "admin")
        world.start_gateway(wait=False)
        until(lambda: can_ask(world), "both listeners serve without an upstream", 15)
        result = Agent(world.agents_url, world.token).call(*TICKER)
        assert result["isError"] and len(result["content"][0]["text"]) > 20
        assert world.status()["is_environment_verified"] is False
    finally:
        world.close()


def can_ask(world):
    try:
        return world.status()
    except OSError:
        return False


# In front of bybit-tools

class Tools:
    """`bybit-tools` alone, spoken to line by line."""

    def __init__(self, world):
        environment = {
            **world.environment(), "BYBIT_REST_URL": world.paper_url,
            "BYBIT_STREAM_URL": world.paper_url.replace("http", "ws", 1)}
        self.process = subprocess.Popen(
            [world.program, "bybit-tools"], env=environment, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.last = 0
        greeting = self.ask("initialize", {
            "protocolVersion": "2025-11-25", "capabilities": {},
            "clientInfo": {"name": "test", "version": "1"}})
        assert greeting["result"]["protocolVersion"] == "2025-11-25"
        self.send(b'{"jsonrpc":"2.0","method":"notifications/initialized"}')

    def send(self, line):
        self.process.stdin.write(line + b"\n")
        self.process.stdin.flush()

    def read(self):
        return json.loads(self.process.stdout.readline())

    def ask(self, method, params):
        self.last += 1
        self.send(json.dumps({
            "jsonrpc": "2.0", "id": self.last, "method": method, "params": params}).encode())
        return self.read()

    def end(self):
        self.process.stdin.close()
        return self.process.wait(10)


LIST = b'{"jsonrpc":"2.0","id":50,"method":"tools/list"'
BAD_LINES = {
    "garbage": (b"this is not JSON", -32700),
    "binary": (bytes(range(11, 256)), -32700),
    "invalid UTF-8": (LIST + b',"params":{"cursor":"\xc3\x28"}}', -32700),
    "a lone surrogate": (LIST + b',"params":{"cursor":"\\ud800"}}', -32700),
    "duplicate keys": (LIST + b',"id":51}', -32700),
    "depth 5000": (b"[" * 5000 + b"]" * 5000, -32700),
    "a line of 8 MB": (b'"' + b"a" * (8 << 20) + b'"', -32700),
    "NUL bytes": (LIST + b"\0}", -32700),
    "two documents": (LIST + b"}{}", -32700),
    "an array": (b"[" + LIST + b"}]", -32600),
    "a number": (b"5", -32600),
    "an id of null": (b'{"jsonrpc":"2.0","id":null,"method":"ping"}', -32600),
    "an id of 1.5": (b'{"jsonrpc":"2.0","id":1.5,"method":"ping"}', -32600),
    "no method": (b'{"jsonrpc":"2.0","id":50}', -32600),
    "an unknown method": (b'{"jsonrpc":"2.0","id":50,"method":"tools/explode"}', -32601),
    "arguments of an array": (
        b'{"jsonrpc":"2.0","id":50,"method":"tools/call","params":'
        b'{"name":"getTickers","arguments":[]}}', -32602),
}


def test_bybit_tools_answers_garbage_and_goes_on(world):
    tools = Tools(world)
    for name, (line, code) in BAD_LINES.items():
        tools.send(line)
        answer = tools.read()
        assert answer["error"]["code"] == code, (name, answer)
        assert len(answer["error"]["message"]) > 10, (name, answer)
        result = tools.ask("tools/call", {"name": TICKER[0], "arguments": TICKER[1]})
        assert succeeds(result["result"]), name
    for quiet in (b"", b"   ", b"\r", b'{"jsonrpc":"2.0","method":"notifications/nothing"}',
                  b'{"jsonrpc":"2.0","id":77,"result":{}}'):
        tools.send(quiet)
    assert succeeds(tools.ask("tools/call", {"name": TICKER[0], "arguments": TICKER[1]})["result"])
    assert tools.end() == 0


def test_bybit_tools_refuses_wrong_arguments(world):
    tools = Tools(world)
    for name, arguments in (
            ("getTickers", {}), ("getTickers", {"category": 5}), ("getTickers", {"category": "x"}),
            ("nothing", {}), ("wsBatchCreateOrders", {"category": "linear", "request": []}),
            ("wsBatchCreateOrders", {"category": "linear", "request": [{"symbol": "BTCUSDT"}]}),
            ("wsCreateOrder", {"category": "linear", "symbol": "BTCUSDT", "side": "Buy",
                               "orderType": "Market", "qty": 0.01})):
        answer = tools.ask("tools/call", {"name": name, "arguments": arguments})
        words = answer.get("error", {}).get("message") or answer["result"]["content"][0]["text"]
        assert "error" in answer or answer["result"]["isError"], (name, answer)
        assert len(words) > 10
        assert succeeds(tools.ask(
            "tools/call", {"name": TICKER[0], "arguments": TICKER[1]})["result"])
    assert tools.end() == 0
    assert world.received_orders() == []
