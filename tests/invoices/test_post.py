"""What an invoice posts to the journal, and its place in the chain."""

from decimal import Decimal

import pytest

from apps.invoices.models import Invoice
from apps.ledger.models import Entry, Posting
from tests.builders import (
    fee_charge,
    make_contract,
    make_customer,
    make_meter,
    make_plan_version,
    usage_charge,
)
from tests.invoices.months import invoiced, use

pytestmark = pytest.mark.django_db


def amounts(entry: Entry) -> dict[tuple[str, str], Decimal]:
    found = entry.postings.select_related("account")
    return {(one.account.role, one.product_name): one.amount for one in found}


def test_the_customer_owes_the_total_for_revenue_and_tax() -> None:
    """150 calls at 0.01 are 1.50, and the subscription 499; 19% of 500.50 are 95.095, so 95.10."""
    make_meter()
    version = make_plan_version([usage_charge(), fee_charge()])
    contract = make_contract(make_customer(tax_rate=Decimal(19)), version)
    use(contract, "calls", "150")

    invoice = invoiced(contract)

    assert amounts(Entry.objects.get()) == {
        ("receivables", ""): Decimal("595.60"),
        ("revenue", "Product"): Decimal("-500.50"),
        ("tax", ""): Decimal("-95.10"),
    }
    assert [row.amount for row in invoice.taxes.all()] == [Decimal("95.10")]
    assert sum(line.tax_amount for line in invoice.lines.all()) == Decimal("95.10")


def test_an_invoice_of_nothing_posts_nothing() -> None:
    assert invoiced(make_contract()).number == "INV-2026-000001"
    assert not Posting.objects.exists()


def test_each_invoice_is_chained_to_the_one_before() -> None:
    first = invoiced(make_contract(make_customer("first")))
    second = invoiced(make_contract(make_customer("second")))

    first, second = (Invoice.objects.get(pk=one.pk) for one in (first, second))
    assert first.previous_hash is None
    assert bytes(second.previous_hash or b"") == bytes(first.snapshot_hash or b"")
