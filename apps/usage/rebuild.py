"""Deriving anew, from stored events alone, what ingest and corrections wrote beside them. Writes nothing."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal, localcontext
from uuid import UUID

from apps.contracts.models import Contract
from apps.core.money import EXACT
from apps.core.periods import local_day
from apps.plans.models import Meter
from apps.usage import levels, outcomes
from apps.usage.measure import Value
from apps.usage.outcomes import Folded, OutcomeKey, Staged
from apps.usage.read_event import Quantity
from apps.usage.sql import DayKey
from apps.usage.totals import day_key, pointed, staged
from apps.usage.ways import Cell, Countable

Totals = dict[DayKey, tuple[Decimal, int]]
SeriesKey = tuple[str, str, str]
# A level under one contract.
DrawnKey = tuple[str, str, str, str]


@dataclass(slots=True)
class Rebuilt:
    """Daily totals, and what the totals of some meters are drawn from; fed event by event.

    Dimension values are in the canonical writing of ingest.
    """

    days: Totals = field(default_factory=dict)
    best: dict[DayKey, tuple[datetime, Decimal]] = field(default_factory=dict)
    values: Counter[tuple[DayKey, str]] = field(default_factory=Counter)
    stages: dict[OutcomeKey, list[Staged]] = field(default_factory=dict)
    points: dict[SeriesKey, list[levels.Point]] = field(default_factory=dict)

    def add(self, counted: Iterable[Countable]) -> None:
        """Add what events feed."""
        # Cells of other types of events, or of other pages, may name the same day: it is their keys that are added up.
        sums: dict[Cell, tuple[Quantity, int]] = {}
        with localcontext(EXACT):
            for one in counted:
                for cell, quantity in zip(one.cells, one.amounts, strict=True):
                    so_far, events = sums.get(cell, (0, 0))
                    sums[cell] = (so_far + quantity, events + 1)
                for cell, value in one.others:
                    self._add_other(one, cell, value)
            for cell, (total, events) in sums.items():
                before, many = self.days.get(day_key(cell), (Decimal(0), 0))
                self.days[day_key(cell)] = (before + total, many + events)

    def _add_other(self, one: Countable, cell: Cell, value: Value) -> None:
        meter = cell.measure.meter
        if meter.level:
            point = pointed((one, cell, value))
            self.points.setdefault((cell.customer_id, cell.meter_id, cell.dimensions), []).append(point)
        elif meter.aggregation == Meter.Aggregation.UNIQUE_COUNT:
            self.values[day_key(cell), str(value)] += 1
        elif meter.aggregation == Meter.Aggregation.OUTCOMES:
            stage = staged((one, cell, value))
            self.stages.setdefault(stage.outcome_key, []).append(stage)
        else:
            self._raise(cell, one.event.time, Decimal(str(value)))

    def totals(self, *, drawn_until: Mapping[DrawnKey, date], since_drawn: datetime | None = None) -> Totals:
        """Return the daily totals; those of levels through the days until which they are drawn.

        They must be drawn through the day of the last point, and that of an instant since when all levels were carried.
        """
        found = dict(self.days)
        for (key, _), events in self.values.items():
            quantity, many = found.get(key, (Decimal(0), 0))
            found[key] = (quantity + 1, many + events)
        for folded in self.outcomes().values():
            for key, quantity in outcomes.by_day(folded.billed).items():
                before, many = found.get(key, (Decimal(0), 0))
                found[key] = (before + quantity, many + 1)
        for series, points in self.points.items():
            found |= _drawn(series, points, drawn_until, since_drawn)
        return found

    def outcomes(self) -> dict[OutcomeKey, Folded]:
        """Return what has become of each outcome."""
        return {
            key: outcomes.fold(sorted(stages, key=lambda stage: (stage.time, stage.key)))
            for key, stages in self.stages.items()
        }

    def _raise(self, cell: Cell, time: datetime, value: Decimal) -> None:
        key = day_key(cell)
        is_latest = cell.measure.meter.aggregation == Meter.Aggregation.LATEST
        rank = (time if is_latest else datetime.min.replace(tzinfo=time.tzinfo), value)
        self.best[key] = max(rank, self.best.get(key, rank))
        self.days[key] = (self.best[key][1], self.days.get(key, (Decimal(0), 0))[1] + 1)


def _drawn(
    series: SeriesKey,
    points: Iterable[levels.Point],
    drawn_until: Mapping[DrawnKey, date],
    since_drawn: datetime | None,
) -> Totals:
    customer_id, meter_id, dimensions = series
    ordered = sorted(points, key=lambda point: (point.time, point.key))
    said = [(point.time, Decimal(point.value)) for point in ordered]
    must_be = max(ordered[-1].time, since_drawn or ordered[-1].time)
    contracts = Contract.objects.filter(customer_id=UUID(customer_id)).exclude(status="draft")
    return {
        (customer_id, str(contract.pk), meter_id, row.day.isoformat(), dimensions): (row.quantity, row.events)
        for contract in contracts
        for row in levels.days_of(
            contract,
            ordered[0].meter,
            said,
            through_on=max(
                local_day(must_be, contract.timezone),
                drawn_until.get((*series, str(contract.pk)), date.min),
            ),
        )
    }
