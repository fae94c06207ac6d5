"""The invoice of a contract's running period as it would be now: as a page, and as a pro forma invoice."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from apps.backoffice import queries
from apps.backoffice.contract_head import contract_or_404, head
from apps.backoffice.views import page, require
from apps.contracts.models import Contract
from apps.core import clock
from apps.core.errors import Refusal
from apps.core.money import Money
from apps.core.periods import local_day
from apps.invoices.preview import Previewed, billed_with, period_to_preview, preview

LOCALE = "en"


def upcoming(request: HttpRequest, contract_id: UUID) -> HttpResponse:
    """Show the lines of the running period with their reasons, apart from what was billed of it already."""
    require(request, "invoices.view_invoice")
    contract, at = contract_or_404(contract_id), clock.now()
    found, why_not = _foreseen(contract)
    period = period_to_preview(contract, at)
    context = {
        "title": f"{contract}: invoice so far",
        **head(contract, "upcoming"),
        "period": period,
        "now": at,
        "why_not": why_not,
        "billed_with": billed_with(contract, at=at),
        "document": found.document(language=LOCALE) if found else None,
        "total": Money(found.invoice.total, found.invoice.currency).rounded() if found else None,
        "billed": queries.billed_so_far(
            contract.pk, period.starts_on, today=local_day(at, contract.timezone)
        ),
    }
    return page(request, "backoffice/upcoming.html", context)


def upcoming_pdf(request: HttpRequest, contract_id: UUID) -> HttpResponse:
    """Hand out the pro forma invoice of the running period, in the customer's language."""
    require(request, "invoices.view_invoice")
    contract = contract_or_404(contract_id)
    found, why_not = _foreseen(contract)
    if found is None:
        messages.error(request, why_not)
        return redirect("backoffice:upcoming", contract.pk)
    return HttpResponse(
        found.pdf(),
        content_type="application/pdf",
        headers={"Content-Disposition": f'inline; filename="pro-forma-{contract.pk}.pdf"'},
    )


def _foreseen(contract: Contract) -> tuple[Previewed | None, str]:
    """Return the invoice as it would be, or why there is none."""
    try:
        return preview(contract, at=clock.now()), ""
    except Refusal as refusal:
        return None, str(refusal)
