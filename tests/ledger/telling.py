"""Draws how a request is said."""
from ledger.events import STYLES
from ledger.saying import BEFORE_LINE_END, CONSTANTS, HEADS, LINE, Saying

REFUSED = ("gzip", "media", "lengths", "chunk", "hangs up")
LASTS = ("\n", "", "", "\r\n", "\n\n", "\r")


def saying(dice, form, small):
    """A way of saying for this form; a small request may be cut into single bytes."""
    lines = form == "ndjson"
    chunks = pieces(dice, small) if dice.random() < 0.4 else None
    flaw = dice.choice(REFUSED) if dice.random() < (0.12 if small else 0.04) else None
    if flaw == "chunk" and chunks is None:
        chunks = pieces(dice, small)
    old = chunks is None and flaw is None and dice.random() < 0.1
    return Saying(
        chunks=chunks,
        writes=pieces(dice, small) if dice.random() < 0.4 else (),
        version="1.0" if old else "1.1",
        connection=dice.choice(("kept",) * 6 + ("fresh", "closing")),
        line_end=dice.choice(("\n", "\n", "\r\n")) if lines else "\n",
        last=dice.choice(LASTS) if lines else "\n",
        blanks=dice.choice((0, 0, 0, 1, 2, 7)) if lines else 0,
        style=dice.choice(("compact", "compact", *STYLES)),
        extension=dice.choice((1, 64, 4000)) if chunks and dice.random() < 0.3 else 0,
        trailer=chunks is not None and dice.random() < 0.2,
        head=dice.choice(HEADS) if dice.random() < 0.1 else 0,
        expects=not old and flaw is None and dice.random() < 0.1,
        flaw=flaw)


def pieces(dice, small):
    """Sizes of pieces: constants and around them, lines, cuts before a line's end, and for small requests single bytes."""
    constant = dice.choice(CONSTANTS) + dice.choice((-1, 0, 1))
    return dice.choice(((1,) if small else (constant,), (LINE,), (BEFORE_LINE_END,), (constant,), (constant, 1), (dice.randint(2, 5000),), (LINE, LINE, constant)))
