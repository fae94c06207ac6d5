"""A legal entity's way of reminding."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from apps.core import audit
from apps.customers.models import LegalEntity
from apps.dunning.models import Policy, PolicyStep

Tone = PolicyStep.Tone
DEFAULT_STEPS = ((3, Tone.FRIENDLY), (14, Tone.FIRM), (30, Tone.FINAL))


@transaction.atomic(durable=True)
def ensure(*, legal_entity_id: UUID, at: datetime, actor: str) -> Policy:
    """Return the legal entity's policy; where there is none, make the default: after 3, 14 and 30 days."""
    entity = LegalEntity.objects.select_for_update().get(pk=legal_entity_id)
    policy = Policy.objects.filter(legal_entity=entity).first()
    if policy is None:
        policy = Policy.objects.create(legal_entity=entity, name=f"Reminders of {entity.name}")
        PolicyStep.objects.bulk_create(
            PolicyStep(policy=policy, days_after_due=days, tone=tone) for days, tone in DEFAULT_STEPS
        )
        audit.record(
            at=at,
            actor=actor,
            action="dunning.ensure_policy",
            subject_type="legal_entity",
            subject_key=entity.key,
        )
    return policy
