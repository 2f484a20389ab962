"""Rings in two lanes."""
import argparse
import threading

import pytest
from rings import lanes
from rings.step import run

PATIENCE = 60


def ring(name, work):
    def step(tally, _):
        work(tally)
    step.__name__, step.__doc__ = name, f"what {name} does"
    return step


@pytest.fixture(name="play")
def in_two_lanes(monkeypatch):
    def play(*steps, beside=(), keep_going=False):
        monkeypatch.setattr(lanes, "build_release", steps[0])
        monkeypatch.setattr(lanes, "BESIDE", set(beside))
        return lanes.Lanes(argparse.Namespace(keep_going=keep_going)).run([*steps, *beside])
    return play


def test_what_only_computes_runs_beside_the_others_once_the_program_is_built(play, capsys):
    both = threading.Barrier(2)
    order = []

    def meet(tally):
        both.wait(PATIENCE)
        tally.say("    met")
        tally.passed += 2
    built = ring("build", lambda _: order.append("build"))
    assert play(built, ring("first", meet), beside=[ring("second", meet)]) == (4, 0, [])
    assert order == ["build"]
    assert "==> second: what second does\n    met\n    second took 0 s" in capsys.readouterr().out


@pytest.mark.parametrize("keep_going", (False, True))
def test_a_broken_ring_ends_both_lanes_unless_told_otherwise(play, capsys, keep_going):
    ran, broken = [], threading.Event()

    def fail(tally):
        try:
            run(tally, "false")
        finally:
            broken.set()

    def wait(_):
        assert broken.wait(PATIENCE)
        ran.append("second")
    built, later = ring("build", lambda _: None), ring("later", lambda _: ran.append("later"))
    passed, failed, names = play(built, ring("first", fail), ring("next", lambda _: ran.append("next")), beside=[ring("second", wait), later], keep_going=keep_going)
    assert (passed, failed, names) == (0, 1, ["first"])
    if keep_going:
        assert sorted(ran) == ["later", "next", "second"]
    else:
        assert "next" not in ran
        stopped = next(line for line in capsys.readouterr().out.split("\n") if line.startswith("==> stopped at first; not run: "))
        assert "next" in stopped


def test_a_ring_that_cannot_run_is_broken(play, capsys):
    def stumble(_):
        raise FileNotFoundError("no such program")
    assert play(ring("build", lambda _: None), beside=[ring("second", stumble)]) == (0, 1, ["second"])
    assert "FAILED: FileNotFoundError: no such program" in capsys.readouterr().out
