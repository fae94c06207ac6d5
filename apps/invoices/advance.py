"""Fees in advance: those of the period after are billed with a period, and what was billed before is taken off.

A period is always priced as a whole when it is over. What an earlier invoice asked for in advance comes off in one line, so
seats that were added meanwhile, another plan and an earlier end are settled with it by themselves.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from django.db.models import Q

from apps.contracts.models import Contract
from apps.contracts.terms import PeriodTerms, period_on, terms_in
from apps.core.periods import Period
from apps.invoices.models import Invoice, InvoiceLine
from apps.invoices.narrowed import narrowed
from apps.plans.queries import charges_of
from apps.rating.engine import rate
from apps.rating.lines import Rated


@dataclass(frozen=True, slots=True)
class Ahead:
    """The fees of a contract's period that are billed before it, less their discounts."""

    contract: Contract
    terms: PeriodTerms
    rated: Rated


@dataclass(frozen=True, slots=True)
class BilledAhead:
    """What an earlier invoice billed in advance for one contract and is not yet taken off."""

    contract_id: UUID
    invoice: Invoice
    period: Period
    left: Decimal


def fees_ahead(contract: Contract, day: date) -> Ahead | None:
    """Return the fees in advance of the contract's period around a day; None where it has none, or has ended before."""
    if not contract.covers(day) or not _may_have_fees_ahead(contract):
        return None
    terms = terms_in(contract, period_on(contract, day))
    keys = {planned.charge.key for planned in terms.charges if planned.in_advance}
    if not keys:
        return None
    fees = narrowed(terms, keys)
    return Ahead(contract, fees, rate(fees.terms, ()))


def _may_have_fees_ahead(contract: Contract) -> bool:
    """Tell it quicker than by the terms: what was never changed has the charges of its plan."""
    return contract.terms_stamp is not None or any(
        planned.in_advance for planned in charges_of(contract.plan_version_id)
    )


def may_be_billed_ahead(contract: Contract, terms: PeriodTerms) -> bool:
    """Tell whether an earlier invoice may have billed in advance: a contract that was never changed does by its terms."""
    if contract.terms_stamp is not None or contract.bill_above is not None:
        return True
    return any(planned.in_advance for planned in terms.charges)


def billed_ahead(
    contracts: Sequence[Contract], invoice: Invoice, *, and_its_own: bool = False
) -> list[BilledAhead]:
    """Return what invoices before this one billed in advance for these contracts, and is not yet taken off; one query.

    With `and_its_own`, what this invoice bills and takes off counts too.
    """
    ids = [contract.pk for contract in contracts]
    of_threshold = Q(invoice__kind=Invoice.Kind.THRESHOLD) | Q(invoice__credits__kind=Invoice.Kind.THRESHOLD)
    found = (
        InvoiceLine.objects.filter(
            Q(of_contract__in=ids) | Q(of_contract=None, invoice__contract__in=ids),
            Q(in_advance=True) | Q(kind=InvoiceLine.Kind.ADVANCE),
        )
        .exclude(invoice__status=Invoice.Status.VOID)
        # What was given as goodwill stays billed; what is just being issued again is not billed yet.
        .exclude(invoice__because=Invoice.Because.GOODWILL)
        .exclude(invoice__status=Invoice.Status.DRAFT, invoice__replaces__isnull=False)
        .filter(
            Q(invoice__period_start_on__lt=invoice.period_start_on)
            | Q(invoice__kind=Invoice.Kind.OPENING)
            | Q(invoice__credits__kind=Invoice.Kind.OPENING)
            | Q(of_threshold, invoice__period_start_on=invoice.period_start_on)
            | Q(invoice=invoice.pk)
        )
        .exclude(invoice=None if and_its_own else invoice.pk)
        .select_related("invoice__replaces", "adjusts__replaces", "credits_line__invoice__replaces")
        .defer(
            *(
                "invoice__snapshot",
                "invoice__replaces__snapshot",
                "adjusts__snapshot",
                "adjusts__replaces__snapshot",
            ),
            *("credits_line__invoice__snapshot", "credits_line__invoice__replaces__snapshot"),
            *("credits_line__steps", "steps"),
        )
        .order_by("invoice__period_start_on", "invoice__kind", "position")
    )
    return _left(found)


def still_ahead(contract: Contract, period: Period) -> Decimal:
    """Return what was billed in advance and the invoice of a period would take off: for looking ahead; one query."""
    unwritten = Invoice(contract=contract, period_start_on=period.starts_on)
    return sum((one.left for one in billed_ahead([contract], unwritten)), Decimal(0))


def _left(lines: Iterable[InvoiceLine]) -> list[BilledAhead]:
    sums: dict[tuple[UUID, UUID], BilledAhead] = {}
    for line in lines:
        billed = _billed_by(line)
        contract_id = line.of_contract_id or line.invoice.contract_id
        at = (contract_id, billed.pk)
        before = sums[at].left if at in sums else Decimal(0)
        period = sums[at].period if at in sums else _days_of(line, billed)
        sums[at] = BilledAhead(contract_id, billed, period, before + line.amount)
    return [one for one in sums.values() if one.left or one.invoice.number is None]


def _billed_by(line: InvoiceLine) -> Invoice:
    """Return the invoice that billed in advance what a line bills, takes off or gives back: the first, if it was issued again."""
    billed = line.adjusts or (line.credits_line.invoice if line.credits_line else line.invoice)
    while billed.replaces is not None:
        billed = billed.replaces
    return billed


def _days_of(line: InvoiceLine, billed: Invoice) -> Period:
    assert line.starts_on is not None, "what is billed in advance names its days"
    assert line.ends_on is not None, "what is billed in advance names its days"
    return Period(line.starts_on, line.ends_on, billed.timezone)
