"""A contract's billing periods, and its terms as the pricing engine takes them."""

from collections.abc import Sequence
from datetime import date

from apps.contracts.errors import OutsideTheTerm
from apps.contracts.models import Contract
from apps.core.periods import Period, period_containing
from apps.plans import queries
from apps.rating.terms import ChargeKind, Grant, Terms


def calendar_period(contract: Contract, day: date) -> Period:
    """Return the whole billing period around a local day, as if the contract had always been and would never end."""
    return period_containing(
        day,
        first_on=contract.starts_on,
        anchor_day=contract.anchor_day,
        months=contract.billing_months,
        timezone=contract.timezone,
    )


def period_on(contract: Contract, day: date) -> Period:
    """Return the part of the billing period around a local day that the contract covers."""
    covered = calendar_period(contract, day).overlap(contract.starts_on, contract.ends_on)
    if covered is None or not contract.covers(day):
        raise OutsideTheTerm(contract.number, day)
    return covered


def terms_for(contract: Contract, period: Period, *, grants: Sequence[Grant] = ()) -> Terms:
    """Return what the contract's usage in `period` costs, with the credit grants that may pay for it.

    In a first or last period that is cut short, recurring fees are prorated by day of the whole period. One-time fees are due
    in the first period alone.
    """
    whole = calendar_period(contract, period.starts_on)
    return Terms(
        currency=contract.plan_version.currency,
        period=whole,
        charges=tuple(
            queries.active_in(planned.charge, period, whole)
            for planned in queries.charges_of(contract.plan_version_id)
            if planned.charge.kind is not ChargeKind.ONE_TIME or period.starts_on == contract.starts_on
        ),
        grants=tuple(grants),
    )
