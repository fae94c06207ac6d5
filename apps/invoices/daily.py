"""The usage of each day: the small charts of an invoice, and the tables of the pages that follow it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import reduce
from typing import Any

from apps.core.formats import NO_BREAK, format_short
from apps.core.money import EXACT
from apps.invoices.figures import Figures
from apps.invoices.models import Invoice

_ONE_DAY = timedelta(days=1)
# So many columns fit beside the day.
_MOST_METERS = 6
_ABREAST, _EVEN = 3, 4
_NOT_ADDED = "\N{EN DASH}"


@dataclass(frozen=True, slots=True)
class Chart:
    """The daily quantities of one meter, the so-manieth of the document; `most` names the busiest day's."""

    place: int
    name: str
    total: str
    most: str
    first: str
    last: str
    quantities: tuple[Decimal, ...]


@dataclass(frozen=True, slots=True)
class Meter:
    """A column: what is counted, in which unit, and the sum of its days, if they add up to what was rated."""

    name: str
    unit: str
    total: str
    chart: Chart


@dataclass(frozen=True, slots=True)
class Table:
    """The days with usage, each with the quantities of some meters, as many as fit side by side."""

    meters: tuple[Meter, ...]
    days: tuple[tuple[str, tuple[str, ...]], ...]

    @property
    def is_added(self) -> bool:
        """Tell whether each column has a sum."""
        return all(meter.total != _NOT_ADDED for meter in self.meters)

    @property
    def rows_of_charts(self) -> tuple[tuple[Chart, ...], ...]:
        """Return the charts as they stand above the table: at most three side by side, four as two and two."""
        charts = tuple(meter.chart for meter in self.meters)
        abreast = 2 if len(charts) == _EVEN else _ABREAST
        return tuple(charts[first : first + abreast] for first in range(0, len(charts), abreast))


def tables_of(invoice: Invoice, figures: Figures) -> tuple[Table, ...]:
    """Return each day with usage and what was used of each meter on it; no table where nothing was used."""
    used = [
        (days, quantities)
        for days in invoice.snapshot.get("days", ())
        if any(quantities := _quantities(days["quantities"], invoice))
    ]
    period = [invoice.period_start_on + place * _ONE_DAY for place in range(_length(invoice))]
    return tuple(
        _table(used[first : first + _MOST_METERS], first, period, invoice, figures)
        for first in range(0, len(used), _MOST_METERS)
    )


def _table(
    used: Sequence[tuple[Mapping[str, Any], tuple[Decimal, ...]]],
    first: int,
    period: Sequence[date],
    invoice: Invoice,
    figures: Figures,
) -> Table:
    return Table(
        meters=tuple(
            Meter(
                name=days["name"],
                unit=days["unit"],
                total=_total(days["meter"], quantities, invoice, figures),
                chart=_chart(place, days, quantities, invoice, figures),
            )
            for place, (days, quantities) in enumerate(used, start=first)
        ),
        days=tuple(
            (figures.short_day(day), tuple(map(figures.quantity, of_day)))
            for day, *of_day in zip(period, *(quantities for _, quantities in used), strict=True)
            if any(of_day)
        ),
    )


def _total(meter: str, quantities: Sequence[Decimal], invoice: Invoice, figures: Figures) -> str:
    """Write the sum of the days where it is what was rated: not so for a meter of different things, or of a level."""
    usage = invoice.snapshot.get("usage", ())
    rated = _sum(Decimal(row["quantity"]) for row in usage if row["meter"] == meter)
    total = _sum(quantities)
    return figures.quantity(total) if total == rated else _NOT_ADDED


def _chart(
    place: int, days: Mapping[str, Any], quantities: tuple[Decimal, ...], invoice: Invoice, figures: Figures
) -> Chart:
    return Chart(
        place=place,
        name=days["name"],
        total=f"{format_short(_sum(quantities), figures.locale)}{NO_BREAK}{days['unit']}",
        most=figures.words.usage_most.format(quantity=format_short(max(quantities), figures.locale)),
        first=figures.short_day(invoice.period_start_on),
        last=figures.short_day(invoice.period_end_on - _ONE_DAY),
        quantities=quantities,
    )


def _sum(quantities: Iterable[Decimal]) -> Decimal:
    return reduce(EXACT.add, quantities, Decimal(0))


def _quantities(of_days: Mapping[str, str], invoice: Invoice) -> tuple[Decimal, ...]:
    of_day = {date.fromisoformat(day): Decimal(quantity) for day, quantity in of_days.items()}
    return tuple(
        of_day.get(invoice.period_start_on + place * _ONE_DAY, Decimal(0))
        for place in range(_length(invoice))
    )


def _length(invoice: Invoice) -> int:
    return (invoice.period_end_on - invoice.period_start_on).days
