"""A second judge of policies, written from docs/policy.md alone: slow, plain, and nobody's copy.

`Judge(policy, catalogue).verdict(call)` gives, call after call, what `policy explain --json --counting`
should: decision, rule, quorum, shadow rules, counter and wait. Documents are Python values in which
every number is a `Number`, so that its text is kept.
"""

import heapq
import ipaddress
import json
import re
from datetime import datetime, timedelta, timezone
from fractions import Fraction
from functools import lru_cache
from zoneinfo import ZoneInfo

YES, NO, UNKNOWN = "yes", "no", "unknown"


class Number:
    """A JSON number with the text that it is written with."""

    def __init__(self, text):
        self.text = str(text)

    def __repr__(self):
        return self.text


def text_of(value, sort=False):
    """JSON text of a document; `sort` gives the canonical one."""
    if isinstance(value, Number):
        return value.text
    if isinstance(value, dict):
        members = value.items()
        if sort:
            members = sorted(members, key=lambda one: one[0].encode("utf-16-be"))
        return "{" + ",".join(
            json.dumps(key, ensure_ascii=False) + ":" + text_of(one, sort)
            for key, one in members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(text_of(one, sort) for one in value) + "]"
    return json.dumps(value, ensure_ascii=False)


# Truth

def negated(truth):
    return {YES: NO, NO: YES, UNKNOWN: UNKNOWN}[truth]


def any_of(truths):
    truths = list(truths)
    return YES if YES in truths else UNKNOWN if UNKNOWN in truths else NO


def all_of(truths):
    return negated(any_of(negated(one) for one in truths))


# Values

class Absent:
    """A value that is not there."""


ABSENT = Absent()
PLAIN = re.compile(r"-?[0-9]+(\.[0-9]+)?\Z")


def exact(value):
    """The number that a value is, or None."""
    if isinstance(value, Number):
        number = Fraction(value.text)
    elif isinstance(value, str) and PLAIN.match(value):
        number = Fraction(value)
    else:
        return None
    return number if fits(number) else None


def fits(number):
    """Whether it has at most 38 digits, 36 of them after the point."""
    scaled = number * 10 ** 36
    if scaled.denominator != 1:
        return False
    places = next(n for n in range(37) if (number * 10 ** n).denominator == 1)
    return abs(number * 10 ** places) < 10 ** 38


def equal(operand, value):
    if isinstance(operand, Number):
        number = exact(value)
        return UNKNOWN if number is None else YES if number == exact(operand) else NO
    if type(value) is not type(operand):
        return UNKNOWN
    return YES if value == operand else NO


STEP = re.compile(r"([^.\[\]]+)|\[(\*|[0-9]+)\]|\.")


@lru_cache(None)
def steps_of(path):
    return [int(index) if index and index != "*" else (name or index)
            if not index else ... for name, index in STEP.findall(path) if name or index]


def under(value, steps, empty_is_absent=True):
    """Every value under a path; ABSENT where there is none."""
    if not steps:
        return [ABSENT if value is None else value]
    step, rest = steps[0], steps[1:]
    if step is ...:
        if not isinstance(value, list):
            return under(ABSENT, rest, empty_is_absent)
        if not value and empty_is_absent:
            return under(ABSENT, rest, empty_is_absent)
        return [found for one in value for found in under(one, rest, empty_is_absent)]
    if isinstance(step, int):
        inside = isinstance(value, list) and step < len(value)
    else:
        inside = isinstance(value, dict) and step in value
    return under(value[step] if inside else ABSENT, rest, empty_is_absent)


FOLD = re.compile(r"(sum|count|min|max|distinct)\((.*)\)\Z")


def values_at(path, call):
    fold = FOLD.match(path)
    if not fold:
        return under(call["world"], steps_of(path))
    return [folded(fold[1], parts_of(fold, call))]


def parts_of(fold, call):
    return under(call["world"], steps_of(fold[2]), empty_is_absent=False)


def folded(fold, found):
    if any(one is ABSENT for one in found):
        return ABSENT
    if fold == "count":
        return Number(len(found))
    if fold == "distinct":
        return Number(len({text_of(one, sort=True) for one in found}))
    numbers = [exact(one) for one in found]
    if None in numbers or (fold != "sum" and not numbers):
        return ABSENT
    result = {"sum": sum, "min": min, "max": max}[fold](numbers) if numbers else Fraction(0)
    return plain(result) if fits(result) else ABSENT


def plain(number):
    """The text of an exact number."""
    places = next(n for n in range(37) if (number * 10 ** n).denominator == 1)
    digits = str(abs(int(number * 10 ** places))).rjust(places + 1, "0")
    text = digits[:len(digits) - places] + ("." + digits[len(digits) - places:] if places else "")
    return Number(("-" if number < 0 else "") + text)


# Conditions

def address(text):
    if not isinstance(text, str) or "%" in text:
        return None
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def in_networks(value, ranges):
    found = address(value)
    if found is None:
        return UNKNOWN
    networks = [ipaddress.ip_network(one) for one in
                (ranges if isinstance(ranges, list) else [ranges])]
    return YES if any(found in one for one in networks if one.version == found.version) else NO


PYTHON_END = re.compile(r"(?<!\\)\$")


def matches(value, pattern):
    if not isinstance(value, str) or len(value.encode()) > 4096:
        return UNKNOWN
    return YES if re.search(PYTHON_END.sub(r"\\Z", pattern), value, re.ASCII) else NO


def contains(value, operand):
    if isinstance(value, list):
        return any_of(equal(operand, one) for one in value)
    if isinstance(value, str) and isinstance(operand, str):
        return YES if operand.encode() in value.encode() else NO
    return UNKNOWN


COMPARE = {"lt": lambda a, b: a < b, "lte": lambda a, b: a <= b,
           "gt": lambda a, b: a > b, "gte": lambda a, b: a >= b}


def compared(op, value, operand):
    if op == "exists":
        return YES if (value is not ABSENT) == operand else NO
    if value is ABSENT:
        return UNKNOWN
    if op in COMPARE:
        number = exact(value)
        if number is None:
            return UNKNOWN
        return YES if COMPARE[op](number, exact(operand)) else NO
    if op == "eq":
        return equal(operand, value)
    if op == "neq":
        return negated(equal(operand, value))
    if op == "in":
        return any_of(equal(one, value) for one in operand)
    if op == "not_in":
        return negated(any_of(equal(one, value) for one in operand))
    return {"contains": contains, "regex": matches, "cidr": in_networks}[op](value, operand)


DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


def moment(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def within(at, window):
    zone = window["zone"]
    if re.match(r"[+-]\d\d:\d\d\Z", zone):
        distance = timedelta(hours=int(zone[1:3]), minutes=int(zone[4:]))
        local = at + (distance if zone[0] == "+" else -distance)
    else:
        local = at.astimezone(ZoneInfo(zone))
    def minutes(text):
        return int(text[:2]) * 60 + int(text[3:])
    begin, end = minutes(window["from"]), minutes(window["to"])
    now = local.hour * 60 + local.minute
    day, days = local.weekday(), window.get("days", DAYS)
    if begin < end:
        inside = begin <= now < end
    else:
        inside = now >= begin or now < end
        day = day if now >= begin else (day - 1) % 7
    return YES if inside and DAYS[day] in days else NO


def holds(condition, call, quantifier):
    """`quantifier` is `any_of` or `all_of`; inside `not` it turns round."""
    if "any" in condition:
        return any_of(holds(one, call, quantifier) for one in condition["any"])
    if "all" in condition:
        return all_of(holds(one, call, quantifier) for one in condition["all"])
    if "not" in condition:
        other = all_of if quantifier is any_of else any_of
        return negated(holds(condition["not"], call, other))
    path, op, value = condition["path"], condition["op"], condition["value"]
    if op == "within":
        return within(moment(call["at"]), value)
    return quantifier(compared(op, one, value) for one in values_at(path, call))


def entry_holds(entry, call, quantifier=any_of):
    return all_of(holds(one, call, quantifier) for one in entry.get("conditions", []))


# Limits

LENGTHS = {"minute": 60_000, "hour": 3_600_000, "day": 86_400_000}
UNITS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
SCOPES = {"tool": {"tool"}, "category": {"category"}, "agent": {"agent"}, "grant": {"agent"},
          "session": {"agent", "session"}, "global": set()}
MOST = 10 ** 15


@lru_cache(None)
def length(window):
    """Milliseconds of a window as it is written: text, or a number of seconds."""
    if window in LENGTHS:
        return LENGTHS[window]
    count, unit = re.fullmatch(r"([0-9]+)([a-z]*)", window).groups()
    return int(count) * UNITS[unit or "s"]


def identity(limit):
    """Limits that agree in it share counts: counter, milliseconds of the window, scope."""
    scope = limit.get("scope", "agent")
    parts = set().union(*(SCOPES[one] for one in (scope if isinstance(scope, list) else [scope])))
    window = None if "concurrent" in limit else length(str(limit["window"]))
    return limit["counter"], window, tuple(sorted(parts))


def rate(limit):
    """The limit that a `rate_limit` is."""
    parts = ["tool", "agent"] + (["session"] if limit.get("scope") == "session" else [])
    return {"counter": "rate_limit", "window": limit["window"], "max": limit["max"], "scope": parts}


def amount(path, call):
    """What a call adds; None where that cannot be counted. No part of a sum makes room for another."""
    fold = FOLD.match(path)
    parts = parts_of(fold, call) if fold and fold[1] == "sum" else values_at(path, call)
    total = Fraction(0)
    for part in parts:
        number = None if part is ABSENT else exact(part)
        if number is None or number < 0 or number > MOST or (number * 10 ** 18).denominator != 1:
            return None
        total += number
        if total > MOST:
            return None
    return total


class Ticket:
    """A call that counts: it `waits`, is `gone` from a moment on, `unknown`, or `over`."""

    def __init__(self):
        self.state, self.gone_at = "waits", None
        self.claims = []

    def becomes(self, outcome, now):
        if outcome == "sent":
            self.state, self.gone_at = "gone", now
        elif outcome == "unknown":
            self.state = "unknown"
        else:
            self.state = "over"
            for claim in self.claims:
                claim.back = outcome == "not_sent" or outcome == "refused" and not claim.counts_calls


class Claim:
    """What a call adds to one count."""

    def __init__(self, ticket, adds, counts_calls, window):
        self.ticket, self.adds, self.counts_calls, self.window = ticket, adds, counts_calls, window
        self.back = False

    def end(self):
        """Until when it counts, as far as is known."""
        ticket = self.ticket
        if ticket.state in ("waits", "unknown") or ticket.state == "gone" and self.window is None:
            return float("inf")
        return 0 if self.back or self.window is None else ticket.gone_at + self.window


class Counts:
    """Every claim of every call, added up anew for each question."""

    def __init__(self):
        self.claims = {}

    def live(self, key, now):
        # A call that has left its window may still turn out to be of unknown outcome.
        kept = [one for one in self.claims.get(key, ()) if one.end() > now or one.ticket.state != "over"]
        self.claims[key] = kept
        return [one for one in kept if one.end() > now]

    def refusal(self, key, adds, most, now):
        """None where there is room; else the milliseconds until there is: `inf` where nobody can say,
        "never" where the call alone is too much."""
        if adds > most:
            return "never"
        live = self.live(key, now)
        rest = sum((one.adds for one in live), adds)
        if rest <= most:
            return None
        for one in sorted(live, key=Claim.end):
            rest -= one.adds
            if rest <= most:
                return one.end() - now
        return float("inf")

    def add(self, requests):
        ticket = Ticket()
        for key, adds, _, counts_calls in requests:
            claim = Claim(ticket, adds, counts_calls, key[1])
            ticket.claims.append(claim)
            self.claims.setdefault(key, []).append(claim)
        return ticket


# Policies

def glob(pattern, name):
    parts = [re.escape(one) for one in pattern.encode("utf-8").split(b"*")]
    return re.fullmatch(b".*".join(parts), name.encode("utf-8"), re.DOTALL) is not None


def listed(policy, tool, category):
    """The name under which the policy has rules for a tool, or None."""
    names = policy.get("tools", {})
    if tool in names and "*" not in tool:
        return tool
    found = [name for name in names if "*" in name and glob(name, tool)]
    literal = [len(name.replace("*", "").encode("utf-8")) for name in found]
    if found:
        return found[literal.index(max(literal))]
    return category if category in names else None


PUBLISHED = "Requires human approval."


def means_hold(entry):
    return not entry["conditions"] and entry.get("on_deny") == PUBLISHED


class Judge:
    """Judges calls one after another, as they come."""

    def __init__(self, policy, catalogue):
        self.policy = policy
        self.catalogue = catalogue["tools"] if "catalogue" in policy else {}
        self.counts = Counts()
        self.due = []
        self.judged = 0

    def verdict(self, call):
        now = (moment(call["at"]) - datetime(1970, 1, 1, tzinfo=timezone.utc)) // timedelta(milliseconds=1)
        while self.due and self.due[0][0] <= now:
            at, _, _, outcome, ticket = heapq.heappop(self.due)
            ticket.becomes(outcome, at)
        found, requests = self.decision(call, now)
        if found["decision"] == "deny":
            return found
        self.judged += 1
        ticket = self.counts.add(requests)
        after = 0
        for place, step in enumerate(call.get("then", [{"became": "sent"}, {"became": "answered"}])):
            after = length(step["after"]) if "after" in step else after
            if "then" in call:
                heapq.heappush(self.due, (now + after, self.judged, place, step["became"], ticket))
            else:
                ticket.becomes(step["became"], now)
        return found

    def decision(self, call, now):
        """The verdict, and what the call adds to which counts where it is not denied."""
        policy, tool = self.policy, call["tool"]
        known = self.catalogue.get(tool)
        category = "@" + known["category"] if known else None
        for index, name in enumerate(policy.get("hide", [])):
            if name in (tool, category) or "*" in name and glob(name, tool):
                return verdict("deny", f"/hide/{index}"), []
        name = listed(policy, tool, category)
        if name is None and policy["default"] == "deny":
            return verdict("deny", "/default"), []
        facts = {"name": tool, **{key: known[key] for key in ("group", "category", "severity") if known}}
        call = {**call, "world": {
            **call.get("facts", {}), "args": call["arguments"], "tool": facts,
            "agent": {"name": call.get("agent", "agent")}}}
        rules = policy["tools"][name] if name is not None else {}
        place = "/tools/" + (name or "").replace("~", "~0").replace("/", "~1") + "/"
        shadowed = shadows(rules, call, place)
        denied = denial(rules, call, place, shadowed)
        if denied:
            return denied, []
        counted = [(f"/all_tools/limits/{index}", one)
                   for index, one in enumerate(policy.get("all_tools", {}).get("limits", []))]
        if "rate_limit" in rules:
            counted.append((place + "rate_limit", rate(rules["rate_limit"])))
        counted += [(f"{place}limits/{index}", one) for index, one in enumerate(rules.get("limits", []))]
        kind = known["category"] if known else name or ""
        denied, requests = self.over(counted, call, kind, shadowed, now)
        if denied:
            return denied, []
        if name is None:
            return verdict("allow", "/default", shadowed), requests
        return passing(rules, call, place, shadowed), requests

    def over(self, counted, call, kind, shadowed, now):
        """The denial by limits, or what they count."""
        requests = []
        for pointer, limit in counted:
            counter, window, scope = identity(limit)
            adds = amount(limit["increment_from"], call) if "increment_from" in limit else Fraction(1)
            if adds is None:
                return {**verdict("deny", pointer, shadowed), "counter": counter}, []
            parts = {"tool": call["tool"], "category": kind, "agent": call.get("agent", "agent"),
                     "session": call.get("facts", {}).get("session", {}).get("id", "")}
            key = (counter, window, scope, tuple(parts[one] for one in scope))
            most = Fraction(str(limit.get("max", limit.get("concurrent"))))
            requests.append((key, adds, most, "increment_from" not in limit))
        waits = [self.counts.refusal(*one[:3], now) for one in requests]
        full = [index for index, wait in enumerate(waits) if wait is not None]
        if not full:
            return None, requests
        alone = [index for index in full if waits[index] == "never"]
        pointer, limit = counted[(alone or full)[0]]
        denied = {**verdict("deny", pointer, shadowed), "counter": limit["counter"]}
        if not alone and max(waits[index] for index in full) < float("inf"):
            denied["retryAfterMs"] = max(waits[index] for index in full)
        return denied, []


def denial(rules, call, place, shadowed):
    if rules.get("action") == "deny":
        return verdict("deny", place + "action", shadowed)
    for index, entry in enumerate(rules.get("deny_if", [])):
        if not entry.get("shadow") and not means_hold(entry) and entry_holds(entry, call) != NO:
            return verdict("deny", f"{place}deny_if/{index}", shadowed)
    for index, entry in enumerate(rules.get("require", [])):
        if not entry.get("shadow") and entry_holds(entry, call, all_of) != YES:
            return verdict("deny", f"{place}require/{index}", shadowed)
    return None


def passing(rules, call, place, shadowed):
    """The verdict on a call that nothing denies."""
    quorum = signatures(rules.get("approval", []), call)
    for index, entry in enumerate(rules.get("deny_if", [])):
        if means_hold(entry) and not entry.get("shadow"):
            return verdict("hold", f"{place}deny_if/{index}", shadowed, quorum)
    for index, entry in enumerate(rules.get("hold_if", [])):
        if not entry.get("shadow") and entry_holds(entry, call) != NO:
            return verdict("hold", f"{place}hold_if/{index}", shadowed, quorum)
    return verdict(rules.get("action", "allow"), place + "action", shadowed, quorum)


def verdict(decision, rule, shadowed=(), quorum=None):
    found = {"decision": decision, "rule": rule, "shadowed": list(shadowed)}
    return {**found, "quorum": quorum} if decision == "hold" else found


def shadows(rules, call, place):
    """What rules that are only tried would have done."""
    found = []
    for kind in ("deny_if", "require", "hold_if"):
        for index, entry in enumerate(rules.get(kind, [])):
            if not entry.get("shadow"):
                continue
            if kind == "deny_if" and means_hold(entry):
                would = "hold"
            elif kind == "require":
                would = "deny" if entry_holds(entry, call, all_of) != YES else None
            else:
                would = kind.split("_")[0] if entry_holds(entry, call) != NO else None
            if would:
                found.append({"rule": f"{place}{kind}/{index}", "decision": would})
    return found


def signatures(approval, call):
    """How many sign: of the first entry that holds, and no fewer than doubtful ones before it."""
    if isinstance(approval, dict):
        approval = [approval]
    doubtful, quorum = [], 1
    for entry in approval:
        truth = entry_holds(entry, call)
        if truth == UNKNOWN:
            doubtful.append(int(entry.get("quorum", Number(1)).text))
        if truth == YES:
            quorum = int(entry.get("quorum", Number(1)).text)
            break
    return max([quorum, *doubtful])
