"""The one way in which these tests wait: for a condition, with a deadline."""

import time


class TooLate(AssertionError):
    """A condition did not come true in time."""


def until(condition, what, seconds=60, every=0.05):
    """The first true value of `condition()`; fails with `what` when none comes in time."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise TooLate(f"not within {seconds} s: {what}")
        time.sleep(every)
