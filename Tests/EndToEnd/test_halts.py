"""One agent paused, and every open order cancelled, from the command line and from the console."""

import json

import pytest

from agents import Agent, batch, leg, text_of
from console import Console
from waiting import until


@pytest.fixture
def agent(world):
    return Agent(world.agents_url, world.token)


def resting(world, quantity="0.010"):
    """A batch whose one order rests far under the market."""
    bid = float(world.quote("BTCUSDT")[0])
    return batch(leg("BTCUSDT", "Buy", quantity, f"{round(bid) - 2000}.00", timeInForce="GTC"))


def hold(world, agent):
    known = [one["id"] for one in world.batches()]
    agent.start("wsBatchCreateOrders", resting(world))
    return world.until_held(known)["id"]


def live_orders(world):
    orders = json.loads(world.cli("orders", "--json").stdout)["orders"]
    return [one for one in orders if one["status"] in ("acked", "working")]


def place(world, agent):
    """An order that rests at the exchange, and that the gateway knows to rest."""
    id = hold(world, agent)
    operator = world.operator()
    operator.decide("approve", operator.batch(id)["summary"])
    world.until_state(id, "acknowledged")
    until(lambda: live_orders(world), "the order rests")


def test_a_paused_agent_proposes_nothing_until_it_may_go_on(world, agent):
    held = hold(world, agent)
    done = world.cli("freeze", "--agent", "alpha", "--reason", "it loops")
    assert done.stdout == "alpha is paused\n"
    # In force when the command has ended: not a moment later.
    answer = agent.call("wsBatchCreateOrders", resting(world, "0.011"))
    assert answer["isError"] and "it loops" in text_of(answer)
    refused = world.approve(held, check=False)
    assert refused.returncode == 1 and "alpha is paused" in refused.stderr
    assert not agent.call("getTickers", {"category": "linear", "symbol": "BTCUSDT"}).get("isError")
    assert world.cli("thaw", "--agent", "alpha").stdout == "alpha goes on\n"
    known = [one["id"] for one in world.batches()]
    agent.start("wsBatchCreateOrders", resting(world, "0.012"))
    assert world.until_held(known)
    kinds = [one["kind"] for one in world.audit()]
    assert "agent_paused" in kinds and "agent_resumed" in kinds


def test_every_open_order_is_cancelled_while_all_is_frozen(world, agent):
    place(world, agent)
    done = world.cli("freeze", "--cancel-orders")
    assert "frozen" in done.stdout and "taken" in done.stdout
    until(lambda: not live_orders(world), "no order is open")
    kinds = [one["kind"] for one in world.audit()]
    assert kinds.index("frozen") < kinds.index("cancel_all") < kinds.index("cancel_all_answered")


def test_a_key_pauses_the_agent_and_a_word_lets_it_go_on(world, agent):
    id = hold(world, agent)
    with Console(world) as console:
        console.ready().select(id).type(b"P")
        console.until_shows("PAUSED alpha")
        # What the console says is in force: the very next call is turned away.
        assert agent.call("wsBatchCreateOrders", resting(world, "0.011"))["isError"]
        console.type(b"a")
        console.until_shows("a: not possible - alpha is paused by ops")
        console.type(b"P")
        console.until_shows("alpha is paused; type resume and Enter")
        console.press("resume", gap=0.02)
        console.type(b"\r")
        console.until_gone("PAUSED alpha")
        assert not world.status().get("paused")


def test_a_typed_word_cancels_every_open_order(world, agent):
    place(world, agent)
    with Console(world) as console:
        console.ready()
        console.press(":cancel-all", gap=0.02)
        console.type(b"\r")
        console.until_shows("type cancel and Enter")
        console.press("cancel", gap=0.02)
        assert live_orders(world)
        console.type(b"\r")
        console.until_shows("cancels were taken")
        until(lambda: not live_orders(world), "no order is open")


@pytest.mark.parametrize("cols,rows", [(80, 24), (120, 40), (200, 60)])
def test_every_page_is_read_and_says_what_is_there(world, agent, cols, rows):
    hold(world, agent)
    with Console(world, cols, rows) as console:
        console.ready()
        for key, words in [
                (b"5", r"BTCUSDT"), (b"6", r"> alpha +may go on"), (b"7", "every call is held"),
                (b"4", "pending"), (b"3", "orders: 0 live"), (b"?", "open the approval panel")]:
            console.type(key)
            console.until_shows(words)
        # Apart: an escape with a key behind it in one write is Alt with that key, which means nothing.
        console.type(b"\x1b")
        console.until_gone("open the approval panel")
        console.type(b"1")
        console.until_shows("queue 1/1")
