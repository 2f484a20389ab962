"""The library as it is installed, and the examples built with that copy."""
import pathlib

import pytest

from support.dependencies import production_settings
from support.programs import run
from support.server import Server

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def prefix(tmp_path_factory):
    place = tmp_path_factory.mktemp("prefix")
    run(ROOT / "script/library", place)
    return place


def built(source, prefix, place):
    """The folder of the programs of `source`, built with the library in `prefix`."""
    run("cmake", "-S", ROOT / source, "-B", place, f"-DCMAKE_PREFIX_PATH={prefix}")
    run("cmake", "--build", place, "--parallel", "2")
    return place


@pytest.fixture(scope="session")
def consumer(prefix, tmp_path_factory):
    return built("tests/library/consumer", prefix, tmp_path_factory.mktemp("consumer"))


@pytest.fixture(scope="session")
def examples(prefix, tmp_path_factory):
    return built("examples/cpp", prefix, tmp_path_factory.mktemp("examples"))


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    """A database and a virtual host of RabbitMQ."""
    return production_settings(tmp_path_factory.mktemp("library"))


@pytest.fixture(scope="module")
def service(settings, tmp_path_factory):
    with Server(tmp_path_factory.mktemp("data"), **settings) as running:
        yield running
