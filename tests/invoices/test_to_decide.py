"""The drafts of a close by filter: every one is on exactly one page, and what SQL says of data is what the record says."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from apps.core.money import Money
from apps.customers.models import Customer, LegalEntity, TaxRegistration
from apps.invoices import kept_forecasts, manual_lines, to_decide
from apps.invoices.kept_forecasts import Expected
from apps.invoices.manual_lines import NewLine
from apps.invoices.missing_data import missing
from apps.invoices.models import Invoice
from apps.invoices.to_decide import DraftRow, Filter, Order, Show
from tests.backoffice.many_drafts import multiply
from tests.builders import (
    make_contract,
    make_customer,
    make_legal_entity,
    make_meter,
    make_plan_version,
    usage_charge,
)
from tests.invoices.months import IN_NOVEMBER, drafted, use

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


def foreseen(made: Invoice, so_far: str, expected: str, low: str, high: str) -> None:
    """Keep a forecast of the draft's period, as if on 20 October."""
    amounts = (Money(Decimal(one), "USD") for one in (so_far, expected, low, high))
    kept_forecasts.keep(
        forecasts=[Expected(made.contract_id, OCTOBER, *amounts)],
        at=datetime(2026, 10, 20, 12, tzinfo=UTC),
        actor="tests",
    )


def of_forecast() -> list[DraftRow]:
    return to_decide.page(Filter(month=OCTOBER, show=Show.DIFFERS))[0]


@pytest.mark.parametrize(
    ("forecast", "shown"),
    [
        # The draft comes to 1.00: more than was likely, by more than a quarter.
        (("0.40", "0.50", "0.45", "0.55"), 1),
        # Less than was likely.
        (("0.40", "2.00", "1.50", "2.50"), 1),
        # Half of what was expected, but nobody could know.
        (("0.40", "2.00", "0.90", "3.10"), 0),
        # Nothing was open, but a tenth more is less than a quarter.
        (("0.40", "0.90", "0.90", "0.90"), 0),
        (("0.00", "0.00", "0.00", "0.00"), 1),
    ],
)
def test_a_draft_stands_out_beyond_the_range_of_its_forecast_and_the_share_asked_for(
    forecast: tuple[str, str, str, str], shown: int, made: Invoice
) -> None:
    foreseen(made, *forecast)

    assert [row.is_unlike_forecast for row in of_forecast()] == [True] * shown
    assert to_decide.summary(Filter(month=OCTOBER)).counts[Show.DIFFERS] == shown
    assert not to_decide.page(Filter(month=OCTOBER))[0][0].is_unlike_before


def test_a_forecast_is_told_with_what_came_after_it(made: Invoice) -> None:
    """0.40 of 0.50 had come by 20 October; of 1.00, 0.60 came after it, where 0.10 was expected."""
    foreseen(made, "0.40", "0.50", "0.45", "0.55")

    (row,) = of_forecast()

    assert row.forecast == kept_forecasts.of_draft(made)
    assert row.forecast is not None
    assert (row.forecast.on, row.forecast.share) == (date(2026, 10, 20), Decimal(1))
    assert (row.forecast.was_to_come, row.forecast.came) == (
        Money(Decimal("0.10"), "USD"),
        Money(Decimal("0.60"), "USD"),
    )


def test_what_staff_add_by_hand_was_not_to_be_foreseen(made: Invoice) -> None:
    foreseen(made, "0.40", "1.00", "0.90", "1.10")
    new_line = NewLine(name="Help", reason="Agreed", amount=Decimal(50))
    manual_lines.add(invoice_id=made.pk, new=new_line, at=IN_NOVEMBER, actor="tests")

    compared = kept_forecasts.of_draft(made)

    assert of_forecast() == []
    assert compared is not None
    assert compared.comes_to == Money(Decimal("1.00"), "USD")


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
