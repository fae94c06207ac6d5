"""What every page of a contract begins with: the contract, the plan version that it is on, and its prices of its own."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.http import Http404

from apps.contracts.agreed import agreed
from apps.contracts.models import Contract
from apps.contracts.own_plans import own_versions
from apps.core import clock
from apps.core.periods import local_day
from apps.plans.models import PlanVersion


def contract_or_404(contract_id: UUID) -> Contract:
    """Return the contract with all that its pages name."""
    found = (
        Contract.objects.select_related(
            "customer__legal_entity",
            "plan_version__plan",
            "parent",
            "uplift_index",
            "renews_on_version__plan",
        )
        .filter(pk=contract_id)
        .first()
    )
    if found is None:
        raise Http404
    return found


def head(contract: Contract, here: str) -> dict[str, Any]:
    """Return what the head of the page shows; `here` names the page."""
    day = nearest_day(contract, local_day(clock.now(), contract.timezone))
    rows = agreed(contract)
    version_id = rows.plan_version_on(day, contract.plan_version_id)
    used = {contract.plan_version_id, *(phase.plan_version_id for phase in rows.phases)}
    own = list(own_versions(contract))
    return {
        "contract": contract,
        "here": here,
        "version": contract.plan_version
        if version_id == contract.plan_version_id
        else PlanVersion.objects.select_related("plan").get(pk=version_id),
        # What is still to be priced, and what is priced but not agreed on.
        "own_drafts": [one for one in own if one.status == PlanVersion.Status.DRAFT],
        "own_unused": [
            one for one in own if one.status == PlanVersion.Status.PUBLISHED and one.pk not in used
        ],
    }


def nearest_day(contract: Contract, today: date) -> date:
    """Return today, or the contract's first or last day."""
    if contract.ends_on is not None and today >= contract.ends_on:
        return contract.ends_on - timedelta(days=1)
    return max(today, contract.starts_on)
