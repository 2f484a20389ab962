"""Reads and runs the ```console blocks of a page.

A line "$ command" is a command, lines "> …" go on with it, the rest is what it prints. In what it prints, "…" stands for any
text of a line, and a line "…" for any lines. A command may end with "&": it then is a service, and the next command waits
until it is ready. The page says localhost:8000; the runner takes a free port instead. A page that speaks of "$DATABASE_URL"
gets a database and a virtual host of its own.
"""
import os
import re
import socket
import subprocess
import time
import urllib.error
import urllib.request

from support.children import ending_with_us
from support.server import ROOT, clean_environment

MARK = "--- end of command"


class Step:
    """One command with the output that the page shows."""

    def __init__(self, line, command):
        self.line, self.command, self.output = line, command, []


def steps_of(page):
    """The commands of a page in order."""
    steps, inside = [], False
    for number, line in enumerate(page.read_text().splitlines(), 1):
        if line.startswith("```"):
            inside = line.strip() == "```console"
        elif inside and line.startswith("$ "):
            steps.append(Step(number, line[2:]))
        elif inside and line.startswith("> "):
            steps[-1].command += "\n" + line[2:]
        elif inside:
            steps[-1].output.append(line)
    return steps


def pattern_of(output):
    """A regular expression for the output that a page shows."""
    lines = []
    for line in output:
        lines.append(r"(?:.*\n)*?" if line.strip() == "…" else ".*?".join(map(re.escape, line.rstrip().split("…"))) + r"[ ]*\n")
    return re.compile("".join(lines))


def checkout(place):
    """A folder that looks like a clone: the project's files, linked, and nobody's data."""
    for entry in ROOT.iterdir():
        if entry.name not in (".git", "eventbus-data"):
            (place / entry.name).symlink_to(entry)
    return place


class Shell:
    """One bash in which a page's commands run, as somebody would type them."""

    def __init__(self, place, **settings):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        environment = clean_environment(EVENTBUS_LISTEN=f"127.0.0.1:{self.port}", EVENTBUS_URL=f"http://127.0.0.1:{self.port}",
                                        EVENTBUS_DATA_DIR=str(place / "eventbus-data"), COLUMNS="200", **settings)
        environment["HOME"] = str(place)
        self.bash = subprocess.Popen(["bash"], cwd=place, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                     stderr=subprocess.STDOUT, text=True, start_new_session=True, preexec_fn=ending_with_us())

    def run(self, step):
        """The exit status and the output of a step."""
        command = step.command.replace("localhost:8000", f"127.0.0.1:{self.port}")
        service = command.rstrip().endswith("&")
        self.bash.stdin.write(f"{{ {command}\n}} </dev/null\nprintf '%s %d\\n' '{MARK}' $?\n")
        self.bash.stdin.flush()
        output = ""
        for line in self.bash.stdout:
            if MARK in line:
                before, _, status = line.partition(MARK)
                if service:
                    self.wait_until_ready()
                output = re.sub(r"^bash: line \d+: +\d+ Killed +.*\n", "", output + before, flags=re.M)  # of a service, as asked
                return int(status), output.replace(f"127.0.0.1:{self.port}", "localhost:8000")
            output += line
        raise AssertionError(f"the shell ended within {step.command!r}: {output}")

    def wait_until_ready(self):
        deadline = time.monotonic() + 900  # script/server may have to build
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/ready", timeout=2) as answer:
                    return answer.status
            except (urllib.error.URLError, ConnectionError):
                assert time.monotonic() < deadline, "the service did not become ready"
                time.sleep(0.05)

    def close(self):
        """Ends the shell and every process it left behind."""
        os.killpg(self.bash.pid, 9)
        self.bash.wait(60)
