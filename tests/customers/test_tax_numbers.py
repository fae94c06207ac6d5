"""Tax numbers by country; examples are those of python-stdnum's documentation."""

import pytest

from apps.core.models import AuditEntry
from apps.customers import enroll, tax_numbers
from apps.customers.errors import WrongTaxNumber
from apps.customers.models import Customer
from tests.builders import ACTOR, AT, make_customer


@pytest.mark.parametrize(
    ("given", "country", "kept"),
    [
        ("de 136 695 976", "DE", "DE136695976"),
        ("136695976", "DE", "DE136695976"),
        ("FR 40 303 265 045", "FR", "FR40303265045"),
        ("GR 094259216", "GR", "EL094259216"),
        ("094259216", "GR", "EL094259216"),
        ("ATU13585627", "AT", "ATU13585627"),
        ("980 7806 84", "GB", "GB980780684"),
        ("XI 980 7806 84", "GB", "XI980780684"),
        ("CHE-107.787.577 MWST", "CH", "CHE107787577MWST"),
        ("NO 995 525 828 MVA", "NO", "995525828MVA"),
        ("911144442", "US", "91-1144442"),
        ("DE 136695976", "US", "DE136695976"),
        ("83 914 571 673", "AU", "83914571673"),
        ("27aapfu0939f1zv", "IN", "27AAPFU0939F1ZV"),
        ("5-8356-7825-6246", "JP", "T5835678256246"),
        ("T5835678256246", "JP", "T5835678256246"),
        ("12302 6635 RC 0001", "CA", "123026635RC0001"),
        (" what they have ", "AQ", "what they have"),
        ("anything", "", "anything"),
        ("", "DE", ""),
    ],
)
def test_a_number_is_kept_in_one_form(given: str, country: str, kept: str) -> None:
    assert tax_numbers.checked(given, country) == kept
    assert tax_numbers.checked(kept, country) == kept


@pytest.mark.parametrize(
    ("given", "country"),
    [
        ("DE136695977", "DE"),
        ("DE000000000", "DE"),
        ("US 00-0000000", "US"),
        ("GB000000001", "GB"),
        ("T1234567890123", "JP"),
        ("27AAPFU0939F1ZX", "IN"),
        ("\u0000", "DE"),
    ],
)
def test_a_number_that_cannot_be_is_refused_with_an_example(given: str, country: str) -> None:
    with pytest.raises(WrongTaxNumber, match=rf"tax number.*{country}.*Give it as in"):
        tax_numbers.checked(given, country)
    assert not tax_numbers.is_valid(given, country)


def test_only_a_number_of_the_country_makes_a_business_of_it() -> None:
    assert tax_numbers.is_valid("DE136695976", "DE")
    assert tax_numbers.vat_country("EL094259216") == "GR"
    assert tax_numbers.vat_country("XI980780684") == ""
    assert not tax_numbers.is_valid("DE136695976", "NO")
    assert not tax_numbers.is_valid("anything", "AQ")


@pytest.mark.django_db
def test_a_customer_is_not_made_with_a_wrong_number() -> None:
    with pytest.raises(WrongTaxNumber):
        make_customer(country="DE", tax_number="DE000000000")

    assert not Customer.objects.exists()
    assert make_customer(country="DE", tax_number="136 695 976").tax_number == "DE136695976"


@pytest.mark.django_db
def test_a_number_from_before_stays_until_it_is_changed() -> None:
    customer = make_customer(country="DE")
    Customer.objects.update(tax_number="DE000000000")
    trail = AuditEntry.objects.count()

    enroll.change(
        customer_id=customer.pk,
        fields={"name": "New", "tax_number": "DE000000000"},
        at=AT,
        actor=ACTOR,
    )
    with pytest.raises(WrongTaxNumber):
        enroll.change(customer_id=customer.pk, fields={"tax_number": "DE1"}, at=AT, actor=ACTOR)

    customer.refresh_from_db()
    assert (customer.name, customer.tax_number) == ("New", "DE000000000")
    assert AuditEntry.objects.count() == trail + 1


@pytest.mark.parametrize(
    ("number", "country", "identifier"),
    [
        ("DE136695976", "DE", "DE136695976"),
        ("FR40303265045", "US", "FR40303265045"),
        ("995525828MVA", "NO", "NO995525828MVA"),
        ("T5835678256246", "JP", "JPT5835678256246"),
        ("GODE561231GR8", "MX", "MXGODE561231GR8"),
        ("91-1144442", "US", ""),
        ("what staff wrote", "AU", ""),
        ("", "DE", ""),
    ],
)
def test_a_vat_identifier_begins_with_its_country(number: str, country: str, identifier: str) -> None:
    assert tax_numbers.vat_identifier(number, country) == identifier
