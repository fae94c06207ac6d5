"""Which reasons are stored with a line: all of them, but of many events the first, and a sum of the others."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Any

from apps.core.money import EXACT
from apps.rating.steps import Fact, Step, step_as_json, written

# So many reasons of single events, or of runs of events alike, are kept.
MOST = 10


@dataclass(slots=True)
class _Run:
    """Events that follow each other and are priced alike."""

    first: int
    step: Step
    facts: tuple[tuple[str, Fact], ...]
    events: int = 1


def kept(steps: Sequence[Step]) -> list[dict[str, Any]]:
    """Return the reasons as they are stored: events alike are one reason, and those after the first ten runs are summed up.

    The amounts of what is kept add up to those of all steps, however many events there were.
    """
    found: list[dict[str, Any]] = []
    runs: list[_Run] = []
    for step in steps:
        number = dict(step.facts).get("event")
        if isinstance(number, int):
            _join(runs, step, number)
        else:
            found += _of_runs(runs)
            runs = []
            found.append(step_as_json(step))
    return [*found, *_of_runs(runs)]


def _join(runs: list[_Run], step: Step, number: int) -> None:
    facts = tuple(fact for fact in step.facts if fact[0] != "event")
    last = runs[-1] if runs else None
    if (
        last
        and last.step.quantity == step.quantity
        and last.step.amount == step.amount
        and last.facts == facts
    ):
        last.events += 1
    else:
        runs.append(_Run(number, step, facts))


def _of_runs(runs: Sequence[_Run]) -> Iterator[dict[str, Any]]:
    single = len(runs) if len(runs) <= MOST + 1 else MOST
    with localcontext(EXACT):
        for run in runs[:single]:
            yield _as_json(run)
        rest = runs[single:]
        if rest:
            yield {
                "event": rest[0].first,
                "events": sum(run.events for run in rest),
                "is_rest": True,
                "quantity": written(sum((run.step.quantity * run.events for run in rest), Decimal(0))),
                "amount": written(sum((_amount(run) * run.events for run in rest), Decimal(0))),
            }


def _as_json(run: _Run) -> dict[str, Any]:
    whole = step_as_json(run.step)
    if run.events == 1:
        return whole
    return {
        **whole,
        "event": run.first,
        "events": run.events,
        "event_quantity": whole["quantity"],
        "event_amount": whole["amount"],
        "quantity": written(run.step.quantity * run.events),
        "amount": written(_amount(run) * run.events),
    }


def _amount(run: _Run) -> Decimal:
    assert isinstance(run.step.amount, Decimal), "no price of an event divides"
    return run.step.amount
