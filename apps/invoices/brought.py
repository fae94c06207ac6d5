"""What the period before brings into one: kept with its invoice, or priced if it has none yet."""

from django.db.models import Case, Q, QuerySet, When

from apps.contracts.brought import NOTHING, Brought
from apps.contracts.models import Contract
from apps.contracts.terms import PeriodTerms, terms_in
from apps.core.periods import Period
from apps.invoices.models import Invoice


def terms_of(contract: Contract, period: Period) -> PeriodTerms:
    """Return the terms of a contract's period with what earlier periods bring into it.

    Takes a query only where the contract has something to bring: units that carry over, first units that are free, or a
    commitment over several periods.
    """
    alone = terms_in(contract, period)
    if not alone.takes_forward or period.starts_on == contract.starts_on:
        return alone
    return terms_in(contract, period, brought=_brought(contract, period))


def _brought(contract: Contract, period: Period) -> Brought:
    before = of_period(contract).filter(period_end_on=period.starts_on).last()
    return NOTHING if before is None else kept_with(before, contract)


def of_period(contract: Contract) -> QuerySet[Invoice]:
    """Return the invoices that a contract's periods are on, drafts too, in their order: its parent's, and behind them its own."""
    whose = Q(contract=contract)
    if contract.billing == Contract.Billing.PARENT:
        whose |= Q(contract=contract.parent_id)
    # Where both have one for a period, the contract was invoiced by itself.
    own_last = Case(When(contract=contract, then=1), default=0)
    return Invoice.objects.filter(whose, kind=Invoice.Kind.PERIOD).order_by("period_start_on", own_last)


def kept_with(invoice: Invoice, contract: Contract) -> Brought:
    """Return what an invoice notes that a contract on it brings into the next period."""
    kept = invoice.snapshot
    if invoice.contract_id != contract.pk:
        kept = next((one for one in kept.get("accounts", ()) if one["contract"] == contract.number), {})
    return Brought.from_json(kept.get("forward", {}))
