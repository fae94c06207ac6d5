"""Registrations, rates and exemptions: who may hold when, and what that changes."""

from datetime import date
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction

from apps.core.models import AuditEntry
from apps.customers import taxation
from apps.customers.errors import NoTaxDays, TaxOverlap, UnknownTaxThing, WrongTaxNumber
from apps.customers.models import LegalEntity, TaxRate, TaxRegistration
from tests.builders import ACTOR, AT, make_customer, make_legal_entity

pytestmark = pytest.mark.django_db


def rate(country: str = "DE", percent: str = "19", **fields: object) -> TaxRate:
    given = {"country": country, "name": "VAT", "percent": Decimal(percent), "starts_on": date(2026, 1, 1)}
    return taxation.save_rate(fields={**given, **fields}, at=AT, actor=ACTOR)


def register(entity: LegalEntity, country: str = "DE", **fields: object) -> TaxRegistration:
    given = {"country": country, "number": "DE136695976", "starts_on": date(2026, 1, 1)}
    return taxation.save_registration(fields={"legal_entity": entity, **given, **fields}, at=AT, actor=ACTOR)


def test_the_first_registration_ends_giving_tax_by_hand() -> None:
    entity = make_legal_entity()

    assert register(entity, number="136 695 976").number == "DE136695976"

    entity.refresh_from_db()
    assert entity.tax_provider == "built_in"
    assert "customers.tax_by_registrations" in AuditEntry.objects.values_list("action", flat=True)


def test_a_wrong_number_registers_nobody() -> None:
    entity = make_legal_entity()

    with pytest.raises(WrongTaxNumber):
        register(entity, number="DE000000000")

    entity.refresh_from_db()
    assert (entity.tax_provider, TaxRegistration.objects.count()) == ("customer", 0)


def test_a_states_or_a_one_stop_shops_number_is_taken_as_it_is() -> None:
    entity = make_legal_entity()

    assert register(entity, "US", region="NY", number="12-3").number == "12-3"
    assert register(entity, "IE", scheme="one_stop", number="EU372000041").number == "EU372000041"


def test_rates_of_a_place_and_class_never_overlap() -> None:
    entity = make_legal_entity()
    rate(ends_on=date(2027, 1, 1))

    with pytest.raises(TaxOverlap, match="another tax rate for DE"):
        rate(percent="16", starts_on=date(2026, 7, 1))
    rate(percent="20", starts_on=date(2027, 1, 1))
    rate(percent="7", tax_class="reduced")
    rate(percent="16", legal_entity=entity)

    assert TaxRate.objects.count() == 4


def test_the_database_itself_refuses_two_rates_at_once() -> None:
    rate()
    copy = (
        "INSERT INTO customers_taxrate (id, country, region, starts_on, tax_class, name, percent) "
        "SELECT gen_random_uuid(), country, region, '2030-01-01', tax_class, name, 1 FROM customers_taxrate"
    )

    with (
        pytest.raises(IntegrityError, match="one_tax_rate_a_place_and_class_at_a_time"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(copy)


def test_a_rate_ends_and_the_trail_says_so() -> None:
    made = rate()

    taxation.save_rate(rate_id=made.pk, fields={"ends_on": date(2027, 1, 1)}, at=AT, actor=ACTOR)

    entry = AuditEntry.objects.order_by("-id")[0]
    assert (entry.before, entry.after) == ({"ends_on": "None"}, {"ends_on": "2027-01-01"})
    with pytest.raises(UnknownTaxThing):
        taxation.save_rate(rate_id=make_customer().pk, fields={}, at=AT, actor=ACTOR)


def test_what_holds_on_no_day_is_refused() -> None:
    with pytest.raises(NoTaxDays, match="Choose an end"):
        rate(ends_on=date(2026, 1, 1))

    assert not TaxRate.objects.exists()


def test_the_eus_rates_are_added_once_and_ones_own_stay() -> None:
    """27 member states; Germany's standard rate is 19%, Hungary's 27% the highest and Luxembourg's 17% the lowest."""
    rate("FR", "21")

    added = taxation.add_eu_rates(at=AT, actor=ACTOR)
    again = taxation.add_eu_rates(at=AT, actor=ACTOR)

    assert (len(added), again) == (26, [])
    percents = dict(TaxRate.objects.values_list("country", "percent"))
    assert (percents["DE"], percents["FR"]) == (Decimal(19), Decimal(21))
    assert (min(percents.values()), max(percents.values())) == (Decimal(17), Decimal(27))


def test_certificates_of_a_customer_and_place_never_overlap() -> None:
    fields = {
        "customer": make_customer(),
        "country": "US",
        "region": "NY",
        "certificate": "ST-119.1",
        "reason": "School",
        "starts_on": date(2026, 1, 1),
    }
    taxation.save_exemption(fields=fields, at=AT, actor=ACTOR)

    with pytest.raises(TaxOverlap):
        taxation.save_exemption(fields=fields, at=AT, actor=ACTOR)
    taxation.save_exemption(fields={**fields, "region": "NJ"}, at=AT, actor=ACTOR)


@pytest.mark.parametrize(
    ("fields", "number"),
    [({}, "DE136695976"), ({"tax_number": "DE811128135"}, "DE811128135"), ({"country": "FR"}, "")],
    ids=["none", "its own", "elsewhere"],
)
def test_a_seller_without_a_tax_number_has_that_of_its_country(fields: dict[str, str], number: str) -> None:
    entity = make_legal_entity(**{"country": "DE", **fields})
    given = {"legal_entity": entity, "country": "DE", "number": "DE 136695976", "starts_on": date(2026, 1, 1)}

    taxation.save_registration(fields=given, at=AT, actor=ACTOR)

    entity.refresh_from_db()
    assert entity.tax_number == number
