"""EventBusClient against a running service, on both engines."""
import pytest

from support.programs import run
from support.server import Server


@pytest.fixture(params=["production", "embedded"])
def url(request, tmp_path):
    if request.param == "production":
        yield request.getfixturevalue("service").url
    else:
        with Server(tmp_path / "data") as running:
            yield running.url


def test_operates_queues_beside_long_polls(consumer, url):
    assert run(consumer / "operate", url) == "operated beside 40 polls, 1 delivery\n"
