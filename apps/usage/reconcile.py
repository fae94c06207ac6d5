"""Proving the books of usage: rebuilt from the stored events, all that was derived from them must come out the same."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import chain
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Max, Sum

from apps.contracts.queries import customers_named
from apps.plans.models import Meter
from apps.usage import queries, sql
from apps.usage.models import (
    LevelPoint,
    Outcome,
    OutcomeStage,
    QuarantinedEvent,
    Receipt,
    UsageDay,
    UsageValue,
)
from apps.usage.outcomes import Folded
from apps.usage.queries import Received
from apps.usage.rebuild import DrawnKey, Rebuilt, Totals
from apps.usage.sql import DayKey
from apps.usage.stored import Feeding, StoredEvent, every_event, in_pages


@dataclass(frozen=True, slots=True)
class Difference:
    """Two figures that should be equal and are not."""

    what: str
    from_events: str
    stored: str


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What was compared, every difference, and the meters whose totals are not whole yet."""

    received: Received
    events: int
    totals: int
    differences: tuple[Difference, ...]
    not_whole: tuple[str, ...]


def reconcile(*, archived: Iterable[StoredEvent] = ()) -> Reconciled:
    """Rebuild all that is derived from the events, also from archived ones, and compare; write nothing.

    Reads one consistent state of the database. Proves, overall and per customer, that what was received is counted, voided,
    duplicate, conflict or quarantined, and that the totals are those of the events that count.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            # In a test's own transaction there has been a query already; what is read there is consistent anyhow.
            if len(connection.savepoint_ids) == 0:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        whole = {meter.pk: meter for meter in Meter.objects.filter(counts_from=None)}
        rebuilt, counted, voided = _rebuilt(whole.values(), archived)
        stored = _stored(whole.keys())
        differences = (
            *_differing_counts(counted, voided),
            *_differing_quarantine(),
            *_differing_totals(
                rebuilt.totals(drawn_until=_drawn_until(stored, whole), since_drawn=_since_drawn()), stored
            ),
            *_differing_values(rebuilt, whole.keys()),
            *_differing_points(rebuilt, whole.keys()),
            *_differing_stages(rebuilt, whole.keys()),
            *_differing_outcomes(rebuilt, whole.keys()),
        )
        return Reconciled(
            queries.received(),
            counted.total() + voided.total(),
            len(stored),
            differences,
            tuple(Meter.objects.exclude(counts_from=None).order_by("key").values_list("key", flat=True)),
        )


def _rebuilt(
    meters: Iterable[Meter], archived: Iterable[StoredEvent]
) -> tuple[Rebuilt, Counter[str], Counter[str]]:
    """Return what the events come to, and how many of each customer count and are voided."""
    feeding, rebuilt = Feeding(meters=list(meters)), Rebuilt()
    counted: Counter[str] = Counter()
    voided: Counter[str] = Counter()
    for page in in_pages(chain(archived, every_event())):
        voided.update(str(stored.customer_id) for stored in page if stored.is_voided)
        standing = [stored for stored in page if not stored.is_voided]
        counted.update(str(stored.customer_id) for stored in standing)
        rebuilt.add(feeding.of_all(standing))
    return rebuilt, counted, voided


def _stored(meter_ids: Iterable[object]) -> Totals:
    rows = UsageDay.objects.filter(meter_id__in=list(meter_ids)).values_list(
        "customer_id", "contract_id", "meter_id", "day", "dimensions", "quantity", "events"
    )
    return {_day_key(row[:5]): (row[5], row[6]) for row in rows.iterator()}


def _drawn_until(stored: Totals, meters: Mapping[UUID, Meter]) -> dict[DrawnKey, date]:
    levels = {str(pk) for pk, meter in meters.items() if meter.level}
    found: dict[DrawnKey, date] = {}
    for customer, contract, meter, day, dimensions in stored:
        if meter in levels:
            key = (customer, meter, dimensions, contract)
            found[key] = max(found.get(key, date.min), date.fromisoformat(day))
    return found


def _since_drawn() -> datetime | None:
    """Return an instant since when all levels must have been carried: a day before usage last came in.

    Not a day before now, since the database may be one of another day, put back to be looked at.
    """
    newest = Receipt.objects.aggregate(at=Max("received_at"))["at"]
    return newest - timedelta(days=1) if newest else None


def _differing_counts(counted: Counter[str], voided: Counter[str]) -> Iterator[Difference]:
    """Compare the events with the journal of what was received: how many count, and how many are voided."""
    rows = Receipt.objects.values_list("customer_key").annotate(Sum("counted"), Sum("voided")).order_by()
    journal = [(key, many, gone) for key, many, gone in rows if many or gone]
    customers = customers_named([key for key, _, _ in journal])
    by_customer: dict[str, tuple[int, int]] = {}
    for key, many, gone in journal:
        customer = str(customers.get(key, ""))
        before = by_customer.get(customer, (0, 0))
        by_customer[customer] = (before[0] + many, before[1] + gone)
    for customer in sorted(by_customer.keys() | counted.keys() | voided.keys()):
        many, gone = by_customer.get(customer, (0, 0))
        if counted[customer] != many:
            yield Difference(
                f"customer {customer}: events that count, and acknowledged as such",
                f"{counted[customer]:,}",
                f"{many:,}",
            )
        if voided[customer] != gone:
            yield Difference(
                f"customer {customer}: voided events, and corrections", f"{voided[customer]:,}", f"{gone:,}"
            )


def _differing_quarantine() -> Iterator[Difference]:
    waiting = dict(
        QuarantinedEvent.objects.exclude(resolution="counted")
        .values_list("customer_key")
        .annotate(Sum("times"))
        .order_by()
    )
    journal = dict(Receipt.objects.values_list("customer_key").annotate(Sum("quarantined")).order_by())
    for key in sorted(waiting.keys() | journal.keys()):
        if waiting.get(key, 0) != journal.get(key, 0):
            what = f"customer {key!r}: events in quarantine, and acknowledged as such"
            yield Difference(what, f"{waiting.get(key, 0):,}", f"{journal.get(key, 0):,}")


def _differing_totals(rebuilt: Totals, stored: Totals) -> Iterator[Difference]:
    nothing = (Decimal(0), 0)
    for key in sorted(rebuilt.keys() | stored.keys()):
        ours, theirs = rebuilt.get(key, nothing), stored.get(key, nothing)
        if ours != theirs:
            yield Difference(
                _named(key), f"{ours[0]:f} of {ours[1]:,} events", f"{theirs[0]:f} of {theirs[1]:,} events"
            )


def _differing_values(rebuilt: Rebuilt, meter_ids: Iterable[object]) -> Iterator[Difference]:
    rows = UsageValue.objects.filter(meter_id__in=list(meter_ids)).values_list(
        "customer_id", "contract_id", "meter_id", "day", "dimensions", "value", "events"
    )
    stored = {(_day_key(row[:5]), row[5]): row[6] for row in rows.iterator()}
    for key, value in sorted(rebuilt.values.keys() | stored.keys()):
        ours, theirs = rebuilt.values[key, value], stored.get((key, value), 0)
        if ours != theirs:
            yield Difference(f"{_named(key)}, value {value!r}", f"{ours:,} events", f"{theirs:,} events")


def _differing_points(rebuilt: Rebuilt, meter_ids: Iterable[object]) -> Iterator[Difference]:
    rows = LevelPoint.objects.filter(meter_id__in=list(meter_ids)).values_list(
        "customer_id", "meter_id", "dimensions", "time", "key", "value"
    )
    stored = {
        (str(row[0]), str(row[1]), sql.canonical(row[2]), row[3], row[4]): row[5] for row in rows.iterator()
    }
    ours = {
        (*series, point.time, point.key): Decimal(point.value)
        for series, points in rebuilt.points.items()
        for point in points
    }
    for key in sorted(ours.keys() | stored.keys()):
        if ours.get(key) != stored.get(key):
            yield Difference(
                f"level of customer {key[0]}, meter {key[1]}, {key[2]}, event {key[4]!r}",
                str(ours.get(key, "none")),
                str(stored.get(key, "none")),
            )


def _differing_stages(rebuilt: Rebuilt, meter_ids: Iterable[object]) -> Iterator[Difference]:
    rows = OutcomeStage.objects.filter(meter_id__in=list(meter_ids)).values_list(
        "customer_id",
        "meter_id",
        "outcome",
        "time",
        "key",
        "contract_id",
        "day",
        "dimensions",
        "state",
        "weight",
    )
    stored = {
        (str(row[0]), str(row[1]), *row[2:5]): (str(row[5]), str(row[6]), sql.canonical(row[7]), *row[8:])
        for row in rows.iterator()
    }
    ours = {
        (*key, stage.time, stage.key): (
            stage.contract_id,
            stage.day,
            stage.dimensions,
            str(stage.state),
            stage.weight,
        )
        for key, stages in rebuilt.stages.items()
        for stage in stages
    }
    for key in sorted(ours.keys() | stored.keys()):
        if ours.get(key) != stored.get(key):
            yield Difference(
                f"outcome {key[2]!r} of customer {key[0]}, meter {key[1]}, event {key[4]!r}",
                _told(ours.get(key)),
                _told(stored.get(key)),
            )


def _differing_outcomes(rebuilt: Rebuilt, meter_ids: Iterable[object]) -> Iterator[Difference]:
    rows = Outcome.objects.filter(meter_id__in=list(meter_ids)).values_list(
        "customer_id", "meter_id", "outcome", "state", "attempts", "billed"
    )
    stored = {
        (str(row[0]), str(row[1]), row[2]): (
            row[3],
            row[4],
            *((contract, day, dimensions, Decimal(part)) for contract, day, dimensions, part in row[5]),
        )
        for row in rows.iterator()
    }
    ours = {key: _as_kept(folded) for key, folded in rebuilt.outcomes().items()}
    # An outcome stays when all its stages are voided.
    nothing = _as_kept(Folded())
    for key in sorted(ours.keys() | stored.keys()):
        if ours.get(key, nothing) != stored.get(key, nothing):
            yield Difference(
                f"outcome {key[2]!r} of customer {key[0]}, meter {key[1]}",
                _told(ours.get(key)),
                _told(stored.get(key)),
            )


def _as_kept(folded: Folded) -> tuple[object, ...]:
    billed = [(key[1], key[3], key[4], quantity) for key, quantity in folded.billed]
    return (str(folded.state), folded.attempts, *billed)


def _told(row: Iterable[object] | None) -> str:
    """Return the parts of a row, those that have parts themselves in brackets."""
    parts = (f"({_told(one)})" if isinstance(one, tuple) else str(one) for one in row or ("none",))
    return ", ".join(parts)


def _named(key: DayKey) -> str:
    customer, contract, meter, day, dimensions = key
    return f"customer {customer}, contract {contract}, meter {meter}, {day}, {dimensions}"


def _day_key(row: tuple[object, ...]) -> DayKey:
    customer, contract, meter, day, dimensions = row
    return (str(customer), str(contract), str(meter), str(day), sql.canonical(dimensions))
