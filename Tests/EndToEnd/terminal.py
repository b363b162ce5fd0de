"""A program in a terminal of its own: a real pty, a session, and a screen that pyte draws.

The slave side stays open here, so that what the program left behind can be looked at after its end.
"""

import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import termios
import threading
import time
import unicodedata

import pyte

from waiting import until

# Private modes that a program may leave on, by the number that switches them.
MODES = {
    "1049": "alternate screen", "2004": "bracketed paste", "1004": "focus reports",
    "1000": "mouse", "1002": "mouse drags", "1003": "mouse moves", "1006": "mouse (SGR)",
}


class Screen(pyte.Screen):
    """pyte 0.8.2 throws on private forms of sequences that it knows only in their plain form, and
    does not know how to scroll a region."""

    def select_graphic_rendition(self, *attributes, private=False):
        if not private:
            super().select_graphic_rendition(*attributes)

    def report_device_status(self, mode, private=False, **_):
        pass

    def scroll_up(self, count=1):
        self._at_top(self.delete_lines, count)

    def scroll_down(self, count=1):
        self._at_top(self.insert_lines, count)

    def _at_top(self, move, count):
        x, y = self.cursor.x, self.cursor.y
        self.cursor.y = self.margins.top if self.margins else 0
        move(count or 1)
        self.cursor.x, self.cursor.y = x, y


class Stream(pyte.ByteStream):
    csi = {**pyte.ByteStream.csi, "S": "scroll_up", "T": "scroll_down"}
    events = pyte.ByteStream.events | {"scroll_up", "scroll_down"}


class Terminal:
    """Runs `command`. A context manager; leaving it ends the program if it still runs."""

    def __init__(self, command, cols=80, rows=24, env=None, cwd=None, stdout=None):
        self.cols, self.rows = cols, rows
        self.master, self.slave = os.openpty()
        self._set_size(cols, rows)
        self.before = termios.tcgetattr(self.slave)
        self.pyte = Screen(cols, rows)
        self.stream = Stream(self.pyte)
        self.raw = bytearray()
        self.is_hung_up = False
        self.read_at = time.monotonic()
        self.lock = threading.Lock()
        self.process = subprocess.Popen(
            [str(one) for one in command], stdin=self.slave, stdout=stdout or self.slave,
            stderr=self.slave, env=env, cwd=cwd, start_new_session=True,
            preexec_fn=self._take_terminal)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _take_terminal(self):
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if not self.is_hung_up:
            # The reader's read ends only when no slave is open any more.
            os.close(self.slave)
            self.reader.join(5)
            os.close(self.master)

    # The screen

    def _read(self):
        while not self.is_hung_up:
            if not select.select([self.master], [], [], 0.1)[0]:
                continue
            try:
                data = os.read(self.master, 65_536)
            except OSError:
                return
            if not data:
                return
            with self.lock:
                self.raw += data
                self.read_at = time.monotonic()
                self.stream.feed(data)

    def screen(self):
        """The rows as they stand now. A frame may be on its way: see `frame`."""
        with self.lock:
            return [self._row(y) for y in range(self.rows)]

    def _row(self, y):
        # The second half of a wide character is an empty cell.
        cells = (self.pyte.buffer[y][x].data for x in range(self.cols))
        return "".join(unicodedata.normalize("NFC", cell) for cell in cells)

    def settled(self):
        """The rows after what was just typed: a key is answered at once, so the answer has come
        when something has come and ended, or when nothing has come for a quarter of a second."""
        start, since = len(self.raw), time.monotonic()
        until(lambda: len(self.raw) > start or time.monotonic() - since > 0.25, "", every=0.01)
        return self.frame()

    def text(self):
        return "\n".join(self.screen())

    def frame(self):
        """The rows between two frames: nothing has come for a while. Clocks tick once a second."""
        until(lambda: time.monotonic() - self.read_at > 0.06, "the screen is still", every=0.01)
        return self.screen()

    def until_shows(self, pattern, seconds=60):
        """Waits for the pattern on the screen and gives its match."""
        wanted = re.compile(pattern, re.MULTILINE)
        try:
            return until(lambda: wanted.search(self.text()), f"it shows {pattern!r}", seconds, 0.01)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.text()}") from None

    def until_gone(self, pattern, seconds=60):
        wanted = re.compile(pattern, re.MULTILINE)
        try:
            until(lambda: not wanted.search(self.text()), f"{pattern!r} goes", seconds, 0.01)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.text()}") from None

    def shows(self, pattern):
        return re.search(pattern, self.text(), re.MULTILINE)

    # Input

    def type(self, data):
        """All of it in one write."""
        os.write(self.master, data)

    def press(self, text, gap=0.09):
        """One key after another, as fast as a quick typist."""
        for key in text:
            self.type(key.encode())
            time.sleep(gap)

    def resize(self, cols, rows):
        with self.lock:
            self.cols, self.rows = cols, rows
            self.pyte.resize(lines=rows, columns=cols)
            self._set_size(cols, rows)

    def _set_size(self, cols, rows):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))

    # The end

    def hang_up(self):
        """The terminal goes away, as when its window is closed."""
        self.is_hung_up = True
        self.reader.join(5)
        os.close(self.slave)
        os.close(self.master)

    def kill(self, number=signal.SIGKILL):
        os.kill(self.process.pid, number)

    def wait(self, seconds=60):
        """The exit status, negative for a signal, when all that was written has been read."""
        status = self.process.wait(seconds)
        # What is written to the slave now comes after everything that the program wrote.
        mark = b"\x1b[7777X"
        os.write(self.slave, mark)
        until(lambda: mark in self.raw, "the last bytes come", every=0.01)
        return status

    def left_on(self):
        """What the bytes so far switched on and not off again, and whether the cursor is hidden."""
        with self.lock:
            raw = bytes(self.raw)
        states = {}
        for numbers, switch in re.findall(rb"\x1b\[\?([0-9;]+)([hl])", raw):
            for number in numbers.decode().split(";"):
                states[number] = switch == b"h"
        left = {words for number, words in MODES.items() if states.get(number)}
        if not states.get("25", True):
            left.add("cursor hidden")
        return left

    def termios_difference(self):
        """Names of the parts of the terminal's settings that are not as they were."""
        names = ("iflag", "oflag", "cflag", "lflag", "ispeed", "ospeed", "cc")
        now = termios.tcgetattr(self.slave)
        return [name for name, a, b in zip(names, self.before, now) if a != b]
