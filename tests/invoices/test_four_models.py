"""One worked month for each of the four ways to bill, from usage to the printed cent."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from apps.contracts.models import Contract
from apps.credits import grant
from apps.credits.models import CreditBurn, CreditGrant, CreditReservation
from apps.credits.queries import open_grants
from apps.invoices import draft as refreshing
from apps.invoices import finalize
from apps.invoices.models import Invoice
from apps.plans.compose import NewCharge, NewPrice, NewTier
from tests.builders import (
    AT,
    fee_charge,
    make_contract,
    make_credit_unit,
    make_customer,
    make_meter,
    make_plan_version,
    usage_charge,
)
from tests.invoices.months import ACTOR, IN_NOVEMBER, drafted, invoiced, use

pytestmark = pytest.mark.django_db


def test_per_token_by_model_and_kind() -> None:
    """Tokens by model: large at 5 per million, small at 0.25 per million.

    large: 1,234,567 + 1,000,000 = 2,234,567 x 0.000005    = 11.172835  -> 11.17
    small: 9,999,999                         x 0.00000025  =  2.49999975 -> 2.50
    total 13.67
    """
    make_meter("tokens", aggregation="sum", unit="tokens", event_type="llm", dimensions=["model"])
    prices = [_per_unit("0.000005", model="large"), _per_unit("0.00000025", model="small")]
    contract = make_contract(
        None, make_plan_version([usage_charge("tokens", dimensions=["model"], prices=prices)])
    )
    use(contract, "tokens", "1234567", dimensions={"model": "large"})
    use(contract, "tokens", "1000000", day=date(2026, 10, 6), dimensions={"model": "large"})
    use(contract, "tokens", "9999999", dimensions={"model": "small"})

    invoice = invoiced(contract)

    assert _lines(invoice) == [("usage", "2234567", "11.17"), ("usage", "9999999", "2.50")]
    assert [line.exact for line in invoice.lines.all()] == [Decimal("11.172835"), Decimal("2.49999975")]
    assert [line.dimensions for line in invoice.lines.all()] == [{"model": "large"}, {"model": "small"}]
    assert invoice.total == Decimal("13.67")


def test_credits_first_and_overage_in_currency() -> None:
    """301 answers at 0.5 credits are 150.5 credits.

    The grant with priority 1 pays 30, the one with priority 2 its 100: 20.5 are uncovered, x 0.02 USD = 0.41.
    """
    contract = _contract_in_credits()
    _grant("first", "30", priority=1)
    _grant("second", "100", priority=2)
    use(contract, "answers", "301")

    invoice = invoiced(contract)

    assert _lines(invoice) == [("usage", "301", "0"), ("overage", "20.5", "0.41")]
    assert invoice.total == Decimal("0.41")
    burned = CreditBurn.objects.filter(source_key=invoice.number).order_by("grant__priority")
    assert [(burn.grant.key, burn.amount, burn.grant.left) for burn in burned] == [
        ("first", Decimal(30), Decimal(0)),
        ("second", Decimal(100), Decimal(0)),
    ]


def test_a_draft_draws_no_credit_until_it_is_finalized() -> None:
    contract = _contract_in_credits()
    _grant("first", "30")
    use(contract, "answers", "20")

    draft = drafted(contract)

    assert draft.snapshot["credits"][0]["used"] == "10"
    assert (CreditGrant.objects.get().left, CreditBurn.objects.count()) == (Decimal(30), 0)


def test_an_open_draft_reserves_its_credits_from_the_months_after_it() -> None:
    """October's draft counts on 20 of 30 credits; November's 30 are paid by the 10 that are free: 20 x 0.02 = 0.40."""
    contract = _contract_in_credits()
    _grant("only", "30")
    use(contract, "answers", "40")
    october = drafted(contract)
    use(contract, "answers", "60", day=date(2026, 11, 5))

    november = drafted(contract, at=datetime(2026, 12, 2, 9, tzinfo=UTC))

    assert (october.total, november.total) == (Decimal(0), Decimal("0.40"))
    free = open_grants([contract.customer_id], on=date(2026, 12, 1))[contract.customer_id]
    assert free == ()
    finalize.finalize(invoice_id=october.pk, at=IN_NOVEMBER, actor=ACTOR)
    assert list(CreditReservation.objects.values_list("source_key", "amount")) == [
        (str(november.pk), Decimal(10))
    ]
    assert CreditGrant.objects.get().left == Decimal(10)


def test_a_draft_that_is_refreshed_reserves_anew() -> None:
    contract = _contract_in_credits()
    _grant("only", "30")
    use(contract, "answers", "40")
    draft = drafted(contract)
    use(contract, "answers", "10", day=date(2026, 10, 6))

    refreshing.refresh(invoice_id=draft.pk, at=IN_NOVEMBER, actor=ACTOR)

    assert [row.amount for row in CreditReservation.objects.all()] == [Decimal(25)]


def test_a_grant_good_on_the_first_day_of_the_period_pays_however_late_it_is_finalized() -> None:
    """Gone on 2 October, so good on the 1st: 10 answers x 0.5 = 5 credits in November are still paid by it.

    One that is gone on 1 October pays nothing, and one that begins in the middle of the month pays.
    """
    contract = _contract_in_credits()
    _grant("gone-before", "100", effective_on=date(2026, 9, 1), expires_on=date(2026, 10, 1), priority=1)
    _grant("good-on-the-first", "4", effective_on=date(2026, 9, 1), expires_on=date(2026, 10, 2), priority=2)
    _grant("from-the-middle", "100", effective_on=date(2026, 10, 15), priority=3)
    _grant("from-november", "100", effective_on=date(2026, 11, 1), priority=4)
    use(contract, "answers", "10")

    invoice = invoiced(contract)

    assert invoice.total == 0
    assert dict(CreditBurn.objects.values_list("grant__key", "amount")) == {
        "good-on-the-first": Decimal(4),
        "from-the-middle": Decimal(1),
    }


def test_subscription_with_included_usage_and_overage_in_a_month_cut_short() -> None:
    """From 11 to 31 October: 21 of 31 days. 499 x 21 / 31 = 338.0322... -> 338.03.

    Calls: 12,500 used, 10,000 included, 2,500 x 0.01 = 25.00. Together 363.03; 20% tax 72.606 -> 72.61; 435.64.
    """
    make_meter(aggregation="sum")
    version = make_plan_version([fee_charge("499"), usage_charge(included=Decimal(10_000))])
    contract = make_contract(make_customer(tax_rate=Decimal(20)), version, starts_on=date(2026, 10, 11))
    use(contract, "calls", "12500", day=date(2026, 10, 20))

    invoice = invoiced(contract)

    assert _lines(invoice) == [("recurring", "1", "338.03"), ("usage", "12500", "25")]
    assert (invoice.tax_amount, invoice.total) == (Decimal("72.61"), Decimal("435.64"))
    fee, calls = invoice.lines.all()
    assert (fee.steps[0]["days"], fee.steps[0]["of_days"]) == (21, 31)
    assert calls.steps[0] == {"included": True, "quantity": "10000", "amount": "0"}


def test_outcomes_by_graduated_tiers_and_packages() -> None:
    """1,500 documents: 1,000 x 0.10 + 5 flat = 105, 500 x 0.08 = 40: 145.00.

    1,201 pages in packages of 100 at 4.00, the first 100 free: 1,101 beyond are 12 packages: 48.00. Together 193.00.
    """
    make_meter("documents", aggregation="sum", unit="documents", event_type="document")
    make_meter("pages", aggregation="sum", unit="pages", event_type="page")
    tiers = [
        NewTier(Decimal(1000), Decimal("0.10"), flat_amount=Decimal(5)),
        NewTier(None, Decimal("0.08")),
    ]
    package = NewPrice(
        model="package", package_size=Decimal(100), package_amount=Decimal(4), free_units=Decimal(100)
    )
    charges = [
        usage_charge("documents", prices=[NewPrice(model="graduated", tiers=tiers)]),
        usage_charge("pages", prices=[package]),
    ]
    contract = make_contract(None, make_plan_version(charges))
    use(contract, "documents", "1500")
    use(contract, "pages", "1201")

    invoice = invoiced(contract)

    assert _lines(invoice) == [("usage", "1500", "145"), ("usage", "1201", "48")]
    assert invoice.total == Decimal(193)
    assert [step["amount"] for step in invoice.lines.all()[0].steps] == ["105", "40"]


def _per_unit(amount: str, **match: str) -> NewPrice:
    return NewPrice(model="per_unit", unit_amount=Decimal(amount), match=match)


def _contract_in_credits() -> Contract:
    make_credit_unit()
    make_meter("answers", aggregation="sum", unit="answers", event_type="answer")
    charge: NewCharge = usage_charge(
        "answers", unit_amount="0.5", credit_unit="credits", overage=_per_unit("0.02")
    )
    return make_contract(make_customer(), make_plan_version([charge]))


def _grant(
    key: str,
    amount: str,
    *,
    priority: int = 50,
    effective_on: date = date(2026, 10, 1),
    expires_on: date | None = None,
) -> None:
    contract = Contract.objects.get()
    grant.grant(
        key=key,
        name=key,
        customer_id=contract.customer_id,
        credit_unit_id=make_credit_unit().pk,
        amount=Decimal(amount),
        priority=priority,
        effective_on=effective_on,
        expires_on=expires_on,
        at=AT,
        actor=ACTOR,
    )


def _lines(invoice: Invoice) -> list[tuple[str, str, str]]:
    return [
        (
            line.kind,
            f"{line.quantity.normalize():f}",
            f"{line.amount:.2f}".replace("0.00", "0").removesuffix(".00"),
        )
        for line in Invoice.objects.get(pk=invoice.pk).lines.all()
    ]
