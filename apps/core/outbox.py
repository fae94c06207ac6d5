"""Follow-ups that survive a crash: written with the change, sent to Celery after it is committed."""

from collections.abc import Sequence
from datetime import datetime

from celery import current_app
from django.db import transaction

from apps.core import db
from apps.core.models import OutboxMessage


def enqueue(*, task: str, key: str, at: datetime, **arguments: object) -> None:
    """Ask for `task` to run once this transaction is committed; asking again for the same key does nothing.

    The message is sent at once on commit; where that fails, or the process dies, the sweep sends it.
    """
    enqueue_many(task=task, at=at, messages=[(key, arguments)])


def enqueue_many(*, task: str, at: datetime, messages: Sequence[tuple[str, dict[str, object]]]) -> None:
    """Enqueue many messages of one task in one statement."""
    db.require_transaction()
    OutboxMessage.objects.bulk_create(
        [
            OutboxMessage(task=task, key=key, arguments=arguments, created_at=at)
            for key, arguments in messages
        ],
        ignore_conflicts=True,
    )
    transaction.on_commit(_ring, robust=True)


def last_asked_at(*, task: str, about: str) -> datetime | None:
    """Return when a task was last asked for under a key that begins so."""
    found = OutboxMessage.objects.filter(task=task, key__startswith=about)
    return found.order_by("-created_at").values_list("created_at", flat=True).first()


def send_waiting(*, at: datetime, most: int = 500) -> int:
    """Send up to `most` waiting messages, oldest first, and return how many were sent.

    A message may be sent twice when a process dies between sending and noting it: tasks are idempotent.
    """
    with transaction.atomic():
        waiting = list(
            OutboxMessage.objects.select_for_update(skip_locked=True)
            .filter(sent_at=None)
            .order_by("created_at", "id")[:most]
        )
        for message in waiting:
            current_app.send_task(message.task, kwargs=message.arguments)
        OutboxMessage.objects.filter(pk__in=[message.pk for message in waiting]).update(sent_at=at)
    return len(waiting)


def _ring() -> None:
    current_app.send_task("core.send_outbox", ignore_result=True, retry=False)
