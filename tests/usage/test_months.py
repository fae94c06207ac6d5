from datetime import UTC, date, datetime

import pytest
from django.db import connection
from django_celery_beat.models import PeriodicTask

from apps.usage import months
from apps.usage.models import Event
from tests.builders import make_contract
from tests.usage.events import event, take

pytestmark = pytest.mark.django_db


def partition_of(key: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text FROM usage_event WHERE key = %s", [key])
        (name,) = cursor.fetchone()
    return str(name)


def there_is(table: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [table])
        (found,) = cursor.fetchone()
    return bool(found)


def test_an_events_month_is_made_when_it_is_first_needed() -> None:
    """The month is that of the UTC time, whatever the local day."""
    make_contract(starts_on=date(2026, 9, 1), timezone="Asia/Tokyo")

    take(event("a"), event("b", time="2026-09-30T23:00:00Z"))

    assert (partition_of("a"), partition_of("b")) == ("usage_event_2026_10", "usage_event_2026_09")
    assert Event.objects.filter(key="b").values_list("day", flat=True).get() == date(2026, 10, 1)


def test_months_are_made_ahead_across_the_turn_of_the_year() -> None:
    months.make_ahead(at=datetime(2031, 11, 30, 23, tzinfo=UTC))
    months.make_ahead(at=datetime(2031, 11, 30, 23, tzinfo=UTC))

    made = ["2031_11", "2031_12", "2032_01", "2032_02"]
    assert all(there_is(f"usage_event_{month}") for month in made)
    assert not there_is("usage_event_2032_03")


def test_beat_makes_months_every_day() -> None:
    task = PeriodicTask.objects.get(task="usage.make_months")

    assert (task.interval.every, task.interval.period) == (86_400, "seconds")


def test_an_absurd_time_makes_no_month() -> None:
    make_contract()

    take(event(time="1970-01-01T00:00:00Z"), event("b", time="2999-01-01T00:00:00Z"))

    assert not there_is("usage_event_1970_01")
    assert not there_is("usage_event_2999_01")
