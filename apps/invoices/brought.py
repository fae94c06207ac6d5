"""What the period before brings into one: kept with its invoice, or priced if it has none yet."""

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
    before = Invoice.objects.filter(contract=contract, period_end_on=period.starts_on).first()
    if before is None:
        return NOTHING
    return Brought.from_json(before.snapshot.get("forward", {}))
