"""Making people and setting their passwords, outside the sign-in pages."""

from datetime import datetime

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


def found_or_made(*, email: str, name: str = "") -> User:
    """Return the person with this e-mail address, made without a password if new; a step of an action."""
    db.require_transaction()
    return User.objects.filter(email__iexact=email.strip()).first() or User.objects.create_user(
        email, name=name
    )
