"""What a contract brings in a year, as far as it is agreed: its fees and what is committed."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from apps.contracts.agreed import agreed, in_force
from apps.contracts.models import Commitment, Contract
from apps.contracts.terms import next_period_on
from apps.core.money import Money, rounded_to_minor_unit
from apps.plans.queries import charges_of
from apps.rating.terms import ChargeKind, Fee

_MONTHS = 12


@dataclass(frozen=True, slots=True)
class Worth:
    """A year's fees, and the most that a commitment asks for in a year; usage beyond is not in it."""

    fees: Money
    committed: Money


def worth_of(contract: Contract, day: date) -> Worth:
    """Return what the contract brings in a year at what is agreed on a local day."""
    currency = contract.plan_version.currency
    rows = agreed(contract)
    seats = rows.seats_on(day)
    fees = sum(
        (
            price.amount * seats.get(planned.charge.key, price.quantity)
            for planned in charges_of(rows.plan_version_on(day, contract.plan_version_id))
            if planned.charge.kind is ChargeKind.RECURRING and isinstance(price := planned.charge.price, Fee)
        ),
        Decimal(0),
    )
    committed = sum((_a_year(contract, row) for row in in_force(rows.commitments, day)), Fraction(0))
    return Worth(
        fees=_money(Fraction(fees) * _MONTHS / contract.billing_months, currency),
        committed=_money(committed, currency),
    )


def _a_year(contract: Contract, row: Commitment) -> Fraction:
    if row.per == Commitment.Per.PERIOD:
        return Fraction(row.amount) * _MONTHS / contract.billing_months
    # A period counts towards one commitment as a whole, so it stands for the months of those that begin in its days.
    first, end = next_period_on(contract, row.starts_on), next_period_on(contract, row.ends_on)
    months = max((end.year - first.year) * _MONTHS + end.month - first.month, 1)
    return Fraction(row.amount) * _MONTHS / months


def _money(exact: Fraction, currency: str) -> Money:
    return Money(rounded_to_minor_unit(exact, currency), currency)
