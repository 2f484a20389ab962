"""The front of script/test."""
import argparse
import sys
import time

from rings.green import LastGreen
from rings.lanes import Lanes
from rings.step import ROOT
from rings.steps import ONLY_FULL, PARTS, STEPS

MOST_NAMES = 20  # of failed tests, at the end


def main():
    parser = argparse.ArgumentParser(prog="script/test")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"any of {', '.join(PARTS)}; default everything")
    parser.add_argument("--full", action="store_true", help="everything, 100 rounds of kill -9 and of faults, 1,000,000 fuzzed requests")
    parser.add_argument("--keep-going", action="store_true", help="go on behind a broken ring")
    parser.add_argument("--seeds", type=int, metavar="N", help="ledger: play seeds 1 to N instead of some that are always the same")
    parser.add_argument("--seed", type=int, metavar="K", help="ledger: play only this one")
    parser.add_argument("--instances", type=int, default=1, metavar="N", help="ledger: how many, with seeds of your own and EVENTBUS_TEST_ENGINE=production")
    options = parser.parse_args()
    if unknown := set(options.parts) - PARTS.keys():
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    if options.parts:
        chosen = [step for step in STEPS if any(step in PARTS[part] for part in options.parts)]
    else:
        chosen = [step for step in STEPS if options.full or step not in ONLY_FULL]
    green = LastGreen(ROOT, whole=not options.parts)
    began, lanes = time.monotonic(), Lanes(options)
    passed, failed, broken = lanes.run(chosen)
    print(f"==> {'BROKEN: ' + ', '.join(broken) if broken else 'all rings pass'}, {time.monotonic() - began:.0f} s")
    if not broken and green.passed("script/test --full" if options.full else "script/test"):
        print(f"==> build/last-green says {green.commit}")
    for name in lanes.failures[:MOST_NAMES]:
        print(f"    failed in {name}")
    print(f"{passed} passed, {failed} failed")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
