"""Fees in advance: billed before their period, and settled with the invoice of the period itself."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.contracts import amend, sign
from apps.contracts.changes import AddDiscount, Change, ChangePlan, ChangeSeats
from apps.contracts.models import Contract
from apps.core.money import Money
from apps.invoices import close, finalize, queries
from apps.invoices.document import document_of
from apps.invoices.errors import AdvanceNotFinalized
from apps.invoices.models import Invoice
from apps.invoices.settle import to_settle
from apps.plans.compose import NewCharge
from tests.builders import fee_charge, make_contract, make_meter, make_plan_version, usage_charge
from tests.invoices.months import ACTOR, IN_NOVEMBER, drafted, invoiced, use

pytestmark = pytest.mark.django_db

AT_START = datetime(2026, 10, 1, 9, tzinfo=UTC)
IN_DECEMBER = datetime(2026, 12, 2, 9, tzinfo=UTC)


def fee_ahead(amount: str, **fields: Any) -> NewCharge:
    return replace(fee_charge(amount, **fields), in_advance=True)


def changed(
    contract: Contract, *made: Change, on: date = date(2026, 10, 16), at: datetime = AT_START
) -> None:
    amend.amend(
        contract_id=contract.pk, effective_on=on, changes=made, reason="Agreed by mail.", at=at, actor=ACTOR
    )


def said(invoice: Invoice) -> Any:
    return [(line.kind, line.amount) for line in invoice.lines.all()]


def test_a_contract_begins_with_an_invoice_of_its_first_fees() -> None:
    """100.00 for October on its first day; on 2 November nothing is left of October, and November's 100.00 follow.

    Calls of October are 150 x 0.01 = 1.50, in arrears: in all 101.50.
    """
    make_meter()
    contract = make_contract(plan_version=make_plan_version([fee_ahead("100"), usage_charge()]))
    opening = invoiced(contract, at=AT_START)
    use(contract, "calls", "150")

    october = invoiced(contract)

    assert (opening.kind, opening.period_start_on) == ("opening", date(2026, 10, 1))
    assert said(opening) == [("recurring", 100)]
    assert said(october) == [
        ("recurring", 100),
        ("usage", Decimal("1.50")),
        ("advance", -100),
        ("recurring", 100),
    ]
    assert october.total == Decimal("101.50")
    assert october.lines.get(kind="advance").adjusts == opening


def test_the_lines_say_which_days_they_are_for() -> None:
    contract = make_contract(plan_version=make_plan_version([fee_ahead("100")]))
    opening = invoiced(contract, at=AT_START)
    october = invoiced(contract)

    (group,) = document_of(october, list(october.lines.all()), language="en").groups[:1]
    (whole,) = document_of(october, list(october.lines.all()), language="en").groups[1:]

    assert [(row.name, row.detail) for row in group.rows] == [
        ("Subscription", ""),
        ("Subscription", "1\N{EN DASH}30 Nov 2026, in advance"),
    ]
    assert [(whole.product, row.name, row.reasons) for row in whole.rows] == [
        (
            "Whole contract",
            "Billed in advance",
            (
                f"For 1 October 2026 to 31 October 2026, by invoice {opening.number}: 100.00\N{NO-BREAK SPACE}USD",
            ),
        )
    ]


def test_seats_added_meanwhile_are_settled_when_the_period_is_over() -> None:
    """10 seats x 31.00 = 310 in advance. From the 16th they are 12: 10 x 31 x 15/31 + 12 x 31 x 16/31 = 150 + 192 = 342.

    So 342 - 310 = 32 are left of October, and November's 12 x 31 = 372 follow: 404.
    """
    seats = fee_ahead("31", key="seats", quantity="10")
    contract = make_contract(plan_version=make_plan_version([seats]))
    opening = invoiced(contract, at=AT_START)
    changed(contract, ChangeSeats("seats", Decimal(12)))

    october = invoiced(contract)

    assert said(october) == [("recurring", 342), ("advance", -310), ("recurring", 372)]
    assert [opening.total, october.total] == [310, 404]


def test_another_plan_in_the_middle_of_a_period_is_settled_when_it_is_over() -> None:
    """310 in advance; from the 16th 620: 310 x 15/31 + 620 x 16/31 = 150 + 320 = 470; 470 - 310 + 620 = 780."""
    contract = make_contract(plan_version=make_plan_version([fee_ahead("310")]))
    invoiced(contract, at=AT_START)
    changed(contract, ChangePlan(make_plan_version([fee_ahead("620")]).pk))

    assert invoiced(contract).total == 780


def test_a_plan_in_arrears_takes_off_what_was_billed_in_advance_before_it() -> None:
    """310 in advance for October; then in arrears, at 310 too: October is paid, and November's fee comes after it."""
    contract = make_contract(plan_version=make_plan_version([fee_ahead("310")]))
    invoiced(contract, at=AT_START)
    changed(contract, ChangePlan(make_plan_version([fee_charge("310")]).pk), on=date(2026, 11, 1))

    totals = [invoiced(contract, at=at).total for at in (IN_NOVEMBER, IN_DECEMBER)]

    assert totals == [0, 310]


def test_fees_in_advance_come_less_their_discounts() -> None:
    """10% off 100.00 is 90.00 in advance, and the same comes off when October is priced as a whole."""
    contract = make_contract(plan_version=make_plan_version([fee_ahead("100")]))
    changed(contract, AddDiscount("launch", "Launch", percent=Decimal(10)), on=date(2026, 10, 1))

    opening, october = invoiced(contract, at=AT_START), invoiced(contract)

    assert said(opening) == [("recurring", 100), ("discount", -10)]
    assert said(october) == [
        ("recurring", 100),
        ("discount", -10),
        ("advance", -90),
        ("recurring", 100),
        ("discount", -10),
    ]


def test_nothing_is_billed_in_advance_beyond_the_end() -> None:
    """October's 310 in advance, then 14 of November's 30 days: 310 x 14/30 = 144.666... = 144.67; nothing after them."""
    contract = make_contract(plan_version=make_plan_version([fee_ahead("310")]), ends_on=date(2026, 11, 15))

    totals = [invoiced(contract, at=at).total for at in (AT_START, IN_NOVEMBER, IN_DECEMBER)]

    assert totals == [310, Decimal("144.67"), 0]


def test_an_earlier_end_gives_back_what_was_billed_beyond_it() -> None:
    """300 in advance for November, which ends on the 15th: 300 x 14/30 = 140. With 200 of usage 340 - 300 = 40 are due."""
    make_meter(aggregation="sum")
    charges = [fee_ahead("300"), usage_charge(unit_amount="1")]
    contract = make_contract(plan_version=make_plan_version(charges))
    invoiced(contract, at=AT_START)
    october = invoiced(contract)
    use(contract, "calls", "200", day=date(2026, 11, 4))
    _end(contract)

    november = invoiced(contract, at=IN_DECEMBER)

    assert said(november) == [("recurring", 140), ("usage", 200), ("advance", -300)]
    assert november.total == 40
    assert november.lines.get(kind="advance").adjusts == october
    assert to_settle() == []


def test_what_the_last_invoice_cannot_give_back_is_to_settle_by_hand() -> None:
    """300 in advance, 140 for the days until the end: nothing is due, and 160 are to be credited."""
    contract = make_contract(plan_version=make_plan_version([fee_ahead("300")]))
    invoiced(contract, at=AT_START)
    october = invoiced(contract)
    _end(contract)

    november = invoiced(contract, at=IN_DECEMBER)

    assert november.total == 0
    assert said(november) == [("recurring", 140), ("advance", -140)]
    assert [(one.invoice, one.name, one.amount) for one in to_settle()] == [
        (october.number, "Billed in advance", Money(Decimal(-160), "USD"))
    ]
    text = document_of(november, list(november.lines.all()), language="en").groups[-1].rows[0].reasons[0]
    assert text.endswith(
        "300.00\N{NO-BREAK SPACE}USD; 160.00\N{NO-BREAK SPACE}USD of it comes off the next invoice"
    )


def test_the_schedule_opens_a_contract_on_its_first_day_and_once() -> None:
    contract = make_contract(plan_version=make_plan_version([fee_ahead("100")]))
    before = AT_START - timedelta(hours=10)

    found = [queries.due_to_close(at=at) for at in (before, AT_START)]
    drafted(contract, at=AT_START)

    assert found == [[], [contract.pk]]
    assert queries.due_to_close(at=AT_START) == []
    assert close.close_contract(contract_id=contract.pk, at=AT_START, actor=ACTOR).drafts == ()


def test_the_opening_is_finalized_before_the_period_that_takes_it_off() -> None:
    contract = make_contract(plan_version=make_plan_version([fee_ahead("100")]))
    opening = drafted(contract, at=AT_START)
    october = drafted(contract)

    with pytest.raises(AdvanceNotFinalized, match="oldest first"):
        finalize.finalize(invoice_id=october.pk, at=IN_NOVEMBER, actor=ACTOR)

    contract.refresh_from_db()
    assert contract.billed_until_on is None
    assert queries.due_to_finalize(at=IN_DECEMBER) == [opening.pk]
    finalize.finalize(invoice_id=opening.pk, at=IN_NOVEMBER, actor=ACTOR)
    assert queries.due_to_finalize(at=IN_DECEMBER) == [october.pk]


def test_a_first_period_that_is_over_is_billed_by_its_own_invoice_alone() -> None:
    """October's 100.00 and November's: no invoice of October alone is asked for any more."""
    contract = make_contract(plan_version=make_plan_version([fee_ahead("100")]))

    october = invoiced(contract)

    assert said(october) == [("recurring", 100), ("recurring", 100)]
    assert Invoice.objects.count() == 1


def test_a_contract_without_fees_in_advance_is_not_asked_what_was_billed() -> None:
    contract = make_contract(plan_version=make_plan_version([fee_charge("100")]))

    with CaptureQueriesContext(connection) as asked:
        drafted(contract)

    assert not [query["sql"] for query in asked if 'FROM "invoices_invoiceline"' in query["sql"]]


def _end(contract: Contract) -> None:
    sign.end(
        contract_id=contract.pk,
        ends_on=date(2026, 11, 15),
        reason="Cancelled",
        at=datetime(2026, 11, 5, tzinfo=UTC),
        actor=ACTOR,
    )
