"""Disputed outcomes: off the bill until staff decide, which is kept beside the events, so that all can be derived again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, localcontext
from uuid import UUID

from django.db import transaction
from django.db.models import F

from apps.contracts import locks
from apps.contracts.queries import customers_named
from apps.core import audit
from apps.core.ids import uuid7
from apps.core.money import EXACT
from apps.customers.errors import UnknownCustomer
from apps.plans.models import Meter
from apps.usage import months, outcomes, receipts, sql, totals
from apps.usage.counted import received_by
from apps.usage.errors import NoReason, NotDisputed, StillDisputed
from apps.usage.intake import Batch, Intake
from apps.usage.measure import DECISION, METER, OUTCOME, STATE
from apps.usage.models import Event, EventKey, Outcome, OutcomeStage
from apps.usage.read_event import Plain, ReadEvent, read_plain
from apps.usage.stored import Feeding, StoredEvent, facts_of
from apps.usage.ways import Countable

State = Outcome.State
_MICROSECOND = timedelta(microseconds=1)
_LONGEST_REASON = 1_000


@dataclass(frozen=True, slots=True)
class Dispute:
    """An outcome that its customer disputes, and how much of it comes back on the bill if the dispute is rejected."""

    customer_key: str
    customer_name: str
    meter_id: UUID
    meter_name: str
    outcome: str
    attempts: int
    disputed_at: datetime
    quantity: Decimal


def open_disputes() -> list[Dispute]:
    """Return the outcomes whose dispute waits for a decision, the oldest first; two queries."""
    rows = list(
        Outcome.objects.filter(state=State.DISPUTED)
        .annotate(key=F("customer__key"), name=F("customer__name"), meter_name=F("meter__name"))
        .order_by("changed_at")
    )
    stages: dict[tuple[UUID, UUID, str], list[OutcomeStage]] = {}
    found = OutcomeStage.objects.filter(
        customer_id__in={row.customer_id for row in rows}, outcome__in={row.outcome for row in rows}
    )
    for stage in found:
        stages.setdefault((stage.customer_id, stage.meter_id, stage.outcome), []).append(stage)
    return [_dispute(row, stages[row.customer_id, row.meter_id, row.outcome]) for row in rows]


def decide(
    *, customer_key: str, meter_id: UUID, outcome: str, rejects: bool, reason: str, at: datetime, actor: str
) -> None:
    """Reject a dispute, so that the outcome is billed on its own day again, or accept it, so that it stays off.

    Refuses a decision without reason, an outcome that is not disputed, and a decision that would change nothing.
    """
    if not reason.strip():
        raise NoReason
    customer_id = customers_named([customer_key]).get(customer_key)
    if customer_id is None:
        raise UnknownCustomer(customer_key)
    found = Outcome.objects.filter(customer=customer_id, meter=meter_id, outcome=outcome)
    with transaction.atomic(durable=True):
        locks.hold_customer(customer_id)
        at = received_by(customer_id, at=at)
        if not found.filter(state=State.DISPUTED).exists():
            raise NotDisputed(outcome)
        meter = Meter.objects.get(pk=meter_id)
        last = OutcomeStage.objects.filter(customer=customer_id, meter=meter, outcome=outcome).latest("time")
        decided = State.DISPUTE_REJECTED if rejects else State.DISPUTE_ACCEPTED
        said = {METER: meter.key, OUTCOME: outcome, STATE: decided.value}
        event = _decision(
            customer_key,
            said | {"reason": reason.strip()[:_LONGEST_REASON], "decided_by": actor},
            # Behind all that was said of it, also where that came a little early.
            time=max(at, last.time + _MICROSECOND),
        )
        totals.add([_stored(event, customer_id, meter, last, at=at)], at=at)
        if found.filter(state=State.DISPUTED).exists():
            raise StillDisputed(outcome, meter.name)
        receipts.write(
            Intake.of([Batch([event], actor, customer_key)]), (), resolved=(), releases=False, at=at
        )
        audit.record(
            at=at,
            actor=actor,
            action="usage.decide_dispute",
            subject_type="customer",
            subject_key=customer_key,
            after=said,
            reason=reason.strip(),
        )


def _decision(customer_key: str, properties: dict[str, str], *, time: datetime) -> ReadEvent:
    """Return the record of a decision: an event that feeds its outcome alone, so that all can be derived again."""
    plain = Plain(f"decision {uuid7()}", DECISION, time.isoformat(), customer_key, None, 0, properties)
    read = read_plain([plain], [customer_key])
    assert read, "every field is of our own making"
    return read[0]


def _stored(
    event: ReadEvent, customer_id: UUID, meter: Meter, last: OutcomeStage, *, at: datetime
) -> Countable:
    """Keep a decision under the contract of what was said last, whether that runs or not; return what it feeds."""
    assert event.key
    months.make_now([event.time.date().replace(day=1)])
    day = facts_of(last.contract).day_of(event.time)
    EventKey.objects.create(
        customer_id=customer_id, key=event.key, fingerprint=event.fingerprint, time=event.time
    )
    Event.objects.create(
        customer_id=customer_id,
        time=event.time,
        key=event.key,
        contract_id=last.contract_id,
        type=event.type,
        quantity=event.quantity,
        properties=event.properties,
        day=day,
        received_at=at,
    )
    return Feeding(meters=[meter]).of(StoredEvent(customer_id, last.contract_id, day, at, False, event))


def _dispute(row: Outcome, stages: Sequence[OutcomeStage]) -> Dispute:
    ordered = sorted(map(_staged, stages), key=lambda stage: (stage.time, stage.key))
    folded = outcomes.fold(ordered)
    assert folded.disputed_at, "only open disputes are listed"
    with localcontext(EXACT):
        quantity = sum((quantity for _, quantity in folded.held_back), Decimal(0))
    return Dispute(
        customer_key=row.key,  # type: ignore[attr-defined]
        customer_name=row.name,  # type: ignore[attr-defined]
        meter_id=row.meter_id,
        meter_name=row.meter_name,  # type: ignore[attr-defined]
        outcome=row.outcome,
        attempts=row.attempts,
        disputed_at=folded.disputed_at,
        quantity=quantity,
    )


def _staged(stage: OutcomeStage) -> outcomes.Staged:
    return outcomes.Staged(
        customer_id=str(stage.customer_id),
        meter_id=str(stage.meter_id),
        outcome=stage.outcome,
        time=stage.time,
        key=stage.key,
        contract_id=str(stage.contract_id),
        day=stage.day.isoformat(),
        dimensions=sql.canonical(stage.dimensions),
        state=stage.state,
        weight=stage.weight,
    )
