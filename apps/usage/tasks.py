"""What Beat and the outbox ring for: months made ahead, levels carried into new days, meters computed over past events."""

from datetime import timedelta
from uuid import UUID

from celery import shared_task

from apps.core import clock
from apps.usage import import_events as imports
from apps.usage import levels, months, recount

# Half of what Celery allows: the last day or batch, and finding the place in a large file, take their time too.
_TURN = timedelta(minutes=5)


@shared_task(name="usage.make_months")
def make_months(**_newer: object) -> None:
    """Make the event partitions of the coming months."""
    months.make_ahead(at=clock.now())


@shared_task(name="usage.carry_levels")
def carry_levels(**_newer: object) -> None:
    """Draw the days that have begun, of levels that have not changed; go on with recounts and imports whose worker was lost."""
    recount.wake(at=clock.now())
    imports.go_on_with_lost(at=clock.now())
    levels.carry_all(at=clock.now())


@shared_task(name="usage.recount")
def recount_meter(*, recount_id: str, **_newer: object) -> None:
    """Compute a meter over past events, for one turn; if more is left then, a worker is asked for another."""
    begun = clock.now()
    recount.run(recount_id=UUID(recount_id), at=begun, may_go_on=lambda: clock.now() - begun < _TURN)


@shared_task(name="usage.import_events")
def import_events(*, import_id: str, **_newer: object) -> None:
    """Take in what is left of a file, for one turn; if more is left then, a worker is asked for another."""
    begun = clock.now()
    imports.run(import_id=UUID(import_id), at=begun, is_turn_over=lambda: clock.now() - begun >= _TURN)
