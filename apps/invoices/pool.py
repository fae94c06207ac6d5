"""Accounts and their parent's: which contracts are priced together, and whose invoice each is on."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.db.models import Q

from apps.contracts.models import Contract
from apps.contracts.terms import calendar_period
from apps.core.periods import Period


@dataclass(frozen=True, slots=True)
class Family:
    """A contract with its parent's, if it has one, and the signed contracts below the parent's or below itself.

    A child takes part in a period if all its days in it are the parent's too, both are billed on the same days, and in the
    same currency; else it is priced and billed by itself in that period, so that nothing is lost and nothing billed twice.
    """

    contract: Contract
    parent: Contract | None = None
    children: tuple[Contract, ...] = ()

    @property
    def root(self) -> Contract:
        """Return the contract whose terms the pool is priced by."""
        return self.parent or self.contract

    def pool_in(self, period: Period) -> tuple[Contract, ...]:
        """Return the contracts whose usage is priced together with this one's, the parent first; none where it is alone."""
        pooled = [
            child
            for child in self.children
            if child.usage == Contract.Usage.POOLED and self._takes_part(child, period)
        ]
        if not pooled or (self.parent is not None and self.contract.pk not in {one.pk for one in pooled}):
            return ()
        return (self.root, *pooled)

    def guests_in(self, period: Period) -> tuple[Contract, ...]:
        """Return the children whose lines are on this contract's invoice of the period."""
        return tuple(
            child
            for child in self.children
            if self.parent is None
            and child.billing == Contract.Billing.PARENT
            and self._takes_part(child, period)
        )

    def is_guest_in(self, period: Period) -> bool:
        """Tell whether the contract has no invoice of its own for the period, since its lines are on the parent's."""
        return (
            self.parent is not None
            and self.contract.billing == Contract.Billing.PARENT
            and self._takes_part(self.contract, period)
        )

    def ended_guests(self, day: date) -> tuple[Contract, ...]:
        """Return the children that ended by a day and were billed on this contract's invoices to their last day."""
        return tuple(
            child
            for child in self.children
            if self.parent is None
            and child.billing == Contract.Billing.PARENT
            and child.ends_on is not None
            and child.billed_until_on == child.ends_on
            and child.ends_on <= day
        )

    def _takes_part(self, child: Contract, period: Period) -> bool:
        whole = calendar_period(self.root, period.starts_on)
        of_root = whole.overlap(self.root.starts_on, self.root.ends_on)
        of_child = whole.overlap(child.starts_on, child.ends_on)
        return (
            of_root is not None
            and of_child is not None
            and of_root.starts_on <= of_child.starts_on
            and of_child.ends_on <= of_root.ends_on
            and calendar_period(child, of_child.starts_on) == whole
            and child.plan_version.currency == self.root.plan_version.currency
        )


def family_among(contract: Contract, kin: Sequence[Contract]) -> Family:
    """Return the family of a contract, given all contracts of its family."""
    parent = next((one for one in kin if one.pk == contract.parent_id), None)
    root_id = parent.pk if parent else contract.pk
    return Family(contract, parent, tuple(one for one in kin if one.parent_id == root_id))


def families_among(contracts: Sequence[Contract], kin: Sequence[Contract]) -> list[Family]:
    """Return the family of each contract, given all contracts of their families."""
    by_root: dict[UUID, list[Contract]] = {}
    for one in kin:
        by_root.setdefault(one.parent_id or one.pk, []).append(one)
    return [family_among(one, by_root.get(one.parent_id or one.pk, ())) for one in contracts]


def families(contracts: Sequence[Contract]) -> dict[UUID, Family]:
    """Return the family of each contract, in one query for all."""
    roots = {contract.parent_id or contract.pk for contract in contracts}
    found = list(
        Contract.objects.exclude(status=Contract.Status.DRAFT)
        .filter(Q(parent__in=roots) | Q(pk__in={one.parent_id for one in contracts if one.parent_id}))
        .select_related("customer", "plan_version__plan")
        .order_by("number")
    )
    return {one.contract.pk: one for one in families_among(contracts, found)}
