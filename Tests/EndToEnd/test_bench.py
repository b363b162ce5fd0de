"""What `make bench` says of its samples: who would believe a figure whose arithmetic is wrong?"""

import pathlib
import re
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Bench"))

from measure import Measure, Spread, at_least, at_most, interleave, percentile, ratios  # noqa: E402
from pty_probe import delays  # noqa: E402
from report import cells, number  # noqa: E402


def test_a_budget_judges_the_median_of_the_rounds_ratios():
    # Means, or the ratio of the medians, would say otherwise: one round of both was disturbed.
    subject, peer = [10, 90, 12], [5, 10, 5]
    ratio = ratios(subject, peer)
    assert (ratio.median, ratio.low, ratio.high) == (2.4, 2, 9)
    measure = Measure("row", "what", Spread.of(subject), "peer", Spread.of(peer), ratio)
    for budget, is_met in ((at_most(2.4), True), (at_most(2.3), False), (at_least(2.5), False)):
        measure.budget = budget
        assert measure.is_met == is_met
        assert ("NOT MET" in cells(measure)) != is_met


def test_a_budget_with_a_unit_judges_the_figure_itself():
    ratio = Spread.of([100])
    measure = Measure("row", "what", Spread.of([7, 8, 9]), ratio=ratio, budget=at_most(8, "ms"))
    assert measure.is_met
    measure.budget = at_most(7, "ms")
    assert not measure.is_met
    measure.budget = None
    assert measure.is_met is None


def test_rounds_are_taken_in_turn():
    order = []
    found = interleave(2, {name: lambda name=name: order.append(name) or len(order) for name in "ab"})
    assert order == ["a", "b", "a", "b"]
    assert found == {"a": [1, 3], "b": [2, 4]}


@pytest.mark.parametrize("part, value", [(0.5, 5), (0.95, 10), (0.05, 1), (1, 10)])
def test_percentiles_are_samples(part, value):
    assert percentile([3, 1, 2, 10, 4, 9, 5, 8, 6, 7], part) == value


@pytest.mark.parametrize("value, text", [
    (0, "0"), (0.0123456, "0.0123"), (1.5, "1.5"), (99.96, "100"), (12345.6, "12 346")])
def test_numbers_have_three_digits_that_count(value, text):
    assert number(value) == text


def cursor_at(row):
    """What a program writes to put its mark there."""
    return f"\x1b[2J\x1b[{row + 1};1H>".encode()


def marked(screen):
    return next((y for y, row in enumerate(screen.display) if re.match(">", row)), None)


def test_a_key_is_paired_with_the_screen_that_shows_its_effect():
    chunks = [
        (0.0, cursor_at(3)),
        # News that leave the cursor where it is are no effect.
        (1.001, b"\x1b[20;1Hnews"), (1.004, cursor_at(4)),
        # Two keys that come out as one screen.
        (2.030, cursor_at(6)),
        (3.002, cursor_at(5))]
    found = delays(chunks, [1.0, 2.0, 2.01, 3.0], [1, 1, 1, -1], marked)
    assert [round(one) for one in found] == [4, 30, 20, 2]


def test_a_key_without_effect_is_no_figure():
    with pytest.raises(AssertionError, match="key 1 of 2"):
        delays([(0.0, cursor_at(3)), (1.1, cursor_at(4))], [1.0, 2.0], [1, 1], marked)
