#!/usr/bin/env python3
"""Checks the house rules: includes against DEPS, floors without cycles, homes of third-party headers, file size, the module table, loops that await."""
import pathlib
import re
import sys

ROOT = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
MAX_LINES = 400
HOMES = {  # header prefix -> modules that may include it
    "sqlite3.h": {"sqlite"},
    "libpq-fe.h": {"postgres"},
    "amqp": {"amqp"},
    "prometheus/": {"telemetry"},
    "spdlog/": {"telemetry"},
    "boost/beast": {"http", "client"},
    "CLI/": {"cli_console"},
    "toml++/": {"cli"},
}
problems = []


def modules():
    """{name: (folder, deps, test deps)} from every CMakeLists.txt under eventbus/."""
    found = {}
    for path in sorted((ROOT / "eventbus").rglob("CMakeLists.txt")):
        for name, body in re.findall(r"eventbus_module\(\s*(\w+)([^)]*)\)", path.read_text()):
            lists = {key: [] for key in ("DEPS", "LINKS", "TEST_DEPS")}
            current = None
            for word in body.split():
                if word in lists:
                    current = word
                elif current:
                    lists[current].append(word)
            found[name] = (path.parent, set(lists["DEPS"]), set(lists["TEST_DEPS"]))
    return found


def module_of(path, mods):
    """The module whose folder is the closest parent of `path`."""
    return next((name for folder in path.parents for name, (home, _, _) in mods.items() if home == folder), None)


def check_includes(mods):
    for path in sorted((ROOT / "eventbus").rglob("*.[hc]pp")):
        own = module_of(path, mods)
        if own is None:
            problems.append(f"{path.relative_to(ROOT)}: belongs to no module; add it to one")
            continue
        allowed = {own} | mods[own][1] | (mods[own][2] | {"testing"} if path.stem.endswith("_test") else set())
        for kind, target in re.findall(r'^\s*#include\s+([<"])([^>"]+)[>"]', path.read_text(), re.M):
            if target.startswith("eventbus/"):
                if not (ROOT / target).exists():
                    problems.append(f"{path.relative_to(ROOT)}: includes {target}, which does not exist")
                    continue
                used = module_of(ROOT / target, mods)
                if used not in allowed:
                    problems.append(f"{path.relative_to(ROOT)}: module {own} may not use {used} ({target})")
            for prefix, homes in HOMES.items():
                if target.startswith(prefix) and own not in homes:
                    problems.append(f"{path.relative_to(ROOT)}: <{target}> may be included only in {sorted(homes)}")


def check_cycles(mods):
    done, path = set(), []

    def visit(name):
        if name in path:
            problems.append("cycle: " + " -> ".join(path[path.index(name):] + [name]))
        elif name not in done:
            path.append(name)
            for dep in sorted(mods[name][1]):
                visit(dep) if dep in mods else problems.append(f"{name}: unknown module {dep} in DEPS")
            path.pop()
            done.add(name)

    for name in mods:
        visit(name)


def check_table(mods):
    rows = {}
    for folder, uses in re.findall(r"^\| `([\w/]+)` \|[^|]*\|([^|]*)\|$", (ROOT / "eventbus/README.md").read_text(), re.M):
        rows[folder.replace("/", "_")] = set(uses.split())
    for name in mods.keys() | rows.keys():
        if name not in rows:
            problems.append(f"eventbus/README.md: no row for module {name}")
        elif name not in mods:
            problems.append(f"eventbus/README.md: row {name} is no module")
        elif rows[name] != mods[name][1]:
            problems.append(f"eventbus/README.md: row {name} says {sorted(rows[name])}, CMake says {sorted(mods[name][1])}")


def check_size():
    for pattern in ("*.cpp", "*.hpp", "*.py", "*.sh"):
        for top in ("eventbus", "tests", "fuzz", "bench", "examples", "script", "cmake"):
            for path in (ROOT / top).rglob(pattern):
                lines = len(path.read_text().splitlines())
                if lines > MAX_LINES:
                    problems.append(f"{path.relative_to(ROOT)}: {lines} lines; past {MAX_LINES} a file is two files")


def check_loops():
    """gcc 12 miscompiles loops that await in their condition: name the result in the body."""
    for path in sorted((ROOT / "eventbus").rglob("*.[hc]pp")):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            head = re.search(r"\bwhile \((.*)", line)
            condition = head.group(1) if head else ""
            depth, end = 1, 0
            while end < len(condition) and depth:
                depth += {"(": 1, ")": -1}.get(condition[end], 0)
                end += 1
            if "co_await" in condition[:end]:
                problems.append(f"{path.relative_to(ROOT)}:{number}: a loop that awaits in its condition; await in its body")


def check_waits():
    """A loop that a test runs has a deadline (eventbus/testing/waiting.hpp), and so has a process that it waits for."""
    for path in sorted((ROOT / "eventbus").rglob("*.[hc]pp")):
        if path.stem.endswith("_test") or path.parent.name in ("testing", "conformance") or path.stem.endswith("_under_test"):
            find_waits(path, r"\b(loop|context)_?\.(run|run_one)\(\)", "a loop without a deadline; run_until, run_to_end or result_of has one")
    for path in sorted((ROOT / "tests").rglob("*.py")):
        find_waits(path, r"process\.wait\(\)|\.communicate\(\)|\bflowing\.wait\(\)", "a wait without a deadline")


def find_waits(path, pattern, problem):
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if re.search(pattern, line) and "thread_ = " not in line:
            problems.append(f"{path.relative_to(ROOT)}:{number}: {problem}")


def main():
    mods = modules()
    check_includes(mods)
    check_cycles(mods)
    check_table(mods)
    check_size()
    check_loops()
    check_waits()
    for problem in problems:
        print(problem)
    print(f"house: {len(mods)} modules, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
