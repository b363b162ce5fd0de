"""Accidents, from the agent's call to what the operator sees; and the `risk` commands."""

import json
import re
import subprocess

import pytest

from agents import Agent, batch, leg
from console import Console
from waiting import until
from world import World, program_path


class Desk:
    """A world with an agent, whose proposals are shown as the operator sees them."""

    def __init__(self, world):
        self.world = world
        self.known = set()

    def propose(self, *legs, category="linear"):
        Agent(self.world.agents_url, self.world.token).start(
            "wsBatchCreateOrders", batch(*legs, category=category))

        def fresh():
            for one in self.world.pending():
                if one["id"] not in self.known and complete(one):
                    return one
            return None

        seen = until(fresh, "a batch with its market and account")
        self.known.add(seen["id"])
        return seen

    def reject(self, seen):
        self.world.reject(seen["id"], "not by me")

    def on_screen(self, seen):
        """All that the console shows of the batch, from its first row to its last, without spaces."""
        frames = []
        with Console(self.world, 120, 40) as console:
            console.ready().select(seen["id"], checked=None)
            console.read_to_the_end(lambda rows: frames.append("".join(rows)))
        return re.sub(r"\s", "", "".join(frames))


def says(screen, severity, rule):
    return f"{severity}{rule}" in screen


def complete(batch):
    """Whether market and account were there when it was assessed."""
    return not any(one["severity"] == "unchecked" for one in batch["findings"])


def fired(batch, severity):
    return {one["rule"] for one in batch["findings"] if one["severity"] == severity}


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    with World(tmp_path_factory.mktemp("risk")) as world:
        yield Desk(world)


def price(desk, symbol):
    return float(desk.world.quote(symbol)[1])


def test_dollars_written_as_coins(desk):
    seen = desk.propose(leg("BTCUSDT", "Buy", "650", f"{price(desk, 'BTCUSDT'):.1f}"))
    # Beyond the cap by far; what it would do to the account follows.
    assert {"C01", "C04", "C05", "E06"} <= fired(seen, "high")
    shown = desk.world.cli("show", seen["id"]).stdout
    assert "HIGH C01 #1 Buy BTCUSDT" in shown
    assert says(desk.on_screen(seen), "HIGH", "C01")
    desk.reject(seen)


def test_a_basket_two_digits_too_large(desk):
    btc = price(desk, "BTCUSDT")
    seen = desk.propose(
        leg("BTCUSDT", "Buy", "1.500", f"{btc:.1f}"), leg("ETHUSDT", "Sell", "50.00"))
    assert {"C01", "C04"} <= fired(seen, "high")
    screen = desk.on_screen(seen)
    assert says(screen, "HIGH", "C01") and says(screen, "HIGH", "C04")
    desk.reject(seen)


def test_a_take_profit_under_the_minimum_is_not_refused(desk):
    doge = price(desk, "DOGEUSDT")
    closing = desk.propose(leg("DOGEUSDT", "Sell", "10", f"{doge * 1.005:.5f}", reduceOnly=True))
    assert "A03" in fired(closing, "note") and closing["severity"] != "block"
    screen = desk.on_screen(closing)
    assert says(screen, "NOTE", "A03") and "BLOCK" not in screen
    desk.reject(closing)
    opening = desk.propose(leg("DOGEUSDT", "Buy", "10", f"{doge:.5f}"))
    assert "A03" in fired(opening, "block")
    assert says(desk.on_screen(opening), "BLOCK", "A03")
    assert "cannot be approved" in desk.world.approve(opening["id"], check=False).stderr
    desk.reject(opening)


def test_ten_coins_that_become_ten_dollars(desk):
    # Coins, as the agent always buys them; then once without saying so, which means dollars.
    def buy(quantity, **unit):
        return desk.propose(
            leg("DOGEUSDT", "Buy", quantity, **unit), category="spot")

    for number in range(5):
        seen = buy(f"{100 + 5 * number}", marketUnit="baseCoin")
        note = next(one for one in seen["findings"] if one["rule"] == "A11")
        assert note["severity"] == "note" and "buys 1" in note["words"]
        desk.reject(seen)
    seen = buy("100")
    slip = next(one for one in seen["findings"] if one["rule"] == "A11")
    assert slip["severity"] == "high", slip
    assert "spends 100 USDT, about 5" in slip["words"] and "other unit" in slip["words"]
    shown = desk.world.cli("show", seen["id"]).stdout
    assert "HIGH A11 #1 Buy DOGEUSDT: spends 100 USDT" in shown
    assert says(desk.on_screen(seen), "HIGH", "A11")
    desk.reject(seen)


def test_a_loop_of_the_same_batch(desk):
    sol = price(desk, "SOLUSDT")
    for number in range(3):
        seen = desk.propose(leg("SOLUSDT", "Buy", "5.0", f"{sol - 1 - number / 100:.2f}"))
        desk.reject(seen)
    seen = desk.propose(leg("SOLUSDT", "Buy", "5.0", f"{sol - 1.03:.2f}"))
    loops = fired(seen, "high") & {"D02", "D03"}
    assert loops
    screen = desk.on_screen(seen)
    assert all(says(screen, "HIGH", rule) for rule in loops)
    desk.reject(seen)


def test_a_finding_carries_its_formula_numbers_limit_and_author(desk):
    seen = desk.propose(leg("BTCUSDT", "Buy", "1.000", f"{price(desk, 'BTCUSDT'):.1f}"))
    cap = next(one for one in seen["findings"] if one["rule"] == "C01")["evidence"]
    assert cap["limit"] == "50000 USDT" and cap["set_by"] == "proposal"
    assert cap["value"].endswith(" USDT") and cap["formula"] and cap["version"] == 1
    assert {one["name"] for one in cap["inputs"]} == {"quote"}
    detail = desk.world.show(seen["id"])
    told = detail["checks"] + seen["findings"]
    assert len({one["rule"] for one in told}) == 75
    assert seen["checks"]["passed"] > 20
    desk.reject(seen)


# The commands


def risk(*arguments):
    done = subprocess.run(
        [program_path(), "risk", *arguments], capture_output=True, text=True, timeout=30)
    return done.returncode, done.stdout, done.stderr


BATCH = {"category": "linear", "request": [leg("BTCUSDT", "Buy", "1", "60000.15")]}
MARKET = {"BTCUSDT": {
    "instrument": {
        "symbol": "BTCUSDT", "status": "Trading", "settleCoin": "USDT",
        "priceFilter": {"tickSize": "0.1"},
        "lotSizeFilter": {"qtyStep": "0.001", "minOrderQty": "0.001", "maxOrderQty": "100",
                          "maxMktOrderQty": "50", "minNotionalValue": "5"}},
    "ticker": {"markPrice": "60000", "lastPrice": "60000", "bid1Price": "59999.9",
               "ask1Price": "60000.1"}}}


@pytest.fixture
def files(tmp_path):
    def write(name, value):
        path = tmp_path / name
        path.write_text(value if isinstance(value, str) else json.dumps(value))
        return str(path)
    return write


def test_explain_says_formula_numbers_and_author(files):
    config = files("config.json", {
        "state": "s", "policy": "p", "upstreams": {"x": {"command": ["true"]}},
        "risk": {"limits": {"C01.order": {"cap": {"USDT": "100"}}}}})
    code, out, _ = risk(
        "explain", files("batch.json", BATCH), "--market", files("market.json", MARKET),
        "--config", config)
    assert code == 1
    assert "BLOCK A01 price step  #1\n" in out and "60000.1 is." in out
    assert "limit 100 USDT by administrator (all)" in out
    assert "UNCHECKED (no account key) D06" in out
    # An exact worth is over a cap also where no market is known; nothing else can be certain then.
    code, out, _ = risk("explain", "--json", files("batch.json", BATCH), "--config", config)
    blocks = {one["rule"] for one in json.loads(out)["findings"] if one["outcome"] == "block"}
    assert blocks == {"C01"} and code == 1


@pytest.mark.parametrize("value, words", [
    ("{", "line 1"), ({"category": "linear"}, "request"),
    ({"tool": "getTickers", "arguments": {}}, "creates no orders")])
def test_a_batch_that_is_none_ends_with_2(files, value, words):
    code, out, err = risk("explain", files("batch.json", value))
    assert (code, out) == (2, "") and words in err


def test_limits_say_who_set_them(files):
    config = {
        "state": "s", "policy": "p", "upstreams": {"x": {"command": ["true"]}},
        "risk": {"agents": {"bot": {"limits": {"E06.times": {"cap": 2}}}}}}
    path = files("config.json", config)
    code, out, _ = risk("limits", "--config", path, "--agent", "bot")
    assert code == 0
    assert any(
        line.startswith("E06.times over note 1, warn 1.6, block 2") and "agent bot" in line
        for line in out.splitlines())
    assert "C01.order USDT over note 25000, warn 40000, high 50000: worth of one order; proposal" in out
    config["risk"]["limits"] = {"B01": {"warn": 1}}
    code, _, err = risk("limits", "--config", files("config.json", config))
    assert code == 2 and "B01" in err and "risk limits" in err


def test_the_rules_are_listed():
    code, out, _ = risk("rules", "--json")
    assert code == 0 and len(json.loads(out)) == 75


def test_batches_of_one_symbol_share_what_is_fetched(tmp_path):
    """Three batches cost the exchange what one does: each thing is asked for once, and again only when
    it may have changed."""
    with World(tmp_path) as world:
        desk = Desk(world)
        for n in range(3):
            ask = price(desk, "SOLUSDT")
            desk.propose(leg("SOLUSDT", "Buy", f"1.{n}", f"{ask * 0.99:.3f}"))

        def asked(path, symbol="SOLUSDT"):
            """The moments at which the gateway's reading key or nobody asked for it, in seconds."""
            return [one["at"] / 1000 for one in world.exchange_log()
                    if one["kind"] == "request" and one.get("path") == path
                    and f"symbol={symbol}" in one.get("query", "")]

        rounds = until(lambda: len(found := asked("/v5/market/price-limit")) >= 5 and found,
                       "five rounds are over")
        # What a round reads of a symbol, it reads once: rounds are two seconds apart.
        assert all(later - earlier > 1 for earlier, later in zip(rounds, rounds[1:])), rounds
        for path, most in (("/v5/market/instruments-info", 1), ("/v5/market/risk-limit", 1),
                           ("/v5/account/fee-rate", 1), ("/v5/market/mark-price-kline", 2)):
            assert 1 <= len(asked(path)) <= most, (path, asked(path))
        # The stream tells prices and books once it is open; REST is asked before.
        for path in ("/v5/market/tickers", "/v5/market/orderbook"):
            assert len(asked(path)) <= 2 + 3 * (path == "/v5/market/tickers"), (path, asked(path))
        streams = [one for one in world.exchange_log()
                   if one["kind"] == "opened" and one["path"] == "/v5/public/linear"]
        assert len(streams) == 1, streams
