"""What becomes of credits that an invoice sells, in words: before it is drafted, and on its page."""

from apps.core.formats import format_day, format_money, format_quantity
from apps.core.money import Money
from apps.invoices.models import CreditPurchase, Invoice

_LANGUAGE = "en"


def of_invoice(invoice: Invoice) -> str:
    """Return what the invoice's credits are and when they are granted; nothing for another kind of invoice."""
    if invoice.kind != Invoice.Kind.CREDIT_PURCHASE:
        return ""
    bought = CreditPurchase.objects.select_related("credit_unit", "grant").get(invoice=invoice)
    if bought.grant:
        on = format_day(bought.grant.effective_on, _LANGUAGE)
        gone = (
            f", gone on {format_day(bought.grant.expires_on, _LANGUAGE)}" if bought.grant.expires_on else ""
        )
        return f"{_sold(bought, invoice.currency)} were granted on {on}{gone}."
    return granted_words(bought, currency=invoice.currency, customer=invoice.customer.name)


def granted_words(bought: CreditPurchase, *, currency: str, customer: str) -> str:
    """Return "Once the invoice is paid, Acme gets 1,000 credits, good for 365 days from that day.", of a purchase to come."""
    when = "paid" if bought.granted_when == CreditPurchase.When.PAID else "finalized"
    days = "1 day" if bought.good_days == 1 else f"{bought.good_days} days"
    good = f"good for {days} from that day" if bought.good_days else "which never expire"
    return f"Once the invoice is {when}, {customer} gets {_sold(bought, currency)}, {good}."


def _sold(bought: CreditPurchase, currency: str) -> str:
    if bought.credit_unit is None:
        return f"{format_money(Money(bought.amount, currency).rounded(), _LANGUAGE)} to draw on"
    return f"{format_quantity(bought.amount, _LANGUAGE)} {bought.credit_unit.name}"
