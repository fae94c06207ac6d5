"""The page on which staff decide disputes over outcomes."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from apps.backoffice.views import page, require
from apps.core import clock
from apps.core.admin import actor_of
from apps.core.errors import Refusal
from apps.usage.disputes import decide, open_disputes


def disputes(request: HttpRequest) -> HttpResponse:
    """Show the disputes that wait; a form rejects or accepts one."""
    require(request, "usage.view_outcome", to_change="usage.change_outcome")
    if request.method == "POST":
        _decide(request)
        return redirect("backoffice:disputes")
    context = {
        "title": "Disputes",
        "disputes": open_disputes(),
        "may_change": request.user.has_perm("usage.change_outcome"),
    }
    return page(request, "backoffice/disputes.html", context)


def _decide(request: HttpRequest) -> None:
    asked = request.POST
    rejects = asked.get("do") == "reject"
    try:
        decide(
            customer_key=asked.get("customer", ""),
            meter_id=UUID(asked.get("meter", "")),
            outcome=asked.get("outcome", ""),
            rejects=rejects,
            reason=asked.get("why", ""),
            at=clock.now(),
            actor=actor_of(request),
        )
    except Refusal as refusal:
        messages.error(request, str(refusal))
        return
    except ValueError:
        messages.error(request, "That names no meter. Nothing was decided; reload the page.")
        return
    word = "rejected: it is billed on its own day again" if rejects else "accepted: it stays off the bill"
    messages.success(request, f"The dispute over {asked['outcome']} is {word}.")
