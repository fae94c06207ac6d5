"""The base of every resource: who may call it, for which customers, and how bodies and lists are read."""

from typing import Any, ClassVar
from uuid import UUID

from django.http import HttpRequest
from rest_framework import serializers
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from apps.api.auth import Caller
from apps.api.parsers import require_body
from apps.customers.errors import UnknownCustomer
from apps.customers.models import Customer

_WITH_BODY = {"POST", "PUT", "PATCH"}


class _JsonAlways(BaseContentNegotiation):
    """Answers in JSON whatever the Accept header says, and takes JSON and what else the parser reads."""

    def select_parser(self, request: Request, parsers: Any) -> BaseParser | None:
        kind = (request.content_type or "").partition(";")[0].strip().lower()
        is_json = kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))
        return parsers[0] if is_json or kind in parsers[0].other_media_types else None

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        return renderers[0], renderers[0].media_type


class Resource(APIView):
    """A resource of the API; `scopes` names the scope that each method needs."""

    scopes: ClassVar[dict[str, str]]
    content_negotiation_class = _JsonAlways

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if request.method not in self.scopes:
            self.http_method_not_allowed(request)
        super().initial(request, *args, **kwargs)
        if request.method in _WITH_BODY:
            require_body(request._request)  # noqa: SLF001 the request below DRF's

    @property
    def caller(self) -> Caller:
        """Return whose key calls."""
        caller: Caller = self.request.user  # type: ignore[assignment]
        return caller

    def customer(self, key: str) -> Customer:
        """Return the customer with this key; one that the caller may not see answers like one that is not there."""
        if self.caller.customer_key not in {None, key}:
            raise UnknownCustomer(key)
        found = Customer.objects.select_related("legal_entity").filter(key=key).first()
        if found is None:
            raise UnknownCustomer(key)
        return found


class Fields(serializers.Serializer[Any]):
    """Input fields; names that are not among them are refused rather than ignored."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict) and (unknown := sorted(set(data) - set(self.fields))):
            raise serializers.ValidationError(
                {name[:100]: ["There is no such field; leave it out."] for name in unknown[:20]}
            )
        return super().to_internal_value(data)


def checked(serializer: type[serializers.Serializer[Any]], data: Any, **more: Any) -> dict[str, Any]:
    """Return the fields of `data` as the serializer understands them; refuse mistaken ones, all at once."""
    bound = serializer(data=data, **more)
    bound.is_valid(raise_exception=True)
    fields: dict[str, Any] = bound.validated_data
    return fields


def confined_to(request: HttpRequest | Request) -> UUID | None:
    """Return the customer that the caller's key is confined to, if it is."""
    caller: Caller = request.user  # type: ignore[assignment]
    return caller.customer_id
