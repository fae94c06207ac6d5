"""Outcomes: what their stages, in the order of time, leave on the bill, and on which day.

An agreed state puts its weight on the bill on the day that it is reached; a higher one adds the difference on its own day, a
lower one takes the newest part off again. A dispute takes all of it off until it is decided; rejected, all of it returns to
where it was. Stages repeated by a retry change nothing but the number of attempts.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal, localcontext

import orjson
from django.db import connection

from apps.core.money import EXACT
from apps.usage import sql
from apps.usage.models import Outcome, OutcomeStage
from apps.usage.sql import DayKey

State = Outcome.State

_ENDS = frozenset({State.SUCCEEDED, State.PARTIAL, State.FAILED})
_LOCK = """
    INSERT INTO usage_outcome (customer_id, meter_id, outcome, state, attempts, billed, changed_at)
    SELECT added.*, 'pending', 0, '[]'::jsonb, %s FROM unnest(%s::uuid[], %s::uuid[], %s::text[]) AS added
    ON CONFLICT (customer_id, meter_id, outcome) DO UPDATE SET changed_at = excluded.changed_at
    RETURNING customer_id::text, meter_id::text, outcome, billed
"""
_ADD_STAGES = """
    INSERT INTO usage_outcomestage
        (customer_id, meter_id, outcome, "time", key, contract_id, day, dimensions, state, weight)
    SELECT * FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::timestamptz[], %s::text[], %s::uuid[], %s::date[],
                         %s::jsonb[], %s::text[], %s::numeric[])
    ON CONFLICT DO NOTHING
"""
_STAGES = """
    SELECT stage.customer_id::text, stage.meter_id::text, stage.outcome, stage."time", stage.key, stage.contract_id::text,
           stage.day::text, stage.dimensions::text, stage.state, stage.weight
    FROM unnest(%s::uuid[], %s::uuid[], %s::text[]) AS asked (customer_id, meter_id, outcome)
    JOIN usage_outcomestage stage USING (customer_id, meter_id, outcome)
    ORDER BY stage."time", stage.key COLLATE "C"
"""
_SAVE = """
    UPDATE usage_outcome kept SET state = now.state, attempts = now.attempts, billed = now.billed
    FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::text[], %s::int[], %s::jsonb[])
        AS now (customer_id, meter_id, outcome, state, attempts, billed)
    WHERE (kept.customer_id, kept.meter_id, kept.outcome) = (now.customer_id, now.meter_id, now.outcome)
"""

# Customer, meter and outcome id.
OutcomeKey = tuple[str, str, str]
Rows = list[tuple[DayKey, int | Decimal, int]]


@dataclass(frozen=True, slots=True)
class Staged:
    """One stage of an outcome."""

    customer_id: str
    meter_id: str
    outcome: str
    time: datetime
    key: str
    contract_id: str
    day: str
    dimensions: str
    state: str
    weight: Decimal

    @property
    def outcome_key(self) -> OutcomeKey:
        """Return what names the outcome."""
        return (self.customer_id, self.meter_id, self.outcome)


@dataclass(slots=True)
class Folded:
    """What the stages of one outcome come to; `billed` is what is on the bill, the oldest part first.

    While a dispute is open, `held_back` is what it has taken off, and `disputed_at` since when.
    """

    state: str = State.PENDING
    attempts: int = 0
    billed: list[tuple[DayKey, Decimal]] = field(default_factory=list)
    held_back: list[tuple[DayKey, Decimal]] = field(default_factory=list)
    disputed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Changed:
    """What is to be added to, and taken from, the daily totals."""

    added: Rows
    taken: Rows


NOTHING = Changed([], [])


def fold(stages: Iterable[Staged]) -> Folded:
    """Return what stages in the order of time and key come to. Pure."""
    folded = Folded()
    with localcontext(EXACT):
        for stage in stages:
            folded.attempts += stage.state in _ENDS
            match stage.state:
                case State.DISPUTED if not folded.disputed_at:
                    folded.disputed_at = stage.time
                    folded.billed, folded.held_back = [], folded.billed
                case State.DISPUTE_REJECTED if folded.disputed_at:
                    folded.disputed_at = None
                    folded.billed, folded.held_back = folded.held_back, []
                case State.DISPUTE_ACCEPTED if folded.disputed_at:
                    # What was disputed rightly stays off; only a new success could bill it.
                    folded.disputed_at = None
                    folded.held_back = []
                case State.SUCCEEDED | State.PARTIAL | State.FAILED if not folded.disputed_at:
                    _bring_to(folded.billed, stage.weight, stage)
                case _:
                    # What comes while a dispute is open waits for its end, and a pending stage bills nothing.
                    continue
            folded.state = stage.state
    return folded


def add(stages: Sequence[Staged], *, at: datetime) -> Changed:
    """Add stages, and return what changes on the bill. A step."""
    if not stages:
        return NOTHING
    before = _locked({stage.outcome_key for stage in stages}, at=at)
    columns = zip(
        *(
            (
                stage.customer_id,
                stage.meter_id,
                stage.outcome,
                stage.time.isoformat(),
                stage.key,
                stage.contract_id,
                stage.day,
                stage.dimensions,
                stage.state,
                f"{stage.weight:f}",
            )
            for stage in stages
        ),
        strict=True,
    )
    with connection.cursor() as cursor:
        cursor.execute(_ADD_STAGES, [sql.array(column) for column in columns])
    return _refolded(before)


def take_off(stages: Sequence[Staged], *, at: datetime) -> Changed:
    """Take stages away, and return what changes on the bill. A step."""
    if not stages:
        return NOTHING
    before = _locked({stage.outcome_key for stage in stages}, at=at)
    for stage in stages:
        OutcomeStage.objects.filter(
            customer_id=stage.customer_id, meter_id=stage.meter_id, outcome=stage.outcome, key=stage.key
        ).delete()
    return _refolded(before)


def _bring_to(billed: list[tuple[DayKey, Decimal]], weight: Decimal, stage: Staged) -> None:
    """Bring what is billed to the weight: more of it on the stage's own day, or less of what came last."""
    more = weight - sum((quantity for _, quantity in billed), Decimal(0))
    if more > 0:
        key = (stage.customer_id, stage.contract_id, stage.meter_id, stage.day, stage.dimensions)
        billed.append((key, more))
    while more < 0:
        key, quantity = billed.pop()
        if quantity + more > 0:
            billed.append((key, quantity + more))
        more = min(quantity + more, Decimal(0))


def _locked(keys: Collection[OutcomeKey], *, at: datetime) -> dict[OutcomeKey, list[tuple[DayKey, Decimal]]]:
    """Lock the outcomes, in their order, and return what of each is billed."""
    columns = [sql.array(column) for column in zip(*sorted(keys), strict=True)]
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, [at, *columns])
        return {
            (customer, meter, outcome): [
                ((customer, contract, meter, day, sql.canonical(dimensions)), Decimal(quantity))
                for contract, day, dimensions, quantity in _read(billed)
            ]
            for customer, meter, outcome, billed in cursor.fetchall()
        }


def _refolded(before: dict[OutcomeKey, list[tuple[DayKey, Decimal]]]) -> Changed:
    keys = sorted(before)
    columns = [sql.array(column) for column in zip(*keys, strict=True)]
    stages: dict[OutcomeKey, list[Staged]] = {key: [] for key in keys}
    with connection.cursor() as cursor:
        cursor.execute(_STAGES, columns)
        for row in cursor.fetchall():
            staged = Staged(*row)
            stages[staged.outcome_key].append(replace(staged, dimensions=sql.canonical(staged.dimensions)))
    after = {key: fold(stages[key]) for key in keys}
    written = [
        orjson.dumps(
            [[key[1], key[3], key[4], f"{quantity:f}"] for key, quantity in after[one].billed]
        ).decode()
        for one in keys
    ]
    states = [str(after[one].state) for one in keys]
    attempts = [str(after[one].attempts) for one in keys]
    with connection.cursor() as cursor:
        cursor.execute(_SAVE, [*columns, sql.array(states), sql.array(attempts), sql.array(written)])
    added: Rows = []
    taken: Rows = []
    for one in keys:
        was, now = by_day(before[one]), by_day(after[one].billed)
        added += [(key, quantity, 1) for key, quantity in now.items() if was.get(key) != quantity]
        taken += [(key, quantity, 1) for key, quantity in was.items() if now.get(key) != quantity]
    return Changed(added, taken)


def by_day(billed: Iterable[tuple[DayKey, Decimal]]) -> dict[DayKey, Decimal]:
    """Return what is billed by day; one outcome may add to a day twice."""
    sums: dict[DayKey, Decimal] = {}
    with localcontext(EXACT):
        for key, quantity in billed:
            sums[key] = sums.get(key, Decimal(0)) + quantity
    return sums


def _read(billed: object) -> list[tuple[str, str, str, str]]:
    return orjson.loads(billed) if isinstance(billed, str | bytes) else billed  # type: ignore[return-value]
