"""Taking a customer's usage under another key too."""

from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction

from apps.core import audit
from apps.customers.errors import CustomerKeyTaken
from apps.customers.models import Customer, CustomerAlias


@transaction.atomic(durable=True)
def add(*, key: str, customer_id: UUID, at: datetime, actor: str) -> CustomerAlias:
    """Let usage under `key` count for the customer, from now on and for ever; refuse a key that is a customer's already."""
    customer = Customer.objects.get(pk=customer_id)
    if Customer.objects.filter(key=key).exists():
        raise CustomerKeyTaken(key)
    try:
        with transaction.atomic():
            alias = CustomerAlias.objects.create(key=key, customer=customer)
    except IntegrityError as taken:
        raise CustomerKeyTaken(key) from taken
    audit.record(
        at=at,
        actor=actor,
        action="customers.add_alias",
        subject_type="customer",
        subject_key=customer.key,
        after={"alias": key},
    )
    return alias
