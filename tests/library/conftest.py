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


@pytest.fixture(scope="session")
def consumer(prefix, tmp_path_factory):
    """The folder of the built programs of tests/library/consumer."""
    place = tmp_path_factory.mktemp("consumer")
    run("cmake", "-S", ROOT / "tests/library/consumer", "-B", place, f"-DCMAKE_PREFIX_PATH={prefix}")
    run("cmake", "--build", place, "--parallel", "2")
    return place


@pytest.fixture(scope="session")
def examples(prefix, tmp_path_factory):
    """The folder of the built examples."""
    place = tmp_path_factory.mktemp("examples")
    run("cmake", "-S", ROOT / "examples/cpp", "-B", place, f"-DCMAKE_PREFIX_PATH={prefix}")
    run("cmake", "--build", place, "--parallel", "2")
    return place


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    """A database and a virtual host of RabbitMQ."""
    return production_settings(tmp_path_factory.mktemp("library"))


@pytest.fixture(scope="module")
def service(settings, tmp_path_factory):
    with Server(tmp_path_factory.mktemp("data"), **settings) as running:
        yield running
