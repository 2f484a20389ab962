"""A reader of Server-Sent Events (WHATWG HTML, section 9.2)."""
import http.client
import itertools
import json
import urllib.parse


class EventSource:
    """Opens GET /events/stream; iterating yields messages {id, event, data}. Comments are counted."""

    def __init__(self, server, last_event_id=None, timeout=60, path="/events/stream", **query):
        self.connection = http.client.HTTPConnection(*server.address, timeout=timeout)
        headers = {"Accept": "text/event-stream"}
        if last_event_id is not None:
            headers["Last-Event-ID"] = last_event_id
        self.connection.request("GET", f"{path}?{urllib.parse.urlencode(query)}", headers=headers)
        self.response = self.connection.getresponse()
        self.comments = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.response.close()
        self.connection.close()

    def __iter__(self):
        message = {}
        while line := self.response.readline():
            text = line.decode().rstrip("\r\n")
            if not text:
                if "data" in message:
                    yield message
                message = {}
            elif text.startswith(":"):
                self.comments += 1
            else:
                field, _, value = text.partition(": ")
                message[field] = json.loads(value) if field == "data" else value

    def take(self, count):
        """The next `count` messages."""
        taken = list(itertools.islice(self, count))
        assert len(taken) == count, f"the stream ended after {len(taken)} of {count}"
        return taken
