"""Programs outside this project build with an installed copy of the library."""
import pathlib

from support.programs import run

CONSUMER = pathlib.Path(__file__).parent / "consumer"
EXPECTED = "handled user.created\nhandled user.deleted\n"


def test_find_package(consumer):
    assert run(consumer / "consumer") == EXPECTED


def test_pkg_config(prefix, tmp_path):
    flags = run("pkg-config", "--cflags", "--libs", "eventbus", PATH="/usr/bin:/bin", PKG_CONFIG_PATH=str(prefix / "lib/pkgconfig")).split()
    run("g++", "-std=c++23", CONSUMER / "consumer.cpp", "-o", tmp_path / "consumer", *flags)
    assert run(tmp_path / "consumer") == EXPECTED
