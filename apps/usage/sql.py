"""The hand-written statements that write usage: plain ones that take a whole batch, in the order of their keys."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

import orjson
from django.db import IntegrityError, connection, transaction
from psycopg.errors import UniqueViolation

from apps.core.ids import uuid7
from apps.plans.queries import CATALOGUE_STAMP
from apps.usage import reads
from apps.usage.read_event import Quantity
from apps.usage.ways import Countable

_ARRAY_SPECIAL = re.compile(r'(["\\])')

# The contracts of a batch, behind what else it asks: whether anything waits in quarantine under the customers' keys of the
# batch or other ones of theirs, and how the catalogue stands.
FACTS = f"""
    SELECT EXISTS (
               SELECT FROM usage_quarantinedevent
               WHERE resolution <> 'counted' AND customer_key = ANY(%s::text[] || ARRAY(
                   SELECT key FROM customers_customeralias WHERE customer_id = ANY(%s::uuid[])
               ))
           ), ({CATALOGUE_STAMP}),
           live.id::text, live.number, live.customer_id::text, live.plan_version_id, live.terms_stamp, live.timezone, live.starts_on,
           live.ends_on, live.billed_until_on, live.counted_until_at
    FROM (SELECT) AS one LEFT JOIN contracts_contract live ON live.id = ANY(%s::uuid[])
    ORDER BY live.id
"""  # noqa: S608 put together from constants

_TAKE_KEYS = """
    INSERT INTO usage_eventkey (customer_id, key, fingerprint, "time")
    SELECT * FROM unnest(%s::uuid[], %s::text[], %s::bytea[], %s::timestamptz[])
    ON CONFLICT DO NOTHING
    RETURNING customer_id::text, key
"""

_COPY_KEYS = 'COPY usage_eventkey (customer_id, key, fingerprint, "time") FROM STDIN (FORMAT binary)'

_STANDING = """
    SELECT stands.customer_id::text, stands.key, stands.fingerprint
    FROM unnest(%s::uuid[], %s::text[]) AS asked (customer_id, key)
    JOIN usage_eventkey stands ON stands.customer_id = asked.customer_id AND stands.key = asked.key
"""

_COPY_STORED = """
    COPY usage_event (customer_id, "time", key, contract_id, type, quantity, properties, day, received_at) FROM STDIN
"""
_COPY_EVENTS = f"{_COPY_STORED} (FORMAT binary)"

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

_TAKE_FROM_DAYS = """
    UPDATE usage_usageday total SET quantity = total.quantity - taken.quantity, events = total.events - taken.events
    FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[], %s::date[], %s::jsonb[], %s::numeric[], %s::bigint[])
        AS taken (customer_id, contract_id, meter_id, day, dimensions, quantity, events)
    WHERE (total.customer_id, total.contract_id, total.meter_id, total.day, total.dimensions)
        = (taken.customer_id, taken.contract_id, taken.meter_id, taken.day, taken.dimensions)
"""
_DROP_EMPTY_DAYS = """
    DELETE FROM usage_usageday total
    USING unnest(%s::uuid[], %s::uuid[], %s::uuid[], %s::date[], %s::jsonb[])
        AS taken (customer_id, contract_id, meter_id, day, dimensions)
    WHERE (total.customer_id, total.contract_id, total.meter_id, total.day, total.dimensions)
        = (taken.customer_id, taken.contract_id, taken.meter_id, taken.day, taken.dimensions) AND total.events = 0
"""

# The highest value of a day, and the latest: among equals in time the higher.
_RAISE_DAYS = """
    INSERT INTO usage_usageday AS total
        (customer_id, contract_id, meter_id, day, dimensions, quantity, events, as_of, last_received_at)
    SELECT added.*, %s
    FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[], %s::date[], %s::jsonb[], %s::numeric[], %s::bigint[],
                %s::timestamptz[]) AS added
    ON CONFLICT (customer_id, contract_id, meter_id, day, dimensions) DO UPDATE SET
        quantity = CASE
            WHEN excluded.as_of IS NULL THEN greatest(total.quantity, excluded.quantity)
            WHEN (excluded.as_of, excluded.quantity) > (total.as_of, total.quantity) THEN excluded.quantity
            ELSE total.quantity END,
        as_of = greatest(total.as_of, excluded.as_of),
        events = total.events + excluded.events,
        last_received_at = greatest(total.last_received_at, excluded.last_received_at)
"""

_ADD_VALUES = """
    INSERT INTO usage_usagevalue AS kept (customer_id, contract_id, meter_id, day, dimensions, value, events)
    SELECT * FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[], %s::date[], %s::jsonb[], %s::text[], %s::bigint[])
    ON CONFLICT (customer_id, contract_id, meter_id, day, dimensions, value)
        DO UPDATE SET events = kept.events + excluded.events
    RETURNING customer_id::text, contract_id::text, meter_id::text, day::text, dimensions::text, xmax = 0
"""
_TAKE_VALUES = """
    UPDATE usage_usagevalue kept SET events = kept.events - taken.events
    FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[], %s::date[], %s::jsonb[], %s::text[], %s::bigint[])
        AS taken (customer_id, contract_id, meter_id, day, dimensions, value, events)
    WHERE (kept.customer_id, kept.contract_id, kept.meter_id, kept.day, kept.dimensions, kept.value)
        = (taken.customer_id, taken.contract_id, taken.meter_id, taken.day, taken.dimensions, taken.value)
    RETURNING kept.customer_id::text, kept.contract_id::text, kept.meter_id::text, kept.day::text,
              kept.dimensions::text, kept.events = 0
"""
_DROP_EMPTY_VALUES = "DELETE FROM usage_usagevalue WHERE customer_id = ANY(%s::uuid[]) AND events = 0"

_MARK_LATE_DAYS = """
    INSERT INTO usage_lateday (customer_id, contract_id, day, changed_at)
    SELECT DISTINCT live.customer_id, live.id, touched.day, %s::timestamptz
    FROM unnest(%s::uuid[], %s::date[]) AS touched (contract_id, day)
    JOIN contracts_contract live ON live.id = touched.contract_id AND touched.day < live.billed_until_on
    ORDER BY 1, 2, 3
    ON CONFLICT (customer_id, contract_id, day) DO UPDATE SET changed_at = excluded.changed_at
"""

_REVERSE = """
    INSERT INTO usage_reversal (customer_id, key, "time", correction_id)
    SELECT customer_id, key, "time", %s FROM unnest(%s::uuid[], %s::text[], %s::timestamptz[])
        AS voided (customer_id, key, "time")
    ON CONFLICT DO NOTHING
    RETURNING key
"""

_KEEP_QUARANTINED = """
    INSERT INTO usage_quarantinedevent AS kept
        (id, customer_key, event_key, type, reason, field, remedy, body, fingerprint, times, received_at)
    SELECT added.*, %s
    FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[],
                %s::bytea[], %s::int[]) AS added
    ON CONFLICT (customer_key, event_key, fingerprint) WHERE event_key IS NOT NULL DO UPDATE SET
        reason = excluded.reason, field = excluded.field, remedy = excluded.remedy,
        times = kept.times + excluded.times
"""

_WRITE_RECEIPTS = """
    INSERT INTO usage_receipt
        (id, actor, customer_key, newest_time, received, counted, voided, duplicate, conflict, quarantined, received_at)
    SELECT added.*, %s
    FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::timestamptz[], %s::int[], %s::int[], %s::int[], %s::int[],
                %s::int[], %s::int[]) AS added
"""
# Of the keys, aliases and contract numbers under which usage of customers may come, those under which something waits.
_NAMES_WAITING = """
    SELECT name FROM (
        SELECT key AS name FROM customers_customer WHERE id = ANY(%s::uuid[])
        UNION SELECT key FROM customers_customeralias WHERE customer_id = ANY(%s::uuid[])
        UNION SELECT number FROM contracts_contract WHERE customer_id = ANY(%s::uuid[]) AND status <> 'draft'
    ) AS names
    WHERE EXISTS (SELECT FROM usage_quarantinedevent WHERE customer_key = name AND resolution <> 'counted')
"""
_DISMISSED = """
    SELECT customer_key, event_key, fingerprint, reason, field FROM usage_quarantinedevent
    WHERE resolution = 'dismissed' AND (customer_key, event_key) IN (SELECT * FROM unnest(%s::text[], %s::text[]))
"""
_RESOLVE_QUARANTINED = """
    UPDATE usage_quarantinedevent SET resolved_at = %s, resolution = 'counted'
    WHERE resolution <> 'counted'
      AND (customer_key, event_key) IN (SELECT * FROM unnest(%s::text[], %s::text[]))
    RETURNING customer_key, event_key, fingerprint, times
"""


def take_keys(counted: Mapping[tuple[str, str], Countable], rows: bytes) -> set[tuple[str, str]] | None:
    """Note these event ids, by (customer, key), as seen; return None if nobody had noted any before, else the new ones.

    `rows` are those of the keys for a binary COPY.

    Waits for a transaction that is noting the same id; so does the caller sort them.
    """
    try:
        # Copied they cost two thirds, and most often all are new. What goes wrong is told as Django tells it, so that the
        # caller knows a deadlock.
        with (
            transaction.atomic(),
            connection.wrap_database_errors,
            connection.cursor() as cursor,
            cursor.copy(_COPY_KEYS) as copy,
        ):
            copy.write(rows)
    except IntegrityError as clash:
        if not isinstance(clash.__cause__, UniqueViolation):
            raise
    else:
        return None
    events = [one.event for one in counted.values()]
    columns = (
        [customer for customer, _ in counted],
        [key for _, key in counted],
        [f"\\x{event.fingerprint.hex()}" for event in events],
        [event.written_time for event in events],
    )
    with connection.cursor() as cursor:
        cursor.execute(_TAKE_KEYS, [array(column) for column in columns])
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


def copy_events(rows: bytes) -> None:
    """Append events, given as rows for a binary COPY."""
    with connection.wrap_database_errors, connection.cursor() as cursor, cursor.copy(_COPY_EVENTS) as copy:
        copy.write(rows)


def copy_stored(rows: Sequence[Sequence[object]]) -> None:
    """Append events as they were stored, column by column."""
    with connection.wrap_database_errors, connection.cursor() as cursor, cursor.copy(_COPY_STORED) as copy:
        for row in rows:
            copy.write_row(row)


# Customer, contract, meter, day and dimensions: what names a daily total.
DayKey = tuple[str, str, str, str, str]


def add_to_days(rows: Sequence[tuple[DayKey, Quantity, int]], *, at: datetime) -> None:
    """Add quantities and numbers of events to daily totals, sorted by their keys."""
    with connection.cursor() as cursor:
        cursor.execute(_ADD_TO_DAYS, [at, *_keyed(rows)])


def take_from_days(rows: Sequence[tuple[DayKey, Quantity, int]]) -> None:
    """Take quantities and numbers of events from daily totals, and drop those that hold no event any more."""
    with connection.cursor() as cursor:
        cursor.execute(_TAKE_FROM_DAYS, _keyed(rows))
        cursor.execute(_DROP_EMPTY_DAYS, _keyed([(key,) for key, _, _ in rows]))


def raise_days(rows: Sequence[tuple[DayKey, Quantity, int, str | None]], *, at: datetime) -> None:
    """Raise daily totals to a value: to the highest, or where an instant is given to the latest."""
    with connection.cursor() as cursor:
        cursor.execute(_RAISE_DAYS, [at, *_keyed(rows)])


def add_values(rows: Sequence[tuple[DayKey, str, int]]) -> list[DayKey]:
    """Add to how many events had a value; return the day of each value that is new on it."""
    with connection.cursor() as cursor:
        cursor.execute(_ADD_VALUES, _keyed(rows))
        return [_day_key(row) for row in cursor.fetchall() if row[5]]


def take_values(rows: Sequence[tuple[DayKey, str, int]]) -> list[DayKey]:
    """Take from how many events had a value; return the day of each value that is gone from it."""
    with connection.cursor() as cursor:
        cursor.execute(_TAKE_VALUES, _keyed(rows))
        gone = [_day_key(row) for row in cursor.fetchall() if row[5]]
        cursor.execute(_DROP_EMPTY_VALUES, ["{" + ",".join(sorted({key[0] for key, _, _ in rows})) + "}"])
        return gone


def _day_key(row: Sequence[str]) -> DayKey:
    """Return what names a daily total with its dimensions written as everywhere else; jsonb has a form of its own."""
    customer, contract, meter, day, dimensions = row[:5]
    return (customer, contract, meter, day, canonical(dimensions))


def canonical(dimensions: object) -> str:
    """Return dimension values in the writing of ingest, which is not PostgreSQL's."""
    return orjson.dumps(reads.read_json(dimensions), option=orjson.OPT_SORT_KEYS).decode()


def mark_late_days(touched: Iterable[tuple[str, str]], *, at: datetime) -> None:
    """Note those (contract, day) that are invoiced already: the next invoice adjusts for them."""
    pairs = sorted(set(touched))
    with connection.cursor() as cursor:
        cursor.execute(
            _MARK_LATE_DAYS, [at, array([one for one, _ in pairs]), array([day for _, day in pairs])]
        )


def reverse(correction_id: str, events: Sequence[tuple[str, str, str]]) -> set[str]:
    """Note events (customer, key, time) as voided; return the keys of those that were not yet."""
    columns = [array(column) for column in zip(*events, strict=True)]
    with connection.cursor() as cursor:
        cursor.execute(_REVERSE, [correction_id, *columns])
        return {key for (key,) in cursor.fetchall()}


def keep_quarantined(
    rows: Sequence[tuple[str, str, str | None, str, str, str, str, str, str, str]], *, at: datetime
) -> None:
    """Keep events in quarantine, each customer, id and body once, with the reason of now and how often it came."""
    with connection.cursor() as cursor:
        cursor.execute(_KEEP_QUARANTINED, [at, *(array(column) for column in zip(*rows, strict=True))])


def write_receipts(rows: Sequence[tuple[object, ...]], *, at: datetime) -> None:
    """Append receipts: actor, customer, newest event time, and what became of how many."""
    if not rows:
        return
    columns = zip(*((uuid7(), *row) for row in rows), strict=True)
    with connection.cursor() as cursor:
        cursor.execute(_WRITE_RECEIPTS, [at, *(_texts(column) for column in columns)])


def names_waiting(customer_ids: Collection[str]) -> list[str]:
    """Return under which names of these customers something waits in quarantine, or is dismissed."""
    ids = array(sorted(customer_ids))
    with connection.cursor() as cursor:
        cursor.execute(_NAMES_WAITING, [ids, ids, ids])
        return [name for (name,) in cursor.fetchall()]


def dismissed(asked: Collection[tuple[str, str]]) -> list[tuple[str, str, bytes, str, str]]:
    """Return what staff dismissed of these (customer key, event id): with its fingerprint, reason and field."""
    with connection.cursor() as cursor:
        cursor.execute(_DISMISSED, [array([name for name, _ in asked]), array([key for _, key in asked])])
        return [(name, key, bytes(print_), *why) for name, key, print_, *why in cursor.fetchall()]


def resolve_quarantined(
    standing: Collection[tuple[str, str]], *, at: datetime
) -> list[tuple[str, str, bytes, int]]:
    """Note that events with these (customer key, event id) were counted after all; return those that waited."""
    names, keys = [name for name, _ in standing], [key for _, key in standing]
    with connection.cursor() as cursor:
        cursor.execute(_RESOLVE_QUARANTINED, [at, array(names), array(keys)])
        return [(customer, key, bytes(print_), times) for customer, key, print_, times in cursor.fetchall()]


def array(texts: Collection[str | None]) -> str:
    """Return texts as the literal of a PostgreSQL array; the statement casts it."""
    plain = [text for text in texts if text is not None]
    joined = '","'.join(plain)
    if len(plain) == len(texts) and joined.count('"') == 2 * max(len(texts) - 1, 0) and "\\" not in joined:
        return f'{{"{joined}"}}' if texts else "{}"
    return _array_with_nulls(texts)


def _array_with_nulls(texts: Iterable[str | None]) -> str:
    quoted = ["NULL" if text is None else '"' + _ARRAY_SPECIAL.sub(r"\\\1", text) + '"' for text in texts]
    return "{" + ",".join(quoted) + "}"


def _keyed(rows: Sequence[tuple[object, ...]]) -> list[str]:
    """Return the five columns of the day keys, and the others, each as an array."""
    keys = zip(*(row[0] for row in rows), strict=True)
    others = zip(*(row[1:] for row in rows), strict=True)
    return [*map(array, keys), *(_texts(column) for column in others)]


def _texts(column: Iterable[object]) -> str:
    return array([None if one is None else str(one) for one in column])
