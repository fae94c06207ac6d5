"""The tax report in the back office, and the forms from which it comes."""

from datetime import date
from decimal import Decimal

import pytest
from django.test import Client

from apps.core.spreadsheets import as_written
from apps.customers import taxation
from apps.customers.models import Customer, TaxRate, TaxRegistration
from apps.customers.regions import name_of
from apps.invoices.models import Invoice
from tests.builders import (
    ACTOR,
    AT,
    fee_charge,
    make_contract,
    make_customer,
    make_legal_entity,
    make_plan_version,
)
from tests.invoices.months import invoiced

pytestmark = pytest.mark.django_db
REPORT = "/admin/tax/?seller=german&from=2026-11-01"


@pytest.fixture
def invoice() -> Invoice:
    """119.00 EUR of a seller in Germany."""
    entity = make_legal_entity("german", country="DE", invoice_prefix="RE")
    place = {"country": "DE", "starts_on": date(2026, 1, 1)}
    taxation.save_registration(
        fields={**place, "legal_entity": entity, "number": "DE136695976"}, at=AT, actor=ACTOR
    )
    taxation.save_rate(fields={**place, "name": "=USt", "percent": Decimal(19)}, at=AT, actor=ACTOR)
    customer = make_customer("kunde", legal_entity=entity, country="DE", name="Kunde <b>AG</b>")
    version = make_plan_version([fee_charge("100")], currency="EUR")
    return invoiced(make_contract(customer, version))


def test_the_report_leads_to_its_documents(invoice: Invoice, staff: Client) -> None:
    report = staff.get(REPORT).content.decode()
    documents = staff.get(
        "/admin/tax/documents/?seller=german&from=2026-11-01&place=DE&category=S&rate=19.000"
    )

    assert "€19.00" in report
    assert "To the cent" in report
    assert str(invoice.number) in documents.content.decode()
    assert "<b>AG</b>" not in documents.content.decode()


def test_the_report_is_saved_as_a_table_without_formulas(invoice: Invoice, staff: Client) -> None:
    answer = staff.get(f"{REPORT}&as=csv")
    workbook = staff.get(f"{REPORT}&as=xlsx")

    lines = b"".join(answer.streaming_content).decode().splitlines()  # type: ignore[attr-defined]
    cells = [cell.strip('"') for cell in lines[1].split(",")]
    assert as_written(cells[3]) == "=USt"
    assert cells[3] != "=USt"
    assert cells[4:] == ["19", "EUR", "100.00", "19.00", "1"]
    assert workbook["Content-Disposition"].endswith('.xlsx"')
    workbook.close()


@pytest.mark.parametrize(
    "query", ["seller=nobody", "from=tomorrow", "from=0001-01-01", "from=9999-12-31", "length=x&from="]
)
def test_what_is_not_there_is_not_found(query: str, invoice: Invoice, staff: Client) -> None:
    assert staff.get(f"/admin/tax/?{query}").status_code == 404
    assert staff.get(f"/admin/tax/documents/?{query}").status_code == 404


def test_a_rate_that_is_no_number_is_not_found(invoice: Invoice, staff: Client) -> None:
    for rate in ("x", "NaN", "1e9", "-1"):
        assert staff.get(f"/admin/tax/documents/?rate={rate}").status_code == 404


def test_a_wrong_tax_number_is_told_at_its_field_and_nothing_is_lost(staff: Client) -> None:
    entity = make_legal_entity()
    fields = {
        "name": "Acme GmbH",
        "key": "acme-gmbh",
        "legal_entity": entity.pk,
        "language": "de",
        "tax_rate": "0",
        "einvoice": "none",
        "buys_as": "business",
        "country": "DE",
        "tax_number": "DE000000000",
    }

    refused = staff.post("/admin/customers/customer/add/", fields).content.decode()
    staff.post("/admin/customers/customer/add/", {**fields, "tax_number": "136 695 976"})

    assert "Give it as in DE136695976" in refused
    assert "Acme GmbH" in refused
    assert Customer.objects.get(key="acme-gmbh").tax_number == "DE136695976"


def test_registrations_and_rates_are_saved_by_forms(staff: Client) -> None:
    entity = make_legal_entity(country="DE")
    place = {"country": "DE", "region": "", "starts_on": "2026-01-01", "ends_on": ""}

    staff.post(
        "/admin/customers/taxregistration/add/",
        {**place, "legal_entity": entity.pk, "scheme": "local", "number": "136695976"},
    )
    rate = {**place, "tax_class": "standard", "name": "USt", "percent": "19", "legal_entity": ""}
    staff.post("/admin/customers/taxrate/add/", rate)
    overlapping = staff.post("/admin/customers/taxrate/add/", {**rate, "percent": "20"})
    staff.post("/admin/customers/taxrate/add-eu/")

    assert TaxRegistration.objects.get().number == "DE136695976"
    assert TaxRate.objects.get(country="DE").percent == Decimal(19)
    assert overlapping.status_code == 200
    assert TaxRate.objects.count() == 27


def test_places_have_their_names_beside_their_codes(invoice: Invoice, staff: Client) -> None:
    report = staff.get(REPORT).content.decode()

    assert 'Germany <span class="quiet">DE</span>' in report
    assert [name_of(code) for code in ("US-CO", "CA-QC", "FR", "QX")] == [
        *("Colorado", "Quebec", "France", "QX"),
    ]


def test_a_rate_that_cannot_be_is_told_at_its_field(staff: Client) -> None:
    rate = {"country": "DE", "tax_class": "standard", "name": "USt", "percent": "190", "legal_entity": ""}
    days = {"starts_on": "2026-01-01", "ends_on": "2026-01-01"}

    told = staff.post("/admin/customers/taxrate/add/", {**rate, **days}).content.decode()

    assert "Give a percentage from 0 to 100." in told
    assert "Choose a later day than the first one" in told
    assert "Constraint" not in told
    assert not TaxRate.objects.exists()


def test_who_changes_whether_prices_include_tax_is_told_what_that_does(staff: Client) -> None:
    entity = make_legal_entity(country="DE")
    address = f"/admin/customers/legalentity/{entity.pk}/change/"
    page = staff.get(address)
    given = {
        name: value for name, value in page.context["adminform"].form.initial.items() if value is not None
    }

    told = staff.post(address, {**given, "prices_include_tax": "on"}, follow=True).content.decode()

    assert "Finalized invoices and their credit notes stay as they are" in page.content.decode()
    assert "Prices of Seller Inc. include tax from now on." in told
