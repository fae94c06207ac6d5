"""What is due for a service: worked examples, each of a public rule."""

from datetime import date
from decimal import Decimal

import pytest

from apps.customers import eu_rates
from apps.invoices import taxing
from apps.invoices.errors import NoTaxRate
from apps.invoices.taxing import (
    Buyer,
    Days,
    Exemption,
    Place,
    Rate,
    Registration,
    Seller,
    Treatment,
    treatment,
)

ON = date(2026, 10, 31)
ALWAYS = Days(date(2020, 1, 1))
# Numbers with right check digits, from the documentation of python-stdnum.
DE_NUMBER, FR_NUMBER, GB_NUMBER = "DE136695976", "FR40303265045", "GB980780684"
EU_RATES = tuple(
    Rate(Place(country), "standard", name, percent, ALWAYS)
    for country, (percent, name) in eu_rates.STANDARD.items()
)


def registered(*places: str, one_stop: str = "") -> tuple[Registration, ...]:
    found = [Registration(Place(*place.split("-")), ALWAYS) for place in places]
    return (*found, *([Registration(Place(one_stop), ALWAYS, is_one_stop=True)] if one_stop else []))


def rate(place: str, percent: str, name: str = "Tax", **fields: object) -> Rate:
    given: dict[str, object] = {"tax_class": "standard", "days": ALWAYS, **fields}
    return Rate(Place(*place.split("-")), name=name, percent=Decimal(percent), **given)  # type: ignore[arg-type]


BERLIN = Seller(Place("DE"), registered("DE"), EU_RATES)
BERLIN_ONE_STOP = Seller(Place("DE"), registered("DE", one_stop="DE"), EU_RATES)
LONDON = Seller(Place("GB"), registered("GB"), (rate("GB", "20", "VAT"),))
NEW_YORK = Seller(Place("US", "NY"), registered("US-NY"), (rate("US-NY", "8.875", "Sales tax"),))
TOKYO = Seller(Place("JP"), registered("JP"), (rate("JP", "10", "消費税"),))


def business(country: str, number: str = "", **more: object) -> Buyer:
    return Buyer(Place(*country.split("-")), number, **more)  # type: ignore[arg-type]


def consumer(country: str) -> Buyer:
    return Buyer(Place(*country.split("-")), is_business=False)


def due(seller: Seller, buyer: Buyer, tax_class: str = "standard", on: date = ON) -> Treatment:
    found = treatment(seller, buyer, tax_class, on)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("seller", "buyer", "category", "percent", "place"),
    [
        pytest.param(BERLIN, business("DE", DE_NUMBER), "S", "19", "DE", id="at home: Directive 2006/112, Art. 44"),
        pytest.param(BERLIN, consumer("DE"), "S", "19", "DE", id="a consumer at home"),
        pytest.param(BERLIN, business("FR", FR_NUMBER), "AE", "0", "FR", id="a business of the EU: Art. 196"),
        pytest.param(BERLIN, business("FR"), "S", "19", "DE", id="a business without a number is a consumer"),
        pytest.param(BERLIN, business("FR", "FR40303265044"), "S", "19", "DE", id="so is one with a wrong number"),
        pytest.param(BERLIN, consumer("FR"), "S", "19", "DE", id="consumers below the threshold: Art. 59c"),
        pytest.param(BERLIN_ONE_STOP, consumer("FR"), "S", "20", "FR", id="consumers by the One-Stop Shop: Art. 58"),
        pytest.param(BERLIN_ONE_STOP, consumer("MC"), "S", "20", "FR", id="Monaco is France: Art. 7"),
        pytest.param(BERLIN_ONE_STOP, business("FR", FR_NUMBER), "AE", "0", "FR", id="no One-Stop Shop for businesses"),
        pytest.param(BERLIN, business("NL", DE_NUMBER), "S", "19", "DE", id="the number decides: Reg. 282/2011, Art. 22"),
        pytest.param(BERLIN, business("US-NY"), "O", "0", "US-NY", id="to abroad: outside the scope, Art. 44"),
        pytest.param(BERLIN, consumer("US-NY"), "O", "0", "US-NY", id="consumers abroad: outside the scope, Art. 59"),
        pytest.param(BERLIN, business("GB", GB_NUMBER), "AE", "0", "GB", id="a business in the UK: VAT Act 1994, s. 8"),
        pytest.param(BERLIN, business("GB", "XI980780684"), "AE", "0", "GB", id="Northern Ireland is UK for services"),
        pytest.param(BERLIN, business(""), "S", "19", "DE", id="who is nowhere is taxed as one next door"),
        pytest.param(LONDON, business("GB", GB_NUMBER), "S", "20", "GB", id="at home in the UK"),
        pytest.param(LONDON, business("DE", DE_NUMBER), "AE", "0", "DE", id="from the UK to a business of the EU"),
        pytest.param(LONDON, consumer("DE"), "O", "0", "DE", id="from the UK to a consumer, not registered there"),
        pytest.param(NEW_YORK, business("US-NY"), "S", "8.875", "US-NY", id="nexus in the customer's state"),
        pytest.param(NEW_YORK, business("US-TX"), "O", "0", "US-TX", id="no nexus in the customer's state"),
        pytest.param(NEW_YORK, business("DE", DE_NUMBER), "AE", "0", "DE", id="from the US to a business of the EU"),
        pytest.param(TOKYO, business("JP"), "S", "10", "JP", id="Japan: Consumption Tax Act, Art. 29"),
        pytest.param(TOKYO, business("US-CA"), "G", "0", "US-CA", id="Japan zero-rates exports: Art. 7"),
    ],
)  # fmt: skip
def test_what_is_due(seller: Seller, buyer: Buyer, category: str, percent: str, place: str) -> None:
    found = due(seller, buyer)

    assert (found.category, found.rate, found.place) == (category, Decimal(percent), place)


def test_the_reason_stands_in_the_customers_language_with_its_code() -> None:
    """Directive 2006/112/EC, Art. 226(11a): the words of the reverse charge are mandatory."""
    german = due(NEW_YORK, business("DE", DE_NUMBER, language="de"))
    unknown = due(BERLIN, business("FR", FR_NUMBER, language="xx"))

    assert (german.reason, german.reason_code) == (
        "Steuerschuldnerschaft des Leistungsempfängers",
        "VATEX-EU-AE",
    )
    assert unknown.reason.startswith("Reverse charge")


def test_a_rate_holds_from_its_day_on() -> None:
    """Estonia went from 22% to 24% on 2025-07-01."""
    seller = Seller(
        Place("EE"),
        registered("EE"),
        (
            rate("EE", "22", days=Days(date(2024, 1, 1), date(2025, 7, 1))),
            rate("EE", "24", days=Days(date(2025, 7, 1))),
        ),
    )

    assert due(seller, consumer("EE"), on=date(2025, 6, 30)).rate == 22
    assert due(seller, consumer("EE"), on=date(2025, 7, 1)).rate == 24


def test_the_class_then_the_region_then_the_own_rate_decides() -> None:
    seller = Seller(
        Place("CA", "ON"),
        registered("CA"),
        (
            rate("CA", "5", "GST"),
            rate("CA", "0", "GST", tax_class="zero"),
            rate("CA-ON", "13", "HST"),
            rate("CA-ON", "12", "HST", is_own=True),
        ),
    )

    assert due(seller, business("CA-AB")).rate == 5
    assert due(seller, business("CA-ON")).rate == 12
    assert due(seller, business("CA-ON"), "zero").category == "Z"
    assert due(seller, business("CA-AB"), "reduced").rate == 5


def test_a_certificate_takes_the_tax_away_where_and_while_it_holds() -> None:
    paper = Exemption(Place("US", "NY"), "ST-119.1", Days(date(2026, 1, 1), date(2026, 11, 1)))
    school = business("US-NY", exemptions=(paper,))

    exempt, later = due(NEW_YORK, school), due(NEW_YORK, school, on=date(2026, 11, 1))

    assert (exempt.category, exempt.rate) == ("E", Decimal(0))
    assert exempt.reason == "Tax-exempt by certificate ST-119.1"
    assert later.rate == Decimal("8.875")


def test_who_is_registered_nowhere_is_taxed_by_hand() -> None:
    assert treatment(Seller(Place("DE")), consumer("DE"), "standard", ON) is None
    assert treatment(BERLIN, consumer("DE"), "standard", date(2019, 12, 31)) is None


def test_a_rate_that_is_not_known_is_refused_with_the_way_out() -> None:
    seller = Seller(Place("DE"), registered("DE"))

    with pytest.raises(NoTaxRate, match=r"registered for tax in DE.*2026-10-31.*Tax rates"):
        treatment(seller, consumer("DE"), "standard", ON)


@pytest.mark.parametrize(
    ("seller", "buyer", "expected"),
    [
        (BERLIN, business("FR", FR_NUMBER), []),
        (BERLIN, business("FR"), ["tax_number"]),
        (BERLIN, consumer("FR"), []),
        (BERLIN, business("DE"), []),
        (BERLIN, business(""), ["country"]),
        (NEW_YORK, business("US"), ["region"]),
        (NEW_YORK, business("US-TX"), []),
        (Seller(Place("DE"), registered("DE")), business("DE"), ["rate"]),
        (Seller(Place("DE")), business(""), []),
    ],
)
def test_what_is_missing_is_told(seller: Seller, buyer: Buyer, expected: list[str]) -> None:
    assert list(taxing.missing(seller, buyer, ON)) == expected
