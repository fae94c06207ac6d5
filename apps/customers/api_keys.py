"""Making, recognizing and revoking API keys."""

import hashlib
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from apps.core import audit
from apps.customers.models import ApiKey, Customer

_SHAPE = re.compile(r"(mb_[0-9a-f]{8})_[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key just made; `secret` is shown once and stored nowhere."""

    api_key: ApiKey
    secret: str


@transaction.atomic(durable=True)
def create(
    *, name: str, scopes: Iterable[str], customer: Customer | None = None, at: datetime, actor: str
) -> NewKey:
    """Make an API key and return it with its secret, which cannot be read again."""
    prefix = f"mb_{secrets.token_hex(4)}"
    secret = f"{prefix}_{secrets.token_urlsafe(32)}"
    api_key = ApiKey.objects.create(
        name=name,
        prefix=prefix,
        key_hash=_hash(secret),
        scopes=sorted(set(scopes)),
        customer=customer,
        created_by=actor,
        created_at=at,
    )
    audit.record(
        at=at,
        actor=actor,
        action="customers.create_api_key",
        subject_type="api_key",
        subject_key=prefix,
        after={"name": name, "scopes": api_key.scopes, "customer": customer.key if customer else None},
    )
    return NewKey(api_key, secret)


@transaction.atomic(durable=True)
def revoke(*, api_key_id: UUID, at: datetime, actor: str) -> ApiKey:
    """End a key at once; ending it again changes nothing."""
    api_key = ApiKey.objects.select_for_update().get(pk=api_key_id)
    if api_key.revoked_at is None:
        api_key.revoked_at = at
        api_key.save(update_fields=["revoked_at"])
        audit.record(
            at=at,
            actor=actor,
            action="customers.revoke_api_key",
            subject_type="api_key",
            subject_key=api_key.prefix,
        )
    return api_key


def recognized(secret: str) -> ApiKey | None:
    """Return the live key that this secret opens, or None; one query."""
    shape = _SHAPE.fullmatch(secret)
    if shape is None:
        return None
    api_key = ApiKey.objects.select_related("customer").filter(prefix=shape[1], revoked_at=None).first()
    if api_key and secrets.compare_digest(bytes(api_key.key_hash), _hash(secret)):
        return api_key
    return None


def _hash(secret: str) -> bytes:
    # A key has 256 random bits: nothing to guess, so a fast hash is enough and keeps ingest fast.
    return hashlib.sha256(secret.encode()).digest()
