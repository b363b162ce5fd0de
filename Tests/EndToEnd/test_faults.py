"""An exchange that fails in the middle of an order: what the agent and the operators are told is
what the exchange's own log says."""

import concurrent.futures
import json
import urllib.request

from agents import Agent, decision_of, pending_id, resting, text_of
from world import World, until

# What the exchange does with the next order request, and whether the orders exist afterwards.
FAULTS = {"dropAnswer": True, "closeConnection": True, "errorAfterPlacing": True,
          "errorBeforePlacing": False}


def arm(world, fault):
    url = f"{world.paper_url}/paper/fault?kind={fault}"
    urllib.request.urlopen(urllib.request.Request(url, b"", method="POST"), timeout=30).read()


def run_fault(directory, fault, exists):
    """What is wrong, in sentences."""
    with World(directory, hold={"wait": "1s"}) as world:
        agent = Agent(world.agents_url, world.token)
        approval = pending_id(agent.call("wsBatchCreateOrders", resting(2)))
        summary = world.until_held()
        arm(world, fault)
        world.operator().decide("approve", summary)
        outcome = agent.await_outcome(approval)
        state = decision_of(outcome)["status"]
        detail = world.operator().batch(approval)
        wrong = []
        if len(world.received_orders()) != 2:
            wrong.append(f"{fault}: {len(world.received_orders())} legs arrived, 2 were approved")
        if state != ("acknowledged" if exists else "failed"):
            wrong.append(f"{fault}: it ends as {state}: {detail['summary']['outcome']}")
        for leg in detail["leg_states"]:
            if (leg["status"] in ("acked", "working")) != exists:
                wrong.append(f"{fault}: leg {leg['leg']} is shown as {leg['status']}")
        return wrong


def test_the_end_state_is_the_exchanges(tmp_path):
    with concurrent.futures.ThreadPoolExecutor(len(FAULTS)) as pool:
        runs = [pool.submit(run_fault, tmp_path / fault, fault, exists)
                for fault, exists in FAULTS.items()]
        assert sum((run.result() for run in runs), []) == []


def test_the_agent_is_told_the_truth_while_it_is_sent(tmp_path):
    """The orders are at the exchange and its answer does not come: nobody may say that nothing was
    executed, and the agent must see that this is no final result."""
    with World(tmp_path, hold={"wait": "1s"}) as world:
        agent = Agent(world.agents_url, world.token)
        approval = pending_id(agent.call("wsBatchCreateOrders", resting()))
        summary = world.until_held()
        arm(world, "dropAnswer")
        world.operator().decide("approve", summary)
        until(world.received_orders, "the order has arrived")
        told = agent.call("awaitApproval", {"approvalId": approval})
        assert decision_of(told)["status"] in ("dispatching", "unknown"), json.dumps(told)
        assert "Nothing was executed" not in text_of(told), text_of(told)
        assert "waits for a human's approval" not in text_of(told), text_of(told)
