"""Programs outside this project build with an installed copy of the library."""
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
CONSUMER = pathlib.Path(__file__).parent / "consumer"
EXPECTED = "handled user.created\nhandled user.deleted\n"


def run(*command, **environment):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, env=environment or None, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    place = tmp_path_factory.mktemp("prefix")
    run("cmake", "-S", ROOT, "--preset", "release", "-DEVENTBUS_LIBRARY=ON", "-DCMAKE_INSTALL_LIBDIR=lib")
    run("cmake", "--build", ROOT / "build/release", "--target", "eventbus_archive")
    run("cmake", "--install", ROOT / "build/release", "--component", "library", "--prefix", place)
    return place


def test_find_package(prefix, tmp_path):
    run("cmake", "-S", CONSUMER, "-B", tmp_path, f"-DCMAKE_PREFIX_PATH={prefix}")
    run("cmake", "--build", tmp_path)
    assert run(tmp_path / "consumer") == EXPECTED


def test_pkg_config(prefix, tmp_path):
    flags = run("pkg-config", "--cflags", "--libs", "eventbus", PATH="/usr/bin:/bin", PKG_CONFIG_PATH=str(prefix / "lib/pkgconfig")).split()
    run("g++", "-std=c++23", CONSUMER / "consumer.cpp", "-o", tmp_path / "consumer", *flags)
    assert run(tmp_path / "consumer") == EXPECTED
