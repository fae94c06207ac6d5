"""Computing a meter's totals anew from all stored events, customer by customer and day by day, while usage comes in."""

import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, localcontext
from uuid import UUID

from django.db import connection, transaction

from apps.contracts import locks
from apps.core import audit, db, outbox
from apps.core.money import EXACT
from apps.plans import catalogue
from apps.plans.models import Meter
from apps.usage import levels, sql, totals
from apps.usage.errors import AlreadyRecounting
from apps.usage.models import LevelPoint, Outcome, OutcomeStage, Recount, UsageDay, UsageValue
from apps.usage.stored import Feeding, latest_events, pages_of
from apps.usage.ways import Countable

_SAMPLE = 5_000
_POLL_SECONDS = 0.05


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
        cursor.execute(sql.COUNT_OF_TYPES, [types])
        events, customers, days, first_on, last_on = cursor.fetchone()
    sample = latest_events(types=feeding.types, most=_SAMPLE)
    fed = feeding.of_all(stored for stored in sample if not stored.is_voided)
    counted = [one for one in fed if one.feeds or one.others]
    with localcontext(EXACT):
        quantity = sum((Decimal(amount) for one in fed for _, amount in one.feeds), Decimal(0))
    return Preview(events, customers, days, first_on, last_on, len(sample), len(counted), quantity)


@transaction.atomic(durable=True)
def begin(*, meter_id: UUID, at: datetime, actor: str) -> Recount:
    """Begin to compute a meter over all past events; a worker does it. Refuses while it is being done already."""
    meter = Meter.objects.get(pk=meter_id)
    if Recount.objects.filter(meter=meter, status=Recount.Status.RUNNING).exists():
        raise AlreadyRecounting(meter.name)
    recount = Recount.objects.create(meter=meter, started_at=at, actor=actor)
    audit.record(at=at, actor=actor, action="usage.recount", subject_type="meter", subject_key=meter.key)
    outbox.enqueue(task="usage.recount", key=str(recount.pk), at=at, recount_id=str(recount.pk))
    return recount


def run(*, recount_id: UUID, at: datetime) -> Recount:
    """Do a recount, or go on with one that stopped; each customer's day is a transaction of its own.

    Usage goes on being counted; only that of the customer whose day is computed waits meanwhile.
    """
    recount = Recount.objects.select_related("meter").get(pk=recount_id)
    if recount.status != Recount.Status.RUNNING:
        return recount
    shape_at = recount.meter.counts_from
    _await_others()
    units = list(_units(recount.meter))
    Recount.objects.filter(pk=recount.pk).update(days=len(units))
    for done, (customer_id, day) in enumerate(units, start=1):
        if _is_done(recount, customer_id, day):
            continue
        _do(recount, customer_id, day, done=done, at=at)
    catalogue.mark_whole(meter_id=recount.meter.pk, counts_from=shape_at)
    Recount.objects.filter(pk=recount.pk).update(
        status=Recount.Status.DONE, finished_at=at, done=len(units), days=len(units)
    )
    recount.refresh_from_db()
    return recount


def rebuild(customer_id: UUID, meters: Collection[Meter], day: date, *, at: datetime) -> None:
    """Compute one customer's day of some meters from its events. A step; the customer's usage is held by the caller."""
    db.require_transaction()
    for meter in meters:
        of_day = None if _is_whole_customer(meter) else day
        _forget(customer_id, meter, day)
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


def _do(recount: Recount, customer_id: UUID, day: date, *, done: int, at: datetime) -> None:
    with transaction.atomic(durable=True):
        locks.hold_customer(customer_id)
        rebuild(customer_id, [recount.meter], day, at=at)
        Recount.objects.filter(pk=recount.pk).update(done=done, after_customer=customer_id, after_day=day)


def _is_done(recount: Recount, customer_id: UUID, day: date) -> bool:
    if recount.after_customer is None or recount.after_day is None:
        return False
    return (customer_id, day) <= (recount.after_customer, recount.after_day)


def _is_whole_customer(meter: Meter) -> bool:
    """Tell whether a day's total depends on the events of other days."""
    return bool(meter.level) or meter.aggregation == Meter.Aggregation.OUTCOMES


def _units(meter: Meter) -> Iterator[tuple[UUID, date]]:
    """Yield each customer's days to compute, in order: those with events, and those with totals that may be of no event."""
    types = sql.array(sorted(Feeding(meters=[meter]).types))
    with connection.cursor() as cursor:
        cursor.execute(sql.DAYS_OF_TYPES, [types, meter.pk])
        days = cursor.fetchall()
    if not _is_whole_customer(meter):
        yield from days
        return
    seen: set[UUID] = set()
    for customer_id, day in days:
        if customer_id not in seen:
            seen.add(customer_id)
            yield customer_id, day


def _forget(customer_id: UUID, meter: Meter, day: date) -> None:
    of_meter = {"customer_id": customer_id, "meter": meter}
    if _is_whole_customer(meter):
        for model in (LevelPoint, OutcomeStage, Outcome, UsageDay):
            model.objects.filter(**of_meter).delete()
        return
    UsageValue.objects.filter(**of_meter, day=day).delete()
    UsageDay.objects.filter(**of_meter, day=day).delete()


def _await_others() -> None:
    """Wait until every transaction has ended that may have counted usage by the meter as it was before."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())")
        (since,) = cursor.fetchone()
        while True:
            cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot()) >= %s::text::xid8", [str(since)])
            (is_over,) = cursor.fetchone()
            if is_over:
                return
            time.sleep(_POLL_SECONDS)
