"""Beat's hourly follow-up, and the reminders it asks for."""

from uuid import UUID

from celery import shared_task

from apps.core import clock
from apps.dunning import advance as advancing
from apps.dunning import remind


@shared_task(name="dunning.advance")
def advance(**_newer: object) -> None:
    """Follow up every overdue invoice, and ask again for reminders that were not mailed."""
    at = clock.now()
    advancing.advance(at=at, actor="schedule")
    for reminder_id in remind.left_unsent(at=at):
        send_reminder.delay(reminder_id=str(reminder_id))


@shared_task(name="dunning.send_reminder")
def send_reminder(*, reminder_id: str, **_newer: object) -> None:
    """Mail one reminder."""
    remind.send(reminder_id=UUID(reminder_id), at=clock.now())
