"""Finding single events: by customer, type, id, time and state, page by page, never by reading all there are.

A customer's events are read along the table's key, the newest first. Across customers the newest of each are read so, and the
newest of those are shown: what it costs grows with the customers, not with their events. An event in quarantine stands where
it was received, since its own time may be what is wrong with it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db import OperationalError, connection, transaction
from psycopg.errors import QueryCanceled

from apps.contracts.queries import customers_named, live
from apps.customers.models import Customer, CustomerAlias
from apps.usage.errors import TooMuchToSearch
from apps.usage.models import QuarantinedEvent

# How far back is looked where nobody says: of one customer, and of all.
DAYS_OF_ONE = 31
DAYS_OF_ALL = 7
_MOST_MILLISECONDS = 8_000
_FIRST = datetime(1, 1, 2, tzinfo=UTC)
_LAST = datetime(9999, 12, 30, tzinfo=UTC)


class EventState(StrEnum):
    """What has become of an event."""

    COUNTED = "counted"
    VOIDED = "voided"
    QUARANTINED = "quarantined"
    DISMISSED = "dismissed"


_STORED = (EventState.COUNTED, EventState.VOIDED)


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page ended: the instant, the id, and what tells apart two rows with both."""

    moment: datetime
    key: str
    row: str


@dataclass(frozen=True, slots=True)
class Question:
    """Which events: of one customer, of one type, with one id, from an instant up to, not with, another, in one state."""

    customer_key: str = ""
    type: str = ""
    key: str = ""
    start: datetime | None = None
    end: datetime | None = None
    state: EventState | None = None


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event as lists show it; one in quarantine has no `time` and `quantity`, but a reason."""

    state: EventState
    customer_key: str
    customer_name: str
    key: str
    type: str
    time: datetime | None
    quantity: Decimal | None
    received_at: datetime
    row: str
    reason: str = ""

    @property
    def reason_label(self) -> str:
        """Return the reason in words."""
        return str(QuarantinedEvent.Reason(self.reason).label) if self.reason else ""

    @property
    def cursor(self) -> Cursor:
        """Return its place in the list."""
        return Cursor(self.time or self.received_at, self.key, self.row)


@dataclass(frozen=True, slots=True)
class Found:
    """One page of events, the newest first; `start` is how far back was looked, None without end."""

    rows: tuple[EventRow, ...]
    next: Cursor | None
    start: datetime | None


@dataclass(frozen=True, slots=True)
class Named:
    """The customer that a key names, and all keys under which its events may wait."""

    customer_id: UUID | None
    keys: tuple[str, ...]


def events(*, question: Question, at: datetime, limit: int, after: Cursor | None = None) -> Found:
    """Return a page of events, the newest first, in at most five queries.

    Where neither a start nor an id is asked for, looks back 31 days for one customer and 7 days across all. Refuses a search
    that takes longer than some seconds.
    """
    named = named_by(question.customer_key)
    start = _start(question, at)
    bounds = _Bounds(
        start or _FIRST,
        after or Cursor(question.end or _LAST, "", ""),
        question.type,
        question.key,
        limit + 1,
    )
    states = (question.state,) if question.state else tuple(EventState)
    rows: list[EventRow] = []
    with _in_time():
        for state in states:
            if state in _STORED:
                rows += _stored(state, named, bounds)
            else:
                rows += _kept_back(state, named, bounds)
    rows.sort(key=lambda row: (row.cursor.moment, row.cursor.key, row.cursor.row), reverse=True)
    shown = tuple(rows[:limit])
    return Found(shown, shown[-1].cursor if len(rows) > limit else None, start)


def named_by(customer_key: str) -> Named | None:
    """Return whom a key, an alias or a contract's number names; None for the empty key, which asks for everybody.

    At most five queries.
    """
    if not customer_key:
        return None
    customer_id = customers_named([customer_key]).get(customer_key)
    if customer_id is None:
        return Named(None, (customer_key,))
    customer = Customer.objects.get(pk=customer_id)
    aliases = CustomerAlias.objects.filter(customer=customer).values_list("key", flat=True)
    numbers = live(customer_ids=[customer_id]).values_list("number", flat=True)
    return Named(customer.pk, (customer.key, *aliases, *numbers))


@dataclass(frozen=True, slots=True)
class _Bounds:
    start: datetime
    before: Cursor
    type: str
    key: str
    most: int


# The instant stands by itself too: of a row of values, no index of another collation can use more.
_PAGE = """
    "time" >= %(start)s AND "time" <= %(moment)s
    AND ("time", key COLLATE "C", customer_id::text COLLATE "C") < (%(moment)s, %(after_key)s, %(after_row)s)
    AND (%(type)s = '' OR type = %(type)s)
"""
_NEWEST = 'ORDER BY "time" DESC, key COLLATE "C" DESC, customer_id DESC LIMIT %(most)s'
_FIELDS = 'event.customer_id, event."time", event.key, event.type, event.quantity, event.received_at'
_GONE = """
    EXISTS (SELECT FROM usage_reversal gone WHERE gone.customer_id = event.customer_id AND gone.key = event.key)
"""
# Each by its key, so that they are read in the order of time and no further than the page: the planner would take the join of
# three columns for a handful of rows, and sort all that there are.
_REVERSED = """
    FROM (
        SELECT gone.customer_id, gone."time", gone.key, stored.type, stored.quantity, stored.received_at
        FROM usage_reversal gone CROSS JOIN LATERAL (
            SELECT type, quantity, received_at FROM usage_event
            WHERE customer_id = gone.customer_id AND "time" = gone."time" AND key = gone.key
            OFFSET 0
        ) AS stored
    ) AS event
"""
_BY_KEY = 'FROM usage_eventkey JOIN usage_event event USING (customer_id, "time", key)'
_ROWS = """
    SELECT customer.key, customer.name, found.customer_id, found."time", found.key, found.type, found.quantity,
           found.received_at
"""


def _of_one(source: str, condition: str) -> str:
    return f"""{_ROWS} FROM (
        SELECT {_FIELDS} {source} WHERE customer_id = %(customer)s AND {condition} AND {_PAGE} {_NEWEST}
    ) AS found JOIN customers_customer customer ON customer.id = found.customer_id
    """


def _of_all(source: str, condition: str) -> str:
    return f"""{_ROWS} FROM customers_customer customer CROSS JOIN LATERAL (
        SELECT {_FIELDS} {source} WHERE customer_id = customer.id AND {condition} AND {_PAGE} {_NEWEST}
    ) AS found ORDER BY found."time" DESC, found.key COLLATE "C" DESC, found.customer_id DESC LIMIT %(most)s
    """


def _stored(state: EventState, named: Named | None, bounds: _Bounds) -> Iterator[EventRow]:
    """Read one page of events that count, or of those that are voided."""
    if named and named.customer_id is None:
        return
    is_voided = state is EventState.VOIDED
    if bounds.key:
        source = _BY_KEY
        condition = f"key = %(key)s AND {'' if is_voided else 'NOT'} {_GONE}"
    elif is_voided:
        source, condition = _REVERSED, "true"
    else:
        source, condition = "FROM usage_event event", f"NOT {_GONE}"
    asked = {**_asked(bounds), "customer": named.customer_id if named else None}
    with connection.cursor() as cursor:
        cursor.execute((_of_one if named else _of_all)(source, condition), asked)
        for customer_key, name, customer_id, time, key, type_, quantity, received_at in cursor.fetchall():
            yield EventRow(
                state, customer_key, name, key, type_, time, quantity, received_at, str(customer_id)
            )


_KEPT_BACK = """
    SELECT kept.id, kept.customer_key, coalesce(kept.event_key, ''), kept.type, kept.reason, kept.received_at
    FROM usage_quarantinedevent kept
    WHERE {condition} AND kept.received_at >= %(start)s AND kept.received_at <= %(moment)s
      AND (kept.received_at, coalesce(kept.event_key, '') COLLATE "C", kept.id::text COLLATE "C")
          < (%(moment)s, %(after_key)s, %(after_row)s)
      AND (%(type)s = '' OR kept.type = %(type)s) AND (%(key)s = '' OR kept.event_key = %(key)s)
    ORDER BY kept.received_at DESC, coalesce(kept.event_key, '') COLLATE "C" DESC, kept.id DESC LIMIT %(most)s
"""
_WAITS, _DISMISSED = "kept.resolved_at IS NULL", "kept.resolution = 'dismissed'"


def _kept_back(state: EventState, named: Named | None, bounds: _Bounds) -> Iterator[EventRow]:
    """Read one page of events that wait in quarantine, or of those that were dismissed from it."""
    condition = _WAITS if state is EventState.QUARANTINED else _DISMISSED
    if named:
        condition += " AND kept.customer_key = ANY(%(keys)s::text[])"
    asked = {**_asked(bounds), "keys": list(named.keys) if named else []}
    with connection.cursor() as cursor:
        cursor.execute(_KEPT_BACK.format(condition=condition), asked)
        for row, customer_key, key, type_, reason, received_at in cursor.fetchall():
            yield EventRow(state, customer_key, "", key, type_, None, None, received_at, str(row), reason)


def _asked(bounds: _Bounds) -> dict[str, Any]:
    return {
        "key": bounds.key,
        "start": bounds.start,
        "moment": bounds.before.moment,
        "after_key": bounds.before.key,
        "after_row": bounds.before.row,
        "type": bounds.type,
        "most": bounds.most,
    }


def _start(question: Question, at: datetime) -> datetime | None:
    """Return how far back to look; an id is found whenever it was."""
    if question.start or question.key:
        return question.start
    back = timedelta(days=DAYS_OF_ONE if question.customer_key else DAYS_OF_ALL)
    # Nothing is earlier than the first day that there is.
    return max(min(question.end or at, at), _FIRST + back) - back


@contextmanager
def _in_time() -> Iterator[None]:
    """Give what is read within some seconds, or say that it is too much."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = %s", [_MOST_MILLISECONDS])
            yield
    except OperationalError as trouble:
        if isinstance(trouble.__cause__, QueryCanceled):
            raise TooMuchToSearch from trouble
        raise
