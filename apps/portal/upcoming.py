"""The customer's invoice so far: that of a running period as it would be now, as a page and as a pro forma invoice."""

from datetime import datetime
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from apps.contracts import queries as contracts
from apps.contracts.models import Contract
from apps.core import clock
from apps.core.errors import Refusal
from apps.core.money import Money
from apps.core.periods import local_day
from apps.invoices.preview import Previewed, period_to_preview, preview
from apps.portal.access import Seat, for_members


def billed_to(seat: Seat, *, at: datetime) -> list[Contract]:
    """Return the customer's contracts that run and have invoices of their own, the newest first; one query."""
    live = contracts.live(customer_ids=[seat.customer_id]).exclude(billing=Contract.Billing.PARENT)
    return [one for one in live.order_by("-starts_on") if one.covers(local_day(at, one.timezone))]


@require_safe
@for_members
def upcoming(request: HttpRequest, seat: Seat, contract_id: UUID) -> HttpResponse:
    """Show the lines so far with their reasons; where it has no price yet, say so."""
    contract, at = _contract(seat, contract_id), clock.now()
    found = _foreseen(contract, at)
    context = {
        "seat": seat,
        "contract": contract,
        "period": period_to_preview(contract, at),
        "document": found.document() if found else None,
        "total": Money(found.invoice.total, found.invoice.currency).rounded() if found else None,
        "now": at,
        "here": "invoices",
    }
    return render(request, "portal/upcoming.html", context)


@require_safe
@for_members
def upcoming_pdf(request: HttpRequest, seat: Seat, contract_id: UUID) -> HttpResponse:
    """Hand out the pro forma invoice."""
    contract, at = _contract(seat, contract_id), clock.now()
    found = _foreseen(contract, at)
    if found is None:
        raise Http404
    name = f"pro-forma-{contract.number}-{local_day(at, contract.timezone)}.pdf"
    return HttpResponse(
        found.pdf(),
        content_type="application/pdf",
        headers={"Content-Disposition": content_disposition_header(as_attachment=True, filename=name)},
    )


def _contract(seat: Seat, contract_id: UUID) -> Contract:
    """Return a contract of the customer's; one of another customer's is not there."""
    live = contracts.live(customer_ids=[seat.customer_id]).select_related("customer__legal_entity")
    found = live.filter(pk=contract_id).first()
    if found is None:
        raise Http404
    return found


def _foreseen(contract: Contract, at: datetime) -> Previewed | None:
    """Return the invoice as it would be; None while the seller has to put something right first, or the parent gets it."""
    try:
        return preview(contract, at=at)
    except Refusal:
        return None
