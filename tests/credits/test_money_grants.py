"""Money given in advance pays invoices of its contract, and of the charges that it is confined to."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from apps.contracts.models import Contract
from apps.contracts.terms import period_on, terms_in
from apps.controls.spend import spend_to_date
from apps.credits import grant
from apps.credits.errors import GrantMisfits
from apps.credits.models import CreditBurn, CreditGrant, CreditReservation
from apps.credits.paying import paying
from apps.customers.models import Customer
from apps.invoices import finalize
from apps.plans.models import CreditUnit
from tests.builders import (
    ACTOR,
    AT,
    fee_charge,
    make_contract,
    make_credit_unit,
    make_customer,
    make_meter,
    make_plan_version,
    usage_charge,
)
from tests.invoices.months import drafted, invoiced, use

pytestmark = pytest.mark.django_db(transaction=True)
OCTOBER_ON = date(2026, 10, 1)


def give(contract: Contract, amount: str, key: str = "prepaid", **fields: Any) -> CreditGrant:
    return grant.grant(
        key=key,
        name="Prepaid",
        customer_id=contract.customer_id,
        contract_id=contract.pk,
        amount=Decimal(amount),
        effective_on=fields.pop("effective_on", OCTOBER_ON),
        at=AT,
        actor=ACTOR,
        **fields,
    )


def make_running(currency: str = "USD") -> Contract:
    make_meter()
    return make_contract(
        plan_version=make_plan_version(
            [fee_charge("100"), usage_charge(unit_amount="0.5")], currency=currency
        )
    )


def test_money_pays_the_invoice_and_is_drawn_when_it_is_finalized() -> None:
    """100.00 fee + 40 x 0.50 = 120.00, of which 110.00 were prepaid: 10.00 are left to pay."""
    contract = make_running()
    give(contract, "110")
    use(contract, "calls", "40")

    draft = drafted(contract)

    assert (draft.total, CreditReservation.objects.get().amount) == (Decimal("10.00"), Decimal(110))
    assert CreditGrant.objects.get().left == Decimal(110)

    invoice = finalize.finalize(invoice_id=draft.pk, at=draft.review_until_at, actor=ACTOR)

    assert invoice.total == Decimal("10.00")
    burn = CreditBurn.objects.get()
    assert (burn.amount, burn.source_key) == (Decimal(110), str(invoice.number))
    assert CreditGrant.objects.get().left == 0
    assert not CreditReservation.objects.exists()
    assert [row["grant"] for row in invoice.snapshot["credits"]] == ["prepaid"]


def test_what_is_left_pays_the_next_invoice() -> None:
    contract = make_running()
    give(contract, "150")

    invoiced(contract)

    assert CreditGrant.objects.get().left == Decimal(50)


def test_money_for_charges_pays_for_those_alone() -> None:
    """Of 100.00 fee + 20.00 usage the usage alone: 30.00 were given, 20.00 are drawn."""
    contract = make_running()
    give(contract, "30", charge_keys=["calls"])
    use(contract, "calls", "40")

    assert invoiced(contract).total == Decimal("100.00")
    assert CreditGrant.objects.get().left == Decimal(10)


def test_a_grant_for_charges_that_are_not_in_the_plan_pays_nothing() -> None:
    contract = make_running()
    give(contract, "30", charge_keys=["images"])

    assert invoiced(contract).total == Decimal("100.00")


def test_a_grant_for_another_contract_of_the_customer_pays_nothing() -> None:
    unit = make_credit_unit()
    make_meter()
    version = make_plan_version([usage_charge(credit_unit="credits", overage=usage_charge().prices[0])])
    contract = make_contract(plan_version=version, ends_on=date(2026, 11, 1))
    later = make_contract(plan_version=version, starts_on=date(2026, 11, 1))
    give(later, "5", credit_unit_id=unit.pk)

    october = terms_in(contract, period_on(contract, OCTOBER_ON))
    november = terms_in(later, period_on(later, date(2026, 11, 1)))

    found = paying([(contract, october), (later, november)])
    assert [len(found[one.pk]) for one in (contract, later)] == [0, 1]


def test_spend_to_date_is_less_what_was_prepaid() -> None:
    contract = make_running()
    give(contract, "30")

    found = Contract.objects.select_related("plan_version").get(pk=contract.pk)
    spend = spend_to_date(contracts=[found], at=AT)[contract.pk]

    assert str(spend.rated.credits_applied) == "30.00 USD"


def test_a_contract_without_money_given_asks_nothing_more(django_assert_num_queries: Any) -> None:
    contract = make_running()
    terms = terms_in(contract, period_on(contract, OCTOBER_ON))

    with django_assert_num_queries(0):
        assert paying([(contract, terms)]) == {}


def test_money_has_the_decimals_and_the_currency_of_its_contract() -> None:
    contract = make_running("JPY")

    with pytest.raises(GrantMisfits, match="is in JPY: give at most 0 decimals"):
        give(contract, "10.5")

    assert give(contract, "10").currency == "JPY"


def test_money_needs_a_contract_of_the_customer() -> None:
    contract = make_running()
    with pytest.raises(GrantMisfits, match="needs the contract that it pays for"):
        grant.grant(
            key="k",
            name="n",
            customer_id=contract.customer_id,
            amount=Decimal(1),
            effective_on=OCTOBER_ON,
            at=AT,
            actor=ACTOR,
        )
    other = make_contract(make_customer("other"), contract.plan_version)
    with pytest.raises(GrantMisfits, match="another customer's contract"):
        grant.grant(
            key="k",
            name="n",
            customer_id=contract.customer_id,
            contract_id=other.pk,
            amount=Decimal(1),
            effective_on=OCTOBER_ON,
            at=AT,
            actor=ACTOR,
        )
    assert not CreditGrant.objects.exists()


@pytest.mark.parametrize("fields", [{}, {"currency": "USD"}, {"currency": "USD", "in_unit": True}])
def test_the_database_keeps_a_grant_in_a_unit_or_in_money_for_a_contract(fields: dict[str, Any]) -> None:
    unit = make_credit_unit() if fields.pop("in_unit", False) else None
    customer = make_customer()

    with pytest.raises(IntegrityError, match="grant_is_in_a_unit_or_money"), transaction.atomic():
        CreditGrant.objects.create(
            key="k",
            name="n",
            customer=customer,
            legal_entity=customer.legal_entity,
            credit_unit=unit,
            amount=1,
            left=1,
            effective_on=OCTOBER_ON,
            **fields,
        )

    assert Customer.objects.count() == 1
    assert CreditUnit.objects.count() == (1 if unit else 0)
