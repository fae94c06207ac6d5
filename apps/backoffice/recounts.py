"""The page on which staff count past events by a meter: what it would take first, then the recount itself."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode

from apps.backoffice.views import page, require
from apps.core import clock
from apps.core.admin import actor_of
from apps.core.errors import Refusal
from apps.plans.models import Meter
from apps.usage import recount


def new_recount(request: HttpRequest) -> HttpResponse:
    """Ask for the meter, show what counting past events by it would take, and begin."""
    require(request, "usage.add_recount")
    asked = request.POST if request.method == "POST" else request.GET
    meter = Meter.objects.filter(key=asked.get("meter", "")).first()
    if request.method == "POST" and meter:
        return _begin(request, meter)
    context = {
        "title": "New recount",
        "meters": Meter.objects.order_by("name"),
        "meter": meter,
        "preview": recount.preview(meter) if meter else None,
    }
    return page(request, "backoffice/recount.html", context)


def _begin(request: HttpRequest, meter: Meter) -> HttpResponse:
    try:
        begun = recount.begin(meter_id=meter.pk, at=clock.now(), actor=actor_of(request))
    except Refusal as refusal:
        messages.error(request, str(refusal))
        return redirect(f"{reverse('backoffice:new_recount')}?{urlencode({'meter': meter.key})}")
    goes_on = f" The recount goes on after {begun.done:,} days of customers." if begun.done else ""
    messages.success(
        request, f"Past events are being counted by {meter}.{goes_on} This page shows how far it is."
    )
    return redirect("admin:usage_recount_change", begun.pk)
