"""Kills the gateway at one moment of a held call's life, starts it again, and says what is wrong
afterwards. Nothing here knows how the gateway is built: what counts is the exchange's own log.

A moment ("point") is one of POINTS. Some kill from outside, when a file or an answer says that the
moment has come; for those the gateway runs under strace, which slows the disk down so that the
moment lasts. The others kill from the upstream's place (shim.py), which sees the bytes themselves.
"""

import collections
import pathlib
import shutil
import sys
import threading

from agents import Agent, Fault, batch, decision_of, leg, pending_id
from operators import Refused
from world import TooLate, World, program_path, until

HERE = pathlib.Path(__file__).resolve().parent

# Each sync of the store takes so long that there is time to kill between "written" and "known".
SLOW_SYNC = ["-e", "trace=fdatasync", "-e", "inject=fdatasync:delay_enter=300000"]
# Each write does: what is sent too early is sent long before its record can be read.
SLOW_WRITE = ["-e", "trace=pwrite64", "-e", "inject=pwrite64:delay_enter=25000"]

POINTS = {
    # Held: an operator sees it; or its agent was told that it waits.
    "held, shown": [], "held, told": [],
    # Signed: the decision's answer has come; or its record is written and not yet synced.
    "signed, answered": [], "signed, written": SLOW_SYNC,
    # The intent to send is written and not yet synced.
    "intent": SLOW_SYNC,
    # The bytes reached the upstream, which passes them on, or not, or much later.
    "kill-forward": [], "kill-swallow": [], "kill-late": [], "forward-kill": [],
    "kill-forward, slow disk": SLOW_WRITE,
    # The upstream answered: the gateway never sees it, or is about to record it.
    "answer-kill": [], "answer-pass-kill": [], "answered, written": SLOW_SYNC,
}
# Text that stands in the store's files once a transition is written.
WRITTEN = {
    "signed, written": b'"state":"approved"', "intent": b'"state":"dispatching"',
    "answered, written": b'"state":"acknowledged"'}
SETTLED = ("acknowledged", "failed", "rejected", "expired", "withdrawn", "blocked", "resolved")
# Receive window and clock error are 8 s; the questions after it take moments.
PATIENCE = 40


def crash_world(tmp_path, point, gateway_program=None):
    """A world that is set up for this point and not started yet."""
    prefix = []
    if POINTS[point]:
        strace = shutil.which("strace")
        assert strace, "strace is needed to slow the store down: install the package strace"
        prefix = [strace, "-f", "-q", "-o", "/dev/null", *POINTS[point]]
    shim = [sys.executable, HERE / "shim.py", tmp_path, program_path(), "bybit-tools"]
    world = World(tmp_path, hold={"wait": "1s"}, upstream_command=shim, gateway_prefix=prefix)
    if gateway_program is not None:
        world.gateway_program = gateway_program
    return world


def run_crash_point(world, point):
    """Drives a started world of `crash_world` through `point`; gives what is wrong, in words."""
    try:
        return Run(world, point).violations()
    except (TooLate, Refused) as failure:
        return [f"{point}: {failure}"]


class Run:
    """One batch, one crash, one restart."""

    def __init__(self, world, point):
        self.world, self.point = world, point
        self.id = self.digest = None
        _, ask = world.quote("ETHUSDT")
        # One leg rests, one trades at once.
        self.arguments = batch(
            leg("BTCUSDT", "Buy", "0.010", "60000.00"),
            leg("ETHUSDT", "Buy", "0.10", f"{float(ask) + 20:.2f}"))

    def violations(self):
        self.propose()
        self.crash()
        left_behind = self.upstreams()
        # The second start is an ordinary one.
        self.world.gateway_prefix = []
        self.world.start_gateway()
        until(lambda: not any(map(is_alive, left_behind)), "the old upstreams are gone")
        if self.id not in {one["id"] for one in self.world.batches()}:
            return [f"{self.point}: the batch is lost"]
        wrong = self.after_restart()
        if self.is_undecided():
            return [f"{self.point}: the approval is lost"]
        outcome = self.outcome()
        return [f"{self.point}: {one}" for one in wrong + self.judge(outcome)]

    # Before

    def propose(self):
        agent = Agent(self.world.agents_url, self.world.token)
        _, answer = agent.start("wsBatchCreateOrders", self.arguments)
        held = self.world.until_held()
        self.id, self.digest = held["id"], held["digest"]
        if self.point != "held, shown":
            assert pending_id(answer.result(20)) == self.id
        self.is_told = self.point != "held, shown"

    def crash(self):
        """Brings the gateway to the point, where it is killed."""
        if self.point.startswith("held"):
            return self.world.kill_gateway()
        if "kill" in self.point:
            (self.world.directory / "point").write_text(self.point.partition(",")[0])
        waiting = threading.Thread(target=self.ask_in_vain)
        waiting.start()
        deciding = threading.Thread(target=self.decide)
        deciding.start()
        if self.point == "signed, answered":
            deciding.join()
            self.world.kill_gateway()
        elif self.point in WRITTEN:
            until(self.is_written, f"{WRITTEN[self.point]} is written", 30, every=0.005)
            self.world.kill_gateway()
        else:
            self.world.gateway_ended(30)
        deciding.join()
        waiting.join()

    def decide(self):
        """The gateway may be dead before it answers."""
        operator = self.world.operator()
        try:
            operator.decide("approve", operator.batch(self.id)["summary"])
        except (OSError, Refused):
            pass

    def ask_in_vain(self):
        """The agent waits, as agents do, and loses its connection."""
        try:
            Agent(self.world.agents_url, self.world.token).await_outcome(self.id)
        except (OSError, Fault, ValueError, TooLate):
            pass

    def is_written(self):
        wanted = WRITTEN[self.point]
        files = self.world.directory.glob("state/countersign.sqlite*")
        return any(wanted in file.read_bytes() for file in files)

    def upstreams(self):
        """The upstreams of the gateway that was killed."""
        return [int(one) for one in (self.world.directory / "pids").read_text().split()]

    # After

    def after_restart(self):
        """What must hold before anybody does anything."""
        if not self.point.startswith("held"):
            return []
        wrong = []
        summary = self.world.operator().batch(self.id)["summary"]
        if summary["state"] != "pending" or summary["digest"] != self.digest:
            wrong.append(f"a held batch came back as {summary['state']}")
        if self.world.received_requests():
            wrong.append("an order was sent that nobody approved")
        return wrong

    def is_undecided(self):
        """Whether an approval that was answered, or that something was sent for, is gone."""
        return self.state() == "pending" and not (
            self.point.startswith("held") or self.point == "signed, written")

    def outcome(self):
        """What the agent is told in the end. It asks as it can: by id, or with the same call."""
        agent = Agent(self.world.agents_url, self.world.token)
        if self.point.startswith("held"):
            # Nobody can approve for an agent that may not know of its call: it asks again first.
            again = ("awaitApproval", {"approvalId": self.id}) if self.is_told else (
                "wsBatchCreateOrders", self.arguments)
            assert pending_id(agent.call(*again)) == self.id
            self.world.until_held()
            self.decide()
        until(self.is_settled, f"{self.id} is settled", PATIENCE)
        return agent.await_outcome(self.id)

    def is_settled(self):
        # Signed and then lost before it was recorded: then it waits for a decision again.
        if self.state() == "pending" and self.point == "signed, written":
            # That its agent was told may be lost as well: nobody can approve until it asks again.
            agent = Agent(self.world.agents_url, self.world.token)
            agent.call("awaitApproval", {"approvalId": self.id})
            self.decide()
        return self.state() in SETTLED

    def state(self):
        return self.world.operator().batch(self.id)["summary"]["state"]

    def judge(self, outcome):
        """Compares the gateway's end state with the exchange's own log."""
        detail = self.world.operator().batch(self.id)
        state, legs = detail["summary"]["state"], detail["leg_states"]
        arrived, accepted = self.exchange_side()
        wrong = [f"{link} was sent {count} times" for link, count in arrived.items() if count > 1]
        if state == "acknowledged" and len(accepted) != len(self.arguments["request"]):
            wrong.append(f"acknowledged, and the exchange accepted {sorted(accepted)}")
        if state == "failed" and accepted:
            wrong.append(f"failed, and the exchange accepted {sorted(accepted)}")
        if state not in ("acknowledged", "failed"):
            wrong.append(f"it ends as {state}")
        for one in legs:
            is_there = one["status"] in ("acked", "working", "part_filled", "filled", "cancelled")
            if is_there != (one["order_link_id"] in accepted):
                wrong.append(f"leg {one['leg']} is shown as {one['status']}")
        if decision_of(outcome).get("status") != state:
            wrong.append(f"the agent was told {decision_of(outcome)}")
        return wrong + self.judge_records()

    def exchange_side(self):
        """How often each link id arrived, and which of them became orders."""
        arrived, accepted = collections.Counter(), set()
        for entry, request in self.world.received_requests():
            links = [one["orderLinkId"] for one in request["request"]]
            arrived.update(links)
            accepted |= {link for link, code in zip(links, entry["legs"]) if code == 0}
        return arrived, accepted

    def judge_records(self):
        wrong = []
        if [one["id"] for one in self.world.batches()] != [self.id]:
            wrong.append(f"there are {len(self.world.batches())} batches")
        mine = [one["kind"] for one in self.world.audit() if one.get("subject") == self.id]
        if mine.count("dispatching") > 1:
            wrong.append(f"the ledger has {mine.count('dispatching')} dispatches")
        if self.world.received_requests() and "dispatching" not in mine:
            wrong.append("something was sent that the ledger does not know")
        verified = self.world.cli("audit", "verify", check=False)
        if verified.returncode != 0:
            wrong.append(f"the ledger does not verify: {verified.stderr}")
        return wrong


def is_alive(pid):
    """Whether a process runs; one that is dead and not yet reaped does not."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
