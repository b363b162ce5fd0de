"""One whole Countersign on this machine: the paper exchange, the gateway with its upstream, an
agent's token and an operator's key, all as real processes of the program under test.

    with World(tmp_path) as world:
        ...                                  # world.agents_url, world.token, world.pending(), …

Nothing here sleeps to synchronise; every wait is `until` a condition, with a deadline.
"""

import json
import os
import pathlib
import random
import signal
import socket
import subprocess
import urllib.error
import urllib.request

from operators import Operator, Refused
from waiting import TooLate, until

__all__ = ["World", "children", "until", "TooLate", "program_path", "REPOSITORY"]

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
KEYS = {
    "BYBIT_API_KEY": "paper-trade", "BYBIT_API_SECRET": "paper-trade-secret",
    "E2E_READ_KEY": "paper-read", "E2E_READ_SECRET": "paper-read-secret",
}
INHERITED = ("PATH", "HOME", "LANG", "LD_LIBRARY_PATH", "TMPDIR")

# Reads and cancels pass, what makes or changes orders is held, the rest is denied.
POLICY = {
    "version": "1", "default": "deny",
    "tools": {
        "get*": {}, "query*": {}, "subscribeOrder": {}, "subscribeExecution": {},
        "wsCancelOrder": {}, "wsBatchCancelOrders": {},
        "wsBatchCreateOrders": {
            "deny_if": [{"conditions": [], "on_deny": "Requires human approval."}]},
        "wsCreateOrder": {"action": "hold"}, "wsAmendOrder": {"action": "hold"},
        "wsBatchAmendOrders": {"action": "hold"},
    },
}
HOLD = {"wait": "4s", "ttl": "10m"}


def program_path():
    """The program under test; a sentence instead of a trace when it is not there."""
    path = pathlib.Path(
        os.environ.get("COUNTERSIGN_PROGRAM", REPOSITORY / ".build/debug/countersign"))
    if not os.access(path, os.X_OK):
        raise AssertionError(
            f"{path} is no program: build it, or name it in COUNTERSIGN_PROGRAM")
    return str(path)


def free_port():
    """A port that nobody has now, outside the range from which the system picks by itself."""
    while True:
        port = random.randint(12_000, 31_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


class World:
    """See the head of this file. A context manager: entering starts it, leaving ends it."""

    def __init__(self, tmp_path, *, policy=None, hold=None, upstream_command=None,
                 upstream_env=None, gateway_prefix=(), seed=7, metrics=False,
                 gateway_arguments=(), gateway_environment=None, upstreams=None):
        self.program = program_path()
        # What is run instead of `countersign gateway`; tests of wrong builds change it.
        self.gateway_program = [self.program, "gateway"]
        self.gateway_prefix = list(gateway_prefix)
        self.gateway_arguments = list(gateway_arguments)
        self.gateway_environment = gateway_environment or {}
        self.directory = pathlib.Path(tmp_path)
        self.home = self.directory / "xdg"
        self.config_path = self.directory / "config.json"
        self.policy_path = self.directory / "policy.json"
        self.paper_log = self.directory / "paper.log"
        self.gateway_log = self.directory / "gateway.err"
        self.seed = seed
        self._policy = policy if policy is not None else POLICY
        self._hold = {**HOLD, **(hold or {})}
        self._upstream = [str(one) for one in upstream_command or [self.program, "bybit-tools"]]
        self._upstream_env = upstream_env or {}
        # By name, with variables of their own: the same command for the same account, and a lane each.
        self._upstreams = upstreams or {"bybit": {}}
        self._ports = {name: free_port() for name in ("paper", "agents", "operators")}
        self._starts = 0
        self._gateway = self._paper = None
        self._operators = {}
        self.paper_url = f"http://127.0.0.1:{self._ports['paper']}"
        self.agents_url = f"http://127.0.0.1:{self._ports['agents']}/mcp"
        self.operators_url = f"http://127.0.0.1:{self._ports['operators']}"
        self.metrics_url = None
        if metrics:
            self._ports["metrics"] = free_port()
            self.metrics_url = f"http://127.0.0.1:{self._ports['metrics']}"
        self.token = None

    def __enter__(self):
        self.directory.mkdir(parents=True, exist_ok=True)
        try:
            self.write_files()
            self.start_paper()
            self.token = self.add_agent("alpha")
            self.add_operator("ops", "admin")
            self.start_gateway()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.stop_gateway()
        if self._paper is not None:
            self._end(self._paper, signal.SIGTERM, 5)
            self._paper = None

    # Files

    def environment(self):
        """What every process of this world gets: nothing of the caller's configuration."""
        kept = {name: os.environ[name] for name in INHERITED if name in os.environ}
        return {**kept, **KEYS, "XDG_CONFIG_HOME": str(self.home)}

    def write_files(self):
        stream = self.paper_url.replace("http", "ws", 1)
        config = {
            "listen": {
                name: f"127.0.0.1:{port}" for name, port in self._ports.items() if name != "paper"},
            "state": "state", "policy": "policy.json", "name": "countersign-test",
            "upstreams": {name: {
                "command": self._upstream,
                "env": {
                    "BYBIT_API_KEY": {"env": "BYBIT_API_KEY"},
                    "BYBIT_API_SECRET": {"env": "BYBIT_API_SECRET"},
                    "BYBIT_REST_URL": self.paper_url, "BYBIT_STREAM_URL": stream,
                    **self._upstream_env, **own}} for name, own in self._upstreams.items()},
            "exchange": {
                "rest": self.paper_url, "stream": stream, "key": {"env": "E2E_READ_KEY"},
                "secret": {"env": "E2E_READ_SECRET"}},
            "hold": self._hold,
        }
        self.config_path.write_text(json.dumps(config, indent=1))
        self.policy_path.write_text(json.dumps(self._policy, indent=1))

    # Processes

    def start_paper(self):
        """The exchange. What an earlier one of this world knew is gone; the log goes on."""
        arguments = [
            self.program, "paper", "--listen", f"127.0.0.1:{self._ports['paper']}",
            "--seed", str(self.seed), "--log", str(self.paper_log),
            "--key", KEYS["BYBIT_API_KEY"], "--secret", KEYS["BYBIT_API_SECRET"],
            "--read-key", KEYS["E2E_READ_KEY"], "--read-secret", KEYS["E2E_READ_SECRET"]]
        self._paper, said = self._start(arguments, "paper")
        self._until_said(self._paper, said, ["paper: "])

    def start_gateway(self, wait=True):
        """The gateway; with `wait`, until it has seen the account and follows the order stream."""
        assert self._gateway is None, "the gateway runs already"
        arguments = [
            *self.gateway_prefix, *self.gateway_program, "--config", str(self.config_path),
            *self.gateway_arguments]
        self._gateway, said = self._start(arguments, "gateway", self.gateway_environment)
        if wait:
            self._until_said(self._gateway, said, ["agents: ", "operators: "])
            until(self.is_ready, f"the gateway is ready; see {self.gateway_log}", 30)

    def is_ready(self):
        """Whether the environment is verified and the order stream is live."""
        try:
            status = self.status()
        except (OSError, Refused):
            if self._gateway is None or self._gateway.poll() is not None:
                raise AssertionError(f"the gateway has ended; see {self.gateway_log}")
            return False
        return status["is_environment_verified"] and status["feed"]["state"] == "live"

    def stop_gateway(self, signal=signal.SIGTERM):
        """Asks the gateway to end and waits for it. Gives its exit code, None if none ran."""
        if self._gateway is None:
            return None
        process, self._gateway = self._gateway, None
        return self._end(process, signal, 15)

    def kill_gateway(self):
        """SIGKILL: no handler, no flush, no goodbye."""
        self.stop_gateway(signal.SIGKILL)

    @property
    def gateway_pid(self):
        """The pid of the gateway itself, also behind a prefix such as strace; None if it ended."""
        if self._gateway is None or self._gateway.poll() is not None:
            return None
        if not self.gateway_prefix:
            return self._gateway.pid
        children = children(self._gateway.pid)
        return children[0] if children else None

    def gateway_ended(self, seconds=60):
        """Waits until the gateway has ended by itself or by somebody else's signal."""
        until(lambda: self._gateway.poll() is not None, "the gateway ends", seconds)
        process, self._gateway = self._gateway, None
        return process.returncode

    def _start(self, arguments, name, more=None):
        """The process, and the file that its standard output goes to."""
        self._starts += 1
        said = self.directory / f"{name}.{self._starts}.out"
        with open(said, "wb") as output, open(self.directory / f"{name}.err", "ab") as errors:
            process = subprocess.Popen(
                arguments, stdin=subprocess.DEVNULL, stdout=output, stderr=errors,
                env={**self.environment(), **(more or {})}, cwd=self.directory)
        return process, said

    def _until_said(self, process, said, beginnings):
        """Every server prints a line for each port when it serves."""
        def has_said():
            lines = said.read_text().splitlines()
            if all(any(line.startswith(one) for line in lines) for one in beginnings):
                return True
            if process.poll() is not None:
                errors = "".join(p.read_text() for p in self.directory.glob("*.err"))[-2000:]
                raise AssertionError(f"it ended with {process.returncode}:\n{errors}")
            return False

        until(has_said, f"the lines {beginnings}", 30, every=0.02)

    def _end(self, process, number, seconds):
        pid = process.pid
        if self.gateway_prefix and children(pid):
            pid = children(pid)[0]
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"process {pid} did not end within {seconds} s of {number!r}")

    # Commands

    def cli(self, *args, check=True, operator="ops", input=None):
        """Runs `countersign ARGS --config … [--key …]` to its end."""
        words = [str(one) for one in args]
        command = [self.program, *words]
        if words[:2] != ["operator", "init"] and "--config" not in words:
            command += ["--config", str(self.config_path)]
        if words[0] in (
                "pending", "show", "approve", "reject", "resolve", "orders", "freeze", "thaw",
                "tools"):
            command += ["--key", str(self.key_path(operator))]
        done = subprocess.run(
            command, input=input, capture_output=True, text=True, timeout=90,
            env=self.environment(), cwd=self.directory)
        if check and done.returncode != 0:
            raise AssertionError(
                f"{' '.join(words)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done

    def key_path(self, operator="ops"):
        """`ops` has the place where the program looks by itself."""
        name = "operator" if operator == "ops" else operator
        return self.home / "countersign" / f"{name}.key"

    def add_agent(self, name):
        """The token of a new agent, once a running gateway has taken notice of it."""
        token = self.cli("agent", "add", name).stdout.strip()
        if self._gateway is not None:
            until(lambda: self._knows(token), f"the gateway knows the agent {name}")
        return token

    def _knows(self, token):
        """An empty body is a wrong request of a known agent, and a stranger's is not read."""
        headers = {
            "Authorization": f"Bearer {token}", "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream"}
        try:
            urllib.request.urlopen(
                urllib.request.Request(self.agents_url, b"", headers), timeout=30)
        except urllib.error.HTTPError as answer:
            return answer.code != 401
        return True

    def add_operator(self, name, role="operator"):
        path = self.key_path(name)
        made = self.cli("operator", "init", name, "--no-passphrase", "--key", path)
        self.cli("operator", "add", name, "--key", made.stdout.strip(), "--role", role)
        if self._gateway is not None:
            until(lambda: self._can_sign_in(name), f"the gateway knows the operator {name}")
        return path

    def _can_sign_in(self, name):
        try:
            return self.operator(name).sign_in()
        except Refused:
            return False

    def pending(self):
        return json.loads(self.cli("pending", "--json").stdout)

    def show(self, id):
        return json.loads(self.cli("show", id, "--json").stdout)

    def approve(self, id, digest=None, check=True, operator="ops"):
        """Approves what is shown now, accepting every finding that must be accepted by name."""
        summary = self.show(id)["summary"]
        words = ["approve", id, "--digest", digest or summary["digest"], "--json"]
        for one in summary["findings"]:
            if one["needs_acceptance"]:
                words += ["--accept", one["rule"]]
        done = self.cli(*words, check=check, operator=operator)
        return json.loads(done.stdout) if check else done

    def reject(self, id, reason, operator="ops"):
        done = self.cli("reject", id, "--reason", reason, "--json", operator=operator)
        return json.loads(done.stdout)

    def audit(self):
        """Every ledger entry, oldest first."""
        lines = self.cli("audit", "list", "--json", "--limit", 1_000_000).stdout.splitlines()
        return [json.loads(line) for line in lines]

    # The operator API without the program's own client

    def operator(self, name="ops"):
        if name not in self._operators:
            self._operators[name] = Operator(self.operators_url, self.key_path(name))
        return self._operators[name]

    def status(self):
        return self.operator().status()

    def batches(self):
        """Every held call that the gateway knows, settled ones included."""
        return self.operator().batches()

    def until_held(self, known=(), seconds=60):
        """The first open batch outside `known` whose checks have their inputs."""
        missing = []

        def look():
            for one in self.batches():
                if one["id"] in known or one["state"] != "pending":
                    continue
                missing[:] = [f"{f['rule']} {f['words']}" for f in one["findings"]
                              if f["severity"] == "unchecked"]
                if not missing:
                    return one
            return None

        try:
            return until(look, "a batch is held and checked", seconds)
        except TooLate as late:
            raise AssertionError(f"{late}: {'; '.join(missing) or 'none is held'}") from None

    def until_state(self, id, *states, seconds=60):
        def look():
            summary = self.operator().batch(id)["summary"]
            return summary if summary["state"] in states else None

        return until(look, f"{id} is {' or '.join(states)}", seconds)

    # The exchange's side

    def exchange_log(self):
        """Everything in the exchange's own log: what arrived and what was sent, in order."""
        if not self.paper_log.exists():
            return []
        # The last line may still be on its way.
        whole = self.paper_log.read_bytes().rpartition(b"\n")[0]
        return [json.loads(line) for line in whole.splitlines()]

    def received_requests(self):
        """Order-making requests that arrived: the log's entry and the request's own object."""
        found = []
        for entry in self.exchange_log():
            kind = _order_kind(entry)
            if kind is None:
                continue
            body = json.loads(entry["body"])
            if entry["transport"] == "trade":
                body = body["args"][0]
            found.append((entry, body))
        return found

    def received_orders(self):
        """Every order leg that arrived, with exactly the fields it came with, in order."""
        legs = []
        for _, body in self.received_requests():
            legs += body["request"] if "request" in body else [body]
        return legs

    def quote(self, symbol):
        """The exchange's best bid and ask of a linear symbol, as text."""
        url = f"{self.paper_url}/v5/market/tickers?category=linear&symbol={symbol}"
        with urllib.request.urlopen(url, timeout=30) as answer:
            row = json.load(answer)["result"]["list"][0]
        return row["bid1Price"], row["ask1Price"]


def _order_kind(entry):
    if entry.get("kind") != "request":
        return None
    if entry["transport"] == "trade":
        return entry["op"] if entry["op"] in ("order.create", "order.create-batch") else None
    path = f"{entry['method']} {entry['path']}"
    return path if path in ("POST /v5/order/create", "POST /v5/order/create-batch") else None


def children(pid):
    """The processes that a process started, with any of its threads, and that have not ended."""
    found = []
    for task in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [int(one) for one in task.read_text().split()]
        except OSError:
            continue
    return found
