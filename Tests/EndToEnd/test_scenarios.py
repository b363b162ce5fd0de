"""Kinds of orders times faults of the exchange: each goes through gateway, upstream, exchange and
stream, and ends with legs that stand where the exchange's own log says, and with nothing sent twice.

One exchange and one gateway serve all of them. Each scenario is armed and approved on its own, since
faults strike the next request; what has to be waited for afterwards, the exchange's receive window
above all, is waited for side by side: the gateway has several upstreams, each with a lane of its own.
"""

import itertools
import json
import urllib.parse
import urllib.request

import pytest

from agents import Agent, leg, pending_id
from borders import Exchange
from operators import Refused
from waiting import TooLate, until
from world import KEYS, POLICY, World

LANES = [f"bybit{n}" for n in range(8)]
# Its trade sockets never open, and it never gives up.
HANGING = {"hanging": {"BYBIT_TOOLS_FAULTS": "hanging-handshake"}}
# Cancels are held as well here: what became of a held cancel must be known too.
RULES = {**POLICY, "tools": {
    **{name: rule for name, rule in POLICY["tools"].items() if "Cancel" not in name},
    "*Order*": {"action": "hold"}, "get*": {}, "query*": {}}}

# What the exchange does with the next request that moves orders. `{symbol}` stands in none: a fault
# strikes whatever comes next.
NONE = None
FAULTS = {
    "none": NONE,
    "answer lost": "dropAnswer",
    "connection closed after placing": "closeConnection",
    "connection closed before placing": "closeBeforePlacing",
    "request lost": "dropRequest",
    "10016 after placing": "errorAfterPlacing",
    "10016 before placing": "errorBeforePlacing",
    "answer twice": "duplicateAnswer",
    "events before the answer": "eventsFirst&delay=300ms",
    "late answer": "delayAnswer&delay=700ms",
    "event lost": "dropEvent",
    "event twice": "duplicateEvent",
    "event late": "delayEvent&delay=600ms",
    "events reversed": "reorderEvents",
    "streams closed": "closeStreams",
    "filled twice": "filledTwice",
    "streams silent": "silentStreams",
}
BATCH_FAULTS = {"tail refused": "failTail&from=2", "leg refused": "failLeg&leg=1"}

# The words of a leg for what the exchange says of its order.
STATES = {
    "New": ("working",), "Untriggered": ("working",), "Triggered": ("working",),
    "PartiallyFilled": ("part_filled",), "Filled": ("filled",), "Cancelled": ("cancelled",),
    "PartiallyFilledCanceled": ("cancelled",), "Deactivated": ("cancelled",),
    "Rejected": ("rejected",),
}


class Market:
    """Prices for orders that rest, cross or wait, and orders to change, by category and symbol."""

    def __init__(self, world):
        self.world = world
        self.exchange = Exchange(
            world.paper_url, KEYS["BYBIT_API_KEY"], KEYS["BYBIT_API_SECRET"])

    def quote(self, category, symbol):
        query = urllib.parse.urlencode({"category": category, "symbol": symbol})
        url = f"{self.world.paper_url}/v5/market/tickers?{query}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            row = json.load(answer)["result"]["list"][0]
        return row["bid1Price"], row["ask1Price"]

    def below(self, category, symbol, digits, share=0.99):
        """A price that rests: inside the band, and below every bid."""
        return f"{float(self.quote(category, symbol)[0]) * share:.{digits}f}"

    def option(self):
        """The first option, and a price at which a buy of it rests."""
        url = f"{self.world.paper_url}/v5/market/tickers?category=option&baseCoin=BTC"
        with urllib.request.urlopen(url, timeout=10) as answer:
            rows = json.load(answer)["result"]["list"]
        row = next(row for row in rows if float(row["bid1Price"] or 0) > 50)
        return row["symbol"], f"{float(row['bid1Price']) - 10:.0f}"

    def open_order(self, n):
        """An order that nobody here has made through the gateway; its link id."""
        link = f"before-{n}"
        body = {"category": "linear", "orderLinkId": link, **rest(n)}
        status, answer = self.exchange.post("/v5/order/create", body)
        assert (status, answer["retCode"]) == (200, 0), answer
        return link


def single(category, one):
    return {"category": category, **one}


def many(category, *legs):
    return {"category": category, "request": list(legs)}


def rest(n, **more):
    """A buy that stays in the book, at a price of its own."""
    return leg("BTCUSDT", "Buy", "0.010", f"{60_000 - 10 * n}.00", **more)


# Each kind: the tool, and its arguments from the market and a number of its own.
KINDS = {
    "limit over the stream": ("wsCreateOrder", lambda m, n: single("linear", rest(n))),
    "limit over HTTP": ("createOrder", lambda m, n: single("linear", rest(n, positionIdx="0"))),
    "limit that crosses": ("wsBatchCreateOrders", lambda m, n: many(
        "linear", leg("ETHUSDT", "Buy", "0.10", m.quote("linear", "ETHUSDT")[1]))),
    "market": ("wsBatchCreateOrders", lambda m, n: many("linear", leg("SOLUSDT", "Buy", "0.5"))),
    "two limits in a batch": ("wsBatchCreateOrders", lambda m, n: many("linear", rest(n), rest(n + 1))),
    "batch over HTTP": ("batchCreateOrders", lambda m, n: many("linear", rest(n), rest(n + 1))),
    "IOC that finds nothing": ("wsCreateOrder", lambda m, n: single(
        "linear", rest(n, timeInForce="IOC"))),
    "FOK that finds nothing": ("wsBatchCreateOrders", lambda m, n: many(
        "linear", rest(n, timeInForce="FOK"))),
    "post-only that would take": ("wsCreateOrder", lambda m, n: single("linear", leg(
        "ETHUSDT", "Buy", "0.10", m.quote("linear", "ETHUSDT")[1], timeInForce="PostOnly"))),
    "reduce-only without a position": ("wsBatchCreateOrders", lambda m, n: many(
        "linear", rest(n), leg("XRPUSDT", "Sell", "20", reduceOnly=True))),
    "conditional": ("wsCreateOrder", lambda m, n: single("linear", rest(
        n, triggerPrice="60500.00", triggerDirection=2))),
    "inverse limit": ("wsBatchCreateOrders", lambda m, n: many("inverse", leg(
        "BTCUSD", "Buy", "100", m.below("inverse", "BTCUSD", 0) + ".00"))),
    "spot limit": ("createOrder", lambda m, n: single("spot", leg(
        "BTCUSDT", "Buy", "0.001", m.below("spot", "BTCUSDT", 1)))),
    "spot market buy in quote coin": ("wsCreateOrder", lambda m, n: single(
        "spot", leg("ETHUSDT", "Buy", "50"))),
    "option limit": ("wsBatchCreateOrders", lambda m, n: many("option", leg(
        m.option()[0], "Buy", "0.1", m.option()[1]))),
    "amendment": ("amendOrder", lambda m, n: single("linear", {
        "symbol": "BTCUSDT", "orderLinkId": m.open_order(n), "price": f"{59_000 - n}.00"})),
    "two amendments in a batch": ("wsBatchAmendOrders", lambda m, n: many("linear", *(
        {"symbol": "BTCUSDT", "orderLinkId": m.open_order(k), "price": f"{59_000 - k}.00"}
        for k in (n, n + 1)))),
    "amendment of nothing": ("wsAmendOrder", lambda m, n: single("linear", {
        "symbol": "BTCUSDT", "orderLinkId": f"nobody-{n}", "price": "59000.00"})),
    "cancel": ("wsCancelOrder", lambda m, n: single("linear", {
        "symbol": "BTCUSDT", "orderLinkId": m.open_order(n)})),
    "two cancels in a batch": ("batchCancelOrders", lambda m, n: many("linear", *(
        {"symbol": "BTCUSDT", "orderLinkId": m.open_order(k)} for k in (n, n + 1)))),
    "wrong side of the position mode": ("wsBatchCreateOrders", lambda m, n: many(
        "linear", rest(n), rest(n + 1, positionIdx=1))),
}


def scenarios():
    """At least sixty: every fault with some kinds, every kind with some faults."""
    kinds, faults = list(KINDS), list(FAULTS)
    found = [(kind, "none") for kind in kinds]
    # A walk instead of the whole product: each kind meets two faults, and every fault comes in turn.
    for at, kind in enumerate(kinds):
        found += [(kind, faults[1 + (2 * at + step) % (len(faults) - 2)]) for step in range(2)]
    batches = [kind for kind in kinds if "Batch" in KINDS[kind][0] or "batch" in KINDS[kind][0]]
    found += list(itertools.product(batches, BATCH_FAULTS))
    # A stream that says nothing any more strikes everybody: it comes last.
    found.append(("market", "streams silent"))
    return found


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    directory = tmp_path_factory.mktemp("scenarios")
    with World(directory, policy=RULES, hold={"wait": "50ms"},
               upstreams={**{name: {} for name in LANES}, **HANGING}) as world:
        yield world


class Run:
    """One scenario from the proposal to the end."""

    def __init__(self, world, agents, number, kind, fault):
        self.world, self.number, self.name = world, number, f"{kind} / {fault}"
        self.agent = agents[LANES[number % len(LANES)]]
        self.tool, make = KINDS[kind]
        self.fault = FAULTS.get(fault, BATCH_FAULTS.get(fault))
        self.arguments = make(Market(world), 2 * number)

    def send(self):
        """Proposes, arms the fault, approves, and waits until the exchange has met the request."""
        world = self.world
        self.id = pending_id(self.agent.call(self.tool, self.arguments))
        assert self.id, f"{self.name}: it is not held"
        self.statement = json.loads(world.operator().batch(self.id)["statement"])
        links = [one["orderLinkId"] for one in legs_of(self.statement["arguments"])]
        if self.fault:
            arm(world, self.fault)
        try:
            approve(world, self.id)
            until(lambda: met(world, self.id, links), f"{self.name}: it is sent", 30)
        finally:
            # What is about events strikes those of this order.
            if self.fault and not self.fault.startswith(EVENT_FAULTS):
                disarm(world)

    def wrong(self):
        """What is wrong at the end, in sentences."""
        try:
            return until(self.agrees, "it agrees", 45, every=0.3) and []
        except TooLate:
            return [f"{self.name}: {words}" for words in self.differences()]

    def agrees(self):
        return not self.differences()

    def differences(self):
        detail = self.world.operator().batch(self.id)
        state = detail["summary"]["state"]
        if state not in ("acknowledged", "failed"):
            return [f"it is {state}: {detail['summary']['outcome']}"]
        log = self.world.exchange_log()
        found = []
        for one in detail["leg_states"]:
            found += self.differs(one, log)
        return found

    def differs(self, one, log):
        link, number = one["order_link_id"], one["leg"]
        sent = self.arguments.get("request", [self.arguments])[number - 1]
        link = link or sent.get("orderLinkId", "")
        verb = one["kind"]
        arrived = [entry for entry in log if entry["kind"] == "request" and link in entry["body"]
                   and verb in entry.get("op", "") + entry.get("path", "")
                   and entry.get("method") != "GET"]
        if len(arrived) > 1:
            return [f"leg {number} was sent {len(arrived)} times"]
        rows = [row for row in order_rows(log) if row["orderLinkId"] == link]
        if rows and verb == "amend" and float(rows[-1]["price"]) != float(sent["price"]):
            return [] if one["status"] == "rejected" else [
                f"leg {number} is {one['status']}, and the order still has its old price"]
        if rows and verb == "cancel" and rows[-1]["orderStatus"] in ("New", "PartiallyFilled"):
            return [] if one["status"] == "rejected" else [
                f"leg {number} is {one['status']}, and the order is still open"]
        if not rows:
            return [] if one["status"] == "rejected" else [
                f"leg {one['leg']} is {one['status']}, and the exchange has no such order"]
        last = rows[-1]
        if one["status"] not in STATES[last["orderStatus"]]:
            return [f"leg {one['leg']} is {one['status']}, the order {last['orderStatus']}"]
        if float(one["filled"]) != float(last["cumExecQty"] or 0):
            return [f"leg {one['leg']}: {one['filled']} are filled, and not {last['cumExecQty']}"]
        return []


# Faults that strike the events of an order, which come after its request.
EVENT_FAULTS = ("dropEvent", "duplicateEvent", "delayEvent", "reorderEvents", "closeStreams",
                "filledTwice", "silentStreams")


def legs_of(arguments):
    return arguments.get("request", [arguments])


def order_rows(log):
    """Every order row that the exchange made, sent to anybody or not, in its order."""
    for entry in log:
        if entry["kind"] == "event" and entry["topic"].startswith("order"):
            yield from entry["data"]


def met(world, id, links):
    """Whether the exchange has seen the request, or it has ended without."""
    state = world.operator().batch(id)["summary"]["state"]
    if state in ("acknowledged", "failed", "unknown", "blocked", "rejected"):
        return True
    return any(link in entry["body"] for entry in world.exchange_log()
               if entry["kind"] == "request" for link in links)


def approve(world, id):
    """Looks and approves; looks again when what was looked at has changed."""
    def try_once():
        summary = world.operator().batch(id)["summary"]
        if any(one["severity"] in ("unchecked", "block") for one in summary["findings"]):
            return False
        try:
            return world.operator().decide("approve", summary)
        except Refused as refusal:
            if refusal.code != "stale" and "were not accepted" not in (refusal.message or ""):
                raise
            return False

    until(try_once, f"{id} is approved", 30)


def control(world, method, path):
    request = urllib.request.Request(world.paper_url + path, b"", method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        answer.read()


def arm(world, fault):
    control(world, "POST", f"/paper/fault?kind={fault}")


def disarm(world):
    control(world, "DELETE", "/paper/faults")


def test_every_scenario_ends_where_the_exchange_says(world):
    agents = {name: Agent(f"{world.agents_url}/{name}", world.token)
              for name in (*LANES, *HANGING)}
    hanging = pending_id(agents["hanging"].call("wsCreateOrder", single("linear", rest(900))))
    approve(world, hanging)
    runs = [Run(world, agents, number, *names) for number, names in enumerate(scenarios())]
    assert len(runs) >= 60
    wrong = []
    for run in runs:
        try:
            run.send()
        except (AssertionError, Refused) as failure:
            wrong.append(f"{run.name}: {failure}")
            disarm(world)
    wrong += sum((run.wrong() for run in runs if hasattr(run, "statement")), [])
    ended = world.until_state(hanging, "failed", seconds=60)
    if "not accepted" not in ended["outcome"]:
        wrong.append(f"the server that hangs: {ended['outcome']}")
    assert not wrong, "\n".join(wrong)
