"""The journal of what was received: one balanced row per request and customer."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from apps.usage import sql
from apps.usage.intake import Detail, Intake

# Who sent it, and the customer key that it is accounted for.
_Key = tuple[str, str]
_Row = dict[str, int]
_COLUMNS = ("received", "counted", "voided", "duplicate", "conflict", "quarantined")
_READABLE = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Resolved:
    """An event that waited in quarantine, so many times received, until its id was counted: with the same body or another.

    It waited under the customer key `label`; what stands in its place came under `by`.
    """

    label: str
    by: str
    times: int
    is_same: bool


def write(
    intake: Intake, details: Sequence[Detail], *, resolved: Sequence[Resolved], releases: bool, at: datetime
) -> None:
    """Write what one transaction took in. A step.

    What waited and is resolved moves from quarantined to duplicate or, with another body, to conflict. What a release
    counts was received before, as one of those duplicates.
    """
    by_index = {detail.index: detail.state.value for detail in details}
    rows: dict[_Key, _Row] = {}
    newest: dict[_Key, datetime] = {}
    for actor, span in intake.spans():
        labels = intake.labels[span.start : span.stop]
        for label, many in Counter(labels).items():
            row = rows.setdefault((actor, label), dict.fromkeys(_COLUMNS, 0))
            row["received"] += many
            row["counted"] += many
        for index in span if details else ():
            if index in by_index:
                row = rows[actor, intake.labels[index]]
                row["counted"] -= 1
                row[by_index[index]] += 1
        newest_time = max((event.time for event in intake.events[span.start : span.stop]), default=_READABLE)
        if newest_time > _READABLE:
            newest |= {
                (actor, label): max(newest_time, newest.get((actor, label), _READABLE))
                for label in set(labels)
            }
    if releases:
        rows = {key: _released(row) for key, row in rows.items()}
    _move(rows, resolved)
    sql.write_receipts(
        [(*key, newest.get(key), *row.values()) for key, row in sorted(rows.items()) if any(row.values())],
        at=at,
    )


def _released(row: _Row) -> _Row:
    return dict.fromkeys(_COLUMNS, 0) | {"counted": row["counted"], "duplicate": -row["counted"]}


def _move(rows: dict[_Key, _Row], resolved: Sequence[Resolved]) -> None:
    actors = {label: actor for actor, label in rows}
    for one in resolved:
        row = rows.setdefault((actors[one.by], one.label), dict.fromkeys(_COLUMNS, 0))
        row["quarantined"] -= one.times
        row["duplicate" if one.is_same else "conflict"] += one.times


def write_voided(*, actor: str, customer_key: str, voided: int, at: datetime) -> None:
    """Write that so many events of a customer count no more. A step."""
    sql.write_receipts([(actor, customer_key, None, 0, -voided, voided, 0, 0, 0)], at=at)
