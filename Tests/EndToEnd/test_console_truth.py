"""What the operator sees, what is signed, what is sent and what the exchange receives are one."""

import decimal
import json
import random
import re
import subprocess
import tempfile

import pytest

import screentruth
from agents import Agent, batch, leg
from console import Console, command, environment, tail
from waiting import until

# Symbol, base price, tick and step of the paper exchange's contracts.
CONTRACTS = {
    "BTCUSDT": ("65000", "0.10", "0.001"), "ETHUSDT": ("3200", "0.01", "0.01"),
    "SOLUSDT": ("150", "0.010", "0.1"), "XRPUSDT": ("2.15", "0.0001", "0.1"),
    "DOGEUSDT": ("0.175", "0.00001", "1"), "HIFIUSDT": ("0.3", "0.0001", "1"),
}
# Symbols of the categories, for numbers that no exchange has to take.
SYMBOLS = {
    "linear": list(CONTRACTS), "inverse": ["BTCUSD", "ETHUSD"], "spot": ["BTCUSDT", "ETHUSDC"],
    "option": ["BTC-25DEC26-70000-C", "ETH-25DEC26-4000-P-USDT"]}
# Legs that a batch may have.
MOST = {"linear": 20, "inverse": 20, "spot": 10, "option": 20}
SIZES = [(80, 24), (120, 40), (200, 60)]
# Fields that the panel names in its own way.
PANEL = {"side", "qty", "symbol", "orderType", "price"}


@pytest.mark.parametrize("cols,rows", SIZES)
@pytest.mark.parametrize("seed", [1, 2])
def test_shown_signed_sent_and_received_are_the_same(world, cols, rows, seed):
    arguments = sane_batch(random.Random(seed * 1000 + cols))
    agent = Agent(world.agents_url, world.token)
    with Console(world, cols, rows) as console:
        console.ready()
        agent.start("wsBatchCreateOrders", arguments)
        id = world.until_held()["id"]
        page = read(console, id, screentruth.sent_legs(statement(world, id)["arguments"]))
        shown = screentruth.legs(page)
        console.approve(id)
        world.until_state(id, "acknowledged", "failed")
    signed = statement(world, id)["arguments"]
    sent = screentruth.sent_legs(signed)
    assert screentruth.differences(shown, sent) == []
    received = [{"category": arguments["category"], **one} for one in world.received_orders()]
    assert screentruth.differences(shown, texts(received)) == []
    assert asked_for(signed) == arguments
    check_sums(page, sent)


@pytest.mark.parametrize("cols,rows", SIZES)
def test_the_panel_says_what_is_sent(world, cols, rows):
    agent = Agent(world.agents_url, world.token)
    agent.start("wsBatchCreateOrders", sane_batch(random.Random(cols), count=3))
    id = world.until_held()["id"]
    sent = screentruth.sent_legs(statement(world, id)["arguments"])
    with Console(world, cols, rows) as console:
        console.ready().select(id).read_to_the_end()
        console.arm(id)
        shown, is_whole = screentruth.panel_legs(console.frame())
    if not is_whole:
        # The room was taken by findings: then the largest leg must be there.
        largest = max(sent, key=lambda one: ("price" not in one, worth(one)))
        sent = [largest]
    assert screentruth.differences(shown, sent, PANEL) == []


@pytest.mark.parametrize("cols,rows", SIZES)
@pytest.mark.parametrize("category", SYMBOLS)
def test_wild_numbers_are_shown_whole(world, cols, rows, category):
    """Whatever the exchange would say: the longest numbers, the most legs, every field."""
    generator = random.Random(cols * 10 + len(category))
    agent = Agent(world.agents_url, world.token)
    with Console(world, cols, rows) as console:
        console.ready()
        for count in (MOST[category], 3):
            arguments = wild_batch(generator, count, category)
            known = [one["id"] for one in world.batches()]
            agent.start("wsBatchCreateOrders", arguments)
            id = until(
                lambda: next((b["id"] for b in world.batches() if b["id"] not in known), None), "held")
            # Of wild orders the loss at the stop cannot always be computed.
            sent = screentruth.sent_legs(statement(world, id)["arguments"])
            rows = read(console, id, sent,
                        r"UNCHECKED (0\b|\d+: E01  )" if category == "linear" else None)
            assert screentruth.differences(screentruth.legs(rows), sent) == []
            check_sums(rows, sent)


@pytest.mark.parametrize("planted", ["quantity", "price", "side", "symbol", "leg", "field"])
def test_the_comparison_finds_a_lie(world, planted):
    """One digit that is cut off, one word that is wrong: the comparison must say so."""
    agent = Agent(world.agents_url, world.token)
    agent.start("wsBatchCreateOrders", batch(
        leg("BTCUSDT", "Buy", "0.012", "64001.00", timeInForce="GTC", positionIdx=0),
        leg("ETHUSDT", "Sell", "0.53", "3301.00", timeInForce="GTC", reduceOnly=True)))
    id = world.until_held()["id"]
    sent = screentruth.sent_legs(statement(world, id)["arguments"])
    with Console(world, 120, 40) as console:
        rows = read(console.ready(), id)
    assert screentruth.differences(screentruth.legs(rows), sent) == []
    lie = {
        "quantity": ("0.012 BTC", " 0.01 BTC"), "price": ("64001.00", " 6400.00"),
        "side": ("SELL", "BUY "), "symbol": ("ETHUSDT", "ETHUSD "),
        "leg": ("1  BUY", "       "), "field": ("reduceOnly true", "               ")}[planted]
    assert any(lie[0] in row for row in rows)
    wrong = [row.replace(*lie) for row in rows]
    try:
        found = screentruth.differences(screentruth.legs(wrong), sent)
    except screentruth.Unreadable:
        return
    assert found != []


def test_tmux_draws_the_same(world):
    """A second terminal emulator, as a second opinion on the first."""
    agent = Agent(world.agents_url, world.token)
    agent.start("wsBatchCreateOrders", sane_batch(random.Random(5), count=3))
    id = world.until_held()["id"]
    with Console(world) as console:
        console.ready().select(id)
        # Which it is for a while after a key.
        console.until_gone("order held")
        mine = comparable(console.frame())
    with tempfile.TemporaryDirectory() as place:
        tmux = ["tmux", "-S", f"{place}/s", "-f", "/dev/null"]
        env = environment(world)
        words = " ".join(str(one) for one in command(world))
        subprocess.run(
            [*tmux, "new-session", "-d", "-x", "80", "-y", "24", f"{words}"], env=env, check=True)
        try:
            subprocess.run([*tmux, "set", "-g", "status", "off"], env=env, check=True)
            until(lambda: comparable(captured(tmux)) == mine, "tmux shows what pyte shows")
        except AssertionError:
            assert comparable(captured(tmux)) == mine
            raise
        finally:
            subprocess.run([*tmux, "kill-server"], env=env, check=True)


def captured(tmux):
    done = subprocess.run([*tmux, "capture-pane", "-p"], capture_output=True, text=True, check=True)
    return (done.stdout.splitlines() + [""] * 24)[:24]


def comparable(rows):
    """The screen without what time and prices change."""
    hidden = r"\d+:\d\d(:\d\d)?Z?|~?[+-]?[\d .]+k?\b(?=.*(NOTE|WARN|HIGH))"
    return [re.sub(r"\s+", " ", re.sub(hidden, "#", row)).strip() for row in rows]


# Batches

def sane_batch(generator, count=None):
    """Orders that the exchange takes: near the market, in its ticks and steps."""
    legs = []
    for symbol in generator.choices(list(CONTRACTS), k=count or generator.randint(1, 10)):
        base, tick, step = CONTRACTS[symbol]
        side = generator.choice(["Buy", "Sell"])
        worth = generator.uniform(50, 400)
        quantity = in_steps(worth / float(base), step)
        if generator.random() < 0.3:
            legs.append(leg(symbol, side, quantity))
            continue
        away = generator.uniform(0.001, 0.008) * (-1 if side == "Buy" else 1)
        price = in_steps(float(base) * (1 + away), tick)
        more = {"timeInForce": generator.choice(["GTC", "PostOnly"])}
        if generator.random() < 0.3:
            more["positionIdx"] = 0
        if generator.random() < 0.2:
            more["reduceOnly"] = True
        legs.append(leg(symbol, side, quantity, price, **more))
    return batch(*legs)


def wild_batch(generator, count, category):
    """Numbers of every length, and every field that a leg may have."""
    legs = []
    for _ in range(count):
        symbol = generator.choice(SYMBOLS[category])
        price = None if generator.random() < 0.2 else wild_number(generator)
        optional = {
            "timeInForce": generator.choice(["GTC", "IOC", "FOK", "PostOnly"]),
            "positionIdx": generator.choice([0, 1, 2]), "reduceOnly": generator.random() < 0.5,
            "takeProfit": wild_number(generator), "stopLoss": wild_number(generator),
            "triggerPrice": wild_number(generator), "triggerBy": "MarkPrice",
            "triggerDirection": generator.choice([1, 2]), "tpslMode": "Full",
            "tpTriggerBy": "LastPrice", "slTriggerBy": "IndexPrice", "smpType": "CancelBoth",
            "orderLinkId": "".join(generator.choices("abcXYZ019_-", k=36)),
        }
        kept = {key: value for key, value in optional.items() if generator.random() < 0.5}
        legs.append(leg(symbol, generator.choice(["Buy", "Sell"]), wild_number(generator), price, **kept))
    return batch(*legs, category=category)


def wild_number(generator):
    whole = str(generator.randint(1, 10 ** generator.randint(1, 9)))
    digits = generator.randint(0, 8)
    return whole + ("." + "".join(generator.choices("0123456789", k=digits)) if digits else "")


def in_steps(value, step):
    step = decimal.Decimal(step)
    count = max(1, round(decimal.Decimal(value) / step))
    return str((count * step).quantize(step))


# Comparing

def read(console, id, sent=(), checked=r"UNCHECKED 0\b"):
    """All rows of a batch, from the first to the last. Prices move them, so it may take some tries: a
    finding that becomes shorter between two pages moves a row past both. That every sum of `sent` stands
    there tells whether it was read whole."""
    console.select(id, checked)

    def look():
        pages = screentruth.Pages(tail(id))
        console.to_the_top().read_to_the_end(see=pages)
        try:
            rows = pages.rows
        except screentruth.Unreadable:
            return None
        return rows if screentruth.true_sums(sent).keys() <= screentruth.sums(rows).keys() else None

    return until(look, f"{id} is read whole between two changes", 120)


def statement(world, id):
    return json.loads(world.show(id)["statement"])


def texts(legs):
    return [{key: screentruth.text(value) for key, value in one.items()} for one in legs]


def asked_for(arguments):
    """The arguments without the ids that the gateway gave."""
    legs = [{k: v for k, v in one.items() if k != "orderLinkId"} for one in arguments["request"]]
    return {**arguments, "request": legs}


def worth(one):
    return decimal.Decimal(one["qty"]) * decimal.Decimal(one.get("price", 1))


def check_sums(rows, sent):
    """What the page adds up is what one adds up oneself."""
    shown, true = screentruth.sums(rows), screentruth.true_sums(sent)
    for name, value in true.items():
        assert shown.get(name) == value, f"{name}: {shown.get(name)} shown, {value} is true"
