"""Rings on newer servers."""
import os

from rings.newer import SERVERS, newer


def test_a_ring_on_newer_servers_takes_theirs_and_leaves_nothing_behind(monkeypatch):
    made, taken = [], []
    monkeypatch.setattr("rings.newer.run", lambda _, *command, **__: made.append(command))
    before = os.environ.get("EVENTBUS_TEST_SERVERS")

    def ring(*_):
        """all of it"""
        taken.append(os.environ["EVENTBUS_TEST_SERVERS"])

    again = newer(ring)
    again(None, None)
    assert (made, taken, os.environ.get("EVENTBUS_TEST_SERVERS")) == ([("script/debian", "13")], [SERVERS], before)
    assert (again.__name__, again.__doc__) == ("ring_newer", "all of it; PostgreSQL 17 and RabbitMQ 4")
