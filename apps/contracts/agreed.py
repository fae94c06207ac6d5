"""What is agreed under a contract beside its first plan version, read once and kept until it changes."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import TypeVar
from uuid import UUID

from django.db.models import Q, QuerySet

from apps.contracts.models import (
    Cap,
    Commitment,
    Contract,
    Discount,
    Phase,
    PromisedGrant,
    SeatChange,
)
from apps.contracts.models.amendment import AgreedRow

_Row = TypeVar("_Row", bound=AgreedRow)
_Lasting = TypeVar("_Lasting", Discount, Commitment, Cap, PromisedGrant)


@dataclass(frozen=True, slots=True)
class Agreed:
    """The rows that are agreed, each kind in the order in which it applies."""

    phases: tuple[Phase, ...] = ()
    seats: tuple[SeatChange, ...] = ()
    discounts: tuple[Discount, ...] = ()
    commitments: tuple[Commitment, ...] = ()
    caps: tuple[Cap, ...] = ()
    grants: tuple[PromisedGrant, ...] = ()

    def plan_version_on(self, day: date, first: UUID) -> UUID:
        """Return the plan version that a local day is priced by; `first` is the contract's own."""
        begun = [phase.plan_version_id for phase in self.phases if phase.starts_on <= day]
        return begun[-1] if begun else first

    def seats_on(self, day: date) -> Mapping[str, Decimal]:
        """Return how many times fees are due on a local day, of those that were changed."""
        return {change.charge_key: change.quantity for change in self.seats if change.starts_on <= day}

    def versions(self, first: UUID) -> tuple[tuple[date, UUID], ...]:
        """Return every plan version with the day from which on it applies; `first` applies from before all of them."""
        return ((date.min, first), *((phase.starts_on, phase.plan_version_id) for phase in self.phases))


NOTHING = Agreed()


def agreed(contract: Contract, *, through: int | None = None) -> Agreed:
    """Return what is agreed now; with `through`, as it was once the amendment of that number had been made, 0 for none.

    No query for a contract to which its plan says everything, nor for one that has not changed since it was last read.
    """
    if through is not None and contract.terms_stamp:
        return _read(contract.pk, through)
    return _kept(contract.pk, contract.terms_stamp) if contract.terms_stamp else NOTHING


@lru_cache(maxsize=4096)
def _kept(contract_id: UUID, _stamp: UUID) -> Agreed:
    return _read(contract_id, None)


def _read(contract_id: UUID, through: int | None) -> Agreed:
    return Agreed(
        phases=tuple(_rows(Phase.objects.select_related("plan_version__plan"), contract_id, through)),
        seats=tuple(_rows(SeatChange.objects.all(), contract_id, through)),
        discounts=tuple(_rows(Discount.objects.select_related("product"), contract_id, through)),
        commitments=tuple(_rows(Commitment.objects.all(), contract_id, through)),
        caps=tuple(_rows(Cap.objects.select_related("meter"), contract_id, through)),
        grants=tuple(_rows(PromisedGrant.objects.select_related("credit_unit"), contract_id, through)),
    )


def _rows(of_kind: QuerySet[_Row], contract_id: UUID, through: int | None) -> Iterable[_Row]:
    of_contract = of_kind.filter(contract_id=contract_id)
    if through is None:
        return of_contract.filter(removed_by=None)
    return of_contract.filter(
        Q(added_by=None) | Q(added_by__number__lte=through),
        Q(removed_by=None) | Q(removed_by__number__gt=through),
    )


class _KeptVersions:
    """The plan versions of contracts with the days from which on they apply, by stamp; forgotten when it has grown large."""

    _MOST = 50_000

    def __init__(self) -> None:
        self._kept: dict[UUID, tuple[tuple[date, UUID], ...]] = {}

    def of(self, contracts: Collection[tuple[UUID, UUID]]) -> Mapping[UUID, tuple[tuple[date, UUID], ...]]:
        """Return the versions that follow the first one, by stamp, of contracts given by their ids and stamps."""
        if len(self._kept) > self._MOST:
            self._kept = {}
        # Requests under way keep what they have of it.
        kept = self._kept
        missing = {contract_id: stamp for contract_id, stamp in contracts if stamp not in kept}
        if missing:
            found: dict[UUID, list[tuple[date, UUID]]] = {contract_id: [] for contract_id in missing}
            rows = Phase.objects.filter(contract_id__in=list(missing), removed_by=None).order_by("starts_on")
            for contract_id, day, version in rows.values_list("contract_id", "starts_on", "plan_version_id"):
                found[contract_id].append((day, version))
            kept.update({missing[contract_id]: tuple(versions) for contract_id, versions in found.items()})
        return kept


_kept_versions = _KeptVersions()


def versions_of(
    contracts: Iterable[tuple[UUID, UUID, UUID | None]],
) -> dict[UUID, tuple[tuple[date, UUID], ...]]:
    """Return every plan version of contracts with the day from which on it applies, the first from before all of them.

    Contracts are given by id, first plan version and stamp. One query for those that changed since they were last asked for,
    none where there is none.
    """
    asked = list(contracts)
    stamped = [(contract_id, stamp) for contract_id, _, stamp in asked if stamp]
    later = _kept_versions.of(stamped) if stamped else {}
    return {
        contract_id: ((date.min, first), *(later[stamp] if stamp else ()))
        for contract_id, first, stamp in asked
    }


def in_force(rows: Sequence[_Lasting], day: date) -> list[_Lasting]:
    """Return the rows whose days cover a local day."""
    return [row for row in rows if row.starts_on <= day < end_of(row)]


def end_of(row: Discount | Commitment | Cap | PromisedGrant) -> date:
    """Return the first day that a row no longer covers; the last there is for one without end."""
    ends_on: date | None = row.ends_on
    return date.max if ends_on is None else ends_on
