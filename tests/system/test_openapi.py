"""GET /openapi.json: valid, and in step with what the service does."""
import subprocess

import pytest

from support.server import ROOT

ROUTES = {"/events": {"get", "post"}, "/events/batch": {"post"}, "/events/{event_id}": {"get"}, "/events/stream": {"get"},
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
