"""What client processes do; they start afresh, and know nothing of Django."""

import json
import multiprocessing
import time
from dataclasses import dataclass, replace
from http import HTTPStatus
from http.client import HTTPConnection
from multiprocessing.pool import Pool, ThreadPool
from multiprocessing.synchronize import Barrier

import psycopg

BATCH = 1_000
COLUMNS = 'customer_id, "time", key, contract_id, type, quantity, properties, day, received_at'
_OWN = "@own@"


@dataclass(frozen=True, slots=True)
class Posting:
    """What one client is to post, for how many seconds."""

    host: str
    port: int
    key: str
    events: list[dict[str, object]]
    batch: int
    name: str
    seconds: float
    path: str = "/api/v1/events"
    callers: int = 1
    # How many events at most, if it is not for so many seconds.
    most: int | None = None


@dataclass(frozen=True, slots=True)
class Posted:
    """How many events were counted, how long each answer took, and between which instants."""

    counted: int
    waits: list[float]
    begun: float
    ended: float


def processes(count: int) -> Pool:
    """Return fresh client processes, all of them up before the first begins."""
    context = multiprocessing.get_context("spawn")
    return context.Pool(count, initializer=_wait_for_all, initargs=(context.Barrier(count),))


def post(posting: Posting) -> Posted:
    """Post until the time is over, every event under an id of its own, by so many callers as threads."""
    if posting.callers == 1:
        return _post(posting)
    alone = [replace(posting, name=f"{posting.name}-{one}", callers=1) for one in range(posting.callers)]
    with ThreadPool(posting.callers) as pool:
        posted = pool.map(_post, alone, chunksize=1)
    return Posted(
        sum(one.counted for one in posted),
        [wait for one in posted for wait in one.waits],
        min(one.begun for one in posted),
        max(one.ended for one in posted),
    )


def _post(posting: Posting) -> Posted:
    headers = {"Authorization": f"Bearer {posting.key}", "Content-Type": "application/json"}
    connection = HTTPConnection(posting.host, posting.port, timeout=60)
    bodies = _bodies(posting)
    counted = 0
    waits: list[float] = []
    begun = time.monotonic()
    while counted < posting.most if posting.most else time.monotonic() < begun + posting.seconds:
        # Put together beforehand as far as possible: what the clients use, the server lacks.
        body = f"{posting.name}-{len(waits)}".encode().join(bodies[len(waits) % len(bodies)])
        asked = time.monotonic()
        connection.request("POST", posting.path, body, headers)
        response = connection.getresponse()
        answer = response.read()
        waits.append(time.monotonic() - asked)
        if response.status != HTTPStatus.OK or json.loads(answer)["counted"] != posting.batch:
            raise RuntimeError(f"A batch was not counted: {response.status} {answer[:500]!r}")
        counted += posting.batch
    return Posted(counted, waits, begun, time.monotonic())


def copy_part(database_url: str, rows: list[bytes]) -> None:
    """Copy rows in batches, each committed."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        for start in range(0, len(rows), BATCH):
            with connection.cursor().copy(f"COPY bench_event ({COLUMNS}) FROM STDIN") as copy:
                copy.write(b"".join(rows[start : start + BATCH]))


def _wait_for_all(barrier: Barrier) -> None:
    barrier.wait()


def _bodies(posting: Posting) -> list[list[bytes]]:
    """Return bodies in pieces, between which stands what makes the ids new each time."""
    events = [{**event, "id": f"{event['id']}-{_OWN}"} for event in posting.events]
    starts = range(0, min(len(events) - posting.batch + 1, posting.batch * 200), posting.batch)
    bodies = [json.dumps(events[start : start + posting.batch]).encode() for start in starts]
    return [body.split(_OWN.encode()) for body in bodies]
