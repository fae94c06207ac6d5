"""Cancelling a contract: its last invoice is made by the close, and its unused credits are kept, gone or owed back."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from apps.contracts import amend
from apps.contracts.cancel import When
from apps.contracts.changes import PromiseGrant
from apps.contracts.errors import CancellationRefused
from apps.contracts.models import Amendment, Contract
from apps.credits import cancel, grant, promised
from apps.credits.cancel import Unused
from apps.credits.errors import NothingToRefund
from apps.credits.models import CreditGrant, RefundOwed
from apps.invoices.models import Invoice
from tests.builders import (
    ACTOR,
    AT,
    fee_charge,
    make_contract,
    make_credit_unit,
    make_meter,
    make_plan_version,
    usage_charge,
)
from tests.invoices.months import drafted, invoiced, use

pytestmark = pytest.mark.django_db(transaction=True)
# Within the second period.
NOVEMBER_15 = datetime(2026, 11, 15, 9, tzinfo=UTC)
DECEMBER_2 = datetime(2026, 12, 2, 9, tzinfo=UTC)


def make_running(**fields: Any) -> Contract:
    make_meter()
    version = make_plan_version([fee_charge("300"), usage_charge(unit_amount="0.5")])
    return make_contract(plan_version=version, **fields)


def prepay(contract: Contract, amount: str, *, cost: str, key: str = "prepaid") -> CreditGrant:
    return grant.grant(
        key=key,
        name="Prepaid",
        customer_id=contract.customer_id,
        contract_id=contract.pk,
        amount=Decimal(amount),
        cost=Decimal(cost),
        effective_on=contract.starts_on,
        at=AT,
        actor=ACTOR,
    )


def cancelled(
    contract: Contract, when: When, unused: Unused = Unused.KEEP, *, at: datetime = NOVEMBER_15
) -> Amendment:
    return cancel.cancel(
        contract_id=contract.pk, when=when, unused=unused, reason="They leave.", at=at, actor=ACTOR
    )


def final_invoice(contract: Contract) -> Invoice:
    """Close and finalize October, and then the last period."""
    return invoiced(contract, at=DECEMBER_2)


def test_at_once_today_is_the_last_day_and_the_final_invoice_is_cut_there() -> None:
    """The fee for 15 of 30 days: 150.00, and 40 calls x 0.50 = 20.00."""
    contract = make_running()
    invoiced(contract)
    use(contract, "calls", "40", day=date(2026, 11, 5))

    amendment = cancelled(contract, When.AT_ONCE)

    final = final_invoice(contract)
    assert (final.period_start_on, final.period_end_on) == (date(2026, 11, 1), date(2026, 11, 16))
    assert final.total == Decimal("170.00")
    assert amendment.changes == ["It ends on Nov 16, 2026 instead of no fixed day."]
    now = Contract.objects.get(pk=contract.pk)
    assert now.ends_on == now.billed_until_on


def test_with_the_period_its_last_day_ends_it() -> None:
    contract = make_running()
    invoiced(contract)

    cancelled(contract, When.PERIOD_END)

    final = final_invoice(contract)
    assert (final.period_end_on, final.total) == (date(2026, 12, 1), Decimal("300.00"))


def test_it_does_not_renew_any_more() -> None:
    contract = make_running(ends_on=date(2027, 10, 1), renewal="automatic", renewal_months=12)

    cancelled(contract, When.PERIOD_END)

    assert Contract.objects.get(pk=contract.pk).renewal == Contract.Renewal.NONE


def test_what_was_paid_for_unused_credits_is_owed_back_once_the_final_invoice_is_made() -> None:
    """1,000.00 bought for 900.00; of November's cut fee of 150.00 a gift pays 50.00: 900 x 900 / 1000 = 810.00."""
    contract = make_running()
    invoiced(contract)
    prepay(contract, "1000", cost="900")
    prepay(contract, "50", cost="0", key="gift")

    cancelled(contract, When.AT_ONCE, Unused.REFUND)

    assert cancel.count_refunds(at=NOVEMBER_15, actor=ACTOR) == 0
    assert final_invoice(contract).total == 0
    assert [cancel.count_refunds(at=DECEMBER_2, actor=ACTOR) for _ in range(2)] == [1, 0]
    refund = RefundOwed.objects.get()
    assert (refund.left, refund.amount, refund.currency) == (Decimal(900), Decimal("810.00"), "USD")
    assert refund.grant.key == "prepaid"
    assert refund.grant.expires_on == date(2026, 11, 16)


@pytest.mark.parametrize(
    ("amount", "cost", "left", "owed"),
    [
        ("1000", "900", "850", "765.00"),
        # 100 x 1 / 3 = 33.333... and 100 x 2 / 3 = 66.666...
        ("3", "100", "1", "33.33"),
        ("3", "100", "2", "66.67"),
        # 0.01 x 0.5: a half cent goes up.
        ("2", "0.01", "1", "0.01"),
    ],
)
def test_a_refund_is_in_proportion_and_rounded_half_up(amount: str, cost: str, left: str, owed: str) -> None:
    bought = CreditGrant(amount=Decimal(amount), cost=Decimal(cost), cost_currency="USD")

    assert cancel.refundable(bought, Decimal(left)) == Decimal(owed)


def test_expired_credits_still_pay_the_final_invoice_and_nothing_after_it() -> None:
    contract = make_running()
    invoiced(contract)
    prepay(contract, "1000", cost="900")

    cancelled(contract, When.AT_ONCE, Unused.EXPIRE)

    assert final_invoice(contract).total == 0
    assert CreditGrant.objects.get().expires_on == date(2026, 11, 16)
    assert not RefundOwed.objects.exists()


def test_kept_credits_stay_as_they_are() -> None:
    contract = make_running()
    prepay(contract, "1000", cost="900")

    cancelled(contract, When.AT_ONCE)

    assert CreditGrant.objects.get().expires_on is None


def test_what_is_for_any_contract_is_left_to_the_one_that_follows() -> None:
    contract = make_running(ends_on=date(2027, 1, 1))
    make_contract(plan_version=contract.plan_version, starts_on=date(2027, 1, 1))
    bought = prepay(contract, "10", cost="1")
    CreditGrant.objects.filter(pk=bought.pk).update(
        contract=None, currency="", credit_unit=make_credit_unit()
    )

    assert not cancel.left_after(contract, date(2026, 12, 1)).exists()


def test_promised_credits_are_given_no_more() -> None:
    contract = make_running()
    amend.amend(
        contract_id=contract.pk,
        effective_on=date(2026, 10, 1),
        changes=[PromiseGrant("monthly", "Monthly", Decimal(5), every_months=1)],
        reason="Agreed.",
        at=AT,
        actor=ACTOR,
    )

    cancelled(contract, When.AT_ONCE)

    assert promised.grant_due(at=datetime(2027, 6, 1, tzinfo=UTC), actor=ACTOR) == 2


def test_a_refund_is_noted_once_and_after_it_is_counted() -> None:
    contract = make_running()
    invoiced(contract)
    prepay(contract, "1000", cost="900")
    cancelled(contract, When.AT_ONCE, Unused.REFUND)
    refund_id = RefundOwed.objects.get().pk

    with pytest.raises(NothingToRefund, match="the final invoice may still draw on it"):
        cancel.note_refunded(refund_id=refund_id, note="Wire 7", at=DECEMBER_2, actor=ACTOR)
    final_invoice(contract)
    cancel.count_refunds(at=DECEMBER_2, actor=ACTOR)
    cancel.note_refunded(refund_id=refund_id, note="Wire 7", at=DECEMBER_2, actor=ACTOR)
    with pytest.raises(NothingToRefund, match="it was refunded already"):
        cancel.note_refunded(refund_id=refund_id, note="Wire 7", at=DECEMBER_2, actor=ACTOR)

    assert RefundOwed.objects.get().note == "Wire 7"


def test_what_is_no_longer_live_or_ends_before_is_not_cancelled() -> None:
    contract = make_running(ends_on=date(2026, 11, 20))

    with pytest.raises(CancellationRefused, match="it ends on 2026-11-20 anyway"):
        cancelled(contract, When.PERIOD_END)
    with pytest.raises(CancellationRefused, match="it is not live"):
        cancelled(contract, When.AT_ONCE, at=DECEMBER_2)

    assert not Amendment.objects.exists()


def test_a_draft_of_the_last_period_is_refused_no_more_than_any_other() -> None:
    """October is drafted, not finalized, when the contract is cancelled: both invoices follow in their order."""
    contract = make_running()
    drafted(contract)

    cancelled(contract, When.PERIOD_END)

    assert drafted(contract, at=DECEMBER_2).period_end_on == date(2026, 12, 1)


def test_cancelled_again_to_an_earlier_end_it_owes_each_refund_once() -> None:
    contract = make_running()
    invoiced(contract)
    prepay(contract, "1000", cost="900")
    cancelled(contract, When.PERIOD_END, Unused.REFUND)

    cancelled(contract, When.AT_ONCE, Unused.REFUND)

    refund = RefundOwed.objects.get()
    assert refund.grant.expires_on == date(2026, 11, 16)


def test_what_another_contract_may_still_draw_is_not_owed_back_yet() -> None:
    """100 credits bought for 100.00, for any contract; the first one's October is not billed, and its 30 calls take 30 of them."""
    unit = make_credit_unit()
    make_meter()
    in_credits = make_plan_version([usage_charge(unit_amount="1", credit_unit=unit.key)])
    before = make_contract(plan_version=in_credits, ends_on=date(2026, 11, 1))
    after = make_contract(plan_version=in_credits, starts_on=date(2026, 11, 1))
    grant.grant(
        key="bought",
        name="Bought",
        customer_id=after.customer_id,
        credit_unit_id=unit.pk,
        amount=Decimal(100),
        cost=Decimal(100),
        cost_currency="USD",
        effective_on=before.starts_on,
        at=AT,
        actor=ACTOR,
    )
    use(before, "calls", "30")
    cancelled(after, When.AT_ONCE, Unused.REFUND)
    final_invoice(after)

    assert cancel.count_refunds(at=DECEMBER_2, actor=ACTOR) == 0
    invoiced(before, at=DECEMBER_2)
    assert cancel.count_refunds(at=DECEMBER_2, actor=ACTOR) == 1
    assert RefundOwed.objects.get().amount == 70
