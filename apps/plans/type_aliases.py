"""Counting events of one type as if they were of another."""

from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import Q

from apps.core import audit
from apps.plans.errors import NoSuchEventType, TypeAliasChain, TypeAliasTaken, TypeHasMeters
from apps.plans.models import EventTypeAlias, Meter


@transaction.atomic(durable=True)
def add(*, sent_type: str, event_type: str, at: datetime, actor: str) -> EventTypeAlias:
    """Count events of `sent_type` by the meters of `event_type`, from now on and for ever.

    Refuses an `event_type` that no meter counts, a `sent_type` that one does, a second alias of one type, and an alias of an
    alias. So no event of `sent_type` has been stored yet: none of the past feeds a meter that it did not feed then.
    """
    if chain := EventTypeAlias.objects.filter(Q(sent_type=event_type) | Q(event_type=sent_type)).first():
        raise TypeAliasChain(chain.sent_type, chain.event_type)
    if not Meter.objects.filter(event_type=event_type).exists():
        raise NoSuchEventType(event_type)
    if sent_type != event_type and (own := Meter.objects.filter(event_type=sent_type).first()):
        raise TypeHasMeters(sent_type, own.name)
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
