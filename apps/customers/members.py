"""Letting people into a customer's portal."""

from datetime import datetime

from django.db import transaction

from apps.core import audit, people
from apps.customers.models import Customer, Membership


@transaction.atomic(durable=True)
def invite(
    *,
    customer: Customer,
    email: str,
    role: str = Membership.Role.VIEWER,
    name: str = "",
    at: datetime,
    actor: str,
) -> Membership:
    """Give the person with this e-mail address a seat in the customer's portal.

    A person who is new signs in with a code sent by mail, or sets a password later. Inviting again changes the role.
    """
    user = people.found_or_made(email=email, name=name)
    membership, _ = Membership.objects.update_or_create(user=user, customer=customer, defaults={"role": role})
    audit.record(
        at=at,
        actor=actor,
        action="customers.invite",
        subject_type="customer",
        subject_key=customer.key,
        after={"member": user.email, "role": role},
    )
    return membership


@transaction.atomic(durable=True)
def remove(*, customer: Customer, email: str, at: datetime, actor: str) -> None:
    """Take a person's seat in the customer's portal away; without a seat nothing changes."""
    taken, _ = Membership.objects.filter(customer=customer, user__email__iexact=email.strip()).delete()
    if taken:
        audit.record(
            at=at,
            actor=actor,
            action="customers.remove_member",
            subject_type="customer",
            subject_key=customer.key,
            before={"member": email.strip().lower()},
        )
