"""The console in a real terminal: the whole way of a batch by keystrokes, and what must not open it."""

import random
import re
import time

import pytest

from agents import Agent, batch, leg, text_of
from console import CODE, Console, tail
from waiting import until

SEEN_SIZES = [(80, 24), (120, 40), (200, 60)]


@pytest.fixture
def agent(world):
    return Agent(world.agents_url, world.token)


def hold(world, agent, arguments=None):
    """Proposes a batch; gives its id and the future of its answer."""
    known = [one["id"] for one in world.batches()]
    _, answer = agent.start("wsBatchCreateOrders", arguments or near_market(world))
    return world.until_held(known)["id"], answer


def doge_ask(world):
    return world.quote("DOGEUSDT")[1]


def near_market(world, count=1, quantity="0.010"):
    """Buys a little under the market: nothing to say against them."""
    bid = float(world.quote("BTCUSDT")[0])
    legs = [
        leg("BTCUSDT", "Buy", quantity, f"{round(bid) - 20 - 3 * n}.00", timeInForce="GTC")
        for n in range(count)]
    return batch(*legs)


def nothing_happened(world, *ids):
    """The gateway still waits for a decision about each, and the exchange has heard of nothing."""
    states = {one["id"]: one["state"] for one in world.pending()}
    assert [states.get(id) for id in ids] == ["pending"] * len(ids)
    assert world.received_orders() == []


def open_panel(console, id):
    """A batch that has been read, and its panel up to the moment when keys count."""
    console.select(id).read_to_the_end()
    return console.arm(id)


# 1. The whole way

@pytest.mark.parametrize("cols,rows", SEEN_SIZES)
def test_a_batch_is_approved_by_keystrokes_and_its_fills_appear(world, agent, cols, rows):
    ask = world.quote("BTCUSDT")[1]
    price = f"{round(float(ask)) + 20}.00"
    with Console(world, cols, rows) as console:
        console.ready()
        id, answer = hold(world, agent, batch(leg("BTCUSDT", "Buy", "0.010", price)))
        console.until_shows(rf"^> {tail(id)} ")
        console.approve(id)
        console.until_shows(rf"^>.{tail(id)}.*acknowledged", 15)
        console.until_shows(r"alpha BUY 0\.010 BTCUSDT @")
        console.until_shows(r"#1 BUY BTCUSDT \[#{10}\] 0\.010/0\.010")
        console.until_shows("orders: 0 live, 1 fills")
    world.until_state(id, "acknowledged")
    assert len(world.received_orders()) == 1
    assert not agent.await_outcome(id).get("isError")


def test_a_partial_fill_shows_how_far_each_leg_is(world, agent):
    """Two legs, one that rests and one that trades: each tells its own progress."""
    ask = float(world.quote("BTCUSDT")[1])
    arguments = batch(
        leg("BTCUSDT", "Buy", "0.010", f"{round(ask) + 20}.00"),
        leg("BTCUSDT", "Buy", "0.011", f"{round(ask) - 300}.00"))
    with Console(world, 120, 40) as console:
        console.ready()
        id, _ = hold(world, agent, arguments)
        console.approve(id)
        console.until_shows(r"alpha BUY 0\.010 BTCUSDT @")
        console.until_shows(r"#1 BUY BTCUSDT \[#{10}\] 0\.010/0\.010")
        console.until_shows(r"#2 BUY BTCUSDT \[\.{10}\] 0(\.0+)?/0\.011", 5)
        console.until_shows(r"│ +working @")
        console.until_shows("orders: 1 live, 1 fills")


def test_the_pane_agrees_with_the_gateway_after_every_batch(world, agent):
    """What the console learns from events must be what a new console reads."""
    with Console(world, 120, 40) as console:
        console.ready()
        for _ in range(3):
            ask = float(world.quote("ETHUSDT")[1])
            id, _ = hold(world, agent, batch(leg("ETHUSDT", "Buy", "0.50", f"{ask + 5:.2f}")))
            console.approve(id)
            console.until_shows(rf"^>.{tail(id)}.*acknowledged", 15)
        until(lambda: world.cli("orders", "--json").stdout.count('"status":"filled"') == 3,
              "the gateway knows that all are filled")
        # A book may fill one order in several parts.
        fills = len(world.operator().ask("GET", "/v1/orders")["fills"])
        assert fills >= 3
        console.until_shows(f"orders: 0 live, {fills} fills")


def test_the_audit_page_shows_the_steps(world, agent):
    with Console(world, 200, 60) as console:
        console.ready()
        id, _ = hold(world, agent)
        console.approve(id)
        console.until_shows(rf"^>.{tail(id)}.*acknowledged", 15)
        console.type(b"4")
        for kind in ("pending", "cooling", "approved", "dispatching", "acknowledged"):
            console.until_shows(rf"^ +\d+  \d\d:\d\d:\d\d  {kind}\b")
        kinds = {one["kind"] for one in world.audit() if one.get("subject") == id}
        row = r"^ +\d+  \d\d:\d\d:\d\d  (\w+)"
        until(lambda: kinds <= set(re.findall(row, console.text(), re.MULTILINE)), f"it shows {kinds}")


@pytest.mark.parametrize("cols,rows", SEEN_SIZES)
def test_the_audit_list_tells_batches_apart(world, agent, cols, rows):
    """A row names the batch that it is about; otherwise the list says only that things happened."""
    with Console(world, cols, rows) as console:
        console.ready()
        id, _ = hold(world, agent)
        console.type(b"4")
        console.until_shows(rf"^ +\d+  \d\d:\d\d:\d\d  pending .*{tail(id)}", 2)


def test_an_audit_entry_can_be_read_to_its_end(world, agent):
    """At 80x24 the entry under the cursor is longer than its pane: the rest must be reachable."""
    with Console(world) as console:
        console.ready()
        id, _ = hold(world, agent)
        console.type(b"4")
        console.until_shows(r"entry \d+ \(")
        for key in [b"\t"] + [b" "] * 8 + [b"g"] + [b"j"] * 8 + [b"\r"] + [b" "] * 8:
            if console.shows(f"subject: {id}"):
                return
            console.type(key)
            console.settled()
        pytest.fail(f"the end of the entry is nowhere to be seen\n{console.text()}")


def test_a_rejection_reaches_the_agent_with_its_reason(world, agent):
    with Console(world) as console:
        console.ready()
        id, answer = hold(world, agent)
        console.select(id).type(b"x")
        console.until_shows(rf"REJECT {tail(id)} of alpha")
        console.press("too large for today", gap=0.01)
        console.until_shows("> too large for today_")
        console.type(b"\r")
        console.until_shows(rf"^>~{tail(id)}.*rejected")
    result = agent.await_outcome(id)
    assert "too large for today" in text_of(result)
    assert world.until_state(id, "rejected")
    assert world.received_orders() == []


def test_escape_leaves_the_rejection(world, agent):
    with Console(world) as console:
        console.ready()
        id, _ = hold(world, agent)
        console.select(id).type(b"x")
        console.until_shows("REJECT")
        console.press("no", gap=0.02)
        console.type(b"\x1b")
        console.until_gone("REJECT")
        nothing_happened(world, id)


def test_an_approval_is_recalled(world, agent):
    with Console(world) as console:
        console.ready()
        id, _ = hold(world, agent)
        console.approve(id)
        console.until_shows(rf"^> {tail(id)}.*held 0:0\d")
        console.type(b"u")
        console.until_shows(rf"^> {tail(id)}.*(NOTE|WARN|ok)")
        assert world.until_state(id, "pending")
        # Longer than the hold would have lasted.
        time.sleep(4)
        nothing_happened(world, id)


@pytest.mark.parametrize("cols,rows", SEEN_SIZES)
def test_while_it_is_held_the_screen_says_how_to_recall(world, agent, cols, rows):
    """The batch has been scrolled to its end by then: the words must not have scrolled away."""
    with Console(world, cols, rows) as console:
        console.ready()
        id, _ = hold(world, agent, near_market(world, count=4))
        console.approve(id)
        console.until_shows(rf"^> {tail(id)}.*held 0:0\d")
        console.until_shows(r"u recalls|u: recall|u to recall")


def test_a_high_batch_wants_findings_accepted_and_the_largest_leg_typed(world, agent):
    ask = world.quote("BTCUSDT")[1]
    with Console(world) as console:
        console.ready()
        id, _ = hold(world, agent, batch(leg("BTCUSDT", "Buy", "2.500", ask)))
        code = open_panel(console, id)
        console.until_open()
        # The digits alone are wrong at this point.
        console.press(code)
        console.until_shows("DISARMED")
        nothing_happened(world, id)
        time.sleep(1.2)
        console.approve(id)
        world.until_state(id, "acknowledged")
    assert [one["qty"] for one in world.received_orders()] == ["2.500"]


def test_a_freeze_stops_approvals_and_a_thaw_is_asked_for(world, agent):
    with Console(world) as console:
        console.ready()
        id, _ = hold(world, agent)
        console.select(id).read_to_the_end()
        console.type(b"!")
        console.until_shows("FROZEN by ops")
        until(lambda: world.status()["frozen"], "the gateway is frozen")
        console.type(b"a")
        console.until_shows("a: not possible - frozen by ops")
        console.type(b"!")
        console.until_shows("type thaw and Enter")
        console.press("thaw", gap=0.02)
        console.type(b"\r")
        console.until_gone("FROZEN")
        assert not world.status().get("frozen")
        console.approve(id)
        world.until_state(id, "acknowledged")


def test_a_freeze_while_the_approval_is_held_stops_it(world, agent):
    with Console(world) as console:
        console.ready()
        id, _ = hold(world, agent)
        console.approve(id)
        console.until_shows(rf"^> {tail(id)}.*held 0:0\d")
        console.type(b"!")
        console.until_shows("FROZEN by ops")
        time.sleep(4)
        assert world.received_orders() == []
        assert world.show(id)["summary"]["state"] in ("blocked", "pending")


def test_a_console_that_dies_while_it_holds_sends_nothing(world, agent):
    """The signature is recalled when the console that gave it vanishes."""
    with Console(world) as console:
        console.ready()
        id, _ = hold(world, agent)
        console.approve(id)
        console.until_shows(rf"^> {tail(id)}.*held 0:0\d")
        console.kill()
        console.wait()
    world.until_state(id, "pending")
    time.sleep(4)
    nothing_happened(world, id)


# 2. Keys that must not approve

def test_every_code_typed_ahead_approves_nothing(world, agent):
    with Console(world) as console:
        console.ready()
        id, _ = hold(world, agent)
        open_panel(console, id)
        console.type(b"\x1b")
        console.until_gone(CODE)
        for number in range(100):
            console.type(f"a{number:02}".encode())
            console.until_shows(CODE)
            assert console.shows(r"two digits: \d\d  _"), console.text()
            console.type(b"\x1b")
            console.until_gone(CODE)
        nothing_happened(world, id)


def test_all_codes_in_one_write_approve_nothing(world, agent):
    with Console(world) as console:
        console.ready()
        id, _ = hold(world, agent)
        console.select(id).read_to_the_end().until_armable()
        console.type(b"a" + b"".join(b"%02d" % n for n in range(100)))
        console.settled()
        nothing_happened(world, id)


def test_the_right_code_before_keys_are_open_counts_for_nothing(world, agent):
    with Console(world) as console:
        console.ready()
        id, _ = hold(world, agent)
        code = open_panel(console, id)
        for _ in range(20):
            console.press(code, gap=0.07)
        # Each key asked for quiet again: it is still not open, however long it took.
        assert console.shows("keys open in")
        console.until_open()
        assert console.shows(rf"two digits: {code}  _")
        nothing_happened(world, id)


def test_the_panel_never_says_too_early_that_keys_are_open(world, agent):
    """Whoever reads fast must not be told to type what will be dropped."""
    with Console(world) as console:
        console.ready()
        id, _ = hold(world, agent)
        open_panel(console, id)
        raw = bytes(console.raw)
        # The terminal gets only what differs from "keys open when…", so that the rest is in pieces.
        assert b"keys open" in raw
        assert b"keys are open" not in raw


def test_a_bracketed_paste_of_the_right_code_disarms(world, agent):
    with Console(world) as console:
        console.ready()
        id, _ = hold(world, agent)
        code = open_panel(console, id)
        console.until_open()
        console.type(b"\x1b[200~" + code.encode() + b"\x1b[201~")
        console.until_shows("DISARMED: something was pasted")
        nothing_happened(world, id)


@pytest.mark.parametrize("more", [b"\r", b"\n1234567890\n", b"0" * 4000])
def test_a_raw_burst_that_begins_with_the_right_code_approves_nothing(world, agent, more):
    """A paste in a terminal without paste brackets is one read of many keys, not typing."""
    with Console(world) as console:
        console.ready()
        id, _ = hold(world, agent)
        code = open_panel(console, id)
        while code[0] == code[1]:
            # The second of two equal keys counts as auto-repeat: nothing would be signed anyway.
            console.type(b"\x1b")
            console.until_gone(CODE)
            console.type(b"a")
            code = console.until_shows(CODE)[1]
        console.until_open()
        console.type(code.encode() + more)
        console.until_gone(CODE)
        nothing_happened(world, id)


def test_a_key_that_is_held_down_approves_nothing(world, agent):
    """With a code of two equal digits auto-repeat would be enough."""
    with Console(world) as console:
        console.ready()
        id, _ = hold(world, agent)
        code = open_panel(console, id)
        for _ in range(200):
            if code[0] == code[1]:
                break
            console.type(b"\x1b")
            console.until_gone(CODE)
            console.type(b"a")
            code = console.until_shows(CODE)[1]
        assert code[0] == code[1]
        console.until_shows("keys open in")
        console.until_open()
        for _ in range(60):
            console.type(code[0].encode())
            time.sleep(0.033)
        nothing_happened(world, id)
        assert console.shows(rf"two digits: {code}  \*_"), console.text()


@pytest.mark.parametrize("keys", [
    b"A", b"y", b"Y", b"\r", b"\n", b" ", b"\x1b[M !!", b"\x1b[<0;5;5M\x1b[<0;5;5m", b"\x1b[I",
    b"\x1b[O", b"\x1bOP", b"\x1b[24~"])
def test_no_other_key_approves(world, agent, keys):
    with Console(world) as console:
        console.ready()
        id, _ = hold(world, agent)
        console.select(id).read_to_the_end().until_armable()
        console.type(keys)
        console.settled()
        console.type(b"1")
        console.settled()
        open_panel(console, id)
        console.until_open()
        console.type(keys)
        console.settled()
        nothing_happened(world, id)


@pytest.mark.parametrize("what,words", [
    (b"\x1b[O", "the terminal lost the focus"), (b"\x1b[<0;9;9M", "no key"), (None, "was resized")])
def test_what_happens_to_the_terminal_disarms(world, agent, what, words):
    with Console(world) as console:
        console.ready()
        id, _ = hold(world, agent)
        open_panel(console, id)
        console.until_open()
        if what:
            console.type(what)
        else:
            console.resize(100, 30)
        console.until_shows(f"DISARMED: .*{words}")
        nothing_happened(world, id)


def test_random_keys_approve_nothing(world, agent):
    """A cat on the keyboard: everything but u, and all of it is well within the guard times."""
    generator = random.Random(4)
    keys = [b"a", b"\r", b" ", b"j", b"k", b"1", b"2", b"3", b"4", b"\t", b"\x1b", b"?", b"7", b"0", b"g"]
    with Console(world) as console:
        console.ready()
        id, _ = hold(world, agent)
        console.select(id).read_to_the_end().until_armable()
        for _ in range(300):
            console.type(b"".join(generator.choices(keys, k=generator.randint(1, 12))))
        console.settled()
        nothing_happened(world, id)


def test_what_is_typed_on_after_a_wrong_key_does_nothing(world, agent):
    """Whoever mistypes the phrase types on for a moment: that must not move, open or reject."""
    with Console(world) as console:
        console.ready()
        wanted, _ = hold(world, agent, batch(leg("DOGEUSDT", "Buy", "900000", doge_ask(world))))
        other, _ = hold(world, agent)
        open_panel(console, wanted)
        console.until_open()
        console.accept_findings()
        assert console.phrase() == "Buy DOGEUSDT 900000"
        console.press("Buy dOGEUSDT x2", gap=0.03)
        console.settled()
        assert console.is_selected(wanted), "G moved the cursor to the last row"
        assert not console.shows("REJECT"), "x opened the rejection"
        assert console.shows("DISARMED"), "another notice took its place"
        nothing_happened(world, wanted, other)


def test_the_phrase_names_the_largest_leg(world, agent):
    """A small market leg must not draw the attention away from what the money is in: both are typed."""
    with Console(world) as console:
        console.ready()
        id, _ = hold(world, agent, batch(
            leg("BTCUSDT", "Buy", "2.500", world.quote("BTCUSDT")[1]), leg("ETHUSDT", "Sell", "0.01")))
        open_panel(console, id)
        console.until_open()
        console.accept_findings()
        assert console.phrase() == "Buy BTCUSDT 2.500 Sell ETHUSDT 0.01"


def test_a_finding_that_is_to_be_accepted_is_whole_in_the_panel(world, agent):
    """One accepts a sentence that one can read: its numbers are at its end."""
    with Console(world) as console:
        console.ready()
        id, _ = hold(world, agent, batch(
            leg("BTCUSDT", "Buy", "2.500", world.quote("BTCUSDT")[1]), leg("ETHUSDT", "Sell", "20.00")))
        open_panel(console, id)
        console.until_open()
        seen = []
        console.accept_findings(lambda rows: seen.append(re.sub(r"[\s│]", "", "".join(rows))))
        wanted = {}
        for one in world.show(id)["summary"]["findings"]:
            if one["needs_acceptance"]:
                # Prices move its numbers; its last words are what must be there.
                wanted.setdefault(one["rule"], []).append(re.sub(r"\s", "", one["words"])[-12:])
        assert len(seen) == len(wanted) > 0
        for rule, words in wanted.items():
            assert any(one in panel for one in words for panel in seen), rule


# 3. Arrivals

def test_what_arrives_while_the_panel_is_open_is_not_what_is_approved(world, agent):
    with Console(world) as console:
        console.ready()
        first, _ = hold(world, agent)
        open_panel(console, first)
        second, _ = hold(world, agent, batch(leg("BTCUSDT", "Buy", "3.000", world.quote("BTCUSDT")[1])))
        console.until_shows(r"\[2!\]")
        assert console.shows(f"{first} rev"), "the panel still speaks of what was selected"
        console.until_open()
        console.press(console.shows(CODE)[1])
        console.until_gone(CODE)
        world.until_state(first, "acknowledged")
        assert [one["id"] for one in world.pending()] == [second]
        assert console.is_selected(first)
    assert [one["qty"] for one in world.received_orders()] == ["0.010"]


def test_what_arrives_as_a_is_pressed_is_not_what_is_approved(world, agent):
    with Console(world) as console:
        console.ready()
        first, _ = hold(world, agent)
        open_panel(console, first)
        for turn in range(6):
            console.type(b"\x1b")
            console.until_gone(CODE)
            count = len(world.batches())
            agent.start("wsBatchCreateOrders", batch(
                leg("BTCUSDT", "Buy", "2.5" + f"{turn:02}", world.quote("BTCUSDT")[1])))
            time.sleep(turn * 0.004)
            console.type(b"a")
            console.until_shows(CODE)
            until(lambda: len(world.batches()) > count, "the other one is held")
            assert console.shows(f"{first} rev")
        console.until_shows("keys open in")
        console.until_open()
        console.press(console.shows(CODE)[1])
        world.until_state(first, "acknowledged")
    assert [one["qty"] for one in world.received_orders()] == ["0.010"]
    assert len(world.pending()) == 6


def test_an_arrival_moves_neither_the_selection_nor_its_row(world, agent):
    with Console(world) as console:
        console.ready()
        ids = [hold(world, agent, near_market(world, quantity=f"0.01{n}"))[0] for n in range(3)]
        console.select(ids[1])
        row = selected_row(console)
        for n in range(3):
            other, _ = hold(
                world, agent, batch(leg("BTCUSDT", "Buy", f"2.50{n}", world.quote("BTCUSDT")[1])))
            console.until_shows(rf"\[{4 + n}!\]")
            assert console.is_selected(ids[1])
        assert selected_row(console) == row


def test_a_row_that_leaves_stays_until_the_cursor_leaves(world, agent):
    with Console(world) as console:
        console.ready()
        first, _ = hold(world, agent)
        second, _ = hold(world, agent, near_market(world, quantity="0.012"))
        console.select(first)
        world.reject(first, "from elsewhere")
        console.until_shows(rf"^>~{tail(first)}.*rejected")
        console.type(b"a")
        console.until_shows("a: not possible - it is rejected")
        nothing_happened(world, second)


def test_a_batch_that_is_rejected_elsewhere_closes_the_panel(world, agent):
    with Console(world) as console:
        console.ready()
        id, _ = hold(world, agent)
        open_panel(console, id)
        world.reject(id, "from elsewhere")
        console.until_shows("DISARMED: it is rejected")
        assert world.received_orders() == []


def selected_row(console):
    rows = console.frame()
    return next(number for number, row in enumerate(rows) if row.startswith(">"))
