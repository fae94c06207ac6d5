"""What Beat rings for: contracts that renew by themselves, and reminders before; each task calls one action."""

from datetime import date
from uuid import UUID

from celery import shared_task

from apps.contracts import remind, renewals
from apps.core import clock

SCHEDULE = "schedule"


@shared_task(name="contracts.renew_due")
def renew_due(**_newer: object) -> None:
    """Send a renewal for every contract that is to renew by itself."""
    for contract in renewals.due(at=clock.now()):
        renew_contract.delay(contract_id=str(contract.pk), term_ends_on=str(contract.ends_on))


@shared_task(name="contracts.renew_contract")
def renew_contract(*, contract_id: str, term_ends_on: str, **_newer: object) -> None:
    """Renew one contract."""
    renewals.renew_by_itself(
        contract_id=UUID(contract_id),
        term_ends_on=date.fromisoformat(term_ends_on),
        at=clock.now(),
        actor=SCHEDULE,
    )


@shared_task(name="contracts.remind")
def remind_due(**_newer: object) -> None:
    """Take the reminders that are due, and ask again for those that were not mailed."""
    at = clock.now()
    remind.take_due(at=at)
    for reminder_id in remind.left_unsent(at=at):
        send_reminder.delay(reminder_id=str(reminder_id))


@shared_task(name=remind.TASK)
def send_reminder(*, reminder_id: str, **_newer: object) -> None:
    """Mail one reminder."""
    remind.send(reminder_id=UUID(reminder_id), at=clock.now())
