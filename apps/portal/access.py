"""Who may see which customer's pages; another customer's address answers exactly like one that does not exist."""

from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import AnonymousUser
from django.http import Http404, HttpRequest, HttpResponseBase

from apps.core.models import User
from apps.customers.models import Membership
from apps.invoices import logo
from apps.invoices.errors import UnsafeLogo


@dataclass(frozen=True, slots=True)
class Seller:
    """The company that the customer buys from, as the head of the page shows it."""

    name: str
    email: str
    logo_svg: str

    @property
    def logo_uri(self) -> str:
        """Return the logo as an image that can run nothing, or nothing if it is not plain."""
        if not self.logo_svg:
            return ""
        try:
            drawing = logo.safe_svg(self.logo_svg)
        except UnsafeLogo:
            return ""
        return f"data:image/svg+xml;base64,{b64encode(drawing).decode()}"


@dataclass(frozen=True, slots=True)
class Seat:
    """A person's place in one customer's portal."""

    customer_id: UUID
    key: str
    name: str
    seller: Seller


def seats_of(user: User | AnonymousUser) -> tuple[Seat, ...]:
    """Return the customers whose pages a person may see, by name, in one query."""
    if not user.is_authenticated:
        return ()
    memberships = Membership.objects.filter(user=user).select_related("customer__legal_entity")
    return tuple(
        Seat(
            customer_id=membership.customer_id,
            key=membership.customer.key,
            name=membership.customer.name,
            seller=Seller(
                name=membership.customer.legal_entity.name,
                email=membership.customer.legal_entity.email,
                logo_svg=membership.customer.legal_entity.logo_svg,
            ),
        )
        for membership in memberships.order_by("customer__name", "customer__key")
    )


def for_members(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Let in only members of the customer that the address names; the view gets their `seat`."""

    @wraps(view)
    @login_required
    def guarded(request: HttpRequest, customer_key: str, **named: Any) -> HttpResponseBase:
        seats = seats_of(request.user)
        seat = next((seat for seat in seats if seat.key == customer_key), None)
        if seat is None:
            raise Http404
        request.portal_seats = seats  # type: ignore[attr-defined]
        request.portal_seat = seat  # type: ignore[attr-defined]
        return view(request, seat=seat, **named)

    return guarded
