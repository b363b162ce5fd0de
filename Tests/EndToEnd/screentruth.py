"""Reads a batch back from the console's screen and compares it with what is sent.

It knows how the page looks and nothing of how it is made.
"""

import decimal
import re

SIDES = {"BUY": "Buy", "SELL": "Sell"}
# Coins that a symbol can end with, the longer first.
QUOTES = ("USDT", "USDC", "USDE", "USD", "EUR", "BTC", "ETH")
# What the page says of a leg beside its fields.
REMARKS = {"closes the whole position", "conditional"}


class Unreadable(AssertionError):
    """The screen shows something that no operator could read as an order."""


def pane(rows, title):
    """The rows of the pane whose title begins with `title`, without the title; nothing else."""
    for top, row in enumerate(rows):
        if found := re.search(rf"[─-] {title}", row):
            break
    else:
        raise Unreadable(f"no pane {title!r} on the screen:\n" + "\n".join(rows))
    left = found.start()
    edge = re.search(r"[│|]", row[left:])
    right = left + edge.start() if edge else len(row)
    inside = []
    # The last two rows of the screen belong to the notice and the keys.
    for row in rows[top + 1:-2]:
        if row[left] in "─-" and row[left + 1] in " ─-":
            break
        inside.append(row[left:right].rstrip())
    return rows[top][left:right], inside


class Pages:
    """Collects a pane that is scrolled through into all of its rows."""

    def __init__(self, title):
        self.title, self.frames = title, []

    def __call__(self, rows):
        head, inside = pane(rows, self.title)
        above = re.search(r" (\d+) above", head)
        self.frames.append((int(above[1]) if above else 0, inside))

    @property
    def rows(self):
        # Counted from the top: below the legs findings may take more rows or fewer as their numbers change.
        whole = [None] * max(above + len(inside) for above, inside in self.frames)
        for above, inside in self.frames:
            for number, row in enumerate(inside, above):
                # Pages overlap; what is of a leg must read the same on both.
                if whole[number] not in (None, row) and re.match(r" {4}\S| +\d", row):
                    raise Unreadable(f"{self.title} changed while it was read")
                whole[number] = row
        if None in whole:
            raise Unreadable(f"rows of {self.title} were never shown")
        return whole


def legs(rows):
    """The legs of a batch as the rows show them, with every field as text."""
    found, category = [], None
    for row in rows:
        if named := re.search(r"\((linear|inverse|spot|option)\)$|^ category (\w+)$", row):
            category = named[1] or named[2]
        if re.match(r" {1,2}\d+ +(BUY|SELL) ", row):
            found.append([row.strip()])
        elif found and re.match(r" {4}\S", row) and not found[-1][0].startswith("!"):
            found[-1].append(row.strip())
        elif found and row.strip():
            # What follows the legs is indented as well: nothing more belongs to one.
            break
    return [_leg(parts, n, category) for n, parts in enumerate(found, 1)]


def coins(symbol, category):
    """What an order of the symbol counts in, and what it is worth in."""
    if category == "option":
        parts = symbol.split("-")
        return parts[0], parts[4] if len(parts) > 4 else "USDC"
    quote = next(one for one in QUOTES if symbol.endswith(one))
    return ("USD", "USD") if category == "inverse" else (symbol[:-len(quote)], quote)


def unit_of(leg):
    """What `qty` counts: of a spot order at market that buys, the coin that is paid."""
    base, quote = coins(leg["symbol"], leg["category"])
    is_quote = leg["category"] == "spot" and leg["orderType"] == "Market" and (
        leg.get("marketUnit", "quoteCoin" if leg["side"] == "Buy" else "baseCoin") == "quoteCoin")
    return quote if is_quote else base


def _leg(parts, expected, category):
    tokens = [token for part in parts for token in re.split(r" {2,}", part)]
    if len(tokens) < 7 or tokens[0] != str(expected):
        raise Unreadable(f"leg {expected} reads {tokens}")
    _, side, amount, symbol, kind, price, time = tokens[:7]
    quantity, _, unit = amount.partition(" ")
    leg = {
        "category": category, "side": SIDES[side], "qty": quantity, "symbol": symbol,
        "orderType": {"MARKET": "Market", "Limit": "Limit"}[kind]}
    if price != "at market":
        leg["price"] = price
    if time != "-":
        leg["timeInForce"] = time
    # Then worth and risk, in one row with the rest, and the other fields with their names.
    for token in _named(parts):
        key, _, value = token.partition(" ")
        leg[key] = value
    if unit != unit_of(leg):
        raise Unreadable(f"leg {expected} counts {symbol} in {unit!r}, not {unit_of(leg)!r}")
    return leg


def _named(parts):
    """Tokens `key value`; keys begin with a small letter and worths and severities do not."""
    tokens = [token for part in parts[1:] for token in re.split(r" {2,}", part)]
    return [
        token for token in tokens if token not in REMARKS and re.match(r"[a-z][A-Za-z]+ \S", token)]


def _inside_of_panel(rows):
    """The text between the borders of the approval panel."""
    for top, row in enumerate(rows):
        if found := re.search(r"[┌+][─-] approve [─-]+[┐+]", row):
            break
    else:
        raise Unreadable("no approval panel on the screen:\n" + "\n".join(rows))
    inside = []
    for row in rows[top + 1:]:
        if row[found.start()] in "└+":
            return inside
        inside.append(row[found.start() + 1:found.end() - 1].strip())
    raise Unreadable("the approval panel has no lower edge:\n" + "\n".join(rows))


def panel_legs(rows):
    """The legs of the approval panel, as far as it names fields; and whether it names them all."""
    inside, found = _inside_of_panel(rows), []
    for row in inside:
        if re.match(r"(BUY|SELL) ", row):
            side, amount, symbol, kind, price, *more = re.split(r" {2,}", row.replace("BUY ", "BUY  ", 1))
            leg = {"side": SIDES[side], "qty": amount.split(" ")[0], "symbol": symbol}
            leg["orderType"] = {"MARKET": "Market", "Limit": "Limit"}[kind]
            found.append(leg if price == "at market" else {**leg, "price": price})
    return found, not any("other" in row and "shown" in row for row in inside)


def text(value):
    return {True: "true", False: "false"}.get(value, str(value)) if isinstance(value, bool) \
        else str(value)


def sent_legs(arguments):
    """The legs of a tool's arguments, every field as the page would write it."""
    return [
        {"category": arguments["category"], **{key: text(value) for key, value in leg.items()}}
        for leg in arguments["request"]]


def differences(shown, sent, only=None):
    """Sentences on everything in which what was shown is not what is sent."""
    found = []
    if len(shown) != len(sent):
        found.append(f"{len(shown)} legs shown, {len(sent)} sent")
    for number, (one, other) in enumerate(zip(shown, sent), 1):
        for key in sorted(one.keys() | other.keys()):
            if (only is None or key in only) and one.get(key) != other.get(key):
                found.append(
                    f"leg {number} {key}: shown {one.get(key)!r}, sent {other.get(key)!r}")
    return found


def sums(rows):
    """Gross and net by currency, exact ones only, and net quantities by symbol and coin."""
    words = re.sub(r"\s+", " ", " ".join(rows))
    number = r"([+-]?\d[\d .]*)"
    found = {}
    for gross, currency, net in re.findall(rf" gross {number} ([A-Z]+) net {number} \2", words):
        found[currency] = (_number(gross), _number(net))
    quantities = rf"([A-Z0-9-]+) buy [\d .]+ (\w+) sell [\d .]+ \2 net {number} \2"
    for symbol, unit, net in re.findall(quantities, words):
        found[symbol, unit] = _number(net)
    return found


def _number(words):
    return decimal.Decimal(words.replace(" ", ""))


def true_sums(legs):
    """The same, from what is sent. Gross and net only where every leg has a price."""
    found = {}
    for leg in legs:
        sign = 1 if leg["side"] == "Buy" else -1
        place = (leg["symbol"], unit_of(leg))
        found.setdefault(place, decimal.Decimal(0))
        found[place] += sign * decimal.Decimal(leg["qty"])
    if all("price" in leg for leg in legs):
        worths = {}
        for leg in legs:
            worths.setdefault(coins(leg["symbol"], leg["category"])[1], []).append(_worth(leg))
        found |= {coin: (sum(map(abs, all)), sum(all)) for coin, all in worths.items()}
    return found


def _worth(leg):
    """Signed; an inverse contract is worth its quantity whatever the price is."""
    quantity = decimal.Decimal(leg["qty"]) * (1 if leg["side"] == "Buy" else -1)
    return quantity if leg["category"] == "inverse" else quantity * decimal.Decimal(leg["price"])
