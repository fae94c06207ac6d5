"""Creating and changing customers."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction

from apps.core import audit
from apps.customers import tax_numbers
from apps.customers.errors import CustomerKeyTaken, OpenBooks
from apps.customers.models import Customer
from apps.customers.queries import ids_by_key


@transaction.atomic(durable=True)
def create(*, fields: Mapping[str, object], at: datetime, actor: str) -> Customer:
    """Create a customer from checked fields; refuse a key that is taken, and a tax number that its country has none like."""
    if ids_by_key([str(fields["key"])]):
        raise CustomerKeyTaken(str(fields["key"]))
    fields = _with_tax_number(fields, "", "")
    customer = Customer.objects.create(**fields)
    _record(customer, action="customers.create", at=at, actor=actor, before={}, after=_plain(fields))
    return customer


@transaction.atomic(durable=True)
def change(*, customer_id: UUID, fields: Mapping[str, object], at: datetime, actor: str) -> Customer:
    """Change a customer's fields; its key stays, since usage is posted under it.

    Refuses a new tax number that its country has none like; one that was there before stays as it is. Refuses another legal
    entity while something is open in the books of one that would not be the customer's.
    """
    customer = Customer.objects.select_for_update().get(pk=customer_id)
    fields = _with_tax_number(fields, customer.tax_number, customer.country)
    before = {name: getattr(customer, name) for name in fields}
    for name, value in fields.items():
        setattr(customer, name, value)
    try:
        customer.save(update_fields=list(fields))
    except IntegrityError as refused:
        # The books are above this room: their trigger knows.
        if "keeps its legal entity" not in str(refused):
            raise
        raise OpenBooks(str(refused).splitlines()[0]) from refused
    _record(
        customer, action="customers.change", at=at, actor=actor, before=_plain(before), after=_plain(fields)
    )
    return customer


def _with_tax_number(fields: Mapping[str, object], number: str, country: str) -> Mapping[str, object]:
    given = str(fields.get("tax_number", number))
    if given == number:
        return fields
    return {**fields, "tax_number": tax_numbers.checked(given, str(fields.get("country", country)))}


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
