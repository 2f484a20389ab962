"""PostgreSQL and RabbitMQ of the tests' own: in temporary folders, on free ports, not as root, stopped at the end."""
import atexit
import contextlib
import functools
import glob
import itertools
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile

from support.children import ending_with_us
from support.waiting import eventually

PATIENCE = 90.0
SERVERS = os.environ.get("EVENTBUS_TEST_SERVERS")  # a folder with the programs of other versions than the installed ones
VIRTUAL_HOSTS_AT_ONCE = 16
MAKE_VIRTUAL_HOSTS = """
lists:foreach(
  fun(Name) ->
    ok = rabbit_vhost:add(Name, <<"test">>),
    Every = <<".*">>,
    ok = rabbit_auth_backend_internal:set_permissions(<<"guest">>, Name, Every, Every, Every, <<"test">>)
  end, [{names}])."""
numbers = itertools.count(1)


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def programs(installed):
    """Where a server's programs lie: the folder of other versions, or the newest of those that are installed."""
    return pathlib.Path(SERVERS or max(glob.glob(installed)))


def server_user(*candidates):
    """Who runs the servers: they refuse root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in (*candidates, "nobody") if name in names)


def fields_of(process):
    """State, parent … of a process; none when it is gone."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2].split()
    return None


def children_of(parent):
    fields = {int(entry.name): fields_of(entry.name) for entry in pathlib.Path("/proc").iterdir() if entry.name.isdigit()}
    return {process for process, values in fields.items() if values and int(values[1]) == parent}


def alive(process):
    fields = fields_of(process)
    return fields is not None and fields[0] != "Z"


class Dependency:
    """One server process in a folder of its own."""

    def __init__(self, user):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="eventbus-dependency-"))
        self.user = user
        self.port = free_port()
        self.process = None
        if user:
            shutil.chown(self.folder, user)
        atexit.register(self.remove)

    def command(self, *words, check=True, **environment):
        return subprocess.run(list(map(str, words)), user=self.user, env=environment or None, cwd=self.folder, stdin=subprocess.DEVNULL, text=True,
                              capture_output=True, check=check, timeout=PATIENCE)

    def spawn(self, *words, **environment):
        with open(self.folder / "output.log", "ab") as log:
            self.process = subprocess.Popen(list(map(str, words)), user=self.user, env=environment or None, cwd=self.folder, stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, start_new_session=True, preexec_fn=ending_with_us())

    def signal(self, number):
        """To the server and all its children. PostgreSQL's are in process groups of their own: signalling its group would reach only the parent.
        That one comes first, so that it starts no others meanwhile."""
        children = children_of(self.process.pid)
        os.killpg(self.process.pid, number)
        children |= children_of(self.process.pid)
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, number)
        return children

    def kill(self):
        """Returns when nobody is left, because the next start refuses to run beside them."""
        self.freeze()
        children = self.signal(signal.SIGKILL)
        self.process.wait(PATIENCE)
        eventually(lambda: not any(alive(child) for child in children), PATIENCE)

    def freeze(self):
        self.signal(signal.SIGSTOP)

    def thaw(self):
        self.signal(signal.SIGCONT)

    def remove(self):
        if self.process and self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


class Postgres(Dependency):
    """PostgreSQL. Durable unless told otherwise: crash tests rely on it."""

    def __init__(self):
        super().__init__(server_user("postgres"))
        self.programs = programs("/usr/lib/postgresql/*/bin")
        self.command(self.programs / "initdb", "--pgdata", "data", "--username", "postgres", "--auth", "trust", "--encoding", "UTF8", "--locale", "C")
        self.start()

    def start(self):
        self.spawn(self.programs / "postgres", "-D", "data", "-p", self.port, "-k", self.folder, "-c", "listen_addresses=127.0.0.1",
                   "-c", "max_connections=300")
        eventually(lambda: self.command(self.programs / "pg_isready", "-h", self.folder, "-p", self.port, check=False).returncode == 0, PATIENCE, every=0.1)

    def stop(self):
        os.kill(self.process.pid, signal.SIGINT)
        self.process.wait(PATIENCE)

    def url(self, database):
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def session(self, database, sql):
        """A psql that has run `sql` and stays in its session until it is told more on its standard input."""
        words = [self.programs / "psql", "-h", self.folder, "-p", self.port, "-U", "postgres", "-d", database, "-AtX"]
        process = subprocess.Popen(list(map(str, words)), user=self.user, cwd=self.folder, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        process.stdin.write(sql + "\n\\echo done\n")
        process.stdin.flush()
        while process.stdout.readline() != "done\n":
            assert process.poll() is None, "psql ended"
        return process

    def create_database(self):
        name = f"test_{next(numbers)}"
        self.ask("postgres", f"CREATE DATABASE {name}")
        return name

    def ask(self, database, sql):
        """What psql prints for the statement, unaligned."""
        return self.command(self.programs / "psql", "-h", self.folder, "-p", self.port, "-U", "postgres", "-d", database, "-AtX", "-v", "ON_ERROR_STOP=1",
                            "-c", sql).stdout.strip()


class RabbitMQ(Dependency):
    """RabbitMQ with a port mapper of its own."""

    def __init__(self):
        super().__init__(server_user("rabbitmq"))
        self.virtual_hosts = []
        (self.folder / "rabbitmq.conf").write_text("disk_free_limit.absolute = 1MB\nloopback_users.guest = true\n")
        (self.folder / "plugins").write_text("[].\n")
        mapper, distribution = free_port(), free_port()
        self.environment = {
            "PATH": "/usr/sbin:/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": str(self.folder), "ERL_EPMD_PORT": str(mapper), "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"test{self.port}@localhost", "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1", "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(distribution), "RABBITMQ_MNESIA_BASE": str(self.folder / "data"), "RABBITMQ_LOG_BASE": str(self.folder / "logs"),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.conf"), "RABBITMQ_CONF_ENV_FILE": str(self.folder / "none"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "plugins"), "RABBITMQ_GENERATED_CONFIG_DIR": str(self.folder / "config"),
            "RABBITMQ_SCHEMA_DIR": str(self.folder / "schema"), "RABBITMQ_ALLOW_INPUT": "1", "RABBITMQ_SERVER_START_ARGS": "-noinput"}
        self.mapper = subprocess.Popen([programs("/usr/bin") / "epmd"], user=self.user, env=self.environment, cwd=self.folder, stdin=subprocess.DEVNULL,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True, preexec_fn=ending_with_us())
        self.start()

    def control(self, *words, check=True):
        return self.command(programs("/usr/lib/rabbitmq/bin") / "rabbitmqctl", *words, check=check, **self.environment)

    @contextlib.contextmanager
    def frozen_consuming(self, virtual_host):
        """The server's channels that consume there do nothing meanwhile."""
        self.control("eval", f"""
            F = [C || C <- rabbit_channel:list_local(), [{{vhost, V}}, {{consumer_count, N}}] <- [catch rabbit_channel:info(C, [vhost, consumer_count])],
                 V =:= <<"{virtual_host}">>, N > 0, (catch sys:suspend(C)) =:= ok],
            true = length(F) > 0, persistent_term:put(frozen, F).""")
        try:
            yield
        finally:
            self.control("eval", "[catch sys:resume(C) || C <- persistent_term:get(frozen)].")

    def start(self):
        self.spawn(programs("/usr/lib/rabbitmq/bin") / "rabbitmq-server", **self.environment)
        eventually(lambda: self.control("await_startup", "--timeout", "60", check=False).returncode == 0, PATIENCE, every=0.2)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE)

    def url(self, virtual_host):
        return f"amqp://guest:guest@127.0.0.1:{self.port}/{virtual_host}"

    def create_virtual_host(self):
        """The name of an empty one. They are made some at a time: each call of rabbitmqctl takes a second of one processor."""
        if not self.virtual_hosts:
            self.virtual_hosts = [f"test_{next(numbers)}" for _ in range(VIRTUAL_HOSTS_AT_ONCE)]
            names = ", ".join(f'<<"{name}">>' for name in self.virtual_hosts)
            self.control("eval", MAKE_VIRTUAL_HOSTS.format(names=names))
        return self.virtual_hosts.pop(0)

    def remove(self):
        super().remove()
        self.mapper.kill()
        self.mapper.wait(PATIENCE)


@functools.cache
def postgres():
    """One for all tests of the run."""
    return Postgres()


@functools.cache
def rabbitmq():
    return RabbitMQ()


@functools.cache
def production_settings(name):
    """A database and a virtual host for whoever goes by this name."""
    del name
    return {"DATABASE_URL": postgres().url(postgres().create_database()), "RABBITMQ_URL": rabbitmq().url(rabbitmq().create_virtual_host())}
