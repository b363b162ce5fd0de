#!/usr/bin/env python3
"""A whole MCP server made with the official SDK 1.x, for tests of what passes through.

    everything_server.py stdio
    everything_server.py http [--json] [--forgetful] [--key SECRET]

Tools of every kind of content, errors, progress, logging, and questions to the client; prompts,
resources, templates, subscriptions and completion. What it answers depends on nothing but what it
is asked. Over HTTP it prints "http: URL" when it serves, `--key` asks for that bearer token, and
event streams can be resumed unless it is `--forgetful`.
"""

import argparse
import asyncio
import base64
import contextlib
import os
import socket
import sys

import uvicorn
from mcp import types
from mcp.server.fastmcp import Context, FastMCP
from mcp.server.fastmcp.prompts import base
from mcp.server.streamable_http import EventMessage, EventStore
from pydantic import AnyUrl, BaseModel

PIXEL = base64.b64encode(b"\x89PNG\r\n\x1a\n not really").decode()
SOUND = base64.b64encode(b"RIFF not really either").decode()
WATCHED = AnyUrl("text://watched")


class Kept(EventStore):
    """All events in memory, so that a broken stream can be resumed."""

    def __init__(self):
        self.events = []

    async def store_event(self, stream_id, message):
        self.events.append((stream_id, message))
        return str(len(self.events) - 1)

    async def replay_events_after(self, last_event_id, send_callback):
        start = int(last_event_id)
        stream = self.events[start][0]
        for number in range(start + 1, len(self.events)):
            owner, message = self.events[number]
            if owner == stream and message is not None:
                await send_callback(EventMessage(message, str(number)))
        return stream


server = FastMCP(
    "everything", instructions="Ask for everything.", event_store=Kept(), retry_interval=10,
    log_level="WARNING")
low = server._mcp_server


class Weather(BaseModel):
    city: str
    degrees: float
    words: list[str]


class Person(BaseModel):
    name: str
    age: int


def embedded(text="inside"):
    return types.EmbeddedResource(
        type="resource", resource=types.TextResourceContents(
            uri=AnyUrl("text://embedded"), mimeType="text/plain", text=text))


# Tools: content

@server.tool(title="Say it", annotations=types.ToolAnnotations(readOnlyHint=True))
def echo(words: str) -> str:
    """Says the words."""
    return words


@server.tool(structured_output=False)
def image() -> types.ImageContent:
    return types.ImageContent(type="image", data=PIXEL, mimeType="image/png")


@server.tool(structured_output=False)
def audio() -> types.AudioContent:
    return types.AudioContent(type="audio", data=SOUND, mimeType="audio/wav")


@server.tool(structured_output=False)
def resource() -> types.EmbeddedResource:
    return embedded()


@server.tool(structured_output=False)
def mixed() -> list[types.ContentBlock]:
    return [
        types.TextContent(
            type="text", text="first", annotations=types.Annotations(priority=0.5)),
        types.ImageContent(type="image", data=PIXEL, mimeType="image/png"),
        types.ResourceLink(type="resource_link", name="link", uri=AnyUrl("text://plain")),
        embedded()]


@server.tool()
def weather(city: str) -> Weather:
    return Weather(city=city, degrees=21.5, words=["mild", "dry"])


@server.tool()
def broken() -> str:
    raise ValueError("this tool always fails")


@server.tool()
def environment(name: str) -> str:
    return os.environ.get(name, "(not set)")


# Tools: what happens meanwhile

@server.tool()
async def slow(steps: int, ctx: Context) -> str:
    for step in range(1, steps + 1):
        await ctx.report_progress(step, steps, f"step {step}")
    return f"{steps} steps"


@server.tool()
async def endless(ctx: Context) -> str:
    """Says that it began, and ends only when it is cancelled."""
    print("endless began", file=sys.stderr, flush=True)
    await ctx.report_progress(1)
    try:
        await asyncio.sleep(3600)
    finally:
        print("endless was cancelled", file=sys.stderr, flush=True)
    return "never"


@server.tool()
async def logs(ctx: Context) -> str:
    await ctx.info("one")
    await ctx.warning("two")
    return "logged"


@server.tool()
async def polled(ctx: Context) -> str:
    """Closes the stream of its own answer, which must be fetched then."""
    await ctx.report_progress(1, 2)
    await ctx.close_sse_stream()
    await asyncio.sleep(0.05)
    return "fetched"


@server.tool()
async def touch(ctx: Context) -> str:
    await ctx.session.send_resource_updated(WATCHED)
    return "touched"


# Tools: questions to the client

@server.tool()
async def sample(words: str, ctx: Context) -> str:
    message = types.SamplingMessage(
        role="user", content=types.TextContent(type="text", text=words))
    try:
        answer = await ctx.session.create_message(
            messages=[message], max_tokens=7, related_request_id=ctx.request_id)
    except Exception as error:
        return f"no sample: {error}"
    return f"{answer.model} says {answer.content.text}"


@server.tool()
async def ask(ctx: Context) -> str:
    try:
        answer = await ctx.elicit("Who are you?", Person)
    except Exception as error:
        return f"no answer: {error}"
    if answer.action != "accept":
        return answer.action
    return f"{answer.data.name} is {answer.data.age}"


@server.tool()
async def roots(ctx: Context) -> str:
    try:
        answer = await ctx.session.list_roots()
    except Exception as error:
        return f"no roots: {error}"
    return " ".join(str(one.uri) for one in answer.roots)


# Prompts, resources, completion

@server.prompt()
def plain() -> str:
    return "A prompt without arguments."


@server.prompt(title="With arguments")
def greeting(name: str, style: str = "warm") -> str:
    return f"Greet {name} in a {style} way."


@server.prompt()
def attached() -> list[base.Message]:
    return [
        base.UserMessage("Look at this."),
        base.UserMessage(content=embedded("attached")),
        base.AssistantMessage("I see.")]


@server.resource("text://plain", mime_type="text/plain")
def plain_text() -> str:
    return "plain text"


@server.resource("text://watched", mime_type="text/plain")
def watched() -> str:
    return "watched text"


@server.resource("blob://bytes", mime_type="application/octet-stream")
def some_bytes() -> bytes:
    return bytes(range(256))


@server.resource("text://{city}/weather", mime_type="application/json")
def city_weather(city: str) -> str:
    return f'{{"city": "{city}"}}'


@server.completion()
async def complete(ref, argument, context):
    known = {"name": ["Ada", "Alan", "Bob"], "city": ["Oslo", "Oxford"]}
    values = [one for one in known.get(argument.name, []) if one.startswith(argument.value)]
    return types.Completion(values=values, total=len(values), hasMore=False)


@low.subscribe_resource()
async def subscribe(uri):
    pass


@low.unsubscribe_resource()
async def unsubscribe(uri):
    pass


@low.set_logging_level()
async def set_level(level):
    pass


# Serving

class Guarded:
    """Refuses requests without the bearer token."""

    def __init__(self, app, key):
        self.app, self.key = app, f"Bearer {key}".encode()

    async def __call__(self, scope, receive, send):
        if scope["type"] == "http" and dict(scope["headers"]).get(b"authorization") != self.key:
            await send({"type": "http.response.start", "status": 401, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        await self.app(scope, receive, send)


def serve_http(options):
    server.settings.json_response = options.json
    if options.forgetful:
        server._event_store = None
    app = server.streamable_http_app()
    if options.key:
        app = Guarded(app, options.key)
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", options.port))
    config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1)
    print(f"http: http://127.0.0.1:{listener.getsockname()[1]}/mcp", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(uvicorn.Server(config).serve(sockets=[listener]))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("transport", choices=["stdio", "http"])
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--forgetful", action="store_true")
    parser.add_argument("--key")
    options = parser.parse_args()
    if options.transport == "stdio":
        server.run("stdio")
    else:
        serve_http(options)


if __name__ == "__main__":
    main()
