"""The quarantine's pages: what waits by its cause, what it is worth, and the fix that lets it out."""

from collections.abc import Iterable
from datetime import date, datetime
from difflib import get_close_matches
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode

from apps.backoffice.views import page, require, sums
from apps.contracts import extend
from apps.contracts.models import Contract
from apps.contracts.queries import customers_named
from apps.core import clock
from apps.core.admin import actor_of
from apps.core.errors import Refusal
from apps.customers import aliases
from apps.customers.models import Customer
from apps.plans import type_aliases
from apps.plans.models import Meter
from apps.usage import quarantine, release
from apps.usage.ingest import MOST_EVENTS
from apps.usage.intake import Ingested
from apps.usage.models import QuarantinedEvent
from apps.usage.queries import waiting

Reason = QuarantinedEvent.Reason
# Staff may answer for the age of an event.
_ABOUT_AGE = {Reason.TOO_OLD}
_SHOWN = 20
# A misspelt key is as near as this to the right one; a key of somebody else is not.
_NEAR = 0.8
_RESENT = "Whoever sends them corrects what is wrong, and sends them again under the same ids: then these wait no more."
# What mends a cause for which there is no form here.
_WAYS = {
    Reason.TOO_OLD: "If the times are right, count them anyway: what is invoiced already gets an adjustment.",
    Reason.TOO_EARLY: "If the times are right, wait until they have come, and release.",
    Reason.NO_CONTRACT: "Sign a contract that covers these days, and release.",
    Reason.PERIOD_CLOSED: "Sign a contract that covers these days, and release.",
    Reason.NOT_IN_PLAN: "Move the customer to a plan that charges for these events, and release.",
    Reason.NO_PRICE: "If the values are right, move the customer to a plan version that prices them, and release. "
    f"If not: {_RESENT[0].lower()}{_RESENT[1:]}",
}


def causes(request: HttpRequest) -> HttpResponse:
    """Show what waits, by its cause."""
    require(request, "usage.view_quarantinedevent")
    found = quarantine.causes()
    worths = quarantine.worths(found)
    context = {
        "title": "Quarantine",
        "causes": [(cause, _address(cause.reason, cause.subject), worths.get(cause)) for cause in found],
        "events": waiting().count(),
        "at_stake": sums([amount for worth in worths.values() for amount in worth.amounts]),
        "is_cut": len(found) == quarantine.MOST_LISTED,
    }
    return page(request, "backoffice/quarantine.html", context)


def cause(request: HttpRequest) -> HttpResponse:
    """Show one cause with what it is worth; a form mends it and lets the events out, or dismisses them."""
    require(request, "usage.view_quarantinedevent", to_change="usage.change_quarantinedevent")
    reason, subject = request.GET.get("reason", ""), request.GET.get("subject", "")
    if reason not in Reason.values:
        raise Http404
    waiting = quarantine.of_cause(reason, subject)
    if request.method == "POST":
        _mend(request, reason, subject, list(waiting.values_list("pk", flat=True)[:MOST_EVENTS]))
        return redirect(_address(reason, subject) if waiting.exists() else reverse("backoffice:quarantine"))
    customers = Customer.objects.order_by("name") if reason == Reason.UNKNOWN_CUSTOMER else ()
    types = _types() if reason == Reason.UNKNOWN_TYPE else ()
    wanted = request.GET.get("customer") or _nearest(subject, (one.key for one in customers))
    customer = next((one for one in customers if one.key == wanted), None)
    theirs = _customer(subject) if reason in quarantine.BY_CUSTOMER else None
    as_type = request.GET.get("type") or _nearest(subject, types)
    sample = list(waiting[: quarantine.MOST_PRICED])
    context = {
        "title": str(Reason(reason).label),
        "reason": reason,
        "subject": subject,
        "events": waiting.count(),
        "sampled": len(sample),
        "worth": quarantine.worth(sample, as_customer=customer.pk if customer else None, as_type=as_type)
        if sample
        else None,
        "shown": sample[:_SHOWN],
        "customers": customers,
        "chosen_customer": customer,
        "types": types,
        "chosen_type": as_type,
        "contracts": _contracts(theirs) if reason in {Reason.NO_CONTRACT, Reason.PERIOD_CLOSED} else (),
        "theirs": theirs,
        "is_about_age": reason in _ABOUT_AGE,
        "way": _WAYS.get(Reason(reason), _RESENT),
        "most": MOST_EVENTS,
        "may_change": request.user.has_perm("usage.change_quarantinedevent"),
    }
    return page(request, "backoffice/quarantine_cause.html", context)


def _mend(request: HttpRequest, reason: str, subject: str, ids: list[UUID]) -> None:
    at, actor, asked = clock.now(), actor_of(request), request.POST
    try:
        match asked.get("do"):
            case "dismiss":
                many = release.dismiss(ids=ids, reason=asked.get("why", ""), at=at, actor=actor)
                events = "1 event is" if many == 1 else f"{many:,} events are"
                messages.success(request, f"{events} dismissed: on record, and never billed.")
                return
            case "alias":
                customer = Customer.objects.get(key=asked.get("customer", ""))
                aliases.add(key=subject, customer_id=customer.pk, at=at, actor=actor)
            case "type":
                type_aliases.add(sent_type=subject, event_type=asked.get("type", ""), at=at, actor=actor)
            case "extend":
                _extend(asked, at=at, actor=actor)
            case _:
                pass
        released = release.release(ids=ids, at=at, actor=actor, any_age=reason in _ABOUT_AGE)
    except (Refusal, ValueError, Customer.DoesNotExist, Contract.DoesNotExist) as refusal:
        said = (
            str(refusal)
            if isinstance(refusal, Refusal)
            else "Choose one of those offered, and a day as YYYY-MM-DD."
        )
        messages.error(request, said)
        return
    _tell(request, released)


def _tell(request: HttpRequest, released: Ingested) -> None:
    if released.counted:
        messages.success(request, f"Counted now, each at its own time: {released.counted:,}.")
    if released.duplicate or released.conflict:
        many = released.duplicate + released.conflict
        messages.info(request, f"Counted before under the same id: {many:,}. They wait no more.")
    if released.quarantined:
        first = next(detail for detail in released.details if detail.state == "quarantined")
        messages.warning(request, f"Still waiting: {released.quarantined:,}. The first: {first.remedy}")


def _extend(asked: Any, *, at: datetime, actor: str) -> None:
    until = asked.get("until", "")
    extend.extend(
        contract_id=Contract.objects.get(number=asked.get("contract", "")).pk,
        ends_on=date.fromisoformat(until) if until else None,
        reason=asked.get("why", "") or "Usage waits",
        at=at,
        actor=actor,
    )


def _nearest(subject: str, among: Iterable[str]) -> str:
    """Return what a misspelt word most likely stands for, or nothing."""
    return next(iter(get_close_matches(subject, among, 1, _NEAR)), "")


def _types() -> list[str]:
    return sorted(set(Meter.objects.values_list("event_type", flat=True)))


def _customer(key: str) -> Customer | None:
    """Return whose events come in under a key, an alias or a contract's number."""
    return Customer.objects.filter(pk__in=customers_named([key]).values()).first() if key else None


def _contracts(customer: Customer | None) -> list[Contract]:
    found = Contract.objects.filter(customer=customer, ends_on__isnull=False).exclude(status="draft")
    return list(found.select_related("plan_version__plan").order_by("-ends_on"))


def _address(reason: str, subject: str) -> str:
    return f"{reverse('backoffice:quarantine_cause')}?{urlencode({'reason': reason, 'subject': subject})}"
