"""What Beat and the outbox ring for: promised credits that are due, those that expire, and refunds that can be counted."""

from uuid import UUID

from celery import shared_task

from apps.core import clock
from apps.credits import cancel, expire, promised

SCHEDULE = "schedule"


@shared_task(name="credits.grant_due")
def grant_due(**_newer: object) -> None:
    """Send a task for every contract that has promised credits to give."""
    for contract_id in promised.contracts_due(at=clock.now()):
        grant_promised.delay(contract_id=str(contract_id))


@shared_task(name="credits.grant_promised")
def grant_promised(*, contract_id: str, **_newer: object) -> None:
    """Grant what one contract promises."""
    promised.grant_due_under(contract_id=UUID(contract_id), at=clock.now(), actor=SCHEDULE)


@shared_task(name="credits.count_refunds")
def count_refunds(**_newer: object) -> None:
    """Say how much is owed back under contracts that were cancelled and are wholly billed."""
    cancel.count_refunds(at=clock.now(), actor=SCHEDULE)


@shared_task(name="credits.expire_due")
def expire_due(**_newer: object) -> None:
    """Let credits expire that nothing can draw on any more."""
    expire.expire_due(at=clock.now(), actor=SCHEDULE)
