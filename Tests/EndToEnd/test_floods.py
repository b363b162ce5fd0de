"""Many calls, many sockets, slow clients: whoever floods the gateway slows itself down, and nobody
else. All traffic stays on loopback and is bounded in count and time."""

import concurrent.futures
import http.client
import json
import pathlib
import re
import socket
import threading
import time
from urllib.parse import urlsplit

import pytest

from agents import Agent, decision_of, text_of
from waiting import until
from world import POLICY, REPOSITORY, World

# A tool that is held although it is no order: the call is held, and nothing about it is computed.
HELD_TOOL = "getTickers"
FLOOD_POLICY = {**POLICY, "tools": {**POLICY["tools"], HELD_TOOL: {"action": "hold"}}}
FLOODERS = 10
PER_AGENT = 1000
# A call of somebody else while everybody floods; a person would notice more.
PATIENCE = 15


def resident_mib(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", text)[1]) / 1024


def documented_mib():
    """The bound that the documentation names."""
    text = (REPOSITORY / "docs/operations.md").read_text()
    return int(re.search(r"below\s+(\d+)\s+MiB\s+of\s+resident\s+memory", text)[1])


class Line:
    """One keep-alive connection of an agent; requests one after the other."""

    def __init__(self, agent):
        self.agent = agent
        self.connection = http.client.HTTPConnection(
            agent.url.hostname, agent.url.port, timeout=60)
        self.number = 0

    def call(self, tool, arguments):
        self.number += 1
        body = self.agent.message(
            "tools/call", {"name": tool, "arguments": arguments}, f"{id(self)}-{self.number}")
        self.connection.request(
            "POST", self.agent.url.path, json.dumps(body).encode(), self.agent.headers())
        answer = self.connection.getresponse()
        data = answer.read()
        assert answer.status == 200, (answer.status, data)
        last = [one for one in data.splitlines() if one.startswith(b"data:")][-1]
        return json.loads(last[5:])["result"]

    def close(self):
        self.connection.close()


@pytest.fixture(scope="module")
def flooded(tmp_path_factory):
    """A gateway with raised caps, short waits, and an agent for each flooder."""
    with World(
        tmp_path_factory.mktemp("floods"), policy=FLOOD_POLICY,
        hold={"wait": "10ms", "pending_per_agent": PER_AGENT, "pending_total": 10_000}) as world:
        yield world


class Calm:
    """An agent and an operator who go on with small requests, and how long a pair of them took."""

    def __init__(self, world, name):
        self.world = world
        self.line = Line(Agent(world.agents_url, world.add_agent(name), "calm"))
        self.slowest = 0.0
        self.count = 0
        self.wrong = []
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.stop.is_set():
            start = time.monotonic()
            try:
                result = self.line.call(
                    "getOpenOrders", {"category": "linear", "symbol": "BTCUSDT"})
                self.world.status()
            except Exception as error:  # noqa: BLE001
                self.wrong.append(repr(error))
                return
            self.slowest = max(self.slowest, time.monotonic() - start)
            self.count += 1
            if result.get("isError"):
                self.wrong.append(text_of(result))
            self.stop.wait(0.05)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join(60)
        self.line.close()


class Sockets:
    """Clients that are connected and never get anywhere: idle ones, and ones whose header drips."""

    # How many of each kind at the agents' and at the operators' listener.
    COUNTS = [250, 50]

    def __init__(self, world):
        places = [("127.0.0.1", urlsplit(url).port)
                  for url in (world.agents_url, world.operators_url)]
        counted = list(zip(places, self.COUNTS))
        self.idle = [socket.create_connection(place)
                     for place, count in counted for _ in range(count)]
        self.dripping = [socket.create_connection(place)
                         for place, count in counted for _ in range(count)]
        for one in self.dripping:
            one.sendall(b"POST /mcp HTTP/1.1\r\nX-Slow: ")
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.drip)
        self.thread.start()

    def drip(self):
        while not self.stop.wait(2):
            for one in self.dripping:
                try:
                    one.send(b"a", socket.MSG_DONTWAIT)
                except OSError:
                    pass

    def open(self):
        return sum(is_open(one) for one in self.idle + self.dripping)

    def close(self):
        self.stop.set()
        self.thread.join()
        for one in self.idle + self.dripping:
            one.close()


def is_open(one):
    """Whether the gateway has not closed its side; an answer to a broken request is read away."""
    try:
        while one.recv(65536, socket.MSG_DONTWAIT):
            pass
        return False
    except BlockingIOError:
        return True
    except OSError:
        return False


@pytest.fixture(scope="module")
def sockets(flooded):
    sockets = Sockets(flooded)
    yield sockets
    sockets.close()


def test_ten_thousand_held_calls(flooded, sockets):
    """Distinct calls up to the caps, and repeats of them, from ten agents at once."""
    tokens = [flooded.add_agent(f"flood{n}") for n in range(FLOODERS)]

    def flood(number):
        agent = Agent(flooded.agents_url, tokens[number], "flooder")
        line, results = Line(agent), []
        for one in range(PER_AGENT):
            # Three of four are repeats: they wait for the call that is held already.
            symbol = f"A{number}N{one // 4}"
            results.append(line.call(HELD_TOOL, {"category": "linear", "symbol": symbol}))
        line.close()
        return results

    with Calm(flooded, "calm") as calm, concurrent.futures.ThreadPoolExecutor(FLOODERS) as pool:
        results = [one for part in pool.map(flood, range(FLOODERS)) for one in part]
    assert len(results) == FLOODERS * PER_AGENT
    assert {decision_of(one)["verdict"] for one in results} == {"held"}
    assert flooded.status()["pending"] == FLOODERS * PER_AGENT // 4
    assert calm.wrong == []
    print(f"calm: {calm.count} calls, slowest {calm.slowest:.2f} s; "
          f"{resident_mib(flooded.gateway_pid):.0f} MiB")
    assert calm.count > 10 and calm.slowest < PATIENCE
    assert resident_mib(flooded.gateway_pid) < documented_mib()


def test_a_thousand_slow_readers(flooded, sockets):
    """Clients that ask three times, lastly for a call that is held, and read nothing."""
    agent = Agent(flooded.agents_url, flooded.add_agent("slow"), "slow")
    head = "".join(f"{name}: {value}\r\n" for name, value in agent.headers().items())
    messages = [
        agent.message("tools/list", None, "slow-1"), agent.message("tools/list", None, "slow-2"),
        agent.message("tools/call", {
            "name": HELD_TOOL, "arguments": {"category": "linear", "symbol": "SLOW"}}, "slow-3")]
    asked = b""
    for message in messages:
        body = json.dumps(message)
        asked += (f"POST {agent.url.path} HTTP/1.1\r\nHost: {agent.url.netloc}\r\n{head}"
                  f"Content-Length: {len(body)}\r\n\r\n{body}").encode()
    readers = []
    with Calm(flooded, "calmer") as calm:
        for _ in range(1000):
            one = socket.socket()
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            one.connect((agent.url.hostname, agent.url.port))
            one.setblocking(False)
            try:
                one.send(asked)
            except BlockingIOError:
                pass
            readers.append(one)
        until(lambda: calm.count > 20, "the others go on", 20)
    peak = resident_mib(flooded.gateway_pid)
    print(f"calm: {calm.count} calls, slowest {calm.slowest:.2f} s; {peak:.0f} MiB")
    for one in readers:
        one.close()
    assert calm.wrong == []
    assert calm.slowest < PATIENCE
    assert peak < documented_mib()


def test_idle_and_dripping_sockets_are_reclaimed(flooded, sockets):
    until(lambda: sockets.open() == 0, "every idle or dripping socket is closed", 45, every=0.5)
