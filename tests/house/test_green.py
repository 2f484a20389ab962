"""build/last-green is written by nothing but a whole green run on a clean tree."""
import subprocess

import pytest

from rings.green import LastGreen


@pytest.fixture
def root(tmp_path):
    """A repository with one commit."""
    (tmp_path / ".gitignore").write_text("build/\n")
    for command in ("init -q", "add .", "-c user.name=test -c user.email=test@localhost commit -q -m one"):
        subprocess.run(["git", *command.split()], cwd=tmp_path, check=True)
    return tmp_path


def commit_of(root):
    return subprocess.run(["git", "rev-parse", "HEAD"], cwd=root, check=True, capture_output=True, text=True).stdout.strip()


def test_a_whole_green_run_of_a_clean_tree(root):
    assert LastGreen(root, whole=True).passed("script/test")
    assert (root / "build/last-green").read_text() == f"commit {commit_of(root)}\ntree clean\nrun script/test\n"


def test_a_whole_run_takes_the_last_one_back(root):
    assert LastGreen(root, whole=True).passed("script/test")
    LastGreen(root, whole=True)
    assert not (root / "build/last-green").exists()


def test_a_part_says_nothing_and_takes_nothing_back(root):
    assert not LastGreen(root, whole=False).passed("script/test unit")
    assert not (root / "build/last-green").exists()
    assert LastGreen(root, whole=True).passed("script/test")
    LastGreen(root, whole=False)
    assert (root / "build/last-green").exists()


@pytest.mark.parametrize("dirt", ["new", ".gitignore"])
def test_a_tree_that_differs_at_either_end(root, dirt):
    during = LastGreen(root, whole=True)
    (root / dirt).write_text("build/\n# changed\n")
    assert not during.passed("script/test")
    assert not LastGreen(root, whole=True).passed("script/test")
    assert not (root / "build/last-green").exists()


def test_a_commit_made_meanwhile(root):
    during = LastGreen(root, whole=True)
    subprocess.run(["git", "-c", "user.name=test", "-c", "user.email=test@localhost", "commit", "-q", "--allow-empty", "-m", "two"], cwd=root, check=True)
    assert not during.passed("script/test")


def test_without_a_repository(tmp_path):
    assert not LastGreen(tmp_path, whole=True).passed("script/test")
