"""A gateway with servers of the official SDK behind it, over stdio and over HTTP, and no exchange."""

import contextlib
import json
import signal
import subprocess

from agents import Agent, Fault
from conftest import mcp1_python
from waiting import until
from world import REPOSITORY, World, free_port

PEERS = REPOSITORY / "Tests/Peers"
SERVER, CLIENT = PEERS / "everything_server.py", PEERS / "everything_client.py"
KEY = "upstream-secret-7d1f"
ALLOW = {"version": "1", "default": "allow", "tools": {}}


class Server:
    """The everything-server over HTTP, on a port that it keeps when it is started again."""

    def __init__(self, directory, *options):
        self.port, self.options = free_port(), options
        self.url = f"http://127.0.0.1:{self.port}/mcp"
        self.log = directory / "everything.err"
        self.process = None

    def start(self):
        arguments = [
            mcp1_python(), str(SERVER), "http", "--port", str(self.port), "--key", KEY,
            *self.options]
        with open(self.log, "ab") as errors:
            self.process = subprocess.Popen(
                arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors,
                text=True)
        line = self.process.stdout.readline()
        assert line.startswith("http: "), self.log.read_text()
        return self

    def stop(self, number=signal.SIGKILL):
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(20)
            self.process.stdout.close()
            self.process = None


class Passage(World):
    """A gateway whose upstreams are the everything-server: `local` over stdio, and over HTTP
    `remote`, whose key is a secret of the gateway's environment."""

    def __init__(self, tmp_path, *, policy=None, hold=None, server_options=()):
        super().__init__(tmp_path, policy=policy or ALLOW, hold=hold)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.local = [mcp1_python(), str(SERVER), "stdio"]
        self.server = Server(self.directory, *server_options)

    def __enter__(self):
        try:
            self.write_files()
            self.server.start()
            self.token = self.add_agent("alpha")
            self.add_operator("ops", "admin")
            self.start_gateway()
        except BaseException:
            self.close()
            raise
        return self

    def close(self):
        super().close()
        self.server.stop()

    def environment(self):
        return {
            **super().environment(), "EVERYTHING_KEY": f"Bearer {KEY}", "LOG_LEVEL": "info"}

    def write_files(self):
        config = {
            "listen": {name: f"127.0.0.1:{self._ports[name]}" for name in ("agents", "operators")},
            "state": "state", "policy": "policy.json", "name": "countersign-test",
            "upstreams": {
                "local": {"command": self.local},
                "remote": {
                    "url": self.server.url,
                    "headers": {"Authorization": {"env": "EVERYTHING_KEY"}, "X-Plain": "plain"}}},
            "hold": self._hold}
        self.config_path.write_text(json.dumps(config, indent=1))
        self.policy_path.write_text(json.dumps(self._policy, indent=1))

    def is_ready(self):
        return all(self.has_tools(name) for name in ("local", "remote"))

    def has_tools(self, upstream):
        try:
            listed = self.agent(upstream).request("tools/list")["tools"]
        except (OSError, Fault):
            return False
        return any(one["name"] == "echo" for one in listed)

    def url(self, upstream):
        return f"{self.agents_url}/{upstream}"

    def agent(self, upstream, token=None):
        return Agent(self.url(upstream), token or self.token)

    # The SDK's client

    def wrap(self, *options, command=()):
        words = [self.program, "wrap", "--config", str(self.config_path), *options]
        return [*words, "--", *command] if command else words

    def ask_everything(self, *, url=None, token=None, command=(), options=()):
        """What the SDK's client is answered by a server, directly or through something."""
        words = [mcp1_python(), str(CLIENT), *options]
        if url:
            words += ["--url", url, "--token", token]
        if command:
            words += ["--", *map(str, command)]
        done = subprocess.run(
            words, capture_output=True, text=True, timeout=180, cwd=self.directory,
            env={**self.environment(), "COUNTERSIGN_TOKEN": self.token or ""})
        assert done.returncode == 0, done.stderr[-4000:]
        return json.loads(done.stdout)

    def directly(self, upstream, **more):
        if upstream == "local":
            return self.ask_everything(command=self.local, **more)
        return self.ask_everything(url=self.server.url, token=KEY, **more)

    def through(self, upstream, **more):
        return self.ask_everything(url=self.url(upstream), token=self.token, **more)


class Wrapped:
    """A client that launched `countersign wrap`: lines in, lines out."""

    def __init__(self, world, command, environment=None):
        self.errors = world.directory / "wrap.err"
        with open(self.errors, "ab") as errors:
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
                cwd=world.directory, env={
                    **world.environment(), "COUNTERSIGN_TOKEN": world.token or "",
                    **(environment or {})})
        self.last, self.heard = 0, []

    def send(self, message):
        self.process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
        self.process.stdin.flush()

    def read(self):
        line = self.process.stdout.readline()
        assert line, f"it ended: {self.errors.read_text()}"
        return json.loads(line)

    def request(self, method, params=None):
        """The answer; what is heard before it is kept."""
        self.last += 1
        self.send({"id": self.last, "method": method, "params": params or {}})
        while True:
            message = self.read()
            if message.get("id") == self.last and "method" not in message:
                return message
            self.heard.append(message)

    def greet(self):
        answer = self.request("initialize", {
            "protocolVersion": "2025-11-25", "capabilities": {},
            "clientInfo": {"name": "wrapped", "version": "1"}})
        self.send({"method": "notifications/initialized"})
        return answer["result"]

    def call(self, tool, arguments=None):
        return self.request(
            "tools/call", {"name": tool, "arguments": arguments or {}})["result"]

    def until_heard(self, method):
        while not any(one.get("method") == method for one in self.heard):
            self.heard.append(self.read())

    def end(self):
        """Closes its input; what was still written, and the exit code."""
        self.process.stdin.close()
        rest = self.process.stdout.read()
        return rest, self.process.wait(20)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def text(result):
    return "\n".join(one["text"] for one in result["content"] if one["type"] == "text")


def says(path, words):
    """Waits until a log says the words."""
    return until(lambda: path.exists() and words in path.read_text(), f"{path} says {words}")
