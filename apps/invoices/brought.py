"""What a period brings into the next, as its invoice keeps it."""

from django.db.models import Case, Q, QuerySet, When

from apps.contracts.brought import Brought
from apps.contracts.models import Contract
from apps.invoices.models import Invoice


def of_period(contract: Contract) -> QuerySet[Invoice]:
    """Return the invoices that a contract's periods are on, drafts too, in their order: its parent's, and behind them its own."""
    whose = Q(contract=contract)
    if contract.billing == Contract.Billing.PARENT:
        whose |= Q(contract=contract.parent_id)
    # Where both have one for a period, the contract was invoiced by itself; one that is issued again comes after the first.
    own_last = Case(When(contract=contract, then=1), default=0)
    return Invoice.objects.filter(whose, kind=Invoice.Kind.PERIOD).order_by(
        "period_start_on", own_last, "drafted_at"
    )


def kept_with(invoice: Invoice, contract: Contract) -> Brought:
    """Return what an invoice notes that a contract on it brings into the next period."""
    kept = invoice.snapshot
    if invoice.contract_id != contract.pk:
        kept = next((one for one in kept.get("accounts", ()) if one["contract"] == contract.number), {})
    return Brought.from_json(kept.get("forward", {}))
