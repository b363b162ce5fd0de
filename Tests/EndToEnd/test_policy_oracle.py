"""Two judges, one language: the program and a second one written from docs/policy.md agree on random
policies, each with 1,000 calls. `COUNTERSIGN_ORACLE=200` tries that many documents instead of 20,
`COUNTERSIGN_SEED` is another seed."""

import concurrent.futures
import json
import os
import random
import subprocess

from policy_oracle import judge, text_of
from policy_worlds import call, policy, shrunk
from world import program_path

PROGRAM = program_path()
SEED = int(os.environ.get("COUNTERSIGN_SEED", "20261127"))
POLICIES = int(os.environ.get("COUNTERSIGN_ORACLE", "20"))
CALLS = 1000


def explained(folder, document, calls):
    """What the program says of each call; its complaint where it refuses the document."""
    policy_file, calls_file = folder / "policy.json", folder / "calls.json"
    policy_file.write_text(document, encoding="utf-8")
    calls_file.write_text(calls, encoding="utf-8")
    done = subprocess.run(
        [PROGRAM, "policy", "explain", "--json", "--policy", str(policy_file), str(calls_file)],
        capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        return done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def said(one):
    """The parts of a verdict that both judges give."""
    return {key: one[key] for key in ("decision", "rule", "shadowed", "quorum") if key in one}


def test_both_judges_agree(tmp_path):
    source = random.Random(SEED)
    # Calls are made once and drawn for each policy: making them costs more than judging them.
    pool = [(one, text_of(one)) for one in (call(source) for _ in range(CALLS * 5))]
    worlds = [(policy(source), source.sample(pool, CALLS)) for _ in range(POLICIES)]
    decided = dict.fromkeys(("allow", "deny", "hold"), 0)
    with concurrent.futures.ThreadPoolExecutor(2) as programs:
        def explain(number):
            document, calls = worlds[number]
            folder = tmp_path / str(number)
            folder.mkdir()
            return explained(folder, text_of(document), "[" + ",".join(one for _, one in calls) + "]")

        for number, answers in enumerate(programs.map(explain, range(POLICIES))):
            document, calls = worlds[number]
            assert isinstance(answers, list), f"seed {SEED}, policy {number}: {answers}"
            assert len(answers) == CALLS
            for (one, _), answer in zip(calls, answers):
                expected = judge(document, one)
                decided[expected["decision"]] += 1
                if said(answer) != expected:
                    fail(tmp_path, number, document, one)
    assert min(decided.values()) > POLICIES * CALLS / 20, decided


def fail(folder, number, document, one):
    def differ(less, call_of_it):
        try:
            expected = judge(less, call_of_it)
            answer = explained(folder, text_of(less), text_of(call_of_it))
        except (KeyError, TypeError, ValueError, IndexError):
            return False
        return isinstance(answer, list) and said(answer[0]) != expected

    small, call_of_it = shrunk([document, one], differ)
    raise AssertionError(
        f"seed {SEED}, policy {number}\npolicy {text_of(small)}\ncall {text_of(call_of_it)}\n"
        f"the program says {said(explained(folder, text_of(small), text_of(call_of_it))[0])}\n"
        f"the documentation says {judge(small, call_of_it)}")
