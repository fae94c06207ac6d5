"""The hand-written statements of usage: plain ones that take a whole batch, in the order of their keys."""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime

import orjson
from django.db import connection

from apps.usage.judge import Countable

_ARRAY_SPECIAL = re.compile(r'(["\\])')
_COPY_SPECIAL = re.compile(r"[\\\t\n\r]")
_COPY_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})

LOCK_CONTRACTS = """
    SELECT id, number, customer_id, plan_version_id, timezone, starts_on, ends_on, billed_until_on
    FROM contracts_contract
    WHERE customer_id = ANY(%s::uuid[]) AND status <> 'draft'
    ORDER BY id
    FOR SHARE
"""

_TAKE_KEYS = """
    INSERT INTO usage_eventkey (customer_id, key, fingerprint, "time")
    SELECT * FROM unnest(%s::uuid[], %s::text[], %s::bytea[], %s::timestamptz[])
    ON CONFLICT DO NOTHING
    RETURNING customer_id::text, key
"""

_STANDING = """
    SELECT stands.customer_id::text, stands.key, stands.fingerprint
    FROM unnest(%s::uuid[], %s::text[]) AS asked (customer_id, key)
    JOIN usage_eventkey stands ON stands.customer_id = asked.customer_id AND stands.key = asked.key
"""

_COPY_EVENTS = """
    COPY usage_event (customer_id, "time", key, contract_id, type, quantity, properties, day, received_at) FROM STDIN
"""

_ADD_TO_DAYS = """
    INSERT INTO usage_usageday AS total
        (customer_id, contract_id, meter_id, day, dimensions, quantity, events, last_received_at)
    SELECT added.*, %s
    FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[], %s::date[], %s::jsonb[], %s::numeric[], %s::bigint[]) AS added
    ON CONFLICT (customer_id, contract_id, meter_id, day, dimensions) DO UPDATE SET
        quantity = total.quantity + excluded.quantity,
        events = total.events + excluded.events,
        last_received_at = greatest(total.last_received_at, excluded.last_received_at)
"""

_KEEP_QUARANTINED = """
    INSERT INTO usage_quarantinedevent AS kept
        (id, customer_key, event_key, type, reason, field, remedy, body, fingerprint, received_at)
    SELECT added.*, %s
    FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[],
                %s::bytea[]) AS added
    ON CONFLICT (customer_key, event_key, fingerprint) WHERE event_key IS NOT NULL DO UPDATE SET
        reason = excluded.reason, field = excluded.field, remedy = excluded.remedy
        WHERE kept.reason <> excluded.reason OR kept.remedy <> excluded.remedy
"""

_RESOLVE_QUARANTINED = """
    UPDATE usage_quarantinedevent SET resolved_at = %s, resolution = 'counted'
    WHERE resolved_at IS NULL
      AND (customer_key, event_key) IN (SELECT * FROM unnest(%s::text[], %s::text[]))
"""

_EVENTS = 'SELECT customer_id, "time", key, contract_id, type, quantity, properties::text, day, received_at FROM usage_event'
FIRST_EVENTS = f'{_EVENTS} ORDER BY customer_id, "time", key LIMIT %s'
EVENTS_AFTER = (
    f'{_EVENTS} WHERE (customer_id, "time", key) > (%s, %s, %s) ORDER BY customer_id, "time", key LIMIT %s'
)

TOTALS = """
    SELECT used.contract_id, used.meter_id, used.dimensions, sum(used.quantity), sum(used.events)::bigint,
           max(used.last_received_at)
    FROM unnest(%s::uuid[], %s::uuid[], %s::date[], %s::date[]) AS asked (customer_id, contract_id, starts_on, ends_on)
    JOIN usage_usageday used ON used.customer_id = asked.customer_id AND used.contract_id = asked.contract_id
        AND used.day >= asked.starts_on AND used.day < asked.ends_on
    GROUP BY used.contract_id, used.meter_id, used.dimensions
    ORDER BY used.contract_id, used.meter_id, used.dimensions
"""


def take_keys(
    customers: Sequence[str], keys: Sequence[str], fingerprints: Sequence[bytes], times: Sequence[str]
) -> set[tuple[str, str]]:
    """Note these event ids as seen, and return those (customer, key) that nobody had noted before.

    Waits for a transaction that is noting the same id; so does the caller sort them.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _TAKE_KEYS,
            [
                array(customers),
                array(keys),
                "{" + ",".join([f'"\\\\x{one.hex()}"' for one in fingerprints]) + "}",
                array(times),
            ],
        )
        return set(cursor.fetchall())


def standing(asked: Iterable[tuple[str, str]]) -> dict[tuple[str, str], bytes]:
    """Return the fingerprints of those (customer, key) that were seen before."""
    wanted = list(asked)
    if not wanted:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            _STANDING, [array([customer for customer, _ in wanted]), array([key for _, key in wanted])]
        )
        return {(customer, key): bytes(fingerprint) for customer, key, fingerprint in cursor.fetchall()}


def copy_events(counted: Iterable[Countable], *, at: datetime) -> None:
    """Append the events."""
    received = at.isoformat()
    lines = [
        f"{one.customer_id}\t{one.event.written_time}\t{_copied(one.event.key or '')}\t{one.contract_id}\t"
        f"{_copied(one.event.type)}\t{one.event.quantity:f}\t{_copied(one.event.properties_json.decode())}\t"
        f"{one.day}\t{received}\n"
        for one in counted
    ]
    with connection.cursor() as cursor, cursor.copy(_COPY_EVENTS) as copy:
        copy.write("".join(lines))


def add_to_days(rows: Sequence[tuple[str, str, str, str, str, str, str]], *, at: datetime) -> None:
    """Add to daily totals: customer, contract, meter, day, dimensions, quantity and number of events, sorted."""
    with connection.cursor() as cursor:
        cursor.execute(_ADD_TO_DAYS, [at, *(array(column) for column in zip(*rows, strict=True))])


def keep_quarantined(
    rows: Sequence[tuple[str, str, str | None, str, str, str, str, str, str]], *, at: datetime
) -> None:
    """Keep events in quarantine, each customer, id and body once; a reason that has changed since is written anew."""
    with connection.cursor() as cursor:
        cursor.execute(_KEEP_QUARANTINED, [at, *(array(column) for column in zip(*rows, strict=True))])


def resolve_quarantined(customers: Sequence[str], keys: Sequence[str], *, at: datetime) -> None:
    """Note that events with these customers and ids were counted after all."""
    with connection.cursor() as cursor:
        cursor.execute(_RESOLVE_QUARANTINED, [at, array(customers), array(keys)])


def read_json(value: object) -> dict[str, str]:
    """Return a jsonb column of a raw statement as Python; Django's connections leave it as text."""
    read: dict[str, str] = orjson.loads(value) if isinstance(value, str | bytes) else value  # type: ignore[assignment]
    return read


def array(texts: Iterable[str | None]) -> str:
    """Return texts as the literal of a PostgreSQL array; the statement casts it."""
    quoted = ["NULL" if text is None else f'"{_array_text(text)}"' for text in texts]
    return "{" + ",".join(quoted) + "}"


def _array_text(text: str) -> str:
    return _ARRAY_SPECIAL.sub(r"\\\1", text) if '"' in text or "\\" in text else text


def _copied(text: str) -> str:
    return text.translate(_COPY_ESCAPES) if _COPY_SPECIAL.search(text) else text
