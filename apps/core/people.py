"""Making people and setting their passwords, outside the sign-in pages."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from django.db import transaction

from apps.core import audit, db
from apps.core.models import User


@transaction.atomic(durable=True)
def put(
    *, email: str, password: str, name: str = "", finance: bool = False, at: datetime, actor: str
) -> User:
    """Create the person with this e-mail address, or set the password of the one who is there.

    `finance` gives a new person every right in the back office.
    """
    user = User.objects.select_for_update().filter(email__iexact=email).first()
    if user is None:
        user = User.objects.create_user(email, password, name=name, is_staff=finance, is_superuser=finance)
    else:
        user.set_password(password)
        user.save(update_fields=["password"])
    audit.record(at=at, actor=actor, action="core.put_person", subject_type="person", subject_key=user.email)
    return user


@transaction.atomic(durable=True)
def save(
    *, user_id: UUID | None, fields: Mapping[str, object], noted: Mapping[str, str], at: datetime, actor: str
) -> User:
    """Create a person without a password, or change one; `noted` goes on the trail beside the fields."""
    if user_id is None:
        user = User(**fields)
        user.set_unusable_password()
    else:
        user = User.objects.select_for_update().get(pk=user_id)
        for name, value in fields.items():
            setattr(user, name, value)
    user.email = user.email.strip().lower()
    user.save()
    after = {**{name: str(value) for name, value in fields.items()}, **noted}
    audit.record(
        at=at,
        actor=actor,
        action="core.save_person",
        subject_type="person",
        subject_key=user.email,
        after=after,
    )
    return user


def found_or_made(*, email: str, name: str = "") -> User:
    """Return the person with this e-mail address, made without a password if new; a step of an action."""
    db.require_transaction()
    return User.objects.filter(email__iexact=email.strip()).first() or User.objects.create_user(
        email, name=name
    )
