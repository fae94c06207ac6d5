"""The outbox's doorbell and sweep."""

from celery import shared_task

from apps.core import clock, outbox


@shared_task(name="core.send_outbox")
def send_outbox(**_newer: object) -> None:
    """Send what waits in the outbox; rung on commit and swept by Beat."""
    while outbox.send_waiting(at=clock.now()) == 500:
        pass
