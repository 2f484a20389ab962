"""Rings on newer servers."""
from rings import newer
from rings.step import Tally, run


def test_only_the_commands_of_a_ring_on_newer_servers_take_theirs(monkeypatch):
    made = []
    monkeypatch.setattr(newer, "run", lambda _, *command, **__: made.append(command))
    monkeypatch.setenv("EVENTBUS_TEST_SERVERS", "others")

    def ring(tally, _):
        """all of it"""
        run(tally, "printenv", "EVENTBUS_TEST_SERVERS", show=True)

    again = newer.newer(ring)
    on_newer, on_installed = Tally(beside=True), Tally(beside=True)
    again(on_newer, None)
    ring(on_installed, None)
    assert (made, on_newer.told().strip(), on_installed.told().strip()) == ([("script/debian", "13")], newer.SERVERS, "others")
    assert (again.__name__, again.__doc__) == ("ring_newer", "all of it; PostgreSQL 17 and RabbitMQ 4")
