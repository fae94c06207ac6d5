"""Starting a close by hand: what it will draft is said first; a run does it in the background."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from apps.backoffice import close_filter
from apps.backoffice.views import page, require
from apps.core import clock
from apps.core.admin import actor_of
from apps.customers.models import LegalEntity
from apps.invoices import progress, run
from apps.invoices.errors import RunUnderWay
from apps.invoices.models import CloseRun

START = "invoices.change_invoice"


@require_http_methods(["GET", "HEAD", "POST"])
def start(request: HttpRequest) -> HttpResponse:
    """Say how many contracts have a period to draft, of all legal entities or of the one filtered by; on a yes draft them."""
    require(request, START)
    asked = close_filter.asked(request.GET, newest=None)
    entity = LegalEntity.objects.filter(key=asked.entity).first() if asked.entity else None
    at = clock.now()
    if request.method == "POST":
        return _started(request, entity)
    context = {
        "title": "Start the close now",
        "entity": entity,
        "count": len(run.due_to_draft(at=at, legal_entity=entity)),
        "again": close_filter.address(asked),
    }
    return page(request, "backoffice/review_start.html", context)


def _started(request: HttpRequest, entity: LegalEntity | None) -> HttpResponse:
    try:
        begun = run.start_drafts(at=clock.now(), actor=actor_of(request), legal_entity=entity)
    except RunUnderWay as refusal:
        messages.info(request, str(refusal))
        begun = progress.latest(step=CloseRun.Step.DRAFT)
    if begun is None:
        messages.info(request, "Nothing is to be drafted: every period that ended has its draft.")
        return redirect("backoffice:review")
    return redirect("backoffice:review_run", begun.pk)
