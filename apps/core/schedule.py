"""Seeding Beat's schedule from the migrations of the rooms that own the tasks."""

from collections.abc import Callable
from typing import Any

from django.db.migrations import RunPython


def every(*, seconds: int, name: str, task: str, queue: str | None = None) -> RunPython:
    """Return the migration step that makes Beat send `task` every so many seconds; staff may change it later."""
    return RunPython(_adding(seconds=seconds, name=name, task=task, queue=queue), _removing(name))


def _adding(*, seconds: int, name: str, task: str, queue: str | None) -> Callable[[Any, Any], None]:
    def add(apps: Any, _editor: Any) -> None:
        interval, _ = apps.get_model("django_celery_beat", "IntervalSchedule").objects.get_or_create(
            every=seconds, period="seconds"
        )
        apps.get_model("django_celery_beat", "PeriodicTask").objects.get_or_create(
            name=name, defaults={"task": task, "interval": interval, "queue": queue}
        )

    return add


def _removing(name: str) -> Callable[[Any, Any], None]:
    def remove(apps: Any, _editor: Any) -> None:
        apps.get_model("django_celery_beat", "PeriodicTask").objects.filter(name=name).delete()

    return remove
