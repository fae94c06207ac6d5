"""Taking counted events off the bill, and putting others in their place: by new records, never by a change of old ones."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, localcontext
from uuid import UUID

from django.db import transaction

from apps.contracts import locks
from apps.contracts.queries import customers_named, wholly_billed
from apps.core import audit
from apps.core.money import EXACT
from apps.customers.errors import UnknownCustomer
from apps.plans.models import Meter
from apps.usage import archived, months, receipts, recount, sql, totals
from apps.usage.counted import received_by
from apps.usage.errors import (
    EventArchived,
    MonthsArchived,
    NoReason,
    NotAllCounted,
    NothingToCorrect,
    ReplacementVoided,
    SelectionChanged,
    TooManyEvents,
)
from apps.usage.ingest import MOST_EVENTS, take_in
from apps.usage.intake import Batch, Ingested, Intake, State
from apps.usage.models import Correction, EventKey, Reversal
from apps.usage.stored import Feeding, StoredEvent, Where, events_of, events_where
from apps.usage.ways import Cell, Countable

_MICROSECOND = timedelta(microseconds=1)
_NOTHING = Ingested(0, 0, 0, 0, 0, ())


@dataclass(frozen=True, slots=True)
class Corrected:
    """What a correction came to; `not_found` are ids that the customer has no counted event of.

    `wholly_billed` are the numbers of contracts that voided events were under and that no invoice follows to adjust.
    """

    correction_id: UUID
    voided: int
    voided_before: int
    not_found: tuple[str, ...]
    wholly_billed: tuple[str, ...]
    replaced: Ingested


@dataclass(frozen=True, slots=True)
class Effect:
    """What a meter would no longer be given; None where its total is not a sum."""

    meter: Meter
    quantity: Decimal | None


@dataclass(frozen=True, slots=True)
class Selected:
    """The events that a correction would void, and what of it each meter would lose; see `Corrected`."""

    standing: tuple[StoredEvent, ...]
    voided_before: int
    not_found: tuple[str, ...]
    wholly_billed: tuple[str, ...]
    effects: tuple[Effect, ...]


def select(*, customer_key: str, keys: Sequence[str] = (), where: Where | None = None) -> Selected:
    """Return what a correction of these events would void; write nothing. Refuses as `correct` does."""
    found = _found(_customer(customer_key), keys, where)
    standing = tuple(stored for stored in found if not stored.is_voided)
    feeding = Feeding()
    lost: dict[UUID, Effect] = {}
    with localcontext(EXACT):
        for fed in map(feeding.of, standing):
            for cell, amount in fed.feeds:
                meter = cell.measure.meter
                before = lost.get(meter.pk, Effect(meter, Decimal(0))).quantity or Decimal(0)
                lost[meter.pk] = Effect(meter, before + Decimal(amount))
            for cell, _ in fed.others:
                lost[cell.measure.meter.pk] = Effect(cell.measure.meter, None)
    effects = tuple(sorted(lost.values(), key=lambda one: one.meter.name))
    missing = _missing(keys, found)
    return Selected(standing, len(found) - len(standing), missing, _wholly_billed(standing), effects)


def correct(
    *,
    customer_key: str,
    reason: str,
    at: datetime,
    actor: str,
    keys: Sequence[str] = (),
    where: Where | None = None,
    replacements: Sequence[object] = (),
    expected: int | None = None,
) -> Corrected:
    """Void a customer's events, named by their ids or by a filter, and count the replacements, all or nothing.

    Totals, spend and drafts follow at once; days that are invoiced already are noted for the next invoice to adjust, or for
    staff to settle by hand where none follows. An id stays used for ever, so replacements have ids of their own. Voiding
    again what is voided changes nothing. Refuses events that are archived, since they would stay on the bill; more than 10,000 events, replacements that cannot be counted, a correction
    without reason or events, and one of another number of events than `expected`.
    """
    if not reason.strip():
        raise NoReason
    if len(replacements) > MOST_EVENTS:
        raise TooManyEvents(len(replacements), MOST_EVENTS)
    customer_id = _customer(customer_key)
    intake = Intake.of([Batch(replacements, actor, customer_key)])
    months.make(months.that_hold(intake.events, until=at))
    with transaction.atomic(durable=True):
        locks.hold_customer(customer_id)
        at = received_by(customer_id, at=at)
        found = _found(customer_id, keys, where)
        standing = sum(not stored.is_voided for stored in found)
        if expected not in {None, standing}:
            raise SelectionChanged(expected or 0, standing)
        correction = Correction(
            customer_id=customer_id, at=at, actor=actor, reason=reason.strip(), scope=_scope(keys, where)
        )
        return _correct(correction, customer_key, found, intake, keys)


def _correct(
    correction: Correction,
    customer_key: str,
    found: Sequence[StoredEvent],
    intake: Intake,
    keys: Sequence[str],
) -> Corrected:
    at, actor = correction.at, correction.actor
    standing = [stored for stored in found if not stored.is_voided]
    correction.voided, correction.replaced_by = len(standing), len(intake.events)
    correction.save(force_insert=True)
    if standing:
        _void(correction, customer_key, standing)
    replaced = take_in(intake, at=at, any_age=True)[0] if intake.events else _NOTHING
    if replaced.quarantined or replaced.conflict:
        raise NotAllCounted(replaced)
    repeated = [detail.id for detail in replaced.details if detail.state is State.DUPLICATE]
    if gone := Reversal.objects.filter(customer=correction.customer_id, key__in=repeated).first():
        raise ReplacementVoided(gone.key)
    audit.record(
        at=at,
        actor=actor,
        action="usage.correct",
        subject_type="customer",
        subject_key=customer_key,
        after={"voided": len(standing), "replaced_by": replaced.counted, "correction": str(correction.pk)},
        reason=correction.reason,
    )
    return Corrected(
        correction_id=correction.pk,
        voided=len(standing),
        voided_before=len(found) - len(standing),
        not_found=_missing(keys, found),
        wholly_billed=_wholly_billed(standing),
        replaced=replaced,
    )


def _customer(customer_key: str) -> UUID:
    customer_id = customers_named([customer_key]).get(customer_key)
    if customer_id is None:
        raise UnknownCustomer(customer_key)
    return customer_id


def _found(customer_id: UUID, keys: Sequence[str], where: Where | None) -> list[StoredEvent]:
    if not keys and where is None:
        raise NothingToCorrect
    if where:
        found = events_where(customer_id, where, most=MOST_EVENTS + 1)
        _refuse_archived_within(where)
    elif len(keys) > MOST_EVENTS:
        raise TooManyEvents(len(keys), MOST_EVENTS)
    else:
        found = events_of(customer_id=customer_id, keys=keys)
        _refuse_archived(customer_id, _missing(keys, found))
    if len(found) > MOST_EVENTS:
        raise TooManyEvents(len(found), MOST_EVENTS)
    return found


def _refuse_archived(customer_id: UUID, keys: Collection[str]) -> None:
    """Refuse where one of these ids, which the database has no event of, was counted: then its event is archived."""
    if keys and (known := EventKey.objects.filter(customer_id=customer_id, key__in=keys).first()):
        raise EventArchived(known.key, known.time)


def _refuse_archived_within(where: Where) -> None:
    """Refuse a filter over days of archived months: of those it would find only what came since."""
    out = archived.months_out()
    first, last = (
        f"{where.start.astimezone(UTC):%Y-%m}",
        f"{(where.end - _MICROSECOND).astimezone(UTC):%Y-%m}",
    )
    if named := [month for month in out if first <= month <= last]:
        raise MonthsArchived(named)


def _missing(keys: Sequence[str], found: Sequence[StoredEvent]) -> tuple[str, ...]:
    known = {stored.event.key for stored in found}
    return tuple(key for key in keys if key not in known)


def _wholly_billed(standing: Sequence[StoredEvent]) -> tuple[str, ...]:
    contracts = wholly_billed().filter(pk__in={stored.contract_id for stored in standing})
    return tuple(contracts.order_by("number").values_list("number", flat=True))


def _void(correction: Correction, customer_key: str, standing: Sequence[StoredEvent]) -> None:
    customer_id = str(correction.customer_id)
    named = [(customer_id, stored.event.key or "", stored.event.written_time) for stored in standing]
    sql.reverse(str(correction.pk), sorted(named, key=lambda one: one[1]))
    feeding = Feeding()
    fed = [feeding.of(stored) for stored in standing]
    totals.take_off([_without(one, _must_rebuild) for one in fed], at=correction.at)
    # What cannot be had by subtraction is computed from the events that are left.
    days: dict[date, dict[UUID, Meter]] = {}
    for one in fed:
        for cell, _ in (*one.feeds, *one.others):
            if _must_rebuild(cell):
                days.setdefault(cell.day, {})[cell.measure.meter.pk] = cell.measure.meter
    for day, meters in sorted(days.items()):
        recount.rebuild(correction.customer_id, list(meters.values()), day, at=correction.at)
    receipts.write_voided(
        actor=correction.actor, customer_key=customer_key, voided=len(standing), at=correction.at
    )


def _must_rebuild(cell: Cell) -> bool:
    # A meter that does not count all past events may never have counted this one.
    return totals.is_highest_or_latest(cell) or cell.measure.meter.counts_from is not None


def _without(one: Countable, is_out: Callable[[Cell], bool]) -> Countable:
    feeds = [fed for fed in one.feeds if not is_out(fed[0])]
    return Countable(
        one.event,
        one.way,
        tuple(cell for cell, _ in feeds),
        tuple(amount for _, amount in feeds),
        [fed for fed in one.others if not is_out(fed[0])],
    )


def _scope(keys: Sequence[str], where: Where | None) -> dict[str, object]:
    if where is None:
        return {"ids": list(keys)}
    return {
        "from": where.start.isoformat(),
        "to": where.end.isoformat(),
        "type": where.type,
        "properties": dict(where.properties),
    }
