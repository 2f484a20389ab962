"""Plays histories: some seeds that are always the same, any number, or one."""
import argparse
import sys
import time

from ledger.history import draw
from ledger.operations import shown
from ledger.player import Player
from ledger.shrink import Shrinker
from ledger.world import World

FIXED = (*range(1, 31), 48, 63, 903)  # all flavours; 48 and 63 found bodies that lose their last group, 903 groups that overtake each other
PATIENCE = {False: 10, True: 60}  # seconds, by whether the engine is the production engine
PATIENCE_WHEN_SHRINKING = {False: 2, True: 10}
TOLD_EVERY = 50  # seeds


class Run:
    """One run over seeds. Every play of it has names of its own."""

    def __init__(self, world):
        self.world, self.takes = world, {}

    def play(self, seed, history, patience=PATIENCE):
        """The violations of a history."""
        take = self.takes[seed] = self.takes.get(seed, -1) + 1
        return Player(self.world.renewed(), f"s{seed}t{take:04}", patience[self.world.production]).play(history)

    def passes(self, seed):
        """Whether the seed's history keeps all promises. Of one that doesn't, the smallest history that fails likewise is printed."""
        history = draw(seed)
        violations = self.play(seed, history)
        if violations:
            print(f"seed {seed} fails:", flush=True)
            for claim, text in violations[:5]:
                print(f"  {claim}: {text}", flush=True)
            print("  last in the logs:", *self.world.last_words(), sep="\n    ", flush=True)
            print(self.smallest(seed, history, violations[0][0]), f"  again: script/test ledger --seed {seed}", sep="\n", flush=True)
        return not violations

    def smallest(self, seed, history, claim):
        def fails(candidate):
            return any(found == claim for found, _ in self.play(seed, candidate, PATIENCE_WHEN_SHRINKING))
        if not fails(history):
            return "  played again it passes; the whole history:\n" + listing(history)
        shrinker = Shrinker(fails)
        small = shrinker.shrink(history)
        return f"  shrunk from {len(history)} operations to {len(small)} in {shrinker.plays} plays, still failing with {claim!r}:\n" + listing(small)


def listing(history):
    return "\n".join("    " + shown(operation) for operation in history)


def main():
    parser = argparse.ArgumentParser(prog="ledger", description=__doc__)
    parser.add_argument("--seeds", type=int, metavar="N", help="play seeds 1 to N")
    parser.add_argument("--seed", type=int, action="append", metavar="K", help="play this one; may be repeated")
    parser.add_argument("--instances", type=int, nargs="+", default=[1], metavar="N",
                        help="how many, where the engine is the production engine (EVENTBUS_TEST_ENGINE=production); once for each number")
    options = parser.parse_args()
    seeds = options.seed or (range(1, options.seeds + 1) if options.seeds else FIXED)
    began, failed = time.monotonic(), []
    for instances in options.instances:
        with World(instances) as world:
            run = Run(world)
            for number, seed in enumerate(seeds, 1):
                if not run.passes(seed):
                    failed.append(seed)
                if number % TOLD_EVERY == 0:
                    print(f"played {number} of {len(seeds)} seeds, {len(failed)} failed, {time.monotonic() - began:.0f} s", flush=True)
    if failed:
        print("failing seeds:", *failed)
    passed = len(seeds) * len(options.instances) - len(failed)
    print(f"{f'{len(failed)} failed, ' if failed else ''}{passed} passed in {time.monotonic() - began:.1f}s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
