"""A gateway without an exchange, whose upstreams' tools are files that tests write."""

import contextlib
import http.client
import json
import pathlib
import socket
import sys
import threading

from agents import Agent
from operators import Refused
from passage import ALLOW
from world import World, until

UPSTREAM = pathlib.Path(__file__).resolve().parent / "scripted_upstream.py"


def tool(name, description="A tool.", **more):
    return {"name": name, "description": description, "inputSchema": {"type": "object"}, **more}


class Scripted(World):
    """`tools` are the definitions of every upstream at its first sight."""

    def __init__(self, tmp_path, tools, *, policy=None, hold=None, upstreams=("main",)):
        super().__init__(tmp_path, policy=policy or ALLOW, hold=hold)
        self.names = list(upstreams)
        for name in self.names:
            self.place(name).mkdir(parents=True, exist_ok=True)
            self.define(tools, name)

    def place(self, upstream="main"):
        return self.directory / f"upstream-{upstream}"

    def define(self, tools, upstream="main"):
        """Gives an upstream other tools; it tells the gateway."""
        whole = self.place(upstream) / "tools.json"
        part = whole.with_suffix(".new")
        part.write_text(json.dumps(tools))
        part.rename(whole)

    def calls(self, upstream="main"):
        """Every call that reached an upstream: name and arguments."""
        log = self.place(upstream) / "calls.jsonl"
        lines = log.read_bytes().splitlines() if log.exists() else []
        return [(one["params"]["name"], one["params"].get("arguments"))
                for one in map(json.loads, lines)]

    def __enter__(self):
        try:
            self.write_files()
            self.token = self.add_agent("alpha")
            self.add_operator("ops", "admin")
            self.start_gateway()
        except BaseException:
            self.close()
            raise
        return self

    def write_files(self):
        config = {
            "listen": {name: f"127.0.0.1:{self._ports[name]}" for name in ("agents", "operators")},
            "state": "state", "policy": "policy.json", "name": "countersign-test",
            "upstreams": {name: {"command": [sys.executable, str(UPSTREAM), str(self.place(name))]}
                          for name in self.names},
            "hold": self._hold}
        self.config_path.write_text(json.dumps(config, indent=1))
        self.policy_path.write_text(json.dumps(self._policy, indent=1))

    def is_ready(self):
        return all(self.sees(name) for name in self.names)

    def sees(self, upstream):
        """Whether the gateway has the list of an upstream."""
        try:
            all = self.operator().ask("GET", "/v1/tools")["tools"]
        except (OSError, Refused):
            return False
        return any(one["upstream"] == upstream and "seen" in one for one in all)

    def agent(self, upstream="main", token=None):
        return Agent(f"{self.agents_url}/{upstream}", token or self.token)

    def listed(self, upstream="main", agent=None):
        """Names of the tools that an agent sees, but the gateway's own."""
        found = (agent or self.agent(upstream)).request("tools/list")["tools"]
        return sorted(one["name"] for one in found if one["name"] != "awaitApproval")

    def tool(self, name, upstream="main"):
        """The operators' view of a tool, or None."""
        all = self.operator().ask("GET", "/v1/tools")["tools"]
        return next((one for one in all if (one["upstream"], one["tool"]) == (upstream, name)), None)

    def until_tool(self, name, state, upstream="main"):
        def look():
            found = self.tool(name, upstream)
            return found if found and found["state"] == state else None

        return until(look, f"{upstream}/{name} is {state}")


class Listener:
    """A session's event stream: how often it is told that the tools changed."""

    def __init__(self, world, upstream="main", agent=None):
        self.agent = agent or world.agent(upstream)
        self.count, self.stream = 0, None

    def __enter__(self):
        place = self.agent.url
        self.connection = http.client.HTTPConnection(place.hostname, place.port, timeout=60)
        headers = {**self.agent.headers(), "Accept": "text/event-stream"}
        del headers["Content-Type"]
        self.connection.request("GET", place.path, headers=headers)
        self.stream = self.connection.getresponse()
        assert self.stream.status == 200, self.stream.read()
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()
        return self

    def _read(self):
        try:
            for line in self.stream:
                if b"notifications/tools/list_changed" in line:
                    self.count += 1
        except (OSError, ValueError, AttributeError):
            pass

    def until_told(self, times):
        until(lambda: self.count >= times, f"the agent is told {times} times")

    def __exit__(self, *_):
        # The reader may be inside the socket: it is shut down, and closed by whoever reads.
        with contextlib.suppress(OSError, AttributeError):
            self.connection.sock.shutdown(socket.SHUT_RDWR)
