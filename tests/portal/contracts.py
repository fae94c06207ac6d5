"""Contracts over calls that are added up, so that one event may carry thousands."""

from collections.abc import Sequence
from datetime import date

from apps.contracts.models import Contract
from apps.customers.models import Customer
from apps.plans.compose import NewCharge
from apps.plans.models import Meter
from tests.builders import make_contract, make_meter, make_plan_version, usage_charge


def make_call_contract(
    customer: Customer,
    charges: Sequence[NewCharge] = (),
    *,
    dimensions: Sequence[str] = (),
    starts_on: date = date(2026, 10, 1),
    timezone: str = "UTC",
) -> Contract:
    """Sell calls at 0.01, or at these charges."""
    make_meter(aggregation=Meter.Aggregation.SUM, dimensions=dimensions)
    version = make_plan_version(charges or [usage_charge()])
    return make_contract(customer, version, starts_on=starts_on, timezone=timezone)
