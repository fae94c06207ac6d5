"""A contract's billing periods, and its terms in one of them as the pricing engine takes them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from itertools import pairwise
from uuid import UUID

from apps.contracts import brought as forward
from apps.contracts import commitments, discounts, segments
from apps.contracts.agreed import agreed, in_force
from apps.contracts.brought import Brought
from apps.contracts.errors import OutsideTheTerm
from apps.contracts.models import Contract, Discount
from apps.core.periods import Period, period_containing, periods_between
from apps.plans.queries import PlannedCharge, allowances_of, charges_of, price_days_of
from apps.rating.terms import Allowance, Grant, Terms


@dataclass(frozen=True, slots=True)
class PeriodTerms:
    """What one period of a contract costs.

    `charges` are those of the terms, with their meters. On each day of `changes_on` some price changes, so usage is told
    apart by the days between them; a charge in `only_since` counts that of the named parts alone.
    """

    period: Period
    terms: Terms
    charges: tuple[PlannedCharge, ...]
    changes_on: tuple[date, ...] = ()
    only_since: dict[str, frozenset[date]] = field(default_factory=dict)
    brought: Brought = forward.NOTHING
    # Whether units that are left come into later periods.
    is_carrying: bool = False
    # Each commitment over several periods, with its name in what is brought forward.
    long_commitments: dict[str, str] = field(default_factory=dict)

    @property
    def takes_forward(self) -> bool:
        """Tell whether what earlier periods left can make a difference to this one, or this one to later ones."""
        return self.is_carrying or bool(self.long_commitments)

    @property
    def parts(self) -> tuple[Period, ...]:
        """Return the parts of the period in which no price changes."""
        days = (self.period.starts_on, *self.changes_on, self.period.ends_on)
        return tuple(Period(first, end, self.period.timezone) for first, end in pairwise(days))


def calendar_period(contract: Contract, day: date) -> Period:
    """Return the whole billing period around a local day, as if the contract had always been and would never end."""
    return period_containing(
        day,
        first_on=contract.starts_on,
        anchor_day=contract.anchor_day,
        months=contract.billing_months,
        timezone=contract.timezone,
    )


def periods_of(contract: Contract, *, until: date) -> Iterator[Period]:
    """Yield the contract's billing periods in order, up to its end, or up to a day if it has none."""
    return periods_between(
        contract.starts_on,
        contract.ends_on or until,
        first_on=contract.starts_on,
        anchor_day=contract.anchor_day,
        months=contract.billing_months,
        timezone=contract.timezone,
    )


def next_period_on(contract: Contract, day: date) -> date:
    """Return the first local day from `day` on with which a whole billing period begins."""
    period = calendar_period(contract, day)
    return day if period.starts_on == day else period.ends_on


def period_on(contract: Contract, day: date) -> Period:
    """Return the part of the billing period around a local day that the contract covers.

    Where a contract was billed to an end inside of the period and runs on after all, the days since then are a period apart.
    """
    covered = calendar_period(contract, day).overlap(contract.starts_on, contract.ends_on)
    if covered is None or not contract.covers(day):
        raise OutsideTheTerm(contract.number, day)
    billed_until_on = contract.billed_until_on
    if billed_until_on is None or not covered.starts_on < billed_until_on < covered.ends_on:
        return covered
    first_on, end_on = (
        (covered.starts_on, billed_until_on) if day < billed_until_on else (billed_until_on, covered.ends_on)
    )
    return Period(first_on, end_on, covered.timezone)


def plan_version_on(contract: Contract, day: date) -> UUID:
    """Return the plan version that a local day of the contract is priced by."""
    return agreed(contract).plan_version_on(day, contract.plan_version_id)


def terms_in(
    contract: Contract,
    period: Period,
    *,
    brought: Brought = forward.NOTHING,
    grants: Sequence[Grant] = (),
    through: int | None = None,
) -> PeriodTerms:
    """Return what the contract's usage in `period` costs, with what earlier periods left and the grants that may pay.

    The rules, in the order in which the engine applies them, are told in docs/pricing.md. In a first or last period that is
    cut short, and where something changes inside of it, recurring fees are prorated by day of the whole period. One-time fees
    are due in the period in which their plan version begins to apply. With `through`, the terms are those that were known
    once the amendment of that number had been made.
    """
    whole = calendar_period(contract, period.starts_on)
    rows = agreed(contract, through=through)
    parts = segments.parts_of(contract, rows, period)
    charges, only_since = segments.merged(contract, rows, parts, period=period, whole=whole)
    taken_off = in_force(rows.discounts, period.starts_on)
    due, long_ones = commitments.due_in(
        contract,
        in_force(rows.commitments, period.starts_on),
        period,
        whole=whole,
        charges=charges,
        brought=brought,
    )
    return PeriodTerms(
        period=period,
        terms=Terms(
            currency=contract.plan_version.currency,
            period=whole,
            charges=tuple(planned.charge for planned in charges),
            allowances=(
                *_carried(charges, brought),
                *_shared(parts, charges, brought),
                *discounts.free_units(taken_off, charges, brought),
            ),
            discounts=discounts.off(taken_off, charges),
            commitments=due,
            grants=tuple(grants),
        ),
        charges=charges,
        changes_on=_changes_on(parts, period),
        only_since=only_since,
        brought=brought,
        is_carrying=_is_carrying(charges, parts, taken_off),
        long_commitments=long_ones,
    )


def _is_carrying(
    charges: Sequence[PlannedCharge], parts: Sequence[segments.Part], taken_off: Sequence[Discount]
) -> bool:
    limits = [one.carry_over_limit for one in charges]
    limits += [one.carry_over_limit for part in parts for one in allowances_of(part.plan_version_id)]
    return any(limits) or any(row.units is not None for row in taken_off)


def _carried(charges: Sequence[PlannedCharge], brought: Brought) -> list[Allowance]:
    """Return what is left of the included units of the period before, as far as they carry over."""
    carried = []
    for planned in charges:
        key = planned.charge.key
        if units := _carried_units(key, planned.carry_over_limit, brought):
            carried.append(
                Allowance(_carried_key(key), f"{planned.charge.name}, carried over", units, (key,))
            )
    return carried


def _shared(
    parts: Sequence[segments.Part], charges: Sequence[PlannedCharge], brought: Brought
) -> list[Allowance]:
    """Return the included units that several charges share, with what is left of those of the period before.

    Units that a change inside the period adds or drops count for all of it, as the last part that has them says.
    """
    versions = dict.fromkeys(part.plan_version_id for part in parts)
    sharing = {
        (one.allowance_key, one.charge.key)
        for version in versions
        for one in charges_of(version)
        if one.meter_id
    }
    allowances = {one.allowance.key: one for version in versions for one in allowances_of(version)}
    shared = []
    for planned in allowances.values():
        own = planned.allowance
        keys = tuple(
            one.charge.key
            for one in charges
            if (own.key, one.base_key) in sharing and discounts.takes_free_units(one)
        )
        if keys and (units := _carried_units(own.key, planned.carry_over_limit, brought)):
            shared.append(Allowance(_carried_key(own.key), f"{own.name}, carried over", units, keys))
        if keys:
            shared.append(Allowance(own.key, own.name, own.quantity, keys))
    return shared


def _carried_units(key: str, limit: Decimal | None, brought: Brought) -> Decimal:
    """Return how much comes into this period; what was itself carried in lasts as long as the limit leaves room for it."""
    if limit is None:
        return Decimal(0)
    nothing = Decimal(0)
    return min(brought.left.get(key, nothing) + brought.left.get(_carried_key(key), nothing), limit)


def _carried_key(key: str) -> str:
    return f"{key}:carried"


def _changes_on(parts: Sequence[segments.Part], period: Period) -> tuple[date, ...]:
    days = {part.starts_on for part in parts}
    for part in parts:
        days |= {day for day in price_days_of(part.plan_version_id) if part.starts_on <= day < part.ends_on}
    return tuple(sorted(days - {period.starts_on}))
