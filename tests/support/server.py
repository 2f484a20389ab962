"""Runs the real `eventbus serve` on a free port, collects its log, stops or kills it."""
import atexit
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time

from support.children import ending_with_us
from support.client import Client
from support.dependencies import production_settings
from support.waiting import eventually

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("EVENTBUS_BINARY", ROOT / "build/release/eventbus")).resolve()
PATIENCE = 60.0
OWN_SETTINGS = re.compile(r"^(EVENTBUS_|LOG_|OTEL_|DATABASE_|RABBITMQ_|MAX_RETRIES$|RETRY_DELAY$|BATCH_SIZE$|POOL_)")
ADDRESSES = pathlib.Path(tempfile.mkdtemp(prefix="eventbus-addresses-"))
atexit.register(shutil.rmtree, ADDRESSES, ignore_errors=True)


def clean_environment(**settings):
    """The environment without the service's own variables, plus `settings`."""
    environment = {key: value for key, value in os.environ.items() if not OWN_SETTINGS.match(key)}
    environment.update({key: str(value) for key, value in settings.items()})
    return environment


def run(*arguments, timeout=30, stdin=None, **settings):
    """Runs the program to its end; the finished process with its text output."""
    return subprocess.run([BINARY, *map(str, arguments)], env=clean_environment(**settings), input=stdin, timeout=timeout,
                          capture_output=True, text=True, check=False)


def engine_settings(directory, engine=None):
    """Where the engine under test (EVENTBUS_TEST_ENGINE: embedded, production), unless the test is about a certain one, keeps what belongs
    to this data directory."""
    return production_settings(directory) if (engine or os.environ.get("EVENTBUS_TEST_ENGINE")) == "production" else {}


class Server:
    """One process on one data directory. Starting again after `stop` or `kill` uses the same directory."""

    def __init__(self, directory, arguments=(), before=None, **settings):
        self.directory = pathlib.Path(directory)
        self.arguments = [str(argument) for argument in arguments]
        self.before = before
        self.settings = {"EVENTBUS_LISTEN": "127.0.0.1:0", "EVENTBUS_DATA_DIR": self.directory, "LOG_FORMAT": "json"} | settings
        self.settings = engine_settings(self.directory, settings.get("EVENTBUS_ENGINE")) | self.settings
        self.process = None
        self.port = None
        self.lines = []
        self.news = threading.Condition()

    def spawn(self):
        """Starts the process without waiting for it to serve."""
        self.lines, self.port = [], None
        self.address_file.unlink(missing_ok=True)
        self.process = subprocess.Popen([BINARY, "serve", "--address-file", self.address_file, *self.arguments], env=clean_environment(**self.settings),
                                        preexec_fn=ending_with_us(also=self.before), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, text=True, errors="replace")
        self.reader = threading.Thread(target=self._collect, args=(self.process.stderr,), daemon=True)
        self.reader.start()
        return self

    def start(self):
        """Starts the process and returns once it is ready."""
        self.spawn()
        eventually(lambda: self.address_file.exists() or self.process.poll() is not None, PATIENCE, every=0.005)
        assert self.address_file.exists(), f"exit status {self.wait()} at start:\n{self.log}"
        self.port = int(self.address_file.read_text().strip().rpartition(":")[2])
        eventually(self.ready, PATIENCE)
        return self

    def ready(self):
        client = self.client()
        try:
            return client.get("/ready").status == 200
        finally:
            client.close()

    @property
    def address_file(self):
        """Where the process writes the address it took."""
        return ADDRESSES / f"{id(self)}"

    def _collect(self, stream):
        for line in stream:
            with self.news:
                self.lines.append(line.rstrip("\n"))
                self.news.notify_all()
        with self.news:
            self.news.notify_all()

    def wait_for_log(self, matches, patience=PATIENCE):
        """The first log line that `matches`, now or later; fails when the process ends or patience does."""
        deadline = time.monotonic() + patience
        with self.news:
            while True:
                found = next((line for line in self.lines if matches(line)), None)
                if found:
                    return found
                left = deadline - time.monotonic()
                ended = self.process.poll() is not None and not self.reader.is_alive()
                assert left > 0 and not ended, f"no such log line ({self.process.poll()=}):\n{self.log}"
                self.news.wait(min(left, 0.05))

    @property
    def log(self):
        return "\n".join(self.lines)

    @property
    def address(self):
        return ("127.0.0.1", self.port)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def client(self, **options):
        return Client(*self.address, **options)

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, patience=PATIENCE):
        """The exit status."""
        status = self.process.wait(patience)
        self.reader.join(patience)
        return status

    def stop(self):
        """Ends the process as an operator would, and insists on a clean end."""
        if self.process is None or self.process.poll() is not None:
            return
        self.signal(signal.SIGTERM)
        try:
            status = self.wait(60)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"SIGTERM did not end the process:\n{self.log}") from None
        assert status == 0, f"exit status {status}:\n{self.log}"

    def kill(self):
        if self.process and self.process.poll() is None:
            self.signal(signal.SIGKILL)
            self.wait()

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *_):
        self.kill() if kind else self.stop()
