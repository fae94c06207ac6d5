"""What the head of a member's page shows."""

from dataclasses import dataclass

from django import template
from django.http import HttpRequest
from django.template.context import Context

from apps.portal.access import Seat, seats_of

register = template.Library()


@dataclass(frozen=True, slots=True)
class Frame:
    """The customers to choose from, and the one whose page this is."""

    seats: tuple[Seat, ...]
    seat: Seat | None


@register.simple_tag(takes_context=True)
def portal_frame(context: Context) -> Frame:
    """Return the customers of the person who is signed in; on pages of the account, the first is shown."""
    request: HttpRequest = context["request"]
    seats = getattr(request, "portal_seats", None)
    if seats is None:
        seats = seats_of(request.user)
    return Frame(seats, getattr(request, "portal_seat", None) or next(iter(seats), None))
