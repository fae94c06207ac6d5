"""Proving invoices: one on its page, all of them in the background; and the files that customers check them with."""

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_safe

from apps.backoffice.views import page, require
from apps.core import clock
from apps.core.admin import actor_of
from apps.core.errors import Refusal
from apps.invoices.evidence import files
from apps.invoices.evidence.usage_rows import months_missing
from apps.invoices.models import Invoice, VerifyRun
from apps.invoices.verify import of_all
from apps.invoices.verify.findings import Check
from apps.invoices.verify.run import verify_or_tell
from apps.usage import parquet
from apps.usage.archives import configured

# Counting more events anew takes longer than a page may.
MOST_EVENTS = 500_000
WORDS = {
    Check.SEAL: ("Sealed", "Its content is what its hash was made of when it was finalized."),
    Check.SUMS: ("Adds up", "Its lines, its tax and its total add up."),
    Check.JOURNAL: ("Posted", "Its journal entry says the same as its lines."),
    Check.DOCUMENT: ("Document", "The PDF is the one that was rendered and sent."),
    Check.EVENTS: ("Counted", "Its daily totals are those of the raw events."),
    Check.PRICES: ("Priced", "Priced again, its period comes to what was billed, to the cent."),
}


@require_safe
def proof(request: HttpRequest, invoice_id: UUID) -> HttpResponse:
    """Prove one finalized invoice, and show what was checked and what was found."""
    require(request, "invoices.view_invoice")
    invoice = _finalized(invoice_id)
    events = sum(int(row["events"]) for row in invoice.snapshot.get("usage", ()))
    proven = verify_or_tell(invoice_id=invoice.pk, archives=configured()) if events <= MOST_EVENTS else None
    wrong = {finding.check for finding in proven.findings} if proven else set()
    context = {
        "title": f"Proof of {invoice.number}",
        "invoice": invoice,
        "proven": proven,
        "checks": [(*WORDS[check], check not in wrong) for check in proven.checks] if proven else [],
        "events": events,
        "hash": bytes(invoice.snapshot_hash or b"").hex(),
        "previous": bytes(invoice.previous_hash).hex() if invoice.previous_hash else "",
        "months_missing": months_missing(invoice),
        "has_parquet": parquet.is_there(),
        "has_xml": invoice.electronic.exists(),
    }
    return page(request, "backoffice/proof.html", context)


@require_safe
def evidence(request: HttpRequest, invoice_id: UUID, kind: str) -> HttpResponseBase:
    """Give the usage behind an invoice, or its proof, as a file."""
    require(request, "invoices.view_invoice")
    if kind not in files.KINDS:
        raise Http404
    try:
        return files.download(_finalized(invoice_id), kind)
    except Refusal as refusal:
        return HttpResponse(str(refusal), status=refusal.status, content_type="text/plain; charset=utf-8")


@require_http_methods(["GET", "HEAD", "POST"])
def proofs(request: HttpRequest) -> HttpResponse:
    """Show the latest proofs of all invoices, and start another one."""
    require(request, "invoices.view_invoice", to_change="invoices.change_invoice")
    if request.method == "POST":
        of_all.start(at=clock.now(), actor=actor_of(request))
        return redirect("backoffice:proofs")
    runs = list(VerifyRun.objects.order_by("-started_at")[:10])
    context = {
        "title": "Proofs",
        "runs": runs,
        "is_running": any(run.finished_at is None for run in runs[:1]),
        "documents": Invoice.objects.filter(status=Invoice.Status.FINALIZED).count(),
    }
    return page(
        request,
        "backoffice/proof_runs.html" if request.headers.get("HX-Request") else "backoffice/proofs.html",
        context,
    )


def _finalized(invoice_id: UUID) -> Invoice:
    found = Invoice.objects.filter(pk=invoice_id, status=Invoice.Status.FINALIZED)
    invoice = found.select_related("customer", "contract").first()
    if invoice is None:
        raise Http404
    return invoice
