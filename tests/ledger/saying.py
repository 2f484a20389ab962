"""How a request is put on the wire: what must not matter, and what must be refused."""
import dataclasses
import itertools
import zlib

LINE, BEFORE_LINE_END = -1, -2  # sizes of pieces: up to and with the next LF, up to it without
MOST_PIECES = 400
CONSTANTS = (256, 4096, 8192, 65536, 131072, 262144)  # bytes that the code counts in, below those of events and batches
HEADS = (8191, 8192, 8193, 32768)  # of what is read at a time; the largest that is allowed


@dataclasses.dataclass(frozen=True)
class Saying:
    """One way of saying a request. Sizes of pieces are used in turn; what is left behind MOST_PIECES goes in one piece."""
    chunks: tuple = None  # sizes of the chunks of a chunked body; None for a body with its length
    writes: tuple = ()  # sizes of what is written to the socket at a time; none for all at once
    version: str = "1.1"
    connection: str = "kept"  # kept, fresh, closing
    line_end: str = "\n"
    last: str = "\n"  # behind the last line
    blanks: int = 0  # a blank line before each so-manieth line
    style: str = "compact"
    extension: int = 0  # bytes of the first chunk's extension
    trailer: bool = False
    expects: bool = False  # 100-continue
    head: int = 0  # bytes that request line and headers are filled up to
    flaw: str | None = None  # gzip, media, lengths, chunk, hangs up


def split(data, sizes):
    """The data in pieces of these sizes, in turn."""
    start = 0
    for size in itertools.islice(itertools.cycle(sizes), MOST_PIECES) if sizes else ():
        if start >= len(data):
            return
        end = start + size if size > 0 else line_piece(data, start, size)
        yield data[start:end]
        start = min(end, len(data))
    if start < len(data):
        yield data[start:]


def line_piece(data, start, size):
    found = data.find(b"\n", start)
    return len(data) if found < 0 else max(found, start + 1) if size == BEFORE_LINE_END else found + 1


def lines(texts, saying):
    """NDJSON."""
    parts, end = [], saying.line_end.encode()
    for number, text in enumerate(texts):
        if saying.blanks and number % saying.blanks == 0:
            parts.append(end)
        parts += (text, end)
    if parts:
        parts[-1] = saying.last.encode()
    elif saying.blanks:
        parts = [end] * saying.blanks
    return b"".join(parts)


def chunked(body, saying):
    """The body in chunks. With the flaw `chunk` the middle one has a size that is none."""
    pieces, out = list(split(body, saying.chunks)), []
    for number, piece in enumerate(pieces):
        spoiled = saying.flaw == "chunk" and number == len(pieces) // 2
        extension = ";x=" + "y" * saying.extension if saying.extension and number == 0 else ""
        out += (b"xyz\r\n" if spoiled else f"{len(piece):x}{extension}\r\n".encode(), piece, b"\r\n")
    if saying.flaw == "chunk" and not pieces:
        out.append(b"xyz\r\n")
    return b"".join(out) + b"0\r\n" + (b"X-Checked: yes\r\n" if saying.trailer else b"") + b"\r\n"


def arriving(body, saying):
    """How much of the body can reach the service's reader of lines before the flaw spoils the request."""
    if saying.flaw == "hangs up":
        return len(body) // 2 if saying.chunks is None else min(len(body), len(chunked(body, saying)) // 2)
    if saying.flaw == "chunk":
        pieces = list(split(body, saying.chunks))
        return sum(map(len, pieces[:len(pieces) // 2]))
    return len(body)


def head(path, headers, body, saying):
    """Request line and header fields."""
    fields = [f"POST {path} HTTP/{saying.version}", "Host: localhost", *headers]
    if saying.connection == "closing" and saying.version == "1.1":
        fields.append("Connection: close")
    if saying.connection != "closing" and saying.version == "1.0":
        fields.append("Connection: keep-alive")
    if saying.expects:
        fields.append("Expect: 100-continue")
    if saying.flaw == "gzip":
        fields.append("Content-Encoding: gzip")
    if saying.chunks is not None:
        fields.append("Transfer-Encoding: chunked")
    if saying.chunks is None or saying.flaw == "lengths":
        fields.append(f"Content-Length: {len(body)}")
    if saying.flaw == "lengths" and saying.chunks is None:
        fields.append("Transfer-Encoding: chunked")
    size = len("\r\n".join(fields).encode()) + len("\r\n\r\n")
    filler = saying.head - size - len("\r\nX-Filler: ")
    return "\r\n".join([*fields, "X-Filler: " + "f" * filler] if filler > 0 else fields).encode() + b"\r\n\r\n"


def message(path, headers, body, saying):
    """(head, framed body) of the request."""
    if saying.flaw == "gzip":
        packer = zlib.compressobj(1, zlib.DEFLATED, 31)
        body = packer.compress(body) + packer.flush()
    framed = body if saying.chunks is None else chunked(body, saying)
    if saying.flaw == "hangs up":
        framed = framed[:arriving(body, saying)] if saying.chunks is None else framed[:len(framed) // 2]
    return head(path, headers, body, saying), framed
