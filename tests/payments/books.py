"""What the books say, beside what the documents say."""

from decimal import Decimal
from typing import Any

from django.db.models import Sum

from apps.customers.models import Customer
from apps.invoices.models import Invoice
from apps.ledger.models import Posting
from apps.payments.balances import balances
from apps.payments.models import Refund
from apps.payments.queries import open_amounts


def on_account(role: str, customer: Customer | None = None) -> Any:
    """Return what stands on the accounts with a role, debit above zero, of one customer or of all."""
    found = Posting.objects.filter(account__role=role)
    if customer is not None:
        found = found.filter(customer=customer)
    return found.aggregate(sum=Sum("amount"))["sum"] or Decimal(0)


def assert_books_agree(customer: Customer) -> None:
    """Of a customer with one currency: receivables, balance and refunds owed are in the journal what the documents say."""
    invoices = Invoice.objects.filter(customer=customer, status="finalized").exclude(kind="credit_note")
    is_open = sum(open_amounts(list(invoices.values_list("pk", flat=True))).values(), Decimal(0))
    owed = Refund.objects.filter(customer=customer, paid_on=None).aggregate(sum=Sum("amount"))["sum"]
    balance = sum((money.amount for money in balances(customer.pk).values()), Decimal(0))

    assert on_account("receivables", customer) == is_open
    assert on_account("balances", customer) == -balance
    assert on_account("refunds", customer) == -(owed or Decimal(0))
    assert balance >= 0
