#!/usr/bin/env python3
"""A client made with the official SDK 1.x that asks a server for everything it has.

    everything_client.py [--url URL] [--token TOKEN] [--mute] [--only NAME,…] [-- COMMAND…]

Prints one JSON document: what each tool, prompt and resource answered, and what was heard
meanwhile. `--mute` declares no capability, so that nobody can ask this client anything.
"""

import argparse
import asyncio
import contextlib
import json
import os
import sys

import httpx
from mcp import ClientSession, StdioServerParameters, types
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import McpError
from pydantic import AnyUrl

CALLS = {
    "echo": {"words": "käse \u0000 \u2028 1.50"}, "image": {}, "audio": {}, "resource": {},
    "mixed": {}, "weather": {"city": "Oslo"}, "broken": {}, "slow": {"steps": 3}, "logs": {},
    "polled": {}, "sample": {"words": "hello"}, "ask": {}, "roots": {},
}
PROMPTS = {"plain": None, "greeting": {"name": "Ada", "style": "dry"}, "attached": None}
RESOURCES = ["text://plain", "blob://bytes", "text://Oslo/weather"]
PATIENCE = 60


class Heard:
    """What the server says and asks, and this client's answers."""

    def __init__(self):
        self.logs, self.progress, self.updated = [], [], asyncio.Event()
        self.began = asyncio.Event()

    async def log(self, params):
        self.logs.append([params.level, params.data])

    async def message(self, message):
        root = getattr(message, "root", None)
        if isinstance(root, types.ResourceUpdatedNotification):
            self.updated.set()

    async def sample(self, context, params):
        said = params.messages[0].content.text
        return types.CreateMessageResult(
            role="assistant", model=f"model-{params.maxTokens}",
            content=types.TextContent(type="text", text=said.upper()))

    async def elicit(self, context, params):
        assert "age" in params.requestedSchema["properties"], params
        return types.ElicitResult(action="accept", content={"name": "Ada", "age": 36})

    async def roots(self, context):
        return types.ListRootsResult(roots=[types.Root(uri="file:///tmp/one")])

    async def step(self, progress, total, message):
        self.progress.append([progress, total, message])
        self.began.set()

    def callbacks(self, mute):
        own = {} if mute else {
            "sampling_callback": self.sample, "elicitation_callback": self.elicit,
            "list_roots_callback": self.roots}
        return {**own, "logging_callback": self.log, "message_handler": self.message}


def plain(result):
    return result.model_dump(by_alias=True, mode="json", exclude_none=True)


async def tools(session, heard, wanted):
    answers = {}
    for name, arguments in CALLS.items():
        if name not in wanted:
            continue
        heard.logs, heard.progress = [], []
        answer = plain(await session.call_tool(name, arguments, progress_callback=heard.step))
        answers[name] = {"result": answer, "logs": heard.logs, "progress": heard.progress}
    return answers


async def prompts(session):
    answers = {"list": plain(await session.list_prompts())}
    for name, arguments in PROMPTS.items():
        answers[name] = plain(await session.get_prompt(name, arguments))
    answers["unknown"] = await error_of(session.get_prompt("nobody"))
    return answers


async def resources(session, heard):
    answers = {
        "list": plain(await session.list_resources()),
        "templates": plain(await session.list_resource_templates())}
    for uri in RESOURCES:
        answers[uri] = plain(await session.read_resource(AnyUrl(uri)))
    answers["unknown"] = await error_of(session.read_resource(AnyUrl("text://no/such/thing")))
    watched = AnyUrl("text://watched")
    await session.subscribe_resource(watched)
    # Over HTTP the stream on which it is told may open later than the subscription is made.
    async with asyncio.timeout(PATIENCE):
        while not heard.updated.is_set():
            await session.call_tool("touch", {})
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(heard.updated.wait(), 0.2)
    await session.unsubscribe_resource(watched)
    return answers


async def completions(session):
    prompt = types.PromptReference(type="ref/prompt", name="greeting")
    template = types.ResourceTemplateReference(type="ref/resource", uri="text://{city}/weather")
    return [
        plain(await session.complete(prompt, {"name": "name", "value": "A"})),
        plain(await session.complete(template, {"name": "city", "value": "Ox"}))]


async def error_of(call):
    try:
        await call
    except McpError as error:
        return {"code": error.error.code, "message": error.error.message}
    raise SystemExit("an error was expected")


async def cancel(session, heard):
    """Withdraws a call that has begun; the session lives on."""
    heard.progress = []
    heard.began.clear()
    number = session._request_id
    call = asyncio.create_task(session.call_tool("endless", {}, progress_callback=heard.step))
    await asyncio.wait_for(heard.began.wait(), PATIENCE)
    await session.send_notification(types.ClientNotification(types.CancelledNotification(
        params=types.CancelledNotificationParams(requestId=number, reason="enough"))))
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    await session.send_ping()
    return "cancelled"


async def everything(session, heard, wanted):
    greeting = await session.initialize()
    document = {"instructions": greeting.instructions, "tools": await tools(session, heard, wanted)}
    if wanted != set(CALLS):
        return document
    listed = sorted(plain(await session.list_tools())["tools"], key=lambda one: one["name"])
    await session.set_logging_level("info")
    return {
        **document, "listed": [one for one in listed if one["name"] != "awaitApproval"],
        "prompts": await prompts(session), "resources": await resources(session, heard),
        "completions": await completions(session), "cancel": await cancel(session, heard)}


@contextlib.asynccontextmanager
async def connected(options):
    if options.command:
        command = StdioServerParameters(
            command=options.command[0], args=options.command[1:], env=dict(os.environ))
        async with stdio_client(command) as (read, write):
            yield read, write
        return
    headers = {"Authorization": f"Bearer {options.token}"} if options.token else {}
    timeout = httpx.Timeout(30, read=300)
    async with httpx.AsyncClient(headers=headers, timeout=timeout) as http:
        async with streamable_http_client(options.url, http_client=http) as (read, write, _):
            yield read, write


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--url")
    parser.add_argument("--token")
    parser.add_argument("--mute", action="store_true")
    parser.add_argument("--only", default=",".join(CALLS))
    parser.add_argument("command", nargs="*")
    options = parser.parse_args()
    heard = Heard()
    async with asyncio.timeout(2 * PATIENCE):
        async with connected(options) as (read, write):
            async with ClientSession(read, write, **heard.callbacks(options.mute)) as session:
                document = await everything(session, heard, set(options.only.split(",")))
    json.dump(document, sys.stdout)


if __name__ == "__main__":
    asyncio.run(main())
