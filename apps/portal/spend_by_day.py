"""What each day's usage cost: the period rated up to each day's end, less what it came to the day before.

Tiers and allowances run on through the period, so a day has no price of its own; these differences are exact, and add
up to the period's lines. Only of charges that are priced event by event does it know no more than each day's sum.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import chain, groupby
from uuid import UUID

from apps.contracts.models import Contract
from apps.core import formats
from apps.core.charts import Chart, Series, largest
from apps.core.periods import Period
from apps.invoices.billing import terms_of
from apps.plans.queries import PlannedCharge
from apps.rating.engine import rate
from apps.rating.lines import Line
from apps.rating.terms import ChargeKind
from apps.usage.combine import Total, across_days, as_usage, part_of
from apps.usage.queries import UsageRow, as_total


def spend_chart(
    *,
    contract: Contract,
    period: Period,
    charges: Sequence[PlannedCharge],
    rows: Sequence[UsageRow],
    today: date,
    credit_unit: str,
    locale: str,
) -> Chart:
    """Return the chart of usage spend by day and charge; in `credit_unit` where all usage is priced in credits."""
    in_credits = bool(credit_unit)
    usage_charges = [planned for planned in charges if planned.charge.kind is ChargeKind.USAGE]
    days = [day for day in _days(period) if day <= today]
    amounts = _amounts(contract, period, usage_charges, rows, in_credits=in_credits)
    series = [
        Series(
            planned.charge.name,
            tuple(amounts.get((day, planned.charge.key), Decimal(0)) for day in days),
            slot,
        )
        for slot, planned in enumerate(usage_charges)
    ]
    return Chart(
        key="spend",
        question="What did each day's usage cost?",
        labels=tuple(formats.format_short_day(day, locale) for day in days),
        titles=tuple(formats.format_day(day, locale) for day in days),
        series=largest([one for one in series if any(one.values)] or series),
        locale=locale,
        format="short" if in_credits else "money",
        currency="" if in_credits else contract.plan_version.currency,
        unit=credit_unit,
        note=credit_unit.capitalize() if in_credits else f"{contract.plan_version.currency}, fees left out",
        when_empty="No usage has cost anything in this period yet.",
    )


def _amounts(
    contract: Contract,
    period: Period,
    charges: Sequence[PlannedCharge],
    rows: Sequence[UsageRow],
    *,
    in_credits: bool,
) -> dict[tuple[date, str], Decimal]:
    terms = terms_of(contract, period)
    parts = [part.starts_on for part in terms.parts]
    metered = {planned.meter_key: planned for planned in charges}
    used: dict[tuple[UUID, date], list[Total]] = {}
    before: dict[str, Decimal] = {}
    amounts: dict[tuple[date, str], Decimal] = {}
    for day, of_day in groupby(rows, key=_day):
        for row in of_day:
            if row.meter_key in metered:
                _add(used, row, metered[row.meter_key], part_of(day, parts))
        rated = rate(terms.terms, as_usage(terms, chain(*used.values())))
        after = _by_charge(rated.lines, in_credits=in_credits)
        for charge, amount in after.items():
            amounts[day, charge] = amount - before.get(charge, Decimal(0))
        before = after
    return amounts


def _by_charge(lines: Sequence[Line], *, in_credits: bool) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = {}
    for line in lines:
        # A discount or a true-up is no charge's own.
        if line.charge is None:
            continue
        amount = (line.credits or Decimal(0)) if in_credits else line.amount.amount
        sums[line.charge] = sums.get(line.charge, Decimal(0)) + amount
    return sums


def _add(
    used: dict[tuple[UUID, date], list[Total]], row: UsageRow, planned: PlannedCharge, since: date
) -> None:
    """Join a row with what was used so far, so that pricing a day costs the same at the month's end as at its start."""
    if planned.meter_id is not None:
        so_far = used.get((planned.meter_id, since), [])
        total = replace(as_total(row, planned.meter_id), since=since)
        used[planned.meter_id, since] = across_days([*so_far, total], planned.aggregation)


def _day(row: UsageRow) -> date:
    assert row.day is not None
    return row.day


def _days(period: Period) -> list[date]:
    return [date.fromordinal(period.starts_on.toordinal() + place) for place in range(period.days)]
