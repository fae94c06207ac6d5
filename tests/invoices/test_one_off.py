"""Staff write one-off invoices and sell credits; both are reviewed, numbered, posted and proven like any other."""

from datetime import timedelta
from decimal import Decimal

import pytest

from apps.contracts.models import Contract
from apps.core.errors import Refusal
from apps.credits.models import CreditGrant
from apps.invoices import draft, finalize, one_off, purchase
from apps.invoices.errors import NotALine
from apps.invoices.models import CreditPurchase, Invoice
from apps.invoices.one_off import NewLine
from apps.invoices.purchase import NewPurchase
from apps.invoices.verify.run import verify_all
from apps.ledger.models import Posting
from tests.builders import make_contract, make_credit_unit, make_customer, make_draft_contract
from tests.invoices.months import ACTOR, IN_NOVEMBER

pytestmark = pytest.mark.django_db


def written(contract: Contract, *lines: NewLine, reason: str = "Workshop in May") -> Invoice:
    return one_off.draft_one_off(
        contract_id=contract.pk, lines=lines, reason=reason, at=IN_NOVEMBER, actor=ACTOR
    )


def sold(contract: Contract, **fields: object) -> Invoice:
    bought = NewPurchase(**{"name": "1,000 credits", "amount": Decimal(1000), "price": Decimal(80), **fields})  # type: ignore[arg-type]
    return purchase.draft_purchase(
        contract_id=contract.pk, bought=bought, reason="Order 7", at=IN_NOVEMBER, actor=ACTOR
    )


def finalized(invoice: Invoice) -> Invoice:
    return finalize.finalize(invoice_id=invoice.pk, at=IN_NOVEMBER, actor=ACTOR)


def posted() -> dict[str, Decimal]:
    rows = Posting.objects.filter(entry__kind="invoice").values_list("account__role", "amount")
    return dict(rows)


def test_a_one_off_invoice_has_the_lines_that_staff_wrote() -> None:
    """2 days at 750 are 1,500; 200 of them are given; 19% of 1,300 are 247."""
    contract = make_contract(make_customer(tax_rate=Decimal(19)))
    made = written(
        contract,
        NewLine("Workshop", Decimal(1500), quantity=Decimal(2), unit="days"),
        NewLine("Goodwill", Decimal(-200)),
    )

    invoice = finalized(made)

    assert (invoice.kind, invoice.total) == ("one_off", Decimal(1547))
    assert invoice.number == "INV-2026-000001"
    assert [(line.name, line.quantity, line.unit) for line in invoice.lines.all()] == [
        ("Workshop", Decimal(2), "days"),
        ("Goodwill", Decimal(1), ""),
    ]
    assert posted() == {"receivables": Decimal(1547), "revenue": Decimal(-1300), "tax": Decimal(-247)}
    assert [one.findings for one in verify_all()] == [()]


def test_a_one_off_invoice_is_of_no_period() -> None:
    contract = make_contract()
    finalized(written(contract, NewLine("Setup", Decimal(100))))
    finalized(written(contract, NewLine("Setup again", Decimal(100))))

    assert draft.draft_next(contract_id=contract.pk, at=IN_NOVEMBER, actor=ACTOR) is not None
    contract.refresh_from_db()
    assert contract.billed_until_on is None


@pytest.mark.parametrize(
    ("lines", "reason", "field"),
    [
        ([], "Why", "lines"),
        ([NewLine("Setup", Decimal(100))], " ", "reason"),
        ([NewLine("", Decimal(100))], "Why", "name"),
        ([NewLine("Setup", Decimal("1.001"))], "Why", "amount"),
        ([NewLine("Setup", Decimal(0))], "Why", "amount"),
        ([NewLine("Setup", Decimal(1), quantity=Decimal(0))], "Why", "quantity"),
        ([NewLine("Back", Decimal(-1))], "Why", "amount"),
    ],
)
def test_what_cannot_be_billed_is_refused_at_its_field(lines: list[NewLine], reason: str, field: str) -> None:
    with pytest.raises(NotALine) as refusal:
        written(make_contract(), *lines, reason=reason)

    assert refusal.value.field == field
    assert not Invoice.objects.exists()


def test_nothing_is_billed_under_a_contract_that_is_not_signed() -> None:
    with pytest.raises(Refusal, match="Sign it first"):
        written(make_draft_contract(), NewLine("Setup", Decimal(100)))


def test_credits_that_are_bought_are_granted_once_their_invoice_is_finalized() -> None:
    contract = make_contract(make_customer(tax_rate=Decimal(19)))
    made = sold(contract, credit_unit_id=make_credit_unit().pk, good_days=365)
    assert not CreditGrant.objects.exists()

    invoice = finalized(made)

    grant = CreditGrant.objects.get()
    assert (grant.key, grant.amount, grant.cost) == (invoice.number, Decimal(1000), Decimal(80))
    assert grant.expires_on == grant.effective_on + timedelta(days=365)
    assert invoice.total == Decimal("95.20")
    assert posted() == {"receivables": Decimal("95.20"), "unbilled": Decimal(-80), "tax": Decimal("-15.20")}
    assert [one.findings for one in verify_all()] == [()]


def test_credits_may_wait_for_the_payment_and_are_granted_once() -> None:
    made = sold(make_contract(), credit_unit_id=make_credit_unit().pk, granted_when="paid")
    invoice = finalized(made)
    assert purchase.unpaid_purchases() == [invoice.pk]

    first = purchase.grant_paid(invoice_id=invoice.pk, at=IN_NOVEMBER, actor=ACTOR)
    second = purchase.grant_paid(invoice_id=invoice.pk, at=IN_NOVEMBER, actor=ACTOR)

    assert first == CreditGrant.objects.get()
    assert second is None
    assert CreditPurchase.objects.get().grant == first


def test_money_is_sold_as_credit_too() -> None:
    made = sold(make_contract(), name="Prepaid", amount=Decimal(100), price=Decimal(90))

    finalized(made)

    assert CreditGrant.objects.get().currency == "USD"
