"""What an invoice that staff are about to draft comes to, and what happens to it then; both pages that draft one show it."""

from dataclasses import dataclass

from apps.contracts.models import Contract
from apps.core.formats import format_instant, format_money
from apps.core.money import Money
from apps.invoices.document import Document
from apps.invoices.preview import Previewed

_LANGUAGE = "en"


@dataclass(frozen=True, slots=True)
class ForeseenDraft:
    """The invoice as it would be, and what happens to it, in sentences."""

    document: Document
    total: Money
    sentences: tuple[str, ...]
    # What is said once it is drafted.
    done: str


def foreseen_draft(found: Previewed, contract: Contract, *more: str) -> ForeseenDraft:
    """Return what to show before an invoice is drafted; `more` are sentences of its kind."""
    invoice, customer = found.invoice, contract.customer
    until = format_instant(invoice.review_until_at, contract.timezone, _LANGUAGE)
    mailed = (
        f"mailed to {customer.billing_email}"
        if customer.billing_email
        else "mailed to nobody, since the customer has no billing e-mail"
    )
    days = "at once" if not contract.payment_days else f"{contract.payment_days} days later"
    total = Money(invoice.total, invoice.currency).rounded()
    return ForeseenDraft(
        document=found.document(language=_LANGUAGE),
        total=total,
        sentences=(
            f"It is drafted now, and waits for review until {until}.",
            f"Then, or as soon as somebody finalizes it, it is numbered, posted to the books and {mailed}. It is due {days}.",
            *more,
        ),
        done=f"An invoice of {format_money(total, _LANGUAGE)} is drafted for {customer}.",
    )
