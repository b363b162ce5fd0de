"""Limits of the policy with many callers at once, and over the death of the gateway. What counts is
what reached the upstream."""

import concurrent.futures
import json
import pathlib
import sys
import threading

import pytest

from agents import Agent, batch, decision_of, leg
from waiting import until
from world import POLICY, World, program_path

HERE = pathlib.Path(__file__).resolve().parent
CALLERS = 64
MOST = 40
AT_ONCE = 5
LIMITED = {**POLICY, "tools": {
    **POLICY["tools"],
    "getTickers": {"limits": [
        {"counter": "reads", "window": "hour", "max": MOST, "scope": "global"}]},
    "getOpenOrders": {"limits": [{"counter": "busy", "concurrent": AT_ONCE, "scope": "tool"}]},
    "wsBatchCreateOrders": {"action": "hold", "limits": [
        {"counter": "qty", "window": "hour", "max": "0.05", "increment_from": "args.request[*].qty",
         "on_deny": "Enough for this hour."}]},
}}
TICKERS = {"category": "linear", "symbol": "BTCUSDT"}


@pytest.fixture
def limited(tmp_path):
    command = [sys.executable, HERE / "counting_upstream.py", tmp_path / "calls", "0.3",
               program_path(), "bybit-tools"]
    with World(tmp_path, policy=LIMITED, hold={"wait": "100ms"}, upstream_command=command) as world:
        yield world


def arrived(world, tool):
    """How many calls of a tool were under way with each, as they came to the upstream."""
    path = world.directory / "calls"
    lines = path.read_text().splitlines() if path.exists() else []
    return [int(line.split()[1]) for line in lines if line.split()[0] == tool]


def counted(world):
    """What the limits have counted, by counter."""
    rows = json.loads(world.cli("agent", "limits", "--json").stdout)
    return {row["counter"]: row for row in rows}


def flood(agent, tool, arguments, rounds):
    """Every caller calls so often; the results of all, None for one that got none."""
    start = threading.Barrier(CALLERS)

    def call(_):
        start.wait(60)
        results = []
        for _ in range(rounds):
            try:
                results.append(agent.call(tool, arguments))
            except Exception:  # noqa: BLE001
                results.append(None)
        return results

    with concurrent.futures.ThreadPoolExecutor(CALLERS) as pool:
        return [one for all in pool.map(call, range(CALLERS)) for one in all]


def test_many_callers_never_pass_the_maximum(limited):
    agent = Agent(limited.agents_url, limited.token)
    before = len(arrived(limited, "getTickers"))
    results = flood(agent, "getTickers", TICKERS, 2)
    passed = [one for one in results if not one.get("isError")]
    denied = [decision_of(one) for one in results if one.get("isError")]
    assert len(passed) == MOST and len(denied) == 2 * CALLERS - MOST
    assert len(arrived(limited, "getTickers")) - before == MOST
    assert {one["counter"] for one in denied} == {"reads"}
    assert all(0 < one["retryAfterMs"] <= 3_600_000 for one in denied)
    row = counted(limited)["reads"]
    assert (row["used"], row["max"], row["window"]) == (str(MOST), str(MOST), "1h")


def test_no_more_are_under_way_than_allowed_and_none_for_ever(limited):
    agent = Agent(limited.agents_url, limited.token)
    results = flood(agent, "getOpenOrders", TICKERS, 3)
    denied = [one for one in results if one.get("isError")]
    assert denied and len(denied) < len(results)
    assert max(arrived(limited, "getOpenOrders")) <= AT_ONCE
    until(lambda: "busy" not in counted(limited), "nothing is under way", 20)
    assert not agent.call("getOpenOrders", TICKERS).get("isError")


def test_a_killed_gateway_has_not_forgotten_what_it_let_through(limited):
    agent = Agent(limited.agents_url, limited.token)
    flooding = threading.Thread(target=flood, args=(agent, "getTickers", TICKERS, 2))
    flooding.start()
    until(lambda: len(arrived(limited, "getTickers")) >= MOST // 4, "calls arrive", 30, every=0.001)
    limited.kill_gateway()
    flooding.join(90)
    before = len(arrived(limited, "getTickers"))
    limited.start_gateway()
    used = int(counted(limited)["reads"]["used"])
    assert before <= used <= MOST
    flood(Agent(limited.agents_url, limited.token), "getTickers", TICKERS, 1)
    assert len(arrived(limited, "getTickers")) - before == MOST - used
    # The session is another one, and the count is the same.
    assert decision_of(Agent(limited.agents_url, limited.token).call("getTickers", TICKERS))[
        "counter"] == "reads"


def test_a_held_amount_outlives_the_gateway_and_goes_back_with_a_rejection(limited):
    arguments = batch(leg("BTCUSDT", "Buy", "0.020", "60000.00"),
                      leg("BTCUSDT", "Buy", "0.020", "59000.00"))
    other = batch(leg("BTCUSDT", "Buy", "0.011", "58000.00"))
    agent = Agent(limited.agents_url, limited.token)
    agent.call("wsBatchCreateOrders", arguments)
    held = limited.until_held()
    limited.kill_gateway()
    limited.start_gateway()
    assert counted(limited)["qty"]["used"] == "0.04"
    agent = Agent(limited.agents_url, limited.token)
    denied = decision_of(agent.call("wsBatchCreateOrders", other))
    assert denied["reason"] == "Enough for this hour." and denied["counter"] == "qty"
    # When a person decides is not known, so there is no time to try again.
    assert "retryAfterMs" not in denied
    limited.reject(held["id"], "no")
    assert "qty" not in counted(limited)
    assert decision_of(agent.call("wsBatchCreateOrders", other))["verdict"] == "held"


def test_nobody_approves_for_an_agent_of_their_own(tmp_path):
    policy = {**POLICY, "tools": {"wsCreateOrder": {
        "action": "hold", "approval": {"forbid_owner": True}}}}
    with World(tmp_path, policy=policy, hold={"wait": "100ms"}) as world:
        refused = world.cli("agent", "add", "stray", "--owner", "nobody", check=False)
        assert refused.returncode == 2 and 'no operator is called "nobody"' in refused.stderr
        world.add_operator("bob")
        token = world.cli("agent", "add", "own", "--owner", "ops").stdout.strip()
        until(lambda: world._knows(token), "the gateway knows the agent")
        assert "own  of ops" in world.cli("agent", "list").stdout
        order = {"category": "linear", **leg("BTCUSDT", "Buy", "0.010", "60000.00")}
        Agent(world.agents_url, token).call("wsCreateOrder", order)
        held = world.until_held()
        said = world.approve(held["id"], check=False)
        assert said.returncode == 1 and "ops owns the agent own" in said.stderr
        assert world.approve(held["id"], operator="bob")["state"] != "pending"
