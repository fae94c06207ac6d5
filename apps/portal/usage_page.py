"""The page that answers: how much of a meter was used, when, and by what?"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from io import StringIO
from uuid import UUID

from django.http import QueryDict

from apps.contracts import queries as contracts
from apps.contracts.models import Contract
from apps.contracts.terms import period_on
from apps.core import formats
from apps.core.charts import Chart, Series, largest
from apps.core.periods import Period, local_day, period_containing
from apps.core.spreadsheets import as_text
from apps.portal import queries, ranges
from apps.portal.queries import MeterRow
from apps.portal.ranges import ONE_DAY, DayRange
from apps.usage.queries import usage_rows


@dataclass(frozen=True, slots=True)
class Chip:
    """A choice, and the address that makes it."""

    text: str
    query: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class DayRow:
    """One day's quantity for one value of the dimension; without a dimension the value is empty."""

    day: date
    value: str
    quantity: Decimal
    events: int


@dataclass(frozen=True, slots=True)
class ValueRow:
    """One value of the dimension: its quantity over all days, and its share of the whole where values add up."""

    value: str
    quantity: Decimal
    share: Decimal
    events: int


@dataclass(frozen=True, slots=True)
class UsagePage:
    """Everything that the page shows; `meter` is None for a customer who has used nothing yet."""

    timezone: str
    days: DayRange
    meter: MeterRow | None
    dimension: str
    meter_chips: tuple[Chip, ...]
    dimension_chips: tuple[Chip, ...]
    range_chips: tuple[Chip, ...]
    rows: tuple[ValueRow, ...]
    total: Decimal
    events: int
    before: Decimal
    chart: Chart | None
    by_day: tuple[DayRow, ...]
    query: str

    @property
    def events_total(self) -> Decimal:
        """Return how many events were counted, as a figure."""
        return Decimal(self.events)

    @property
    def dimension_name(self) -> str:
        """Return the dimension as a word."""
        return self.dimension.replace("_", " ").capitalize()


def usage_page(*, customer_id: UUID, asked: Mapping[str, str], at: datetime, locale: str) -> UsagePage:
    """Return the usage page for what its address asks: meter, `by` a dimension, and days.

    Takes seven queries at most, however much was used, and twelve of a meter that counts different values.
    """
    timezone, this, last, today = _calendar(customer_id, at)
    days = ranges.chosen(asked, this=this, last=last, today=today)
    meters = queries.meters_used(customer_id=customer_id)
    meter = next((meter for meter in meters if meter.key == asked.get("meter")), next(iter(meters), None))
    dimension = _dimension(meter, asked)
    by_day: tuple[DayRow, ...] = ()
    rows: tuple[ValueRow, ...] = ()
    total, before, chart = Decimal(0), Decimal(0), None
    if meter is not None:
        by_day = _by_day(customer_id, meter, days, dimension)
        total = _whole(customer_id, meter, days)
        before = _whole(customer_id, meter, days.before)
        rows = _value_rows(customer_id, meter, days, dimension, total)
        # Values that do not add up are no parts of a bar.
        if dimension and meter.values_add_up:
            values = queries.dimension_values(customer_id=customer_id, meter_id=meter.id, dimension=dimension)
            chart = _chart(meter, days, by_day, values, locale)
        else:
            whole = _by_day(customer_id, meter, days, "") if dimension else by_day
            chart = _chart(meter, days, whole, (), locale)
    state = _state(meter, dimension, days)
    return UsagePage(
        timezone=timezone,
        days=days,
        meter=meter,
        dimension=dimension,
        meter_chips=tuple(_chip(one.name, state | {"meter": one.key}, one == meter) for one in meters),
        dimension_chips=_dimension_chips(meter, dimension, state),
        range_chips=_range_chips(days, state, has_last=last is not None),
        rows=rows,
        total=total,
        events=sum(row.events for row in by_day),
        before=before,
        chart=chart,
        by_day=by_day,
        query=_query(state),
    )


def as_csv(page: UsagePage) -> str:
    """Return the page's days and values, quantities exact; where they add up, the sum is the page's total."""
    text = StringIO()
    out = csv.writer(text)
    measure = page.meter
    if measure is None:
        out.writerow(["day", "quantity"])
        return text.getvalue()
    heads = ["day", "meter", *([as_text(page.dimension)] if page.dimension else []), "quantity", "unit"]
    out.writerow(heads)
    for row in page.by_day:
        value = [as_text(row.value)] if page.dimension else []
        quantity = f"{formats.plain(row.quantity):f}"
        out.writerow([row.day.isoformat(), as_text(measure.name), *value, quantity, as_text(measure.unit)])
    return text.getvalue()


def _calendar(customer_id: UUID, at: datetime) -> tuple[str, Period, Period | None, date]:
    """Return time zone, present period, the one before and today, by the customer's newest contract."""
    signed = list(contracts.live(customer_ids=[customer_id]).order_by("-starts_on"))
    if not signed:
        today = local_day(at, "UTC")
        return "UTC", _month(today, "UTC"), None, today
    zone = signed[0].timezone
    today = local_day(at, zone)
    this = _period(signed, today) or _month(today, zone)
    return zone, this, _period(signed, this.starts_on - ONE_DAY), today


def _period(signed: list[Contract], day: date) -> Period | None:
    return next((period_on(contract, day) for contract in signed if contract.covers(day)), None)


def _month(day: date, timezone: str) -> Period:
    return period_containing(day, first_on=day.replace(day=1), anchor_day=1, months=1, timezone=timezone)


def _by_day(customer_id: UUID, meter: MeterRow, days: DayRange, dimension: str) -> tuple[DayRow, ...]:
    found = usage_rows(
        customer_id=customer_id,
        start=days.start,
        end=days.end,
        meter_key=meter.key,
        by_day=True,
        dimensions=[dimension] if dimension else [],
    )
    return tuple(
        DayRow(row.day, row.dimensions.get(dimension, ""), row.quantity, row.events)
        for row in found
        if row.day
    )


def _dimension(meter: MeterRow | None, asked: Mapping[str, str]) -> str:
    dimensions = meter.dimensions if meter else ()
    return asked.get("by", "") if asked.get("by") in dimensions else next(iter(dimensions), "")


def _chart(
    meter: MeterRow, days: DayRange, by_day: tuple[DayRow, ...], values: tuple[str, ...], locale: str
) -> Chart:
    of = {(row.day, row.value): row.quantity for row in by_day}
    used = {row.value for row in by_day}
    series = [
        Series(value or "Not given", tuple(of.get((day, value), Decimal(0)) for day in days.days), slot=slot)
        for slot, value in enumerate(values)
        if value in used
    ] or [Series(meter.name, tuple(of.get((day, ""), Decimal(0)) for day in days.days), slot=0)]
    return Chart(
        key="usage",
        question="On which days was it used?",
        labels=tuple(formats.format_short_day(day, locale) for day in days.days),
        titles=tuple(formats.format_day(day, locale) for day in days.days),
        series=largest(series),
        locale=locale,
        unit=meter.unit,
        note=meter.unit.capitalize(),
        when_empty="Nothing was counted in these days.",
        adds_up=meter.days_add_up,
    )


def _whole(customer_id: UUID, meter: MeterRow, days: DayRange) -> Decimal:
    """Return what the days come to by the meter's own rule, as on the bill."""
    found = usage_rows(customer_id=customer_id, start=days.start, end=days.end, meter_key=meter.key)
    return found[0].quantity if found else Decimal(0)


def _value_rows(
    customer_id: UUID, meter: MeterRow, days: DayRange, dimension: str, total: Decimal
) -> tuple[ValueRow, ...]:
    """Return the values of the dimension, the largest first; none without a dimension."""
    if not dimension:
        return ()
    found = usage_rows(
        customer_id=customer_id,
        start=days.start,
        end=days.end,
        meter_key=meter.key,
        dimensions=[dimension],
    )
    rows = [
        ValueRow(
            row.dimensions.get(dimension, ""),
            row.quantity,
            row.quantity / total if total else Decimal(0),
            row.events,
        )
        for row in found
    ]
    return tuple(sorted(rows, key=lambda row: (-row.quantity, row.value)))


def _state(meter: MeterRow | None, dimension: str, days: DayRange) -> dict[str, str]:
    state = {"meter": meter.key} if meter else {}
    if dimension:
        state["by"] = dimension
    if days.choice:
        return state | {"range": days.choice}
    return state | {"from": days.start.isoformat(), "to": days.last.isoformat()}


def _dimension_chips(meter: MeterRow | None, dimension: str, state: dict[str, str]) -> tuple[Chip, ...]:
    names = meter.dimensions if meter and len(meter.dimensions) > 1 else ()
    return tuple(
        _chip(name.replace("_", " ").capitalize(), state | {"by": name}, name == dimension) for name in names
    )


def _range_chips(days: DayRange, state: dict[str, str], *, has_last: bool) -> tuple[Chip, ...]:
    kept = {key: value for key, value in state.items() if key in {"meter", "by"}}
    return tuple(
        _chip(text, kept | {"range": choice}, choice == days.choice)
        for choice, text in ranges.CHOICES
        if choice != "last" or has_last
    )


def _chip(text: str, state: Mapping[str, str], chosen: bool) -> Chip:  # noqa: FBT001
    return Chip(text, _query(state), chosen)


def _query(state: Mapping[str, str]) -> str:
    query = QueryDict(mutable=True)
    query.update(state)
    return query.urlencode()
