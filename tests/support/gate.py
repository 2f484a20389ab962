"""A TCP gate between a service and what it depends on: open, stalled (nothing gets through), or shut (connections end, new ones too)."""
import contextlib
import socket
import threading

STALL = 600  # seconds: no test stalls a gate for longer


class Gate:
    """Forwards a free local port to `target`, a port of this machine."""

    def __init__(self, target):
        self.target = target
        self.flowing = threading.Event()
        self.flowing.set()
        self.shut = False
        self.lock = threading.Lock()
        self.sockets = set()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self):
        """Ends every connection; new ones get through."""
        with self.lock:
            ending, self.sockets = self.sockets, set()
        for one in ending:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def refuse(self):
        self.shut = True
        self.cut()

    def stall(self):
        self.flowing.clear()

    def open(self):
        self.shut = False
        self.flowing.set()

    def close(self):
        self.listener.close()
        self.open()
        self.cut()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client):
        self.flowing.wait(STALL)
        try:
            if self.shut:
                raise ConnectionRefusedError
            server = socket.create_connection(("127.0.0.1", self.target), 5)
        except OSError:
            client.close()
            return
        server.settimeout(None)
        with self.lock:
            self.sockets |= {client, server}
        ways = [threading.Thread(target=self._forward, args=way, daemon=True) for way in ((client, server), (server, client))]
        for way in ways:
            way.start()
        for way in ways:
            way.join()
        with self.lock:
            self.sockets -= {client, server}
        client.close()
        server.close()

    def _forward(self, source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self.flowing.wait(STALL)
                sink.sendall(data)
        for one in (source, sink):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
