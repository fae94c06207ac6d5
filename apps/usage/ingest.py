"""Taking events in: each is counted once, or answered with what became of it; acknowledged means committed."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal, localcontext
from enum import StrEnum
from zoneinfo import ZoneInfo

from django.db import OperationalError, connection, transaction
from psycopg import errors as postgres

from apps.contracts import locks
from apps.core.ids import uuid7
from apps.core.money import EXACT
from apps.customers.models import Customer
from apps.plans.models import Meter
from apps.plans.queries import meters_by_type
from apps.usage import months, sql
from apps.usage.errors import TooManyEvents
from apps.usage.faults import Fault
from apps.usage.judge import EARLIEST, Cell, ContractFacts, Countable, Facts, charges_by_meter, judge
from apps.usage.models import Receipt
from apps.usage.read_event import ReadEvent, read_event, written_json

MOST_EVENTS = 10_000

Id = tuple[str, str]


class State(StrEnum):
    """What became of an event."""

    COUNTED = "counted"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"
    QUARANTINED = "quarantined"


@dataclass(frozen=True, slots=True)
class Detail:
    """What became of one event that was not plainly counted, and what to do about it."""

    index: int
    id: str | None
    state: State
    reason: str
    field: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Ingested:
    """What one request brought: received = counted + duplicate + conflict + quarantined."""

    received: int
    counted: int
    duplicate: int
    conflict: int
    quarantined: int
    details: tuple[Detail, ...]


_ZERO = Decimal(0)
_NOTHING = Ingested(0, 0, 0, 0, 0, ())
_SEEN_BEFORE = Fault("seen_before", "id", "Nothing: the event was counted before.")
_OTHER_BODY = Fault(
    "other_body", "id", "An event with this id and another body stands. Give another event an id of its own."
)


def ingest(
    *, events: Sequence[object], at: datetime, actor: str, customer_key: str | None = None
) -> Ingested:
    """Count events, parsed by `strict_json`, in one transaction, and say of each what became of it.

    The same id of the same customer counts once for ever; with another body it is a conflict, and the first stands.
    What cannot be billed is kept in quarantine. With `customer_key`, events of other customers are unknown. Refuses
    more than 10,000 events.
    """
    if len(events) > MOST_EVENTS:
        raise TooManyEvents(len(events), MOST_EVENTS)
    if not events:
        return _NOTHING
    read = [read_event(index, raw, customer_key=customer_key) for index, raw in enumerate(events)]
    customers = _customers(read, confined_to=customer_key)
    meters = meters_by_type({event.type for event in read if event.type})
    months.make(_months(read, meters, at=at))
    try:
        return _count(read, customers, meters, at=at, actor=actor, confined_to=customer_key)
    except OperationalError as failure:
        if not isinstance(failure.__cause__, postgres.DeadlockDetected | postgres.SerializationFailure):
            raise
        return _count(read, customers, meters, at=at, actor=actor, confined_to=customer_key)


@transaction.atomic(durable=True)
def _count(
    read: Sequence[ReadEvent],
    customers: dict[str, str],
    meters: dict[str, tuple[Meter, ...]],
    *,
    at: datetime,
    actor: str,
    confined_to: str | None,
) -> Ingested:
    facts = Facts(customers, meters, _locked_contracts(set(customers.values())))
    countable: dict[Id, Countable] = {}
    held: dict[int, Fault] = {}
    for event in read:
        judged = judge(event, facts, at=at)
        if isinstance(judged, Fault):
            held[event.index] = judged
        else:
            countable.setdefault((judged.customer_id, event.key or ""), judged)
    counted = _take(countable)
    details = _details(read, customers, counted, held)
    quarantined = [detail.index for detail in details if detail.state is State.QUARANTINED]
    if counted:
        sql.copy_events(counted.values(), at=at)
        sql.resolve_quarantined(
            [one.event.customer_key or "" for one in counted.values()],
            [one.event.key or "" for one in counted.values()],
            at=at,
        )
    if quarantined:
        _keep([(read[index], held[index]) for index in quarantined], confined_to=confined_to, at=at)
    ingested = _summed(len(read), details)
    _receive(ingested, at=at, actor=actor)
    # Last, since callers of the same customer wait for each other here until the commit.
    if counted:
        _add_to_days(counted.values(), at=at)
    return ingested


def _customers(read: Iterable[ReadEvent], *, confined_to: str | None) -> dict[str, str]:
    keys = {event.customer_key for event in read if event.customer_key}
    if confined_to is not None:
        keys &= {confined_to}
    found = Customer.objects.filter(key__in=keys).values_list("key", "id")
    return {key: str(customer_id) for key, customer_id in found}


def _months(read: Iterable[ReadEvent], meters: dict[str, tuple[Meter, ...]], *, at: datetime) -> set[date]:
    days = max((meter.late_days for of_type in meters.values() for meter in of_type), default=0)
    earliest, latest = at - timedelta(days=days), at + EARLIEST
    return {
        date(event.time.year, event.time.month, 1)
        for event in read
        if not event.fault and earliest <= event.time <= latest
    }


def _locked_contracts(customer_ids: Collection[str]) -> dict[str, list[ContractFacts]]:
    """Return the live contracts by customer, locked against a close until this transaction ends."""
    found: dict[str, list[ContractFacts]] = {}
    locks.share(customer_ids)
    with connection.cursor() as cursor:
        cursor.execute(sql.LOCK_CONTRACTS, [sql.array(sorted(customer_ids))])
        rows = cursor.fetchall()
    for id_, number, customer_id, plan_version_id, timezone, starts_on, ends_on, billed_until_on in rows:
        facts = ContractFacts(
            id=str(id_),
            number=number,
            timezone=ZoneInfo(timezone),
            starts_on=starts_on,
            ends_on=ends_on,
            billed_until_on=billed_until_on,
            charges=charges_by_meter(plan_version_id),
        )
        found.setdefault(str(customer_id), []).append(facts)
    return found


def _take(countable: dict[Id, Countable]) -> dict[Id, Countable]:
    """Note the ids as seen, in their order, and return those events whose id is new."""
    if not countable:
        return {}
    ids = sorted(countable)
    ordered = [countable[one].event for one in ids]
    new = sql.take_keys(
        [customer for customer, _ in ids],
        [key for _, key in ids],
        [event.fingerprint for event in ordered],
        [event.written_time for event in ordered],
    )
    return countable if len(new) == len(ids) else {one: countable[one] for one in ids if one in new}


def _details(
    read: Sequence[ReadEvent],
    customers: dict[str, str],
    counted: dict[Id, Countable],
    held: dict[int, Fault],
) -> tuple[Detail, ...]:
    """Return what became of every event that is not counted now: seen before, in conflict with that, or quarantined."""
    plainly = {one.event.index for one in counted.values()}
    left = [event for event in read if event.index not in plainly]
    ids = {
        event.index: (customers[event.customer_key], event.key)
        for event in left
        if event.key and event.customer_key in customers
    }
    stands = {one: counted[one].event.fingerprint for one in set(ids.values()) if one in counted}
    stands |= sql.standing(sorted(set(ids.values()) - stands.keys()))
    return tuple(_detail(event, stands.get(ids.get(event.index, ("", ""))), held) for event in left)


def _detail(event: ReadEvent, stands: bytes | None, held: dict[int, Fault]) -> Detail:
    if stands is None:
        state, fault = State.QUARANTINED, held[event.index]
    elif stands == event.fingerprint:
        state, fault = State.DUPLICATE, _SEEN_BEFORE
    else:
        state, fault = State.CONFLICT, _OTHER_BODY
    return Detail(event.index, event.key, state, fault.reason, fault.field, fault.remedy)


def _keep(quarantined: Iterable[tuple[ReadEvent, Fault]], *, confined_to: str | None, at: datetime) -> None:
    rows = {
        # One statement may not touch a row twice: the same customer, id and body is one row.
        (confined_to or event.customer_key or "", event.key or str(event.index), event.fingerprint): (
            str(uuid7()),
            confined_to or event.customer_key or "",
            event.key,
            event.type,
            str(fault.reason),
            fault.field,
            fault.remedy,
            written_json(event.raw),
            f"\\x{event.fingerprint.hex()}",
        )
        for event, fault in quarantined
    }
    sql.keep_quarantined([rows[one] for one in sorted(rows)], at=at)


def _summed(received: int, details: Sequence[Detail]) -> Ingested:
    states = Counter(detail.state for detail in details)
    return Ingested(
        received=received,
        counted=received - len(details),
        duplicate=states[State.DUPLICATE],
        conflict=states[State.CONFLICT],
        quarantined=states[State.QUARANTINED],
        details=tuple(details),
    )


def _receive(ingested: Ingested, *, at: datetime, actor: str) -> None:
    Receipt.objects.create(
        received_at=at,
        actor=actor,
        received=ingested.received,
        counted=ingested.counted,
        duplicate=ingested.duplicate,
        conflict=ingested.conflict,
        quarantined=ingested.quarantined,
    )


def _add_to_days(counted: Iterable[Countable], *, at: datetime) -> None:
    """Add up what the events feed, exactly, and add it to the daily totals in the order of their keys."""
    sums: dict[tuple[Cell, date], tuple[str, Decimal, int]] = {}
    with localcontext(EXACT):
        for one in counted:
            for cell, quantity in one.feeds:
                customer_id, so_far, events = sums.get((cell, one.day), (one.customer_id, _ZERO, 0))
                sums[cell, one.day] = (customer_id, so_far + quantity, events + 1)
    rows = [
        (
            customer_id,
            cell.contract_id,
            cell.meter_id,
            day.isoformat(),
            cell.dimensions,
            f"{total:f}",
            str(events),
        )
        for (cell, day), (customer_id, total, events) in sums.items()
    ]
    sql.add_to_days(sorted(rows), at=at)
