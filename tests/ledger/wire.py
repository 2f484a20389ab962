"""Sends requests as they are to be said, and reads their answers."""
import contextlib

from ledger.saying import split

PIPED_BYTES = 32 << 10  # a client that sends more before it reads may wait for a service that waits for it


def exchange(world, requests):
    """Sends the requests on one connection, several at once, and returns their answers, None for one that did not come."""
    instance, last = requests[0].publish.instance, requests[-1].publish.saying
    world.published += sum(len(request.framed) for request in requests)
    answers = []
    try:
        connection = world.raw(instance, fresh=requests[0].publish.saying.connection == "fresh")
        early = send(connection, requests)
        if early:
            answers.append(early)
        else:
            for _ in requests[:-1] if last.flaw == "hangs up" else requests:
                answers.append(final(connection))
    except (ConnectionError, TimeoutError):
        world.drop(instance)
    if len(answers) < len(requests) or last.connection == "closing" or closes(answers[-1]):
        world.drop(instance)
    return answers + [None] * (len(requests) - len(answers))


def final(connection):
    """The next answer that is no 100."""
    answer = connection.response()
    return final(connection) if answer.status == 100 else answer


def closes(answer):
    """Whether the service closes the connection behind this answer."""
    return (answer.headers["Connection"] or "").lower() == "close"


def send(connection, requests):
    """Writes all. The answer, where one came instead of a 100; a service that has answered and closed is left to be read from."""
    first = requests[0]
    data = first.framed + b"".join(request.head + request.framed for request in requests[1:])
    if first.publish.saying.expects:
        connection.send(first.head)
        answer = connection.response()
        if answer.status != 100:
            return answer
    else:
        data = first.head + data
    with contextlib.suppress(ConnectionError):
        for piece in split(data, first.publish.saying.writes):
            connection.send(piece)
    return None
