"""An invoice's state in one word, as lists and pages of the back office show it."""

from datetime import date

from apps.core.money import Money
from apps.invoices.models import Invoice
from apps.payments.queries import PaymentState, state_of

_KINDS = {PaymentState.PAID: "good", PaymentState.OVERDUE: "bad", PaymentState.PARTLY_PAID: "warn"}


def state_on(invoice: Invoice, open_amount: Money | None, today: date) -> str:
    """Return "draft", "void" or "credit note", or what a finalized invoice is on a day."""
    if invoice.status == Invoice.Status.VOID:
        return "void"
    if invoice.kind == Invoice.Kind.CREDIT_NOTE:
        return "credit note"
    if open_amount is None or invoice.due_on is None:
        return "draft"
    return state_of(
        total=invoice.total, open_amount=open_amount.amount, due_on=invoice.due_on, today=today
    ).value


def kind_of(state: str) -> str:
    """Return how a state is colored: good, warn, bad or not at all."""
    return _KINDS.get(PaymentState(state), "") if state in set(PaymentState) else ""
