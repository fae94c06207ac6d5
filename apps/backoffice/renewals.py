"""The contracts that come to their end: what will become of them, and renewing or declining one."""

from datetime import date
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from apps.backoffice.contract_head import contract_or_404
from apps.backoffice.views import page, require
from apps.contracts import migrate, notice, remind, renew, renewals, uplift, worth
from apps.contracts.models import Contract
from apps.contracts.next_term import next_term
from apps.core import clock
from apps.core.admin import actor_of
from apps.core.errors import Refusal
from apps.core.formats import format_day

_AHEAD = (30, 60, 90)
# Of a matrix with hundreds of cells nobody reads each price.
_MOST_RISES = 50


def upcoming(request: HttpRequest) -> HttpResponse:
    """List the contracts whose end or notice day comes within 30, 60 or 90 days, with what will happen."""
    require(request, "contracts.view_contract")
    asked = request.GET.get("days", "")
    days = next((one for one in _AHEAD if str(one) == asked), _AHEAD[-1])
    rows = renewals.upcoming(days=days, at=clock.now())
    context = {
        "title": "Renewals",
        "days": days,
        "choices": _AHEAD,
        "rows": rows,
        "totals": renewals.totals(rows),
        "may_change": request.user.has_perm("contracts.change_contract"),
    }
    return page(request, "backoffice/renewals.html", context)


def renewal(request: HttpRequest, contract_id: UUID) -> HttpResponse:
    """Show the next term of a contract before it is renewed, with every price that rises; forms renew it, or decline."""
    require(request, "contracts.view_contract", to_change="contracts.change_contract")
    contract = contract_or_404(contract_id)
    if request.method == "POST":
        return _act(request, contract)
    at = clock.now()
    term, hindrance = None, ""
    try:
        term = next_term(contract, at=at)
    except Refusal as refusal:
        hindrance = str(refusal)
    rises = uplift.rises(term.before, term.charges) if term and not term.moves_to else ()
    context = {
        "title": f"Renewal of {contract}",
        "contract": contract,
        "term": term,
        "hindrance": hindrance,
        "rises": rises[:_MOST_RISES],
        "more_rises": len(rises) - _MOST_RISES,
        "worth": worth.worth_of(contract, date.fromordinal(contract.ends_on.toordinal() - 1))
        if contract.ends_on
        else None,
        "notice_by_on": notice.notice_by_on(contract),
        "renews_on": notice.renews_on(contract),
        "decide_by_on": remind.decided_by_on(contract),
        "past": list(contract.renewals.order_by("-starts_on")),
        "sides": notice.BY,
        "may_change": request.user.has_perm("contracts.change_contract"),
    }
    return page(request, "backoffice/renewal.html", context)


def _act(request: HttpRequest, contract: Contract) -> HttpResponse:
    asked, at, actor = request.POST, clock.now(), actor_of(request)
    try:
        if asked.get("do") == "decline":
            declined = notice.decline(
                contract_id=contract.pk,
                by=asked.get("by", ""),
                reason=asked.get("reason", ""),
                at=at,
                actor=actor,
            )
            assert declined.ends_on
            messages.success(
                request, f"{contract} does not renew: it ends on {format_day(declined.ends_on, 'en')}."
            )
        elif asked.get("do") == "stay":
            migrate.move_at_renewal(
                contract_id=contract.pk, version=None, reason=asked.get("reason", ""), at=at, actor=actor
            )
            messages.success(request, f"{contract} stays on its plan version when it renews.")
        else:
            renewed = renew.renew(
                contract_id=contract.pk,
                term_ends_on=date.fromisoformat(asked.get("term_ends_on", "")),
                reason=asked.get("reason", ""),
                at=at,
                actor=actor,
            )
            messages.success(
                request,
                f"{contract} is renewed from {format_day(renewed.starts_on, 'en')} until {format_day(renewed.ends_on, 'en')}.",
            )
    except Refusal as refusal:
        messages.error(request, str(refusal))
    except ValueError:
        messages.error(request, "Nothing was changed: look at the page again.")
    return redirect("backoffice:renewal", contract.pk)
