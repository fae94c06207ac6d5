"""From a customer to the contract that something is billed under: the only one at once, else one that staff choose."""

from collections.abc import Mapping

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from apps.backoffice.views import page, require
from apps.contracts import queries as contracts
from apps.core import clock
from apps.core.periods import local_day
from apps.customers.models import Customer

TITLES: Mapping[str, str] = {"one_off": "New one-off invoice", "purchase": "Sell credits"}


def choose_contract(request: HttpRequest, key: str, what: str) -> HttpResponse:
    """Lead to the page of the customer's contract, or ask which one; those that run come first."""
    require(request, "invoices.change_invoice")
    customer = Customer.objects.filter(key=key).first()
    if customer is None:
        raise Http404
    signed = list(contracts.live(customer_ids=[customer.pk]).order_by("-starts_on"))
    at = clock.now()
    running = [one for one in signed if one.covers(local_day(at, one.timezone))]
    if len(running) == 1 or len(signed) == 1:
        return redirect(f"backoffice:{what}", (running or signed)[0].pk)
    if not signed:
        messages.error(request, f"{customer} has no signed contract to bill under. Sign one first.")
        return redirect("backoffice:customer", key=key)
    context = {"title": TITLES[what], "customer": customer, "contracts": signed, "what": f"backoffice:{what}"}
    return page(request, "backoffice/choose_contract.html", context)
