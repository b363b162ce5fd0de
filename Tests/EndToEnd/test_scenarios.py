"""Kinds of orders times faults of the exchange: each goes through gateway, upstream, exchange and
stream, and ends with legs that stand where the exchange's own log says, and with nothing sent twice.

Two exchanges and two gateways serve all of them. Each scenario is armed and approved on its own,
since faults strike the next request; what has to be waited for afterwards, the exchange's receive
window above all, is waited for side by side: a gateway has several upstreams, each with a lane of
its own.
"""

import json
import urllib.parse
import urllib.request

import pytest

from agents import Agent, leg, pending_id
from borders import Exchange
from operators import Refused
from waiting import TooLate, until
from world import KEYS, POLICY, World

LANES = [f"bybit{n}" for n in range(6)]
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
    "event lost": "dropEvent&on=order",
    "event twice": "duplicateEvent&on=order",
    "event late": "delayEvent&on=order&delay=600ms",
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


def with_exits(symbol, quantity, price):
    """A buy of which the exchange makes a take profit and a stop loss once it is filled."""
    return leg(symbol, "Buy", quantity, price, takeProfit=f"{float(price) * 1.05:.2f}",
               stopLoss=f"{float(price) * 0.95:.2f}", tpslMode="Partial")


# Each kind: the tool, and its arguments from the market and a number of its own. No two calls are
# equal: the second would be a repeat of the first.
KINDS = {
    "limit over the stream": ("wsCreateOrder", lambda m, n: single("linear", rest(n))),
    "limit over HTTP": ("createOrder", lambda m, n: single("linear", rest(n, positionIdx="0"))),
    "limit that crosses": ("wsBatchCreateOrders", lambda m, n: many(
        "linear", leg(
            "ETHUSDT", "Buy", f"{0.1 + n / 100:.2f}", m.quote("linear", "ETHUSDT")[1]))),
    "limit with exits that crosses": ("createOrder", lambda m, n: single("linear", with_exits(
        "ETHUSDT", f"{0.1 + n / 100:.2f}", m.quote("linear", "ETHUSDT")[1]))),
    "market": ("wsBatchCreateOrders", lambda m, n: many(
        "linear", leg("SOLUSDT", "Buy", f"{0.5 + n / 10:.1f}"))),
    "two limits in a batch": ("wsBatchCreateOrders", lambda m, n: many(
        "linear", rest(n), rest(n + 1))),
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
        "BTCUSD", "Buy", f"{100 + n}", m.below("inverse", "BTCUSD", 0) + ".00"))),
    "spot limit": ("createOrder", lambda m, n: single("spot", leg(
        "BTCUSDT", "Buy", "0.001", m.below("spot", "BTCUSDT", 1)))),
    "spot market buy in quote coin": ("wsCreateOrder", lambda m, n: single(
        "spot", leg("ETHUSDT", "Buy", f"{50 + n}"))),
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
    "reduce-only on the position's own side": ("wsBatchCreateOrders", lambda m, n: many(
        "linear", rest(n), rest(n + 1, reduceOnly=True))),
}


# Kinds that trade at once.
FILLS = ("limit that crosses", "limit with exits that crosses", "market",
         "spot market buy in quote coin")


def applies(kind, fault):
    """Whether the fault can strike a request of this kind, or what comes of it."""
    tool, fills = KINDS[kind][0], kind in FILLS
    if FAULTS[fault] in ("filledTwice", "reorderEvents"):
        return fills
    if kind == "amendment of nothing":
        return not FAULTS[fault].startswith(EVENT_FAULTS)
    return FAULTS[fault] != "duplicateAnswer" or tool.startswith("ws")


def scenarios():
    """At least sixty: every fault with some kinds, every kind with some faults."""
    found = [(kind, "none") for kind in KINDS]
    # A walk instead of the whole product: each kind meets the two faults that were met least.
    times = {fault: 0 for fault in FAULTS if fault not in ("none", "streams silent")}
    for kind in KINDS:
        possible = [fault for fault in times if applies(kind, fault)]
        for fault in sorted(possible, key=times.get)[:2]:
            times[fault] += 1
            found.append((kind, fault))
    batches = [kind for kind in KINDS if "atch" in KINDS[kind][0]]
    found += [(kind, fault) for kind in batches for fault in BATCH_FAULTS]
    # A stream that says nothing any more strikes everybody: it comes last, in both halves.
    return [*found, ("market", "streams silent"), ("limit over HTTP", "streams silent")]


class Run:
    """One scenario from the proposal to the end."""

    def __init__(self, world, agents, number, kind, fault):
        self.world, self.name = world, f"{kind} / {fault}"
        self.agent = agents[LANES[number // 2 % len(LANES)]]
        self.tool, self.make = KINDS[kind]
        self.fault = {**FAULTS, **BATCH_FAULTS}[fault]
        self.number, self.statement = 2 * number, None

    def send(self, log):
        """Proposes, arms the fault, approves, and waits until the exchange has met the request."""
        world = self.world
        arguments = self.make(Market(world), self.number)
        self.id = pending_id(self.agent.call(self.tool, arguments))
        assert self.id, f"{self.name}: it is not held"
        self.statement = json.loads(world.operator().batch(self.id)["statement"])
        links = [one["orderLinkId"] for one in legs_of(self.statement["arguments"])]
        before = len(log.read().faults)
        if self.fault:
            arm(world, self.fault)
        try:
            approve(world, self.id)
            until(lambda: met(world, self.id, links, log.read()), f"{self.name}: it is sent", 30)
            if self.fault:
                word = self.fault.partition("&")[0]
                until(lambda: word in log.read().faults[before:], f"{self.name}: {word} struck", 30)
        finally:
            if self.fault:
                disarm(world)

    def differences(self, log):
        """What the gateway says otherwise than the exchange's log, in sentences."""
        detail = self.world.operator().batch(self.id)
        state = detail["summary"]["state"]
        if state not in ("acknowledged", "failed"):
            return [f"{self.name}: it is {state}: {detail['summary']['outcome']}"]
        sent = legs_of(self.statement["arguments"])
        self.ended = [(sent[one["leg"] - 1], one) for one in detail["leg_states"]]
        return [f"{self.name}: leg {one['leg']}: {words}"
                for asked, one in self.ended for words in differences(asked, one, log)]

    def unseen_lies(self, log):
        """Whether another state, or the same request once more, would pass for the truth."""
        found = []
        for asked, one in self.ended:
            lie = {**one, "status": LIES[one["status"]]}
            if not differences(asked, lie, log):
                found.append(f"{self.name}: leg {one['leg']} could as well be {lie['status']}")
            again = [entry for entry in log.requests
                     if is_sent(entry, asked["orderLinkId"], one["kind"])]
            log.requests += again
            if again and not differences(asked, one, log):
                found.append(f"{self.name}: leg {one['leg']} could as well be sent twice")
            del log.requests[len(log.requests) - len(again):]
        return found


def differences(asked, one, log):
    """What a leg's state says otherwise than the exchange's log, of the leg as it was sent."""
    link, status = asked["orderLinkId"], one["status"]
    arrived = sum(is_sent(entry, link, one["kind"]) for entry in log.requests)
    if arrived > 1:
        return [f"it was sent {arrived} times"]
    row = log.orders.get(link)
    if row is None:
        return [] if status == "rejected" else [f"{status}, and the exchange has no such order"]
    is_open = row["orderStatus"] in ("New", "PartiallyFilled", "Untriggered", "Triggered")
    is_old = "price" in asked and float(row["price"]) != float(asked["price"])
    if one["kind"] == "amend" and is_old or one["kind"] == "cancel" and is_open:
        return [] if status == "rejected" else [f"{status}, and the order is as it was: {row}"]
    if status not in STATES[row["orderStatus"]]:
        return [f"{status}, and the order is {row['orderStatus']}"]
    if float(one["filled"]) != float(row["cumExecQty"] or 0):
        return [f"{one['filled']} filled, and at the exchange {row['cumExecQty']}"]
    return []


# For each state one that is wrong then.
LIES = {"working": "filled", "part_filled": "filled", "filled": "working", "cancelled": "filled",
        "rejected": "working"}


def is_sent(entry, link, verb):
    """Whether a request asks for this change of the order."""
    return (f'"{link}"' in entry["body"] and entry.get("method") != "GET"
            and verb in entry.get("op", "") + entry.get("path", ""))


class Log:
    """The exchange's log as far as it was read: requests, and the last row of each order."""

    def __init__(self, path):
        self.path, self.place, self.rest = path, 0, b""
        self.requests, self.orders, self.faults = [], {}, []
        # Orders that the exchange made from others, by their own id.
        self.exits = {}

    def read(self):
        with self.path.open("rb") as file:
            file.seek(self.place)
            data = file.read()
        self.place += len(data)
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            self.take(json.loads(line))
        return self

    def take(self, entry):
        if entry["kind"] == "request":
            self.requests.append(entry)
        elif entry["kind"] == "fault":
            self.faults.append(entry["fault"])
        elif entry["kind"] == "event" and entry["topic"].startswith("order"):
            for row in entry["data"]:
                if row["parentOrderLinkId"]:
                    self.exits[row["orderId"]] = row
                # A late event is in the log where it was sent: an older row changes nothing.
                last = self.orders.setdefault(row["orderLinkId"], row)
                if age(row) >= age(last):
                    self.orders[row["orderLinkId"]] = row


def age(row):
    return int(row["updatedTime"]), float(row["cumExecQty"] or 0)


# Faults that strike the events of an order, which come after its request.
EVENT_FAULTS = ("dropEvent", "duplicateEvent", "delayEvent", "reorderEvents", "closeStreams",
                "filledTwice", "silentStreams")


def legs_of(arguments):
    return arguments.get("request", [arguments])


def met(world, id, links, log):
    """Whether the exchange has seen the request, or it has ended without."""
    state = world.operator().batch(id)["summary"]["state"]
    if state in ("acknowledged", "failed", "unknown", "blocked", "rejected"):
        return True
    return any(link in entry["body"] for entry in log.requests for link in links)


def approve(world, id):
    """Looks and approves; looks again when what was looked at has changed."""
    in_the_way = []

    def try_once():
        summary = world.operator().batch(id)["summary"]
        in_the_way[:] = [
            f"{one['rule']} {one['words']}" for one in summary["findings"]
            if one["severity"] in ("unchecked", "block")]
        if in_the_way:
            return False
        try:
            return world.operator().decide("approve", summary)
        except Refused as refusal:
            if refusal.code != "stale" and "were not accepted" not in (refusal.message or ""):
                raise
            return False

    try:
        until(try_once, f"{id} is approved", 30)
    except TooLate as late:
        raise AssertionError(f"{late}; {'; '.join(in_the_way)}") from None


def control(world, method, path):
    request = urllib.request.Request(world.paper_url + path, b"", method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        answer.read()


def arm(world, fault):
    control(world, "POST", f"/paper/fault?kind={fault}")


def disarm(world):
    control(world, "DELETE", "/paper/faults")


def strays(world, runs, log):
    """Exits at the exchange that are not shown with the leg that asked for them."""
    shown = {one["order_id"]: one.get("origin", {}).get("batch")
             for one in world.operator().ask("GET", "/v1/orders")["orders"]}
    batches = {asked["orderLinkId"]: run.id for run in runs for asked, _ in run.ended}
    exits = [(id, batches.get(row["parentOrderLinkId"])) for id, row in log.exits.items()
             if row["orderStatus"] == "Untriggered"]
    return [f"the exit {id} of {batch} is shown with {shown.get(id)}"
            for id, batch in exits if batch and shown.get(id) != batch]


def agree(runs, log):
    return not any(run.differences(log) for run in runs)


def play(directory, table, numbers):
    """What is wrong at the end of these rows of the table, in sentences."""
    with World(directory, policy=RULES, hold={"wait": "50ms"},
               upstreams={**{name: {} for name in LANES}, **HANGING}) as world:
        agents = {name: Agent(f"{world.agents_url}/{name}", world.token)
                  for name in (*LANES, *HANGING)}
        answer = agents["hanging"].call("wsCreateOrder", single("linear", rest(900)))
        hanging = pending_id(answer)
        assert hanging, f"the call for the server that hangs is not held: {answer}"
        approve(world, hanging)
        runs = [Run(world, agents, number, *table[number]) for number in numbers]
        log, wrong = Log(world.paper_log), []
        for run in runs:
            try:
                run.send(log)
            except (AssertionError, Refused) as failure:
                wrong.append(f"{run.name}: {failure}")
        sent = [run for run in runs if run.statement]
        try:
            until(lambda: agree(sent, log.read()), "every row agrees", 90, every=0.5)
        except TooLate:
            wrong += sum((run.differences(log) for run in sent), [])
        else:
            # The market goes on: what is asked here is asked of the moment in which all agreed.
            wrong += sum((run.unseen_lies(log) for run in sent), [])
            wrong += strays(world, [run for run in sent if not run.fault], log)
        ended = world.until_state(hanging, "failed", seconds=60)
        if "not accepted" not in ended["outcome"]:
            wrong.append(f"the server that hangs: {ended['outcome']}")
        return wrong


# Two gateways, so that two workers can play them side by side.
@pytest.mark.parametrize("half", [0, 1])
def test_every_scenario_ends_where_the_exchange_says(tmp_path, half):
    table = scenarios()
    assert len(table) >= 60
    assert {fault for _, fault in table} == {*FAULTS, *BATCH_FAULTS}, "every fault has its rows"
    wrong = play(tmp_path, table, range(half, len(table), 2))
    assert not wrong, "\n".join(wrong)
