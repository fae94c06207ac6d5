"""Computing a meter's totals anew from all stored events, customer by customer and day by day, while usage comes in."""

import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal, localcontext
from uuid import UUID

from django.db import InterfaceError, OperationalError, connection, transaction

from apps.contracts import locks
from apps.core import audit, db, outbox
from apps.core.errors import Refusal
from apps.core.money import EXACT
from apps.plans import catalogue
from apps.plans.models import Meter
from apps.usage import archived, levels, reads, sql, totals
from apps.usage.counted import received_by
from apps.usage.errors import AlreadyRecounting
from apps.usage.measure import DECISION
from apps.usage.models import LevelPoint, Outcome, OutcomeStage, Recount, UsageDay, UsageValue
from apps.usage.stored import Feeding, latest_events, pages_of
from apps.usage.ways import Countable

_TASK = "usage.recount"
_SAMPLE = 5_000
_POLL_SECONDS = 0.05
# Locks, and not what sessions tell of themselves: those of the database's owner tell the application nothing.
_UNDER_WAY = """
    SELECT pid, held.transactionid::text FROM pg_locks held JOIN pg_stat_activity USING (pid)
    WHERE held.locktype = 'transactionid' AND held.mode = 'ExclusiveLock' AND held.granted
      AND datname = current_database() AND pid <> pg_backend_pid()
"""
# Two workers' time limits: one asks for the next by the instant that it began at.
_LONGEST_PART = timedelta(minutes=20)

Status = Recount.Status


@dataclass(frozen=True, slots=True)
class Preview:
    """What computing a meter over past events would take, and what it makes of the newest of them."""

    events: int
    customers: int
    days: int
    first_on: date | None
    last_on: date | None
    sampled: int
    counted: int
    quantity: Decimal


def preview(meter: Meter) -> Preview:
    """Return how many events and days there are to compute, and what the meter counts of the newest 5,000; write nothing."""
    feeding = Feeding(meters=[meter])
    types = sql.array(sorted(feeding.types))
    with connection.cursor() as cursor:
        cursor.execute(reads.COUNT_OF_TYPES, [types])
        events, customers, days, first_on, last_on = cursor.fetchone()
    sample = latest_events(types=feeding.types, most=_SAMPLE)
    fed = feeding.of_all(stored for stored in sample if not stored.is_voided)
    counted = [one for one in fed if one.feeds or one.others]
    with localcontext(EXACT):
        quantity = sum((Decimal(amount) for one in fed for _, amount in one.feeds), Decimal(0))
    return Preview(events, customers, days, first_on, last_on, len(sample), len(counted), quantity)


@transaction.atomic(durable=True)
def begin(*, meter_id: UUID, at: datetime, actor: str) -> Recount:
    """Begin to compute a meter over all past events, or go on with what failed; a worker does it.

    Refuses while it is being done already, and where events that the meter may count are archived.
    """
    meter = Meter.objects.select_for_update(no_key=True).get(pk=meter_id)
    unfinished = Recount.objects.filter(meter=meter).exclude(status=Status.DONE).order_by("-started_at")
    recount = unfinished.first() or Recount(meter=meter, started_at=at, actor=actor)
    if recount.status == Status.RUNNING and not recount._state.adding:
        raise AlreadyRecounting(meter.name)
    _refuse_archived(meter)
    recount.status, recount.finished_at, recount.error = Status.RUNNING, None, ""
    recount.save()
    audit.record(at=at, actor=actor, action="usage.recount", subject_type="meter", subject_key=meter.key)
    _ask(recount, at=at)
    return recount


@transaction.atomic(durable=True)
def wake(*, at: datetime) -> None:
    """Ask again for each recount whose worker is gone: no part of it lasts as long as this has been silent."""
    for recount in Recount.objects.filter(status=Status.RUNNING).order_by("started_at"):
        asked_at = outbox.last_asked_at(task=_TASK, about=str(recount.pk))
        if asked_at is None or asked_at <= at - _LONGEST_PART:
            _ask(recount, at=at)


def run(*, recount_id: UUID, at: datetime, may_go_on: Callable[[], bool] = lambda: True) -> Recount:
    """Do a recount, or go on with one that stopped; each customer's day is a transaction of its own.

    Usage goes on being counted; only that of the customer whose day is computed waits meanwhile. When it may not go on, it
    asks for another worker to. What stops it is noted, except that the database was away: then `wake` goes on.
    """
    recount = Recount.objects.select_related("meter").get(pk=recount_id)
    if recount.status != Status.RUNNING:
        return recount
    try:
        _go_on(recount, at=at, may_go_on=may_go_on)
    except Refusal as refusal:
        _end(recount, Status.FAILED, at=at, error=str(refusal))
    except (OperationalError, InterfaceError):
        raise
    except Exception as problem:
        _end(recount, Status.FAILED, at=at, error=f"{type(problem).__name__}: {problem}")
        raise
    recount.refresh_from_db()
    return recount


def rebuild(customer_id: UUID, meters: Collection[Meter], day: date, *, at: datetime) -> None:
    """Compute one customer's day of some meters from its events. A step; the customer's usage is held by the caller.

    Refuses where totals that would be computed anew are of archived events. Days that are invoiced are noted for the next
    invoice to adjust.
    """
    db.require_transaction()
    archived.keep_months()
    for meter in meters:
        of_day = None if _is_whole_customer(meter) else day
        archived.refuse(meter_ids=[meter.pk], customer_id=customer_id, day=of_day)
        _forget(customer_id, meter, of_day, at=at)
        feeding = Feeding(meters=[meter])
        pages = pages_of(customer_id=customer_id, types=feeding.types, day=of_day)
        fed = (feeding.of_all(stored for stored in page if not stored.is_voided) for page in pages)
        if meter.level:
            # Their days are drawn from all that was said before and after, so all of it goes in at once.
            levels.add([point for page in fed for one in page for point in _points(one)], at=at)
        else:
            for page in fed:
                totals.add(page, at=at)


def _points(one: Countable) -> list[levels.Point]:
    return [totals.pointed((one, cell, value)) for cell, value in one.others]


def _go_on(recount: Recount, *, at: datetime, may_go_on: Callable[[], bool]) -> None:
    meter = recount.meter
    if meter.counts_from and meter.counts_from > recount.started_at:
        # What was done was done by what the meter was before.
        recount.started_at, recount.done, recount.after_customer, recount.after_day = at, 0, None, None
        recount.save(update_fields=["started_at", "done", "after_customer", "after_day"])
    _refuse_archived(meter)
    _await_others()
    units = list(_units(recount))
    Recount.objects.filter(pk=recount.pk).update(days=recount.done + len(units))
    for place, (customer_id, day) in enumerate(units):
        # One day at least, however long it took to find out which there are.
        if place and not may_go_on():
            with transaction.atomic(durable=True):
                _ask(recount, at=at)
            return
        if not _do(recount, customer_id, day, at=at):
            return
    # A month may have been archived meanwhile.
    _refuse_archived(meter)
    catalogue.mark_whole(meter_id=meter.pk, counts_from=meter.counts_from)
    _end(recount, Status.DONE, at=at)


def _do(recount: Recount, customer_id: UUID, day: date, *, at: datetime) -> bool:
    """Compute one day, and tell whether to go on: not if another does it too, or if the meter has changed meanwhile."""
    with transaction.atomic(durable=True):
        locks.hold_customer(customer_id)
        now = Recount.objects.select_for_update(of=("self",)).select_related("meter").get(pk=recount.pk)
        if _standing(now) != _standing(recount):
            return False
        rebuild(customer_id, [now.meter], day, at=received_by(customer_id, at=at))
        recount.done, recount.after_customer, recount.after_day = recount.done + 1, customer_id, day
        recount.save(update_fields=["done", "after_customer", "after_day"])
    return True


def _standing(recount: Recount) -> tuple[object, ...]:
    return (
        recount.status,
        recount.done,
        recount.after_customer,
        recount.after_day,
        recount.meter.counts_from,
    )


def _ask(recount: Recount, *, at: datetime) -> None:
    """Ask for a worker to do the next part."""
    key = f"{recount.pk} {recount.done} {at.isoformat()}"
    outbox.enqueue(task=_TASK, key=key, at=at, recount_id=str(recount.pk))


def _end(recount: Recount, status: str, *, at: datetime, error: str = "") -> None:
    running = Recount.objects.filter(pk=recount.pk, status=Status.RUNNING)
    running.update(status=status, finished_at=at, error=error)


def _refuse_archived(meter: Meter) -> None:
    """Refuse where a month is archived in which the meter, or another of the same events, counted anything."""
    of_type = Feeding().types
    own = Feeding(meters=[meter]).types.keys() - {DECISION}
    alike = {other.pk for type_ in own for other in of_type[type_]}
    archived.refuse(meter_ids=alike)


def _is_whole_customer(meter: Meter) -> bool:
    """Tell whether a day's total depends on the events of other days."""
    return bool(meter.level) or meter.aggregation == Meter.Aggregation.OUTCOMES


def _units(recount: Recount) -> Iterator[tuple[UUID, date]]:
    """Yield each customer's days that are left to compute, in order; one alone where it takes all of the customer's."""
    meter, after = recount.meter, (recount.after_customer or UUID(int=0), recount.after_day or date.min)
    types = sql.array(sorted(Feeding(meters=[meter]).types))
    with connection.cursor() as cursor:
        cursor.execute(reads.DAYS_OF_TYPES, {"types": types, "meter": meter.pk, "from": after[0]})
        rows = cursor.fetchall()
    for customer_id, days in rows:
        for day in days[:1] if _is_whole_customer(meter) else days:
            if (customer_id, day) > after:
                yield customer_id, day


def _forget(customer_id: UUID, meter: Meter, day: date | None, *, at: datetime) -> None:
    """Delete what a meter counted on a customer's day, or of the customer; and what is left of how it counted before."""
    of_customer = {"customer_id": customer_id, "meter": meter}
    of_day = {**of_customer, "day": day} if day else of_customer
    total = UsageDay.objects.filter(**of_day)
    touched = total.values_list("contract_id", "day").distinct()
    sql.mark_late_days([(str(contract), on.isoformat()) for contract, on in touched], at=at)
    total.delete()
    counts_values = meter.aggregation == Meter.Aggregation.UNIQUE_COUNT
    UsageValue.objects.filter(**(of_day if counts_values else of_customer)).delete()
    # Meters that are computed day by day use none of these.
    for model in (LevelPoint, OutcomeStage, Outcome):
        model.objects.filter(**of_customer).delete()


def _await_others() -> None:
    """Wait until every transaction of this database has ended that may have counted usage by the meter as it was before.

    Ingest has its transaction's number before it asks what meters there are.
    """
    with connection.cursor() as cursor:
        cursor.execute(_UNDER_WAY)
        before = set(cursor.fetchall())
        while before:
            time.sleep(_POLL_SECONDS)
            cursor.execute(_UNDER_WAY)
            before &= set(cursor.fetchall())
