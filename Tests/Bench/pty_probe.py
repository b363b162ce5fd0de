"""A program in a terminal of its own, watched from outside: every byte with the time it came.

Nothing is drawn while something is measured: the screen is made afterwards from the recording.
"""

import fcntl
import itertools
import os
import pathlib
import random
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time

from place import REPOSITORY

sys.path.insert(0, str(REPOSITORY / "Tests/EndToEnd"))

from terminal import Screen, Stream  # noqa: E402

COLUMNS, ROWS = 120, 40


class Probe:
    """A context manager: leaving it ends the program."""

    def __init__(self, command, environment, directory):
        self.master, slave = os.openpty()
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self.chunks = []
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [str(one) for one in command], stdin=slave, stdout=slave, stderr=slave,
            env={**environment, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}, cwd=directory,
            start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(slave)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + 5
        while self.process.poll() is None and time.monotonic() < deadline:
            self.watch(0.05)
        self.process.kill()
        self.process.wait()
        os.close(self.master)

    def read(self, seconds):
        """One wait for bytes; whether some came."""
        if not select.select([self.master], [], [], max(0, seconds))[0]:
            return False
        try:
            data = os.read(self.master, 65_536)
        except OSError:
            return False
        self.chunks.append((time.monotonic(), data))
        return bool(data)

    def watch(self, seconds):
        """Records for so long."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if not self.read(left) and self.process.poll() is not None:
                return

    def until_quiet(self, seconds=0.4, longest=10):
        """Records until nothing has come for so long."""
        end = time.monotonic() + longest
        while time.monotonic() < end and self.read(seconds):
            pass

    def until_recorded(self, text, longest=20):
        """Records until the bytes of a text have come."""
        end = time.monotonic() + longest
        while not any(text in data for _, data in self.chunks):
            if self.process.poll() is not None or time.monotonic() > end:
                raise AssertionError(
                    f"{text!r} never came:\n{b''.join(data for _, data in self.chunks)[-2000:]!r}")
            self.read(0.1)

    def write(self, keys):
        """All of it in one write; the moment before."""
        moment = time.monotonic()
        os.write(self.master, keys)
        return moment

    def press(self, keys):
        """One key after another, 40 to 100 ms apart; the moment of each."""
        moments = []
        for key in keys:
            moments.append(self.write(key))
            self.watch(random.uniform(0.04, 0.1))
        self.watch(0.3)
        return moments


def frames(chunks):
    """The screen after each piece of a recording, with its time. One object: look, do not keep."""
    screen = Screen(COLUMNS, ROWS)
    stream = Stream(screen)
    for moment, data in chunks:
        stream.feed(data)
        yield moment, screen


def text(screen):
    return "\n".join(screen.display)


def delays(chunks, moments, steps, selected):
    """Milliseconds from each key to the screen on which the cursor stands where that key, or a later
    one, takes it. `steps` are rows down (1) and up (−1); `selected` reads the cursor's row."""
    seen = [(moment, selected(screen)) for moment, screen in frames(chunks)]
    before = [row for moment, row in seen if moment <= moments[0] and row is not None]
    row = before[-1] if before else 0
    wanted = list(itertools.accumulate(steps, initial=row))[1:]
    found, at = [], 0
    for number, moment in enumerate(moments):
        while at < len(seen) and seen[at][0] <= moment:
            at += 1
        shown = None
        for then, now in seen[at:]:
            pressed = sum(other <= then for other in moments)
            if now in wanted[number:pressed]:
                shown = then
                break
        if shown is None:
            raise AssertionError(f"key {number} of {len(moments)} never had its effect")
        found.append((shown - moment) * 1000)
    return found


class Cost:
    """What the kernel has counted for each thread of a process so far."""

    def __init__(self, pid):
        self.moment = time.monotonic()
        self.threads = {
            task.name: self._counts(task) for task in pathlib.Path(f"/proc/{pid}/task").iterdir()}

    @staticmethod
    def _counts(task):
        """Nanoseconds on a core, and waits that ended."""
        found = re.search(r"^voluntary_ctxt_switches:\s*(\d+)", (task / "status").read_text(), re.M)
        return int((task / "schedstat").read_text().split()[0]), int(found[1])

    def since(self, earlier):
        """Percent of one core, and wake-ups a second. A thread that ended in between counts as if
        it had done nothing, so that a sum never falls."""
        seconds = self.moment - earlier.moment
        sums = [
            sum(now[n] - earlier.threads.get(name, (0, 0))[n] for name, now in self.threads.items())
            for n in (0, 1)]
        return sums[0] / seconds / 1e7, sums[1] / seconds


def memory(pid):
    """Resident MiB, and those of them that hold its own data: the rest is mapped from files."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return [
        int(re.search(rf"^{name}:\s*(\d+)", status, re.M)[1]) / 1024 for name in ("VmRSS", "RssAnon")]
