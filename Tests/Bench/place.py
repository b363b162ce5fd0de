"""Where a run lives: its directory, the compiled peers, and the servers that it starts."""

import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "Tests/EndToEnd"))

from waiting import until  # noqa: E402
from world import free_port  # noqa: E402

INHERITED = ("PATH", "HOME", "LANG", "LD_LIBRARY_PATH", "TMPDIR")
PEERS = ("upstream", "relay", "callstdio", "callhttp")
# Ten times this and more is allowed; what is not listed is denied.
POLICY = {
    "version": "1", "default": "deny",
    "tools": {"getQuote": {}, "wsBatchCreateOrders": {"action": "hold"}}}


class Missing(Exception):
    """Something that a row needs is not there: the row says so and is left out."""


class Place:
    def __init__(self, directory, program, bench, mcp_proxy, mitmproxy):
        self.directory = pathlib.Path(directory)
        self.program, self.bench, self.mcp_proxy = str(program), str(bench), str(mcp_proxy)
        self.mitmproxy = pathlib.Path(mitmproxy)
        self.peers = {}

    def build_peers(self):
        """Compiles the small peers of `peers/`, optimised."""
        compiler = shutil.which(os.environ.get("CC", "cc")) or shutil.which("clang")
        if compiler is None:
            raise Missing("there is no C compiler in PATH")
        for name in PEERS:
            self.peers[name] = str(self.directory / name)
            source = pathlib.Path(__file__).parent / "peers" / f"{name}.c"
            subprocess.run(
                [compiler, "-O2", "-D_GNU_SOURCE", "-o", self.peers[name], str(source)], check=True)

    def new(self, name):
        """A new directory of this name; an earlier one of the same name goes."""
        path = self.directory / name
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(mode=0o700)
        return path

    def environment(self, **more):
        kept = {name: os.environ[name] for name in INHERITED if name in os.environ}
        return {**kept, "XDG_CONFIG_HOME": str(self.directory / "xdg"), **more}

    def run(self, *words, **more):
        """A command to its end; its standard output."""
        done = subprocess.run(
            [str(one) for one in words], capture_output=True, text=True, timeout=300,
            env=self.environment(), **more)
        if done.returncode != 0:
            raise AssertionError(
                f"{words[0]} ended with {done.returncode}:\n{done.stdout[-500:]}{done.stderr[-2000:]}")
        return done.stdout

    def has(self, command):
        """Whether the program knows the command."""
        return re.search(rf"^ +{command}\b", self.run(self.program, "--help"), re.MULTILINE)


class Server:
    """A process that serves while the `with` block runs."""

    def __init__(self, place, words, log, **environment):
        self.place, self.words = place, [str(one) for one in words]
        self.log, self.environment = pathlib.Path(log), place.environment(**environment)

    def __enter__(self):
        with open(self.log, "wb") as log:
            # A pipe that stays open: some of the peers end with their input.
            self.process = subprocess.Popen(
                self.words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
                env=self.environment, start_new_session=True)
        try:
            self.ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.stdout.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def ready(self):
        """Waits until it serves."""

    def line(self):
        text = self.process.stdout.readline().decode()
        if not text:
            raise AssertionError(f"{self.words[0]} did not start:\n{self.log.read_text()[-2000:]}")
        return text.strip()

    def until_open(self, port):
        def look():
            if self.process.poll() is not None:
                raise AssertionError(f"{self.words[0]} ended:\n{self.log.read_text()[-2000:]}")
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        until(look, f"{self.words[0]} serves", 30, every=0.02)


class HTTPUpstream(Server):
    """The upstream with its answers over HTTP."""

    def __init__(self, place):
        super().__init__(place, [place.peers["upstream"], "--http"], place.directory / "http.log")

    def ready(self):
        self.port = int(self.line())


class Nginx(Server):
    """nginx as a reverse proxy with kept-alive connections on both sides."""

    CONFIGURATION = """
daemon off;
worker_processes auto;
pid {directory}/nginx.pid;
error_log stderr;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_temp_path {directory}/body;
  proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi;
  scgi_temp_path {directory}/scgi;
  keepalive_requests 1000000;
  upstream mcp {{ server 127.0.0.1:{upstream}; keepalive 32; keepalive_requests 1000000; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://mcp;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }}
  }}
}}
"""

    def __init__(self, place, upstream):
        program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
        if program is None:
            raise Missing("nginx is not installed (Debian: nginx-light)")
        self.port = free_port()
        directory = place.new("nginx")
        # Its workers run as another user when it is started as root.
        directory.chmod(0o755)
        file = directory / "nginx.conf"
        file.write_text(self.CONFIGURATION.format(
            directory=directory, upstream=upstream, port=self.port))
        super().__init__(
            place, [program, "-p", directory, "-c", file], place.directory / "nginx.log")

    def ready(self):
        self.until_open(self.port)


class MCPProxy(Server):
    """mcp-proxy in front of the same stdio upstream."""

    def __init__(self, place):
        if not os.access(place.mcp_proxy, os.X_OK):
            raise Missing(f"{place.mcp_proxy} is not there; `make bench` installs it")
        self.port = free_port()
        super().__init__(
            place,
            [place.mcp_proxy, "--log-level", "WARNING", "--port", self.port,
             place.peers["upstream"]],
            place.directory / "mcp-proxy.log")

    def ready(self):
        self.until_open(self.port)


class Gateway(Server):
    """`countersign gateway` with the upstream as its child and the agents named."""

    def __init__(self, place, directory, agents=1, hold=None, upstream=None):
        self.directory = pathlib.Path(directory)
        config = {
            "listen": {"agents": "127.0.0.1:0", "operators": "127.0.0.1:0"},
            "state": "state", "policy": "policy.json", "name": "bench",
            "upstreams": {"bench": upstream or {"command": [place.peers["upstream"]]}},
            "hold": hold or {}}
        self.config = self.directory / "config.json"
        self.config.write_text(json.dumps(config))
        (self.directory / "policy.json").write_text(json.dumps(POLICY))
        self.tokens = self.directory / "tokens"
        if not self.tokens.exists():
            self.tokens.write_text("".join(
                place.run(place.program, "agent", "add", f"agent{n}", "--config", self.config)
                for n in range(agents)))
        super().__init__(
            place, [place.program, "gateway", "--config", self.config],
            self.directory / "gateway.log")

    def ready(self):
        self.port = int(self.line().rsplit(":", 1)[1].split("/")[0])
        self.line()
        token = self.tokens.read_text().split()[0]
        until(lambda: self._lists_tools(token), "the upstream's tools are known", 30)

    def _lists_tools(self, token):
        """Whether the child has said what tools it has; a call before that is denied."""
        session = None
        for message in (
                {"id": 1, "method": "initialize", "params": {
                    "protocolVersion": "2025-11-25", "capabilities": {},
                    "clientInfo": {"name": "bench", "version": "1"}}},
                {"id": 2, "method": "tools/list"}):
            headers = {
                "Authorization": f"Bearer {token}", "Content-Type": "application/json",
                "Accept": "application/json, text/event-stream"}
            if session:
                headers["Mcp-Session-Id"] = session
                headers["Mcp-Protocol-Version"] = "2025-11-25"
            request = urllib.request.Request(
                f"http://127.0.0.1:{self.port}/mcp",
                json.dumps({"jsonrpc": "2.0", **message}).encode(), headers)
            try:
                with urllib.request.urlopen(request, timeout=10) as answer:
                    session = answer.headers.get("Mcp-Session-Id", session)
                    body = answer.read()
            except urllib.error.URLError:
                return False
        return b"getQuote" in body


def call_http(place, port, tokens, kind="read", warm=10, seconds=2.0, calls=0, path="/mcp"):
    """What `peers/callhttp` found: calls, seconds, and the latency of each call in nanoseconds."""
    found = place.run(
        place.peers["callhttp"], port, path, tokens, kind, warm, seconds, calls)
    return json.loads(found)


def no_tokens(place, agents):
    """A file that stands for so many agents without a token."""
    path = place.directory / f"agents{agents}"
    path.write_text("-\n" * agents)
    return path
