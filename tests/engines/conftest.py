"""Servers on PostgreSQL and RabbitMQ of the tests' own, whatever engine other tests run on."""
import os

os.environ["EVENTBUS_TEST_ENGINE"] = "production"  # before anybody asks for it

# pylint: disable=wrong-import-position
import pytest  # noqa: E402

from support import dependencies  # noqa: E402
from support.server import Server  # noqa: E402


@pytest.fixture(scope="session")
def postgres():
    return dependencies.postgres()


@pytest.fixture(scope="session")
def rabbitmq():
    return dependencies.rabbitmq()


@pytest.fixture
def start(tmp_path):
    """Starts servers with settings of the test's own; all are stopped."""
    servers = []

    def begin(*arguments, **settings):
        servers.append(Server(tmp_path / "data", arguments, **settings))
        return servers[-1].start()

    yield begin
    for one in servers:
        one.stop()


@pytest.fixture
def server(start):
    return start()


@pytest.fixture
def bus(server):
    client = server.client()
    yield client
    client.close()
