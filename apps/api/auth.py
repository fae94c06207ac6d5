"""Who calls: an API key in the Authorization header, the scopes it has, and the customer it may be confined to."""

import re
import time
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING
from uuid import UUID

from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from apps.api import errors
from apps.customers import api_keys

if TYPE_CHECKING:
    # DRF's views read this module while they are being imported.
    from rest_framework.views import APIView

# A revoked key works for so long at most, in processes that have just recognized it.
REMEMBERED_SECONDS = 3.0
_MOST_REMEMBERED = 1_000
_SECRET = re.compile(r"mb_[0-9a-f]{8}_")
_remembered: dict[bytes, tuple[float, "Caller"]] = {}


@dataclass(frozen=True, slots=True)
class Caller:
    """An API key as calls see it; `customer_key` is set if the key is confined to that customer."""

    actor: str
    scopes: frozenset[str]
    customer_id: UUID | None
    customer_key: str | None
    # What DRF asks of a user.
    is_authenticated: bool = True


class ApiKeyAuthentication(BaseAuthentication):
    """Recognizes the key of `Authorization: Bearer mb_...`; keys in addresses are refused."""

    def authenticate(self, request: Request) -> tuple[Caller, None]:
        if _SECRET.search(request.META.get("QUERY_STRING", "")):
            raise errors.KeyInAddress
        kind, _, secret = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        if kind.lower() != "bearer" or not secret.strip():
            raise errors.NoKey
        caller = _recognized(secret.strip())
        if caller is None:
            raise errors.UnknownKey
        return caller, None

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class HasScope(BasePermission):
    """Lets a call through whose key has the scope that the view names for the method."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        scope: str = view.scopes[request.method]  # type: ignore[attr-defined]
        if scope not in request.user.scopes:  # type: ignore[union-attr]
            raise errors.ScopeMissing(scope)
        return True


def forget() -> None:
    """Forget the keys recognized so far."""
    _remembered.clear()


def _recognized(secret: str) -> Caller | None:
    print_ = sha256(secret.encode(errors="replace")).digest()
    now = time.monotonic()
    until, caller = _remembered.get(print_, (0.0, None))
    if caller and now < until:
        return caller
    api_key = api_keys.recognized(secret)
    if api_key is None:
        return None
    caller = Caller(
        actor=f"key {api_key.prefix}",
        scopes=frozenset(api_key.scopes),
        customer_id=api_key.customer_id,
        customer_key=api_key.customer.key if api_key.customer else None,
    )
    if len(_remembered) >= _MOST_REMEMBERED:
        _remembered.clear()
    _remembered[print_] = (now + REMEMBERED_SECONDS, caller)
    return caller
