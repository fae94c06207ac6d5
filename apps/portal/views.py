"""The customer's pages: they read, and change nothing."""

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from apps.core import clock
from apps.core.errors import Refusal
from apps.core.models import User
from apps.core.money import Money
from apps.core.templatetags.figures import language
from apps.invoices import credit_notes, publish
from apps.invoices.document import document_of
from apps.invoices.evidence import files
from apps.invoices.evidence.usage_rows import months_missing
from apps.invoices.models import Invoice
from apps.payments.balances import balances
from apps.portal import queries, upcoming, usage_page
from apps.portal.access import Seat, for_members, seats_of
from apps.portal.overview import overview
from apps.usage import parquet


@require_safe
@login_required
def to_own(request: HttpRequest, page: str) -> HttpResponse:
    """Lead a person to the page of their first customer; one without a seat is told how to get one."""
    seats = seats_of(request.user)
    if not seats:
        return render(request, "portal/no_seat.html")
    return redirect(f"portal:{page}", customer_key=seats[0].key)


@require_safe
@login_required
def to_own_invoice(request: HttpRequest, number: str) -> HttpResponse:
    """Lead a person from an invoice's number to its page under the customer that it belongs to."""
    for seat in seats_of(request.user):
        if queries.invoice_with_lines(customer_id=seat.customer_id, number=number):
            return redirect("portal:invoice", customer_key=seat.key, number=number)
    raise Http404


@require_safe
@for_members
def home(request: HttpRequest, seat: Seat) -> HttpResponse:
    at = clock.now()
    page = overview(customer_id=seat.customer_id, at=at, locale=language())
    return render(request, "portal/home.html", {"seat": seat, "page": page, "now": at, "here": "home"})


@require_safe
@for_members
def usage(request: HttpRequest, seat: Seat) -> HttpResponse:
    page = usage_page.usage_page(
        customer_id=seat.customer_id, asked=request.GET.dict(), at=clock.now(), locale=language()
    )
    return render(request, "portal/usage.html", {"seat": seat, "page": page, "here": "usage"})


@require_safe
@for_members
def usage_csv(request: HttpRequest, seat: Seat) -> HttpResponse:
    page = usage_page.usage_page(
        customer_id=seat.customer_id, asked=request.GET.dict(), at=clock.now(), locale=language()
    )
    meter = page.meter.key if page.meter else "nothing"
    name = f"usage-{seat.key}-{meter}-{page.days.start}-{page.days.last}.csv"
    return HttpResponse(
        usage_page.as_csv(page),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": content_disposition_header(as_attachment=True, filename=name)},
    )


@require_safe
@for_members
def invoices(request: HttpRequest, seat: Seat) -> HttpResponse:
    rows = queries.invoice_rows(customer_id=seat.customer_id)
    today = clock.now().date()
    context = {
        "seat": seat,
        "invoices": [(row, row.state(today)) for row in rows],
        "balances": list(balances(seat.customer_id).values()),
        "running": upcoming.billed_to(seat, at=clock.now()),
        "here": "invoices",
    }
    return render(request, "portal/invoices.html", context)


@require_safe
@for_members
def invoice(request: HttpRequest, seat: Seat, number: str) -> HttpResponse:
    found = queries.invoice_with_lines(customer_id=seat.customer_id, number=number)
    if found is None:
        raise Http404
    bill, lines, still_open = found
    context = {
        "seat": seat,
        "invoice": bill,
        "document": document_of(bill, lines),
        "notes": [
            (note.number, Money(-note.total, note.currency)) for note in credit_notes.of_invoice(bill.pk)
        ],
        "open": still_open,
        "months_missing": months_missing(bill),
        "has_parquet": parquet.is_there(),
        "has_xml": bill.electronic.exists(),
        "state": "credit note"
        if bill.kind == Invoice.Kind.CREDIT_NOTE
        else _state(still_open.amount > 0, overdue=bool(bill.due_on and bill.due_on < clock.now().date())),
        "here": "invoices",
    }
    return render(request, "portal/invoice.html", context)


@require_safe
@for_members
def invoice_pdf(request: HttpRequest, seat: Seat, number: str) -> HttpResponse:
    found = queries.invoice_with_lines(customer_id=seat.customer_id, number=number)
    if found is None:
        raise Http404
    # Rendered already, but for the seconds after finalizing; rendering twice gives the same document.
    person = request.user.email if isinstance(request.user, User) else ""
    document = publish.render_pdf(invoice_id=found[0].pk, at=clock.now(), actor=person)
    return HttpResponse(
        bytes(document.content),
        content_type="application/pdf",
        headers={
            "Content-Disposition": content_disposition_header(as_attachment=True, filename=f"{number}.pdf")
        },
    )


@require_safe
@for_members
def invoice_evidence(request: HttpRequest, seat: Seat, number: str, kind: str) -> HttpResponseBase:
    """Give the usage behind an invoice, or its proof, as a file."""
    found = queries.invoice_with_lines(customer_id=seat.customer_id, number=number)
    if found is None or kind not in files.KINDS:
        raise Http404
    try:
        return files.download(found[0], kind)
    except Refusal as refusal:
        return HttpResponse(str(refusal), status=refusal.status, content_type="text/plain; charset=utf-8")


def _state(is_open: bool, *, overdue: bool) -> str:  # noqa: FBT001
    if not is_open:
        return "paid"
    return "overdue" if overdue else "open"
