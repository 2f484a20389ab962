"""Several instances of the service over one database and one virtual host, each behind gates of its own."""
import http.client
import re
import time
import urllib.parse

from support.dependencies import postgres, production_settings, rabbitmq
from support.gate import Gate
from support.server import Server
from support.waiting import eventually

PATIENCE = 60
GONE = (ConnectionError, http.client.HTTPException, OSError)


def through(url, gate):
    """The URL, by way of the gate."""
    parts = urllib.parse.urlsplit(url)
    return parts._replace(netloc=parts.netloc.replace(f":{parts.port}", f":{gate.port}")).geturl()


class Instance(Server):
    """One of them."""

    def __init__(self, directory, shared, **settings):
        self.gates = {"postgres": Gate(postgres().port), "rabbitmq": Gate(rabbitmq().port)}
        urls = {"DATABASE_URL": through(shared["DATABASE_URL"], self.gates["postgres"]), "RABBITMQ_URL": through(shared["RABBITMQ_URL"], self.gates["rabbitmq"])}
        super().__init__(directory, **urls, EVENTBUS_DRAIN_SECONDS=5, **settings)

    def metric(self, name):
        found = re.search(rf"^{name} (\S+)$", self.client(timeout=5).get("/metrics").body.decode(), re.M)
        return float(found[1]) if found else 0

    def is_ready(self):
        try:
            return self.client(timeout=5).get("/ready").status == 200
        except GONE:
            return False


class Cluster:
    """Starts `size` instances and ends them with everything of theirs."""

    def __init__(self, place, size):
        self.shared = production_settings(place)
        self.instances = [Instance(place / f"instance-{number}", self.shared) for number in range(size)]

    def __enter__(self):
        for instance in self.instances:
            instance.start()
        return self

    def __exit__(self, kind, *_):
        for instance in self.instances:
            instance.kill() if kind else instance.stop()
            for gate in instance.gates.values():
                gate.close()

    def let_lead(self, leader, **settings):
        """Starts everybody again, this one first and with these settings for this life, so that it relays."""
        for instance in self.instances:
            instance.stop()
        usual = leader.settings
        leader.settings = usual | settings
        leader.start()
        leader.settings = usual
        leader.wait_for_log(lambda line: "relays the outbox" in line)
        for instance in self.instances:
            if instance is not leader:
                instance.start()
        return leader

    def until_ready(self):
        eventually(lambda: all(instance.is_ready() for instance in self.instances), PATIENCE)

    def until_relayed(self, patience=PATIENCE):
        """Until nothing stored waits for RabbitMQ. Asks the database, so that no instance's opinion counts."""
        database = self.shared["DATABASE_URL"].rpartition("/")[2]
        deadline = time.monotonic() + patience
        while (left := postgres().ask(database, "SELECT count(*) FROM eventbus_outbox")) != "0":
            assert time.monotonic() < deadline, f"{left} appends still wait in the outbox after {patience} s\n{self.log()}"
            time.sleep(0.05)

    def numbers(self):
        """What the instances say of their connections and breakers."""
        return "\n".join(line for instance in self.instances for line in instance.client(timeout=5).get("/metrics").body.decode().splitlines()
                         if re.match("eventbus_(pool|breaker|active|outbox|queue_messages)", line))

    def log(self):
        return "\n".join(f"--- instance {number}\n{instance.log[-3000:]}" for number, instance in enumerate(self.instances))
