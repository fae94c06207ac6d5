"""Accounts and their parent's: usage priced together or apart, on one invoice or on many."""

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

from apps.contracts.models import Contract
from apps.contracts.terms import period_on
from apps.controls.spend import spend_to_date
from apps.core.money import Money
from apps.invoices import close, draft, queries
from apps.invoices.billing import price
from apps.invoices.document import document_of
from apps.invoices.models import Invoice
from apps.invoices.pool import families
from apps.invoices.verify.run import verify, verify_all
from apps.plans.compose import NewPrice, NewTier
from apps.plans.models import PlanVersion
from apps.usage.correct import correct
from apps.usage.models import EventKey
from tests.builders import (
    fee_charge,
    make_contract,
    make_customer,
    make_meter,
    make_plan_version,
    usage_charge,
)
from tests.invoices.months import ACTOR, IN_NOVEMBER, drafted, invoiced, use

pytestmark = pytest.mark.django_db

IN_DECEMBER = datetime(2026, 12, 2, 9, tzinfo=UTC)
IN_JANUARY = datetime(2027, 1, 2, 9, tzinfo=UTC)
LATE_IN_OCTOBER = datetime(2026, 10, 31, 9, tzinfo=UTC)


def tiered() -> PlanVersion:
    """10.00 a month; calls at 1.00 up to 100, and at 0.50 beyond."""
    make_meter(aggregation="sum", late_days=400)
    tiers = [NewTier(Decimal(100), Decimal(1)), NewTier(None, Decimal("0.5"))]
    charge = usage_charge(prices=[NewPrice(model="graduated", tiers=tiers)])
    return make_plan_version([fee_charge("10"), charge])


def group(*, usage: str, billing: str, **fields: Any) -> tuple[Contract, Contract]:
    """A parent's contract and a child's, on one plan."""
    plan = tiered()
    parent = make_contract(make_customer("group", name="Group AG"), plan, number="C-GROUP")
    child = make_contract(
        make_customer("labs", name="Labs GmbH"),
        plan,
        number="C-LABS",
        parent=parent,
        usage=usage,
        billing=billing,
        **fields,
    )
    return parent, child


def said(invoice: Invoice) -> Any:
    return [(line.account_name, line.kind, line.quantity, line.amount) for line in invoice.lines.all()]


def test_accounts_apart_are_priced_and_invoiced_apart() -> None:
    """90 calls and 60, each by itself: 10 + 90 and 10 + 60."""
    parent, child = group(usage="separate", billing="own")
    use(parent, "calls", "90")
    use(child, "calls", "60")

    totals = [invoiced(contract).total for contract in (parent, child)]

    assert totals == [100, 70]


def test_an_account_on_its_parents_invoice_keeps_its_own_prices() -> None:
    """10 + 90 for the parent and 10 + 60 for the account, on one invoice of 170; both are billed with it."""
    parent, child = group(usage="separate", billing="parent")
    use(parent, "calls", "90")
    use(child, "calls", "60")

    invoice = invoiced(parent)

    assert said(invoice) == [
        ("", "recurring", 1, 10),
        ("", "usage", 90, 90),
        ("Labs GmbH", "recurring", 1, 10),
        ("Labs GmbH", "usage", 60, 60),
    ]
    assert invoice.total == 170
    assert Contract.objects.get(pk=child.pk).billed_until_on == date(2026, 11, 1)
    groups = document_of(invoice, list(invoice.lines.all()), language="en").groups
    assert [one.product for one in groups] == ["Product", "Labs GmbH \N{MIDDLE DOT} Product"]


def test_an_account_on_its_parents_invoice_has_none_of_its_own() -> None:
    parent, child = group(usage="separate", billing="parent")

    assert queries.due_to_close(at=IN_NOVEMBER) == [parent.pk]
    assert close.close_contract(contract_id=child.pk, at=IN_NOVEMBER, actor=ACTOR).drafts == ()


def test_late_usage_of_an_account_is_adjusted_on_its_parents_next_invoice() -> None:
    """60 calls were 60.00; 50 more make it 100 + 10 x 0.5 = 105: 45.00 more, beside 10 + 10 of fees in November."""
    parent, child = group(usage="separate", billing="parent")
    use(child, "calls", "60")
    october = invoiced(parent)
    use(child, "calls", "50", day=date(2026, 10, 6))

    november = invoiced(parent, at=IN_DECEMBER)

    (adjusted,) = november.lines.filter(kind="adjustment")
    assert (adjusted.account_name, adjusted.quantity, adjusted.adjusts) == (
        "Labs GmbH",
        Decimal(50),
        october,
    )
    assert [adjusted.amount, november.total] == [45, 65]
    assert drafted(parent, at=datetime(2027, 1, 2, tzinfo=UTC)).total == 20


def test_pooled_usage_fills_the_tiers_together() -> None:
    """90 + 60 = 150 calls are 100 x 1.00 + 50 x 0.50 = 125.00, where apart they were 150.00; and both pay their 10.00."""
    parent, child = group(usage="pooled", billing="parent")
    use(parent, "calls", "90")
    use(child, "calls", "60")

    invoice = invoiced(parent)

    assert said(invoice) == [
        ("", "recurring", 1, 10),
        ("", "usage", 150, 125),
        ("Labs GmbH", "recurring", 1, 10),
    ]
    rows = document_of(invoice, list(invoice.lines.all()), language="en").groups[0].rows
    assert rows[1].reasons == (
        "From 0 to 100: 100 calls \N{MULTIPLICATION SIGN} 1.00 = 100.00",
        "Above 100: 50 calls \N{MULTIPLICATION SIGN} 0.50 = 25.00",
        "Group AG: 90 calls",
        "Labs GmbH: 60 calls",
    )
    assert [one["contract"] for one in invoice.snapshot["pool"]] == ["C-GROUP", "C-LABS"]


def test_a_pool_on_many_invoices_is_shared_by_quantity() -> None:
    """150 calls together are 125.00: 90 of 150 of it are 75.00, and 60 of 150 are 50.00; each with its own 10.00."""
    parent, child = group(usage="pooled", billing="own")
    use(parent, "calls", "90")
    use(child, "calls", "60")

    of_parent, of_child = invoiced(parent), invoiced(child)

    assert said(of_parent) == [("", "recurring", 1, 10), ("", "usage", 90, 75)]
    assert said(of_child) == [("", "usage", 60, 50), ("", "recurring", 1, 10)]
    row = document_of(of_child, list(of_child.lines.all()), language="en").groups[0].rows[0]
    assert row.reasons[-1] == (
        "Share of this account: 60 calls of 150 calls; all accounts together come to 125.00\N{NO-BREAK SPACE}USD"
    )
    assert row.reasons[0].startswith("All accounts together: From 0 to 100")


def test_late_usage_of_one_account_moves_the_shares_of_both() -> None:
    """90 and 60 were 75 and 50 of 125. With 50 more of the child's 200 are 150: 67.50 for 90, and 82.50 for 110."""
    parent, child = group(usage="pooled", billing="own")
    use(parent, "calls", "90")
    use(child, "calls", "60")
    invoiced(parent)
    invoiced(child)
    use(child, "calls", "50", day=date(2026, 10, 6))

    november = [invoiced(contract, at=IN_DECEMBER) for contract in (parent, child)]

    adjusted = [[line.amount for line in one.lines.filter(kind="adjustment")] for one in november]
    assert adjusted == [[Decimal("-7.50")], [Decimal("32.50")]]
    assert [one.total for one in november] == [Decimal("2.50"), Decimal("42.50")]


def test_what_an_account_used_between_two_invoices_of_the_pool_is_made_up_for() -> None:
    """The parent is invoiced at 90 of 90 calls; 60 of the child come before its own invoice: 75 and 50 are due in the end."""
    parent, child = group(usage="pooled", billing="own")
    use(parent, "calls", "90")
    of_parent = invoiced(parent)
    use(child, "calls", "60")
    of_child = invoiced(child)

    november = invoiced(parent, at=IN_DECEMBER)

    assert [of_parent.total, of_child.total] == [100, 60]
    assert [line.amount for line in november.lines.filter(kind="adjustment")] == [-10]
    # 15.00 are to be given back, 10.00 of them with November's fee.
    assert november.total == 0
    assert verify(invoice_id=of_parent.pk).waiting == (
        "Calls: priced now it is 75.00 USD, billed so far is 80.00 USD.",
    )
    december = invoiced(parent, at=IN_JANUARY)
    assert [line.amount for line in december.lines.filter(kind="adjustment")] == [-5]
    assert all(one.is_proven and not one.waiting for one in verify_all())


def test_fees_in_advance_of_an_account_are_on_its_parents_invoices() -> None:
    """The parent pays in arrears, the account 20.00 in advance: billed at the start, and taken off when October is over."""
    make_meter()
    parent = make_contract(make_customer("group"), make_plan_version([fee_charge("10")]))
    make_contract(
        make_customer("labs", name="Labs GmbH"),
        make_plan_version([replace(fee_charge("20"), in_advance=True)]),
        parent=parent,
        billing="parent",
    )

    opening, october = invoiced(parent, at=datetime(2026, 10, 1, 9, tzinfo=UTC)), invoiced(parent)

    assert said(opening) == [("Labs GmbH", "recurring", 1, 20)]
    assert said(october) == [
        ("", "recurring", 1, 10),
        ("Labs GmbH", "recurring", 1, 20),
        ("Labs GmbH", "advance", 1, -20),
        ("Labs GmbH", "recurring", 1, 20),
    ]


def test_what_is_voided_of_an_account_that_ended_is_given_back_by_its_parents_invoice() -> None:
    """60 calls of October, when it ended, were 60.00; without them they come off November's 10 + 70."""
    parent, child = group(usage="separate", billing="parent", ends_on=date(2026, 11, 1))
    use(child, "calls", "60")
    october = invoiced(parent)
    use(parent, "calls", "70", day=date(2026, 11, 4))
    key = EventKey.objects.filter(customer=child.customer).values_list("key", flat=True).get()
    correct(customer_key="labs", keys=[key], reason="Test", at=IN_NOVEMBER, actor=ACTOR)

    november = invoiced(parent, at=IN_DECEMBER)

    assert [(line.account_name, line.adjusts) for line in november.lines.filter(kind="adjustment")] == [
        ("Labs GmbH", october)
    ]
    assert [october.total, november.total] == [80, 20]


def test_the_spend_of_accounts_adds_up_to_that_of_the_pool() -> None:
    """As their invoices say: 75 and 50 of the calls, and 10.00 each."""
    parent, child = group(usage="pooled", billing="parent")
    use(parent, "calls", "90")
    use(child, "calls", "60")

    spends = spend_to_date(contracts=[parent, child], at=LATE_IN_OCTOBER)

    assert [spends[one.pk].rated.total for one in (parent, child)] == [
        Money(Decimal("85.00"), "USD"),
        Money(Decimal("60.00"), "USD"),
    ]


def test_a_contract_without_family_pays_no_query_for_it() -> None:
    contract = make_contract()
    draft.draft_next(contract_id=contract.pk, at=IN_NOVEMBER, actor=ACTOR)
    other = make_contract(make_customer("other"), contract.plan_version)

    with CaptureQueriesContext(connection) as asked:
        draft.draft_next(contract_id=other.pk, at=IN_NOVEMBER, actor=ACTOR)

    assert sum('FROM "contracts_contract"' in query["sql"] for query in asked) == 1


class Laws(TestCase):
    """Whatever each account uses when, also late and between the invoices of the pool: together they bill it once."""

    @settings(max_examples=10, deadline=None)
    @given(seed=st.integers(0, 10**6), billing=st.sampled_from(["own", "parent"]))
    def test_the_invoices_of_a_pool_bill_what_it_comes_to(self, seed: int, billing: str) -> None:
        chance = Random(seed)
        parent, child = group(usage="pooled", billing=billing)
        ends = (IN_NOVEMBER, IN_DECEMBER, datetime(2027, 1, 2, 9, tzinfo=UTC))
        for month, at in zip((10, 11, 12), ends, strict=True):
            for contract in (parent, child):
                # Enough in every month that nothing has to wait for a later invoice.
                use(contract, "calls", str(chance.randrange(300, 500)), day=date(2026, month, 2))
            invoiced_ones = [parent, child] if billing == "own" else [parent]
            for contract in chance.sample(invoiced_ones, len(invoiced_ones)):
                if month < 12 and chance.random() < 0.7:
                    late = date(2026, chance.randrange(10, month + 1), chance.randrange(3, 28))
                    use(chance.choice([parent, child]), "calls", str(chance.randrange(1, 90)), day=late)
                invoiced(contract, at=at)

        found = families([parent, child])
        standing = sum(
            price(
                contract, period_on(contract, date(2026, month, 1)), family=found[contract.pk]
            ).rated.total.amount
            for contract in (parent, child)
            for month in (10, 11, 12)
        )
        assert sum(Invoice.objects.values_list("total", flat=True)) == standing
