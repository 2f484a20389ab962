"""Servers for the system tests. `bus` is shared by a file's tests, so they use names of their own."""
import pytest

from support.server import Server


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("data")) as running:
        yield running


@pytest.fixture
def bus(server):
    client = server.client()
    yield client
    client.close()


@pytest.fixture
def start(tmp_path):
    """Starts servers with settings of the test's own; all are stopped, or killed when the test has failed to."""
    servers = []

    def begin(*arguments, directory=None, before=None, **settings):
        servers.append(Server(directory or tmp_path / "data", arguments, before, **settings))
        return servers[-1].start()

    yield begin
    for one in servers:
        one.stop()
