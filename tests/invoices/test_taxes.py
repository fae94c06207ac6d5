"""Taxes of invoices, from what is configured to the cent on each line, and the report over them."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from apps.contracts.models import Contract
from apps.customers import sellers, taxation
from apps.customers.models import Customer, LegalEntity
from apps.invoices import close, finalize, tax_report, taxes
from apps.invoices.models import Invoice, InvoiceLine, ManualLine
from apps.invoices.tax_rules import rules_for
from apps.plans import catalogue
from tests.builders import (
    ACTOR,
    AT,
    fee_charge,
    make_contract,
    make_credit_note,
    make_customer,
    make_legal_entity,
    make_plan_version,
)
from tests.invoices.months import IN_NOVEMBER, drafted, invoiced

pytestmark = pytest.mark.django_db
DE_NUMBER, FR_NUMBER = "DE136695976", "FR40303265045"


def seller(**fields: Any) -> LegalEntity:
    """A company in Germany, registered there, with 19% and 7%."""
    entity = make_legal_entity(country="DE", **fields)
    given = {"legal_entity": entity, "country": "DE", "number": DE_NUMBER, "starts_on": date(2020, 1, 1)}
    taxation.save_registration(fields=given, at=AT, actor=ACTOR)
    for tax_class, percent in (("standard", 19), ("reduced", 7)):
        taxation.save_rate(
            fields={
                "country": "DE",
                "tax_class": tax_class,
                "name": "USt",
                "percent": Decimal(percent),
                "starts_on": date(2020, 1, 1),
            },
            at=AT,
            actor=ACTOR,
        )
    entity.refresh_from_db()
    return entity


def contract_of(*fees: str, **customer: Any) -> Contract:
    fields = {"country": "DE", **customer}
    charges = [fee_charge(fee, key=f"fee-{place}") for place, fee in enumerate(fees)]
    version = make_plan_version(charges, currency="EUR")
    return make_contract(make_customer(**fields), version)


def rows_of(invoice: Invoice) -> list[tuple[str, str, str, str]]:
    return [
        (row.category, f"{row.rate.normalize():f}", f"{row.base:.2f}", f"{row.amount:.2f}")
        for row in invoice.taxes.all()
    ]


def taxed(entity: LegalEntity, *lines: tuple[str, str], **more: Any) -> tuple[Invoice, list[InvoiceLine]]:
    """Tax lines of an amount and a product, without writing them."""
    customer = Customer.objects.first() or make_customer(country="DE", legal_entity=entity)
    customer.legal_entity = entity
    invoice = Invoice(
        customer=customer,
        currency=more.get("currency", "EUR"),
        period_start_on=date(2026, 10, 1),
        period_end_on=date(2026, 11, 1),
        subtotal=sum((Decimal(amount) for amount, _ in lines), Decimal(0)),
    )
    made = [
        InvoiceLine(amount=Decimal(amount), exact=Decimal(amount), product_name=name)
        for amount, name in lines
    ]
    invoice.taxed = taxes.tax(invoice, made)  # type: ignore[attr-defined]
    return invoice, made


def test_an_invoice_at_home_has_its_rate() -> None:
    """100.00 and 19%: 19.00."""
    seller()
    invoice = invoiced(contract_of("100"))

    (row,) = invoice.taxes.all()
    assert (row.name, row.place, rows_of(invoice)) == ("USt", "DE", [("S", "19", "100.00", "19.00")])
    assert (invoice.tax_rate, invoice.total) == (Decimal(19), Decimal("119.00"))


def test_a_business_next_door_owes_the_tax_itself() -> None:
    seller()
    invoice = invoiced(contract_of("100", country="FR", tax_number=FR_NUMBER, language="fr"))

    (row,) = invoice.taxes.all()
    assert rows_of(invoice) == [("AE", "0", "100.00", "0.00")]
    assert (row.place, row.reason_code) == ("FR", "VATEX-EU-AE")
    assert row.reason.startswith("Autoliquidation")


def test_without_registrations_each_customer_has_what_was_given_by_hand() -> None:
    assert rows_of(invoiced(contract_of("100", tax_rate=Decimal(8)))) == [("S", "8", "100.00", "8.00")]


def test_a_registration_of_later_days_leaves_it_at_that() -> None:
    entity = make_legal_entity(country="DE")
    fields = {"legal_entity": entity, "country": "DE", "number": DE_NUMBER, "starts_on": date(2027, 1, 1)}
    taxation.save_registration(fields=fields, at=AT, actor=ACTOR)

    assert rows_of(invoiced(contract_of("100", tax_rate=Decimal(8)))) == [("S", "8", "100.00", "8.00")]


def test_a_missing_rate_parks_the_contract_and_tells_where_to_add_it() -> None:
    entity = make_legal_entity(country="DE")
    fields = {"legal_entity": entity, "country": "DE", "number": DE_NUMBER, "starts_on": date(2026, 1, 1)}
    taxation.save_registration(fields=fields, at=AT, actor=ACTOR)
    contract = contract_of("100")

    parked = close.close_contract(contract_id=contract.pk, at=IN_NOVEMBER, actor=ACTOR).parked

    assert parked
    assert (parked.code, "Settings, Tax rates" in parked.reason) == ("no-tax-rate", True)
    taxation.add_eu_rates(at=AT, actor=ACTOR)
    assert invoiced(contract).total == Decimal("119.00")


def test_products_have_their_class_and_a_discount_on_all_is_spread() -> None:
    """60.00 at 19% and 30.00 at 7%, 10.00 off: 53.33 and 26.67; 10.13 (10.1327) and 1.87 (1.8669)."""
    entity = seller()
    catalogue.put_product(key="book", name="Book", tax_class="reduced", at=AT, actor=ACTOR)

    invoice, lines = taxed(entity, ("60", "Product"), ("30", "Book"), ("-10", ""))

    found = [(row.rate, row.base, row.amount) for row in invoice.taxed]  # type: ignore[attr-defined]
    assert found == [
        (Decimal(19), Decimal("53.33"), Decimal("10.13")),
        (Decimal(7), Decimal("26.67"), Decimal("1.87")),
    ]
    assert [(line.amount, line.tax_rate, line.tax_amount) for line in lines] == [
        (Decimal(60), Decimal(19), Decimal("11.40")),
        (Decimal(30), Decimal(7), Decimal("2.10")),
        (Decimal("-3.33"), Decimal(7), Decimal("-0.23")),
        (Decimal("-6.67"), Decimal(19), Decimal("-1.27")),
    ]
    assert len({line.pk for line in lines}) == 4
    assert sum(line.tax_amount for line in lines) == invoice.tax_amount == Decimal("12.00")
    assert (invoice.tax_rate, invoice.total) == (Decimal(0), Decimal("92.00"))


def test_the_order_of_lines_changes_no_total() -> None:
    entity = seller()
    catalogue.put_product(key="book", name="Book", tax_class="reduced", at=AT, actor=ACTOR)
    lines = [("0.33", "Product"), ("7.77", "Book"), ("-1.01", ""), ("12.34", "Product"), ("0.05", "Book")]

    straight, _ = taxed(entity, *lines)
    turned, _ = taxed(entity, *reversed(lines))

    assert straight.tax_amount == turned.tax_amount
    assert [row.amount for row in straight.taxed] == [row.amount for row in turned.taxed]  # type: ignore[attr-defined]


def test_rounding_once_or_on_each_line() -> None:
    """Three lines of 0.13 at 19%: 0.0741 on the sum of 0.39, so 0.07; 0.0247 each, so 3 x 0.02 = 0.06."""
    once = seller()
    invoice, _ = taxed(once, *[("0.13", "Product")] * 3)
    once.tax_rounding = "line"
    each, lines = taxed(once, *[("0.13", "Product")] * 3)

    assert (invoice.tax_amount, each.tax_amount) == (Decimal("0.07"), Decimal("0.06"))
    assert [line.tax_amount for line in lines] == [Decimal("0.02")] * 3


def test_japan_rounds_once_a_rate_to_whole_yen() -> None:
    """Three lines of 333 yen at 10%: 99.9 on 999, so 100, where each line by itself would make 3 x 33 = 99."""
    entity = make_legal_entity(country="JP")
    fields = {
        "legal_entity": entity,
        "country": "JP",
        "number": "T5835678256246",
        "starts_on": date(2023, 10, 1),
    }
    taxation.save_registration(fields=fields, at=AT, actor=ACTOR)
    taxation.save_rate(
        fields={
            "country": "JP",
            "name": "消費税",
            "percent": Decimal(10),
            "starts_on": date(2019, 10, 1),
        },
        at=AT,
        actor=ACTOR,
    )
    entity.refresh_from_db()
    make_customer(country="JP", legal_entity=entity)

    invoice, _ = taxed(entity, *[("333", "Product")] * 3, currency="JPY")

    assert (invoice.tax_amount, invoice.total) == (Decimal(100), Decimal(1099))


def test_prices_may_include_the_tax() -> None:
    """119.00 with 19% in it: 19.00 of tax and 100.00 without."""
    seller(prices_include_tax=True)
    invoice = invoiced(contract_of("119"))

    assert (invoice.tax_included, invoice.subtotal, invoice.total) == (
        True,
        Decimal(119),
        Decimal(119),
    )
    assert rows_of(invoice) == [("S", "19", "100.00", "19.00")]


def test_whether_prices_include_tax_is_as_the_seller_says_when_it_finalizes_and_stays_so() -> None:
    """119.00 and 22.61 of tax when it was drafted; 119.00 in all when finalized, and credited so: half is 59.50 with 9.50 of tax."""
    entity = seller()
    made = drafted(contract_of("119"))
    assert made.total == Decimal("141.61")
    sellers.put(key=entity.key, fields={"prices_include_tax": True}, at=AT, actor=ACTOR)

    invoice = finalize.finalize(invoice_id=made.pk, at=IN_NOVEMBER, actor=ACTOR)
    sellers.put(key=entity.key, fields={"prices_include_tax": False}, at=AT, actor=ACTOR)
    note = make_credit_note(Invoice.objects.get(pk=invoice.pk), amount="59.50")

    assert (invoice.total, invoice.tax_amount) == (Decimal(119), Decimal(19))
    assert (note.tax_included, note.total, note.tax_amount) == (True, Decimal("-59.50"), Decimal("-9.50"))


def test_what_staff_added_is_taxed_with_the_rest() -> None:
    seller()
    made = drafted(contract_of("100"))
    ManualLine.objects.create(
        invoice=made, name="Goodwill", amount=Decimal(-50), reason="Outage", added_by=ACTOR, added_at=AT
    )

    invoice = finalize.finalize(invoice_id=made.pk, at=IN_NOVEMBER, actor=ACTOR)

    assert rows_of(invoice) == [("S", "19", "50.00", "9.50")]


def test_what_corrects_an_earlier_period_has_the_rate_of_its_day() -> None:
    """Germany's standard rate was 16% from July to December 2020."""
    entity = seller()
    customer = make_customer(country="DE")
    old = Invoice(
        kind="period", period_start_on=date(2026, 9, 1), period_end_on=date(2026, 10, 1), customer=customer
    )
    rate = taxation.save_rate(
        fields={
            "country": "DE",
            "legal_entity": entity,
            "name": "USt",
            "percent": Decimal(16),
            "starts_on": date(2026, 7, 1),
            "ends_on": date(2026, 10, 1),
        },
        at=AT,
        actor=ACTOR,
    )
    invoice = Invoice(
        customer=customer,
        currency="EUR",
        period_start_on=date(2026, 10, 1),
        period_end_on=date(2026, 11, 1),
        subtotal=Decimal(200),
    )
    lines = [
        InvoiceLine(amount=Decimal(100), product_name="Product"),
        InvoiceLine(amount=Decimal(100), product_name="Product", adjusts=old),
    ]

    customer.refresh_from_db()
    taxes.tax(invoice, lines)

    assert rate.percent == 16
    assert [line.tax_amount for line in lines] == [Decimal(19), Decimal(16)]


def test_no_query_where_tax_is_given_by_hand_and_four_for_many_otherwise(
    django_assert_num_queries: Any,
) -> None:
    by_hand = make_legal_entity("by-hand")
    plain = [make_customer(f"plain-{n}", legal_entity=by_hand) for n in range(3)]
    entity = seller()
    customers = [make_customer(f"c-{n}", country="DE", legal_entity=entity) for n in range(3)]

    with django_assert_num_queries(0):
        rules_for(plain)
        taxed_with(plain[0], None)
    with django_assert_num_queries(4):
        rules = rules_for([*plain, *customers])
        for customer in customers:
            assert taxed_with(customer, rules).tax_amount == 19


def taxed_with(customer: Customer, rules: Any) -> Invoice:
    invoice = Invoice(
        customer=customer,
        currency="EUR",
        period_start_on=date(2026, 10, 1),
        period_end_on=date(2026, 11, 1),
        subtotal=Decimal(100),
    )
    taxes.tax(invoice, [InvoiceLine(amount=Decimal(100), product_name="Product")], rules)
    return invoice


def test_what_is_missing_of_a_customer_is_told() -> None:
    seller()
    business = make_customer("business", country="FR")
    nowhere = make_customer("nowhere")
    by_hand = make_customer("by-hand", legal_entity=make_legal_entity("other"))

    on = date(2026, 10, 31)
    found = [taxes.missing(one, on) for one in (business, nowhere, by_hand)]

    assert found == [["tax_number"], ["country"], []]
    assert set(taxes.MISSING) == {"country", "region", "tax_number", "rate"}


def test_the_report_adds_up_by_rate_and_agrees_with_the_books() -> None:
    entity = seller()
    invoiced(contract_of("100"))
    invoiced(contract_of("50", key="second"))
    invoiced(contract_of("30", key="french", country="FR", tax_number=FR_NUMBER))
    within: dict[str, Any] = {
        "legal_entity_id": entity.pk,
        "starts_on": date(2026, 11, 1),
        "ends_on": date(2026, 12, 1),
    }

    rows = [
        (row.place, row.category, f"{row.base}", f"{row.tax}", row.documents)
        for row in tax_report.rows(**within)
    ]
    (agreed,) = tax_report.agreed(**within)
    (sale,) = tax_report.sales_list(**within)
    behind = tax_report.documents(**within, place="DE", category="S", rate=Decimal(19))

    assert rows == [
        ("DE", "S", "150.0000 EUR", "28.5000 EUR", 2),
        ("FR", "AE", "30.0000 EUR", "0.0000 EUR", 1),
    ]
    assert (agreed.documents.amount, agreed.posted.amount, agreed.difference.is_zero) == (
        Decimal("28.5"),
        Decimal("28.5"),
        True,
    )
    assert (sale.tax_number, sale.base.amount) == (FR_NUMBER, Decimal(30))
    assert [row.invoice.number for row in behind] == ["INV-2026-000001", "INV-2026-000002"]
    assert tax_report.rows(**{**within, "starts_on": date(2026, 12, 1), "ends_on": date(2027, 1, 1)}) == []
