"""Moving contracts from one version of their plan to another, on a day or at their next renewal."""

from datetime import date, datetime
from uuid import UUID

from django.db.models import F, OuterRef, Q, QuerySet, Subquery, UUIDField, Value
from django.db.models.functions import Coalesce, Greatest

from apps.contracts.amend import amend
from apps.contracts.changes import ChangeFields, ChangePlan
from apps.contracts.models import Amendment, Contract, Phase
from apps.core.periods import local_day
from apps.plans.models import PlanVersion


def movable(version: PlanVersion, *, on: date) -> QuerySet[Contract]:
    """Return the signed contracts that another version of the same plan and currency prices on a day; one query.

    Each has that version's id as `on_version_id`, of the day on which it begins if that is later. A contract with prices of its
    own is on a plan made for it, and not among them.
    """
    begun = Phase.objects.filter(
        contract=OuterRef("pk"),
        removed_by=None,
        starts_on__lte=Greatest(Value(on), OuterRef("starts_on")),
    )
    others = PlanVersion.objects.filter(plan=version.plan_id, currency=version.currency).exclude(
        pk=version.pk
    )
    return (
        Contract.objects.filter(Q(ends_on=None) | Q(ends_on__gt=on), status=Contract.Status.ACTIVE)
        .annotate(
            on_version_id=Coalesce(
                Subquery(begun.order_by("-starts_on").values("plan_version_id")[:1]),
                F("plan_version_id"),
                output_field=UUIDField(),
            )
        )
        .filter(on_version_id__in=others.values("pk"))
        .select_related("customer", "plan_version__plan", "renews_on_version__plan")
        .order_by("number")
    )


def move_on_day(
    *, contract_id: UUID, version_id: UUID, effective_on: date, reason: str, at: datetime, actor: str
) -> Amendment:
    """Put a signed contract on another version from a day on, by an amendment; refuses what amending refuses."""
    return amend(
        contract_id=contract_id,
        effective_on=effective_on,
        changes=[ChangePlan(version_id)],
        reason=reason,
        at=at,
        actor=actor,
    )


def move_at_renewal(
    *, contract_id: UUID, version: PlanVersion | None, reason: str, at: datetime, actor: str
) -> Amendment:
    """Let the next renewal of a signed contract put it on another version, at the prices of that; with none, let it stay.

    An amendment remembers it, and until then no price changes. Refuses a contract that ends with its term, and a version in
    another currency or that is not published.
    """
    contract = Contract.objects.get(pk=contract_id)
    return amend(
        contract_id=contract_id,
        effective_on=max(local_day(at, contract.timezone), contract.starts_on),
        changes=[ChangeFields({"renews_on_version": version})],
        reason=reason,
        at=at,
        actor=actor,
    )
