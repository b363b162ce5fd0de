"""The console and its terminal: given back as it was, at every size, of every kind, whatever is shown."""

import json
import os
import pathlib
import re
import signal
import subprocess

import pytest

from agents import Agent, batch, leg
from console import CODE, Console, command, environment, tail
from terminal import Terminal
from test_console import hold, nothing_happened, open_panel
from waiting import until
from world import POLICY, World

BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff\u00ad\U000e0041\ue000"


@pytest.fixture
def agent(world):
    return Agent(world.agents_url, world.token)


def assert_restored(console):
    assert console.left_on() == set()
    assert console.termios_difference() == []
    assert b"\x1b[?1049h" in console.raw and b"\x1b[?2004h" in console.raw


# 5. The terminal is given back

@pytest.mark.parametrize("number", ["TERM", "HUP", "INT", "QUIT"])
def test_a_signal_ends_it_and_the_terminal_is_as_before(world, number):
    with Console(world) as console:
        console.ready()
        console.kill(getattr(signal, f"SIG{number}"))
        status = console.wait()
        assert_restored(console)
        assert status in (0, 128 + getattr(signal, f"SIG{number}"), -getattr(signal, f"SIG{number}"))


@pytest.mark.parametrize("number", ["SEGV", "ABRT", "ILL"])
def test_a_crash_leaves_the_terminal_as_before(world, number):
    with Console(world) as console:
        console.ready()
        console.kill(getattr(signal, f"SIG{number}"))
        status = console.wait(15)
        assert status != 0
        assert_restored(console)
        after = bytes(console.raw).rpartition(b"\x1b[?1049l")[2]
        assert b"Press space" not in after and b"interact" not in after


def test_q_and_y_quit(world):
    with Console(world) as console:
        console.ready().type(b"q")
        console.until_shows(r"Quit\? y/N")
        console.type(b"n")
        console.until_gone(r"Quit\?")
        console.type(b"q")
        console.until_shows(r"Quit\?")
        console.type(b"y")
        assert console.wait() == 0
        assert_restored(console)


def test_suspend_and_continue_under_a_shell(world, agent):
    """^Z needs a shell with job control: a session leader alone cannot be stopped."""
    id, _ = hold(world, agent)
    shell = ["bash", "--norc", "--noprofile", "-i"]
    with Terminal(shell, env=environment(world, PS1="shell$ "), cwd=world.directory) as terminal:
        terminal.until_shows(r"shell\$ ")
        terminal.type((" ".join(str(one) for one in command(world)) + "\n").encode())
        terminal.until_shows(r"link ok.*feed live")
        for _ in range(2):
            start = len(terminal.raw)
            terminal.type(b"\x1a")
            until(lambda: b"Stopped" in terminal.raw[start:], "bash says that it stopped")
            assert terminal.left_on() <= {"bracketed paste"}, "that one is bash's own"
            terminal.type(b"echo alive-$((6*7))\n")
            until(lambda: b"alive-42" in terminal.raw[start:], "the shell has the terminal")
            terminal.type(b"fg\n")
            until(lambda: b"\x1b[?1049h" in terminal.raw[start:], "it takes the terminal again")
            terminal.until_shows(rf"^> {tail(id)}")
            assert {"alternate screen", "bracketed paste", "focus reports"} <= terminal.left_on()
        terminal.type(b"q")
        terminal.until_shows(r"Quit\?")
        terminal.type(b"y")
        start = len(terminal.raw)
        until(lambda: b"\x1b[?1049l" in terminal.raw[start - 200:], "it ends")
        terminal.type(b"exit\n")
        assert terminal.wait() == 0
        assert terminal.termios_difference() == []


def test_suspending_closes_an_open_panel(world, agent):
    id, _ = hold(world, agent)
    with Console(world) as console:
        console.ready()
        open_panel(console, id)
        console.type(b"\x1a")
        console.until_shows("DISARMED: the console was suspended")
        nothing_happened(world, id)


def test_it_survives_the_gateway_and_comes_back(world, agent):
    id, _ = hold(world, agent)
    with Console(world) as console:
        console.ready()
        open_panel(console, id)
        console.until_open()
        world.kill_gateway()
        console.until_shows("LINK LOST")
        console.until_gone(CODE)
        console.until_shows("approvals off")
        console.type(b"a")
        console.until_shows("a: not possible - the connection to the gateway is lost")
        world.start_gateway()
        console.until_shows(r"link ok.*feed live")
        assert not console.shows("approvals off")
        console.type(b"q")
        console.until_shows(r"Quit\?")
        console.type(b"y")
        assert console.wait() == 0
        assert_restored(console)


def test_a_terminal_that_goes_away_ends_it(world):
    with Console(world) as console:
        console.ready().hang_up()
        assert console.process.wait(10) is not None


@pytest.mark.parametrize("how", ["HUP", "TERM", "closed window"])
def test_a_demo_that_is_ended_leaves_nothing_behind(world, tmp_path, how):
    """It has started servers of its own: they end with it, and so do its files and keys."""
    place = tmp_path / "demo"
    place.mkdir()
    env = environment(world, TMPDIR=str(place))
    shell = ["bash", "--norc", "--noprofile", "-i"]
    with Terminal(shell, env=env, cwd=tmp_path) as terminal:
        terminal.type(f"{world.program} demo\n".encode())
        terminal.until_shows(r"link ok.*feed live")
        demo = children(terminal.process.pid)[0]
        parts = [demo, *children(demo)]
        assert len(parts) >= 3
        if how == "closed window":
            terminal.hang_up()
        else:
            os.kill(demo, getattr(signal, f"SIG{how}"))
        try:
            until(lambda: not any(is_alive(pid) for pid in parts), "it and its parts end", 10)
            until(lambda: not list(place.glob("countersign-demo*")), "its files are gone", 2)
        finally:
            for pid in filter(is_alive, parts):
                os.kill(pid, signal.SIGTERM)


def children(pid):
    found = []
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        found += [int(one) for one in (task / "children").read_text().split()]
    return found


def is_alive(pid):
    try:
        return " Z " not in pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


# 6. Sizes and kinds

@pytest.mark.parametrize("cols,rows", [(1, 1), (20, 5), (79, 23), (80, 23), (79, 24)])
def test_too_small_means_no_approvals_but_no_crash(world, agent, cols, rows):
    id, _ = hold(world, agent)
    with Console(world, cols, rows) as console:
        until(lambda: console.text().strip(), "it shows something")
        if cols >= 40:
            console.ready().until_shows(rf"^> {tail(id)}")
        console.type(b"a")
        console.settled()
        assert not console.shows(CODE)
        assert console.process.poll() is None
        if cols >= 40:
            console.until_shows("smaller than 80x24|80x24 needed")
        elif cols > 10:
            console.until_shows("80x24 needed")
        console.resize(80, 24)
        console.until_shows(rf"^> {tail(id)}")
        nothing_happened(world, id)


@pytest.mark.parametrize("cols,rows", [(80, 24), (300, 100)])
def test_every_page_fits(world, agent, cols, rows):
    id, _ = hold(world, agent)
    with Console(world, cols, rows) as console:
        console.ready().until_shows(rf"^> {tail(id)}")
        for key, words in [(b"2", "rev 1"), (b"3", "orders"), (b"4", "audit: "), (b"?", "help")]:
            console.type(key)
            console.until_shows(words)
            assert console.process.poll() is None
        console.type(b"1")
        console.until_shows(rf"^> {tail(id)}")


def test_a_storm_of_resizes(world, agent):
    id, _ = hold(world, agent)
    with Console(world) as console:
        console.ready()
        for turn in range(200):
            console.resize(1 + turn * 7 % 240, 1 + turn * 5 % 70)
            if turn % 10 == 0:
                console.type(b"a12")
        console.resize(80, 24)
        console.type(b"\x0c1")
        console.until_shows(rf"^> {tail(id)}")
        assert console.process.poll() is None
        nothing_happened(world, id)


@pytest.mark.parametrize("term", ["vt220", "screen", "tmux-256color", "linux", "xterm"])
def test_it_works_in_other_terminals(world, agent, term):
    id, _ = hold(world, agent)
    with Console(world, TERM=term) as console:
        console.until_shows(r"link ok.*feed live")
        console.approve(id)
        world.until_state(id, "acknowledged")
        console.kill(signal.SIGTERM)
        console.wait()
        assert console.left_on() == set()
        assert console.termios_difference() == []


@pytest.mark.parametrize("term", ["dumb", "no-such-terminal", "", None])
def test_it_declines_terminals_that_cannot_do_it(world, term):
    with Console(world, TERM=term) as console:
        assert console.wait() == 2
        assert console.shows("TERM")
        assert b"\x1b[?1049h" not in console.raw
        assert console.termios_difference() == []


def test_what_it_recommends_exists(world):
    """A message that names an option must name one that there is."""
    with Console(world, TERM="dumb") as console:
        console.wait()
        for option in set(re.findall(r"--[a-z]+", console.text())):
            help = subprocess.run(
                [world.program, "console", "--help"], capture_output=True, text=True)
            assert option in help.stdout


def test_without_a_terminal_it_says_so(world):
    done = subprocess.run(
        command(world), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30,
        env=environment(world), cwd=world.directory)
    assert done.returncode == 2
    assert "terminal" in done.stderr and done.stdout == ""


def test_standard_output_in_a_pipe_is_no_terminal(world):
    with Console(world, stdout=subprocess.PIPE) as console:
        assert console.wait() == 2
        assert console.process.stdout.read() == b""
        assert console.shows("needs a terminal")
        assert console.termios_difference() == []


def test_no_color_means_no_colours(world, agent):
    id, _ = hold(world, agent, batch(leg("BTCUSDT", "Buy", "2.500", world.quote("BTCUSDT")[1])))
    with Console(world, NO_COLOR="1") as console:
        console.ready().until_shows(rf"^> {tail(id)}.*HIGH")
        console.type(b"?")
        console.until_shows("help")
        colours = [
            number for numbers in re.findall(rb"\x1b\[([0-9;]*)m", bytes(console.raw))
            for number in numbers.split(b";") if number.isdigit() and 30 <= int(number) <= 107]
        assert set(colours) <= {b"39", b"49"}


# 7. Hostile text

HOSTILE = (
    "N0nce\x1b[2J\x1b]0;pwned\x07\x1b[97;105;53mN1nce\u202eevorppa\u202c\r\nOK\t\u200b\u009b31mN2nce"
    + "x" * 300)


@pytest.mark.parametrize("cols,rows", [(80, 24), (120, 40)])
def test_hostile_arguments_come_out_as_visible_escapes(tmp_path, cols, rows):
    """Order tools take no such text; a held call of another tool does."""
    policy = {**POLICY, "tools": {**POLICY["tools"], "getOpenOrders": {"action": "hold"}}}
    with World(tmp_path, policy=policy) as world:
        Agent(world.agents_url, world.token).start("getOpenOrders", {
            "category": "linear", "symbol": "BTCUSDT", "orderLinkId": HOSTILE})
        id = until(lambda: next((one["id"] for one in world.batches()), None), "held")
        shown = []
        with Console(world, cols, rows) as console:
            console.ready().select(id).read_to_the_end(see=lambda rows: shown.extend(rows))
            console.type(b"4")
            console.until_shows("audit: ")
            raw = bytes(console.raw)
    assert_harmless(raw)
    text = re.sub(r"[\s│]", "", "".join(shown))
    for escape in ("\x1b[2J", "\x1b]0;pwned", "\x07", "\u202e", "\r", "\t", "\u200b"):
        assert any(form in text for form in visible(escape)), f"{escape!r} in {text}"


def test_a_hostile_answer_of_the_exchange_is_harmless(world, agent):
    """A reason that another operator gave comes back on every other console."""
    id, _ = hold(world, agent)
    with Console(world) as console:
        console.ready()
        world.reject(id, HOSTILE[:200].replace("\x00", ""))
        console.until_shows(rf"^>~{tail(id)}.*rejected")
        console.frame()
        assert_harmless(bytes(console.raw))


def visible(text):
    """The two ways in which a control character can be told: as in JSON, or as its own name."""
    yield json.dumps(text, ensure_ascii=True)[1:-1].replace("\\u202e", "<U+202E>")
    yield text.replace("\x1b", "^[").replace("\x07", "^G").replace("\r", "^M").replace("\t", "^I") \
        .replace("\u202e", "<U+202E>").replace("\u200b", "<U+200B>")


def assert_harmless(raw):
    """No byte of the data reached the terminal as anything but text."""
    words = raw.decode("utf-8")
    for scalar in BIDI + INVISIBLE + "\u009b\u009d\t\x07":
        assert scalar not in words, f"U+{ord(scalar):04X} reached the terminal"
    assert "\x1b]" not in words
    assert "\x1b[97;105;53m" not in words
    # What follows the later two in the data is no escape: one there is the console's own motion.
    assert not re.search("N0nce[\x00-\x1f]|N[12]nce[\x00-\x1a\x1c-\x1f]", words)
