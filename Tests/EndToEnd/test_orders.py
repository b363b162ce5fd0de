"""`countersign orders --watch`: the exchange's news as they come, and since when they do not."""

import re
import subprocess
import urllib.request

import pytest

from agents import Agent, batch, leg, pending_id, resting
from borders import Exchange
from world import KEYS, until


class Watcher:
    """The command as a process; every line that it has printed."""

    def __init__(self, world):
        self.path = world.directory / "watch.out"
        with self.path.open("w") as out:
            self.process = subprocess.Popen(
                [world.program, "orders", "--watch", "--config", str(world.config_path),
                 "--key", str(world.key_path())],
                stdout=out, stderr=subprocess.STDOUT, env=world.environment(), cwd=world.directory)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def until(self, pattern):
        """The first line that matches."""
        def look():
            assert self.process.poll() is None, self.path.read_text()
            return next((line for line in self.path.read_text().splitlines()
                         if re.search(pattern, line)), None)

        return until(look, f"a line like {pattern} in {self.path}", 60)


def arm(world, fault):
    url = f"{world.paper_url}/paper/fault?kind={fault}"
    urllib.request.urlopen(urllib.request.Request(url, b"", method="POST"), timeout=30).read()


@pytest.fixture
def traded(world):
    """A market order with exits that was approved and filled while somebody watched."""
    agent = Agent(world.agents_url, world.token)
    ask = float(world.quote("ETHUSDT")[1])
    with Watcher(world) as watcher:
        watcher.until("^order feed: live$")
        id = pending_id(agent.call("wsBatchCreateOrders", batch(leg(
            "ETHUSDT", "Buy", "0.10", takeProfit=f"{ask * 1.05:.2f}",
            stopLoss=f"{ask * 0.95:.2f}"))))
        world.operator().decide("approve", world.until_held())
        yield world, watcher, id


def test_fills_and_exits_stand_with_the_leg_that_was_approved(traded):
    world, watcher, id = traded
    filled = watcher.until(rf"^{id}#1  .*  filled 0\.10/0\.10  avg")
    assert re.search(r"avg \d+(\.\d+)?  slip -?\d+(\.\d+)? bp  fee \d+\.\d+ USDT", filled), filled
    for kind in ("TakeProfit", "StopLoss"):
        watcher.until(rf"^{kind} of {id}#1  linear  ETHUSDT  Sell  .*trigger ")
    page = world.cli("orders").stdout
    mine = page.partition(id)[2]
    assert "TakeProfit of #1" in mine and "StopLoss of #1" in mine, page
    assert "made elsewhere" not in page, page
    body = {"category": "linear", "orderLinkId": "by-hand", **resting()["request"][0]}
    Exchange(world.paper_url, KEYS["BYBIT_API_KEY"], KEYS["BYBIT_API_SECRET"]).post(
        "/v5/order/create", body)
    watcher.until("^elsewhere  linear  BTCUSDT  Buy ")
    assert "made elsewhere\n  elsewhere  linear  BTCUSDT" in world.cli("orders").stdout


@pytest.mark.parametrize("fault", ["closeStreams", "dropEvent&on=order&count=1"])
def test_the_end_of_an_exit_that_nobody_heard_is_found(traded, fault):
    """An exit belongs to no call: that it is open no longer shows in the lists of open orders."""
    world, watcher, id = traded
    watcher.until(f"^TakeProfit of {id}#1 ")

    def exits():
        return [one for one in world.operator().ask("GET", "/v1/orders")["orders"]
                if one.get("origin", {}).get("batch") == id]

    until(lambda: len(exits()) == 2, "both exits are open")
    gone = next(one for one in exits() if one["origin"]["kind"].endswith("TakeProfit"))
    arm(world, fault)
    status, answer = Exchange(world.paper_url, KEYS["BYBIT_API_KEY"], KEYS["BYBIT_API_SECRET"]).post(
        "/v5/order/cancel",
        {"category": "linear", "symbol": "ETHUSDT", "orderId": gone["order_id"]})
    assert (status, answer["retCode"]) == (200, 0), answer
    watcher.until(f"^TakeProfit of {id}#1 .*  cancelled")
    until(lambda: len(exits()) == 1, "only the other one is open")
    assert exits()[0]["order_id"] != gone["order_id"]


def test_what_is_stale_says_since_when(world):
    with Watcher(world) as watcher:
        watcher.until("^order feed: live$")
        arm(world, "refuseHandshake&on=private&count=all")
        arm(world, "closeStreams")
        Exchange(world.paper_url, KEYS["BYBIT_API_KEY"], KEYS["BYBIT_API_SECRET"]).post(
            "/v5/order/create", {"category": "linear", **resting()["request"][0]})
        watcher.until(r"^order feed: stale since \d\d:\d\d:\d\dZ$")
        world.stop_gateway()
        watcher.until(r"^stale since \d\d:\d\d:\d\dZ: ")
        world.start_gateway(wait=False)
        watcher.until("^the gateway is heard again$")
