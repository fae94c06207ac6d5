"""One event with all that became of it: its body, what it feeds, its correction, and why it waited."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, localcontext
from uuid import UUID

import msgspec
import orjson

from apps.contracts.models import Contract
from apps.contracts.terms import plan_version_on
from apps.core.formats import plain
from apps.core.money import EXACT
from apps.customers.models import Customer
from apps.plans.models import Meter
from apps.plans.queries import PlannedCharge, charges_of
from apps.rating.price_models.matrix import Matrix
from apps.usage import totals
from apps.usage.errors import EventArchived, NoSuchEvent
from apps.usage.explore import EventState, Named, named_by
from apps.usage.measure import DECISION, Stage, Value
from apps.usage.models import EventKey, Outcome, QuarantinedEvent, Reversal
from apps.usage.outcomes import Staged
from apps.usage.read_event import ReadEvent, written_json
from apps.usage.stored import Feeding, StoredEvent, events_of
from apps.usage.turns import Known, known_stages, state_now, turns_of_outcome
from apps.usage.ways import Cell

Resolution = QuarantinedEvent.Resolution


@dataclass(frozen=True, slots=True)
class PricedBy:
    """A charge on the meter, and those of the event's dimension values that it prices by."""

    key: str
    name: str
    dimensions: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Fed:
    """What the event adds to one meter on its day: a quantity, or `says` what else; `charges` are none if it is only shown.

    `turns` are the instants at which it came onto the bill, was taken off, came back and so on; a stage of an outcome may do
    so again and again, or never.
    """

    meter_key: str
    meter_name: str
    unit: str
    aggregation: str
    quantity: Decimal | None
    says: str
    dimensions: Mapping[str, str]
    charges: tuple[PricedBy, ...]
    turns: tuple[datetime, ...]


@dataclass(frozen=True, slots=True)
class Voided:
    """Why, when and by whom the event was voided."""

    correction_id: UUID
    reason: str
    at: datetime
    actor: str


@dataclass(frozen=True, slots=True)
class Waited:
    """Why an event with this id waits in quarantine, or did; an event with another body may wait beside one that counts."""

    id: UUID
    state: str
    reason: str
    label: str
    field: str
    remedy: str
    times: int
    received_at: datetime
    resolved_at: datetime | None


@dataclass(frozen=True, slots=True)
class OneEvent:
    """An event; `contract`, `day` and `feeds` are there once it counts. `body` is JSON text.

    `customer_key` is the key that it stands under, `known_key` that of the customer, empty if there is none.
    """

    state: EventState
    customer_key: str
    known_key: str
    customer_name: str
    key: str
    type: str
    time: datetime | None
    quantity: Decimal | None
    received_at: datetime
    body: str
    contract: Contract | None
    day: date | None
    feeds: tuple[Fed, ...]
    voided: Voided | None
    waited: tuple[Waited, ...]

    @property
    def pretty_body(self) -> str:
        """Return the body over several lines."""
        return msgspec.json.format(self.body, indent=2)


def one_event(*, customer_key: str, key: str) -> OneEvent:
    """Return a customer's event by its id: the one that counts, else what waits under the id, the newest.

    What it feeds is told by the meters of now. At most twelve queries, and two for each meter that counts it as an outcome.
    Refuses an id that there is nothing of, and one in an archive.
    """
    named = named_by(customer_key)
    if named is None or not key:
        raise NoSuchEvent(key, customer_key)
    kept = list(
        QuarantinedEvent.objects.filter(customer_key__in=named.keys, event_key=key).order_by(
            "-received_at", "-id"
        )
    )
    waited = tuple(map(_waited, kept))
    stored = events_of(customer_id=named.customer_id, keys=[key]) if named.customer_id else []
    if stored:
        return _stored(stored[0], waited)
    archived = (
        EventKey.objects.filter(customer_id=named.customer_id, key=key).first() if named.customer_id else None
    )
    if archived:
        raise EventArchived(key, archived.time)
    if not kept:
        raise NoSuchEvent(key, customer_key)
    return _kept_back(kept[0], named, waited)


def _stored(stored: StoredEvent, waited: tuple[Waited, ...]) -> OneEvent:
    event = stored.event
    customer = Customer.objects.get(pk=stored.customer_id)
    contract = Contract.objects.select_related("plan_version__plan").get(pk=stored.contract_id)
    voided = _voided(stored) if stored.is_voided else None
    return OneEvent(
        state=EventState.VOIDED if stored.is_voided else EventState.COUNTED,
        customer_key=customer.key,
        known_key=customer.key,
        customer_name=customer.name,
        key=event.key or "",
        type=event.type,
        time=event.time,
        quantity=Decimal(event.quantity),
        received_at=stored.received_at,
        body=_body(event, customer.key),
        contract=contract,
        day=stored.day,
        feeds=tuple(_feeds(stored, charges_of(plan_version_on(contract, stored.day)), voided)),
        voided=voided,
        waited=waited,
    )


def _kept_back(kept: QuarantinedEvent, named: Named, waited: tuple[Waited, ...]) -> OneEvent:
    customer = Customer.objects.filter(pk=named.customer_id).first() if named.customer_id else None
    is_dismissed = kept.resolution == Resolution.DISMISSED
    return OneEvent(
        state=EventState.DISMISSED if is_dismissed else EventState.QUARANTINED,
        customer_key=kept.customer_key,
        known_key=customer.key if customer else "",
        customer_name=customer.name if customer else "",
        key=kept.event_key or "",
        type=kept.type,
        time=None,
        quantity=None,
        received_at=kept.received_at,
        body=kept.body,
        contract=None,
        day=None,
        feeds=(),
        voided=None,
        waited=waited,
    )


def _body(event: ReadEvent, customer_key: str) -> str:
    return written_json(
        {
            "id": event.key,
            "customer": customer_key,
            "type": event.type,
            "time": event.written_time,
            "quantity": plain(Decimal(event.quantity)),
            "properties": event.properties,
        }
    )


def _feeds(stored: StoredEvent, charges: tuple[PlannedCharge, ...], voided: Voided | None) -> Iterator[Fed]:
    fed = Feeding().of(stored)
    for cell, value in (*fed.feeds, *fed.others):
        meter = cell.measure.meter
        dimensions: dict[str, str] = orjson.loads(cell.dimensions)
        says, turns = _says(cell, value), (stored.received_at, *([voided.at] if voided else []))
        if isinstance(value, Stage):
            says, turns = _of_outcome(totals.staged((fed, cell, value)), stored.received_at, voided)
        if meter.counts_from and stored.received_at < meter.counts_from:
            says = "Perhaps not in its totals: the meter was made or changed later. A recount brings it in."
        yield Fed(
            meter_key=meter.key,
            meter_name=meter.name,
            unit=meter.unit,
            aggregation=meter.get_aggregation_display(),
            quantity=None if isinstance(value, str | Stage) else Decimal(value),
            says=says,
            dimensions=dimensions,
            # A decision bills nothing itself: what it brings back is billed where it was reached.
            charges=tuple(
                _priced_by(one, dimensions)
                for one in charges
                if one.meter_id == meter.pk and stored.event.type != DECISION
            ),
            turns=turns,
        )


def _says(cell: Cell, value: Value) -> str:
    if isinstance(value, str):
        return f"The value {value}"
    match cell.measure.meter.level:
        case Meter.Level.SET:
            return "The level from then on"
        case Meter.Level.CHANGE:
            return "Added to the level from then on"
    return ""


def _of_outcome(
    own: Staged, received_at: datetime, voided: Voided | None
) -> tuple[str, tuple[datetime, ...]]:
    """Return what a stage says of its outcome and what that has become, and its turns on the bill."""
    known = known_stages(own)
    says = f"Outcome {own.outcome}: {_in_words(own.state)}, weight {own.weight:f}"
    if known and (now := state_now(known)) != own.state:
        says += f"; now {_in_words(now)}"
    if voided:
        known.append(Known(own, received_at, voided.at))
    return says + _so_far(own), turns_of_outcome(own, known)


def _so_far(own: Staged) -> str:
    customer_id, meter_id, outcome = own.outcome_key
    found = Outcome.objects.filter(customer=UUID(customer_id), meter=UUID(meter_id), outcome=outcome).first()
    if found is None:
        return ""
    with localcontext(EXACT):
        billed = sum((Decimal(quantity) for *_, quantity in found.billed), Decimal(0))
    attempts = f"{found.attempts:,} attempt{'' if found.attempts == 1 else 's'}"
    return f". The outcome so far: {attempts}, {plain(billed)} billed"


def _in_words(state: str) -> str:
    return str(Outcome.State(state).label).lower()


def _priced_by(planned: PlannedCharge, dimensions: Mapping[str, str]) -> PricedBy:
    price = planned.charge.price
    names = price.dimensions if isinstance(price, Matrix) else ()
    priced_by = {name: dimensions[name] for name in names if name in dimensions}
    return PricedBy(planned.charge.key, planned.charge.name, priced_by)


def _voided(stored: StoredEvent) -> Voided:
    reversal = Reversal.objects.select_related("correction").get(
        customer_id=stored.customer_id, key=stored.event.key
    )
    correction = reversal.correction
    return Voided(correction.pk, correction.reason, correction.at, correction.actor)


def _waited(kept: QuarantinedEvent) -> Waited:
    state = "quarantined" if kept.resolved_at is None else kept.resolution
    return Waited(
        id=kept.pk,
        state=state,
        reason=kept.reason,
        label=kept.get_reason_display(),
        field=kept.field,
        remedy=kept.remedy,
        times=kept.times,
        received_at=kept.received_at,
        resolved_at=kept.resolved_at,
    )
