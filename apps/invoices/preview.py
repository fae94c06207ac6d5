"""The invoice of a running period as it would be now: a look ahead, and a pro forma invoice; nothing is kept."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from apps.contracts.models import Contract
from apps.contracts.terms import period_on
from apps.core.periods import Period, local_day
from apps.invoices import pdf, pool, tax_answers
from apps.invoices.compose import Wanted, compose
from apps.invoices.document import Document, document_of
from apps.invoices.errors import BilledWithParent, NothingUpcoming, NotSigned
from apps.invoices.models import Invoice, InvoiceLine, InvoiceTax

_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Previewed:
    """An invoice that was not written, with its lines and its tax summary."""

    invoice: Invoice
    lines: tuple[InvoiceLine, ...]
    taxes: tuple[InvoiceTax, ...]

    def document(self, *, language: str = "") -> Document:
        """Return what it prints, marked as a pro forma invoice."""
        return document_of(self.invoice, self.lines, language=language, is_pro_forma=True, taxes=self.taxes)

    def pdf(self) -> bytes:
        """Return the document as a PDF."""
        return pdf.render(self.document(), identifier=self.invoice.pk.bytes).content


def period_to_preview(contract: Contract, at: datetime) -> Period:
    """Return the period that runs at an instant, or the first or last one of a contract that does not run then."""
    today = local_day(at, contract.timezone)
    day = max(today, contract.starts_on)
    if contract.ends_on is not None and day >= contract.ends_on:
        return period_on(contract, contract.ends_on - _ONE_DAY)
    return period_on(contract, day)


def billed_with(contract: Contract, *, at: datetime) -> Contract | None:
    """Return the parent's contract if this one's running period is on its invoice; one query where there is a parent."""
    if contract.parent_id is None:
        return None
    family = pool.families([contract])[contract.pk]
    return family.parent if family.is_guest_in(period_to_preview(contract, at)) else None


@tax_answers.asks_first
def preview(contract: Contract, *, at: datetime) -> Previewed:
    """Return the invoice of the contract's running period as it would be if it ended now.

    Fees are whole, adjustments of earlier periods are on it, and what was billed ahead is taken off. Everything is read in one
    transaction, which is undone. Refuses a contract that is not signed, one whose periods are on its parent's invoices, and a
    period that is invoiced, as the last one of a contract that ended.
    """
    if contract.status == Contract.Status.DRAFT:
        raise NotSigned(contract.number)
    period = period_to_preview(contract, at)
    family = pool.families([contract])[contract.pk]
    if family.parent is not None and family.is_guest_in(period):
        raise BilledWithParent(contract.number, family.parent.number)
    if contract.billed_until_on is not None and period.starts_on < contract.billed_until_on:
        raise NothingUpcoming(contract.number, contract.billed_until_on)
    with transaction.atomic():
        (composed,) = compose([Wanted(family, period.starts_on)], at=at)
        # Levels were drawn up to now; whoever closes the period draws them again.
        transaction.set_rollback(True)
    return Previewed(composed.invoice, composed.lines, composed.taxes)
