"""Reading what many contracts are priced from at once: terms, usage by meter and by day, late days, lines added by hand."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from apps.contracts.models import Contract
from apps.contracts.terms import PeriodTerms
from apps.invoices.models import Invoice, ManualLine
from apps.usage.models import LateDay
from apps.usage.priceable import Used, used_in
from apps.usage.queries import daily_quantities


@dataclass(frozen=True, slots=True)
class Ready:
    """What a contract that is priced by itself is priced from; `days` are the quantities of each meter by day."""

    terms: PeriodTerms
    used: Used
    days: Mapping[UUID, Mapping[date, Decimal]]


def ready(asked: Iterable[tuple[Contract, PeriodTerms]]) -> dict[UUID, Ready]:
    """Return what the contracts used in the periods of their terms in two queries, by contract.

    Left out is a contract into whose period earlier ones bring something: that is read when it is priced.
    """
    alone = [
        (contract, terms)
        for contract, terms in asked
        if not terms.takes_forward or terms.period.starts_on == contract.starts_on
    ]
    if not alone:
        return {}
    used = used_in(alone)
    with_usage = [(contract, terms.period) for contract, terms in alone if used[contract.pk].totals]
    days = daily_quantities(with_usage) if with_usage else {}
    return {
        contract.pk: Ready(terms, used[contract.pk], days.get(contract.pk, {})) for contract, terms in alone
    }


def late_days(contracts: Iterable[Contract]) -> dict[UUID, list[date]]:
    """Return the closed days of each contract for which usage came late, in one query."""
    found: dict[UUID, list[date]] = {contract.pk: [] for contract in contracts}
    if found:
        for contract_id, day in LateDay.objects.filter(contract__in=list(found)).values_list(
            "contract_id", "day"
        ):
            found[contract_id].append(day)
    return found


def by_hand(invoices: Sequence[Invoice]) -> dict[UUID, list[ManualLine]]:
    """Return the lines that staff added to each of the drafts, in one query; none where there is no draft."""
    drafts = {invoice.pk: invoice for invoice in invoices}
    found: dict[UUID, list[ManualLine]] = {key: [] for key in drafts}
    if drafts:
        for line in ManualLine.objects.filter(invoice__in=list(drafts)):
            line.invoice = drafts[line.invoice_id]
            found[line.invoice_id].append(line)
    return found
