"""The first run as a newcomer has it: `init`, `doctor`, `connect`, and the way to a first fill.

Every command that the program prints is run as it is printed, by a shell.
"""

import json
import os
import pathlib
import re
import shutil
import signal
import stat
import subprocess
import sys
import tomllib
import urllib.request

import pytest

from agents import Agent, batch, leg, text_of
from terminal import Terminal
from waiting import until
from world import INHERITED, REPOSITORY, free_port, program_path

PEER = REPOSITORY / "Tests/Peers/peer_agents.py"


class Home:
    """A fresh home directory; processes started in it end with it."""

    def __init__(self, directory):
        self.home = pathlib.Path(directory)
        self.place = self.home / ".config/countersign"
        self.config = self.place / "config.json"
        self.ports = {name: free_port() for name in ("agents", "operators", "paper")}
        tools = self.home / "bin"
        tools.mkdir(parents=True)
        (tools / "countersign").symlink_to(program_path())
        kept = {name: os.environ[name] for name in INHERITED if name in os.environ}
        self.environment = {
            **kept, "HOME": str(self.home), "PATH": f"{tools}:{kept['PATH']}", "USER": "newcomer",
            "LANG": "C.UTF-8"}
        self.started = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.started:
            self.stop(process)

    def shell(self, line, check=None, input=None):
        done = subprocess.run(
            ["sh", "-c", line], capture_output=True, text=True, timeout=90, input=input,
            env=self.environment, cwd=self.home)
        if check is not None and done.returncode != check:
            raise AssertionError(
                f"{line} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done

    def start(self, line, lines):
        """Starts a server as a shell does it, and waits for what it says when it serves."""
        said = self.home / f"said.{len(self.started)}"
        with open(said, "wb") as output, open(self.home / "errors", "ab") as errors:
            process = subprocess.Popen(
                ["sh", "-c", line], stdin=subprocess.DEVNULL, stdout=output, stderr=errors,
                env=self.environment, cwd=self.home, start_new_session=True)
        self.started.append(process)

        def serves():
            ended = [one for one in self.started if one.poll() is not None]
            assert process not in ended, (line, (self.home / "errors").read_text())
            return all(one in said.read_text() for one in lines)

        until(serves, f"{line} serves", 30)
        return process

    def stop(self, process):
        try:
            os.killpg(process.pid, signal.SIGTERM)
        except (ProcessLookupError, PermissionError):
            process.terminate()
        return process.wait(20)

    # Commands

    def init(self, *words, environment="--paper", check=0):
        ports = " ".join(
            f"--listen-{name} 127.0.0.1:{port}" for name, port in self.ports.items())
        return self.shell(
            f"countersign init {environment} --operator me {ports} " + " ".join(words), check)

    def start_paper(self):
        return self.start(f"countersign paper --config {self.config}", ["paper: "])

    def start_gateway(self):
        return self.start("countersign gateway", ["agents: ", "operators: "])

    def doctor(self, more=""):
        """Exit code and findings."""
        done = self.shell(f"countersign doctor --json {more}")
        report = json.loads(done.stdout)
        assert report["version"] == 1
        return done.returncode, report["findings"]

    def token(self):
        return (self.place / "agent.token").read_text().strip()

    def files(self):
        """Every file of the installation with its bytes and mode, outside the state."""
        return {
            str(one.relative_to(self.place)): (one.read_bytes(), stat.S_IMODE(one.stat().st_mode))
            for one in sorted(self.place.rglob("*"))
            if one.is_file() and "state" not in one.relative_to(self.place).parts}


@pytest.fixture
def home(tmp_path):
    with Home(tmp_path) as home:
        yield home


@pytest.fixture
def ready(home):
    """Set up on paper, without a passphrase, and nothing started."""
    home.init("--no-passphrase")
    return home


def found(findings, check, verdict):
    return [one for one in findings if (one["check"], one["verdict"]) == (check, verdict)]


def problems(findings):
    return [one for one in findings if one["verdict"] == "problem"]


# init

def test_init_writes_everything_for_its_owner_alone(ready):
    files = ready.files()
    assert set(files) == {
        "config.json", "policy.json", "catalogue.json", "operator.key", "agent.token", "secrets/trade.key",
        "secrets/trade.secret", "secrets/read.key", "secrets/read.secret"}
    assert {mode for _, mode in files.values()} == {0o600}
    for directory in (ready.place, ready.place / "secrets", ready.place / "state"):
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert files["catalogue.json"][0] == (REPOSITORY / "config/catalogues/bybit.json").read_bytes()
    shipped = json.loads((REPOSITORY / "config/policies/bybit.json").read_text())
    assert json.loads(files["policy.json"][0]) == {**shipped, "catalogue": "catalogue.json"}
    secrets = {files[name][0] for name in files if name.startswith("secrets/")}
    assert len(secrets) == 4 and all(re.fullmatch(rb"[0-9a-f]{32}\n", one) for one in secrets)
    assert ready.shell("countersign agent list", 0).stdout == "agent\n"
    assert "me  admin" in ready.shell("countersign operator list", 0).stdout


def test_init_shows_no_secret(home):
    done = home.init("--no-passphrase")
    for name, (content, _) in home.files().items():
        if name.startswith("secrets/") or name.endswith(".token"):
            assert content.decode().strip() not in done.stdout + done.stderr, name
    assert json.loads((home.place / "operator.key").read_text())["seed"] not in done.stdout


def test_init_changes_nothing_that_is_there(ready):
    before = ready.files()
    done = ready.init("--no-passphrase", check=2)
    assert ready.files() == before and done.stdout == ""
    for word in ("config.json", "operator.key", "state", "--force", "--directory", "doctor"):
        assert word in done.stderr


def test_force_keeps_keys_tokens_secrets_and_state(ready):
    before = ready.files()
    (ready.place / "config.json").write_text("{}")
    (ready.place / "secrets/read.key").unlink()
    ready.init("--no-passphrase --force")
    after = ready.files()
    assert after.pop("config.json.old-1")[0] == b"{}"
    assert set(after) == set(before) and after["config.json"] == before["config.json"]
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"secrets/read.key"}
    assert ready.shell("countersign agent list", 0).stdout == "agent\n"


def test_force_takes_a_token_into_a_new_state(ready):
    shutil.rmtree(ready.place / "state")
    token = ready.token()
    ready.init("--no-passphrase --force")
    assert ready.token() == token
    assert not problems(ready.doctor()[1])


def test_init_without_a_terminal_asks_for_no_passphrase(home):
    ports = "--listen-agents 127.0.0.1:1"
    done = subprocess.run(
        ["countersign", "init", "--paper", *ports.split()], capture_output=True, text=True,
        env=home.environment, cwd=home.home, stdin=subprocess.DEVNULL, start_new_session=True,
        timeout=60, executable=program_path())
    assert done.returncode == 2 and "--passphrase-file" in done.stderr
    assert not home.place.exists()


def test_init_refuses_addresses_that_the_gateway_would_refuse(home):
    done = home.shell("countersign init --paper --no-passphrase --listen-agents 0.0.0.0:1", 2)
    assert "$.listen.agents" in done.stderr and not home.place.exists()


def test_init_takes_the_standard_s_directory(home):
    home.environment["XDG_CONFIG_HOME"] = str(home.home / "elsewhere")
    home.init("--no-passphrase")
    home.place = home.home / "elsewhere/countersign"
    assert home.files()["config.json"] and not problems(home.doctor()[1])


def test_a_paper_exchange_takes_no_other_configuration(home):
    home.init("--no-passphrase --yes", environment="--testnet")
    done = home.shell(f"countersign paper --config {home.config}", 2)
    assert "exchange.rest" in done.stderr and done.stdout == ""


def test_init_seals_the_key_with_a_passphrase_of_a_file(home):
    secret = home.home / "passphrase"
    secret.touch(0o600)
    secret.write_text("correct horse\n")
    home.init(f"--passphrase-file {secret}")
    key = json.loads((home.place / "operator.key").read_text())
    assert "sealed" in key and "seed" not in key
    assert found(home.doctor()[1], "operator", "ok")


def test_mainnet_wants_a_yes(home):
    done = subprocess.run(
        [program_path(), "init", "--mainnet", "--no-passphrase"], capture_output=True, text=True,
        env=home.environment, cwd=home.home, stdin=subprocess.DEVNULL, start_new_session=True,
        timeout=60)
    assert done.returncode == 2 and "real money" in done.stderr and not home.place.exists()


def test_mainnet_takes_the_typed_word(home):
    for word, code in (("yes", 2), ("mainnet", 0)):
        with Terminal(
                [program_path(), "init", "--mainnet", "--no-passphrase", "--operator", "me"],
                cols=120, rows=60, env={**home.environment, "TERM": "xterm"},
                cwd=home.home) as terminal:
            until(lambda: b"go on" in terminal.raw, "the question is asked")
            os.write(terminal.master, word.encode() + b"\n")
            assert terminal.process.wait(60) == code, bytes(terminal.raw).decode()
        assert home.place.exists() == (code == 0)


@pytest.mark.parametrize("environment, rest", [
    ("--testnet", "https://api-testnet.bybit.com"), ("--mainnet", "https://api.bybit.com")])
def test_the_exchange_s_secrets_are_reported_until_they_are_there(home, environment, rest):
    done = home.init("--no-passphrase --yes", environment=environment)
    config = json.loads(home.config.read_text())
    assert config["exchange"]["rest"] == rest
    assert config["upstreams"]["bybit"]["command"][:2] == ["npx", "-y"]
    # No network is needed for this: nothing listens there.
    config["exchange"]["rest"] = "http://127.0.0.1:9"
    config["exchange"]["environment"] = environment.strip("-")
    home.config.write_text(json.dumps(config))
    for name in ("trade.key", "trade.secret", "read.key", "read.secret"):
        code, findings = home.doctor()
        missing = [one for one in found(findings, "secret", "problem")
                   if f"secrets/{name} is empty" in one["words"]]
        assert code == 1 and len(missing) == 1, findings
        step = f"cat > {home.place}/secrets/{name}"
        assert step in done.stdout, done.stdout
        home.shell(missing[0]["command"], 0, input="s3cret-" + name + "\n")
    findings = home.doctor()[1]
    assert not found(findings, "secret", "problem") and "s3cret" not in json.dumps(findings)
    assert found(findings, "exchange", "problem")


def test_a_public_key_is_registered_instead_of_a_new_one(home):
    public = home.shell(
        f"countersign operator init me --no-passphrase --key {home.home}/mine.key", 0
    ).stdout.strip()
    home.init(f"--public-key {public}")
    assert not (home.place / "operator.key").exists()
    assert public in home.shell("countersign operator list", 0).stdout
    key = f"--key {home.home}/mine.key"
    assert not problems(home.doctor(key)[1])


def test_the_console_asks_for_the_passphrase_once(home):
    secret = home.home / "passphrase"
    secret.touch(0o600)
    secret.write_text("correct horse\n")
    home.init(f"--passphrase-file {secret}")
    home.start_paper()
    home.start_gateway()
    with Terminal(
            [program_path(), "console"], cols=100, rows=30,
            env={**home.environment, "TERM": "xterm-256color"}, cwd=home.home) as terminal:
        until(lambda: b"Passphrase of me" in terminal.raw, "the passphrase is asked for")
        os.write(terminal.master, b"correct horse\n")
        terminal.until_shows("op me")
        assert terminal.raw.count(b"Passphrase of me") == 1


# doctor

def test_doctor_before_and_after_the_start(ready):
    code, findings = ready.doctor()
    assert code == 0 and not problems(findings)
    assert found(findings, "gateway", "note") and found(findings, "exchange", "note")
    ready.start(found(findings, "exchange", "note")[0]["command"], ["paper: "])
    ready.start(found(findings, "gateway", "note")[0]["command"], ["agents: ", "operators: "])
    code, findings = ready.doctor()
    assert code == 0 and not problems(findings), findings
    assert found(findings, "gateway", "ok") and found(findings, "exchange", "ok")
    keys = found(findings, "key", "ok")
    assert len(keys) == 2 and all("24617703" in one["words"] for one in keys)
    assert found(findings, "shell", "warning") and found(findings, "ledger", "ok")


def test_doctor_changes_nothing(ready):
    state = lambda: {  # noqa: E731
        one.name: (one.stat().st_mode, one.read_bytes() if one.suffix == ".sqlite" else None)
        for one in (ready.place / "state").iterdir() if not one.name.endswith(("-wal", "-shm"))}
    before, files = state(), ready.files()
    ready.doctor()
    assert state() == before and ready.files() == files
    assert not (ready.place / "state/gateway.lock").exists()


def test_doctor_without_anything(home):
    code, findings = home.doctor()
    assert code == 2 and not home.place.exists()
    assert found(findings, "configuration", "problem")[0]["command"] == "countersign init --paper"


# What is planted, where it shows, and whether a command mends it.
FILES = {
    "an open operator key": ("operator.key", "operator"),
    "an open secret": ("secrets/trade.secret", "secret"),
    "an open token": ("agent.token", "token"),
    "an open database": ("state/countersign.sqlite", "state"),
    "an open state": ("state", "state"),
}


@pytest.mark.parametrize("name", FILES)
def test_open_rights_are_found_and_mended(ready, name):
    path, check = FILES[name]
    place = ready.place / path
    place.chmod(0o755 if place.is_dir() else 0o644)
    code, findings = ready.doctor()
    bad = found(findings, check, "problem")
    assert code == 1 and len(bad) == 1 and str(place) in bad[0]["words"], findings
    ready.shell(bad[0]["command"], 0)
    assert ready.doctor()[0] == 0
    assert stat.S_IMODE(place.stat().st_mode) == (0o700 if place.is_dir() else 0o600)


@pytest.mark.parametrize("name", ["config.json", "policy.json"])
def test_documents_that_others_can_change(ready, name):
    (ready.place / name).chmod(0o666)
    code, findings = ready.doctor()
    assert code == 1 and len(problems(findings)) == 1, findings
    ready.shell(problems(findings)[0]["command"], 0)
    assert ready.doctor()[0] == 0


def test_a_missing_secret(ready):
    place = ready.place / "secrets/read.secret"
    text = place.read_text()
    place.unlink()
    code, findings = ready.doctor()
    bad = found(findings, "secret", "problem")
    assert code == 1 and "exchange.secret" in bad[0]["words"]
    ready.shell(bad[0]["command"], 0, input=text)
    assert stat.S_IMODE(place.stat().st_mode) == 0o600 and ready.doctor()[0] == 0


def test_a_variable_that_is_not_set(ready):
    config = json.loads(ready.config.read_text())
    config["exchange"]["secret"] = {"env": "NOT_SET_ANYWHERE"}
    ready.config.write_text(json.dumps(config))
    code, findings = ready.doctor()
    assert code == 1 and "NOT_SET_ANYWHERE" in problems(findings)[0]["words"]
    ready.environment["NOT_SET_ANYWHERE"] = "now it is"
    assert ready.doctor()[0] == 0


def test_an_invalid_policy_and_an_invalid_configuration(ready):
    policy = ready.place / "policy.json"
    good = policy.read_text()
    policy.write_text('{"version": "1",\n "tols": {}}')
    code, findings = ready.doctor()
    bad = found(findings, "policy", "problem")[0]
    assert code == 1 and "line 2" in bad["words"] and str(policy) in bad["words"]
    assert ready.shell(bad["command"]).returncode == 2
    policy.write_text(good)
    assert ready.doctor()[0] == 0
    ready.config.write_text('{"state": 5}')
    code, findings = ready.doctor()
    assert code == 2 and "line 1" in found(findings, "configuration", "problem")[0]["words"]


def test_warnings_of_the_policy_are_said(ready):
    shutil.copy(REPOSITORY / "config/policies/page.json", ready.place / "policy.json")
    code, findings = ready.doctor()
    assert code == 0 and "default: allow" in found(findings, "policy", "warning")[0]["words"]


def test_an_upstream_that_is_not_there(ready):
    config = json.loads(ready.config.read_text())
    config["upstreams"]["bybit"]["command"][0] = "no-such-program"
    ready.config.write_text(json.dumps(config))
    code, findings = ready.doctor()
    assert code == 1 and "no-such-program" in found(findings, "upstream", "problem")[0]["words"]


def test_an_upstream_at_another_exchange(ready):
    config = json.loads(ready.config.read_text())
    config["upstreams"]["bybit"]["env"]["BYBIT_REST_URL"] = "http://127.0.0.1:1"
    ready.config.write_text(json.dumps(config))
    code, findings = ready.doctor()
    assert code == 1 and "127.0.0.1:1" in found(findings, "upstream", "problem")[0]["words"]


def test_an_exchange_that_stopped_under_the_gateway(ready):
    paper = ready.start_paper()
    ready.start_gateway()
    ready.stop(paper)
    code, findings = ready.doctor()
    bad = found(findings, "exchange", "problem")
    assert code == 1 and len(bad) == 1 and found(findings, "key", "not_checked")
    ready.start(bad[0]["command"], ["paper: "])
    assert not found(ready.doctor()[1], "exchange", "problem")


def test_a_gateway_at_other_ports_than_the_configuration_s(ready):
    ready.start_paper()
    ready.start_gateway()
    text = ready.config.read_text()
    other = str(free_port())
    ready.config.write_text(text.replace(str(ready.ports["agents"]), other))
    code, findings = ready.doctor()
    bad = found(findings, "gateway", "problem")
    assert code == 1 and other in bad[0]["words"] and "process" in bad[0]["words"]
    ready.start(bad[0]["command"], ["agents: ", "operators: "])
    code, findings = ready.doctor()
    assert code == 0 and found(findings, "gateway", "ok"), findings


def test_a_stranger_at_the_gateway_s_port(ready):
    server = subprocess.Popen(
        [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(ready.ports["agents"])],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ready.home)
    ready.started.append(server)

    def answers():
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{ready.ports['agents']}", timeout=5)
        except OSError:
            return None

    until(answers, "the stranger serves")
    code, findings = ready.doctor()
    assert code == 1
    assert str(ready.ports["agents"]) in found(findings, "gateway", "problem")[0]["words"]


def test_a_gateway_with_tls(ready):
    tls = ready.place / "tls"
    ready.shell(f"countersign cert init --directory {tls}", 0)
    config = json.loads(ready.config.read_text())
    config["listen"]["tls"] = {
        "certificate": "tls/server.pem", "key": "tls/server.key", "ca": "tls/ca.pem"}
    ready.config.write_text(json.dumps(config))
    ready.start_paper()
    ready.start_gateway()
    code, findings = ready.doctor()
    assert code == 0 and found(findings, "gateway", "ok"), findings
    assert "localhost" in found(findings, "tls", "ok")[0]["words"]
    assert "ca.key" in found(findings, "tls", "note")[0]["words"]
    said = ready.shell("countersign connect cursor", 0).stdout
    assert f"https://127.0.0.1:{ready.ports['agents']}/mcp" in said and "ca.pem" in said
    (tls / "server.key").chmod(0o644)
    code, findings = ready.doctor()
    assert code == 1 and len(problems(findings)) == 1, findings
    ready.shell(problems(findings)[0]["command"], 0)
    assert ready.doctor()[0] == 0


def test_a_trading_key_for_the_gateway(ready):
    ready.start_paper()
    for one in ("key", "secret"):
        kept = ready.place / f"secrets/kept.{one}"
        (ready.place / f"secrets/read.{one}").rename(kept)
        shutil.copy(ready.place / f"secrets/trade.{one}", ready.place / f"secrets/read.{one}")
    code, findings = ready.doctor()
    loud = found(findings, "key", "warning")
    assert code == 0 and "THE GATEWAY'S KEY CAN TRADE" in loud[0]["words"], findings
    for one in ("key", "secret"):
        (ready.place / f"secrets/kept.{one}").rename(ready.place / f"secrets/read.{one}")
    assert not found(ready.doctor()[1], "key", "warning")


def test_a_key_that_the_exchange_refuses(ready):
    ready.start_paper()
    (ready.place / "secrets/read.secret").write_text("wr0ng-secret\n")
    code, findings = ready.doctor()
    assert code == 1 and "exchange.key" in found(findings, "key", "problem")[0]["words"]
    key = (ready.place / "secrets/read.key").read_text().strip()
    assert "wr0ng-secret" not in json.dumps(findings) and key not in json.dumps(findings)


def test_a_revoked_agent(ready):
    ready.shell("countersign agent revoke agent", 0)
    code, findings = ready.doctor()
    bad = found(findings, "agent", "problem")
    useless = found(findings, "token", "warning")
    assert code == 1 and bad and useless
    token = ready.shell(bad[0]["command"], 0).stdout.strip()
    ready.shell(useless[0]["command"], 0)
    assert token.startswith("csa_")
    code, findings = ready.doctor()
    assert code == 0 and not found(findings, "token", "warning")


def test_an_operator_s_key_that_is_not_registered(ready):
    (ready.place / "operator.key").unlink()
    ready.shell("countersign operator init you --no-passphrase", 0)
    code, findings = ready.doctor()
    bad = found(findings, "operator", "problem")
    assert code == 1 and "you" in bad[0]["words"]
    ready.shell(bad[0]["command"], 0)
    assert ready.doctor()[0] == 0


def test_a_revoked_operator(ready):
    ready.shell("countersign operator revoke me", 0)
    code, findings = ready.doctor()
    assert code == 1 and len(found(findings, "operator", "problem")) == 2


def test_a_forged_ledger(ready):
    import sqlite3
    ready.start_paper()
    gateway = ready.start_gateway()
    ready.stop(gateway)
    assert found(ready.doctor()[1], "ledger", "ok")
    with sqlite3.connect(ready.place / "state/countersign.sqlite") as db:
        assert db.execute("UPDATE ledger SET entry = x'7b7d' WHERE idx = 0").rowcount == 1
    db.close()
    code, findings = ready.doctor()
    assert code == 1 and "does not verify" in found(findings, "ledger", "problem")[0]["words"]


def test_the_terminal_is_looked_at(ready):
    for term, cols, verdict, word in (
            ("xterm-256color", 80, "ok", "256 colours"), ("xterm", 70, "warning", "70x24"),
            ("no-such-terminal", 80, "PROBLEM", "no-such-terminal")):
        with Terminal(
                [program_path(), "doctor"], cols=200 if verdict == "ok" else cols, rows=24,
                env={**ready.environment, "TERM": term}, cwd=ready.home) as terminal:
            terminal.process.wait(60)
            until(lambda: b"terminal: " in terminal.raw, "the terminal is judged")
            line = next(
                one for one in bytes(terminal.raw).decode().splitlines() if "terminal: " in one)
        assert line.upper().startswith(verdict.upper()) and word in line, line


# connect

CLIENTS = ("claude-code", "claude-desktop", "cursor", "vscode", "codex", "generic")


@pytest.mark.parametrize("client", CLIENTS)
def test_snippets_parse_and_hold_no_token(ready, client):
    said = ready.shell(f"countersign connect {client}", 0)
    assert ready.token() not in said.stdout + said.stderr and "csa_" not in said.stdout
    document = json.loads(ready.shell(f"countersign connect {client} --json", 0).stdout)
    assert ready.token() not in json.dumps(document)
    forms = {"json": json.loads, "toml": tomllib.loads}
    parsed = [
        forms[one["form"]](one["text"]) for one in document["snippets"] if one["form"] in forms]
    assert parsed
    url = f"http://127.0.0.1:{ready.ports['agents']}"
    assert url in json.dumps(parsed)
    for one in document["snippets"]:
        assert one["text"] in said.stdout
        for place in one["places"]:
            assert place["path"] in said.stdout
        if one["form"] == "shell" and one["text"].startswith("export"):
            got = ready.shell(one["text"] + '; printf %s "$COUNTERSIGN_TOKEN"', 0)
            assert got.stdout == ready.token()


def test_connect_knows_the_upstreams(ready):
    assert "/mcp/bybit" in ready.shell("countersign connect codex --upstream bybit", 0).stdout
    refused = ready.shell("countersign connect codex --upstream other", 2)
    assert "there is bybit" in refused.stderr
    away = ready.shell("countersign connect codex --url https://gate.example/mcp/", 0).stdout
    assert 'url = "https://gate.example/mcp"' in away


def test_connect_says_how_to_store_a_token_that_is_not_there(ready):
    said = ready.shell("countersign connect cursor --agent second", 0)
    command = said.stderr.split(": ", 1)[1].strip()
    ready.shell(command, 0)
    assert stat.S_IMODE((ready.place / "second.token").stat().st_mode) == 0o600
    assert len(found(ready.doctor()[1], "token", "ok")) == 2


# Manual pages, completions, the service

def commands(home):
    dump = json.loads(home.shell("countersign --experimental-dump-help", 0).stdout)
    return dump["command"]


def test_manual_pages_render_and_name_every_option(home, tmp_path):
    pages = tmp_path / "man"
    pages.mkdir()
    home.shell(f"countersign manual {pages}", 0)
    root = commands(home)
    shown = [one for one in root["subcommands"]
             if one.get("shouldDisplay", True) and one["commandName"] != "help"]
    names = {f"countersign-{one['commandName']}.1" for one in shown} | {"countersign.1"}
    assert {one.name for one in pages.iterdir()} == names
    for command in shown:
        text = rendered(pages / f"countersign-{command['commandName']}.1")
        for one in [command, *command.get("subcommands", [])]:
            if not one.get("shouldDisplay", True) or one["commandName"] == "help":
                continue
            for argument in one.get("arguments", []):
                if argument["shouldDisplay"]:
                    for name in argument.get("names", []):
                        dash = "--" if name["kind"] == "long" else "-"
                        assert dash + name["name"] in text, (one["commandName"], name)
    main = rendered(pages / "countersign.1")
    assert all(one["commandName"] in main for one in shown) and "Exit codes" in main


def rendered(page):
    """The page as text; a warning of the formatter fails."""
    done = subprocess.run(
        ["groff", "-man", "-Tutf8", "-ww", "-rLL=200n", "-P-c", "-P-b", "-P-u", str(page)],
        capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stderr == "", (page, done.stderr)
    return done.stdout.replace("\N{MINUS SIGN}", "-").replace("\N{HYPHEN}", "-")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_are_made(home, shell):
    script = home.shell(f"countersign --generate-completion-script {shell}", 0).stdout
    for word in ("doctor", "passphrase-file", "claude-desktop", "viewer"):
        assert word in script, word
    if shutil.which(shell):
        check = subprocess.run([shell, "-n"], input=script, text=True, capture_output=True)
        assert check.returncode == 0, check.stderr


def test_the_service_runs_as_a_user_of_its_own_in_a_sandbox(tmp_path):
    unit = (REPOSITORY / "config/countersign.service").read_text()
    for line in ("User=countersign", "NoNewPrivileges=yes", "ProtectSystem=strict",
                 "ProtectHome=yes", "PrivateTmp=yes", "CapabilityBoundingSet=",
                 "StateDirectoryMode=0700"):
        assert line in unit.splitlines(), line
    if shutil.which("systemd-analyze"):
        copy = tmp_path / "countersign.service"
        copy.write_text(unit.replace("/usr/local/bin/countersign", program_path()))
        verify = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", str(copy)], capture_output=True, text=True)
        # Other units of the machine may be wrong; ours may not.
        assert not [one for one in verify.stderr.splitlines() if "countersign" in one], verify


# The newcomer's walk

def printed_commands(text):
    """The next steps as they were printed: words and the line under them."""
    return dict(re.findall(r"^  \d+\. (.*)\n {7}(.*)$", text, re.MULTILINE))


def step(steps, word):
    return next(command for words, command in steps.items() if word in words)


def test_a_newcomer_gets_from_init_to_a_fill_with_the_printed_commands(home):
    said = home.init("--no-passphrase").stdout
    steps = printed_commands(said)
    home.start(step(steps, "paper exchange"), ["paper: "])
    home.start(step(steps, "Start the gateway"), ["agents: ", "operators: "])
    until(lambda: found(home.doctor()[1], "gateway", "ok"), "the gateway runs")
    assert home.shell(step(steps, "Look whether"), 0)
    snippet = home.shell(step(steps, "Connect your agent") + " --json", 0).stdout
    server = next(
        json.loads(one["text"]) for one in json.loads(snippet)["snippets"]
        if one["form"] == "json")["mcpServers"]["countersign"]
    assert server["headers"]["Authorization"] == "Bearer ${COUNTERSIGN_TOKEN}"
    order = batch(leg("BTCUSDT", "Buy", "0.001", "60000.00", timeInForce="GTC"))
    python = os.environ.get("COUNTERSIGN_MCP1_PYTHON")
    assert python, "name a Python with mcp 1.x in COUNTERSIGN_MCP1_PYTHON"
    agent = subprocess.Popen(
        [python, str(PEER), server["url"], home.token(), "held", "--tool", "getTickers",
         "--arguments", '{"category": "linear", "symbol": "BTCUSDT"}',
         "--held", "wsBatchCreateOrders", "--held-arguments", json.dumps(order)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=home.environment)
    home.started.append(agent)

    def held():
        waiting = json.loads(home.shell("countersign pending --json", 0).stdout)
        checked = [one for one in waiting
                   if not any(f["severity"] == "unchecked" for f in one["findings"])]
        return checked[0] if checked else None

    one = until(held, "the batch is held")
    accept = "".join(
        f" --accept {f['rule']}" for f in one["findings"] if f.get("needs_acceptance"))
    home.shell(f"countersign approve {one['id']} --digest {one['digest']}{accept}", 0)
    out, errors = agent.communicate(timeout=60)
    assert agent.returncode == 0, (out, errors)
    until(lambda: "working" in home.shell("countersign orders", 0).stdout, "the order rests")
    assert home.shell("countersign audit verify", 0).stdout.startswith("verified: ")
    assert home.doctor()[0] == 0


def test_the_token_file_opens_the_gateway(ready):
    ready.start_paper()
    ready.start_gateway()
    agent = Agent(f"http://127.0.0.1:{ready.ports['agents']}/mcp", ready.token())

    def prices():
        result = agent.call("getTickers", {"category": "linear", "symbol": "BTCUSDT"})
        return None if result.get("isError") else text_of(result)

    assert "BTCUSDT" in until(prices, "the upstream answers")
