"""Random policies and calls for the second judge: every construct of docs/policy.md, from one seed."""

import copy
from datetime import datetime, timedelta

from policy_oracle import PUBLISHED, Number, identity, length, text_of

TOOLS = ["getTickers", "getOrders", "wsCreate", "transferAll", "a/b", "t~x", "KAITO",
         "\u212aAITO", "caf\u00e9", "cafe\u0301", "*", "x*y"]
LISTED = ["getTickers", "get*", "*Tickers", "*Orders", "ws*", "wsCreate", "*", "tr*A*l", "transferAll",
          "a/b", "t~x", "a*b", "KAITO", "\u212aAITO", "caf\u00e9", "cafe\u0301", "caf*", "x*y"]
CATEGORIES = ["@Read", "@Write", "@Execute", "@Destructive", "@Financial"]
CATALOGUE = {"version": "1", "server": "s", "tools": {
    name: {"group": group, "category": category, "severity": severity, "reason": "Does it."}
    for name, group, category, severity in [
        ("getTickers", "market", "Read", "low"), ("getOrders", "trade", "Read", "low"),
        ("wsCreate", "trade", "Financial", "critical"), ("transferAll", "asset", "Financial", "critical"),
        ("a/b", "abc", "Write", "medium"), ("KAITO", "BTCUSDT", "Execute", "high"),
        ("caf\u00e9", "market", "Destructive", "high")]}}
OF_TOOL = ["tool.group", "tool.category", "tool.severity"]
TOLD = ["market", "trade", "Read", "Financial", "critical", "low"]
TEXTS = ["BTCUSDT", "ETHUSDT", "abc", "", "KAITO", "\u212aAITO", "caf\u00e9", "cafe\u0301", "5", "-0.50",
         "007", "1e2", "10.1.2.3", "192.0.2.1", "10.0.0.01", "2001:db8::1", "::ffff:10.1.2.3",
         "x y", "a\nb", "\U0001f600", "\ufb01", "B5T"]
NUMBERS = ["0", "-0", "5", "5.0", "5.00", "-0.5", "0.1", "0.3", "2", "1e2", "1.5E+1", "25e-1",
           "123456789012345678901234567890.5", "99999999999999999999999999999999999999",
           "1e400", "1e-40", "123456789012345678901234567890123456789012"]
OPERANDS = ["0", "5", "0.1", "0.3", "0.4", "2", "2.5", "100", "15", "-1",
            "123456789012345678901234567890.5"]
PATTERNS = ["^BTC", "USDT$", "[A-C]+", "a|b", r"\d{2,3}", "^$", "^.$", "(ab)*c", "x?y", "a.b", r"\w+ \w",
            r"^[^A-Z]*$", r"^\S+$", "K", "(?:BTC|ETH)USDT", "B5?T"]
NETWORKS = ["10.0.0.0/8", "192.0.2.1", "0.0.0.0/0", "2001:db8::/32", "::/0", "10.1.2.0/24"]
ZONES = ["UTC", "+05:30", "-03:00", "Europe/London", "Asia/Tokyo", "America/New_York"]
DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
MANY = ["args.list[*].q", "args.list[*].sym", "args.list[*].tags[*]", "args.list[*].gone", "args.none[*]",
        "args.nums[*]", "args.n[*]", "args.gone[*].x", "order.symbols[*]", "order.by_symbol[*].notional",
        "risk.fired[*]", "args.grid[*][*]", "args.grid[1][*]"]
ONE = ["args.n", "args.s", "args.b", "args.o.p", "args.list", "args.list[0].q", "args.list[7].q", "args.gone",
       "args.nul", "args.nums", "args.o", "args.nums[1]", "args.s.x", "args.ip", "agent.name", "client.name",
       "server.name", "tool.name", "session.id", "order.category", "order.legs", "order.symbols", "order.symbols[0]",
       "order.reduce_only", "order.notional.USDT", "order.net.BTC", "order.largest_leg.USDT",
       "risk.max_severity", "risk.fired", "risk.unchecked", "args.\u212a"]
OPS = ["eq", "neq", "in", "not_in", "lt", "lte", "gt", "gte", "contains", "exists", "regex", "cidr"]


def scalar(random):
    return random.choice([
        lambda: Number(random.choice(NUMBERS)), lambda: random.choice(TEXTS),
        lambda: random.random() < 0.5, lambda: None])()


def operand(random):
    kind = random.random()
    if kind < 0.45:
        return Number(random.choice(OPERANDS))
    return random.choice(TEXTS) if kind < 0.9 else random.random() < 0.5


def window(random):
    begin, end = random.sample(range(0, 24 * 60, 15), 2)
    found = {"from": f"{begin // 60:02}:{begin % 60:02}", "to": f"{end // 60:02}:{end % 60:02}",
             "zone": random.choice(ZONES)}
    if random.random() < 0.1:
        found["to"] = "24:00"
    if random.random() < 0.5:
        found["days"] = random.sample(DAYS, random.randint(1, 5))
    return found


def comparison(random):
    if random.random() < 0.06:
        return {"path": "time.now", "op": "within", "value": window(random)}
    if random.random() < 0.05:
        return {"path": random.choice(OF_TOOL), "op": random.choice(["in", "not_in"]),
                "value": random.sample(TOLD, random.randint(1, 3))}
    path = random.choice(MANY if random.random() < 0.5 else ONE)
    if path in MANY and random.random() < 0.3:
        path = f"{random.choice(['sum', 'count', 'min', 'max', 'distinct'])}({path})"
    op = random.choice(OPS)
    if op in ("lt", "lte", "gt", "gte"):
        value = Number(random.choice(OPERANDS))
    elif op in ("in", "not_in"):
        value = [operand(random) for _ in range(random.randint(1, 4))]
    elif op == "exists":
        value = random.random() < 0.5
    elif op == "regex":
        value = random.choice(PATTERNS)
    elif op == "cidr":
        value = random.choice(NETWORKS)
        if random.random() < 0.5:
            value = [value, random.choice(NETWORKS)]
    else:
        value = operand(random)
    return {"path": path, "op": op, "value": value}


def condition(random, depth=0):
    kind = random.random()
    if depth < 3 and kind < 0.1:
        return {"not": condition(random, depth + 1)}
    if depth < 3 and kind < 0.25:
        return {random.choice(["any", "all"]): [
            condition(random, depth + 1) for _ in range(random.randint(1, 3))]}
    return comparison(random)


def entry(random, words):
    found = {"conditions": [condition(random) for _ in range(random.choice([0, 1, 1, 1, 2, 3]))]}
    if random.random() < 0.3:
        found[words] = random.choice(["No.", PUBLISHED])
    if random.random() < 0.15:
        found["shadow"] = random.random() < 0.8
    return found


def rules(random, taken):
    found = {}
    if random.random() < 0.5:
        found["action"] = random.choice(["allow", "allow", "hold", "hold", "deny"])
    for kind, words, share in (("deny_if", "on_deny", 0.25), ("require", "on_deny", 0.12),
                               ("hold_if", "on_hold", 0.5)):
        if random.random() < share:
            found[kind] = [entry(random, words) for _ in range(random.randint(1, 3))]
    if random.random() < 0.3:
        found["approval"] = approval(random)
    if random.random() < 0.2:
        found["reason"] = "Because."
    if random.random() < 0.2:
        found["rate_limit"] = {"max": Number(random.randint(1, 12)),
                               "window": Number(random.choice([5, 60, 3600]))}
        if random.random() < 0.3:
            found["rate_limit"]["scope"] = random.choice(["agent", "session"])
    if random.random() < 0.6:
        found["limits"] = limits(random, random.randint(1, 4), taken)
    return found


AMOUNTS = [*["args.amount"] * 6, *["sum(args.parts[*].w)"] * 4, "args.parts[*].w", "sum(args.parts[*].w)", "count(args.list[*])",
           "args.list[*].q",
           "sum(args.nums[*])", "max(args.parts[*].w)", "distinct(args.parts[*].w)", "args.n",
           "order.notional.USDT", "order.legs", "order.by_symbol[*].notional", "order.net.BTC", "args.parts[1].w"]


def limit(random, amounts):
    found = {"counter": random.choice("abcd")}
    if random.random() < 0.5:
        found["increment_from"] = random.choice(amounts)
        most = random.choice(["0.3", "0.5", "1", "2.5", "7.5", "7.5", "10", "10", "25.25", "1000000000000000"])
        most = random.choice([Number(most), most])
    else:
        most = Number(random.choice([1, 2, 3, 5, 8, 13]))
    if random.random() < 0.05:
        most = Number(0)
    if random.random() < 0.2:
        found["concurrent"] = most
    else:
        found["window"] = random.choice(
            ["minute", "hour", "day", "1s", "90s", "60s", "2h", "10m", "1500ms", Number(20), Number(3600)])
        found["max"] = most
    if random.random() < 0.8:
        found["scope"] = random.choice(
            ["tool", "category", "agent", "session", "grant", "global", ["tool", "agent"],
             ["category", "grant"], ["session", "tool"], ["agent"]])
    return found


def limits(random, count, taken, amounts=AMOUNTS):
    """Limits of one list; none counts what another of it does, or one of `taken`."""
    found, seen = [], set(taken)
    for one in (limit(random, amounts) for _ in range(count)):
        if identity(one) not in seen:
            seen.add(identity(one))
            found.append(one)
    return found


def approval(random):
    if random.random() < 0.3:
        return {"quorum": Number(random.randint(1, 4))}
    return [{"conditions": [condition(random) for _ in range(random.randint(0, 2))],
             "quorum": Number(random.randint(1, 5))} for _ in range(random.randint(1, 4))]


def policy(random):
    found = {"version": "1", "default": random.choice(["allow", "deny"]), "catalogue": "catalogue.json"}
    if random.random() < 0.3:
        found["hide"] = random.sample(LISTED + CATEGORIES, random.randint(1, 2))
    # What is hidden hides rules: most documents should not be about that.
    found["hide"] = [one for one in found.get("hide", []) if one != "*" or random.random() < 0.05]
    names = random.sample(LISTED, random.randint(2, 9)) + random.sample(CATEGORIES, random.randint(0, 4))
    random.shuffle(names)
    taken = set()
    if random.random() < 0.4:
        # Most calls have these: others would deny nearly everything.
        every = limits(random, random.randint(1, 2), (), ["args.amount", "sum(args.parts[*].w)"])
        found["all_tools"] = {"limits": every}
        taken = {identity(one) for one in every}
    found["tools"] = {name: rules(random, taken) for name in names}
    return found


def arguments(random):
    found = {"n": Number(random.choice(NUMBERS)), "s": random.choice(TEXTS), "b": random.random() < 0.5,
             "o": {"p": scalar(random)}, "nul": None, "none": [],
             "ip": random.choice(TEXTS), "nums": [scalar(random) for _ in range(random.randint(0, 3))],
             "grid": [[scalar(random) for _ in range(random.randint(0, 2))]
                      for _ in range(random.randint(0, 2))],
             "list": [row(random) for _ in range(random.randint(0, 2))], "\u212a": Number("1"), "K": "x",
             "amount": added(random), "parts": [{"w": added(random)} for _ in range(random.randint(0, 2))]}
    # Parsing is most of what a call costs: the bulky ones are not in each.
    for name in ("grid", "list", "nums", "o"):
        if random.random() < 0.4:
            del found[name]
    for name in random.sample(sorted(found), random.choice([0, 0, 1, 3])):
        if random.random() < 0.5:
            del found[name]
        else:
            found[name] = scalar(random)
    return found


def added(random):
    """An amount, rarely an odd one."""
    if random.random() < 0.05:
        return random.choice(["x", "-0.5", Number("-1"), Number("1e300"), "0.0000000000000000001", None, True,
                              Number("999999999999999"), Number("1000000000000001"), "5."])
    return random.choice([Number("1"), "0.1", "0.25", Number("2.5"), "0", "3", Number("12e-1"), "0.30"])


def row(random):
    found = {"q": random.choice([Number(random.choice(NUMBERS)), random.choice(["0.1", "0.30", "2", "x"])]),
             "sym": random.choice(TEXTS), "tags": [scalar(random) for _ in range(random.randint(0, 2))]}
    if random.random() < 0.2:
        del found[random.choice(sorted(found))]
    return found


def facts(random):
    found = {}
    if random.random() < 0.7:
        found["order"] = {
            "category": "linear", "legs": Number(random.randint(1, 5)),
            "symbols": random.sample(["BTCUSDT", "ETHUSDT", "KAITO"], random.randint(1, 3)),
            "reduce_only": random.random() < 0.5, "notional": {"USDT": random.choice(["2.5", "100", "0.3"])},
            "net": {"BTC": "-1"}, "by_symbol": [
                {"symbol": "BTCUSDT", "notional": random.choice(["5", "0.1", "100"])},
                {"symbol": "ETHUSDT", "notional": "2"}][:random.randint(0, 2)]}
    if random.random() < 0.6:
        found["risk"] = {"max_severity": random.choice(["PASS", "HIGH", "BLOCK"]),
                         "fired": random.sample(["B08", "D01", "abc"], random.randint(0, 2)),
                         "unchecked": Number(random.randint(0, 5))}
    if random.random() < 0.5:
        found["client"] = {"name": random.choice(TEXTS)}
    if random.random() < 0.6:
        found["session"] = {"id": random.choice(["s1", "s2", "BTCUSDT"])}
    if random.random() < 0.5:
        found["server"] = {"name": "bybit"}
    return found


def call(random):
    return {"tool": random.choice(TOOLS), "agent": random.choice(["bot", "BTCUSDT"]),
            "arguments": arguments(random), "facts": facts(random)}


# Calls as they come

def pool(random, count):
    """Calls with their text, to be drawn for each policy: making them costs more than judging them."""
    return [(one, text_of(one)) for one in (call(random) for _ in range(count))]


def span(random, most):
    """Up to so many milliseconds, mostly whole seconds: so moments and ends of windows coincide."""
    found = random.randint(0, most)
    return found if random.random() < 0.2 else found // 1000 * 1000


def delay(random):
    return f"{span(random, random.choice([3000, 90_000, 1_800_000]))}ms"


ENDS = ["answered", "answered", "answered", "refused", "not_sent"]


def became(random):
    """What becomes of a call; None: sent and answered at once."""
    kind = random.random()
    if kind < 0.6:
        return None
    if kind < 0.602:
        return random.choice([[], [step("sent")], [step("sent"), step("unknown", "2s")]])
    sent = step("sent", delay(random)) if random.random() < 0.4 else step("sent")
    if kind < 0.66:
        return [step("not_sent", delay(random))]
    ends = [random.choice(ENDS)] if kind < 0.93 else ["unknown", random.choice(["answered", "refused"])]
    return in_order([sent, *(step(one, delay(random)) for one in ends)])


def step(outcome, after=None):
    return {"became": outcome} if after is None else {"after": after, "became": outcome}


def in_order(steps):
    """The same with the delays in their order."""
    delays = sorted((one["after"] for one in steps if "after" in one), key=length)
    return [{**one, "after": delays.pop(0)} if "after" in one else one for one in steps]


def stream(random, pool, count):
    """Calls as they come, each with its text: mostly close together, now and then a day apart."""
    at = datetime(2026, random.randint(1, 12), random.randint(1, 28), random.randint(0, 23))
    found = []
    for one, text in random.sample(pool, count):
        gap = random.random()
        at += timedelta(milliseconds=span(random, 1999 if gap < 0.6 else 30_000 if gap < 0.9 else
                                          900_000 if gap < 0.98 else 100_000_000))
        more = {"at": at.isoformat(timespec="milliseconds") + "Z"}
        then = became(random)
        if then is not None:
            more["then"] = then
        found.append(({**one, **more}, text[:-1] + "," + text_of(more)[1:]))
    return found


# Smaller and smaller

def smaller(document):
    """Copies of a document with one member or element left out, the large ones first."""
    places = []

    def walk(value, path):
        if isinstance(value, (dict, list)):
            for key in (list(value) if isinstance(value, dict) else range(len(value))):
                places.append([*path, key])
                walk(value[key], [*path, key])

    walk(document, [])
    for path in sorted(places, key=len):
        less = copy.deepcopy(document)
        inside = less
        for key in path[:-1]:
            inside = inside[key]
        del inside[path[-1]]
        yield less


def shrunk(policy, calls, still_differs, tries=600):
    """The smallest policy and calls found on which two judges still differ."""
    size = len(calls) // 2
    while size and tries > 0:
        # Whole stretches of calls first.
        for start in range(0, len(calls), size):
            tries -= 1
            if tries > 0 and still_differs(policy, less := calls[:start] + calls[start + size:]):
                calls = less
                break
        else:
            size //= 2
    best, progress = [policy, calls], True
    while progress and tries > 0:
        progress = False
        for less in smaller(best):
            tries -= 1
            if tries <= 0:
                break
            if len(less) == 2 and still_differs(*less):
                best, progress = less, True
                break
    return best
