"""The rules of tax: what is due for a service, from where it is sold, where it is bought, and on which day.

Pure: no database, no clock. What Meterbook bills are services supplied electronically, never goods.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Self

from apps.customers import tax_numbers
from apps.customers.tax_numbers import EU
from apps.invoices.errors import NoTaxRate
from apps.invoices.labels import words_for

_NOTHING = Decimal(0)
STANDARD = "standard"
# VATEX codes of EN 16931.
REVERSE_CHARGE, EXPORT, OUTSIDE = "VATEX-EU-AE", "VATEX-EU-G", "VATEX-EU-O"
# For tax, Monaco is France and the Isle of Man the United Kingdom: Directive 2006/112/EC, Art. 7.
_TAXED_AS = {"MC": "FR", "IM": "GB"}
# A business there owes the tax on services from abroad itself. EU: Directive 2006/112/EC, Art. 196. GB: VAT Act 1994, s. 8.
# NO: Merverdiavgiftsloven, § 3-30 and § 11-3.
_OWES_IT_ITSELF = EU | {"GB", "NO"}
# Services to abroad are within the tax, at zero. AU: GST Act 1999, s. 38-190. CA: Excise Tax Act, Sch. VI Part V. IN: IGST Act
# 2017, s. 16. JP: Consumption Tax Act, Art. 7. NO: Merverdiavgiftsloven, § 6-22. NZ: GST Act 1985, s. 11A. SG: GST Act, s. 21.
_ZERO_RATES_EXPORTS = frozenset(("AU", "CA", "IN", "JP", "NO", "NZ", "SG"))
# Whoever is registered in one of their states or provinces needs the customer's.
_BY_REGION = frozenset(("CA", "US"))


class Category(StrEnum):
    """Categories of EN 16931 (UNCL5305)."""

    STANDARD = "S"
    ZERO = "Z"
    EXEMPT = "E"
    REVERSE_CHARGE = "AE"
    EXPORT = "G"
    OUTSIDE_SCOPE = "O"


@dataclass(frozen=True, slots=True)
class Treatment:
    """How a line is taxed: category of EN 16931, rate in percent, and what is printed."""

    category: str
    rate: Decimal
    name: str = ""
    place: str = ""
    reason: str = ""
    reason_code: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """A country by its two letters, and its state or province by the code of ISO 3166-2."""

    country: str
    region: str = ""

    @classmethod
    def of_code(cls, code: str) -> Self:
        """Return the place that ISO 3166 writes so."""
        return cls(*code.split("-", 1))

    @property
    def code(self) -> str:
        """The place as ISO 3166 writes it."""
        return f"{self.country}-{self.region}" if self.region else self.country

    def covers(self, other: "Place") -> bool:
        """Tell whether the other place is this one, or within it."""
        return self.country == other.country and self.region in ("", other.region)


@dataclass(frozen=True, slots=True)
class Days:
    """Days from the first until the one after the last; None: it goes on."""

    starts_on: date
    ends_on: date | None = None

    def __contains__(self, day: date) -> bool:
        return self.starts_on <= day and (self.ends_on is None or day < self.ends_on)


@dataclass(frozen=True, slots=True)
class Registration:
    """That the seller is registered for tax at a place, or there for consumers in the whole EU (One-Stop Shop)."""

    place: Place
    days: Days
    is_one_stop: bool = False
    number: str = ""


@dataclass(frozen=True, slots=True)
class Rate:
    """The tax of a place for a class of products; the seller's own goes before that of all sellers."""

    place: Place
    tax_class: str
    name: str
    percent: Decimal
    days: Days
    is_own: bool = False


@dataclass(frozen=True, slots=True)
class Exemption:
    """A customer's certificate for a place."""

    place: Place
    certificate: str
    days: Days


@dataclass(frozen=True, slots=True)
class Seller:
    """Who sells, and what is known of the taxes that it collects."""

    place: Place
    registrations: tuple[Registration, ...] = ()
    rates: tuple[Rate, ...] = ()


@dataclass(frozen=True, slots=True)
class Buyer:
    """Who buys; a business counts as one by a valid number of its country."""

    place: Place
    tax_number: str = ""
    is_business: bool = True
    exemptions: tuple[Exemption, ...] = ()
    language: str = "en"


def treatment(seller: Seller, buyer: Buyer, tax_class: str, on: date) -> Treatment | None:
    """Return how a service is taxed that was supplied on that day; None for a seller that is registered nowhere then.

    1. A service is supplied where the customer is: a business by Directive 2006/112/EC, Art. 44, and Implementing Regulation
       282/2011, Art. 22 by its VAT number; a consumer of electronic services by Art. 58. Other countries' laws say the same of
       such services. A customer whose country is not known is taxed as one next door.
    2. A business abroad whose country says so owes the tax itself (Art. 196): reverse charge, by its valid number alone.
    3. Whoever is registered at that place taxes at its rate; the One-Stop Shop (Art. 359 and 369a) registers for consumers in
       all of the EU. A seller of the EU that is not, and so stays below the threshold of Art. 59c, taxes them at home.
    4. A certificate of exemption takes such a tax away.
    5. Elsewhere there is no tax: services to abroad are zero-rated by the laws of some sellers' countries, and outside the
       scope of tax by those of the others (EU: Art. 44 and 59), as are sales to states where the seller has no nexus.

    Refuses a place where the seller is registered, and for which no rate is known on that day.
    """
    if not any(on in registration.days for registration in seller.registrations):
        return None
    place = supplied_at(seller, buyer)
    words = words_for(buyer.language)
    if owes_it_itself(seller, buyer, place):
        why, code = words.reverse_charge, REVERSE_CHARGE
        return Treatment(Category.REVERSE_CHARGE, _NOTHING, place=place.code, reason=why, reason_code=code)
    place = _taxed_at(seller, place, on)
    if not _is_registered(seller, place, on):
        return _untaxed(seller, buyer, place)
    exemption = next((one for one in buyer.exemptions if on in one.days and one.place.covers(place)), None)
    if exemption:
        why = words.exempt.format(certificate=exemption.certificate)
        return Treatment(Category.EXEMPT, _NOTHING, place=place.code, reason=why)
    rate = rate_of(seller, place, tax_class, on)
    category = Category.STANDARD if rate.percent else Category.ZERO
    return Treatment(category, rate.percent, name=rate.name, place=place.code)


def supplied_at(seller: Seller, buyer: Buyer) -> Place:
    """Return where a service is supplied: at the customer's place, or at the seller's where that is not known."""
    place = _as_taxed(buyer.place)
    if not place.country:
        return _as_taxed(seller.place)
    if buyer.is_business and place.country in EU:
        return Place(tax_numbers.vat_country(buyer.tax_number) or place.country)
    return place


def owes_it_itself(seller: Seller, buyer: Buyer, place: Place) -> bool:
    """Tell whether the customer is a business abroad, by its number, that owes the tax there itself."""
    return (
        buyer.is_business
        and place.country != _as_taxed(seller.place).country
        and place.country in _OWES_IT_ITSELF
        and tax_numbers.is_valid(buyer.tax_number, place.country)
    )


def registration_at(seller: Seller, place: Place, on: date) -> Registration | None:
    """Return what the seller is registered by at a place: there rather than by the One-Stop Shop, in the region rather than the country."""
    found = [
        one
        for one in seller.registrations
        if on in one.days and (one.place.covers(place) or (one.is_one_stop and place.country in EU))
    ]
    return max(found, key=lambda one: (not one.is_one_stop, bool(one.place.region)), default=None)


def rate_of(seller: Seller, place: Place, tax_class: str, on: date) -> Rate:
    """Return the rate in force: of the class rather than standard, of the region rather than the country, own rather than all's."""
    found = [
        rate
        for rate in seller.rates
        if on in rate.days and rate.place.covers(place) and rate.tax_class in (tax_class, STANDARD)
    ]
    if not found:
        raise NoTaxRate(place.code, on)
    return max(found, key=lambda rate: (rate.tax_class == tax_class, bool(rate.place.region), rate.is_own))


def missing(seller: Seller, buyer: Buyer, on: date) -> Iterator[str]:
    """Yield what is not known of a customer and decides on its tax: country, region, tax_number, rate."""
    if not any(on in registration.days for registration in seller.registrations):
        return
    place = _as_taxed(buyer.place)
    if not place.country:
        yield "country"
        return
    by_region = any(one.place.country == place.country and one.place.region for one in seller.registrations)
    if place.country in _BY_REGION and by_region and not place.region:
        yield "region"
    is_abroad = place.country != _as_taxed(seller.place).country
    if (
        buyer.is_business
        and is_abroad
        and place.country in EU
        and not tax_numbers.vat_country(buyer.tax_number)
    ):
        yield "tax_number"
    try:
        treatment(seller, buyer, STANDARD, on)
    except NoTaxRate:
        yield "rate"


def _as_taxed(place: Place) -> Place:
    return Place(_TAXED_AS[place.country]) if place.country in _TAXED_AS else place


def _taxed_at(seller: Seller, place: Place, on: date) -> Place:
    """Return the customer's place, or the seller's own where a seller of the EU is registered for no other state's consumers."""
    home = _as_taxed(seller.place)
    both_in_eu = home.country in EU and place.country in EU
    return home if both_in_eu and not _is_registered(seller, place, on) else place


def _is_registered(seller: Seller, place: Place, on: date) -> bool:
    return registration_at(seller, place, on) is not None


def _untaxed(seller: Seller, buyer: Buyer, place: Place) -> Treatment:
    home, words = _as_taxed(seller.place), words_for(buyer.language)
    if home.country in _ZERO_RATES_EXPORTS and place.country != home.country:
        category, why, code = Category.EXPORT, words.export, EXPORT
    else:
        category, why, code = Category.OUTSIDE_SCOPE, words.outside, OUTSIDE
    return Treatment(category, _NOTHING, place=place.code, reason=why, reason_code=code)
