"""What Beat rings for: the forecasts of running periods."""

from datetime import timedelta
from uuid import UUID

from celery import shared_task

from apps.controls import keep_forecasts
from apps.core import clock

SCHEDULE = "schedule"
# Half of what Celery allows: the last batch takes its time too.
_TURN = timedelta(minutes=5)


@shared_task(name="controls.keep_forecasts")
def keep_all(*, after: str = "", **_newer: object) -> None:
    """Keep the forecasts of all contracts, or of those after one; what is left after one turn has another."""
    begun = clock.now()
    last = UUID(after) if after else None
    while last := keep_forecasts.keep_next(after=last, at=clock.now(), actor=SCHEDULE):
        if clock.now() - begun > _TURN:
            keep_all.delay(after=str(last))
            return
