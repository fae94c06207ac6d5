"""How fast usage comes in: batches of 1,000 real requests over HTTP, beside a bare COPY of the same rows."""

import os
import time
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import psycopg

from apps.core import clock
from apps.customers.models import ApiKey
from benchmarks.clients import BATCH, COLUMNS, Posting, copy_part, post, processes
from benchmarks.harness import Context, Figure, percentile
from benchmarks.seller import CUSTOMERS, api_key

WARM_UP = 3.0
SINGLE_CALLERS = 64
PROCESSES = 4


def measure(context: Context) -> list[Figure]:
    """Return events per second in batches and one by one, each beside what the database alone does."""
    key = api_key(ApiKey.Scope.EVENTS_WRITE)
    events = real_events()
    # The first requests of a new server, on an empty database, say little about the others.
    posted(replace(context, seconds=WARM_UP), key, events, batch=BATCH, clients=context.clients)
    batched = posted(context, key, events, batch=BATCH, clients=context.clients)
    single = posted(context, key, events, batch=1, clients=PROCESSES, callers=SINGLE_CALLERS // PROCESSES)
    inserted = posted(
        context, key, events, batch=1, clients=PROCESSES, callers=SINGLE_CALLERS // PROCESSES, path="/floor"
    )
    copied = max(_copied(context.database_url, connections) for connections in (1, 2, 4))
    return [
        Figure(
            f"events a second, batches of {BATCH:,}, {context.clients} clients",
            batched.events / batched.seconds,
            "events/s",
            copied,
            "COPY of the same rows into the same indexed, partitioned table; best of 1, 2 and 4 connections",
            note=f"{batched.events:,} events; answered in {percentile(batched.waits, 0.5) * 1000:.0f} ms (median), "
            f"{percentile(batched.waits, 0.95) * 1000:.0f} ms (p95); server CPU {batched.cpu_per_million:.1f} s "
            f"per million events, memory {batched.memory:.0f} MiB",
        ),
        Figure(
            f"events a second, one by one, {SINGLE_CALLERS} callers",
            single.events / single.seconds,
            "events/s",
            inserted.events / inserted.seconds,
            "a view behind the same key that inserts one row and commits, through the same server",
            note=f"answered in {percentile(single.waits, 0.5) * 1000:.1f} ms (median), "
            f"{percentile(single.waits, 0.95) * 1000:.1f} ms (p95)",
        ),
    ]


@dataclass(frozen=True, slots=True)
class Load:
    """What a load came to; CPU and memory are the server's."""

    events: int
    waits: list[float]
    seconds: float
    cpu_per_million: float
    memory: float


def real_events() -> list[dict[str, object]]:
    """Return the coding trace as events of the last two weeks, dealt to the customers; ids are given per batch."""
    from apps.demo.traces import coding_events  # noqa: PLC0415 after Django is set up

    now = clock.now()
    return coding_events(first_at=now - timedelta(days=14), last_at=now, customers=list(CUSTOMERS))


def posted(
    context: Context,
    key: str,
    events: list[dict[str, object]],
    *,
    batch: int,
    clients: int,
    callers: int = 1,
    path: str = "/api/v1/events",
    most: int | None = None,
) -> Load:
    """Post events by client processes, each with so many callers, and return what the server made of it.

    For the context's seconds, or until there were so many events.
    """
    # Ids are never the same again, whoever else posts into this database.
    begun, begun_cpu = time.time_ns(), _cpu_seconds(context.server_pid)
    with processes(clients) as pool:
        answers = pool.map(
            post,
            [
                Posting(
                    context.host,
                    context.port,
                    key,
                    events,
                    batch,
                    f"{begun:x}-{one}",
                    context.seconds,
                    path,
                    callers,
                    most // clients if most else None,
                )
                for one in range(clients)
            ],
            chunksize=1,
        )
    counted = sum(answer.counted for answer in answers)
    return Load(
        events=counted,
        waits=[wait for answer in answers for wait in answer.waits],
        seconds=max(answer.ended for answer in answers) - min(answer.begun for answer in answers),
        cpu_per_million=(_cpu_seconds(context.server_pid) - begun_cpu) / counted * 1_000_000,
        memory=_memory(context.server_pid),
    )


def _copied(database_url: str, connections: int) -> float:
    """Return rows a second of a bare COPY of the stored events into an empty copy of their table."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS bench_event")
        connection.execute(
            "CREATE TABLE bench_event (LIKE usage_event INCLUDING ALL) PARTITION BY RANGE (time)"
        )
        connection.execute("CREATE TABLE bench_event_all PARTITION OF bench_event DEFAULT")
        rows = _stored_rows(connection, most=100_000)
    parts = [rows[start::connections] for start in range(connections)]
    with processes(connections) as pool:
        pool.starmap(copy_part, [(database_url, part[:BATCH]) for part in parts])
        begun = time.monotonic()
        pool.starmap(copy_part, [(database_url, part[BATCH:]) for part in parts])
        seconds = time.monotonic() - begun
    return (len(rows) - BATCH * connections) / seconds


def _stored_rows(connection: psycopg.Connection, *, most: int) -> list[bytes]:
    query = f"COPY (SELECT {COLUMNS} FROM usage_event LIMIT {most}) TO STDOUT"
    with connection.cursor().copy(query) as copy:
        return b"".join(bytes(chunk) for chunk in copy).splitlines(keepends=True)


def _family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children")
    if not children.exists():
        return [pid]
    return [pid, *(one for child in children.read_text().split() for one in _family(int(child)))]


def _cpu_seconds(pid: int) -> float:
    """Return the CPU time of the server and its workers, where the system tells (Linux)."""
    ticks = 0
    for one in _family(pid):
        stat = Path(f"/proc/{one}/stat")
        if stat.exists():
            fields = stat.read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _memory(pid: int) -> float:
    pages = 0
    for one in _family(pid):
        statm = Path(f"/proc/{one}/statm")
        if statm.exists():
            pages += int(statm.read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
