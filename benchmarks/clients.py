"""What client processes do; they start afresh, and know nothing of Django."""

import json
import multiprocessing
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from http.client import HTTPConnection
from multiprocessing.pool import Pool
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
    """Post until the time is over, every event under an id of its own."""
    headers = {"Authorization": f"Bearer {posting.key}", "Content-Type": "application/json"}
    connection = HTTPConnection(posting.host, posting.port, timeout=60)
    bodies = _bodies(posting)
    counted = 0
    waits: list[float] = []
    begun = time.monotonic()
    while time.monotonic() < begun + posting.seconds:
        body = bodies[len(waits) % len(bodies)].replace(
            _OWN.encode(), f"{posting.name}-{len(waits)}".encode()
        )
        asked = time.monotonic()
        connection.request("POST", "/api/v1/events", body, headers)
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


def insert_rows(database_url: str, name: str, seconds: float) -> int:
    """Insert and commit row after row until the time is over, and return how many."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    inserted = 0
    with psycopg.connect(database_url, autocommit=True) as connection:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            connection.execute("INSERT INTO bench_row VALUES (%s, %s)", [f"{name}-{inserted}", at])
            inserted += 1
    return inserted


def _wait_for_all(barrier: Barrier) -> None:
    barrier.wait()


def _bodies(posting: Posting) -> list[bytes]:
    events = [{**event, "id": f"{event['id']}-{_OWN}"} for event in posting.events]
    starts = range(0, min(len(events) - posting.batch + 1, posting.batch * 500), posting.batch)
    return [json.dumps(events[start : start + posting.batch]).encode() for start in starts]
