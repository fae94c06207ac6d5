"""Amendments of days that are invoiced come out on the next invoice: whatever they change, and once."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from apps.contracts import amend
from apps.contracts.changes import AddCommitment, AddDiscount, Change, ChangePlan, ChangeSeats
from apps.contracts.models import Contract
from apps.contracts.terms import period_on
from apps.core.money import Money
from apps.invoices import draft
from apps.invoices.advance import fees_ahead
from apps.invoices.billing import Asked, price
from apps.invoices.document import document_of
from apps.invoices.models import Invoice
from apps.invoices.settle import to_settle
from apps.invoices.verify.run import verify_all
from apps.plans.compose import NewPrice
from tests.builders import fee_charge, make_contract, make_meter, make_plan_version, usage_charge
from tests.invoices.months import ACTOR, IN_NOVEMBER, drafted, invoiced, use

pytestmark = pytest.mark.django_db

IN_DECEMBER = datetime(2026, 12, 2, 9, tzinfo=UTC)
IN_JANUARY = datetime(2027, 1, 2, 9, tzinfo=UTC)
IN_FEBRUARY = datetime(2027, 2, 2, 9, tzinfo=UTC)


def changed(contract: Contract, *made: Change, on: date, at: datetime = IN_NOVEMBER) -> None:
    amend.amend(
        contract_id=contract.pk, effective_on=on, changes=made, reason="Agreed by mail.", at=at, actor=ACTOR
    )


def adjusting(invoice: Invoice) -> Any:
    return [(line.name, line.amount) for line in invoice.lines.filter(kind="adjustment").order_by("position")]


def test_a_discount_agreed_later_is_given_back_once() -> None:
    """10% off from October on, agreed in November: 10.00 of October's 100.00 back, and November's own 10.00.

    100 - 10 - 10 = 80; December 100 - 10 = 90, and nothing more of October.
    """
    contract = make_contract(plan_version=make_plan_version([fee_charge("100")]))
    october = invoiced(contract)
    changed(contract, AddDiscount("launch", "Launch", percent=Decimal(10)), on=date(2026, 10, 1))

    november, december = (invoiced(contract, at=at) for at in (IN_DECEMBER, IN_JANUARY))

    assert [october.total, november.total, december.total] == [100, 80, 90]
    assert adjusting(november) == [("Launch", -10)]
    assert adjusting(december) == []
    (reason,) = document_of(november, list(november.lines.all()), language="en").groups[-1].rows[-1].reasons
    assert reason == (
        f"Adjustment of 1 October 2026 to 31 October 2026, invoice {october.number}: by what was agreed since, "
        "it comes to \N{MINUS SIGN}10.00\N{NO-BREAK SPACE}USD; 0.00\N{NO-BREAK SPACE}USD was billed"
    )


def test_seats_agreed_later_are_billed_for_their_days() -> None:
    """12 instead of 10 from the 16th of October: 2 x 31 x 16/31 = 32.00 more, beside November's 12 x 31 = 372."""
    contract = make_contract(plan_version=make_plan_version([fee_charge("31", key="seats", quantity="10")]))
    october = invoiced(contract)
    changed(contract, ChangeSeats("seats", Decimal(12)), on=date(2026, 10, 16))

    november, december = (invoiced(contract, at=at) for at in (IN_DECEMBER, IN_JANUARY))

    assert [october.total, november.total, december.total] == [310, 404, 372]
    assert adjusting(november) == [("Subscription", 32)]


def test_another_plan_agreed_later_prices_usage_and_fees_again() -> None:
    """October: 100 of fee and 50 calls at 1 = 150. By the other plan 60 and 50 x 2 = 160: 40 back, and 50 more.

    November: 60 of fee, and the 10 that the two come to.
    """
    make_meter(aggregation="sum")
    contract = make_contract(
        plan_version=make_plan_version([fee_charge("100"), usage_charge(unit_amount="1")])
    )
    use(contract, "calls", "50")
    invoiced(contract)
    other = make_plan_version([fee_charge("60"), usage_charge(unit_amount="2")])
    changed(contract, ChangePlan(other.pk), on=date(2026, 10, 1))

    november, december = (invoiced(contract, at=at) for at in (IN_DECEMBER, IN_JANUARY))

    assert adjusting(november) == [("Subscription", -40), ("Calls", 50)]
    assert [november.total, december.total] == [70, 60]


def test_a_charge_that_the_later_plan_does_not_have_is_given_back() -> None:
    """100 of October's fee back, and 30 of the one that the later plan has instead: 4 x 30 - 100 = 20 until January."""
    contract = make_contract(plan_version=make_plan_version([fee_charge("100")]))
    invoiced(contract)
    changed(contract, ChangePlan(make_plan_version([fee_charge("30", key="base")]).pk), on=date(2026, 10, 1))

    totals = [invoiced(contract, at=at).total for at in (IN_DECEMBER, IN_JANUARY, IN_FEBRUARY)]

    assert totals == [0, 0, 20]
    assert adjusting(Invoice.objects.get(period_start_on=date(2026, 11, 1))) == [
        ("Subscription", 30),
        ("Subscription", -60),
    ]


def test_a_commitment_agreed_later_is_trued_up() -> None:
    """At least 80 a month, of which October used 50: 30 more."""
    make_meter(aggregation="sum")
    contract = make_contract(plan_version=make_plan_version([usage_charge(unit_amount="1")]))
    use(contract, "calls", "50")
    invoiced(contract)
    changed(contract, AddCommitment("min", "Minimum", Decimal(80), date(2027, 10, 1)), on=date(2026, 10, 1))
    use(contract, "calls", "90", day=date(2026, 11, 5))

    november = invoiced(contract, at=IN_DECEMBER)

    assert adjusting(november) == [("Minimum", 30)]
    assert november.total == 120


def test_late_usage_takes_units_that_the_month_after_had_carried_over() -> None:
    """100 calls a month are included, and up to 100 that are left carry over; 1.00 each beyond.

    October uses 40 and leaves 60, November 160: 100 + 60, so 0. Then 30 more come for October: they are included there,
    but November had 30 too many: 30.00, on December's invoice.
    """
    make_meter(aggregation="sum", late_days=400)
    charge = usage_charge(unit_amount="1", included=Decimal(100), carry_over_limit=Decimal(100))
    contract = make_contract(plan_version=make_plan_version([charge]))
    use(contract, "calls", "40")
    october = invoiced(contract)
    use(contract, "calls", "160", day=date(2026, 11, 5))
    november = invoiced(contract, at=IN_DECEMBER)
    use(contract, "calls", "30", day=date(2026, 10, 6))

    december = invoiced(contract, at=IN_JANUARY)

    assert [october.total, november.total, december.total] == [0, 0, 30]
    assert december.lines.get(kind="adjustment").adjusts == november
    assert [one.findings for one in verify_all()] == [(), (), ()]


def test_what_was_known_is_not_taken_for_news() -> None:
    """An amendment before the invoice is in it: October is not priced again."""
    contract = make_contract(plan_version=make_plan_version([fee_charge("100")]))
    changed(contract, AddDiscount("launch", "Launch", percent=Decimal(10)), on=date(2026, 10, 1))
    october = invoiced(contract)
    waiting = drafted(contract, at=IN_DECEMBER)

    with CaptureQueriesContext(connection) as asked:
        draft.refresh(invoice_id=waiting.pk, at=IN_DECEMBER, actor=ACTOR)

    assert [october.total, waiting.total] == [90, 90]
    assert october.snapshot["priced_with"] == {contract.number: 1}
    assert sum("usage_usageday" in query["sql"] for query in asked) == 1


def test_an_amendment_after_the_last_invoice_is_to_settle_by_hand() -> None:
    contract = make_contract(plan_version=make_plan_version([fee_charge("100")]), ends_on=date(2026, 11, 1))
    october = invoiced(contract)
    before = to_settle()
    changed(contract, AddDiscount("sorry", "Goodwill", percent=Decimal(25)), on=date(2026, 10, 1))

    assert before == []
    assert [(one.invoice, one.name, one.amount) for one in to_settle()] == [
        (october.number, "Goodwill", Money(Decimal(-25), "USD"))
    ]


def test_prices_that_change_within_the_period_are_told_apart_on_the_invoice() -> None:
    """800 calls at 0.10 before the 16th of October and 700 at 0.20 from it on: 80 + 140."""
    make_meter(aggregation="sum")
    contract = make_contract(plan_version=make_plan_version([usage_charge(unit_amount="0.10")]))
    dearer = make_plan_version(
        [usage_charge(prices=[NewPrice(model="per_unit", unit_amount=Decimal("0.20"))])]
    )
    changed(contract, ChangePlan(dearer.pk), on=date(2026, 10, 16))
    use(contract, "calls", "800", day=date(2026, 10, 5))
    use(contract, "calls", "700", day=date(2026, 10, 20))

    invoice = invoiced(contract)

    assert [(line.starts_on, line.ends_on, line.amount) for line in invoice.lines.all()] == [
        (date(2026, 10, 1), date(2026, 10, 16), Decimal(80)),
        (date(2026, 10, 16), date(2026, 11, 1), Decimal(140)),
    ]
    rows = document_of(invoice, list(invoice.lines.all()), language="de").groups[0].rows
    assert [row.detail for row in rows] == [
        "1.\N{EN DASH}15. Okt. 2026",
        "16.\N{EN DASH}31. Okt. 2026",
    ]


class Laws(TestCase):
    """Whatever is agreed when, for whichever days, also in advance: all invoices together bill it once."""

    @settings(max_examples=12, deadline=None)
    @given(seed=st.integers(0, 10**6))
    def test_all_invoices_together_bill_every_period_as_it_stands(self, seed: int) -> None:
        chance = Random(seed)
        make_meter(aggregation="sum", late_days=400)
        charges = [
            replace(fee_charge("31", key="seats", quantity="10"), in_advance=True),
            usage_charge(unit_amount="1", included=Decimal(100), carry_over_limit=Decimal(50)),
        ]
        contract = make_contract(plan_version=make_plan_version(charges))
        if chance.random() < 0.5:
            invoiced(contract, at=datetime(2026, 10, 1, 9, tzinfo=UTC))
        for month, at in ((10, IN_NOVEMBER), (11, IN_DECEMBER), (12, IN_JANUARY), (13, IN_FEBRUARY)):
            # Enough in every month that nothing has to wait for a later invoice.
            day = date(2026 + month // 13, (month - 1) % 12 + 1, chance.randrange(1, 28))
            use(contract, "calls", str(chance.randrange(900, 1200)), day=day)
            for number in range(0 if month == 13 else chance.randrange(3)):
                since = date(2026, chance.randrange(10, month + 1), chance.randrange(1, 29))
                discount = AddDiscount(f"d{month}-{number}", "Some off", percent=Decimal(5), months=2)
                seats = ChangeSeats("seats", Decimal(chance.randrange(8, 14)))
                made: tuple[Change, ...] = (discount, seats)
                changed(contract, chance.choice(made), on=since, at=at)
            invoiced(contract, at=at)

        again = Contract.objects.select_related("plan_version", "customer").get(pk=contract.pk)
        standing, brought = Decimal(0), None
        for day in (date(2026, 10, 1), date(2026, 11, 1), date(2026, 12, 1), date(2027, 1, 1)):
            priced = price(again, period_on(again, day), asked=Asked(brought=brought))
            standing, brought = standing + priced.rated.total.amount, priced.forward
        ahead = fees_ahead(again, date(2027, 2, 1))
        assert ahead is not None
        billed = sum(Invoice.objects.values_list("total", flat=True))
        assert billed == standing + ahead.rated.total.amount
