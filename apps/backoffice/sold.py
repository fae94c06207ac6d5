"""What the forms that change a contract can choose from: its charges on a day, the plan versions that it may go to."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.db.models import QuerySet
from django.utils.text import slugify

from apps.contracts.agreed import agreed
from apps.contracts.models import Contract
from apps.contracts.own_plans import offered_to
from apps.plans.models import Charge, PlanVersion

_LONGEST_KEY = 60


@dataclass(frozen=True, slots=True)
class Sold:
    """What of a contract its forms need to know: on the day, its plan version and the charges in it."""

    contract: Contract
    on: date
    version_id: UUID
    charges: tuple[Charge, ...]

    @classmethod
    def of(cls, contract: Contract, on: date) -> "Sold":
        """Read it; two queries."""
        version_id = agreed(contract).plan_version_on(on, contract.plan_version_id)
        found = Charge.objects.filter(plan_version_id=version_id).select_related("product", "meter")
        return cls(contract, on, version_id, tuple(found.order_by("position")))

    @property
    def currency(self) -> str:
        """Return the contract's currency."""
        return self.contract.plan_version.currency

    @property
    def names(self) -> dict[str, str]:
        """Return the names of the charges by their keys."""
        return {one.key: one.name for one in self.charges}

    def charge_choices(self, *kinds: str) -> list[tuple[str, str]]:
        """Return keys and names of the charges, of these kinds or of all."""
        return [(one.key, one.name) for one in self.charges if not kinds or one.kind in kinds]


def versions_for(contract: Contract) -> QuerySet[PlanVersion]:
    """Return the plan versions that a contract can be put on: published, in its currency, no other contract's own."""
    offered: QuerySet[PlanVersion] = offered_to(contract).filter(
        status=PlanVersion.Status.PUBLISHED, currency=contract.plan_version.currency
    )
    return offered


def key_for(name: str, taken: Iterable[str]) -> str:
    """Return a key that says what a name says, and is not taken."""
    base = slugify(name)[:_LONGEST_KEY].strip("-_") or "term"
    used, key, nth = set(taken), base, 1
    while key in used:
        nth += 1
        key = f"{base}-{nth}"[-63:]
    return key
