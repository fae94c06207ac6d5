"""Deriving anew, from stored events alone, what ingest and corrections wrote beside them. Writes nothing."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal, localcontext
from uuid import UUID

from apps.contracts.models import Contract
from apps.core.money import EXACT
from apps.plans.models import Meter
from apps.usage import levels, outcomes
from apps.usage.outcomes import OutcomeKey, Staged
from apps.usage.sql import DayKey
from apps.usage.totals import day_key, pointed, staged
from apps.usage.ways import Cell, Countable

Totals = dict[DayKey, tuple[Decimal, int]]
SeriesKey = tuple[str, str, str]


@dataclass(slots=True)
class Rebuilt:
    """Daily totals, and what the totals of some meters are drawn from; fed event by event.

    Dimension values are in the canonical writing of ingest.
    """

    days: dict[Cell, tuple[Decimal, int]] = field(default_factory=dict)
    latest: dict[Cell, tuple[datetime, Decimal]] = field(default_factory=dict)
    values: Counter[tuple[DayKey, str]] = field(default_factory=Counter)
    stages: dict[OutcomeKey, list[Staged]] = field(default_factory=dict)
    points: dict[SeriesKey, list[levels.Point]] = field(default_factory=dict)

    def add(self, one: Countable) -> None:
        """Add what an event feeds."""
        for cell, quantity in one.feeds:
            self._add(cell, Decimal(quantity))
        for cell, value in one.others:
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

    def totals(self, *, drawn_until: Mapping[SeriesKey, date]) -> Totals:
        """Return the daily totals; those of levels through the day until which each is drawn."""
        found: Totals = {day_key(cell): total for cell, total in self.days.items()}
        for (key, _), events in self.values.items():
            quantity, many = found.get(key, (Decimal(0), 0))
            found[key] = (quantity + 1, many + events)
        for stages in self.stages.values():
            for key, quantity in _billed(stages):
                before, many = found.get(key, (Decimal(0), 0))
                found[key] = (before + quantity, many + 1)
        for series, points in self.points.items():
            if series in drawn_until:
                found |= _drawn(series, points, drawn_until[series])
        return found

    def _add(self, cell: Cell, quantity: Decimal) -> None:
        so_far, events = self.days.get(cell, (Decimal(0), 0))
        with localcontext(EXACT):
            self.days[cell] = (so_far + quantity, events + 1)

    def _raise(self, cell: Cell, time: datetime, value: Decimal) -> None:
        is_latest = cell.measure.meter.aggregation == Meter.Aggregation.LATEST
        rank = (time if is_latest else datetime.min.replace(tzinfo=time.tzinfo), value)
        best = max(rank, self.latest.get(cell, rank))
        self.latest[cell] = best
        self.days[cell] = (best[1], self.days.get(cell, (Decimal(0), 0))[1] + 1)


def _billed(stages: Iterable[Staged]) -> list[tuple[DayKey, Decimal]]:
    ordered = sorted(stages, key=lambda stage: (stage.time, stage.key))
    return list(outcomes.by_day(outcomes.fold(ordered).billed).items())


def _drawn(series: SeriesKey, points: Iterable[levels.Point], through: date) -> Totals:
    customer_id, meter_id, dimensions = series
    ordered = sorted(points, key=lambda point: (point.time, point.key))
    contracts = Contract.objects.filter(customer_id=UUID(customer_id)).exclude(status="draft")
    return {
        (customer_id, str(contract.pk), meter_id, row.day.isoformat(), dimensions): (row.quantity, row.events)
        for contract in contracts
        for row in levels.days_of(
            contract, ordered[0].meter, [(p.time, Decimal(p.value)) for p in ordered], through_on=through
        )
    }
