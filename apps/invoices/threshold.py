"""Billing a running period as soon as what was used of it, and is not billed yet, comes to an amount that was agreed."""

import logging
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from apps.contracts.models import Contract
from apps.contracts.queries import live
from apps.contracts.terms import period_on
from apps.core import audit, db
from apps.core.periods import local_day
from apps.invoices import draft, store, tax_answers
from apps.invoices.compose import Wanted, compose
from apps.invoices.models import Invoice

logger = logging.getLogger(__name__)
_KIND = Invoice.Kind.THRESHOLD


def bill_due(*, at: datetime, actor: str) -> None:
    """Bill every running period that is due, each contract in a transaction of its own.

    One that cannot be billed so far is logged and tried again, and what stops it parks it when its period is closed; a lost
    connection is raised.
    """
    for contract_id in watched():
        try:
            bill_if_due(contract_id=contract_id, at=at, actor=actor)
        except Exception as problem:  # one contract must not stop the others, whatever is wrong with it
            if db.is_away(problem):
                raise
            logger.exception("Contract %s could not be billed so far", contract_id)


def watched() -> list[UUID]:
    """Return the contracts that are billed so and have no draft of it, in one query."""
    waiting = Invoice.objects.filter(kind=_KIND, status=Invoice.Status.DRAFT).values("contract_id")
    found = live().filter(bill_above__isnull=False).exclude(pk__in=waiting)
    return list(found.order_by("pk").values_list("pk", flat=True))


@tax_answers.asks_first
@transaction.atomic(durable=True)
def bill_if_due(*, contract_id: UUID, at: datetime, actor: str) -> Invoice | None:
    """Draft what the contract used of its running period, if that passes the amount agreed; return None if it does not.

    The schedule finalizes the draft at once, unless it waits for approval. The period's own invoice prices all of it again and takes off
    what was billed. A contract that is priced with other accounts is billed with its period alone, and so is what is left of a
    period of which staff voided such a draft, or gave back what it had billed as a correction.
    """
    (family,) = draft.locked_families([contract_id])
    contract = family.contract
    if contract.bill_above is None or not _runs(contract, at) or family.parent or family.children:
        return None
    period = period_on(contract, local_day(at, contract.timezone))
    so_far = Invoice.objects.filter(contract=contract, kind=_KIND)
    of_period = Q(period_start_on=period.starts_on)
    # Else it would ask within minutes for what staff have just taken back.
    is_undone = Q(status=Invoice.Status.VOID) | Q(credit_notes__because=Invoice.Because.CORRECTION)
    if so_far.filter(Q(status=Invoice.Status.DRAFT) | (of_period & is_undone)).exists():
        return None
    (composed,) = compose([Wanted(family, period.starts_on, kind=_KIND)], at=at)
    if composed.waits_for or composed.invoice.subtotal < contract.bill_above:
        return None
    composed.invoice.review_until_at = at
    store.write([composed])
    audit.record(
        at=at,
        actor=actor,
        action="invoices.bill_so_far",
        subject_type="contract",
        subject_key=contract.number,
        after={
            "total": f"{composed.invoice.total:f} {composed.invoice.currency}",
            "bill_above": f"{contract.bill_above:f}",
        },
    )
    return composed.invoice


def _runs(contract: Contract, at: datetime) -> bool:
    return contract.status == Contract.Status.ACTIVE and contract.covers(local_day(at, contract.timezone))
