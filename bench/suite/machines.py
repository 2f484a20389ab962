"""Starts what is measured: the service and its peers, each on a free port with its own empty directory."""
import contextlib
import json
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time

from support.server import ROOT, Server

PROGRAMS = ROOT / "build/release/bench"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def directory():
    """An empty directory on the disk that the build lies on (not a tmpfs: flushing must cost what it costs)."""
    place = pathlib.Path(tempfile.mkdtemp(prefix="bench-", dir=ROOT / "build"))
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


@contextlib.contextmanager
def eventbus(data=None, **settings):
    with directory() if data is None else contextlib.nullcontext(data) as place:
        with Server(place, LOG_LEVEL="WARNING", **settings) as server:
            yield server


@contextlib.contextmanager
def process(*command):
    started = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        yield started
    finally:
        started.terminate()
        started.wait(30)


@contextlib.contextmanager
def constant_server():
    with process(PROGRAMS / "constant_server") as started:
        yield int(started.stdout.readline())


@contextlib.contextmanager
def stream_readers(port, count, event_type=""):
    """So many clients that follow the stream of events."""
    with process(PROGRAMS / "stream_readers", port, count, event_type) as started:
        if started.stdout.readline() != "following\n":
            raise RuntimeError("the readers of the stream could not follow it")
        yield
        if started.poll() is not None:
            raise RuntimeError("the readers of the stream ended")


def wait_for_port(port):
    deadline = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return port
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


@contextlib.contextmanager
def redis():
    port = free_port()
    with directory() as place, process("redis-server", "--port", port, "--dir", place, "--appendonly", "yes", "--appendfsync", "always",
                                       "--save", "", "--bind", "127.0.0.1"):
        yield wait_for_port(port)


@contextlib.contextmanager
def jetstream():
    port = free_port()
    with directory() as place, process("nats-server", "-js", "-sd", place, "-a", "127.0.0.1", "-p", port):
        yield wait_for_port(port)


def measure(program, *arguments):
    """Runs a load program to its end; what it measured."""
    done = subprocess.run([PROGRAMS / program, *map(str, arguments)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{program} {arguments}: {done.stderr}")
    return json.loads(done.stdout)


def http_load(mode, port, **options):
    flags = []
    for name, value in options.items():
        flags += [f"--{name}"] if value is True else [f"--{name}", value]
    return measure("http_load", mode, "--port", port, *flags)


def redis_xadd(port, count):
    """XADD of 300 bytes by 64 connections without pipelining, with redis-benchmark."""
    done = subprocess.run(["redis-benchmark", "-p", str(port), "-c", "64", "-n", str(count), "--csv", "xadd", "bench", "*", "event", "x" * 300],
                          capture_output=True, text=True, check=True)
    names, values = ([field.strip('"') for field in line.split('","')] for line in done.stdout.strip().splitlines()[-2:])
    row = dict(zip(names, values))
    return {"per_second": float(row["rps"]), "latency": {"p50_ms": float(row["p50_latency_ms"]), "p99_ms": float(row["p99_latency_ms"])}}


def memory_mb(server):
    """Resident memory of the service."""
    status = pathlib.Path(f"/proc/{server.process.pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024
