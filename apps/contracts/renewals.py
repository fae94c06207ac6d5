"""The contracts whose end or notice day comes near, and what will become of them; renewing those that renew by themselves."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from django.db import transaction

from apps.contracts import notice, remind, worth
from apps.contracts.models import Contract
from apps.contracts.next_term import NextTerm, next_term
from apps.contracts.renew import is_due, renew
from apps.contracts.sign import record
from apps.contracts.worth import Worth
from apps.core.errors import Refusal
from apps.core.models import AuditEntry
from apps.core.periods import local_day

logger = logging.getLogger(__name__)

# How long after its end a contract still renews by itself, as when no worker ran.
LATE = timedelta(days=31)
REFUSED = "contracts.renewal_refused"


@dataclass(frozen=True, slots=True)
class Upcoming:
    """A contract that comes to its end or notice day. `term` is the one that would follow; `hindrance` says why none can."""

    contract: Contract
    decide_by_on: date
    days_left: int
    worth: Worth
    term: NextTerm | None
    hindrance: str

    @property
    def last_on(self) -> date:
        """Return the last day that it covers."""
        assert self.contract.ends_on
        return self.contract.ends_on - timedelta(days=1)

    @property
    def outcome(self) -> str:
        """Say what happens if nobody does anything."""
        if self.contract.declined_at:
            return "Ends: notice was given"
        if self.is_automatic:
            return "Renews by itself"
        return "Ends, unless it is renewed by hand" if self.may_renew else "Ends with its term"

    @property
    def outcome_on(self) -> date | None:
        """Return the local day on which that happens."""
        if self.is_automatic and not self.contract.declined_at:
            return notice.renews_on(self.contract)
        return self.contract.ends_on

    @property
    def is_automatic(self) -> bool:
        """Tell whether it renews by itself."""
        return self.contract.renewal == Contract.Renewal.AUTOMATIC

    @property
    def may_renew(self) -> bool:
        """Tell whether it is renewed at all."""
        return self.contract.renewal != Contract.Renewal.NONE

    @property
    def may_decline(self) -> bool:
        """Tell whether notice can still be given."""
        return self.may_renew and self.days_left >= 0 and self.contract.declined_at is None


def upcoming(*, days: int, at: datetime) -> tuple[Upcoming, ...]:
    """Return the live contracts whose end or day of decision comes within so many days, the nearest first.

    Those that ended within the last month without a successor are there too, as they may still be renewed.
    """
    found = (
        Contract.objects.filter(
            status=Contract.Status.ACTIVE, ends_on__isnull=False, ends_on__gt=at.date() - LATE
        )
        .select_related(
            "customer__legal_entity", "plan_version__plan", "uplift_index", "renews_on_version__plan"
        )
        .order_by("ends_on", "number")
    )
    rows = [_upcoming(contract, at) for contract in found if _is_near(contract, days, at)]
    return tuple(sorted(rows, key=lambda row: (row.decide_by_on, row.contract.number)))


def due(*, at: datetime) -> list[Contract]:
    """Return the contracts that are to renew by themselves now, also those that should have while no worker ran."""
    found = Contract.objects.filter(
        status=Contract.Status.ACTIVE,
        renewal=Contract.Renewal.AUTOMATIC,
        declined_at=None,
        ends_on__gt=at.date() - LATE,
    )
    return [contract for contract in found.order_by("ends_on", "number") if is_due(contract, at=at)]


def renew_by_itself(*, contract_id: UUID, term_ends_on: date, at: datetime, actor: str) -> bool:
    """Renew a contract that is due, and tell whether it was; what refuses it goes onto the trail, once for each reason."""
    try:
        renew(
            contract_id=contract_id,
            term_ends_on=term_ends_on,
            reason="Renewed by itself: nobody gave notice in time.",
            at=at,
            actor=actor,
            is_automatic=True,
        )
    except Refusal as refusal:
        logger.warning("A contract was not renewed: %s", refusal)
        _tell(contract_id, str(refusal), at=at, actor=actor)
        return False
    return True


@transaction.atomic(durable=True)
def _tell(contract_id: UUID, reason: str, *, at: datetime, actor: str) -> None:
    contract = Contract.objects.get(pk=contract_id)
    known = AuditEntry.objects.filter(
        subject_type="contract", subject_key=contract.number, action=REFUSED, reason=reason
    )
    if not known.exists():
        record(contract, REFUSED, at=at, actor=actor, reason=reason)


def _is_near(contract: Contract, days: int, at: datetime) -> bool:
    today = local_day(at, contract.timezone)
    until = today + timedelta(days=days)
    day = remind.decided_by_on(contract)
    assert contract.ends_on
    assert day
    if contract.ends_on <= today and (contract.declined_at or contract.renewal == Contract.Renewal.NONE):
        return False
    return min(day, contract.ends_on) <= until


def _upcoming(contract: Contract, at: datetime) -> Upcoming:
    term, hindrance = None, ""
    if contract.renewal != Contract.Renewal.NONE:
        try:
            term = next_term(contract, at=at)
        except Refusal as refusal:
            hindrance = str(refusal)
    day = remind.decided_by_on(contract)
    assert contract.ends_on
    assert day
    return Upcoming(
        contract=contract,
        decide_by_on=day,
        days_left=(day - local_day(at, contract.timezone)).days,
        worth=worth.worth_of(contract, contract.ends_on - timedelta(days=1)),
        term=term,
        hindrance=hindrance,
    )


def totals(rows: Sequence[Upcoming]) -> list[Worth]:
    """Return what the contracts bring in a year together, a row for each currency."""
    found: dict[str, Worth] = {}
    for row in rows:
        currency = row.worth.fees.currency
        before = found.get(currency)
        found[currency] = (
            Worth(before.fees + row.worth.fees, before.committed + row.worth.committed)
            if before
            else row.worth
        )
    return [found[currency] for currency in sorted(found)]
