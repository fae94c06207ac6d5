"""What an invoice that is issued again takes over from the ones that it replaces."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal, localcontext

from django.db.models import Q

from apps.contracts.models import Contract
from apps.core.money import EXACT
from apps.invoices.adjust import Changed
from apps.invoices.differing import Adjustment, Key, Named, is_in_credits, replaced_by
from apps.invoices.models import Invoice, InvoiceLine


def already_adjusted(contract: Contract, invoice: Invoice) -> Changed:
    """Return what later invoices billed of the period as adjustments, to be taken off: the period is priced as a whole again.

    In credits it is usage that another period was priced with, and that this one is priced without.
    """
    before = replaced_by(invoice)
    found = (
        InvoiceLine.objects.filter(
            Q(of_contract=contract) | Q(of_contract=None, invoice__contract=contract),
            adjusts__in=[one.pk for one in before],
            kind=InvoiceLine.Kind.ADJUSTMENT,
            invoice__status=Invoice.Status.FINALIZED,
        )
        .exclude(invoice__because=Invoice.Because.GOODWILL)
        .order_by("invoice__finalized_at", "position")
    )
    return Changed(tuple(_taken_off(contract, before[0], found)))


def _taken_off(contract: Contract, replaced: Invoice, lines: Iterable[InvoiceLine]) -> Sequence[Adjustment]:
    sums: dict[Key, Adjustment] = {}
    for line in lines:
        key = (line.charge_key, line.key, tuple(sorted(line.dimensions.items())))
        with localcontext(EXACT):
            before = sums.get(key) or Adjustment(
                adjusted=replaced,
                contract=contract,
                charge_key=line.charge_key,
                key=line.key,
                named=Named(line.name, line.product_name, line.unit, is_in_credits=is_in_credits(line)),
                dimensions=line.dimensions,
                quantity=Decimal(0),
                amount=Decimal(0),
                rated=Decimal(0),
                billed=Decimal(0),
            )
            sums[key] = replace(
                before,
                quantity=before.quantity - line.quantity,
                amount=before.amount - line.amount,
                billed=before.billed + line.amount,
            )
    return [one for one in sums.values() if one.amount or (one.is_in_credits and one.quantity)]
