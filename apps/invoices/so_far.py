"""What a running period was used so far, priced as it will be on its invoice, without what is only due at its end."""

from collections.abc import Sequence
from decimal import Decimal

from apps.contracts.models import Contract
from apps.core.periods import Period
from apps.invoices import advance, billing
from apps.invoices.advance import BilledAhead
from apps.invoices.billing import Priced
from apps.invoices.models import Invoice, InvoiceLine
from apps.invoices.narrowed import narrowed, without_promises
from apps.rating.terms import ChargeKind


def used_so_far(contract: Contract, period: Period) -> Priced:
    """Price the usage of a contract's period as it is counted now; what credits cover is among its grants."""
    terms = billing.terms_of(contract, period)
    keys = {one.charge.key for one in terms.charges if one.charge.kind is ChargeKind.USAGE}
    return billing.price_alone(contract, without_promises(narrowed(terms, keys)))


def taken_off(invoice: Invoice, used: Sequence[InvoiceLine]) -> list[tuple[BilledAhead, Decimal]]:
    """Return what interim invoices billed of the same period, with what is taken off of each: all, unless less was used by now.

    What earlier periods were billed so far comes off their own invoices, also where those are still to be written.
    """
    left = max(sum((line.amount for line in used), Decimal(0)), Decimal(0))
    taken = []
    for billed in advance.billed_ahead([invoice.contract], invoice):
        before = billed.invoice
        if before.kind == Invoice.Kind.THRESHOLD and before.period_start_on == invoice.period_start_on:
            amount = -min(billed.left, left)
            left += amount
            taken.append((billed, amount))
    return taken
