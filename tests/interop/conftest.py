"""The service on RabbitMQ and PostgreSQL, and beside it an AMQP client that knows nothing of it: python3-pika."""
import pytest

from support.amqp import Amqp
from support.dependencies import production_settings
from support.server import Server


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    """Of this file's services: their database and virtual host."""
    return production_settings(tmp_path_factory.mktemp("interop"))


@pytest.fixture(scope="module")
def server(settings, tmp_path_factory):
    with Server(tmp_path_factory.mktemp("data"), **settings, EVENTBUS_INGEST_QUEUE="inbox") as running:
        yield running


@pytest.fixture
def bus(server):
    client = server.client()
    yield client
    client.close()


@pytest.fixture
def amqp(settings):
    """The independent client."""
    client = Amqp(settings["RABBITMQ_URL"])
    yield client
    client.connection.close()
