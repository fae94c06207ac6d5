"""Every kind of invoice, prices that include tax and rounding on each line are valid as electronic invoices, by the official rules."""

from datetime import date
from decimal import Decimal

import pytest

from apps.contracts.models import Contract
from apps.invoices import finalize, one_off, purchase, threshold
from apps.invoices.models import Invoice
from apps.plans import catalogue
from tests.builders import (
    ACTOR,
    AT,
    fee_charge,
    make_contract,
    make_customer,
    make_meter,
    make_plan_version,
    usage_charge,
)
from tests.invoices.months import IN_NOVEMBER, invoiced, use
from tests.invoices.test_einvoice import valid
from tests.invoices.test_taxes import seller

pytestmark = pytest.mark.django_db
FORMS = ["cii", "ubl"]
NUMBER = "DE136695976"


def german(*fees: str, bill_above: Decimal | None = None, **entity: object) -> Contract:
    """Calls at 0.013, fees of their own products, of a seller with 19% and 7%."""
    seller(email="billing@seller.example", tax_number=NUMBER, **entity)
    make_meter()
    charges = [usage_charge(unit_amount="0.013")]
    charges += [fee_charge(fee, key=f"fee-{place}") for place, fee in enumerate(fees)]
    customer = make_customer(country="DE", billing_email="ap@acme.example")
    return make_contract(customer, make_plan_version(charges, currency="EUR"), bill_above=bill_above)


def one_off_of(contract: Contract, *amounts: tuple[str, str]) -> Invoice:
    """A one-off invoice of these amounts and products."""
    lines = [
        one_off.NewLine(f"Work {place}", Decimal(amount), product_name=product)
        for place, (amount, product) in enumerate(amounts)
    ]
    drafted = one_off.draft_one_off(
        contract_id=contract.pk, lines=lines, reason="Order 7", at=IN_NOVEMBER, actor=ACTOR
    )
    return finalize.finalize(invoice_id=drafted.pk, at=IN_NOVEMBER, actor=ACTOR)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("rounding", ["invoice", "line"])
@pytest.mark.parametrize("is_included", [False, True])
def test_it_adds_up_however_tax_is_rounded(form: str, rounding: str, *, is_included: bool) -> None:
    """Many small amounts at two rates, with a discount on all: where rounding goes astray, it does so here."""
    contract = german("9.99", tax_rounding=rounding, prices_include_tax=is_included)
    catalogue.put_product(key="book", name="Book", tax_class="reduced", at=AT, actor=ACTOR)
    use(contract, "calls", "77")
    amounts = [*[("0.13", "Work")] * 9, *[("0.07", "Book")] * 7, ("3.33", "Book"), ("-1.01", "")]

    assert valid(form, one_off_of(contract, *amounts)) == []
    assert valid(form, invoiced(contract)) == []


@pytest.mark.parametrize("form", FORMS)
def test_sold_credits_are_valid(form: str) -> None:
    drafted = purchase.draft_purchase(
        contract_id=german().pk,
        bought=purchase.NewPurchase("Prepaid", Decimal(1000), Decimal("79.99")),
        reason="Order 8",
        at=IN_NOVEMBER,
        actor=ACTOR,
    )

    assert valid(form, finalize.finalize(invoice_id=drafted.pk, at=IN_NOVEMBER, actor=ACTOR)) == []


@pytest.mark.parametrize("form", FORMS)
def test_what_was_used_so_far_and_the_period_after_it_are_valid(form: str) -> None:
    """500 calls are 6.50, above 5.00; the period takes them off."""
    contract = german("5", bill_above=Decimal(5))
    use(contract, "calls", "500", day=date(2026, 10, 10))
    drafted = threshold.bill_if_due(contract_id=contract.pk, at=AT.replace(month=10, day=20), actor=ACTOR)
    assert drafted
    finalize.finalize(invoice_id=drafted.pk, at=IN_NOVEMBER, actor=ACTOR)

    assert valid(form, drafted) == []
    assert valid(form, invoiced(contract)) == []
