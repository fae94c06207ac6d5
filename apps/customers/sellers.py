"""The seller's legal entities."""

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction

from apps.core import audit
from apps.customers.models import LegalEntity


@transaction.atomic(durable=True)
def put(*, key: str, fields: Mapping[str, object], at: datetime, actor: str) -> LegalEntity:
    """Create the legal entity with this key, or change what future invoices print of it."""
    entity, _ = LegalEntity.objects.update_or_create(key=key, defaults=dict(fields))
    audit.record(
        at=at,
        actor=actor,
        action="customers.put_legal_entity",
        subject_type="legal_entity",
        subject_key=key,
        after={name: str(value) for name, value in fields.items()},
    )
    return entity
