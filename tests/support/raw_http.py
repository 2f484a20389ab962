"""HTTP as bytes, for requests that no well-behaved client would send."""
import socket

from support.client import Answer


class RawConnection:
    """One TCP connection that sends what it is told and parses responses."""

    def __init__(self, address, timeout=60):
        self.socket = socket.create_connection(address, timeout=timeout)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data.encode("latin-1") if isinstance(data, str) else data)
        return self

    def _more(self):
        data = self.socket.recv(65536)
        self.buffer += data
        return bool(data)

    def _until(self, mark):
        while mark not in self.buffer:
            if not self._more():
                raise ConnectionError(f"closed with {self.buffer!r}")
        head, self.buffer = self.buffer.split(mark, 1)
        return head

    def _exactly(self, size):
        while len(self.buffer) < size:
            if not self._more():
                raise ConnectionError(f"closed within a body of {size}: {self.buffer!r}")
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data

    def response(self, to="GET"):
        """The next response; informational ones are returned too."""
        first, *rest = self._until(b"\r\n\r\n").split(b"\r\n")
        status = int(first.split()[1])
        headers = Headers((line.split(b":", 1)[0].decode(), line.split(b":", 1)[1].strip().decode()) for line in rest)
        if to == "HEAD" or status < 200 or status in (204, 304):
            return Answer(status, headers, b"")
        if headers["Transfer-Encoding"] == "chunked":
            return Answer(status, headers, b"".join(iter(self._chunk, b"")))
        return Answer(status, headers, self._exactly(int(headers["Content-Length"])))

    def _chunk(self):
        size = int(self._until(b"\r\n").split(b";")[0], 16)
        data = self._exactly(size)
        self._until(b"\r\n")
        return data

    def closed(self):
        """Waits for the server to close; true when it did without sending more, false when more came."""
        try:
            return not self.buffer and not self._more()
        except ConnectionResetError:
            return True


class Headers(dict):
    """Header fields without regard to case; None for an absent one."""

    def __init__(self, pairs):
        super().__init__((name.lower(), value) for name, value in pairs)

    def __getitem__(self, name):
        return self.get(name.lower())


def request(method="GET", path="/health", headers=(), body=b"", host="localhost"):
    """A well-formed request as bytes; `headers` may carry anything."""
    body = body.encode() if isinstance(body, str) else body
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", *headers]
    if body and not any(line.lower().startswith(("content-length", "transfer-encoding")) for line in headers):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body
