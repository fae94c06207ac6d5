"""What credits post: their cost is owed until they are used, expire or are paid back, and never a cent more or less."""

from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.models import Sum
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from apps.contracts.cancel import When
from apps.contracts.models import Contract
from apps.core.models import AuditEntry
from apps.credits import burn, cancel, expire, grant, post, queries
from apps.credits.burn import Draw
from apps.credits.cancel import Unused
from apps.credits.errors import GrantMisfits, GrantOverdrawn
from apps.credits.models import CreditBurn, CreditExpiry, CreditGrant, RefundOwed
from apps.invoices import finalize
from apps.ledger.models import Entry, Posting
from tests.builders import (
    ACTOR,
    AT,
    fee_charge,
    make_contract,
    make_credit_note,
    make_credit_unit,
    make_customer,
    make_meter,
    make_plan_version,
    usage_charge,
)
from tests.invoices.months import drafted, invoiced

pytestmark = pytest.mark.django_db(transaction=True)
OCTOBER_ON, NOVEMBER_ON = date(2026, 10, 1), date(2026, 11, 1)
NOVEMBER_3 = datetime(2026, 11, 3, 9, tzinfo=UTC)
DECEMBER_2 = datetime(2026, 12, 2, 9, tzinfo=UTC)
_keys = count(1)


def give(amount: str, cost: str, contract: Contract | None = None, **fields: Any) -> CreditGrant:
    """Give credits of a unit, or money for a contract."""
    customer = contract.customer if contract else make_customer(f"customer-{next(_keys)}")
    paid = {} if contract or not Decimal(cost) else {"cost_currency": "USD"}
    return grant.grant(
        **{
            "key": f"grant-{next(_keys)}",
            "name": "Prepaid",
            "customer_id": customer.pk,
            "contract_id": contract.pk if contract else None,
            "credit_unit_id": None if contract else make_credit_unit().pk,
            "amount": Decimal(amount),
            "cost": Decimal(cost),
            "effective_on": OCTOBER_ON,
            "at": AT,
            "actor": ACTOR,
            **paid,
            **fields,
        }
    )


@transaction.atomic
def draw(given: CreditGrant, *amounts: str) -> None:
    """Draw on a grant for as many invoices."""
    draws = [Draw(f"INV-{next(_keys)}", NOVEMBER_ON, {given.key: Decimal(amount)}) for amount in amounts]
    burn.burn_many(draws, at=NOVEMBER_3, actor=ACTOR)


def posted(kind: str) -> list[dict[str, Decimal]]:
    """The entries of a kind, each by the roles of its accounts."""
    entries = Entry.objects.filter(kind=kind).order_by("id").prefetch_related("postings__account")
    return [{one.account.role: one.amount for one in entry.postings.all()} for entry in entries]


def balances(role: str) -> Decimal:
    return Posting.objects.filter(account__role=role).aggregate(sum=Sum("amount"))["sum"] or Decimal(0)


def fees(**fields: Any) -> Contract:
    make_meter()
    version = make_plan_version([fee_charge("300"), usage_charge(unit_amount="0.5")])
    return make_contract(plan_version=version, **fields)


def test_what_was_paid_for_a_grant_is_owed_and_not_yet_billed() -> None:
    give("1000", "900")

    assert posted("grant") == [{"unbilled": Decimal(900), "credits": Decimal(-900)}]


def test_a_gift_posts_nothing() -> None:
    given = give("1000", "0")
    draw(given, "400")

    assert given.cost_currency == ""
    assert not Entry.objects.exists()


def test_used_credits_of_a_unit_are_revenue_by_what_they_had_cost() -> None:
    """Each of three credits bought for 100.00: 33.33, 66.67 - 33.33 = 33.34, 100 - 66.67 = 33.33."""
    draw(give("3", "100"), "1", "1", "1")

    assert posted("burn") == [
        {"credits": Decimal("33.33"), "revenue": Decimal("-33.33")},
        {"credits": Decimal("33.34"), "revenue": Decimal("-33.34")},
        {"credits": Decimal("33.33"), "revenue": Decimal("-33.33")},
    ]
    assert balances("credits") == 0
    assert set(Posting.objects.exclude(product_name="").values_list("product_name", flat=True)) == {"credits"}
    assert set(Entry.objects.filter(kind="burn").values_list("posted_on", flat=True)) == {NOVEMBER_ON}


def test_used_money_comes_off_the_discounts_that_the_invoice_has_it_among() -> None:
    """A fee of 300.00, all paid by money of 1,000.00 that had cost 900.00: 300.00 of revenue, 270.00 paid for, 30.00 given away."""
    contract = fees()
    give("1000", "900", contract)

    invoice = invoiced(contract)

    assert invoice.total == 0
    assert posted("burn") == [{"credits": Decimal("270.00"), "discounts": Decimal("-270.00")}]
    assert posted("invoice") == [{"discounts": Decimal("300.00"), "revenue": Decimal("-300.00")}]
    assert balances("discounts") == Decimal("30.00")
    assert balances("credits") == Decimal("-630.00")


def test_many_invoices_draw_in_as_many_queries_as_one(django_assert_num_queries: Any) -> None:
    given = give("1000", "900")
    draw(given, "1")

    with django_assert_num_queries(10):  # with begin and commit
        draw(given, *(["1"] * 50))

    assert balances("credits") == Decimal(-900) + Decimal("45.90")


def test_many_that_want_more_than_there_is_get_nothing() -> None:
    given = give("10", "10")

    with pytest.raises(GrantOverdrawn, match="4 left, and 6"):
        draw(given, "6", "6")

    assert not CreditBurn.objects.exists()
    assert not posted("burn")


@pytest.mark.parametrize(
    ("fields", "mistake"),
    [
        ({"cost_currency": ""}, "say in which currency"),
        ({"cost_currency": "UDS"}, "say in which currency"),
        ({"cost_currency": "JPY"}, "at most 0 decimals"),
        ({"cost_currency": "USD"}, "at most 2 decimals"),
    ],
)
def test_what_was_paid_is_in_a_currency(fields: dict[str, Any], mistake: str) -> None:
    with pytest.raises(GrantMisfits, match=mistake):
        give("10", "0.125", **fields)

    assert not CreditGrant.objects.exists()
    assert not Entry.objects.exists()


def test_for_a_contract_it_is_in_the_contracts_currency() -> None:
    contract = fees()

    with pytest.raises(GrantMisfits, match="is in USD"):
        give("10", "5", contract, cost_currency="EUR")
    assert give("10", "5", contract).cost_currency == "USD"


def test_credits_expire_once_all_days_on_which_they_were_good_are_billed() -> None:
    """1,000.00 bought for 900.00 until the end of October pay October's fee of 300.00: 700.00 that had cost 630.00 expire."""
    contract = fees()
    give("1000", "900", contract, expires_on=NOVEMBER_ON)

    assert expire.expire_due(at=NOVEMBER_3, actor=ACTOR) == 0
    draft = drafted(contract, at=NOVEMBER_3)
    assert expire.expire_due(at=NOVEMBER_3, actor=ACTOR) == 0
    assert finalize.finalize(invoice_id=draft.pk, at=NOVEMBER_3, actor=ACTOR).total == 0
    assert [expire.expire_due(at=NOVEMBER_3, actor=ACTOR) for _ in range(2)] == [1, 0]

    expiry = CreditExpiry.objects.get()
    assert (expiry.amount, expiry.cost, expiry.grant.left) == (Decimal(700), Decimal("630.00"), Decimal(0))
    assert posted("expiry") == [{"credits": Decimal("630.00"), "breakage": Decimal("-630.00")}]
    assert balances("credits") == 0
    assert AuditEntry.objects.get(action="credits.expire").after["cost"] == "630.00"
    (row,) = queries.grants_of(customer_id=contract.customer_id)
    assert (row.left, row.expired) == (Decimal(0), Decimal(700))


def test_credits_do_not_expire_on_their_last_day_nor_where_it_is_still_that_day() -> None:
    given = give("10", "5", expires_on=NOVEMBER_ON)

    assert expire.expire_due(at=datetime(2026, 11, 1, 23, tzinfo=UTC), actor=ACTOR) == 0
    assert expire.expire_due(at=datetime(2026, 11, 2, tzinfo=UTC), actor=ACTOR) == 1
    assert CreditGrant.objects.get(pk=given.pk).left == 0


def test_credits_for_any_contract_wait_for_all_of_them() -> None:
    contract = fees()
    given = grant.grant(
        key="any",
        name="Any",
        customer_id=contract.customer_id,
        credit_unit_id=make_credit_unit().pk,
        amount=Decimal(10),
        effective_on=OCTOBER_ON,
        expires_on=NOVEMBER_ON,
        at=AT,
        actor=ACTOR,
    )

    assert expire.expire_due(at=NOVEMBER_3, actor=ACTOR) == 0
    invoiced(contract, at=NOVEMBER_3)
    assert expire.expire_due(at=NOVEMBER_3, actor=ACTOR) == 1
    assert CreditExpiry.objects.get(grant=given).cost == 0
    assert not posted("expiry")


@pytest.mark.usefixtures("owner")
def test_what_expired_stays_so() -> None:
    give("10", "5", expires_on=NOVEMBER_ON)
    expire.expire_due(at=NOVEMBER_3, actor=ACTOR)

    for statement in ("UPDATE credits_creditexpiry SET amount = 1", "DELETE FROM credits_creditexpiry"):
        with pytest.raises(DatabaseError, match="append-only"), connection.cursor() as sql:
            sql.execute(statement)


def test_a_refund_is_owed_when_it_is_counted_and_cash_when_it_is_paid() -> None:
    """Of 1,000.00 bought for 900.00 the fee of October takes 300.00: 700.00 that had cost 630.00 are owed back."""
    contract = fees()
    give("1000", "900", contract)
    in_october = datetime(2026, 10, 31, 9, tzinfo=UTC)
    cancel.cancel(
        contract_id=contract.pk,
        when=When.PERIOD_END,
        unused=Unused.REFUND,
        reason="They leave.",
        at=in_october,
        actor=ACTOR,
    )
    invoiced(contract, at=NOVEMBER_3)

    assert expire.expire_due(at=NOVEMBER_3, actor=ACTOR) == 0
    assert cancel.count_refunds(at=NOVEMBER_3, actor=ACTOR) == 1
    refund = RefundOwed.objects.get()
    assert posted("refund") == [{"credits": Decimal("630.00"), "refunds": Decimal("-630.00")}]
    assert (refund.left, refund.grant.left) == (Decimal(700), Decimal(0))
    cancel.note_refunded(refund_id=refund.pk, note="Wire 7", at=DECEMBER_2, actor=ACTOR)
    assert posted("refund")[1] == {"refunds": Decimal("630.00"), "cash": Decimal("-630.00")}
    assert balances("refunds") == balances("credits") == 0


def test_a_rounding_difference_of_a_refund_goes_where_expiry_goes() -> None:
    """Two credits for 0.01: the first releases 0.01 (a half cent goes up), and for the other 0.01 is owed back too."""
    refund = RefundOwed(
        grant=CreditGrant(
            amount=Decimal(2), left=Decimal(1), cost=Decimal("0.01"), cost_currency="USD", name="P"
        )
    )
    refund.grant.customer = make_customer()
    refund.grant.legal_entity = refund.grant.customer.legal_entity
    refund.currency, refund.amount = "USD", cancel.refundable(refund.grant, Decimal(1))

    entry = post.refund_owed_entry(refund, cost=post.owed(refund.grant), on=NOVEMBER_ON)

    amounts = {one.role.value: one.amount for one in entry.postings}
    assert amounts == {"credits": Decimal(0), "refunds": Decimal("-0.01"), "breakage": Decimal("0.01")}


def test_credits_that_a_credit_note_gives_back_are_owed_as_before() -> None:
    """Money of 100.00 that had cost 50.00 pays a part of the fee; once that is wholly credited, 50.00 are owed again."""
    contract = fees()
    give("100", "50", contract)
    invoice = invoiced(contract)
    assert (invoice.total, balances("credits")) == (Decimal(200), Decimal(0))

    make_credit_note(invoice)

    again = CreditGrant.objects.get(left__gt=0)
    assert (again.amount, again.cost, again.cost_currency) == (Decimal(100), Decimal("50.00"), "USD")
    assert balances("credits") == -post.owed(again) == Decimal("-50.00")
    assert balances("discounts") == balances("revenue") == 0


def test_credits_that_are_given_back_last_as_long_again_and_keep_apart_however_long_their_keys() -> None:
    """Good from 1 October until the 31st, 30 days; the invoice is credited on 10 November."""
    contract = fees()
    for end in "ab":
        give("100", "50", contract, key="k" * 119 + end, expires_on=date(2026, 10, 31))
    give("20", "0", contract)
    invoice = invoiced(contract)

    make_credit_note(invoice)
    expire.expire_due(at=datetime(2026, 11, 12, tzinfo=UTC), actor=ACTOR)

    again = CreditGrant.objects.filter(left__gt=0).order_by("-amount")
    assert [(one.left, one.expires_on) for one in again] == [
        (Decimal(100), date(2026, 12, 10)),
        (Decimal(100), date(2026, 12, 10)),
        (Decimal(20), None),
    ]


def test_credits_that_last_until_the_last_day_there_is_are_given_back_until_then() -> None:
    contract = fees()
    give("100", "50", contract, expires_on=date.max)

    make_credit_note(invoiced(contract))

    assert CreditGrant.objects.get(left__gt=0).expires_on == date.max


class Credits(RuleBasedStateMachine):
    """Grants of one contract, bought at odd prices, drawn on, refunded or left to expire."""

    def __init__(self) -> None:
        super().__init__()
        self.contract = make_contract(make_customer(f"c-{next(_keys)}"), ends_on=date(2026, 10, 3))
        invoiced(self.contract, at=datetime(2026, 10, 4, tzinfo=UTC))
        self.used: dict[str, Decimal] = {}

    def grants(self) -> list[CreditGrant]:
        return list(CreditGrant.objects.filter(customer=self.contract.customer).order_by("pk"))

    @rule(amount=st.integers(1, 7), cost=st.integers(0, 500), expires=st.booleans())
    def buy(self, amount: int, cost: int, *, expires: bool) -> None:
        expires_on = date(2026, 10, 9) if expires else None
        given = give(str(amount), str(Decimal(cost) / 100), self.contract, expires_on=expires_on)
        self.used[given.key] = Decimal(0)

    @precondition(lambda self: self.used)
    @rule(place=st.integers(0, 20), hundredths=st.integers(1, 300))
    def use(self, place: int, hundredths: int) -> None:
        given = self.grants()[place % len(self.used)]
        amount = Decimal(hundredths) / 100
        try:
            draw(given, str(amount))
        except GrantOverdrawn:
            assert amount > given.left
        else:
            self.used[given.key] += amount

    @rule()
    def expire(self) -> None:
        expire.expire_due(at=NOVEMBER_3, actor=ACTOR)

    @precondition(lambda self: self.used)
    @rule(place=st.integers(0, 20))
    def refund(self, place: int) -> None:
        given = self.grants()[place % len(self.used)]
        if given.cost and not hasattr(given, "refund") and not hasattr(given, "expiry"):
            RefundOwed.objects.create(
                grant=given, contract=self.contract, currency="USD", reason="They leave.", asked_at=AT
            )
            cancel.count_refunds(at=NOVEMBER_3, actor=ACTOR)

    @invariant()
    def books_owe_what_was_paid_for_and_is_neither_used_nor_gone(self) -> None:
        grants = self.grants()
        booked = Posting.objects.filter(account__role="credits", customer=self.contract.customer)
        owed = sum((post.owed(one) for one in grants), Decimal(0))
        assert -(booked.aggregate(sum=Sum("amount"))["sum"] or Decimal(0)) == owed
        assert owed >= 0
        for one in grants:
            is_gone = hasattr(one, "expiry") or hasattr(one, "refund")
            assert one.left == (0 if is_gone else one.amount - self.used[one.key])
            assert one.left or post.owed(one) == 0


def test_after_any_sequence_the_books_owe_what_the_grants_say() -> None:
    run_state_machine_as_test(
        Credits,
        settings=settings(
            max_examples=8, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
