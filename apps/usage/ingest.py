"""Taking events in: each is counted once, or answered with what became of it; acknowledged means committed."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from django.db import OperationalError, connection, transaction
from django.db.models import Max
from psycopg import errors as postgres

from apps.contracts import locks
from apps.contracts.queries import customers_named
from apps.core import db
from apps.core.ids import uuid7
from apps.plans.models import Meter
from apps.plans.queries import meters_by_type
from apps.usage import binary_rows, faults, months, receipts, sql, totals
from apps.usage.counted import received_at
from apps.usage.errors import NotAllCounted, TooManyEvents
from apps.usage.faults import Fault
from apps.usage.intake import Batch, Detail, Ingested, Intake, State
from apps.usage.judge import judge
from apps.usage.read_event import ReadEvent
from apps.usage.receipts import Resolved
from apps.usage.ways import ContractFacts, Countable, Facts, phases_of

MOST_EVENTS = 10_000

Id = tuple[str, str]
_T = TypeVar("_T")

_NOTHING = Ingested(0, 0, 0, 0, 0, ())
_SEEN_BEFORE = Fault("seen_before", "id", "Nothing: the event was counted before.")
_OTHER_BODY = Fault(
    "other_body",
    "id",
    "An event with this id and another body stands. Give another event an id of its own; to change the one that stands, "
    "correct it: POST /api/v1/corrections.",
)


class _Undone(Exception):
    """Nothing of it is to stay."""


def ingest(
    *,
    events: Sequence[object],
    at: datetime,
    actor: str,
    customer_key: str | None = None,
    atomic: bool = False,
    dry_run: bool = False,
) -> Ingested:
    """Count events, as `strict_json` parsed them or already read, in one transaction, and say of each what became of it.

    The same id of the same customer counts once for ever; with another body it is a conflict, and the first stands.
    What cannot be billed is kept in quarantine. With `customer_key`, events of other customers are unknown. Refuses
    more than 10,000 events. With `atomic` it refuses unless every event counts or was counted before, and then nothing
    is kept; with `dry_run` it says what would become of them and keeps nothing.
    """
    batch = Batch(events, actor, customer_key)
    if not (atomic or dry_run):
        return ingest_all([batch], at=at)[0]
    found: list[Ingested] = []

    def decide(all_of_them: Sequence[Ingested]) -> None:
        found.extend(all_of_them)
        if dry_run or found[0].quarantined or found[0].conflict:
            raise _Undone

    try:
        return ingest_all([batch], at=at, before_commit=decide)[0]
    except _Undone:
        if dry_run:
            return found[-1]
        raise NotAllCounted(found[-1]) from None


def ingest_all(
    batches: Sequence[Batch],
    *,
    at: datetime,
    before_commit: Callable[[Sequence[Ingested]], None] | None = None,
    waits: bool = True,
    most_wait: timedelta | None = None,
) -> list[Ingested]:
    """Count the events of several callers in one transaction, as if each had come alone; see `ingest`.

    `before_commit` sees the answers, and may raise to undo it all. Without `waits` it raises `locks.Held` where it would
    have to wait for a contract that is being billed. It raises OperationalError where it had to wait for any lock longer
    than `most_wait`.
    """
    for batch in batches:
        if len(batch.events) > MOST_EVENTS:
            raise TooManyEvents(len(batch.events), MOST_EVENTS)
    if not any(batch.events for batch in batches):
        return [_NOTHING for _ in batches]
    intake = Intake.of(batches)
    months.make(months_of(intake.events, at=at))

    def count() -> list[Ingested]:
        with transaction.atomic(durable=True):
            if most_wait:
                db.wait_at_most(most_wait)
            answers = take_in(intake, at=at, waits=waits)
            if before_commit:
                before_commit(answers)
            return answers

    return again_after_deadlock(count)


def again_after_deadlock(call: Callable[[], _T]) -> _T:
    """Call, and once more where it and another waited for each other: the database has undone it whole."""
    try:
        return call()
    except OperationalError as failure:
        if not isinstance(failure.__cause__, postgres.DeadlockDetected | postgres.SerializationFailure):
            raise
        return call()


def take_in(
    intake: Intake, *, at: datetime, any_age: bool = False, releases: bool = False, waits: bool = True
) -> list[Ingested]:
    """Count what counts and keep the rest in quarantine; return what became of each batch. A step.

    With `any_age` nothing is too old. What `releases` was received before, and is kept already.
    """
    db.require_transaction()
    facts, anything_waits, counted_until = _facts(intake, at=at, any_age=any_age, waits=waits)
    # How late an event comes is by the clock. From here on it is received after all that invoices counted before.
    at = received_at(at, counted_until)
    countable: dict[Id, Countable] = {}
    held: dict[int, Fault] = {}
    found = judge(intake.events, facts)
    waiting = _waiting(intake, facts.customers) if anything_waits else {}
    if waiting and not releases:
        _keep_out_dismissed(intake, waiting, found)
    for event, judged in zip(intake.events, found, strict=True):
        if isinstance(judged, Fault):
            held[event.index] = judged
        else:
            countable.setdefault((judged.way.customer_id, event.key or ""), judged)
    new, rows = _take(countable, at=at)
    details = _details(intake.events, facts.customers, new, held)
    counted = list(new.values())
    if counted:
        sql.copy_events(rows)
    quarantined = [detail.index for detail in details if detail.state is State.QUARANTINED]
    if quarantined and not releases:
        _keep(intake, quarantined, held, at=at)
    answers = _answers(intake, details)
    resolved = _resolve(intake, details, waiting, at=at) if waiting else []
    receipts.write(intake, details, resolved=resolved, releases=releases, at=at)
    # Last, since callers of the same customer wait for each other here until the commit.
    totals.add(counted, at=at)
    return answers


def _facts(
    intake: Intake, *, at: datetime, any_age: bool, waits: bool
) -> tuple[Facts, bool, set[datetime | None]]:
    """Read what is known of the customers, types and contracts of events, and lock the contracts against a close.

    Returns also whether anything waits in quarantine under the customers' keys, and until when usage of the contracts that was
    received is on invoices. What meters there are is asked after the
    locks: a recount holds them, and must find the events of whoever did not know its meter yet.
    """
    customers, locked = locks.share(
        {event.customer_key for event in intake.events if event.customer_key}, waits=waits
    )
    with connection.cursor() as cursor:
        labels, ids = sql.array(sorted(set(intake.labels))), sql.array(sorted(set(customers.values())))
        cursor.execute(sql.FACTS, [labels, ids, sql.array(sorted(locked))])
        rows = cursor.fetchall()
    anything_waits, stamp = rows[0][:2]
    phases = phases_of((row[2], row[5], row[6]) for row in rows if row[2])
    contracts: dict[str, list[ContractFacts]] = {}
    for (
        _,
        _,
        id_,
        number,
        customer_id,
        plan_version_id,
        terms_stamp,
        timezone,
        starts_on,
        ends_on,
        billed_until_on,
        _,
    ) in rows:
        if id_ is None:
            continue
        contract = ContractFacts(
            id=id_,
            number=number,
            timezone=ZoneInfo(timezone),
            starts_on=starts_on,
            ends_on=ends_on,
            billed_until_on=billed_until_on,
            plan_version_id=plan_version_id,
            terms_stamp=terms_stamp,
            phases=phases[id_],
        )
        contracts.setdefault(customer_id, []).append(contract)
    facts = Facts(customers, meters_by_type(stamp=stamp), contracts, at, any_age)
    return facts, anything_waits, {row[-1] for row in rows}


def months_of(events: Iterable[ReadEvent], *, at: datetime) -> set[date]:
    """Return the months that these events need and that this process has not seen made, as far as they can count."""
    needed = months.unknown({(event.time.year, event.time.month) for event in events if not event.fault})
    if not needed:
        return set()
    window = Meter.objects.aggregate(late=Max("late_days", default=0), early=Max("early_hours", default=0))
    earliest, latest = at - timedelta(days=window["late"]), at + timedelta(hours=window["early"])
    return {month for month in needed if earliest.date().replace(day=1) <= month <= latest.date()}


def _take(countable: dict[Id, Countable], *, at: datetime) -> tuple[dict[Id, Countable], bytes]:
    """Note the ids as seen, in their order; return those events whose id is new, and their rows."""
    if not countable:
        return {}, b""
    ordered = {one: countable[one] for one in sorted(countable)}
    # Both kinds of rows at once, since most often all are new.
    keys, rows = binary_rows.rows(ordered.values(), at=at)
    new = sql.take_keys(ordered, keys)
    if new is None:
        return ordered, rows
    taken = {one: ordered[one] for one in ordered if one in new}
    return taken, binary_rows.rows(taken.values(), at=at)[1]


def _details(
    read: Sequence[ReadEvent],
    customers: Mapping[str, str],
    counted: dict[Id, Countable],
    held: dict[int, Fault],
) -> tuple[Detail, ...]:
    """Return what became of every event that is not counted now: seen before, in conflict with that, or quarantined."""
    if len(counted) == len(read):
        return ()
    plainly = {one.event.index for one in counted.values()}
    left = [event for event in read if event.index not in plainly]
    ids = {
        event.index: (customers[event.customer_key], event.key)
        for event in left
        if event.key and event.customer_key and event.customer_key in customers
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


def _keep(intake: Intake, quarantined: Sequence[int], held: dict[int, Fault], *, at: datetime) -> None:
    """Keep events in quarantine; one that was received several times is one row."""
    rows: dict[tuple[str, str, bytes], tuple[str, str, str | None, str, str, str, str, str, str, str]] = {}
    times: Counter[tuple[str, str, bytes]] = Counter()
    for index in quarantined:
        event, fault, label = intake.events[index], held[index], intake.labels[index]
        one = (label, event.key or str(index), event.fingerprint)
        times[one] += 1
        rows[one] = (
            str(uuid7()),
            label,
            event.key,
            event.type,
            str(fault.reason),
            fault.field,
            fault.remedy,
            event.body(),
            f"\\x{event.fingerprint.hex()}",
            str(times[one]),
        )
    sql.keep_quarantined([rows[one] for one in sorted(rows)], at=at)


def _waiting(intake: Intake, customers: Mapping[str, str]) -> dict[Id, list[int]]:
    """Return under which customer keys and ids of the batch something may wait, each with the places of those events in it.

    The same event may wait under another key of its customer: an alias, or a contract's number.
    """
    names: dict[str, list[str]] = {}
    for name, owner in customers_named(sql.names_waiting(set(customers.values()))).items():
        names.setdefault(str(owner), []).append(name)
    found: dict[Id, list[int]] = {}
    for event, label in zip(intake.events, intake.labels, strict=True):
        if event.key:
            for name in {label, *names.get(customers.get(event.customer_key or "", ""), ())}:
                found.setdefault((name, event.key), []).append(event.index)
    return found


def _keep_out_dismissed(
    intake: Intake, waiting: Mapping[Id, Sequence[int]], judged: list[Countable | Fault]
) -> None:
    """Put a fault in the place of what staff dismissed before: the same body again is a retry, another one is news."""
    for name, key, print_, reason, field in sql.dismissed(waiting):
        for place in waiting[name, key]:
            if intake.events[place].fingerprint == print_:
                judged[place] = faults.dismissed(reason, field)


def _resolve(
    intake: Intake, details: Sequence[Detail], waiting: Mapping[Id, Sequence[int]], *, at: datetime
) -> list[Resolved]:
    """Note what waited in quarantine under the ids that stand now, and say what each of those came to."""
    states = {detail.index: detail.state for detail in details}
    standing: dict[Id, tuple[str, bytes]] = {}
    for one, places in waiting.items():
        for place in places:
            state = states.get(place, State.COUNTED)
            if state is State.CONFLICT:
                # Another body stands, which is not in the batch.
                standing.setdefault(one, (intake.labels[place], b""))
            elif state is not State.QUARANTINED:
                standing[one] = intake.labels[place], intake.events[place].fingerprint
    resolved = []
    for name, key, print_, times in sql.resolve_quarantined(standing, at=at):
        by, stands = standing[name, key]
        resolved.append(Resolved(name, by, times, print_ == stands))
    return resolved


def _answers(intake: Intake, details: Sequence[Detail]) -> list[Ingested]:
    if len(intake.batches) == 1:
        return [_summed(len(intake.events), details)]
    return [
        _summed(
            len(span), [replace(one, index=one.index - span.start) for one in details if one.index in span]
        )
        for _, span in intake.spans()
    ]


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
