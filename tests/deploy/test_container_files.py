"""The container image and the Compose file fit the program: its libraries, its settings, its routes, its grace period."""
import json
import re
import shlex
import subprocess
import urllib.parse

import pytest
import yaml

from support.server import BINARY, ROOT, Server, run

DOCKERFILE = (ROOT / "deploy/Dockerfile").read_text().replace("\\\n", " ")
IN_EVERY_IMAGE = {"libc6", "libgcc-s1"}


def output(*command):
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True).stdout


def instruction(name):
    """The arguments of the last such instruction of the Dockerfile."""
    return re.findall(rf"^{name} +(.*)$", DOCKERFILE, re.M)[-1]


@pytest.fixture(scope="module")
def settings():
    return json.loads(run("config", "--json").stdout)


@pytest.fixture(scope="module")
def composed():
    """The Compose file as docker-compose understands it."""
    return yaml.safe_load(output("docker-compose", "-f", ROOT / "deploy/compose.yaml", "config"))


def test_the_image_has_every_library_that_the_program_needs():
    files = [re.sub(r"^/(lib|lib64)/", r"/usr/\1/", path) for path in re.findall(r"=> (/\S+)", output("ldd", BINARY))]
    installed = set(re.search(r"--no-install-recommends +(.*?)&&", DOCKERFILE)[1].split())
    needed = {package.partition(":")[0] for package in map(owner, files)}
    direct = needed & set(direct_needs())
    assert direct and direct - IN_EVERY_IMAGE <= installed, f"add {direct - IN_EVERY_IMAGE - installed} to deploy/Dockerfile"


def owner(path):
    """The package that a library of this machine came with."""
    found = subprocess.run(["dpkg", "-S", path, path.removeprefix("/usr")], capture_output=True, text=True, check=False).stdout
    return re.match(r"[\w.+-]+", found)[0]


def direct_needs():
    """Packages of the libraries that the program itself names; theirs come with them."""
    names = re.findall(r"NEEDED +(\S+)", output("objdump", "-p", BINARY))
    paths = dict(re.findall(r"(\S+) => (/\S+)", output("ldd", BINARY)))
    return {owner(re.sub(r"^/(lib|lib64)/", r"/usr/\1/", paths[name])) for name in names if name in paths}


def test_the_image_sets_variables_that_exist(settings):
    words = dict(word.split("=", 1) for word in shlex.split(instruction("ENV")))
    assert words["EVENTBUS_LISTEN"] == "0.0.0.0:8000" and words.keys() <= settings.keys()


def test_the_image_runs_as_an_ordinary_user_and_asks_a_route_that_answers(tmp_path):
    assert int(instruction("USER")) > 0
    assert instruction("ENTRYPOINT") + instruction("CMD") == '["eventbus"]["serve"]'
    check = json.loads(re.search(r"CMD (\[.*\])", instruction("HEALTHCHECK"))[1])
    with Server(tmp_path) as server:
        here = [word.replace("127.0.0.1:8000", f"127.0.0.1:{server.port}") for word in check]
        assert subprocess.run(here, check=False).returncode == 0
    assert subprocess.run(here, check=False, stderr=subprocess.DEVNULL).returncode != 0


def test_compose_starts_the_service_on_both_servers(composed, settings):
    services = composed["services"]
    ours = services["eventbus"]
    assert services.keys() == {"postgres", "rabbitmq", "eventbus"}
    assert ours["environment"].keys() <= settings.keys() and {"DATABASE_URL", "RABBITMQ_URL"} <= ours["environment"].keys()
    assert run("config", **ours["environment"]).returncode == 0
    for variable, name in (("DATABASE_URL", "postgres"), ("RABBITMQ_URL", "rabbitmq")):
        assert urllib.parse.urlsplit(ours["environment"][variable]).hostname == name
    assert all(ours["depends_on"][name]["condition"] == "service_healthy" for name in ("postgres", "rabbitmq"))
    assert int(ours["stop_grace_period"].rstrip("s")) > float(settings["EVENTBUS_DRAIN_SECONDS"]["value"])
