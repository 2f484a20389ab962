"""The request that a publish of a history stands for."""
from ledger.events import document, said, written
from ledger.saying import arriving, lines, message

TYPES = {"single": "application/json", "structured": "application/cloudevents+json", "binary": "application/json", "batch": "application/json",
         "cloud_batch": "application/cloudevents-batch+json", "ndjson": "application/x-ndjson"}
LARGEST_BATCH = 16 << 20  # EVENTBUS_MAX_BATCH_BYTES


class Request:
    """Bytes, and what they hold: `texts` of the events, the `body` they make, how many bytes of it `arrive` before a flaw."""

    def __init__(self, publish, names):
        self.publish = publish
        self.texts = [self.text(event, names) for event in publish.events]
        self.body = self.join()
        self.arrive = arriving(self.body, publish.saying)
        kind = "text/plain" if publish.saying.flaw == "media" else TYPES[publish.form]
        headers = [f"Content-Type: {kind}", *(binary_headers(publish.events[0], names) if publish.form == "binary" else ())]
        self.head, self.framed = message(self.path(), headers, self.body, publish.saying)

    def text(self, event, names):
        if self.publish.form != "binary":
            return said(event, names, self.publish.saying.style)
        text = written(document(event, names)["data"], self.publish.saying.style)
        return text[:-1] if event.flaw == "broken" else text

    def join(self):
        if self.publish.form == "ndjson":
            return lines(self.texts, self.publish.saying)
        if self.publish.form == "batch":
            return b'{"events":[' + b",".join(self.texts) + b"]}"
        if self.publish.form == "cloud_batch":
            return b"[" + b",".join(self.texts) + b"]"
        return self.texts[0]

    def path(self):
        if self.publish.form in ("batch", "cloud_batch", "ndjson"):
            return "/events/batch" + ("?atomic=true" if self.publish.atomic else "")
        return "/events" + ("?wait=published" if self.publish.wait else "")

    def arrived(self):
        """The numbers of the events, as they stand in the body, all of whose bytes may be with the service."""
        if self.arrive >= len(self.body):
            return range(len(self.texts))
        ends, place = [], 0
        for text in self.texts:
            place = self.body.index(text, place) + len(text)
            ends.append(place)
        return [number for number, end in enumerate(ends) if end <= self.arrive]


def binary_headers(event, names):
    """The attributes of a CloudEvent in binary mode."""
    attributes = {name: str(value).replace(" ", "%20") for name, value in document(event, names).items() if name != "data"}
    return [f"ce-{'co_lour' if name == 'Colour' else name}: {value}" for name, value in attributes.items()]
