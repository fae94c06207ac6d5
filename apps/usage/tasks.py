"""What Beat and the outbox ring for: months made ahead, levels carried into new days, meters computed over past events."""

import time
from pathlib import Path
from uuid import UUID

from celery import shared_task

from apps.core import clock
from apps.usage import import_events as imports
from apps.usage import levels, months, recount

# Half of what a task may take, since the last day that is begun is computed to its end.
_PART_SECONDS = 300


@shared_task(name="usage.make_months")
def make_months(**_newer: object) -> None:
    """Make the event partitions of the coming months."""
    months.make_ahead(at=clock.now())


@shared_task(name="usage.carry_levels")
def carry_levels(**_newer: object) -> None:
    """Draw the days that have begun, of levels that have not changed; and go on with recounts whose worker is gone."""
    recount.wake(at=clock.now())
    levels.carry_all(at=clock.now())


@shared_task(name="usage.recount")
def recount_meter(*, recount_id: str, **_newer: object) -> None:
    """Compute a meter over past events, for as long as a task may well last; another goes on from there."""
    ends = time.monotonic() + _PART_SECONDS
    recount.run(recount_id=UUID(recount_id), at=clock.now(), may_go_on=lambda: time.monotonic() < ends)


@shared_task(name="usage.import_events")
def import_events(*, import_id: str, **_newer: object) -> None:
    """Take in what is left of an uploaded file, and remove it when all is in."""
    done = imports.run(import_id=UUID(import_id), at=clock.now())
    if done.status == done.Status.DONE:
        Path(done.path).unlink(missing_ok=True)
