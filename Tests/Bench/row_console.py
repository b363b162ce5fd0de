"""console: key to screen under a flood of order updates, idle cost, first paint, memory, and queued
keys, beside htop, tig, neomutt and mitmproxy in the same terminals."""

import collections
import contextlib
import json
import pathlib
import re
import shutil
import subprocess
import sys
import threading

from measure import Measure, Spread, at_most, interleave, percentile, ratios
from place import Missing, Server
from pty_probe import Cost, Probe, delays, frames, memory, text
from record import recorded

TITLE = "console, with htop, tig, neomutt and mitmproxy beside it"
SECONDS = 240
ROUNDS = 3
FLOOD, FEED = 10_000, 50
KEYS = 60
# Rows of a list that a peer shows.
ENTRIES = 300
IDLE_SECONDS = 12
PENDING = 20


class StandIn(Server):
    """`stand_in.py` as a process of its own, and what it said."""

    def __init__(self, place, recording, rate):
        super().__init__(
            place, [sys.executable, "-u", __file__.replace("row_console", "stand_in"), recording,
                    rate], place.directory / f"stand-in-{rate}.log")

    def ready(self):
        self.port = int(self.line())
        self.said = collections.deque()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        with contextlib.suppress(ValueError):
            for line in self.process.stdout:
                self.said.append(json.loads(line))

    def heard(self, name):
        return [one[name] for one in list(self.said) if name in one]


class Program:
    """One of the programs that are compared: how to start it, steer it and read its cursor."""

    def __init__(self, place, command, keys, selected, shown, first=b"", patience=1, **environment):
        self.place, self.command, self.keys, self.first = place, command, keys, first
        self.selected, self.shown, self.environment = selected, shown, environment
        # Seconds in which it has surely done 200 keys.
        self.patience = patience

    def to_the_top(self, probe):
        """Waits until what a start costs is over, with the cursor on the first row."""
        probe.watch(1.5)
        if self.first:
            probe.write(self.first)
        probe.watch(0.5)

    def open(self):
        probe = Probe(
            self.command, self.place.environment(**self.environment), self.place.directory)
        probe.until_recorded(self.shown)
        return probe


def console(place, stand_in):
    number = len(list(place.directory.glob("xdg-state-*")))
    state = place.new(f"xdg-state-{number}")
    return Program(
        place,
        [place.program, "console", "--gateway", f"http://127.0.0.1:{stand_in.port}", "--key",
         place.directory / "operator.key"],
        (b"j", b"k"), _console_row, b"link ok", b"g", XDG_STATE_HOME=str(state))


def _console_row(screen):
    return next(
        (y for y, row in enumerate(screen.display) if re.match(r">[ ~][0-9A-Z]{6} ", row)), None)


def htop(place):
    program = _installed("htop")
    return Program(
        place, [program, "-d", "15"], (b"\x1bOB", b"\x1bOA"), lambda screen: _coloured(screen, "cyan"),
        b"Load average", HTOPRC=str(place.directory / "htoprc"))


def tig(place):
    program = _installed("tig")
    repository = place.directory / "history"
    if not repository.exists():
        _make_history(repository, place)
    return Program(
        place, [program, "-C", repository], (b"j", b"k"), lambda screen: _coloured(screen, "green"),
        b"[main]", HOME=str(place.directory))


def neomutt(place):
    mailbox, settings = place.directory / "mailbox", place.directory / "neomuttrc"
    mailbox.write_text("".join(
        f"From a@example.org Tue Nov 14 22:{n // 60:02}:{n % 60:02} 2023\n"
        f"From: A <a@example.org>\nDate: Tue, 14 Nov 2023 22:{n // 60:02}:{n % 60:02} +0000\n"
        f"Message-ID: <{n}@example.org>\nSubject: Change number {n}\n\nOne line.\n\n"
        for n in range(ENTRIES)))
    settings.write_text(
        f'set folder="{place.directory}"\nset sort=date\nset sleep_time=0\nunset help\n'
        "color indicator black green\n")
    return Program(
        place, [_installed("neomutt"), "-n", "-F", settings, "-R", "-f", mailbox], (b"j", b"k"),
        lambda screen: _coloured(screen, "green"), b"Change number 0", HOME=str(place.directory))


def mitmproxy(place):
    program = place.mitmproxy
    if not program.exists():
        raise Missing(f"{program} is not there; `make bench` installs it")
    flows = place.directory / "flows"
    if not flows.exists():
        place.run(
            program.parent / "python", pathlib.Path(__file__).parent / "make_flows.py", flows, ENTRIES)
    return Program(
        place, [program, "-n", "-r", flows, "--set", f"confdir={place.directory / 'mitmproxy'}"],
        (b"j", b"k"), _marked, f"/{ENTRIES}]".encode(), patience=8, HOME=str(place.directory))


def _marked(screen):
    """The first row that begins with the mark of the one that is chosen."""
    return next((y for y, row in enumerate(screen.display) if row.startswith(">>")), None)


def _installed(name):
    program = shutil.which(name)
    if program is None:
        raise Missing(f"{name} is not installed (Debian: {name})")
    return program


def _coloured(screen, colour):
    """The first row whose first cell has this background."""
    for y in range(screen.lines - 1):
        if screen.buffer[y][0].bg == colour:
            return y
    return None


def _make_history(repository, place):
    """A repository with a commit for each entry."""
    place.run(_installed("git"), "init", "-q", "-b", "main", repository)
    commits = "".join(
        f"commit refs/heads/main\ncommitter A <a@example.org> {1_700_000_000 + n * 60} +0000\n"
        f"data <<END\nChange number {n}\nEND\nM 644 inline file\ndata <<END\n{n}\nEND\n\n"
        for n in range(ENTRIES))
    subprocess.run(
        ["git", "-C", str(repository), "fast-import", "--quiet"], input=commits.encode(),
        check=True, env=place.environment())
    # Else every file would count as deleted.
    place.run("git", "-C", repository, "reset", "-q", "--hard", "main")


def measures(place):
    peers = {one.__name__: one(place) for one in (htop, tig, neomutt, mitmproxy)}
    recording = place.directory / "recording.json"
    recording.write_text(json.dumps(recorded(place, PENDING)))
    place.run(
        place.program, "operator", "init", "bench", "--no-passphrase", "--key",
        place.directory / "operator.key")
    with StandIn(place, recording, FLOOD) as flood, StandIn(place, recording, FEED) as feed, \
            StandIn(place, recording, 0) as still:
        return [
            *keys(place, flood, peers), *idle(place, still, feed, peers),
            *first_paint(place, still), *queued(place, still, peers)]


# Key to screen

def keys(place, flood, peers):
    programs = {"console": console(place, flood), **peers}
    found = interleave(ROUNDS, {
        name: lambda program=program: key_delays(program) for name, program in programs.items()})
    sent = Spread.of(flood.heard("sent") or [0]).median
    measured = []
    for part, bound, words in ((0.5, 1.5, "p50"), (0.95, 8, "p95")):
        parts = {
            name: [percentile(one, part) for one in rounds] for name, rounds in found.items()}
        measured += beside(
            f"key to screen, {FLOOD} updates/s, {words}", parts, peers, at_most(bound, "ms"),
            f"the stand-in got rid of {sent:.0f} updates a second; the peers have no feed")
    return measured


def beside(what, found, peers, budget, note=""):
    """The console's figure beside that of each peer; the budget stands once."""
    spreads = {name: Spread.of(rounds, budget.unit) for name, rounds in found.items()}
    return [
        Measure(
            "console", what, spreads["console"], peer, spreads[peer],
            ratios(found["console"], found[peer]), budget if number == 0 else None, note)
        for number, peer in enumerate(peers)]


def key_delays(program):
    with program.open() as probe:
        # The flood has begun by then.
        program.to_the_top(probe)
        down, up = program.keys
        steps = [1 if n % 10 < 5 else -1 for n in range(KEYS)]
        pressed = probe.press([down if step > 0 else up for step in steps])
        return delays(probe.chunks, pressed, steps, program.selected)


# Doing nothing

def idle(place, still, feed, peers):
    """All of them at the same time, so that all have the same machine."""
    programs = {
        "still": console(place, still), "feed": console(place, feed), **peers}
    with contextlib.ExitStack() as stack:
        probes = {name: stack.enter_context(one.open()) for name, one in programs.items()}
        watch_all(probes, 4)
        before = {name: Cost(probe.process.pid) for name, probe in probes.items()}
        sizes = {name: size(probe) for name, probe in probes.items()}
        watch_all(probes, IDLE_SECONDS)
        cost = {name: Cost(probe.process.pid).since(before[name]) for name, probe in probes.items()}
        written = {
            name: (size(probe) - sizes[name]) / IDLE_SECONDS for name, probe in probes.items()}
        resident, own = memory(probes["still"].process.pid)
        theirs = {name: memory(probes[name].process.pid)[0] for name in peers}
    others = {
        "CPU": ", ".join(f"{name} {cost[name][0]:.2f}" for name in peers),
        "wakes": ", ".join(f"{name} {cost[name][1]:.1f}" for name in peers),
        "bytes": ", ".join(f"{name} {written[name]:.0f}" for name in peers)}

    def line(what, value, unit, bound, others=""):
        return Measure(
            "console", what, Spread.of([value], unit), others, budget=at_most(bound, unit))

    # 0.00 %: less than can be seen with two digits.
    return [
        line("idle, 20 pending, no feed: CPU", cost["still"][0], "%", 0.005, others["CPU"]),
        line("idle, 20 pending, no feed: wake-ups", cost["still"][1], "/s", 1, others["wakes"]),
        line(f"idle, {FEED} updates/s: CPU", cost["feed"][0], "%", 1, others["CPU"]),
        line(f"idle, {FEED} updates/s: output", written["feed"], "B/s", 1500, others["bytes"]),
        Measure(
            "console", "memory, 20 pending", Spread.of([resident], "MiB"),
            ", ".join(f"{name} {one:.1f}" for name, one in theirs.items()),
            budget=at_most(30, "MiB"), note=f"resident; {own:.1f} MiB of it are its own data, the rest is "
            "mapped from the program's file and from libraries")]


def watch_all(probes, seconds):
    """Records all of them for so long."""
    threads = [
        threading.Thread(target=probe.watch, args=(seconds,)) for probe in probes.values()]
    for one in threads:
        one.start()
    for one in threads:
        one.join()


def size(probe):
    return sum(len(data) for _, data in probe.chunks)


# First paint

def first_paint(place, still):
    times, painted = [], []
    for _ in range(ROUNDS + 2):
        program = console(place, still)
        known = len(still.heard("events"))
        with program.open() as probe:
            probe.until_quiet(1)
            asked = still.heard("events")[known]
            first = next(then for then, screen in frames(probe.chunks) if text(screen).strip())
            full = next(
                then for then, screen in frames(probe.chunks)
                if f"[{PENDING}!]" in text(screen) and _console_row(screen) is not None)
        painted.append((first - probe.started) * 1000)
        times.append((full - asked) * 1000)
    return [
        Measure(
            "console", "first paint: from the request for events to the queue on the screen",
            Spread.of(times, "ms"), budget=at_most(40, "ms")),
        Measure(
            "console", "first paint: from the start to the first cell", Spread.of(painted, "ms"))]


# Queued keys

def queued(place, still, peers):
    programs = {"console": console(place, still), **peers}
    found = interleave(ROUNDS, {
        name: lambda program=program: burst(program) for name, program in programs.items()})
    measured = []
    for n, (what, budget) in enumerate((
            ("200 queued keys: until the last has its effect", at_most(30, "ms")),
            ("200 queued keys: output", at_most(6000, "B")))):
        parts = {name: [one[n] for one in rounds] for name, rounds in found.items()}
        measured += beside(what, parts, peers, budget)
    return measured


def burst(program):
    """Milliseconds until the cursor stands where it stays, and the bytes of all of it."""
    with program.open() as probe:
        program.to_the_top(probe)
        known = len(probe.chunks)
        down, up = program.keys
        moment = probe.write((down * 10 + up * 10) * 9 + down * 10 + up * 7 + down * 3)
        probe.watch(program.patience)
        seen = [(then, program.selected(screen)) for then, screen in frames(probe.chunks)]
        last = seen[-1][1]
        # The last change of the row to the one that stays.
        change = next(
            (seen[n][0] for n in range(len(seen) - 1, known - 1, -1)
             if seen[n - 1][1] != last and seen[n][1] == last), moment)
        return (change - moment) * 1000, sum(len(data) for _, data in probe.chunks[known:])
