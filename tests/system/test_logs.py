"""Logs: JSON lines, correlation ids, no payload and no secret at INFO."""
import json

import pytest


def test_log_lines_are_json_with_time_level_and_message(start):
    server = start()
    server.client().publish(event_type="a")
    server.stop()
    assert server.lines
    for line in server.lines:
        entry = json.loads(line)
        assert entry["level"] and entry.get("message") and (entry.get("time") or entry.get("timestamp")), line


def test_logs_hold_no_payload_and_no_secret(start):
    server = start(LOG_LEVEL="INFO")
    bus = server.client()
    secret = "hunter2-in-payload"
    bus.declare("q", "#", max_retries=0)
    bus.post("/events", {"event_type": "a", "payload": {"password": secret}}, headers={"Authorization": f"Bearer {secret}"}).ok(201)
    bus.post("/events", body=f'{{"event_type":"a","payload":{{"x":"{secret}"').problem(400)
    bus.post("/events", {"event_type": "a b", "payload": {"password": secret}}).problem(422)
    bus.nack("q", bus.receive_one("q"))
    server.stop()
    assert secret not in server.log


def test_a_correlation_id_is_found_in_the_log(start):
    server = start(LOG_LEVEL="DEBUG")
    server.client().post("/events", {"event_type": "a"}, headers={"X-Correlation-ID": "find-me-7"}).ok(201)
    server.wait_for_log(lambda line: "find-me-7" in line)


def test_values_cannot_forge_lines(start):
    server = start(LOG_LEVEL="DEBUG")
    server.client().post("/events", {"event_type": "a", "correlation_id": "x\n{\"level\":\"forged\"}"})
    server.stop()
    assert all(json.loads(line)["level"] != "forged" for line in server.lines)


@pytest.mark.parametrize("level, quiet", [("ERROR", True), ("INFO", False)])
def test_the_level_filters(start, level, quiet, tmp_path):
    if quiet:
        from support.server import Server
        server = Server(tmp_path / "data", LOG_LEVEL=level).spawn()
        server.signal(15)
        assert server.wait() in (0, -15) and server.lines == []
    else:
        assert start(LOG_LEVEL=level).lines
