"""What Beat rings for: months made ahead."""

from celery import shared_task

from apps.core import clock
from apps.usage import months


@shared_task(name="usage.make_months")
def make_months(**_newer: object) -> None:
    """Make the event partitions of the coming months."""
    months.make_ahead(at=clock.now())
