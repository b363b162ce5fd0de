"""Clients as they are: connections that break, and time-outs by the client's name."""

import http.client
import json
import time

from agents import Agent, decision_of, pending_id, resting, text_of
from operators import Refused
from waiting import until
from world import World


def open_call(agent, tool, arguments, meta=None):
    """A tools/call whose answer is not read; its connection and its answer."""
    params = {"name": tool, "arguments": arguments, **({"_meta": meta} if meta else {})}
    connection = http.client.HTTPConnection(agent.url.hostname, agent.url.port, timeout=30)
    body = json.dumps(agent.message("tools/call", params)).encode()
    connection.request("POST", agent.url.path, body, agent.headers())
    return connection


def test_a_client_that_vanishes_before_it_was_told(tmp_path):
    with World(tmp_path, hold={"wait": "60s"}) as world:
        agent = Agent(world.agents_url, world.token)
        connection = open_call(agent, "wsBatchCreateOrders", resting(1))
        held = world.until_held()
        assert not held["is_agent_gone"]
        connection.close()

        def batch():
            return world.operator().batch(held["id"])["summary"]

        until(lambda: batch()["is_agent_gone"], "the gateway knows that the client is gone")
        assert batch()["state"] == "pending"
        try:
            world.operator().decide("approve", batch())
            raise AssertionError("it was approved although its agent was gone")
        except Refused as refusal:
            assert "vanished" in refusal.message
        # The agent comes back with the same call, and joins what is held.
        _, again = agent.start("wsBatchCreateOrders", resting(1))
        until(lambda: not batch()["is_agent_gone"], "the agent is back")
        world.operator().decide("approve", batch())
        result = again.result(20)
        assert decision_of(result)["status"] == "acknowledged"
        assert decision_of(result)["approvalId"] == held["id"]
        assert len(world.received_orders()) == 1


def test_the_wait_goes_by_the_name_of_the_client(tmp_path):
    hold = {"wait": "60s", "wait_by_client": {"claude-code": "200ms"}}
    with World(tmp_path, hold=hold) as world:
        agent = Agent(world.agents_url, world.token, "claude-code")
        result = agent.call("wsBatchCreateOrders", resting(1), timeout=20)
        assert pending_id(result) == world.until_held()["id"]
        assert "awaitApproval" in text_of(result)


def test_a_held_request_shows_that_it_lives(tmp_path):
    """Comments break the silence, and progress is told where a token was given."""
    with World(tmp_path, hold={"wait": "13s"}) as world:
        agent = Agent(world.agents_url, world.token)
        silent = open_call(agent, "wsBatchCreateOrders", resting(1))
        told = open_call(
            agent, "wsBatchCreateOrders", resting(1, base=50_000), {"progressToken": "p"})
        start = time.monotonic()
        lines = silent.getresponse().read().splitlines()
        assert time.monotonic() - start < 25
        comments = [one for one in lines if one.startswith(b":")]
        assert len(comments) >= 1, lines
        messages = [
            json.loads(one[5:]) for one in told.getresponse().read().splitlines()
            if one.startswith(b"data:")]
        progress = [one["params"] for one in messages[:-1]]
        assert [one["progressToken"] for one in progress] == ["p"]
        assert "waiting" in progress[0]["message"]
        assert pending_id(messages[-1]["result"])
