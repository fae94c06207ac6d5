"""The plans made for one contract: its own prices, which no other contract is offered."""

from django.db.models import Q, QuerySet

from apps.contracts.agreed import agreed
from apps.contracts.models import Contract
from apps.plans.models import Plan, PlanVersion
from apps.plans.queries import offered_versions


def own_plan_name(contract: Contract) -> str:
    """Return what the plan made for a contract is called."""
    return f"Prices of {contract.number}"


def own_versions(contract: Contract) -> QuerySet[PlanVersion]:
    """Return the versions of plans made for a contract, those that it is on and those that it is not yet, the newest first."""
    used = {contract.plan_version_id, *(phase.plan_version_id for phase in agreed(contract).phases)}
    plans = Plan.objects.filter(Q(name=own_plan_name(contract)) | Q(versions__in=used), is_custom=True)
    found: QuerySet[PlanVersion] = PlanVersion.objects.filter(plan__in=plans.values("pk"))
    return found.select_related("plan").order_by("-id")


def offered_to(contract: Contract) -> QuerySet[PlanVersion]:
    """Return the plan versions that a contract may be on: the one it has, what anybody is offered, and its own prices."""
    published = own_versions(contract).filter(status=PlanVersion.Status.PUBLISHED)
    found: QuerySet[PlanVersion] = PlanVersion.objects.filter(
        Q(pk=contract.plan_version_id)
        | Q(pk__in=offered_versions().values("pk"))
        | Q(pk__in=published.values("pk"))
    )
    return found.select_related("plan").order_by("plan__name", "-number")
