"""Drafting, signing and ending contracts."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from uuid import UUID

from django.db import IntegrityError, transaction

from apps.contracts import locks
from apps.contracts.agreed import agreed
from apps.contracts.errors import (
    AgreedOtherwise,
    ContractOverlaps,
    EndsTooEarly,
    NotADraftContract,
    NotLive,
    PlanNotPublished,
)
from apps.contracts.models import Contract
from apps.core import audit, outbox
from apps.core.periods import local_day
from apps.plans.models import PlanVersion

# How far ahead of its time an event may come.
AHEAD = timedelta(hours=1)
# The task of the credits room that grants what a contract promises.
GRANT_PROMISED = "credits.grant_promised"


@transaction.atomic(durable=True)
def sign(*, contract_id: UUID, at: datetime, actor: str) -> Contract:
    """Make a draft contract live, so that usage is counted and billed under it.

    Refuses a plan version that is not published, what was agreed of days or in a currency that are no longer the
    contract's, and days that another live contract of the customer covers.
    """
    contract = Contract.objects.select_for_update().get(pk=contract_id)
    if contract.status != Contract.Status.DRAFT:
        raise NotADraftContract(contract.number, contract.status)
    _check_agreed(contract)
    contract.status = Contract.Status.ACTIVE
    save(contract, "status")
    if contract.terms_stamp:
        outbox.enqueue(
            task=GRANT_PROMISED, key=str(contract.terms_stamp), at=at, contract_id=str(contract.pk)
        )
    record(contract, "contracts.sign", at=at, actor=actor, after={"plan": str(contract.plan_version)})
    return contract


@transaction.atomic(durable=True)
def end(*, contract_id: UUID, ends_on: date, reason: str, at: datetime, actor: str) -> Contract:
    """Let a live contract end: `ends_on` is the first day that it no longer covers, and is not yet billed."""
    locks.hold(contract_id)
    contract = Contract.objects.select_for_update().get(pk=contract_id)
    if contract.status != Contract.Status.ACTIVE or _is_over(contract, at):
        raise NotLive(contract.number, "over" if contract.ends_on else contract.status)
    check_end(contract, ends_on, at=at)
    before = {"ends_on": str(contract.ends_on)}
    contract.ends_on = ends_on
    # Who ends a contract does not want it to renew.
    contract.declined_at = contract.declined_at or at
    save(contract, "ends_on", "declined_at")
    record(
        contract,
        "contracts.end",
        at=at,
        actor=actor,
        before=before,
        after={"ends_on": str(ends_on)},
        reason=reason,
    )
    return contract


def check_end(contract: Contract, ends_on: date | None, *, at: datetime) -> None:
    """Refuse an end before days that are begun: usage counted so far stays covered, also that which came an hour ahead."""
    earliest_on = earliest_end(contract, at=at)
    if ends_on is not None and ends_on < earliest_on:
        raise EndsTooEarly(contract.number, ends_on, earliest_on)


def earliest_end(contract: Contract, *, at: datetime) -> date:
    """Return the first day on which a signed contract can end: its last day is one that usage may have come for."""
    return max(contract.starts_on, local_day(at + AHEAD, contract.timezone)) + timedelta(days=1)


def save(contract: Contract, *fields: str) -> None:
    """Save some fields; refuse days that another live contract of the customer covers."""
    try:
        with transaction.atomic():
            contract.save(update_fields=fields)
    except IntegrityError as clash:
        if "one_live_contract_per_customer_and_day" in str(clash):
            raise ContractOverlaps(contract.number, contract.customer.name) from clash
        raise


def record(
    contract: Contract,
    action: str,
    *,
    at: datetime,
    actor: str,
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
    reason: str = "",
) -> None:
    """Write what was done with a contract into the audit trail."""
    audit.record(
        at=at,
        actor=actor,
        action=action,
        subject_type="contract",
        subject_key=contract.number,
        before=before,
        after=after,
        reason=reason,
    )


def _check_agreed(contract: Contract) -> None:
    rows = agreed(contract)
    ids = {contract.plan_version_id, *(phase.plan_version_id for phase in rows.phases)}
    # Read anew: what is kept of a draft's phases knows their versions as they were.
    for version in PlanVersion.objects.filter(pk__in=ids).select_related("plan").order_by("pk"):
        if version.status != PlanVersion.Status.PUBLISHED:
            raise PlanNotPublished(str(version))
        if version.currency != contract.plan_version.currency:
            raise AgreedOtherwise(
                contract.number, f"{version} is in {version.currency}, not {contract.plan_version.currency}"
            )
    for row in (*rows.phases, *rows.seats, *rows.discounts, *rows.commitments, *rows.caps, *rows.grants):
        if not contract.covers(row.starts_on):
            raise AgreedOtherwise(contract.number, f"{row} begins on {row.starts_on}, outside of its term")


def _is_over(contract: Contract, at: datetime) -> bool:
    return contract.ends_on is not None and contract.ends_on <= local_day(at, contract.timezone)
