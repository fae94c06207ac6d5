"""Creating and changing customers."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from django.db import transaction

from apps.core import audit
from apps.customers.errors import CustomerKeyTaken
from apps.customers.models import Customer
from apps.customers.queries import ids_by_key


@transaction.atomic(durable=True)
def create(*, fields: Mapping[str, object], at: datetime, actor: str) -> Customer:
    """Create a customer from checked fields; refuse a key that is taken."""
    if ids_by_key([str(fields["key"])]):
        raise CustomerKeyTaken(str(fields["key"]))
    customer = Customer.objects.create(**fields)
    _record(customer, action="customers.create", at=at, actor=actor, before={}, after=_plain(fields))
    return customer


@transaction.atomic(durable=True)
def change(*, customer_id: UUID, fields: Mapping[str, object], at: datetime, actor: str) -> Customer:
    """Change a customer's fields; its key stays, since usage is posted under it."""
    customer = Customer.objects.select_for_update().get(pk=customer_id)
    before = {name: getattr(customer, name) for name in fields}
    for name, value in fields.items():
        setattr(customer, name, value)
    customer.save(update_fields=list(fields))
    _record(
        customer, action="customers.change", at=at, actor=actor, before=_plain(before), after=_plain(fields)
    )
    return customer


def _record(
    customer: Customer,
    *,
    action: str,
    at: datetime,
    actor: str,
    before: dict[str, str],
    after: dict[str, str],
) -> None:
    audit.record(
        at=at,
        actor=actor,
        action=action,
        subject_type="customer",
        subject_key=customer.key,
        before=before,
        after=after,
    )


def _plain(fields: Mapping[str, object]) -> dict[str, str]:
    return {name: str(value) for name, value in fields.items()}
