"""Plays histories: some seeds that are always the same, any number, or one; or judges one that was kept."""
import argparse
import collections
import pathlib
import pickle
import sys
import tempfile
import time

from histories.judge import CLAIMS, judge, undone
from histories.plan import draw
from histories.player import Player
from histories.tale import tale
from histories.world import World

FIXED = range(1, 7)
SHOWN, LONGEST = 2, 1500  # violations of a claim, characters of one


class Run:
    """Plays and judges. What only breaks claims in `allowed` is known: it is told, and counted apart."""

    def __init__(self, allowed, seconds=None):
        self.allowed, self.seconds, self.verdicts, self.failing = allowed, seconds, collections.Counter(), []
        self.again = self.acked = 0

    def play(self, world, seed):
        prefix = f"s{seed}t{sum(self.verdicts.values())}"
        plan = draw(seed, prefix, world.kinds, self.seconds)
        history = Player(world, prefix).play(plan)
        again, acked = undone(history)
        self.again, self.acked = self.again + again, self.acked + acked
        struck = ", ".join(strike.kind for strike in history.strikes) or "no faults"
        if self.verdict(f"seed {seed}, instances {world.size}, {struck}, {len(history.requests)} requests", history) == "failed":
            kept = pathlib.Path(tempfile.mkdtemp(prefix="eventbus-history-")) / f"seed-{seed}"
            kept.write_bytes(pickle.dumps(history))
            print(f"  kept: --judge {kept}", flush=True)
            self.failing.append(seed)

    def verdict(self, label, history):
        violations = judge(history)
        grave = [one for one in violations if one.claim not in self.allowed]
        verdict = "failed" if grave else "known" if violations else "passed"
        self.verdicts[verdict] += 1
        broken = collections.Counter(one.claim for one in violations)
        print(f"{label}: {verdict}", *(f"{count} × {claim}" for claim, count in broken.items()), sep="  ", flush=True)
        for claim in broken:
            for one in [one for one in violations if one.claim == claim][:SHOWN]:
                print(f"  {claim}{' (known)' if claim in self.allowed else ''}: {one.text[:LONGEST]}")
        for one in [one for one in grave if one.event][:1]:
            print(*tale(history, one.event), sep="\n    ")
        return verdict


def main():
    parser = argparse.ArgumentParser(prog="histories", description=__doc__)
    parser.add_argument("--seeds", type=int, metavar="N", help="play seeds 1 to N")
    parser.add_argument("--seed", type=int, action="append", metavar="K", help="play this one; may be repeated")
    parser.add_argument("--instances", type=int, nargs="+", default=[1], metavar="N", help="how many, of the production engine; once for each number")
    parser.add_argument("--seconds", type=float, metavar="S", help="how long a history lasts, before it heals")
    parser.add_argument("--allow", default="", metavar="CLAIM,…", help=f"broken claims that are known; of {', '.join(CLAIMS)}")
    parser.add_argument("--judge", type=pathlib.Path, metavar="FILE", help="a history that was kept; nothing is played")
    options = parser.parse_args()
    allowed = {claim for claim in options.allow.split(",") if claim}
    if allowed - CLAIMS.keys():
        parser.error(f"no such claim: {', '.join(sorted(allowed - CLAIMS.keys()))}")
    run, began = Run(allowed, options.seconds), time.monotonic()
    if options.judge:
        run.verdict(f"{options.judge}", pickle.loads(options.judge.read_bytes()))
    for size in options.instances if not options.judge else ():
        with World(size) as world:
            for seed in options.seed or (range(1, options.seeds + 1) if options.seeds else FIXED):
                run.play(world, seed)
    if run.failing:
        print("failing seeds:", *run.failing)
    print(f"repeats after faults: {run.again} of {run.acked} acknowledged deliveries")
    print(", ".join(f"{run.verdicts[word]} {word}" for word in ("failed", "passed", "known") if run.verdicts[word]) + f" in {time.monotonic() - began:.1f}s")
    return 1 if run.verdicts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
