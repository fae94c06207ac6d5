"""Changing a draft version: each saved charge and allowance leaves in the trail what changed, in words."""

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import F, Max

from apps.core import audit
from apps.plans import compare, queries, rows, summary
from apps.plans.described import NewAllowance, NewCharge
from apps.plans.errors import AllowanceInUse, KeyTaken, VersionFixed
from apps.plans.models import Allowance, Charge, PlanVersion
from apps.plans.told import number


@transaction.atomic(durable=True)
def put_charge(
    *, version_id: UUID, charge_id: UUID | None, new: NewCharge, at: datetime, actor: str
) -> Charge:
    """Write a charge of a draft: a new one last, or over the one with this id.

    Refuses a version that is no draft, and a key that another charge has.
    """
    version = _draft(version_id)
    before = version.charges.filter(pk=charge_id).first() if charge_id else None
    if _is_taken(version, new.key, by_another_than=before):
        raise KeyTaken(new.key)
    was = _facts(version, before.pk) if before else {}
    position = before.position if before else _last_position(version) + 1
    charge = rows.write_charge(version, position, new, over=before)
    _record(version, "put_charge", new.key, before=was, after=_facts(version, charge.pk), at=at, actor=actor)
    return charge


@transaction.atomic(durable=True)
def move_charge(*, version_id: UUID, charge_id: UUID, up: bool, at: datetime, actor: str) -> Charge:
    """Let a charge of a draft change places with its neighbor; the first stays first, and the last stays last."""
    version = _draft(version_id)
    order = list(version.charges.order_by("position"))
    place = next(place for place, charge in enumerate(order) if charge.pk == charge_id)
    other = place - 1 if up else place + 1
    moved = order[place]
    if 0 <= other < len(order):
        was, became = moved.position, order[other].position
        Charge.objects.filter(pk=order[other].pk).update(position=was)
        Charge.objects.filter(pk=moved.pk).update(position=became)
        _record(
            version,
            "move_charge",
            moved.key,
            before={"place": place + 1},
            after={"place": other + 1},
            at=at,
            actor=actor,
        )
    return moved


@transaction.atomic(durable=True)
def remove_charge(*, version_id: UUID, charge_id: UUID, at: datetime, actor: str) -> Charge:
    """Take a charge out of a draft."""
    version = _draft(version_id)
    charge = version.charges.get(pk=charge_id)
    was = _facts(version, charge_id)
    Charge.objects.get(pk=charge_id).delete()
    version.charges.filter(position__gt=charge.position).update(position=F("position") - 1)
    _record(version, "remove_charge", charge.key, before=was, after={}, at=at, actor=actor)
    return charge


@transaction.atomic(durable=True)
def put_allowance(
    *, version_id: UUID, allowance_id: UUID | None, new: NewAllowance, at: datetime, actor: str
) -> Allowance:
    """Write an allowance of a draft: a new one, or over the one with this id; refuse a key that is taken."""
    version = _draft(version_id)
    before = version.allowances.filter(pk=allowance_id).first() if allowance_id else None
    if _is_taken(version, new.key, by_another_than=before):
        raise KeyTaken(new.key)
    was = _allowance_facts(before) if before else {}
    allowance = rows.write_allowance(version, new, over=before)
    _record(
        version, "put_allowance", new.key, before=was, after=_allowance_facts(allowance), at=at, actor=actor
    )
    return allowance


@transaction.atomic(durable=True)
def remove_allowance(*, version_id: UUID, allowance_id: UUID, at: datetime, actor: str) -> Allowance:
    """Take an allowance out of a draft; refuse while charges share it."""
    version = _draft(version_id)
    allowance = version.allowances.get(pk=allowance_id)
    sharing = list(allowance.charges.values_list("name", flat=True))
    if sharing:
        raise AllowanceInUse(allowance.name, sharing)
    was = _allowance_facts(allowance)
    Allowance.objects.get(pk=allowance_id).delete()
    _record(version, "remove_allowance", allowance.key, before=was, after={}, at=at, actor=actor)
    return allowance


def _draft(version_id: UUID) -> PlanVersion:
    version = PlanVersion.objects.select_for_update(of=("self",)).select_related("plan").get(pk=version_id)
    if version.status != PlanVersion.Status.DRAFT:
        raise VersionFixed(str(version), version.status)
    return version


def _is_taken(version: PlanVersion, key: str, *, by_another_than: Charge | Allowance | None) -> bool:
    """Tell whether another charge or allowance has the key: what is left of either is told by its key."""
    having = (*version.charges.filter(key=key), *version.allowances.filter(key=key))
    return any(one != by_another_than for one in having)


def _last_position(version: PlanVersion) -> int:
    return version.charges.aggregate(last=Max("position"))["last"] or 0


def _facts(version: PlanVersion, charge_id: UUID) -> dict[str, object]:
    found = [row for row in queries.rows_of(version.pk) if row.pk == charge_id]
    offer = summary.told(summary.named_of(found), version.currency)
    return dict(compare.facts_of(offer.charges[0]))


def _allowance_facts(allowance: Allowance) -> dict[str, object]:
    carried = allowance.carry_over_limit
    return {
        "name": allowance.name,
        "quantity": number(allowance.quantity),
        "carried over at most": number(carried) if carried else "none",
    }


def _record(
    version: PlanVersion,
    action: str,
    key: str,
    *,
    before: dict[str, object],
    after: dict[str, object],
    at: datetime,
    actor: str,
) -> None:
    """Note only what differs."""
    same = {name for name, value in before.items() if after.get(name) == value}
    named = {"version": version.number, "key": key}
    audit.record(
        at=at,
        actor=actor,
        action=f"plans.{action}",
        subject_type="plan",
        subject_key=version.plan.key,
        before={**named, **{name: value for name, value in before.items() if name not in same}},
        after={**named, **{name: value for name, value in after.items() if name not in same}},
    )
