"""The running service that histories are played against: one process, or several instances of the production engine."""
import os
import pathlib
import shutil
import socket
import tempfile

from support.dependencies import production_settings
from support.raw_http import RawConnection
from support.server import Server

MOST_BYTES = 256 << 20  # published into one data directory; then a new one


class World:
    """Servers and the connections to them. Number n of an instance means n modulo how many there are."""

    def __init__(self, instances=1):
        self.production = os.environ.get("EVENTBUS_TEST_ENGINE") == "production"
        self.size = instances if self.production else 1
        self.servers, self.place, self.published = [], None, 0
        self.raws, self.clients = {}, {}

    def __enter__(self):
        self.place = pathlib.Path(tempfile.mkdtemp(prefix="eventbus-ledger-"))
        shared = production_settings(self.place) if self.production else {}
        self.servers = [Server(self.place / f"instance-{number}", LOG_LEVEL="WARNING", **shared) for number in range(self.size)]
        for server in self.servers:
            server.start()
        self.published = 0
        return self

    def __exit__(self, kind, *_):
        self.forget(range(self.size))
        for server in self.servers:
            server.kill() if kind else server.stop()
        shutil.rmtree(self.place, ignore_errors=True)

    def renewed(self):
        """Itself, every server running, and empty again when much was published into it."""
        for server in self.dead():
            server.start()
        if self.published > MOST_BYTES and not self.production:
            self.__exit__(None)
            self.__enter__()
        return self

    def dead(self):
        """The servers that ended by themselves."""
        return [server for server in self.servers if server.process.poll() is not None]

    def last_words(self, most=8):
        """The end of each server's log."""
        return [f"{server.directory.name}: {line}" for server in self.servers for line in server.lines[-most:]]

    def server(self, instance):
        return self.servers[instance % self.size]

    def client(self, instance):
        """The connection for all but publishing."""
        number = instance % self.size
        if number not in self.clients:
            self.clients[number] = self.servers[number].client()
        return self.clients[number]

    def raw(self, instance, fresh=False):
        """The connection for publishing, kept from request to request."""
        number = instance % self.size
        if fresh:
            self.drop(instance)
        if number not in self.raws:
            self.raws[number] = RawConnection(self.servers[number].address)
            self.raws[number].socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self.raws[number]

    def drop(self, instance):
        """Closes the connection for publishing."""
        raw = self.raws.pop(instance % self.size, None)
        if raw:
            raw.socket.close()

    def forget(self, instances):
        for instance in instances:
            self.drop(instance)
            client = self.clients.pop(instance % self.size, None)
            if client:
                client.close()

    def again(self, instance, end):
        """Ends an instance by `end`, a method of Server, and starts it."""
        self.forget([instance])
        end(self.server(instance))
        self.server(instance).start()
