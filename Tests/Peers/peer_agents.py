#!/usr/bin/env python3
"""An agent made of an official MCP SDK, for tests of the agents' listener.

Runs with mcp 1.x and 2.x (requirements-mcp1.txt, requirements-mcp2.txt). Prints one JSON object a
step; exits with 0 when the scenario went as it must, with 1 and a sentence on stderr otherwise.

    peer_agents.py URL TOKEN SCENARIO [--tool NAME] [--arguments JSON] [--held NAME] ...
"""

import argparse
import asyncio
import contextlib
import importlib.metadata
import json
import sys
from datetime import timedelta

SDK = importlib.metadata.version("mcp")
IS_V1 = SDK.startswith("1.")


class Agent:
    """What both SDKs can do, under one set of names."""

    def __init__(self, session, protocol):
        self.session = session
        self.protocol = protocol

    async def tools(self):
        listing = await self.session.list_tools()
        return [tool.name for tool in listing.tools]

    async def call(self, name, arguments, timeout=None, progress=None):
        seconds = timeout
        if IS_V1 and timeout is not None:
            seconds = timedelta(seconds=timeout)
        result = await self.session.call_tool(
            name, arguments, read_timeout_seconds=seconds, progress_callback=progress)
        data = result.model_dump(by_alias=True, mode="json", exclude_none=True)
        return {
            "text": "\n".join(b["text"] for b in data["content"] if b["type"] == "text"),
            "isError": bool(data.get("isError", False)),
            "structured": data.get("structuredContent"),
            "meta": data.get("_meta"),
        }


@contextlib.asynccontextmanager
async def connect_v1(url, token, mode):
    import httpx
    from mcp import ClientSession
    from mcp.client.streamable_http import streamable_http_client

    headers = {"Authorization": f"Bearer {token}"}
    timeout = httpx.Timeout(30, read=300)
    async with httpx.AsyncClient(headers=headers, timeout=timeout) as http:
        async with streamable_http_client(url, http_client=http) as (read, write, _):
            async with ClientSession(read, write) as session:
                greeting = await session.initialize()
                yield Agent(session, greeting.protocolVersion)


@contextlib.asynccontextmanager
async def connect_v2(url, token, mode):
    import httpx2
    from mcp import Client
    from mcp.client.streamable_http import streamable_http_client

    headers = {"Authorization": f"Bearer {token}"}
    timeout = httpx2.Timeout(30, read=300)
    async with httpx2.AsyncClient(headers=headers, timeout=timeout) as http:
        async with Client(streamable_http_client(url, http_client=http), mode=mode) as client:
            yield Agent(client, client.protocol_version)


connect = connect_v1 if IS_V1 else connect_v2


def say(step, **facts):
    print(json.dumps({"step": step, **facts}), flush=True)


def demand(condition, sentence):
    if not condition:
        raise SystemExit(sentence)


async def list_tools(agent, options):
    names = await agent.tools()
    say("tools", names=names)
    for name in (options.tool, options.held):
        demand(name in names, f"{name} is not listed")


async def read(agent, options):
    result = await agent.call(options.tool, options.arguments)
    say("read", **result)
    demand(not result["isError"], f"{options.tool} failed: {result['text']}")


def approval_id(result):
    """The id of a pending result, wherever the gateway wrote it; None for a final one."""
    for place in (result["structured"], (result["meta"] or {}).get("countersign/decision")):
        if not isinstance(place, dict):
            continue
        if place.get("settled", place.get("state", place.get("status")) != "pending"):
            continue
        for key in ("approvalId", "approval_id", "id"):
            if key in place:
                return place[key]
    return None


async def held(agent, options):
    seen = []

    async def progress(value, total, message):
        seen.append(int(value) if value == int(value) else value)

    result = await agent.call(options.held, options.held_arguments, progress=progress)
    polls = 0
    while (approval := approval_id(result)) is not None:
        say("pending", id=approval, text=result["text"])
        demand(polls < options.polls, f"still pending after {polls} times {options.wait_tool}")
        polls += 1
        result = await agent.call(options.wait_tool, {"approvalId": approval})
    say("held", polls=polls, progress=seen, **result)
    demand(seen == sorted(set(seen)), f"progress does not rise: {seen}")


async def parallel(agent, options):
    """A held call does not keep a read from being answered."""
    order = []

    async def one(name, arguments):
        await agent.call(name, arguments)
        order.append(name)

    slow = asyncio.create_task(one(options.held, options.held_arguments))
    await asyncio.sleep(0.2)
    await asyncio.wait_for(one(options.tool, options.arguments), 30)
    say("answered")
    await slow
    say("parallel", order=order)
    demand(order == [options.tool, options.held], f"answered in the order {order}")


async def impatient(agent, options):
    """The client gives up on a held call; its session lives on."""
    try:
        await agent.call(options.held, options.held_arguments, timeout=options.timeout)
        demand(False, "the call did not run into the client's time-out")
    except Exception as error:  # each SDK has its own
        say("gave up", error=type(error).__name__)
    await read(agent, options)


async def everything(agent, options):
    for step in (list_tools, read, held, parallel):
        await step(agent, options)


SCENARIOS = {
    "tools": list_tools, "read": read, "held": held, "parallel": parallel,
    "impatient": impatient, "all": everything,
}


def options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url")
    parser.add_argument("token")
    parser.add_argument("scenario", choices=sorted(SCENARIOS))
    parser.add_argument("--tool", default="getServerTime", help="a tool that policy allows")
    parser.add_argument("--arguments", type=json.loads, default={})
    parser.add_argument("--held", default="wsBatchCreateOrders", help="a tool that policy holds")
    parser.add_argument("--held-arguments", type=json.loads, default={})
    parser.add_argument("--wait-tool", default="awaitApproval")
    parser.add_argument("--polls", type=int, default=20, help="how often to ask for an outcome")
    parser.add_argument("--timeout", type=float, default=1.0, help="of an impatient client, seconds")
    parser.add_argument("--mode", default="auto", choices=["auto", "legacy"], help="of mcp 2.x")
    return parser.parse_args()


async def main():
    chosen = options()
    async with connect(chosen.url, chosen.token, chosen.mode) as agent:
        say("connected", sdk=SDK, protocol=agent.protocol)
        await SCENARIOS[chosen.scenario](agent, chosen)
    say("done")


def first_exit(error):
    """A demand that failed inside task groups, or None."""
    if isinstance(error, SystemExit):
        return error
    for inner in getattr(error, "exceptions", ()):
        if (found := first_exit(inner)) is not None:
            return found
    return None


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except BaseException as error:
        if (exit := first_exit(error)) is not None:
            print(exit.code, file=sys.stderr)
            sys.exit(1)
        raise
