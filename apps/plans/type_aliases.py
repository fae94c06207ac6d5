"""Counting events of one type as if they were of another."""

from datetime import datetime

from django.db import IntegrityError, transaction

from apps.core import audit
from apps.plans.errors import NoSuchEventType, TypeAliasTaken
from apps.plans.models import EventTypeAlias, Meter


@transaction.atomic(durable=True)
def add(*, sent_type: str, event_type: str, at: datetime, actor: str) -> EventTypeAlias:
    """Count events of `sent_type` by the meters of `event_type`, from now on and for ever.

    Refuses a type that no meter counts, and a second alias of one type.
    """
    if not Meter.objects.filter(event_type=event_type).exists():
        raise NoSuchEventType(event_type)
    try:
        with transaction.atomic():
            alias = EventTypeAlias.objects.create(sent_type=sent_type, event_type=event_type)
    except IntegrityError as taken:
        raise TypeAliasTaken(sent_type) from taken
    audit.record(
        at=at,
        actor=actor,
        action="plans.add_type_alias",
        subject_type="event_type",
        subject_key=sent_type,
        after={"counts_as": event_type},
    )
    return alias
