"""What goes wrong. Each fault is done and over when the function returns; nothing is repaired but what it broke."""
import signal
import time

from support.dependencies import postgres, rabbitmq


def let_run(random, least, most):
    """The load goes on meanwhile: how long is what a round varies."""
    time.sleep(random.uniform(least, most))


def instance_killed(cluster, random):
    one = random.choice(cluster.instances)
    one.kill()
    let_run(random, 0.0, 1.0)
    one.start()


def instance_frozen(cluster, random):
    one = random.choice(cluster.instances)
    one.signal(signal.SIGSTOP)
    let_run(random, 0.2, 4.0)
    one.signal(signal.SIGCONT)


def instance_restarted(cluster, random):
    one = random.choice(cluster.instances)
    one.stop()
    let_run(random, 0.0, 0.3)
    one.start()


def killed(dependency):
    def fault(_, random):
        dependency().kill()
        let_run(random, 0.0, 1.0)
        dependency().start()
    return fault


def stopped(dependency):
    def fault(_, random):
        dependency().stop()
        let_run(random, 0.0, 2.0)
        dependency().start()
    return fault


def frozen(dependency):
    def fault(_, random):
        dependency().freeze()
        let_run(random, 0.2, 4.0)
        dependency().thaw()
    return fault


def gates_of(cluster, random, name):
    """Those of one instance, or of all."""
    chosen = cluster.instances if random.random() < 0.5 else [random.choice(cluster.instances)]
    names = ("postgres", "rabbitmq") if name == "both" else (name,)
    return [instance.gates[one] for instance in chosen for one in names]


def cut(name):
    def fault(cluster, random):
        for gate in gates_of(cluster, random, name):
            gate.cut()
    return fault


def refused(name):
    def fault(cluster, random):
        gates = gates_of(cluster, random, name)
        for gate in gates:
            gate.refuse()
        let_run(random, 0.2, 3.0)
        for gate in gates:
            gate.open()
    return fault


def stalled(name):
    def fault(cluster, random):
        gates = gates_of(cluster, random, name)
        for gate in gates:
            gate.stall()
        let_run(random, 0.2, 4.0)
        for gate in gates:
            gate.open()
    return fault


FAULTS = {
    "instance killed": instance_killed, "instance frozen": instance_frozen, "instance restarted": instance_restarted,
    "PostgreSQL killed": killed(postgres), "PostgreSQL stopped": stopped(postgres), "PostgreSQL frozen": frozen(postgres),
    "RabbitMQ killed": killed(rabbitmq), "RabbitMQ stopped": stopped(rabbitmq), "RabbitMQ frozen": frozen(rabbitmq),
    "connections to PostgreSQL cut": cut("postgres"), "connections to RabbitMQ cut": cut("rabbitmq"), "all connections cut": cut("both"),
    "PostgreSQL refuses": refused("postgres"), "RabbitMQ refuses": refused("rabbitmq"), "both refuse": refused("both"),
    "network to PostgreSQL stalled": stalled("postgres"), "network to RabbitMQ stalled": stalled("rabbitmq"), "network to both stalled": stalled("both")}
