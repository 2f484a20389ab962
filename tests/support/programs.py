"""Programs that run to their end."""
import os
import subprocess

PATIENCE = 900  # a build may be among them


def run(*command, stdin=None, fails=False, **environment):
    """What the program printed; it must succeed, or fail where that is expected."""
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, input=stdin, env=environment or None, check=False,
                          timeout=PATIENCE)
    assert (done.returncode != 0) == fails, done.stdout + done.stderr
    return done.stderr if fails else done.stdout


def as_root(*command):
    """Runs it through sudo when we are not root, as script/bootstrap does."""
    run(*(() if os.geteuid() == 0 else ("sudo",)), *command)
