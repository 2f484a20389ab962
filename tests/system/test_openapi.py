"""GET /openapi.json: valid, and in step with what the service does."""
import subprocess
import urllib.parse

import jsonschema
import pytest

from support.server import ROOT
from support.waiting import eventually, unique

ROUTES = {"/events": {"get", "post"}, "/events/batch": {"post"}, "/events/{event_id}": {"get"}, "/events/by-id": {"get"}, "/events/stream": {"get"},
          "/queues": {"get"}, "/queues/{queue}": {"get", "put", "delete"}, "/queues/{queue}/purge": {"post"},
          "/queues/{queue}/pause": {"post"}, "/queues/{queue}/resume": {"post"}, "/queues/{queue}/receive": {"post"},
          "/queues/{queue}/ack": {"post"}, "/queues/{queue}/nack": {"post"}, "/queues/{queue}/extend": {"post"},
          "/queues/{queue}/dead-letters": {"get", "delete"}, "/queues/{queue}/dead-letters/redrive": {"post"},
          "/health": {"get"}, "/ready": {"get"}, "/metrics": {"get"}, "/mode": {"get", "put"}, "/breakers": {"get"},
          **{f"/breakers/{{name}}/{action}": {"post"} for action in ("open", "close", "reset")}, "/openapi.json": {"get"}, "/docs": {"get"}}
METHODS = {"get", "post", "put", "delete", "patch", "head", "options"}


@pytest.fixture(scope="module")
def document(server):
    return server.client().get("/openapi.json").ok(200)


def operations(document):
    return {path: METHODS & item.keys() for path, item in document["paths"].items()}


def test_every_route_of_the_contract_is_described(document):
    assert document["openapi"].startswith("3.1")
    assert {path: methods - {"head", "options"} for path, methods in operations(document).items()} == ROUTES


def test_every_described_route_is_served(bus, document):
    """No 404 without a problem that names what is unknown, no 405, whatever the arguments."""
    for path, methods in operations(document).items():
        if path == "/events/stream":
            continue
        for method in methods:
            real = path.replace("{event_id}", "x").replace("{queue}", "nobody").replace("{name}", "nothing")
            answer = bus.request(method.upper(), real, json={} if method in ("post", "put", "delete") else None)
            assert answer.status not in (405, 500, 501), (method, path, answer)
            if answer.status == 404:
                known = answer.json["code"] in ("unknown_event", "unknown_queue") or "no circuit breaker 'nothing'" in answer.json["detail"]
                assert known, (method, path, answer)


def test_every_operation_is_documented(document):
    seen = set()
    for path, item in document["paths"].items():
        for method in METHODS & item.keys():
            operation = item[method]
            assert operation["summary"] and operation["responses"], (method, path)
            assert operation["operationId"] not in seen
            seen.add(operation["operationId"])


def test_the_document_validates(server, document, tmp_path):
    """With @seriousme/openapi-schema-validator, installed by script/test into build/."""
    tools = ROOT / "build/npm"
    (tmp_path / "openapi.json").write_bytes(server.client().get("/openapi.json").body)
    script = ("import {Validator} from '@seriousme/openapi-schema-validator'; const v = new Validator();"
              "const r = await v.validate(process.argv[1]);"
              "if (!r.valid) { console.error(JSON.stringify(r.errors, null, 1)); process.exit(1); } console.log(v.version);")
    done = subprocess.run(["node", "--input-type=module", "-e", script, tmp_path / "openapi.json"], cwd=tools, capture_output=True,
                          text=True, check=False, timeout=60)
    assert done.returncode == 0 and done.stdout.strip() == "3.1", done.stdout + done.stderr


class Contract:
    """Sends requests and checks each answer against the document: its status, headers, media type and schema."""

    def __init__(self, bus, document):
        self.bus, self.document, self.seen = bus, document, set()
        self.resolver = jsonschema.RefResolver.from_schema(document)

    def fits(self, value, schema):
        return jsonschema.Draft202012Validator(schema, resolver=self.resolver).is_valid(value)

    def fault(self, value, schema):
        return jsonschema.exceptions.best_match(jsonschema.Draft202012Validator(schema, resolver=self.resolver).iter_errors(value))

    def resolved(self, part):
        return self.resolver.resolve(part["$ref"])[1] if "$ref" in part else part

    def __call__(self, method, path, values=None, **options):
        """`path` as the document has it, `values` for its parameter."""
        real = path
        for name, value in (values or {}).items():
            real = real.replace(f"{{{name}}}", urllib.parse.quote(value, safe=""))
        answer = self.bus.request(method, real, **options)
        described = self.document["paths"][path][method.lower()]["responses"]
        assert str(answer.status) in described, (method, path, answer)
        response = self.resolved(described[str(answer.status)])
        for name, header in response["headers"].items():
            header = self.resolved(header)
            assert name in answer.headers, (name, answer)
            text = answer.headers[name]
            value = int(text) if header["schema"]["type"] == "integer" else text
            assert self.fits(value, header["schema"]), (name, answer)
        if answer.status != 204:
            media_type = answer.headers["Content-Type"].split(";")[0]
            schema = response["content"][media_type]["schema"]
            for body in self.bodies(answer, media_type):
                assert self.fits(body, schema), (self.fault(body, schema), answer)
        self.seen.add((method, path, answer.status))
        return answer

    @staticmethod
    def bodies(answer, media_type):
        if media_type.endswith("json") and not media_type.endswith("ndjson"):
            return [answer.json]
        return [answer.body.decode()]


@pytest.fixture
def contract(bus, document):
    return Contract(bus, document)


def test_answers_are_as_described(contract):
    """Of every operation, good and bad: no status, header, media type or member that the document does not have, none missing."""
    queue, kind = unique("q"), unique("kind") + ".größe/1"
    event = {"event_type": kind, "ordering_key": "k", "timestamp": "2026-01-01T00:00:00.123456789+01:00", "payload": {"n": 1.5}}
    cloudevent = {"specversion": "1.0", "id": unique("ce"), "source": "/s", "type": kind, "data": [1, None], "datacontenttype": "application/x+json"}
    definition = {"bindings": [{"routing_key": kind}], "max_retries": 0, "retry_delay_ms": 0}
    name = {"queue": queue}
    cloudevents, shown = {"Content-Type": "application/cloudevents+json"}, {"Accept": "application/cloudevents+json"}
    contract("PUT", "/queues/{queue}", name, json=definition)
    contract("PUT", "/queues/{queue}", name, json=definition | {"ordered": True})
    contract("PUT", "/queues/{queue}", name, json=definition | {"lease_ms": 1, "colour": 1})
    contract("PUT", "/queues/{queue}", name, json=contract("GET", "/queues/{queue}", name).json)
    published = contract("POST", "/events", json=event | {"event_id": unique("id/ü ")}).json["event_id"]
    contract("POST", "/events", json=event | {"event_id": published})
    contract("POST", "/events", json=event | {"event_id": published, "payload": {"n": 2}})
    contract("POST", "/events", json={"event_type": "a b", "colour": 1})
    contract("POST", "/events", body="{")
    contract("POST", "/events", body="x", headers={"Content-Type": "text/plain"})
    contract("POST", "/events", json=cloudevent, headers=cloudevents)
    contract("POST", "/events/batch", json={"events": [event, event]})
    contract("POST", "/events/batch", json={"events": [event, {"event_type": ""}, 7]})
    contract("POST", "/events/batch", json={"events": [{"event_type": ""}]})
    contract("POST", "/events/batch", body='{"event_type":"a"}\nx\n', headers={"Content-Type": "application/x-ndjson"})
    contract("POST", "/events/batch", body='{"event_type":"a"}\n', headers={"Content-Type": "application/x-ndjson"})
    contract("POST", "/events/batch", body="[")
    for event_id in (published, cloudevent["id"], "nobody"):
        contract("GET", "/events/{event_id}", {"event_id": event_id})
        contract("GET", "/events/{event_id}", {"event_id": event_id}, headers=shown)
        contract("GET", "/events/{event_id}", {"event_id": event_id}, headers={"Accept": "text/csv"})
    for query in ({"event_type": kind}, {"limit": 2, "order": "desc"}, {"limit": 0, "cursor": "x"}):
        contract("GET", "/events", query=query)
        contract("GET", "/events", query=query, headers={"Accept": "application/x-ndjson"})
    contract("GET", "/queues")
    deliveries = contract("POST", "/queues/{queue}/receive", name, json={"max": 2, "wait_ms": 20000}).json["deliveries"]
    ids = [delivery["delivery_id"] for delivery in deliveries]
    contract("POST", "/queues/{queue}/extend", name, json={"delivery_ids": ids, "lease_ms": 60000})
    contract("POST", "/queues/{queue}/nack", name, json={"delivery_ids": ids, "requeue": False, "reason": "tired"})
    eventually(lambda: contract("GET", "/queues/{queue}/dead-letters", name).json["dead_letters"])
    contract("POST", "/queues/{queue}/dead-letters/redrive", name, json={"all": True, "dry_run": True})
    contract("DELETE", "/queues/{queue}/dead-letters", name, json={"reason": "tired"})
    more = contract("POST", "/queues/{queue}/receive", name, json={"max": 1, "wait_ms": 20000}).json["deliveries"]
    contract("POST", "/queues/{queue}/ack", name, json={"delivery_ids": [more[0]["delivery_id"], "unknown"]})
    for action in ("pause", "resume", "purge"):
        contract("POST", f"/queues/{{queue}}/{action}", name)
        contract("POST", f"/queues/{{queue}}/{action}", {"queue": "nobody"})
    for path in ("/health", "/ready", "/mode", "/breakers", "/metrics", "/docs", "/openapi.json"):
        contract("GET", path)
    contract("PUT", "/mode", json={"mode": "normal"})
    contract("PUT", "/mode", json={"mode": "sideways"})
    contract("DELETE", "/queues/{queue}", name)
    assert {201, 200, 207, 204, 400, 404, 406, 409, 415, 422} <= {status for _, _, status in contract.seen}


def test_read_only_answers_are_as_described(start, document):
    contract = Contract(start().client(), document)
    contract("PUT", "/mode", json={"mode": "read_only"})
    assert contract("POST", "/events", json={"event_type": "a"}).status == 503
    assert contract("POST", "/events/batch", json={"events": [{"event_type": "a"}]}).status == 503


def test_a_full_queue_answers_as_described(contract):
    queue, kind = unique("q"), unique("full")
    contract("PUT", "/queues/{queue}", {"queue": queue}, json={"bindings": [{"routing_key": kind}], "max_length": 1})
    eventually(lambda: contract("POST", "/events", json={"event_type": kind}).status == 429)
    contract("POST", "/events/batch", json={"events": [{"event_type": kind}]})


def test_another_method_is_described(bus, document):
    for path, item in document["paths"].items():
        answer = bus.request("PATCH", path.replace("{", "").replace("}", ""))
        assert answer.status == 405 and answer.headers["Allow"], answer
        for method in METHODS & item.keys():
            assert "Allow" in item[method]["responses"]["405"]["headers"]


FIELDS = {"QueueDefinition": ("PUT", "/queues/{queue}", {"bindings": [{"routing_key": "limits.a"}]}),
          "Receive": ("POST", "/queues/{queue}/receive", {}),
          "Nack": ("POST", "/queues/{queue}/nack", {"delivery_ids": ["x"]}),
          "Extend": ("POST", "/queues/{queue}/extend", {"delivery_ids": ["x"], "lease_ms": 1000}),
          "DeadLetterChoice": ("DELETE", "/queues/{queue}/dead-letters", {"reason": "none"}),
          "NewEvent": ("POST", "/events", {"event_type": "a"})}


@pytest.mark.parametrize("name", FIELDS)
def test_limits_are_those_described(bus, contract, document, name):
    """Just inside of every minimum, maximum and length a value is taken, just outside it is refused."""
    method, path, body = FIELDS[name]
    queue = unique("q")
    bus.declare(queue, "limits.nothing")
    checked = 0
    for field, schema in document["components"]["schemas"][name]["properties"].items():
        schema = contract.resolved(schema)
        for inside, outside in limits(schema):
            if field == "wait_ms" and inside or field == "name":
                continue  # a long poll; the name in the path
            for value, good in ((inside, True), (outside, False)):
                changed = {k: v for k, v in body.items() if not (field == "event_ids" and k == "reason")} | {field: value}
                assert contract.fits(changed, {"$ref": f"#/components/schemas/{name}"}) == good, (field, value)
                answer = bus.request(method, path.replace("{queue}", queue), json=changed)
                refused = answer.status == 422 and any(error["field"].split("[")[0] == field for error in answer.json["errors"])
                assert (answer.status in (200, 201)) == good and refused != good, (field, value, answer)
                checked += 1
    assert checked, name


def limits(schema):
    """Pairs of values just inside and just outside of what the schema allows."""
    kinds = schema.get("type", [])
    if "minimum" in schema:
        step = 1 if "integer" in kinds else 0.001
        yield schema["minimum"], schema["minimum"] - step
        assert "maximum" in schema, f"no maximum: {schema}"
        yield schema["maximum"], schema["maximum"] + step
    if "maxLength" in schema:
        yield "x" * schema["maxLength"], "x" * (schema["maxLength"] + 1)
        yield "x", ""
    if "maxItems" in schema and kinds == "array" and schema["items"].get("type") == "string":
        yield ["x"] * schema["maxItems"], ["x"] * (schema["maxItems"] + 1)
        yield ["x"], []


TYPES = ["a", "a.b", "com.acme/thing", "order:created", "ü.ß", "a*b", "C#", "👩\u200d👧", "", ".", "a.", ".a", "a..b", "a b", "a\u00a0b", "a\u200bb",
         "a\tb", "a\u0085", "*", "#", "a.*", "#.a", "x" * 255, "x" * 256]
PATTERNS = ["a", "*", "#", "a.*.#", "ü/x.#", "us*", "a.b#", "##", "a..b", "", "a.", "a b", "x" * 256]
EXCHANGES = ["events", "a_b.c:d-e", "amq.topic", "a b", "ü", "", "x" * 127, "x" * 128]
IDS = ["a/b", "ü ", "a\nb", "a\u007f", "a\u0085", "", "x" * 255, "x" * 256]


@pytest.mark.parametrize("field, values", [("event_type", TYPES), ("routing_key", TYPES), ("exchange", EXCHANGES), ("event_id", IDS),
                                           ("correlation_id", IDS), ("ordering_key", IDS[:5])])
def test_patterns_of_events_are_those_described(bus, contract, field, values):
    for value in values:
        event = {"event_type": "a"} | {field: value}
        stored = bus.post("/events", event).status in (200, 201, 409)
        assert stored == contract.fits(event, {"$ref": "#/components/schemas/NewEvent"}), value
        if field == "event_type":
            cloudevent = {"specversion": "1.0", "id": unique("ce"), "source": "s", "type": value}
            stored = bus.post("/events", cloudevent, headers={"Content-Type": "application/cloudevents+json"}).status == 201
            assert stored == contract.fits(cloudevent, {"$ref": "#/components/schemas/CloudEvent"}), value


@pytest.mark.parametrize("value", PATTERNS)
def test_topic_patterns_are_those_described(bus, contract, value):
    described = contract.fits(value, {"$ref": "#/components/schemas/TopicPattern"})
    assert (bus.get("/events", query={"event_type": value}).status == 200) == described
    assert (bus.put(f"/queues/{unique('q')}", {"bindings": [{"routing_key": value}]}).status == 201) == described


@pytest.mark.parametrize("change", [{"time": None}, {"subject": None}, {"subject": ""}, {"partitionkey": ""}, {"data": "x"}, {"data": None}, {"ext": 1},
                                    {"ext": 1.5}, {"ext": True}, {"ext": []}, {"Ext": "x"}, {"data_base64": "AA=="}, {"specversion": "0.3"},
                                    {"datacontenttype": "application/json"}, {"datacontenttype": "a/B+Json ; x=1"}, {"datacontenttype": "text/plain"},
                                    {"datacontenttype": "json"}])
def test_cloudevents_are_those_described(bus, contract, change):
    event = {"specversion": "1.0", "id": unique("ce"), "source": "s", "type": "a"} | change
    stored = bus.post("/events", event, headers={"Content-Type": "application/cloudevents+json"}).status == 201
    assert stored == contract.fits(event, {"$ref": "#/components/schemas/CloudEvent"})
