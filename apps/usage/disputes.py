"""Disputed outcomes: off the bill until staff decide, by an event of their own, so that all can be derived again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db.models import F

from apps.core.ids import uuid7
from apps.customers.models import Customer
from apps.plans.models import Meter
from apps.usage.errors import NoReason, NotDisputed
from apps.usage.ingest import ingest
from apps.usage.measure import OUTCOME, STATE
from apps.usage.models import Outcome, OutcomeStage

State = Outcome.State


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
    for stage in found.order_by("time", "key"):
        stages.setdefault((stage.customer_id, stage.meter_id, stage.outcome), []).append(stage)
    return [_dispute(row, stages[row.customer_id, row.meter_id, row.outcome]) for row in rows]


def decide(
    *, customer_key: str, meter_id: UUID, outcome: str, rejects: bool, reason: str, at: datetime, actor: str
) -> None:
    """Reject a dispute, so that the outcome is billed on its own day again, or accept it, so that it stays off.

    Refuses a decision without reason, and an outcome that is not disputed.
    """
    if not reason.strip():
        raise NoReason
    customer = Customer.objects.get(key=customer_key)
    disputed = Outcome.objects.filter(
        customer=customer, meter_id=meter_id, outcome=outcome, state=State.DISPUTED
    )
    if not disputed.exists():
        raise NotDisputed(outcome)
    meter = Meter.objects.get(pk=meter_id)
    last = OutcomeStage.objects.filter(customer=customer, meter=meter, outcome=outcome).latest("time")
    ingest(
        events=[
            {
                "id": f"decision {uuid7()}",
                "customer": customer_key,
                "type": meter.event_type,
                # After the dispute itself, also where that came a little early.
                "time": max(at, last.time).isoformat(),
                "properties": {
                    OUTCOME: outcome,
                    STATE: State.DISPUTE_REJECTED if rejects else State.DISPUTE_ACCEPTED,
                    "reason": reason.strip(),
                    "decided_by": actor,
                    **last.dimensions,
                },
            }
        ],
        at=at,
        actor=actor,
    )


def _dispute(row: Outcome, stages: Sequence[OutcomeStage]) -> Dispute:
    disputed = [stage for stage in stages if stage.state == State.DISPUTED]
    before = [
        stage
        for stage in stages
        if stage.time < disputed[0].time and stage.state in {State.SUCCEEDED, State.PARTIAL}
    ]
    return Dispute(
        customer_key=row.key,  # type: ignore[attr-defined]
        customer_name=row.name,  # type: ignore[attr-defined]
        meter_id=row.meter_id,
        meter_name=row.meter_name,  # type: ignore[attr-defined]
        outcome=row.outcome,
        attempts=row.attempts,
        disputed_at=disputed[0].time,
        quantity=before[-1].weight if before else Decimal(0),
    )
