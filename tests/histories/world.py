"""The running service that histories are played against: one process, or several instances of the production engine; and what strikes it."""
import os
import pathlib
import shutil
import tempfile
import time
import types

from histories.plan import EMBEDDED, PRODUCTION
from histories.records import Strike
from support import faults
from support.cluster import Cluster, Instance
from support.server import Server

LAST_LINES = 8  # of a log


class World:
    """`instances` grows while one is added. Strikes are done by the main thread: servers end with the thread that started them."""

    def __init__(self, size):
        self.production = os.environ.get("EVENTBUS_TEST_ENGINE") == "production"
        self.kinds = PRODUCTION if self.production else EMBEDDED
        self.size = size if self.production else 1
        self.place = pathlib.Path(tempfile.mkdtemp(prefix="eventbus-histories-"))
        self.cluster = Cluster(self.place, self.size) if self.production else None
        self.instances = self.cluster.instances if self.cluster else [Server(self.place / "instance-0", LOG_LEVEL="WARNING")]

    def __enter__(self):
        (self.cluster or self.instances[0]).__enter__()
        return self

    def __exit__(self, *error):
        (self.cluster or self.instances[0]).__exit__(*error)
        shutil.rmtree(self.place, ignore_errors=True)

    def strike(self, blow, dice):
        """What the blow did, when it is over."""
        number, began = blow.instance % self.size, time.monotonic()
        hit = types.SimpleNamespace(instances=[self.instances[number]])
        if blow.kind == "instance added":
            number = len(self.instances)
            self.instances.append(Instance(self.place / "added", self.cluster.shared).start())
        elif blow.kind.startswith("everybody's"):
            number = None
            for instance in self.instances:
                instance.gates["rabbitmq"].cut()
        else:
            faults.FAULTS[blow.kind](hit, dice)
        return Strike(blow.kind, number, began, time.monotonic())

    def leave(self):
        """Stops whoever was added; the strikes that this is."""
        strikes = []
        while len(self.instances) > self.size:
            began = time.monotonic()
            self.instances[-1].stop()
            for gate in self.instances.pop().gates.values():
                gate.close()
            strikes.append(Strike("added instance stopped", len(self.instances), began, time.monotonic()))
        return strikes

    def heal(self):
        """Everybody runs, is ready, and has relayed all; what had ended by itself is told."""
        dead = [instance for instance in self.instances if instance.process.poll() is not None]
        told = ["\n".join(("an instance died; its last words:", *instance.lines[-LAST_LINES:])) for instance in dead]
        for instance in dead:
            instance.start()
        if self.cluster:
            self.cluster.until_ready()
            self.cluster.until_relayed()
        return told
