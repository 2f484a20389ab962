"""What script/test runs: each ring as a function, in the order of STEPS."""
import functools
import os
import re
import shutil
import subprocess

from rings.newer import newer
from rings.step import HOUR, ROOT, run
from support.server import Server

OPENAPI_VALIDATOR = "@seriousme/openapi-schema-validator@2.2.5"
PYTEST = ("/usr/bin/python3", "-m", "pytest", "-c", "tests/pytest.ini", "--rootdir", "tests")
SOURCES = ("eventbus", "fuzz", "bench", "examples", "tests")
CORES = os.cpu_count() or 2


def house(tally, _):
    """house rules: module map, includes, file sizes, waits; and the tests of the tests"""
    run(tally, "/usr/bin/python3", "tests/house/house.py", ROOT, check=True)
    run(tally, *PYTEST, "tests/house", show=True, counts=True)


def build_release(tally, _):
    """release build with tests"""
    run(tally, "script/build", "release", EVENTBUS_BUILD_OPTIONS="-DEVENTBUS_TESTS=ON")


def unit(tally, _):
    """unit and conformance tests"""
    ctest(tally, "release", jobs=CORES + 1)


ON_REAL_SERVERS = "amqp|postgres|rabbitmq|library"
ONLY_FULL_SANITIZED = f"{ON_REAL_SERVERS}|^cli$"  # building and running them takes half an hour
WITHOUT_THREADS = "^core$|^cli_|^testing$|^bus$|^http$|^broker_embedded$"  # the last three live on the event loop; their threads are those of sqlite


def ctest(tally, preset, *prefix, only=".", without="^$", jobs=CORES):
    run(tally, *prefix, "ctest", "--test-dir", f"build/{preset}", "--verbose", "--tests-regex", only, "--exclude-regex", f"^house$|{without}",
        "-j", jobs, counts=True, TSAN_OPTIONS=f"suppressions={ROOT}/tests/tsan_suppressions.txt")


def build_tests(tally, preset, without):
    """Builds the test programs that `ctest` runs, and nothing else."""
    run(tally, "cmake", "--preset", preset)
    listed = subprocess.run(["ctest", "--test-dir", f"build/{preset}", "-N", "--exclude-regex", f"^house$|{without}"], cwd=ROOT, capture_output=True,
                            text=True, check=True, timeout=60).stdout
    run(tally, "script/build", preset, *sorted({f"{name}_test" for name in re.findall(r"Test +#\d+: (\S+?)(?:_\d+)?\n", listed)}))


def unit_production(tally, options):
    """unit and conformance tests that need PostgreSQL or RabbitMQ"""
    build_release(tally, options)  # the commands that `docs` types build the program without its tests
    ctest(tally, "release", only=ON_REAL_SERVERS, jobs=CORES + 1)


def system(tally, _):
    """the real program as a black box"""
    run(tally, "npm", "install", "--loglevel=error", "--no-save", "--no-audit", "--no-fund", "--prefix", "build/npm", OPENAPI_VALIDATOR)
    run(tally, *PYTEST, "tests/system", show=True, counts=True)


def system_production(tally, _):
    """the same tests as `system`, on PostgreSQL and RabbitMQ"""
    run(tally, *PYTEST, "tests/system", show=True, counts=True, EVENTBUS_TEST_ENGINE="production")


def engines(tally, options):
    """the production engine when PostgreSQL or RabbitMQ is wrong or away, or their data come from an earlier service"""
    rows = os.environ.get("EVENTBUS_TAKE_OVER_ROWS") or ("1000000" if options.full else "50000")
    run(tally, *PYTEST, "tests/engines", show=True, counts=True, EVENTBUS_TAKE_OVER_ROWS=rows, within=2 * HOUR)


def library(tally, _):
    """programs that build with an installed copy of the C++ library"""
    run(tally, *PYTEST, "tests/library", show=True, counts=True)


def deploy(tally, _):
    """container image and Compose file against the program"""
    run(tally, *PYTEST, "tests/deploy", show=True, counts=True)


def interop(tally, _):
    """an AMQP client that knows nothing of the service"""
    run(tally, *PYTEST, "tests/interop", show=True, counts=True)


def crash(tally, options):
    """kill -9 under load and at named points"""
    rounds = os.environ.get("EVENTBUS_CRASH_ROUNDS") or ("100" if options.full else "20")
    run(tally, *PYTEST, "tests/crash", show=True, counts=True, EVENTBUS_CRASH_ROUNDS=rounds, within=4 * HOUR)


def chaos(tally, options):
    """several instances on PostgreSQL and RabbitMQ: whatever fails under load, nothing is lost"""
    rounds = os.environ.get("EVENTBUS_CHAOS_ROUNDS") or ("100" if options.full else "4")
    run(tally, *PYTEST, "tests/chaos", show=True, counts=True, EVENTBUS_CHAOS_ROUNDS=rounds, within=4 * HOUR)


def ledger(tally, options):
    """histories drawn from seeds, said in every way HTTP allows, against a ledger"""
    run(tally, *PYTEST, "tests/ledger", counts=True)
    play = ("/usr/bin/python3", "-u", "-m", "ledger")
    if options.seeds or options.seed:
        chosen = ("--seeds", options.seeds) if options.seeds else ("--seed", options.seed)
        run(tally, *play, *chosen, "--instances", options.instances, show=True, counts=True)
        return
    run(tally, *play, show=True, counts=True, EVENTBUS_TEST_ENGINE="embedded")
    ledger_production(tally, options)


def ledger_production(tally, _):
    """some histories on PostgreSQL and RabbitMQ, one instance and three"""
    play = ("/usr/bin/python3", "-u", "-m", "ledger")
    some = [word for seed in (2, 3, 9, 63) for word in ("--seed", seed)]
    run(tally, *play, *some, "--instances", 1, 3, show=True, counts=True, EVENTBUS_TEST_ENGINE="production")


def histories(tally, _):
    """the judge of what many clients saw, against small histories; those of the real program are played by hand"""
    run(tally, *PYTEST, "tests/histories", counts=True)


def docs(tally, _):
    """every command of README.md and docs/ as typed"""
    run(tally, *PYTEST, "tests/docs", show=True, counts=True)


def http_fuzz(tally, options):
    """mutated HTTP requests: no crash, no 500"""
    place = ROOT / "build/http-fuzz"
    shutil.rmtree(place, ignore_errors=True)
    server = Server(place, LOG_LEVEL="WARNING", EVENTBUS_HEADER_TIMEOUT_MS=1000, EVENTBUS_BODY_TIMEOUT_MS=1000)
    with server:
        run(tally, "build/release/tests/http_requests", server.port, 1_000_000 if options.full else 100_000, show=True, check=True)


def dev(tally, options):
    """address and undefined-behaviour sanitizers over unit and conformance tests (--full: those on real servers as well)"""
    without = "^$" if options.full else ONLY_FULL_SANITIZED
    build_tests(tally, "dev", without)
    ctest(tally, "dev", without=without)


def tsan(tally, options):
    """thread sanitizer over unit and conformance tests of what has threads (--full: everything)"""
    without = "^$" if options.full else f"{ONLY_FULL_SANITIZED}|{WITHOUT_THREADS}"
    build_tests(tally, "tsan", without)
    fixed = ("setarch", "-R")  # gcc 12's runtime cannot live with much address randomization
    allowed = subprocess.run([*fixed, "true"], capture_output=True, check=False, timeout=60).returncode == 0
    ctest(tally, "tsan", *(fixed if allowed else ()), without=without)


def libfuzzer(tally, _):
    """libFuzzer targets over their corpora, some seconds each"""
    run(tally, "script/fuzz", show=True, check=True)


def sources(*patterns):
    return sorted(str(path.relative_to(ROOT)) for top in SOURCES for pattern in patterns for path in (ROOT / top).rglob(pattern))


def formatting(tally, _):
    """clang-format"""
    run(tally, "clang-format-19", "--dry-run", "--Werror", *sources("*.cpp", "*.hpp"), check=True)


def tidy(tally, options):
    """clang-tidy on what the last commit and the working tree touch (--full: on everything)"""
    if options.full:  # eight files a time, as they are compiled: each by itself takes hours
        run(tally, "cmake", "--preset", "dev", "-B", "build/tidy")
        run(tally, "run-clang-tidy-19", "-quiet", "-p", "build/tidy", "-j", CORES, "-checks=-bugprone-suspicious-include", check=True)
        return
    files = [path for path in sources("*.cpp") if path.startswith("eventbus/") and path in touched()]
    if files:
        run(tally, "cmake", "--preset", "dev", "-B", "build/tidy", "-DCMAKE_UNITY_BUILD=OFF")
        run(tally, "run-clang-tidy-19", "-quiet", "-p", "build/tidy", "-j", CORES, *(f"^{ROOT}/{path}$" for path in files), check=True)


@functools.cache
def touched():
    """Sources that changed lately, headers' own sources included."""
    def git(*arguments):
        return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()
    start = (git("rev-list", "--max-count=2", "HEAD") or [""])[-1]
    changed = {*git("diff", "--name-only", start), *git("ls-files", "--others", "--exclude-standard")}
    return changed | {path.replace(".hpp", ".cpp") for path in changed}


STEPS = [house, build_release, unit, system, system_production, engines, interop, library, deploy, ledger, histories, crash, docs, http_fuzz, dev, tsan, libfuzzer, formatting, tidy, chaos]
NEWER = [newer(step) for step in (house, unit_production, system_production, engines, interop, ledger_production, chaos)]
STEPS += NEWER
ONLY_FULL = {system_production, *NEWER}  # a quarter of an hour more, and an hour; the rings behind it use that engine as well
BESIDE = {dev, tsan, libfuzzer, formatting, tidy}  # all compiling, in the time that the rings on servers spend waiting
PARTS = {
    "house": [house],
    "unit": [house, build_release, unit],
    **{step.__name__.replace("_", "-"): [build_release, step] for step in (system, system_production, engines, interop, library, deploy, ledger, histories, crash, chaos, docs)},
    "fuzz": [build_release, http_fuzz, libfuzzer], "sanitize": [dev, tsan], "tidy": [formatting, tidy], "newer": [build_release, *NEWER]}
