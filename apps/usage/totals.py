"""Writing the daily totals: what counted events add to them, and what voided ones take away again."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from decimal import Decimal, localcontext

from apps.core import db
from apps.core.money import EXACT
from apps.plans.models import Meter
from apps.usage import levels, outcomes, sql
from apps.usage.measure import Stage
from apps.usage.read_event import Quantity
from apps.usage.sql import DayKey
from apps.usage.ways import Cell, Countable

Rows = list[tuple[DayKey, Quantity, int]]
# An event with what it feeds to one meter.
Fed = tuple[Countable, Cell, object]


def add(counted: Collection[Countable], *, at: datetime) -> None:
    """Add what the events feed to the totals of their days. A step.

    Callers of the same customer wait for each other here until the commit, so it comes last in a transaction.
    """
    db.require_transaction()
    rows = _summed(counted)
    others = _others(counted)
    changed = outcomes.NOTHING
    if others:
        _raise(others, at=at)
        rows += _add_values(others)
        changed = outcomes.add([staged(fed) for fed in _fed_to(others, _is_outcome)], at=at)
        rows += changed.added
        _take_away(changed.taken)
    if rows:
        sql.add_to_days(_merged(rows), at=at)
    if others:
        levels.add([pointed(fed) for fed in _fed_to(others, _is_level)], at=at)
    _mark_late(counted, changed, at=at)


def take_off(voided: Collection[Countable], *, at: datetime) -> None:
    """Take what the events fed from the totals of their days. A step; the events are noted as voided before."""
    db.require_transaction()
    rows = _summed(voided)
    others = _others(voided)
    rows += [(key, 1, 0) for key in _gone_values(others)]
    changed = outcomes.take_off([staged(fed) for fed in _fed_to(others, _is_outcome)], at=at)
    if changed.added:
        sql.add_to_days(_merged(changed.added), at=at)
    _take_away([*rows, *changed.taken, *_counts(others, _has_values)])
    levels.take_off([pointed(fed) for fed in _fed_to(others, _is_level)], at=at)
    _mark_late(voided, changed, at=at)


def day_key(cell: Cell) -> DayKey:
    """Return what names the cell's daily total."""
    return (cell.customer_id, cell.contract_id, cell.meter_id, cell.day.isoformat(), cell.dimensions)


def is_highest_or_latest(cell: Cell) -> bool:
    """Tell whether the cell's total is one of its events' values, so that it cannot be had by subtraction."""
    meter = cell.measure.meter
    return not meter.level and meter.aggregation in {Meter.Aggregation.MAX, Meter.Aggregation.LATEST}


def _summed(counted: Iterable[Countable]) -> Rows:
    """Add up, exactly, what is added up, by the days and dimension values of each meter."""
    amounts: dict[tuple[Cell, ...], list[tuple[Quantity, ...]]] = {}
    for one in counted:
        found = amounts.get(one.cells)
        if found is None:
            amounts[one.cells] = [one.amounts]
        else:
            found.append(one.amounts)
    sums: dict[Cell, tuple[Quantity, int]] = {}
    with localcontext(EXACT):
        for cells, rows in amounts.items():
            for cell, column in zip(cells, zip(*rows, strict=True), strict=True):
                before, events = sums.get(cell, (0, 0))
                sums[cell] = (before + sum(column), events + len(column))
    return [(day_key(cell), total, events) for cell, (total, events) in sums.items()]


def _merged(rows: Rows) -> Rows:
    """Add up rows of the same key, and sort them."""
    merged: dict[DayKey, tuple[Quantity, int]] = {}
    with localcontext(EXACT):
        for key, quantity, events in rows:
            before, many = merged.get(key, (0, 0))
            merged[key] = (before + quantity, many + events)
    return [(key, *merged[key]) for key in sorted(merged)]


def _take_away(rows: Rows) -> None:
    if rows:
        sql.take_from_days(_merged(rows))


def _others(counted: Iterable[Countable]) -> list[Fed]:
    return [(one, cell, value) for one in counted for cell, value in one.others]


def _fed_to(others: Iterable[Fed], belongs: Callable[[Cell], bool]) -> list[Fed]:
    return [fed for fed in others if belongs(fed[1])]


def _is_level(cell: Cell) -> bool:
    return bool(cell.measure.meter.level)


def _is_outcome(cell: Cell) -> bool:
    return cell.measure.meter.aggregation == Meter.Aggregation.OUTCOMES


def _has_values(cell: Cell) -> bool:
    return cell.measure.meter.aggregation == Meter.Aggregation.UNIQUE_COUNT


def _raise(others: Iterable[Fed], *, at: datetime) -> None:
    """Raise the highest, and the latest, values of days."""
    # By what names the total: an alias of the type leads to it by cells of its own.
    best: dict[DayKey, tuple[tuple[str, Decimal], int]] = {}
    for one, cell, value in _fed_to(others, is_highest_or_latest):
        is_latest = cell.measure.meter.aggregation == Meter.Aggregation.LATEST
        rank = (one.event.written_time if is_latest else "", Decimal(str(value)))
        key = day_key(cell)
        before, events = best.get(key, (rank, 0))
        best[key] = (max(rank, before), events + 1)
    rows = [(key, value, events, time or None) for key, ((time, value), events) in best.items()]
    if rows:
        sql.raise_days(sorted(rows), at=at)


def _add_values(others: Iterable[Fed]) -> Rows:
    """Add the different values, and return how many are new on which days."""
    rows = _value_rows(others)
    new = sql.add_values(rows) if rows else []
    return [*[(key, 1, 0) for key in new], *_counts(others, _has_values)]


def _gone_values(others: Iterable[Fed]) -> list[DayKey]:
    rows = _value_rows(others)
    return sql.take_values(rows) if rows else []


def _value_rows(others: Iterable[Fed]) -> list[tuple[DayKey, str, int]]:
    counts = Counter((day_key(cell), str(value)) for _, cell, value in _fed_to(others, _has_values))
    return [(key, value, events) for (key, value), events in sorted(counts.items())]


def _counts(others: Iterable[Fed], belongs: Callable[[Cell], bool]) -> Rows:
    events = Counter(day_key(cell) for _, cell, _ in _fed_to(others, belongs))
    return [(key, 0, many) for key, many in events.items()]


def pointed(fed: Fed) -> levels.Point:
    """Return what an event said of a level."""
    one, cell, value = fed
    assert isinstance(value, int | Decimal)
    return levels.Point(
        cell.customer_id,
        cell.measure.meter,
        cell.dimensions,
        one.event.time,
        one.event.key or "",
        value,
        cell.day,
    )


def staged(fed: Fed) -> outcomes.Staged:
    """Return what an event said of an outcome."""
    one, cell, value = fed
    assert isinstance(value, Stage)
    return outcomes.Staged(
        customer_id=cell.customer_id,
        meter_id=cell.meter_id,
        outcome=value.outcome,
        time=one.event.time,
        key=one.event.key or "",
        contract_id=cell.contract_id,
        day=cell.day.isoformat(),
        dimensions=cell.dimensions,
        state=value.state,
        weight=value.weight,
    )


def _mark_late(counted: Iterable[Countable], changed: outcomes.Changed, *, at: datetime) -> None:
    touched = {
        (way.contract.id, way.day.isoformat())
        for way in {one.way for one in counted}
        if way.contract.billed_until_on and way.day < way.contract.billed_until_on
    }
    # An outcome is billed on the day that it was reached, maybe under the contract before; which of them is billed
    # already, the database knows.
    touched |= {(key[1], key[3]) for key, _, _ in (*changed.added, *changed.taken)}
    if touched:
        sql.mark_late_days(touched, at=at)
