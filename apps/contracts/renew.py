"""Renewing a contract for another term, at the prices that have risen."""

from datetime import date, datetime
from uuid import UUID

from django.db import transaction

from apps.contracts import locks, notice
from apps.contracts.amend import locked, write_amendment
from apps.contracts.changes import Change, ChangeEnd, ChangePlan
from apps.contracts.errors import RenewalRefused
from apps.contracts.models import Contract, Renewal
from apps.contracts.next_term import NextTerm, next_term
from apps.contracts.sign import record
from apps.core.money import rounded_to
from apps.core.periods import local_day
from apps.plans import compose, publish
from apps.plans.models import PlanVersion


@transaction.atomic(durable=True)
def renew(
    *,
    contract_id: UUID,
    term_ends_on: date,
    reason: str,
    at: datetime,
    actor: str,
    is_automatic: bool = False,
) -> Renewal:
    """Let the contract run for another term, by an amendment that also brings the prices which have risen, or another version.

    `term_ends_on` is the end that it has now: of two who renew the same term, the second is refused. Renewing by hand takes
    back a notice that was given; by itself a contract renews only without notice, and once notice is too late.
    """
    locks.hold(contract_id)
    contract = locked(contract_id)
    if contract.ends_on != term_ends_on:
        raise RenewalRefused(
            contract.number, f"it runs until {contract.ends_on or 'no fixed day'} by now. Look at it again."
        )
    if is_automatic and not is_due(contract, at=at):
        raise RenewalRefused(contract.number, "it is not to renew by itself today.")
    term = next_term(contract, at=at)
    amendment = write_amendment(
        contract,
        effective_on=term.starts_on,
        changes=_changes(contract, term, at=at, actor=actor),
        later=[(one.starts_on, one.after) for one in term.commitments],
        reason=reason.strip() or "Renewed for another term, as agreed.",
        at=at,
        actor=actor,
    )
    renewal = Renewal.objects.create(
        contract=contract,
        amendment=amendment,
        starts_on=term.starts_on,
        ends_on=term.ends_on,
        factor=rounded_to(term.factor, 18),
        is_automatic=is_automatic,
        renewed_at=at,
    )
    contract.declined_at = None
    contract.save(update_fields=["declined_at"])
    record(
        contract,
        "contracts.renew",
        at=at,
        actor=actor,
        before={"ends_on": str(term.starts_on)},
        after={"ends_on": str(term.ends_on), "uplift_percent": f"{term.percent.normalize():f}"},
        reason=reason.strip(),
    )
    return renewal


def is_due(contract: Contract, *, at: datetime) -> bool:
    """Tell whether a contract is to renew by itself now: nobody gave notice in time."""
    renews_on = notice.renews_on(contract)
    return (
        contract.status == Contract.Status.ACTIVE
        and contract.renewal == Contract.Renewal.AUTOMATIC
        and contract.declined_at is None
        and renews_on is not None
        and renews_on <= local_day(at, contract.timezone)
    )


def _changes(contract: Contract, term: NextTerm, *, at: datetime, actor: str) -> list[Change]:
    changes: list[Change] = [ChangeEnd(term.ends_on)]
    if term.moves_to:
        changes.append(ChangePlan(term.moves_to.pk))
    elif term.charges != term.before:
        changes.append(ChangePlan(_risen_version(contract, term, at=at, actor=actor).pk))
    changes += [new for _, new in term.grants]
    return changes


def _risen_version(contract: Contract, term: NextTerm, *, at: datetime, actor: str) -> PlanVersion:
    """Write the contract's own plan at the new prices, in the same transaction, so that none is left of a renewal that fails."""
    stem = term.version.plan.name.partition(f" for {contract.number} from ")[0]
    draft = compose.write_custom(
        base_id=term.version.pk,
        name=f"{stem} for {contract.number} from {term.starts_on}"[:200],
        charges=term.charges,
        at=at,
        actor=actor,
    )
    return publish.write_published(version_id=draft.pk, at=at, actor=actor)
