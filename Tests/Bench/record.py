"""What a real gateway with pending batches and live orders answers a console."""

import concurrent.futures
import os

from agents import Agent, leg, batch, resting
from world import World


def recorded(place, pending):
    """The answers by path, of a paper exchange and a gateway that end again."""
    os.environ["COUNTERSIGN_PROGRAM"] = place.program
    hold = {"wait": "100ms", "ttl": "2h", "pending_per_agent": 100}
    with World(place.directory / "world", hold=hold) as world:
        agent = Agent(world.agents_url, world.token)
        agent.call("wsBatchCreateOrders", resting(8, base=58_000))
        first = world.until_held()
        world.approve(first["id"])
        world.until_state(first["id"], "acknowledged")
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda n: agent.call("wsBatchCreateOrders", proposal(n)), range(pending)))
        operator = world.operator()
        batches = [one for one in operator.batches() if one["state"] == "pending"]
        if len(batches) != pending:
            raise AssertionError(f"{len(batches)} batches are pending, {pending} were made")
        answers = {
            path: operator.ask("GET", path)
            for path in ("/v1/status", "/v1/orders", "/v1/exposure", "/v1/ledger/checkpoint")}
        answers["/v1/batches"] = {"batches": batches}
        for one in batches:
            answers[f"/v1/batches/{one['id']}"] = operator.batch(one["id"])
        return answers


def proposal(number):
    """Two to six legs that nobody has proposed before."""
    return batch(*(
        leg("BTCUSDT", "Buy" if n % 2 else "Sell", "0.010",
            f"{(59_000 if n % 2 else 62_000) - 10 * number + n}.00", timeInForce="PostOnly")
        for n in range(2 + number % 5)))
