"""When a single event came onto the bill, left it and came back: an outcome does so by what its other events say."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import connection

from apps.usage import sql
from apps.usage.outcomes import Staged, fold

_LONG_AGO, _NEVER = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
_STAGES = """
    SELECT stage."time", stage.key, stage.contract_id::text, stage.day::text, stage.dimensions::text, stage.state,
           stage.weight, event.received_at
    FROM usage_outcomestage stage LEFT JOIN usage_event event USING (customer_id, "time", key)
    WHERE stage.customer_id = %s AND stage.meter_id = %s AND stage.outcome = %s
"""


@dataclass(frozen=True, slots=True)
class Known:
    """A stage of an outcome, and from when until when it was known."""

    staged: Staged
    received_at: datetime
    gone_at: datetime = _NEVER


def known_stages(own: Staged) -> list[Known]:
    """Return the stages that stand of an outcome, in one query; those whose events are archived are known since ever."""
    with connection.cursor() as cursor:
        cursor.execute(_STAGES, [own.customer_id, own.meter_id, own.outcome])
        rows = cursor.fetchall()
    return [
        Known(
            Staged(
                own.customer_id,
                own.meter_id,
                own.outcome,
                time,
                key,
                contract_id,
                day,
                sql.canonical(dimensions),
                state,
                weight,
            ),
            received_at or _LONG_AGO,
        )
        for time, key, contract_id, day, dimensions, state, weight, received_at in rows
    ]


def state_now(known: Iterable[Known]) -> str:
    """Return what has become of the outcome. Pure."""
    return fold(_in_order(known)).state


def turns_of_outcome(own: Staged, known: Sequence[Known]) -> tuple[datetime, ...]:
    """Return the instants at which one stage put the outcome on the bill, at which that was taken off, and so on. Pure.

    Only a stage with a weight can. What stands on the same day by several stages is that of all of them.
    """
    cell = (own.customer_id, own.contract_id, own.meter_id, own.day, own.dimensions)
    turns: list[datetime] = []
    for instant in sorted({one.received_at for one in known} | {one.gone_at for one in known} - {_NEVER}):
        then = [one for one in known if one.received_at <= instant < one.gone_at]
        stands = own.weight > 0 and any(one.staged.key == own.key for one in then)
        is_on = stands and cell in dict(fold(_in_order(then)).billed)
        if is_on != bool(len(turns) % 2):
            turns.append(instant)
    return tuple(turns)


def _in_order(known: Iterable[Known]) -> list[Staged]:
    return sorted((one.staged for one in known), key=lambda staged: (staged.time, staged.key))
