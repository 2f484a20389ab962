"""Holds the answers to publishes against the books, and writes into them what each answer promised."""
import re

from ledger.events import is_that
from ledger.refusals import own_refusals, refusal_of_all
from ledger.operations import SINGLE

ACCEPTED = {"stored", "duplicate"}
CODES = {"conflict": {"event_conflict"}, "full": {"queue_full"}, 413: {"too_large"}, 400: {"malformed_json"}, 422: {"invalid"}}
STATUSES = {"stored": 201, "duplicate": 200, "conflict": 409, "full": 429}


class Judge:
    """Every broken promise is told to `violated(claim, text)`."""

    def __init__(self, books, queues, names, violated):
        self.books, self.queues, self.names, self.violated = books, queues, names, violated

    def judge(self, request, answer, calm):
        """One request and its answer, None where there was none. Not `calm`: the service was killed or stopped meanwhile."""
        self.books.published(request.publish.events)
        if answer is None or (answer.status == 503 and not calm):
            return self.unanswered(request, answer, calm)
        if answer.status in (429, 503) and not answer.headers["Retry-After"]:
            self.violated("no Retry-After", f"{answer}")
        if refusal_of_all(request):
            return self.refused(request, answer)
        return self.single(request, answer) if request.publish.form in SINGLE else self.batch(request, answer)

    def unanswered(self, request, answer, calm):
        if calm and answer is None and not refusal_of_all(request):
            self.violated("no answer", f"to {request.publish.form} of {len(request.texts)} events and {len(request.body)} bytes")
        self.doubt(request)

    def doubt(self, request):
        publish = request.publish
        streamed = publish.form == "ndjson" and not publish.atomic and publish.saying.flaw in ("chunk", "hangs up")
        if refusal_of_all(request) and not streamed:
            return
        for number in request.arrived():
            if not own_refusals(publish.events[number], request.texts[number], publish)[1]:
                self.books.doubtful(publish.events[number])

    def refused(self, request, answer):
        if answer.status not in refusal_of_all(request):
            self.violated("wrong refusal", f"{sorted(refusal_of_all(request))} expected, {answer}")
        said = re.search(rb"(\d+) events before that are stored", answer.body)
        self.books.in_part(request.publish.events, int(said[1]) if said else 0)
        self.doubt(request)

    def fates(self, event, text, publish, room):
        """All that may become of the event: stored, duplicate, conflict, full, or the status of its own fault."""
        codes, must = own_refusals(event, text, publish)
        if must:
            return codes
        outcomes = self.books.outcomes(event)
        return outcomes | codes | ({"full"} if {"stored", "conflict"} & outcomes and not room(event) else set())

    def write(self, event, fate):
        if fate in ACCEPTED:
            self.books.stored(event)
        elif fate == "conflict":
            self.books.conflicting(event)
        elif fate == "full":
            self.books.not_there(event)

    def single(self, request, answer):
        (event,), publish = request.publish.events, request.publish
        fates = self.fates(event, request.texts[0], publish, self.queues.room(publish.events))
        fate = next((fate for fate in fates if STATUSES.get(fate, fate) == answer.status), None)
        if answer.status == 202 and publish.wait and fates & ACCEPTED:
            fate = "stored"
        if fate is None:
            self.violated("wrong status", f"{fates} possible, {answer}")
            fate = {201: "stored", 200: "duplicate", 202: "stored"}.get(answer.status)
        self.write(event, fate)
        if fate in ACCEPTED and event.named and answer.json["event_id"] != self.names.id(event):
            self.violated("wrong id", f"{self.names.id(event)} sent, {answer}")

    def looked(self, number, answer):
        """An event was read by its id."""
        there = [event for event in self.books.perhaps(number) if answer.status == 200 and is_that(event, answer.json, self.names)]
        absent = answer.status == 404 and None in self.books.possible.get(number, {None})
        if not there and not absent:
            self.violated("read", f"{self.books.possible.get(number)} possible, {answer}")
        elif number in self.books.possible:
            self.books.possible[number] = {there[0] if there else None}

    def batch(self, request, answer):
        totals = self.totals(request, answer)
        if totals is None:
            self.doubt(request) if answer.status < 400 else self.reasons(request)
        elif totals["total"] != len(request.texts):
            self.doubt(request)
        else:
            self.counted(request, answer, totals)

    def counted(self, request, answer, totals):
        if request.publish.atomic and not totals["stored"] + totals["duplicates"]:
            self.reasons(request)
        else:
            self.each(request, answer.json)
        self.status(answer, totals)

    def totals(self, request, answer):
        """The counts, None when there are none."""
        try:
            counts = {name: answer.json[name] for name in ("total", "stored", "duplicates", "failed")}
        except (KeyError, ValueError):
            self.violated("no totals", f"{answer}")
            return None
        if counts["total"] != len(request.texts) or counts["total"] != counts["stored"] + counts["duplicates"] + counts["failed"]:
            self.violated("totals", f"{counts} for {len(request.texts)} events, status {answer.status}")
        return counts

    def reasons(self, request):
        """Nothing of a batch was taken: one of its events must be a reason."""
        publish = request.publish
        room = self.queues.room(publish.events)
        fates = [self.fates(event, text, publish, room) for event, text in zip(publish.events, request.texts)]
        numbers = [event.number for event in publish.events if event.named]
        if publish.events and all(fate <= ACCEPTED for fate in fates) and len(set(numbers)) == len(numbers):
            self.violated("refused without reason", f"{len(fates)} events that can be stored")

    def each(self, request, body):
        """Every event by its entry, or by the lack of one: NDJSON tells failures only, the first of them."""
        publish, told = request.publish, {entry["index"]: entry for entry in body["results"]}
        room, cut = self.queues.room(publish.events), body.get("results_truncated", False)
        least = most = 0
        for index, (event, text) in enumerate(zip(publish.events, request.texts)):
            fates = self.fates(event, text, publish, room)
            entry = told.get(index)
            if entry is None and cut and fates - ACCEPTED:
                self.books.doubtful(event)
                most += "stored" in fates
                continue
            fate = self.fate(publish, index, event, entry, fates)
            least, most = least + (fates & ACCEPTED == {"stored"} and fate in ACCEPTED), most + ("stored" in fates and fate in ACCEPTED)
            self.write(event, fate)
        if not least <= body["stored"] <= most:
            self.violated("stored", f"{least} to {most} can be new, stored is {body['stored']}")

    def fate(self, publish, index, event, entry, fates):
        status = entry["status"] if entry else "accepted" if publish.form == "ndjson" else "left out"
        if status == "failed":
            code = entry["error"]["code"]
            found = next((fate for fate in fates - ACCEPTED if code in CODES[fate]), None)
        else:
            found = next(iter(fates & {"stored": {"stored"}, "published": {"stored"}, "duplicate": {"duplicate"}, "accepted": ACCEPTED}.get(status, set())), None)
        if found is None:
            self.violated("wrong fate", f"event {index} of {publish.form}, number {event.number}: {fates} possible, {entry or status}")
        elif found in ACCEPTED and entry and event.named and entry["event_id"] != self.names.id(event):
            self.violated("wrong id", f"{self.names.id(event)} sent, {entry}")
        return found or ("stored" if status in ("stored", "published", "duplicate", "accepted") else None)

    def status(self, answer, totals):
        accepted = totals["stored"] + totals["duplicates"]
        if accepted or not totals["total"]:
            right = {200} if not totals["total"] else {207} if totals["failed"] else {201}
        else:
            codes = {entry["error"]["code"] for entry in answer.json["results"] if "error" in entry}
            right = {429} if "queue_full" in codes else {409} if "event_conflict" in codes else {422}
        if answer.status not in right:
            self.violated("wrong status of a batch", f"{right} expected, {answer}")
