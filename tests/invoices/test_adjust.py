"""Late usage and corrections of billed periods come out on the next invoice, to the cent."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from apps.contracts.models import Contract
from apps.contracts.terms import period_on
from apps.core.money import Money
from apps.credits import grant
from apps.invoices import draft, finalize
from apps.invoices.billing import price
from apps.invoices.document import document_of
from apps.invoices.models import Invoice, InvoiceLine
from apps.invoices.settle import to_settle
from apps.invoices.verify.run import verify, verify_all
from apps.plans.compose import NewPrice, NewTier
from apps.plans.models import CreditUnit, Meter
from apps.usage import ingest
from apps.usage.correct import correct, select
from apps.usage.disputes import decide
from apps.usage.models import LateDay, QuarantinedEvent
from apps.usage.reconcile import reconcile
from tests.builders import make_contract, make_credit_unit, make_meter, make_plan_version, usage_charge
from tests.invoices.months import ACTOR, IN_NOVEMBER, drafted, invoiced

pytestmark = pytest.mark.django_db

IN_DECEMBER = datetime(2026, 12, 2, 9, tzinfo=UTC)
IN_JANUARY = datetime(2027, 1, 2, 9, tzinfo=UTC)


def tiered(**fields: Any) -> Contract:
    """Calls at 1.00 up to 100, and at 0.50 beyond, in every month."""
    make_meter(aggregation="sum", late_days=400)
    tiers = [
        NewTier(up_to=Decimal(100), unit_amount=Decimal(1)),
        NewTier(up_to=None, unit_amount=Decimal("0.5")),
    ]
    charge = usage_charge(prices=[NewPrice(model="graduated", tiers=tiers)])
    return make_contract(plan_version=make_plan_version([charge]), **fields)


def use(quantity: object, on: date, *, key: str, at: datetime | None = None) -> None:
    noon = datetime(on.year, on.month, on.day, 12, tzinfo=UTC)
    event = {
        "id": key,
        "customer": "acme",
        "type": "api.call",
        "time": noon.isoformat(),
        "quantity": quantity,
    }
    taken = ingest.ingest(events=[event], at=at or noon + timedelta(minutes=1), actor=ACTOR)
    assert taken.counted == 1, taken


def adjusting(invoice: Invoice) -> Any:
    lines = invoice.lines.filter(kind=InvoiceLine.Kind.ADJUSTMENT).order_by("position")
    return [(line.quantity, line.amount, line.adjusts.number if line.adjusts else None) for line in lines]


def settling() -> Any:
    return [(one.contract, one.invoice, one.quantity, one.amount) for one in to_settle()]


def test_late_usage_is_billed_at_the_tier_that_it_falls_in() -> None:
    """October: 90 calls, 90.00. Then 30 more: 100 x 1.00 + 20 x 0.50 = 110.00, so 20.00 are left to bill.

    November itself: 10 calls, 10.00; in all 30.00.
    """
    contract = tiered()
    use(90, date(2026, 10, 5), key="a")
    october = invoiced(contract)
    use(10, date(2026, 11, 5), key="b")
    use(30, date(2026, 10, 20), key="late", at=IN_NOVEMBER + timedelta(days=1))

    november = invoiced(contract, at=IN_DECEMBER)

    assert [october.total, november.total] == [Decimal(90), Decimal(30)]
    assert adjusting(november) == [(30, 20, october.number)]
    text = document_of(november, list(november.lines.all()), language="en").groups[0].rows[-1].reasons[0]
    assert text == (
        f"Adjustment of 1 October 2026 to 31 October 2026, invoice {october.number}: "
        "usage that came or was corrected later makes it 110.00\N{NO-BREAK SPACE}USD; 90.00\N{NO-BREAK SPACE}USD was billed"
    )


def test_voided_usage_is_given_back() -> None:
    """150 calls were 125.00; without 60 of them 90 are 90.00: 35.00 back, of November's 50.00."""
    contract = tiered()
    use(90, date(2026, 10, 5), key="a")
    use(60, date(2026, 10, 6), key="b")
    october = invoiced(contract)
    use(50, date(2026, 11, 5), key="c")
    correct(customer_key="acme", keys=["b"], reason="Test", at=IN_NOVEMBER, actor=ACTOR)

    november = invoiced(contract, at=IN_DECEMBER)

    assert [october.total, november.total] == [Decimal(125), Decimal(15)]
    assert adjusting(november) == [(-60, -35, october.number)]


def test_what_cannot_be_given_back_at_once_comes_with_the_invoice_after() -> None:
    """35.00 are to be given back: 20.00 of November's 20.00, the other 15.00 of December's 40.00."""
    contract = tiered()
    use(90, date(2026, 10, 5), key="a")
    use(60, date(2026, 10, 6), key="b")
    invoiced(contract)
    use(20, date(2026, 11, 5), key="c")
    use(40, date(2026, 12, 5), key="d")
    correct(customer_key="acme", keys=["b"], reason="Test", at=IN_NOVEMBER, actor=ACTOR)

    totals = [invoiced(contract, at=at).total for at in (IN_DECEMBER, IN_JANUARY)]

    assert totals == [0, 25]


def test_an_adjustment_is_billed_once() -> None:
    contract = tiered()
    use(90, date(2026, 10, 5), key="a")
    invoiced(contract)
    use(30, date(2026, 10, 20), key="late", at=IN_NOVEMBER)
    first = invoiced(contract, at=IN_DECEMBER)
    use(5, date(2026, 12, 5), key="c")

    second = invoiced(contract, at=IN_JANUARY)

    assert [first.total, second.total] == [Decimal(20), Decimal(5)]
    assert adjusting(second) == []


def test_of_two_drafts_only_the_next_to_be_billed_adjusts() -> None:
    contract = tiered()
    use(90, date(2026, 10, 5), key="a")
    invoiced(contract)
    use(30, date(2026, 10, 20), key="late", at=IN_NOVEMBER)

    drafted(contract, at=IN_JANUARY)
    drafts = list(Invoice.objects.filter(number=None).order_by("period_start_on"))

    assert [len(adjusting(one)) for one in drafts] == [1, 0]


def test_what_changes_between_draft_and_finalizing_is_on_the_invoice() -> None:
    contract = tiered()
    use(90, date(2026, 10, 5), key="a")
    invoiced(contract)
    waiting = drafted(contract, at=IN_DECEMBER)
    use(30, date(2026, 10, 20), key="late", at=IN_DECEMBER)

    finalized = finalize.finalize(invoice_id=waiting.pk, at=IN_DECEMBER, actor=ACTOR)

    assert finalized.total == 20


def test_usage_in_credits_is_drawn_with_the_running_period() -> None:
    """1 credit a call, and 100 granted: October draws 30; 20 late calls and November's 10 draw 30 more, 40 are left."""
    unit = make_credit_unit()
    make_meter(aggregation="sum", late_days=400)
    charge = usage_charge(unit_amount="1", credit_unit="credits")
    contract = make_contract(plan_version=make_plan_version([charge]))
    given_ = grant.grant(
        key="pack",
        name="Pack",
        customer_id=contract.customer_id,
        credit_unit_id=unit.pk,
        amount=Decimal(100),
        effective_on=date(2026, 10, 1),
        at=IN_NOVEMBER,
        actor=ACTOR,
    )
    use(30, date(2026, 10, 5), key="a")
    october = invoiced(contract)
    use(10, date(2026, 11, 5), key="b")
    use(20, date(2026, 10, 20), key="late", at=IN_NOVEMBER)

    november = invoiced(contract, at=IN_DECEMBER)

    given_.refresh_from_db()
    assert given_.left == 40
    assert adjusting(november) == [(20, 0, october.number)]
    assert november.lines.get(kind="usage").quantity == 30


def test_usage_in_credits_that_another_month_drew_is_not_given_back_when_that_changes() -> None:
    """No credits, 0.50 for each: 20 late calls of October make November's 10 calls 30. Then 5 more come for November.

    They join December's 100 calls: 105 x 0.50 = 52.50.
    """
    make_credit_unit()
    make_meter(aggregation="sum", late_days=400)
    overage = NewPrice(model="per_unit", unit_amount=Decimal("0.5"))
    charge = usage_charge(unit_amount="1", credit_unit="credits", overage=overage)
    contract = make_contract(plan_version=make_plan_version([charge]))
    use(30, date(2026, 10, 5), key="a")
    invoiced(contract)
    use(10, date(2026, 11, 5), key="b")
    use(20, date(2026, 10, 20), key="late", at=IN_NOVEMBER)
    november = invoiced(contract, at=IN_DECEMBER)
    assert verify(invoice_id=november.pk).is_proven
    use(5, date(2026, 11, 20), key="later", at=IN_DECEMBER)
    use(100, date(2026, 12, 5), key="c")

    december = invoiced(contract, at=IN_JANUARY)

    assert adjusting(december) == [(5, 0, november.number)]
    assert december.total == Decimal("52.50")
    assert all(one.is_proven and not one.waiting for one in verify_all())


def resolutions(**fields: Any) -> Contract:
    """Resolved tickets at 10.00 each, in every month."""
    make_meter(
        "resolutions",
        unit="resolutions",
        event_type="ticket",
        aggregation="outcomes",
        outcome_states={"succeeded": "1"},
        late_days=400,
    )
    plan = make_plan_version([usage_charge("resolutions", unit_amount="10")])
    return make_contract(plan_version=plan, **fields)


def stage(outcome: str, state: str, on: date, *, at: datetime | None = None) -> None:
    noon = datetime(on.year, on.month, on.day, 12, tzinfo=UTC)
    event = {
        "id": f"{outcome} {state}",
        "customer": "acme",
        "type": "ticket",
        "time": noon.isoformat(),
        "properties": {"outcome": outcome, "state": state},
    }
    taken = ingest.ingest(events=[event], at=at or noon + timedelta(minutes=1), actor=ACTOR)
    assert taken.counted == 1, taken


def decide_in_december(outcome: str, *, rejects: bool) -> None:
    decide(
        customer_key="acme",
        meter_id=Meter.objects.get(key="resolutions").pk,
        outcome=outcome,
        rejects=rejects,
        reason="The logs show it",
        at=IN_DECEMBER,
        actor=ACTOR,
    )


def test_an_outcome_that_is_disputed_after_its_invoice_is_given_back() -> None:
    """October: T-1, 10.00. November: T-1 is disputed, three others are reached: 30.00 - 10.00 = 20.00."""
    contract = resolutions()
    stage("T-1", "succeeded", date(2026, 10, 25))
    october = invoiced(contract)
    stage("T-1", "disputed", date(2026, 11, 10))
    for number in range(3):
        stage(f"N-{number}", "succeeded", date(2026, 11, 12))

    november = invoiced(contract, at=IN_DECEMBER)

    assert [october.total, november.total] == [Decimal(10), Decimal(20)]
    assert adjusting(november) == [(-1, -10, october.number)]


def test_a_dispute_that_is_rejected_after_it_was_given_back_is_billed_again() -> None:
    """October 10.00; November gives them back of its 30.00: 20.00; rejected in December, it bills them again: 10.00."""
    contract = resolutions()
    stage("T-1", "succeeded", date(2026, 10, 25))
    october = invoiced(contract)
    stage("T-1", "disputed", date(2026, 11, 10))
    for number in range(3):
        stage(f"N-{number}", "succeeded", date(2026, 11, 12))
    november = invoiced(contract, at=IN_DECEMBER)

    decide_in_december("T-1", rejects=True)
    december = invoiced(contract, at=IN_JANUARY)

    assert [october.total, november.total, december.total] == [10, 20, 10]
    assert adjusting(december) == [(1, 10, october.number)]
    assert not reconcile().differences


def test_a_success_that_a_voided_failure_had_taken_is_billed_again() -> None:
    """T-1 succeeded in October and failed before the invoice: 0.00. The failure is voided: 10.00 on November's."""
    contract = resolutions()
    stage("T-1", "succeeded", date(2026, 10, 25))
    stage("T-1", "failed", date(2026, 11, 1))
    october = invoiced(contract)

    correct(customer_key="acme", keys=["T-1 failed"], reason="Test", at=IN_NOVEMBER, actor=ACTOR)
    november = invoiced(contract, at=IN_DECEMBER)

    assert [october.total, november.total] == [0, 10]
    assert adjusting(november) == [(1, 10, october.number)]


def test_an_outcome_is_given_back_by_the_contract_that_billed_it() -> None:
    """T-1 is billed under a contract of October alone, and disputed under the one of November: October's day is noted."""
    october = resolutions(number="C-OCT", ends_on=date(2026, 11, 1))
    make_contract(number="C-NOV", starts_on=date(2026, 11, 1), plan_version=october.plan_version)
    stage("T-1", "succeeded", date(2026, 10, 25))
    invoiced(october)

    stage("T-1", "disputed", date(2026, 11, 10))

    assert LateDay.objects.values_list("contract", "day").get() == (october.pk, date(2026, 10, 25))


def test_usage_of_a_contract_that_is_wholly_billed_waits() -> None:
    contract = tiered(ends_on=date(2026, 11, 1))
    use(90, date(2026, 10, 5), key="a")
    invoiced(contract)
    event = {"id": "late", "customer": "acme", "type": "api.call", "time": "2026-10-20T12:00:00Z"}

    taken = ingest.ingest(events=[event], at=IN_NOVEMBER, actor=ACTOR)

    assert taken.quarantined == 1
    assert QuarantinedEvent.objects.get().reason == "period_closed"


def test_what_is_voided_after_the_last_invoice_is_told_to_be_settled_by_hand() -> None:
    """150 calls were 125.00; without 60 of them 90 are 90.00: 35.00 to credit, and no invoice follows."""
    contract = tiered(ends_on=date(2026, 11, 1))
    use(90, date(2026, 10, 5), key="a")
    use(60, date(2026, 10, 6), key="b")
    october = invoiced(contract)
    before = to_settle()

    expected = select(customer_key="acme", keys=["b"]).wholly_billed
    corrected = correct(customer_key="acme", keys=["b"], reason="Test", at=IN_NOVEMBER, actor=ACTOR)

    assert before == []
    assert (expected, corrected.wholly_billed) == ((contract.number,), (contract.number,))
    assert settling() == [(contract.number, october.number, -60, Money(Decimal(-35), "USD"))]
    assert to_settle(customer_id=contract.customer_id) == to_settle()


def test_what_the_last_invoice_could_not_give_back_is_told_to_be_settled_by_hand() -> None:
    """35.00 are to be given back: 20.00 of November's 20.00, and the other 15.00 by hand, since November is the last."""
    contract = tiered(ends_on=date(2026, 12, 1))
    use(90, date(2026, 10, 5), key="a")
    use(60, date(2026, 10, 6), key="b")
    october = invoiced(contract)
    use(20, date(2026, 11, 5), key="c")
    correct(customer_key="acme", keys=["b"], reason="Test", at=IN_NOVEMBER, actor=ACTOR)
    while_it_runs = to_settle()

    november = invoiced(contract, at=IN_DECEMBER)

    assert (while_it_runs, november.total) == ([], Decimal(0))
    assert settling() == [(contract.number, october.number, 0, Money(Decimal(-15), "USD"))]


def test_what_the_last_invoice_gave_back_is_settled() -> None:
    contract = tiered(ends_on=date(2026, 12, 1))
    use(90, date(2026, 10, 5), key="a")
    use(60, date(2026, 10, 6), key="b")
    invoiced(contract)
    use(50, date(2026, 11, 5), key="c")
    correct(customer_key="acme", keys=["b"], reason="Test", at=IN_NOVEMBER, actor=ACTOR)

    invoiced(contract, at=IN_DECEMBER)

    assert to_settle() == []


def test_usage_in_credits_to_be_settled_by_hand_has_no_amount() -> None:
    make_credit_unit()
    make_meter(aggregation="sum", late_days=400)
    charge = usage_charge(unit_amount="1", credit_unit="credits")
    plan = make_plan_version([charge])
    contract = make_contract(plan_version=plan, ends_on=date(2026, 11, 1))
    grant.grant(
        key="pack",
        name="Pack",
        customer_id=contract.customer_id,
        credit_unit_id=CreditUnit.objects.get().pk,
        amount=Decimal(100),
        effective_on=date(2026, 10, 1),
        at=IN_NOVEMBER,
        actor=ACTOR,
    )
    use(30, date(2026, 10, 5), key="a")
    october = invoiced(contract)

    correct(customer_key="acme", keys=["a"], reason="Test", at=IN_NOVEMBER, actor=ACTOR)

    assert settling() == [(contract.number, october.number, -30, None)]


def test_where_nothing_is_to_be_settled_that_is_one_query(django_assert_num_queries: Any) -> None:
    contract = tiered()
    use(90, date(2026, 10, 5), key="a")
    invoiced(contract)
    correct(customer_key="acme", keys=["a"], reason="Test", at=IN_NOVEMBER, actor=ACTOR)

    with django_assert_num_queries(1):
        assert to_settle() == []


def test_contracts_without_late_usage_pay_one_query() -> None:
    contract = tiered()
    use(90, date(2026, 10, 5), key="a")
    invoiced(contract)
    waiting = drafted(contract, at=IN_DECEMBER)

    with CaptureQueriesContext(connection) as queries:
        draft.refresh(invoice_id=waiting.pk, at=IN_DECEMBER, actor=ACTOR)

    assert sum("usage_lateday" in query["sql"] for query in queries) == 1
    assert sum("usage_usageday" in query["sql"] for query in queries) <= 2


def test_only_an_adjustment_names_an_invoice() -> None:
    contract = tiered()
    use(90, date(2026, 10, 5), key="a")
    line = drafted(contract).lines.get()

    with pytest.raises(IntegrityError, match="adjustment_names_what_it_adjusts"), transaction.atomic():
        InvoiceLine.objects.filter(pk=line.pk).update(kind="adjustment")


class Laws(TestCase):
    """Whatever comes late or is voided, between whichever invoices: all invoices together bill it once."""

    @settings(max_examples=15, deadline=None)
    @given(seed=st.integers(0, 10**6))
    def test_all_invoices_together_bill_what_one_rating_of_everything_comes_to(self, seed: int) -> None:
        chance = Random(seed)
        contract = tiered()
        # Enough in every month that nothing has to be carried beyond the last invoice.
        keys: list[str] = []
        for month, at in ((10, IN_NOVEMBER), (11, IN_DECEMBER), (12, IN_JANUARY)):
            use(400, date(2026, month, 1), key=f"base-{month}")
            for number in range(chance.randrange(4)):
                when = date(2026, chance.randrange(10, month + 1), chance.randrange(1, 28))
                keys.append(f"{month}-{number}")
                use(chance.randrange(1, 90), when, key=keys[-1], at=at - timedelta(days=1))
            if keys and chance.random() < 0.6:
                gone = [keys.pop(chance.randrange(len(keys)))]
                correct(customer_key="acme", keys=gone, reason="Test", at=at, actor=ACTOR)
            invoiced(contract, at=at)

        use(400, date(2027, 1, 1), key="base-1")
        invoiced(contract, at=datetime(2027, 2, 2, tzinfo=UTC))

        days = [date(2026, month, 1) for month in (10, 11, 12)] + [date(2027, 1, 1)]
        once = sum(price(contract, period_on(contract, day)).rated.total.amount for day in days)
        assert sum(Invoice.objects.values_list("total", flat=True)) == once
        assert not reconcile().differences
