"""The parts of a billing period between changes, and its charges brought together over them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from itertools import pairwise
from uuid import UUID

from apps.contracts.agreed import Agreed
from apps.contracts.models import Contract
from apps.core.periods import Period
from apps.plans.queries import PlannedCharge, charges_of
from apps.rating.price_models.base import PriceModel
from apps.rating.price_models.dated import Dated
from apps.rating.price_models.matrix import Matrix
from apps.rating.terms import EVENT_KINDS, ActiveDays, Change, ChargeKind, Fee

ChargePrice = PriceModel | Dated | Matrix | Fee


@dataclass(frozen=True, slots=True)
class Part:
    """Days of a period on which the same plan version and numbers of seats hold."""

    starts_on: date
    ends_on: date
    plan_version_id: UUID
    seats: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class _Stretch:
    """A charge over the parts that it is in."""

    parts: list[tuple[Part, PlannedCharge]]

    @property
    def last(self) -> PlannedCharge:
        return self.parts[-1][1]


def parts_of(contract: Contract, agreed: Agreed, period: Period) -> tuple[Part, ...]:
    """Return the parts of a period, at least one; they tile it."""
    changed = {row.starts_on for row in (*agreed.phases, *agreed.seats)}
    inside = sorted(day for day in changed if period.starts_on < day < period.ends_on)
    days = [period.starts_on, *inside, period.ends_on]
    return tuple(
        Part(first, end, agreed.plan_version_on(first, contract.plan_version_id), agreed.seats_on(first))
        for first, end in pairwise(days)
    )


def merged(
    contract: Contract, agreed: Agreed, parts: Sequence[Part], *, period: Period, whole: Period
) -> tuple[tuple[PlannedCharge, ...], dict[str, frozenset[date]]]:
    """Return the charges of a period, one for each key that means the same thing in all its parts.

    A price, allowance or fee that is another one later in the period is a change of the charge. Where a key later stands for
    another meter, unit or kind of charge, or for a price by events, it is a charge of its own, its key marked with the day. Returns also, for charges
    that are not there in all parts, those in which they are.
    """
    stretches = _stretches(parts)
    charges, only_since = [], {}
    for stretch in stretches:
        key = _key_of(stretch, stretches)
        if stretch.last.charge.kind is ChargeKind.ONE_TIME:
            if _is_due(contract, agreed, stretch, period):
                # What it costs says the version that made it due, and none after it.
                _, first = stretch.parts[0]
                charges.append(replace(first, charge=replace(first.charge, key=key)))
            continue
        one = _joined(stretch, key, whole, restarts=contract.restarts)
        charges.append(one)
        if len(stretch.parts) < len(parts):
            only_since[key] = frozenset(part.starts_on for part, _ in stretch.parts)
    return tuple(charges), only_since


def _stretches(parts: Sequence[Part]) -> list[_Stretch]:
    """Return the charges in the order of the last part's, with those that were dropped before it behind."""
    if len(parts) == 1:
        return [_Stretch([(parts[0], planned)]) for planned in charges_of(parts[0].plan_version_id)]
    found: dict[tuple[object, ...], _Stretch] = {}
    for part in parts:
        for planned in charges_of(part.plan_version_id):
            found.setdefault(_meaning(planned), _Stretch([])).parts.append((part, planned))
    order = [_meaning(planned) for planned in charges_of(parts[-1].plan_version_id)]
    return [found[meaning] for meaning in order] + [
        stretch for meaning, stretch in found.items() if meaning not in order
    ]


def _meaning(planned: PlannedCharge) -> tuple[object, ...]:
    charge = planned.charge
    # What is priced event by event has no units that could run on, or be included.
    return (charge.key, charge.kind, planned.meter_id, charge.credit_unit, bool(charge.kinds & EVENT_KINDS))


def _key_of(stretch: _Stretch, stretches: Sequence[_Stretch]) -> str:
    key = stretch.last.charge.key
    same = [one for one in stretches if one.last.charge.key == key]
    first = min(same, key=lambda one: one.parts[0][0].starts_on)
    return key if stretch is first else f"{key}@{stretch.parts[0][0].starts_on}"


def _is_due(contract: Contract, agreed: Agreed, stretch: _Stretch, period: Period) -> bool:
    """A one-time fee is due when the first plan version that has it begins to apply."""
    key = stretch.last.charge.key
    versions = agreed.versions(contract.plan_version_id)
    ends = [*(day for day, _ in versions[1:]), date.max]
    for (day, version_id), ends_on in zip(versions, ends, strict=True):
        # The contract's own never applied if another one did from its first day on.
        if ends_on <= contract.starts_on:
            continue
        has_it = any(
            planned.charge.key == key and planned.charge.kind is ChargeKind.ONE_TIME
            for planned in charges_of(version_id)
        )
        if has_it:
            return period.starts_on <= max(day, contract.starts_on) < period.ends_on
    return False


def _joined(stretch: _Stretch, key: str, whole: Period, *, restarts: bool) -> PlannedCharge:
    """Return the charge as its last part has it, with the prices of all its parts."""
    first_part, first = stretch.parts[0]
    last_part, last = stretch.parts[-1]
    is_fee = last.charge.kind is ChargeKind.RECURRING
    price, included = _price(first, first_part), first.charge.included
    changes: list[Change] = []
    now: tuple[ChargePrice, Decimal] = (price, included)
    ends_on = first_part.ends_on
    for part, planned in stretch.parts[1:]:
        if is_fee and part.starts_on > ends_on:
            changes.append(Change(ends_on, Fee(Decimal(0)), Decimal(0)))
            now = (Fee(Decimal(0)), Decimal(0))
        after = (_price(planned, part), planned.charge.included)
        if after != now:
            changes.append(Change(part.starts_on, *after))
            now = after
        ends_on = part.ends_on
    charge = replace(
        last.charge,
        key=key,
        price=price,
        included=included,
        changes=tuple(changes),
        restarts=restarts and bool(changes) and not is_fee,
    )
    if is_fee and (first_part.starts_on, last_part.ends_on) != (whole.starts_on, whole.ends_on):
        charge = replace(charge, active=ActiveDays(first_part.starts_on, last_part.ends_on))
    return replace(last, charge=charge)


def _price(planned: PlannedCharge, part: Part) -> ChargePrice:
    price = planned.charge.price
    if isinstance(price, Fee) and planned.charge.key in part.seats:
        return replace(price, quantity=part.seats[planned.charge.key])
    return price
