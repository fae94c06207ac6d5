"""Prices of a contract's own: a plan made for it, which begins as a copy of the one it is on and is built like any other."""

from datetime import date
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html

from apps.contracts import amend
from apps.contracts.agreed import agreed
from apps.contracts.changes import ChangePlan
from apps.contracts.models import Contract
from apps.contracts.own_plans import own_plan_name
from apps.core import clock
from apps.core.admin import actor_of
from apps.core.errors import Refusal
from apps.plans import compose
from apps.plans.models import PlanVersion


def own_prices(request: HttpRequest, contract_id: UUID) -> HttpResponse:
    """Make prices of the contract's own from those that hold on a day, put a draft on them, and lead to where they are set."""
    contract = Contract.objects.select_related("plan_version").filter(pk=contract_id).first()
    if contract is None or request.method != "POST":
        raise Http404
    if not request.user.has_perms(["contracts.change_contract", "plans.change_planversion"]):
        raise PermissionDenied
    try:
        on = date.fromisoformat(request.POST.get("on", ""))
    except ValueError:
        on = contract.starts_on
    try:
        version = _made(request, contract, on)
    except (Refusal, ValueError) as refusal:
        messages.error(request, str(refusal))
        return redirect("backoffice:agreed", contract.pk)
    back = reverse("backoffice:agreed", args=[contract.pk])
    messages.info(
        request,
        format_html(
            'Set the prices of <a href="{}">{}</a> here and publish them; then go on with the contract.',
            back,
            contract.number,
        ),
    )
    return redirect("admin:plans_planversion_change", version.pk)


def _made(request: HttpRequest, contract: Contract, on: date) -> PlanVersion:
    at, actor = clock.now(), actor_of(request)
    base_id = agreed(contract).plan_version_on(on, contract.plan_version_id)
    version = compose.custom_version(base_id=base_id, name=own_plan_name(contract), at=at, actor=actor)
    if contract.status == Contract.Status.DRAFT:
        amend.agree(contract_id=contract.pk, on=on, changes=[ChangePlan(version.pk)], at=at, actor=actor)
    return version
