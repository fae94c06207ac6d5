"""Reading invoices in a known number of queries."""

from datetime import date
from decimal import Decimal

import pytest
from pytest_django import DjangoAssertNumQueries

from apps.core.money import Money
from apps.invoices import finalize, queries, to_decide
from apps.invoices.models import Invoice
from apps.invoices.to_decide import Filter
from tests.builders import make_contract, make_customer, make_plan_version, usage_charge
from tests.invoices.months import ACTOR, IN_NOVEMBER, drafted, invoiced, use

pytestmark = pytest.mark.django_db


def test_a_draft_stands_beside_the_month_before(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    """September 100 x 0.01 = 1.00; October 150 x 0.01 = 1.50: half as much again."""
    contract = make_contract(starts_on=date(2026, 9, 1))
    use(contract, "calls", "100", day=date(2026, 9, 5))
    use(contract, "calls", "150")
    drafted(contract)
    september = Invoice.objects.get(period_start_on=date(2026, 9, 1))
    finalize.finalize(invoice_id=september.pk, at=IN_NOVEMBER, actor=ACTOR)
    drafted(make_contract(make_customer("new"), contract.plan_version))

    with django_assert_num_queries(1):
        rows = {row.customer_key: row for row in to_decide.page(Filter())[0]}

    assert rows["acme"].difference == Money(Decimal("0.50"), "USD")
    assert rows["acme"].change == Decimal("0.5")
    assert (rows["new"].before, rows["new"].difference, rows["new"].change) == (None, None, None)


def test_totals_are_summed_by_currency(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    """Two customers with 100 calls at 0.01 USD each are 2.00 USD; one at 0.01 EUR is 1.00 EUR."""
    dollars, euros = make_plan_version(), make_plan_version([usage_charge()], currency="EUR")
    for key, version in (("one", dollars), ("two", dollars), ("three", euros)):
        contract = make_contract(make_customer(key), version)
        use(contract, "calls", "100")
        drafted(contract)

    with django_assert_num_queries(1):
        summed = queries.totals(queries.invoices(statuses=["draft"]))

    assert [(sums.count, str(sums.total)) for sums in summed] == [(1, "1.00 EUR"), (2, "2.00 USD")]


def test_an_invoice_is_found_by_number_and_only_for_its_customer(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    invoice = invoiced(make_contract())
    stranger = make_customer("stranger")

    with django_assert_num_queries(2):
        found = queries.with_lines(number="INV-2026-000001", customer_id=invoice.customer_id)

    assert found is not None
    assert (found.invoice, len(found.lines)) == (invoice, 1)
    assert queries.with_lines(number="INV-2026-000001", customer_id=stranger.pk) is None
    assert queries.with_lines(number="INV-2026-000009") is None
