"""The front of script/bench."""
import argparse
import datetime
import json
import os
import platform
import subprocess
import sys
import time

from suite import experiments, production, production_growth
from suite.growth import growth
from support.server import ROOT

EMBEDDED = {"E1": experiments.e1, "E2": experiments.e2_e3, "E3": experiments.e2_e3, "E4": experiments.e4, "E5": experiments.e5, "E7": experiments.e7,
            "growth": growth}
PRODUCTION = {"P1": production.p1, "P2": production.p2, "P3": production.p3, "P4": production.p4, "P5": production.p5, "P6": production.p6, "latency": production.latencies}
ALL = EMBEDDED | PRODUCTION | {"production-growth": production_growth.growth}
GROUPS = {"embedded": EMBEDDED, "production": PRODUCTION}


def table(rows):
    head = {"what": "what", "ours": "eventbus", "peer": "peer", "ratio": "ratio", "bar": "bar", "reached": "reached"}
    marks = {True: "yes", False: "NO", None: "", "reached": "reached"}
    lines = [[str(row["what"]), row["ours"], row["peer"], "" if row["ratio"] is None else str(row["ratio"]), row["bar"], marks[row["reached"]]]
             for row in [head, *rows]]
    widths = [max(len(line[column]) for line in lines) for column in range(6)]
    return "\n".join("| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |" for line in lines)


def machine():
    model = subprocess.run("grep -m1 'model name' /proc/cpuinfo | cut -d: -f2", shell=True, capture_output=True, text=True, check=False)
    version = subprocess.run([ROOT / "build/release/eventbus", "version"], capture_output=True, text=True, check=False).stdout.strip()
    return {"cpu": model.stdout.strip(), "cores": os.cpu_count(), "kernel": platform.release(), "load": os.getloadavg()[0], "version": version}


def main():
    parser = argparse.ArgumentParser(prog="script/bench")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of {' '.join([*ALL, *GROUPS])}; default embedded")
    parser.add_argument("--quick", action="store_true", help="short runs, to see that everything works")
    options = parser.parse_args()
    if unknown := set(options.names) - ALL.keys() - GROUPS.keys():
        parser.error(f"unknown: {', '.join(unknown)}")
    chosen = dict.fromkeys(run for name in options.names or ["embedded"] for run in GROUPS.get(name, {name: ALL.get(name)}).values())
    result = {"at": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"), "quick": options.quick, "machine": machine()}
    rows = []
    for run in chosen:
        began = time.monotonic()
        print(f"==> {run.__name__}: {run.__doc__ or 'cost as it grows'}", flush=True)
        result[run.__name__] = run(experiments.Scale(options.quick))
        rows += result[run.__name__]["rows"]
        print(table(result[run.__name__]["rows"]) + f"\n    took {time.monotonic() - began:.0f} s", flush=True)
    place = ROOT / "bench/results" / (result["at"].replace(":", "") + ".json")
    place.parent.mkdir(exist_ok=True)
    place.write_text(json.dumps(result, indent=1))
    missed = [row["what"] for row in rows if row["reached"] is False]
    print(f"\n{table(rows)}\n\n{len(missed)} bars missed{': ' if missed else ''}{'; '.join(missed)}\nwritten to {place.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
