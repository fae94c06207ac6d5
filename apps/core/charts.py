"""Charts as pages hand them to static/js/charts.js, with the same figures as a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from apps.core import formats
from apps.core.money import Money

MOST_SERIES = 5


@dataclass(frozen=True, slots=True)
class Series:
    """One name's values, a value a label; `slot` picks its color, so that it has the same one on every page.

    What is an estimate is drawn dashed; a count is one also in a chart of money.
    """

    name: str
    values: tuple[Decimal, ...]
    slot: int | None = None
    other: bool = False
    is_estimate: bool = False
    is_count: bool = False

    @property
    def total(self) -> Decimal:
        """Return the sum of the values."""
        return sum(self.values, Decimal(0))


@dataclass(frozen=True, slots=True)
class Row:
    """The values at one label, as they are read in the table; `link` leads to what they are made of."""

    title: str
    cells: tuple[str, ...]
    link: str = ""


@dataclass(frozen=True, slots=True)
class Span:
    """Between which values the sum at one label lies, as far as it is an estimate."""

    place: int
    low: Decimal
    high: Decimal


@dataclass(frozen=True, slots=True)
class Chart:
    """A question and the series that answer it; money needs `currency`, a quantity its `unit`.

    `beside` stands in the table alone, after the total: what does not add up with the others, such as where they begin and end.
    `links` lead from each row of the table to what it is made of, `files` to the table as a file, by the kind of file.
    """

    key: str
    question: str
    labels: tuple[str, ...]
    series: tuple[Series, ...]
    locale: str
    titles: tuple[str, ...] = ()
    format: Literal["money", "short", "count"] = "short"
    currency: str = ""
    unit: str = ""
    kind: Literal["bar", "line"] = "bar"
    stacked: bool = True
    note: str = ""
    label_name: str = "Day"
    when_empty: str = "Nothing yet."
    # Rates do not: their table has no last row.
    adds_up: bool = True
    span: Span | None = None
    beside: tuple[Series, ...] = ()
    links: tuple[str, ...] = ()
    files: tuple[tuple[str, str], ...] = ()
    total_name: str = "Total"
    # Series that are set beside each other have no sum.
    sums_rows: bool = True

    @property
    def is_empty(self) -> bool:
        """Tell whether there is nothing to draw."""
        return not any(value for one in self.series for value in one.values)

    @property
    def data_key(self) -> str:
        """Return the id of the element that holds the data."""
        return f"{self.key}-data"

    @property
    def data(self) -> dict[str, object]:
        """Return what charts.js reads; values are decimal strings, so that no digit is lost."""
        return {
            "type": self.kind,
            "stacked": self.stacked,
            "labels": self.labels,
            "titles": self.titles or self.labels,
            "format": self.format,
            "currency": self.currency,
            "unit": self.unit,
            "totals": [f"{total:f}" for total in self._sums()],
            "series": [
                {
                    "name": one.name,
                    "values": [f"{value:f}" for value in one.values],
                    "slot": one.slot,
                    "other": one.other,
                    "estimate": one.is_estimate,
                }
                for one in self.series
            ],
            "span": self.span
            and {
                "place": self.span.place,
                "low": f"{self.span.low:f}",
                "high": f"{self.span.high:f}",
            },
        }

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the heads of the table's columns; currency or unit stand there, once."""
        measure = self.currency or self.unit
        beside = tuple(one.name for one in self.beside)
        if len(self.series) == 1:
            return (f"{self.series[0].name}, {measure}" if measure else self.series[0].name, *beside)
        if not self.sums_rows:
            return (*(f"{one.name}, {measure}" for one in self.series), *beside)
        total = f"{self.total_name}, {measure}" if measure else self.total_name
        return (*(one.name for one in self.series), total, *beside)

    @property
    def rows(self) -> list[Row]:
        """Return the table's rows, one a label."""
        titles = self.titles or self.labels
        return [
            Row(
                title,
                (
                    *self._cells([one.values[place] for one in self.series]),
                    *(self._beside(one, place) for one in self.beside),
                ),
                self.links[place] if self.links else "",
            )
            for place, title in enumerate(titles)
        ]

    @property
    def totals(self) -> tuple[str, ...]:
        """Return the table's last row; what stands beside the total does not add up."""
        return (*self._cells([one.total for one in self.series]), *("" for _ in self.beside))

    def _cells(self, values: Sequence[Decimal]) -> tuple[str, ...]:
        cells = [*values, sum(values, Decimal(0))] if len(values) > 1 and self.sums_rows else values
        return tuple(self._written(value) for value in cells)

    def _beside(self, one: Series, place: int) -> str:
        value = one.values[place]
        return formats.format_quantity(value, self.locale) if one.is_count else self._written(value)

    def _written(self, value: Decimal) -> str:
        if self.format == "money":
            return formats.format_amount(Money(value, self.currency), self.locale)
        return formats.format_quantity(value, self.locale)

    def _sums(self) -> list[Decimal]:
        return [
            sum((one.values[place] for one in self.series), Decimal(0)) for place in range(len(self.labels))
        ]


def largest(series: Sequence[Series], *, most: int = MOST_SERIES) -> tuple[Series, ...]:
    """Return the `most` largest series in their given order, and the rest added up as "Other"."""
    kept = sorted(series, key=lambda one: one.total, reverse=True)[:most]
    rest = [one for one in series if one not in kept]
    if not rest:
        return tuple(series)
    values = tuple(sum(at_label, Decimal(0)) for at_label in zip(*(one.values for one in rest), strict=True))
    return (*(one for one in series if one in kept), Series("Other", values, other=True))
