"""Closing a month: what waits for a decision, what the decision will come to, and how far the run is that carries it out."""

from datetime import date
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse

from apps.backoffice import close_filter, differences
from apps.backoffice.close_start import START
from apps.backoffice.views import page, require, sums
from apps.core import clock
from apps.core.admin import actor_of
from apps.core.formats import format_month
from apps.invoices import close, decide, progress, queries, to_decide
from apps.invoices.decide import Chosen
from apps.invoices.models import CloseRun, ParkedClose
from apps.invoices.to_decide import Filter
from apps.usage import quarantine
from apps.usage.arriving import arriving
from apps.usage.queries import waiting

LOCALE = "en"
VIEW, FINALIZE, APPROVE = "invoices.view_invoice", "invoices.finalize_invoice", "invoices.approve_invoice"
_MOST_PARKED = 5
_MOST_CHOSEN = 1000


def review(request: HttpRequest) -> HttpResponse:
    """Show what is to be finalized of a month and what keeps it from that, the drafts by filter, page by page."""
    require(request, VIEW)
    months = to_decide.months()
    asked = _asked(request.GET, months)
    found = to_decide.summary(asked)
    rows, following = to_decide.page(asked, after=request.GET.get("after", ""))
    parked = queries.parked()
    run, at = progress.latest(), clock.now()
    context = {
        "title": f"Close {_named(asked.month)}",
        "asked": asked,
        "percent": close_filter.percent(asked),
        "summary": found,
        "rows": _with_reasons(rows),
        "following": close_filter.address(asked, after=following) if following else "",
        "is_first_page": not request.GET.get("after"),
        "again": close_filter.address(asked),
        "months": close_filter.month_links(asked, months),
        "entities": close_filter.entity_links(asked, to_decide.entities(asked.month)),
        "shows": close_filter.show_links(asked, found.counts),
        "orders": close_filter.ORDERS,
        "parked": list(parked[:_MOST_PARKED]),
        "parked_count": parked.count(),
        "progress": progress.run_progress(run, at=at) if run else None,
        "now": at,
        **_rights(request),
    }
    return page(request, "backoffice/review.html", context)


def arriving_part(request: HttpRequest) -> HttpResponse:
    """Give the part that tells whether usage of the month still arrives."""
    require(request, "usage.view_receipt")
    month = _asked(request.GET, []).month
    at = clock.now()
    start, end = close_filter.bounds(month, now=at)
    found = arriving(start=start, end=end, at=at)
    return TemplateResponse(
        request, "backoffice/review_arriving.html", {"arriving": found, "now": at, "month": month}
    )


def quarantine_part(request: HttpRequest) -> HttpResponse:
    """Give the part that tells what waits in quarantine, and what is known of its worth."""
    require(request, "usage.view_quarantinedevent")
    causes = quarantine.causes()
    worths = quarantine.worths(causes)
    context = {
        "events": waiting().count(),
        "causes": causes[:3],
        "at_stake": sums([amount for worth in worths.values() for amount in worth.amounts]),
        "unpriced": sum(cause.events for cause in causes if cause not in worths),
    }
    return TemplateResponse(request, "backoffice/review_quarantine.html", context)


def decide_page(request: HttpRequest) -> HttpResponse:
    """Say with figures what deciding on the chosen drafts, or on all of the filter, comes to; on a yes start it."""
    if not (request.user.has_perm(FINALIZE) or request.user.has_perm(APPROVE)):
        raise PermissionDenied
    require(request, VIEW)
    asked = _asked(request.GET, to_decide.months() if "month" not in request.GET else [])
    ids = _ids(request.POST if request.method == "POST" else request.GET)
    is_all = "all" in (request.POST if request.method == "POST" else request.GET)
    if not ids and not is_all:
        messages.info(request, "Choose at least one draft.")
        return redirect(reverse("backoffice:review") + close_filter.address(asked))
    chosen = _chosen(request, asked, () if is_all else ids)
    plan = decide.plan(chosen)
    if request.method == "POST" and "confirmed" in request.POST:
        if request.POST.get("mark") == plan.mark:
            return _decide(request, chosen)
        messages.warning(request, "The drafts changed since you looked: these are the figures of now.")
    context = {
        "title": "Finalize invoices" if plan.count else "Approve drafts",
        "plan": plan,
        "ids": chosen.ids,
        "percent": close_filter.percent(asked),
        "again": close_filter.address(asked),
        **_rights(request),
    }
    return page(request, "backoffice/review_decide.html", context)


def run_page(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """Show how far a run is, and afterwards what it did."""
    require(request, VIEW)
    run = _run(run_id)
    return page(request, "backoffice/review_run.html", {"title": str(run.get_step_display()), **_of(run)})


def run_part(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """Give the part of a run's page that renews itself until the run is over."""
    require(request, VIEW)
    context = {**_of(_run(run_id)), "is_brief": "brief" in request.GET}
    return TemplateResponse(request, "backoffice/review_progress.html", context)


def resume(request: HttpRequest) -> HttpResponse:
    """Close a parked contract again, and say whether it got through."""
    if request.method != "POST" or not request.user.has_perm("invoices.change_parkedclose"):
        raise PermissionDenied
    back = redirect(reverse("backoffice:review") + request.POST.get("again", ""))
    parked = (
        ParkedClose.objects.filter(pk__in=_ids(request.POST, "parked")).select_related("contract").first()
    )
    if parked is None:
        messages.info(request, "It is not parked any more.")
        return back
    closed = close.close_contract(contract_id=parked.contract_id, at=clock.now(), actor=actor_of(request))
    if closed.parked:
        messages.error(request, f"{parked.contract.number} is still parked: {closed.parked.reason}")
    else:
        messages.success(
            request, f"{parked.contract.number} goes on: {len(closed.drafts)} new drafts, none parked."
        )
    return back


def _decide(request: HttpRequest, chosen: Chosen) -> HttpResponse:
    decided = decide.decide(chosen, at=clock.now())
    for reason in decided.refused:
        messages.error(request, reason)
    if decided.approved:
        plural = "" if decided.approved == 1 else "s"
        messages.success(request, f"Approved {decided.approved:,} draft{plural} at the total that you saw.")
    if decided.run is None:
        return redirect(reverse("backoffice:review") + close_filter.address(chosen.asked))
    return redirect("backoffice:review_run", decided.run.pk)


def _asked(query: QueryDict, months: list[tuple[date, int]]) -> Filter:
    """Read the filter; without a month it is the newest that has ended and has drafts."""
    today = clock.now().date()
    ended = [month for month, _ in months if month < today.replace(day=1)]
    newest = ended[0] if ended else (months[-1][0] if months else None)
    return close_filter.asked(query, newest=newest)


def _chosen(request: HttpRequest, asked: Filter, ids: list[UUID] | tuple[UUID, ...]) -> Chosen:
    return Chosen(
        asked=asked,
        actor=actor_of(request),
        may_finalize=request.user.has_perm(FINALIZE),
        may_approve=request.user.has_perm(APPROVE),
        ids=ids,
    )


def _rights(request: HttpRequest) -> dict[str, bool]:
    may_finalize, may_approve = request.user.has_perm(FINALIZE), request.user.has_perm(APPROVE)
    return {
        "may_finalize": may_finalize,
        "may_approve": may_approve,
        "may_decide": may_finalize or may_approve,
        "may_start": request.user.has_perm(START),
        "may_resume": request.user.has_perm("invoices.change_parkedclose"),
        "may_see_usage": request.user.has_perm("usage.view_receipt"),
        "may_see_quarantine": request.user.has_perm("usage.view_quarantinedevent"),
    }


def _with_reasons(
    rows: list[to_decide.DraftRow],
) -> list[tuple[to_decide.DraftRow, differences.Why | None]]:
    whys = differences.reasons(rows)
    return [(row, whys.get(row.id)) for row in rows]


def _ids(query: QueryDict, name: str = "invoice") -> list[UUID]:
    found = set()
    for text in query.getlist(name)[:_MOST_CHOSEN]:
        try:
            found.add(UUID(text))
        except ValueError:
            continue
    return sorted(found)


def _named(month: date | None) -> str:
    return format_month(month, LOCALE) if month else "every month"


def _run(run_id: UUID) -> CloseRun:
    run = CloseRun.objects.filter(pk=run_id).first()
    if run is None:
        raise Http404
    return run


def _of(run: CloseRun) -> dict[str, Any]:
    at = clock.now()
    return {"progress": progress.run_progress(run, at=at), "now": at}
