"""Two judges, one language: the program and a second one written from docs/policy.md agree on random
policies, each with 1,000 calls that come one after another and count under its limits.
`COUNTERSIGN_ORACLE` is how many policies, in place of 200; `COUNTERSIGN_SEED` is another seed."""

import collections
import functools
import json
import os
import random
import subprocess
import tempfile
from pathlib import Path

import pytest

from policy_oracle import Judge, text_of
from policy_worlds import CATALOGUE, policy, pool, shrunk, stream
from world import program_path

SEED = int(os.environ.get("COUNTERSIGN_SEED", "20261127"))
POLICIES = int(os.environ.get("COUNTERSIGN_ORACLE", "200"))
PART = 25
CALLS = 1000


def explained(document, calls):
    """What the program says of each call; its complaint where it refuses the document or the calls."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in (("policy.json", document), ("calls.json", calls),
                           ("catalogue.json", text_of(CATALOGUE))):
            (Path(folder) / name).write_text(text, encoding="utf-8")
        done = subprocess.run(
            [program_path(), "policy", "explain", "--json", "--counting", "--policy",
             f"{folder}/policy.json", f"{folder}/calls.json"],
            capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        return done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


PARTS = ("decision", "rule", "shadowed", "quorum", "counter", "retryAfterMs")


def said(one):
    """The parts of a verdict that both judges give."""
    return {key: one[key] for key in PARTS if key in one}


def first_difference(document, calls, answers):
    """The place of the first call on which the judges differ, and how this one decides the others."""
    judge, decided = Judge(document, CATALOGUE), collections.Counter()
    for place, (one, answer) in enumerate(zip(calls, answers, strict=True)):
        expected = judge.verdict(one)
        decided[expected["decision"]] += 1
        if "counter" in expected:
            decided["limit"] += 1
            decided["limit with a wait"] += "retryAfterMs" in expected
        if said(answer) != expected:
            return place, decided
    return None, decided


@functools.cache
def texts():
    """The calls that those of all policies are taken from."""
    return pool(random.Random(SEED), CALLS * 5)


def compare(number):
    """How one policy decides its calls; words where the judges differ."""
    source = random.Random(f"{SEED} {number}")
    document, calls = policy(source), stream(source, texts(), CALLS)
    answers = explained(text_of(document), "[" + ",".join(text for _, text in calls) + "]")
    if not isinstance(answers, list):
        return f"seed {SEED}, policy {number}: {answers}"
    calls = [one for one, _ in calls]
    place, decided = first_difference(document, calls, answers)
    return decided if place is None else difference(number, document, calls[:place + 1])


def difference(number, document, calls):
    def differ(less, fewer):
        try:
            answers = explained(text_of(less), text_of(fewer))
            return isinstance(answers, list) and first_difference(less, fewer, answers)[0] is not None
        except (KeyError, TypeError, ValueError, IndexError, AttributeError):
            return False

    document, calls = shrunk(document, calls, differ)
    answers = explained(text_of(document), text_of(calls))
    place, _ = first_difference(document, calls, answers)
    judge = Judge(document, CATALOGUE)
    expected = [judge.verdict(one) for one in calls][place]
    return (f"seed {SEED}, policy {number}, call {place + 1}\npolicy {text_of(document)}\n"
            f"calls {text_of(calls)}\nthe program says {said(answers[place])}\n"
            f"the documentation says {expected}")


@pytest.mark.parametrize("start", range(0, POLICIES, PART))
def test_both_judges_agree(start):
    numbers = range(start, min(start + PART, POLICIES))
    decided = collections.Counter()
    for number in numbers:
        one = compare(number)
        assert isinstance(one, collections.Counter), one
        decided += one
    # Every kind of verdict is there often enough to say something.
    for kind in ("allow", "deny", "hold", "limit", "limit with a wait"):
        assert decided[kind] > len(numbers) * CALLS / 100, decided
