"""Fees in advance: those of the period after are billed with a period, and what was billed before is taken off.

A period is always priced as a whole when it is over. What an earlier invoice asked for in advance comes off in one line, so
seats that were added meanwhile, another plan and an earlier end are settled with it by themselves.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TypeGuard
from uuid import UUID

from django.db.models import Exists, OuterRef, Q

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

    One that issues a period again knows what later invoices took off. With `and_its_own`, what this invoice bills and takes off
    counts too.
    """
    ids = [contract.pk for contract in contracts]
    of_threshold = Q(invoice__kind=Invoice.Kind.THRESHOLD) | Q(invoice__credits__kind=Invoice.Kind.THRESHOLD)
    is_before = (
        Q(invoice__period_start_on__lt=invoice.period_start_on)
        | Q(invoice__kind=Invoice.Kind.OPENING)
        | Q(invoice__credits__kind=Invoice.Kind.OPENING)
        | Q(of_threshold, invoice__period_start_on=invoice.period_start_on)
        | Q(invoice=invoice.pk)
    )
    if invoice.replaces_id:
        is_before |= Q(invoice__status=Invoice.Status.FINALIZED)
    issued_again = Q(status=Invoice.Status.FINALIZED)
    if not and_its_own:
        issued_again |= Q(pk=invoice.pk)
    found = (
        InvoiceLine.objects.filter(
            Q(of_contract__in=ids) | Q(of_contract=None, invoice__contract__in=ids),
            Q(in_advance=True) | Q(kind=InvoiceLine.Kind.ADVANCE),
        )
        .exclude(invoice__status=Invoice.Status.VOID)
        # What was given as goodwill stays billed; what is just being issued again is not billed yet.
        .exclude(invoice__because=Invoice.Because.GOODWILL)
        .exclude(invoice__status=Invoice.Status.DRAFT, invoice__replaces__isnull=False)
        .filter(is_before)
        .exclude(invoice=None if and_its_own else invoice.pk)
        .annotate(
            is_issued_again=Exists(
                Invoice.objects.filter(issued_again, replaces=OuterRef("invoice__credits")).values("pk")
            )
        )
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
    # A later period's own is taken off that period.
    return [one for one in _left(found) if one.invoice.period_start_on <= invoice.period_start_on]


def still_ahead(contract: Contract, period: Period) -> Decimal:
    """Return what was billed in advance and the invoice of a period would take off: for looking ahead; one query."""
    unwritten = Invoice(contract=contract, period_start_on=period.starts_on)
    return sum((one.left for one in billed_ahead([contract], unwritten)), Decimal(0))


def _left(lines: Iterable[InvoiceLine]) -> list[BilledAhead]:
    """Return what is left to take off of each invoice that billed in advance, for each contract.

    A correction leaves less of it, and where it was taken off already it stays given back, as does one of the taking off: no later
    invoice asks for that, or gives it once more. A period that was issued again was priced as a whole, so there all counts.
    """
    together: dict[tuple[UUID, UUID], list[InvoiceLine]] = {}
    for line in lines:
        contract_id = line.of_contract_id or line.invoice.contract_id
        together.setdefault((contract_id, _billed_by(line).pk), []).append(line)
    found = []
    for (contract_id, _), about in together.items():
        billed = _billed_by(about[0])
        found.append(BilledAhead(contract_id, billed, _days_of(about[0], billed), _sum_left(about)))
    return [one for one in found if one.left or one.invoice.number is None]


def _sum_left(lines: Sequence[InvoiceLine]) -> Decimal:
    left = corrected = Decimal(0)
    for line in lines:
        if line.credits_line_id is None or line.is_issued_again:  # type: ignore[attr-defined]  # annotated above
            left += line.amount
        elif line.in_advance or _is_of_interim(line.credits_line):
            corrected += line.amount
    return max(left + corrected, min(left, Decimal(0)))


def _billed_by(line: InvoiceLine) -> Invoice:
    """Return the invoice that billed in advance what a line bills, takes off or gives back: the first, if it was issued again."""
    if _is_of_interim(line.credits_line):
        # What it gives back is of its usage less what was taken off of that.
        return line.credits_line.invoice
    billed = line.adjusts or (line.credits_line.invoice if line.credits_line else line.invoice)
    while billed.replaces is not None:
        billed = billed.replaces
    return billed


def _is_of_interim(line: InvoiceLine | None) -> TypeGuard[InvoiceLine]:
    return line is not None and line.invoice.kind == Invoice.Kind.THRESHOLD


def _days_of(line: InvoiceLine, billed: Invoice) -> Period:
    assert line.starts_on is not None, "what is billed in advance names its days"
    assert line.ends_on is not None, "what is billed in advance names its days"
    return Period(line.starts_on, line.ends_on, billed.timezone)
