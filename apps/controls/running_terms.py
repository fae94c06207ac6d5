"""The terms of many running periods at once, with what the periods before left: as `billing.terms_of` does for one."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from django.db.models import JSONField
from django.db.models.fields.json import KeyTransform

from apps.contracts.brought import Brought
from apps.contracts.models import Contract
from apps.contracts.terms import PeriodTerms, terms_in
from apps.core.periods import Period
from apps.invoices.billing import terms_of
from apps.invoices.models import Invoice


def terms_of_many(asked: Sequence[tuple[Contract, Period]]) -> list[tuple[Contract, PeriodTerms]]:
    """Return the terms of each contract's period, in the order asked for; one query for what periods before left.

    Where the period before is on no invoice of the contract's own, it takes what `billing.terms_of` takes.
    """
    alone = [(contract, period, terms_in(contract, period)) for contract, period in asked]
    taking = [
        (contract, period)
        for contract, period, terms in alone
        if terms.takes_forward and period.starts_on != contract.starts_on
    ]
    kept = _kept(taking) if taking else {}
    takes = {contract.pk for contract, _ in taking}
    return [
        (contract, _with(contract, period, kept) if contract.pk in takes else terms)
        for contract, period, terms in alone
    ]


def _with(contract: Contract, period: Period, kept: dict[tuple[UUID, date], Brought]) -> PeriodTerms:
    brought = kept.get((contract.pk, period.starts_on))
    if brought is None:
        return terms_of(contract, period)
    return terms_in(contract, period, brought=brought)


def _kept(taking: Sequence[tuple[Contract, Period]]) -> dict[tuple[UUID, date], Brought]:
    """Return what the contracts' own invoices keep, by contract and the day on which their period ended."""
    rows = Invoice.objects.filter(
        contract__in=[contract.pk for contract, _ in taking],
        kind=Invoice.Kind.PERIOD,
        period_end_on__in={period.starts_on for _, period in taking},
    ).values_list(
        "contract_id", "period_end_on", KeyTransform("forward", "snapshot", output_field=JSONField())
    )
    return {(contract, end_on): Brought.from_json(forward or {}) for contract, end_on, forward in rows}
