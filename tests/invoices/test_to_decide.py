"""The drafts of a close by filter: every one is on exactly one page, and what SQL says of data is what the record says."""

from datetime import date
from decimal import Decimal

import pytest

from apps.core.money import Money
from apps.customers.models import Customer, LegalEntity, TaxRegistration
from apps.invoices import to_decide
from apps.invoices.missing_data import missing
from apps.invoices.models import Invoice
from apps.invoices.to_decide import Filter, Order, Show
from tests.backoffice.many_drafts import multiply, new
from tests.builders import (
    make_contract,
    make_customer,
    make_legal_entity,
    make_meter,
    make_plan_version,
    usage_charge,
)
from tests.invoices.months import drafted, use

pytestmark = pytest.mark.django_db
OCTOBER = date(2026, 10, 1)


@pytest.fixture
def made() -> Invoice:
    """A draft of October, 2 calls at 0.50, of a seller in Germany."""
    make_meter()
    customer = make_customer("acme", legal_entity=make_legal_entity(country="DE"))
    contract = make_contract(customer, make_plan_version([usage_charge(unit_amount="0.5")]))
    use(contract, "calls", "2")
    return drafted(contract)


@pytest.mark.parametrize("order", Order)
def test_every_draft_is_on_one_page_and_the_pages_add_up(
    order: Order, made: Invoice, django_assert_num_queries: object
) -> None:
    multiply(made, 120)
    asked = Filter(month=OCTOBER, order=order)

    seen, after = to_decide.page(asked)
    with django_assert_num_queries(2):  # type: ignore[operator]
        while after:
            rows, after = to_decide.page(asked, after=after)
            seen += rows

    found = to_decide.summary(asked)
    assert len(seen) == len({row.id for row in seen}) == 121
    assert [(one.count, one.total.amount) for one in found.shown] == [
        (121, sum(row.total.amount for row in seen))
    ]


def test_filters_hold_what_their_names_say(made: Invoice) -> None:
    """Copies come to 1.00 times nth % 97 + 1 now, and nth % 89 + 1 before: from the 90th on they differ."""
    multiply(made, 95)
    Invoice.objects.filter(contract__number="M-00003", period_start_on=OCTOBER).update(subtotal=0, total=0)
    asked = Filter(month=OCTOBER)

    counts = to_decide.summary(asked).counts

    assert counts[Show.ALL] == counts[Show.READY] == 96
    assert counts[Show.FIRST] == 1
    assert counts[Show.ZERO] == 1
    assert counts[Show.DIFFERS] == 7
    rows, _ = to_decide.page(Filter(month=OCTOBER, show=Show.ZERO))
    assert [row.contract_number for row in rows] == ["M-00003"]


def test_a_draft_like_the_period_before_stands_out_where_it_is_far_from_the_mean(made: Invoice) -> None:
    """1.00 after 4.00 and 1.00: as much as the period before, and 60% less than their mean of 2.50."""
    multiply(made, 1)
    before = Invoice.objects.get(contract__number="M-00000", period_start_on__lt=OCTOBER)
    days = {"period_start_on": date(2026, 8, 1), "period_end_on": before.period_start_on}
    new(before, **days, subtotal=4, total=4).save(force_insert=True)

    ((row,), _) = to_decide.page(Filter(month=OCTOBER, show=Show.DIFFERS))

    assert row.difference == Money(Decimal("0.00"), "USD")
    assert (row.mean, row.off_mean) == (Money(Decimal("2.50"), "USD"), Decimal("-0.6"))


def test_months_are_those_in_which_periods_end(made: Invoice) -> None:
    multiply(made, 2)

    assert to_decide.months() == [(OCTOBER, 3), (date(2026, 9, 1), 2)]


@pytest.mark.parametrize(
    ("fields", "lacking"),
    [
        ({}, ("street address", "city", "country")),
        ({"address": "1 Rue", "city": "Lyon", "country": "FR"}, ("VAT number",)),
        ({"address": "1 Rue", "city": "Lyon", "country": "FR", "tax_number": "FR40303265045"}, ()),
        ({"address": "1 Rue", "city": "Lyon", "country": "FR", "tax_rate": Decimal(19)}, ()),
        ({"address": "1 Weg", "city": "Bonn", "country": "DE"}, ()),
        ({"address": "1 Main St", "city": "Austin", "country": "US"}, ()),
        ({"address": "1 Main St", "country": "US"}, ("city",)),
    ],
)
def test_missing_data_is_the_same_in_the_list_and_on_the_draft(
    fields: dict[str, object], lacking: tuple[str, ...], made: Invoice
) -> None:
    Customer.objects.update(**fields)

    rows, _ = to_decide.page(Filter())

    on = date(2026, 10, 31)
    assert missing(Customer.objects.select_related("legal_entity").get(), on) == lacking
    assert rows[0].lacks_data == bool(lacking)


@pytest.mark.parametrize(
    ("fields", "lacking"),
    [
        ({"country": "FR"}, ("VAT number",)),
        ({"country": "FR", "buys_as": "consumer"}, ()),
        ({"country": "FR", "tax_number": "FR40303265045"}, ()),
        ({"country": "US"}, ("state or province",)),
        ({"country": "US", "region": "NY"}, ()),
        ({"country": "JP"}, ()),
    ],
)
def test_a_seller_with_registrations_lacks_what_decides_on_its_tax(
    fields: dict[str, object], lacking: tuple[str, ...], made: Invoice
) -> None:
    """Registered in Germany, and in California."""
    entity = made.legal_entity
    LegalEntity.objects.update(tax_provider="built_in")
    for country, region in (("DE", ""), ("US", "CA")):
        TaxRegistration.objects.create(
            legal_entity=entity, country=country, region=region, number="1", starts_on=date(2020, 1, 1)
        )
    Customer.objects.update(address="1 Main St", city="Anywhere", **fields)

    rows, _ = to_decide.page(Filter())

    customer = Customer.objects.select_related("legal_entity").get()
    assert missing(customer, date(2026, 10, 31)) == lacking
    assert rows[0].lacks_data == bool(lacking)
