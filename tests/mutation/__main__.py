"""The front of script/mutate."""
import argparse
import concurrent.futures
import json
import os
import sys
import time

from mutation.checks import Check
from mutation.faults import Breaker
from mutation.tree import PLACE, ROOT, CannotBuild, Tree, fresh

PATH_OF_AN_EVENT = ("eventbus/http/*publish*.cpp", "eventbus/http/body_lines.cpp", "eventbus/bus/publisher.cpp", "eventbus/store/*/event_writer.cpp",
                    "eventbus/broker/embedded/queue*.cpp", "eventbus/broker/embedded/log_cursor.cpp", "eventbus/delivery/queue_*.cpp",
                    "eventbus/delivery/served_queue.cpp", "eventbus/delivery/settlement_writer.cpp", "eventbus/delivery/waiting_room.cpp")
PROGRAMS = ("store_sqlite_test", "delivery_test", "broker_embedded_test", "bus_test", "http_test", "store_postgres_test")
RESULTS = PLACE / "results.jsonl"


def chosen(patterns):
    found = sorted({path for pattern in patterns for path in ROOT.glob(pattern) if not path.name.endswith("_test.cpp")})
    return [str(path.relative_to(ROOT)) for path in found]


def checks(tree, options):
    """What notices faults, as far as they pass without one."""
    ledger = ("/usr/bin/python3", "-u", "-m", "ledger")
    several = [word for seed in options.seeds for word in ("--seed", seed)]
    binary = {"EVENTBUS_BINARY": str(tree.program("eventbus")), "PYTHONPATH": "."}
    all_checks = [Check(name, tree.program(name), "--gtest_fail_fast", "--gtest_brief=1") for name in PROGRAMS]
    all_checks.append(Check("ledger", *ledger, *several, EVENTBUS_TEST_ENGINE="embedded", **binary))
    if any("postgres" in path for path in tree.paths):
        all_checks.append(Check("ledger on production", *ledger, "--seed", 2, "--seed", 9, EVENTBUS_TEST_ENGINE="production", **binary))
    for check in all_checks:
        print(f"==> without a fault: {check.name}", flush=True)
        if not check.learn():
            sys.exit(f"{check.name} fails without a fault: mend that first.")
        print(f"    passes in {check.seconds:.0f} s and comes by {len(check.reached)} faults", flush=True)
    return sorted(all_checks, key=lambda check: check.seconds)


def noticed_by(fault, tests):
    """The name of the first check that notices it; "nobody came by" or "nobody"."""
    reaching = [check for check in tests if fault.number in check.reached]
    return next((check.name for check in reaching if check.notices(fault)), "nobody" if reaching else "nobody came by")


def known():
    """Results of earlier runs, by what they are about."""
    if not RESULTS.is_file():
        return {}
    lines = map(json.loads, RESULTS.read_text().splitlines())
    return {(line["path"], line["line"], line["what"]): line["noticed_by"] for line in lines}


def survivors(results):
    return sorted((key, by) for key, by in results.items() if by.startswith("nobody"))


def main():
    parser = argparse.ArgumentParser(prog="script/mutate", description="Breaks one line of the path of an event at a time and tells which breaks "
                                     "the unit and conformance tests and the ledger survive.")
    parser.add_argument("files", nargs="*", metavar="FILE", default=PATH_OF_AN_EVENT, help="C++ sources; default: those of the path of an event")
    parser.add_argument("--list", action="store_true", help="only list the faults")
    parser.add_argument("--again", action="store_true", help="forget the results of earlier runs, which are else taken for faults they knew")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 2, help="how many faults are tried beside each other")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 5, 8, 13, 48, 63], metavar="K", help="seeds that the ledger plays")
    options = parser.parse_args()
    if not (paths := chosen(options.files)):
        parser.error(f"no C++ source fits: {' '.join(options.files)}")
    if options.list:
        breaker = Breaker()
        for path in paths:
            breaker.broken(path, (ROOT / path).read_text())
        print(*breaker.faults, sep="\n")
        return 0
    if options.again:
        fresh()
    return mutate(paths, options)


def mutate(paths, options):
    tree = Tree(paths, ("eventbus", *PROGRAMS))
    print(f"==> building {len(paths)} sources with all their faults", flush=True)
    try:
        faults = tree.prepare()
    except CannotBuild as problem:
        sys.exit(f"the copy in {tree.source} can't be built: {problem}")
    results = known()
    left = [fault for fault in faults if (fault.path, fault.line, fault.what) not in results]
    tests = checks(tree, options) if left else []
    print(f"==> {len(faults)} faults, {len(left)} to try", flush=True)
    began = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool, RESULTS.open("a") as file:
        running = {pool.submit(noticed_by, fault, tests): fault for fault in left}
        for count, done in enumerate(concurrent.futures.as_completed(running), 1):
            fault, by = running[done], done.result()
            results[fault.path, fault.line, fault.what] = by
            file.write(json.dumps({"path": fault.path, "line": fault.line, "what": fault.what, "noticed_by": by}) + "\n")
            file.flush()
            if by.startswith("nobody") or count % 25 == 0:
                print(f"    {count}/{len(left)} {time.monotonic() - began:.0f} s  {fault}: {by}", flush=True)
    present = {(fault.path, fault.line, fault.what) for fault in faults}
    alive = [(key, by) for key, by in survivors(results) if key in present]
    print(f"==> {len(faults)} faults, {len(faults) - len(alive)} noticed, {len(alive)} not:")
    for (path, line, what), by in alive:
        print(f"    {path}:{line}  {what}  ({by})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
