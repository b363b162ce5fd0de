"""The real `countersign console` in a real terminal, driven as an operator drives it."""

import re
import time

from terminal import Terminal
from waiting import until

CODE = r"type the two digits: (\d\d)"
# The panel closed by itself: the market has moved.
CHANGED = r"DISARMED: the (findings|severity) changed"


def environment(world, **changes):
    """What the console's process gets; None takes a variable away."""
    merged = {
        **world.environment(), "TERM": "xterm-256color", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8",
        "TMPDIR": str(world.directory), "XDG_STATE_HOME": str(world.directory / "xdg-state"),
        **changes}
    return {name: value for name, value in merged.items() if value is not None}


def command(world, operator="ops"):
    return [
        world.program, "console", "--config", world.config_path, "--key", world.key_path(operator)]


def tail(id):
    """What the console shows of an id."""
    return id[-6:]


class Console(Terminal):
    def __init__(self, world, cols=80, rows=24, operator="ops", stdout=None, **changes):
        super().__init__(
            command(world, operator), cols, rows, environment(world, **changes), world.directory,
            stdout)

    def ready(self):
        """Waits until it is connected and sees the order stream. Gives itself."""
        self.until_shows(r"link ok.*feed live")
        return self

    # The list and the batch

    def select(self, id, checked=r"UNCHECKED 0\b"):
        """Moves the cursor to the batch: first row, then down. `checked`: and waits until the batch's
        first rows say that every check has its inputs; None for symbols that the exchange does not have,
        to which that never happens."""
        if self.is_selected(id) and self.shows(r" seen (\d+)/\1 ") and not self.shows(
                "UNCHK|UNCHECKED [1-9]"):
            return self
        self.until_shows(rf"^.[ >~]? ?{tail(id)} ")
        if not self.is_selected(id):
            self.type(b"g")
            self.settled()
        for _ in range(120):
            if self.is_selected(id):
                break
            before = self.selected()
            self.type(b"j")
            until(lambda: self.selected() != before, "the cursor moves")
        assert self.is_selected(id)
        # What would be sent is here, and the checks have their inputs.
        self.until_shows(rf"[─-] {tail(id)} rev.* seen \d+/\d+")
        if checked:
            self.to_the_top().until_shows(checked)
        return self

    def selected(self):
        """The tail of the id under the cursor, as the list shows it."""
        found = self.shows(r"^>[ ~]([0-9A-Z]{6}) ")
        return found and found[1]

    def is_selected(self, id):
        return self.selected() == tail(id)

    def read_to_the_end(self, see=lambda rows: None):
        """Scrolls through the batch; `see` gets every still frame on the way."""
        for _ in range(200):
            rows = self.frame()
            see(rows)
            found = re.search(r" \d+ more rows: Space", "\n".join(rows))
            if not found:
                return self
            self.type(b" ")
            self.until_gone(found[0])
        raise AssertionError(f"the batch has no end\n{self.text()}")

    def to_the_top(self):
        """The batch from its first row: its own screen, first row, and back."""
        self.type(b"2g1")
        self.settled()
        return self

    # The panel

    def arm(self, id):
        """Opens the panel for a batch that has been read, and gives its code."""
        self.until_armable()
        self.armed = id
        self.type(b"a")
        code = self.until_shows(CODE)[1]
        # The guard is under way, or over; a first picture that says otherwise has a test of its own.
        self.until_shows("keys (open in|are open)")
        assert self.shows(rf"{id} rev"), self.text()
        return code

    def until_armable(self):
        """The dwell time: what was scrolled through must also have been there for a glance. A finding
        that came or changed after it was scrolled past must be seen again: one reads once more."""
        seen = r" seen (\d+)/\1 "
        for _ in range(3):
            self.frame()
            if self.shows(seen):
                break
            self.to_the_top().read_to_the_end()
        self.until_shows(seen)
        legs = self.shows(r" (\d+) legs? ")
        time.sleep(0.5 + 0.06 * int(legs[1] if legs else 0))

    def until_open(self):
        """Until keys count. A market that moves may change what the checks say, which closes the
        panel: it is opened again then."""
        for _ in range(5):
            if self.until_shows(rf"keys are open|{CHANGED}")[1] is None:
                return
            # Escape says that nothing is typed on any more: else keys are dropped for a moment.
            self.type(b"\x1b")
            self.settled()
            self.arm(self.armed)
        raise AssertionError(f"the panel does not stay open\n{self.text()}")

    def is_armed(self):
        return self.shows(CODE) is not None

    def approve(self, id):
        """The whole way of the keys, from the list to the signature; once more where the market closes
        the panel on the way, as it may."""
        for _ in range(5):
            self.select(id).read_to_the_end()
            self.arm(id)
            self.until_open()
            if self.answer_panel():
                return self
            # Keys that came too late may have led anywhere.
            self.type(b"\x1b")
            self.settled()
            self.type(b"1")
            self.settled()
        raise AssertionError(f"the panel does not stay open\n{self.text()}")

    def answer_panel(self):
        """Findings, phrase and digits. False when the panel closed because what it shows changed."""
        if not self.accept_findings() or not self.type_phrase():
            return False
        code = self.shows(CODE)
        if code is None:
            assert self.shows(CHANGED), self.text()
            return False
        self.press(code[1])
        self.until_gone(CODE)
        return not self.shows(CHANGED)

    def accept_findings(self, see=lambda rows: None):
        """Accepts each finding by its number; `see` gets the panel before each. Whether it stays open."""
        while found := self.shows(r"> accept each by its number \((\d+) of (\d+)\)"):
            see(self.screen())
            if number := self.shows(r"(\d) \[ \]"):
                self.press(number[1])
                self.until_gone(re.escape(found[0]))
        return not self.shows(CHANGED)

    def type_phrase(self):
        """Types what is asked for; whether the panel stays open."""
        phrase = self.phrase()
        if phrase is None:
            return True
        self.press(phrase)
        return self.until_shows(rf"> type the two digits|{CHANGED}")[1] is None

    def phrase(self):
        """What the panel asks to be typed; None when it asks for digits alone."""
        rows = self.screen()
        for number, row in enumerate(rows):
            if found := re.search(r"> type exactly: (.*?) *[│|]", row):
                return found[1]
        return None
