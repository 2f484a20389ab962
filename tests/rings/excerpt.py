"""What is worth reading of the output of a command that failed."""
import re

LAST = 400  # lines of the whole output
OF_A_TEST = 200  # lines of a test that failed
TESTS = 20  # failed tests that are shown
NUMBER = r"((?:\d+: )?)"  # ctest --verbose numbers its lines
RUNS = re.compile(rf"^{NUMBER}\[ RUN      \] ")
ENDS = re.compile(rf"^{NUMBER}\[ +(OK|FAILED|SKIPPED) +\] .* \(\d+ ms\)$")


def failed_tests(lines):
    """{its first line's number: its lines} of each test of GoogleTest that failed or never ended, in the order they began."""
    began, running, failed = {}, {}, {}
    for at, line in enumerate(lines):
        program = re.match(NUMBER, line)[1]
        if RUNS.match(line):
            began[program], running[program] = at, []
        if program in running:
            running[program].append(line)
        if (ends := ENDS.match(line.rstrip())) and (test := running.pop(program, None)) and ends[2] == "FAILED":
            failed[began[program]] = test
    return dict(sorted((failed | {began[program]: test for program, test in running.items()}).items()))


def excerpt(lines):
    """The tests that failed before the last lines, whatever came behind them; then the last lines. Bounded."""
    before = len(lines) - LAST
    tests = [test[-OF_A_TEST:] for at, test in failed_tests(lines).items() if at < before][:TESTS]
    return [line for test in tests for line in test] + lines[-LAST:]
