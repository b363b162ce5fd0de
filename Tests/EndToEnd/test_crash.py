"""Kills the real gateway with SIGKILL at every moment that matters, five times each: no batch is
lost, none is sent twice, and the end state is what the exchange's own log says."""

import concurrent.futures
import os
import pathlib

import pytest

from crash import POINTS, crash_world, run_crash_point
from world import program_path

# Most of a run is waiting for the exchange's receive window to pass.
WORLDS_AT_ONCE = 2

MOMENTS = {
    "held": ["held, shown"] * 3 + ["held, told"] * 2,
    "signed": ["signed, answered"] * 3 + ["signed, written"] * 2,
    "intent recorded": ["intent"] * 5,
    "bytes sent": [
        "kill-forward", "kill-swallow", "kill-late", "forward-kill", "kill-forward, slow disk"],
    "answer received": ["answer-kill"] * 2 + ["answer-pass-kill"] * 2 + ["answered, written"],
}


def run_all(tmp_path, points, gateway_program=None):
    """The violations of each run, in the order of `points`."""
    def run(number, point):
        directory = tmp_path / str(number)
        with crash_world(directory, point, gateway_program) as world:
            return run_crash_point(world, point)

    with concurrent.futures.ThreadPoolExecutor(WORLDS_AT_ONCE) as pool:
        return list(pool.map(run, range(len(points)), points))


def test_every_point_is_run():
    assert {point for points in MOMENTS.values() for point in points} == set(POINTS)
    assert all(len(points) == 5 for points in MOMENTS.values())


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_crash_loses_nothing_and_sends_nothing_twice(tmp_path, moment):
    violations = run_all(tmp_path, MOMENTS[moment])
    assert sum(violations, []) == []


def test_a_wrong_build_is_caught(tmp_path):
    """A gateway that sends before its intent is on disk: the same runs must find it out."""
    beside = pathlib.Path(program_path()).parent / "faulty-gateway"
    program = pathlib.Path(os.environ.get("COUNTERSIGN_FAULTY_GATEWAY", beside))
    assert os.access(program, os.X_OK), (
        f"{program} is no program: build the product faulty-gateway, or name it in "
        "COUNTERSIGN_FAULTY_GATEWAY")
    points = ["signed, written", "kill-forward", "kill-forward, slow disk", "forward-kill"]
    violations = run_all(tmp_path, points, [str(program)])
    assert sum(violations, []) != [], "the wrong build passed every crash point"
