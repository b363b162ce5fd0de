"""The console in lines, and that it ends in the same decisions as the screen in a real tmux."""

import re
import subprocess
import tempfile
import time

import pytest

from agents import Agent, batch, leg
from console import command, environment, tail
from terminal import Terminal
from waiting import until


@pytest.fixture
def agent(world):
    return Agent(world.agents_url, world.token)


def hold(world, agent, price):
    known = [one["id"] for one in world.batches()]
    agent.start("wsBatchCreateOrders", batch(leg("BTCUSDT", "Buy", "0.010", price, timeInForce="GTC")))
    return world.until_held(known)["id"]


class Plain(Terminal):
    """The lines that it printed, however the terminal would wrap them."""

    def __init__(self, world, term="dumb"):
        super().__init__(
            [*command(world), "--plain"], 120, 40, environment(world, TERM=term), world.directory)

    def words(self):
        return self.raw.decode(errors="replace").replace("\r\n", "\n")

    def until_said(self, pattern, seconds=30):
        return until(lambda: re.search(pattern, self.words()), f"{pattern} is printed", seconds)

    def approve(self, id):
        self.until_said(rf"pending.*{id}")
        self.type(f"show {id}\n".encode())
        self.until_said(rf"digest [0-9a-f]{{64}}")
        time.sleep(1)
        self.type(f"approve {id}\n".encode())
        self.until_said("Lines count when")
        time.sleep(1.8)
        code = re.findall(r"type the two digits: (\d\d)", self.words())[-1]
        self.type(code.encode() + b"\n")


def test_the_same_session_in_tmux_and_in_lines_ends_in_the_same_decisions(world, agent):
    bid = round(float(world.quote("BTCUSDT")[0]))
    by_lines = hold(world, agent, f"{bid - 40}.00")
    with Plain(world) as console:
        console.until_said("feed live")
        console.approve(by_lines)
        world.until_state(by_lines, "acknowledged")
        # Nothing but lines: no sequence, no motion.
        assert b"\x1b" not in console.raw
        rejected = hold(world, agent, f"{bid - 60}.00")
        console.until_said(rf"pending.*{rejected}")
        console.type(f"reject {rejected} not now\n".encode())
        world.until_state(rejected, "rejected")
        console.type(b"quit\n")
        assert console.wait() == 0
    by_keys = hold(world, agent, f"{bid - 80}.00")
    with tempfile.TemporaryDirectory() as place:
        approve_in_tmux(world, f"{place}/s", by_keys)
    world.until_state(by_keys, "acknowledged")
    signed = {
        one["subject"]: one["body"]["decision"] for one in world.audit()
        if "decision" in one.get("body", {})}
    kinds = {id: (signed[id]["verb"], signed[id]["operator"]) for id in (by_lines, by_keys)}
    assert kinds == {by_lines: ("approve", "ops"), by_keys: ("approve", "ops")}
    assert signed[rejected]["note"] == "not now"


def approve_in_tmux(world, socket, id):
    tmux = ["tmux", "-S", socket, "-f", "/dev/null"]
    env = environment(world)
    words = " ".join(str(one) for one in command(world))
    subprocess.run([*tmux, "new-session", "-d", "-x", "120", "-y", "40", words], env=env, check=True)

    def shown():
        done = subprocess.run([*tmux, "capture-pane", "-p"], capture_output=True, text=True, check=True)
        return done.stdout

    def send(*keys):
        subprocess.run([*tmux, "send-keys", *keys], check=True)

    try:
        until(lambda: re.search(rf"^> {tail(id)}", shown(), re.M), "it is selected")
        until(lambda: re.search(r" seen (\d+)/\1 ", shown()), "it was seen")
        time.sleep(1)
        send("a")
        until(lambda: "keys are open" in shown(), "keys are open")
        code = re.search(r"type the two digits: (\d\d)", shown())[1]
        send(code[0])
        time.sleep(0.2)
        send(code[1])
        until(lambda: "type the two digits" not in shown(), "it is signed")
        until(lambda: re.search(r"acknowledged|approved|dispatching", shown()), "it is sent")
    finally:
        subprocess.run([*tmux, "kill-server"], check=True)


def test_in_a_pipe_nothing_is_approved_and_all_can_be_rejected(world, agent):
    id = hold(world, agent, "50000.00")
    with subprocess.Popen(
            [str(one) for one in [*command(world), "--plain"]], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True, env=environment(world), cwd=world.directory) as process:
        def until_said(words):
            return next(line for line in process.stdout if words in line)

        until_said("1: pending")
        process.stdin.write(f"show {id}\n")
        process.stdin.flush()
        until_said("  digest ")
        process.stdin.write(f"approve {id}\nreject {id} by a pipe\n")
        process.stdin.flush()
        world.until_state(id, "rejected")
        process.stdin.write("quit\n")
        process.stdin.close()
        said = process.stdout.read()
    assert "no terminal" in said
    assert world.received_orders() == []


def test_a_script_that_is_typed_before_anything_was_read_is_answered_line_by_line(world, agent):
    """All of it in one write, and then the end of the input: no line is lost, and none is guessed at."""
    first, second = hold(world, agent, "50000.00"), hold(world, agent, "50100.00")
    lines = ["list", "reject 1 a guess", f"show {second}", f"reject {first} by a script", "agents"]
    done = subprocess.run(
        [str(one) for one in [*command(world), "--plain"]], input="\n".join(lines) + "\n", text=True,
        capture_output=True, env=environment(world), cwd=world.directory, timeout=60)
    assert done.returncode == 0, done.stderr
    said = done.stdout
    world.until_state(first, "rejected")
    assert world.show(second)["summary"]["state"] == "pending"
    assert "There is no batch" not in said
    for answer in [
            "Held until the list has been read: list", "Not done: 1 had not been printed",
            rf"> reject {first} by a script", rf"rejected.*{first}", "50100.00", "LAST 2 MIN"]:
        assert re.search(answer, said), f"{answer} is missing:\n{said}"
    assert world.received_orders() == []
