"""What is coming in just now, read from the journal of what was received: cheap enough to be asked every two seconds."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from django.db import connection

from apps.contracts.queries import customers_named

STEP = timedelta(seconds=5)
STEPS = 60
MINUTE = timedelta(minutes=1)
MOST_CUSTOMERS = 6
_NEWEST_EVENTS = 500
_SECOND = timedelta(seconds=1)

# Releases and corrections receive nothing.
_BY_STEP = """
    SELECT floor(extract(epoch FROM received_at) / %s)::bigint, sum(received)
    FROM usage_receipt WHERE received_at >= %s AND received_at < %s AND received > 0 GROUP BY 1
"""
# The id of a receipt tells when it was written, in milliseconds: its first 48 bits.
_LAST_MINUTE = """
    SELECT coalesce(sum(received), 0), coalesce(sum(counted), 0), coalesce(sum(duplicate), 0), coalesce(sum(conflict), 0),
           greatest(coalesce(sum(quarantined), 0), 0), max(received_at),
           percentile_cont(0.5) WITHIN GROUP (ORDER BY received_at - newest_time),
           percentile_cont(0.5) WITHIN GROUP (ORDER BY written),
           percentile_cont(0.99) WITHIN GROUP (ORDER BY written)
    FROM (
        SELECT *, greatest(
            ('x0000' || left(replace(id::text, '-', ''), 12))::bit(64)::bigint
                - (extract(epoch FROM received_at) * 1000)::bigint, 0) AS written
        FROM usage_receipt WHERE received_at > %s AND received > 0
    ) AS recent
"""
_BUSIEST = """
    SELECT customer_key, sum(received) AS many FROM usage_receipt
    WHERE received_at > %s AND received > 0 GROUP BY customer_key ORDER BY many DESC, customer_key LIMIT %s
"""
# Receipts know no types, so the newest events of the busiest customers tell.
_TYPES = """
    SELECT type, count(*) AS many
    FROM unnest(%s::uuid[]) AS busy (id) CROSS JOIN LATERAL (
        SELECT type, received_at FROM usage_event WHERE customer_id = busy.id ORDER BY "time" DESC LIMIT %s
    ) AS newest
    WHERE received_at > %s GROUP BY type ORDER BY many DESC, type LIMIT %s
"""


@dataclass(frozen=True, slots=True)
class Rate:
    """How many events a second came in the step that began at an instant."""

    at: datetime
    a_second: Decimal


@dataclass(frozen=True, slots=True)
class LastMinute:
    """What became of what came in the last minute, how old it was, and how long it took until it was written.

    `age` is how long before its receipt the newest event of a request happened, as a median: negative where clocks differ.
    `taken` is a median too, to the millisecond; of 100 requests one takes longer than `slowest`.
    """

    received: int
    counted: int
    duplicate: int
    conflict: int
    quarantined: int
    last_at: datetime | None
    age: timedelta | None
    taken: timedelta | None
    slowest: timedelta | None


@dataclass(frozen=True, slots=True)
class Share:
    """Somebody's or something's part of the last minute."""

    name: str
    events: int


def rates(*, at: datetime) -> tuple[Rate, ...]:
    """Return the rates of the last five minutes by steps of five seconds, the last whole one last; one query."""
    last = int(at.timestamp()) // STEP.seconds
    first = last - STEPS
    starts = [datetime.fromtimestamp(step * STEP.seconds, UTC) for step in range(first, last + 1)]
    with connection.cursor() as cursor:
        cursor.execute(_BY_STEP, [STEP.seconds, starts[0], starts[-1]])
        found = dict(cursor.fetchall())
    return tuple(
        Rate(start, Decimal(found.get(step, 0)) / STEP.seconds)
        for step, start in zip(range(first, last), starts[:-1], strict=True)
    )


def last_minute(*, at: datetime) -> LastMinute:
    """Return what became of the last minute's events; one query."""
    with connection.cursor() as cursor:
        cursor.execute(_LAST_MINUTE, [at - MINUTE])
        received, counted, duplicate, conflict, quarantined, last_at, age, taken, slowest = cursor.fetchone()
    return LastMinute(
        received=received,
        counted=counted,
        duplicate=duplicate,
        conflict=conflict,
        quarantined=quarantined,
        last_at=last_at,
        age=age,
        taken=None if taken is None else timedelta(milliseconds=taken),
        slowest=None if slowest is None else timedelta(milliseconds=slowest),
    )


def busiest(*, at: datetime) -> tuple[Share, ...]:
    """Return who sent the most events in the last minute, by the key that they gave; one query."""
    with connection.cursor() as cursor:
        cursor.execute(_BUSIEST, [at - MINUTE, MOST_CUSTOMERS])
        return tuple(Share(key, many) for key, many in cursor.fetchall())


def types(busy: tuple[Share, ...], *, at: datetime) -> tuple[Share, ...]:
    """Return the types among the newest events of these customers, those of the last minute; at most three queries."""
    ids = sorted(set(customers_named([one.name for one in busy]).values()))
    with connection.cursor() as cursor:
        cursor.execute(_TYPES, [ids, _NEWEST_EVENTS, at - MINUTE, MOST_CUSTOMERS])
        return tuple(Share(type_, many) for type_, many in cursor.fetchall())
