"""What is known for the taxes of many customers' invoices, read once for all of them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from django.db.models import Q

from apps.customers.models import (
    Customer,
    LegalEntity,
    TaxClass,
    TaxExemption,
    TaxRate,
    TaxRegistration,
)
from apps.customers.models import Place as Address
from apps.customers.regions import code_of
from apps.invoices.taxing import Buyer, Days, Exemption, Place, Rate, Registration, Seller
from apps.plans.models import Product


@dataclass(frozen=True, slots=True)
class TaxRules:
    """Registrations and rates by legal entity, exemptions by customer, and tax classes by product name."""

    registrations: Mapping[UUID, tuple[Registration, ...]] = field(default_factory=dict)
    rates: Mapping[UUID | None, tuple[Rate, ...]] = field(default_factory=dict)
    exemptions: Mapping[UUID, tuple[Exemption, ...]] = field(default_factory=dict)
    classes: Mapping[str, str] = field(default_factory=dict)

    def seller(self, entity: LegalEntity) -> Seller:
        """Return a legal entity as a seller."""
        rates = (*self.rates.get(entity.pk, ()), *self.rates.get(None, ()))
        return Seller(place_of(entity), self.registrations.get(entity.pk, ()), rates)

    def buyer(self, customer: Customer) -> Buyer:
        """Return a customer as a buyer."""
        return Buyer(
            place_of(customer),
            customer.tax_number,
            customer.buys_as == Customer.BuysAs.BUSINESS,
            self.exemptions.get(customer.pk, ()),
            customer.language,
        )

    def class_of(self, product_name: str) -> str:
        """Return the tax class of a product."""
        return self.classes.get(product_name, TaxClass.STANDARD.value)


NO_RULES = TaxRules()


def rules_for(customers: Collection[Customer]) -> TaxRules:
    """Read what decides on the taxes of these customers, whose legal entities are to be with them: four queries, or none.

    No query where every legal entity gives tax by hand, customer by customer.
    """
    by_hand = LegalEntity.TaxProvider.CUSTOMER
    found = [customer for customer in customers if customer.legal_entity.tax_provider != by_hand]
    if not found:
        return NO_RULES
    entities = {customer.legal_entity_id for customer in found}
    registrations: dict[UUID, tuple[Registration, ...]] = {}
    for one in TaxRegistration.objects.filter(legal_entity__in=entities).order_by("starts_on", "pk"):
        is_one_stop = one.scheme == TaxRegistration.Scheme.ONE_STOP
        made = Registration(_place(one), _days(one), is_one_stop, one.number)
        registrations[one.legal_entity_id] = (*registrations.get(one.legal_entity_id, ()), made)
    rates: dict[UUID | None, tuple[Rate, ...]] = {}
    wanted = Q(legal_entity__in=entities) | Q(legal_entity=None)
    for row in TaxRate.objects.filter(wanted).order_by("starts_on", "pk"):
        is_own = row.legal_entity_id is not None
        rate = Rate(_place(row), row.tax_class, row.name, row.percent, _days(row), is_own)
        rates[row.legal_entity_id] = (*rates.get(row.legal_entity_id, ()), rate)
    exemptions: dict[UUID, tuple[Exemption, ...]] = {}
    held = TaxExemption.objects.filter(customer__in=[customer.pk for customer in found])
    for paper in held.order_by("starts_on", "pk"):
        exemption = Exemption(_place(paper), paper.certificate, _days(paper))
        exemptions[paper.customer_id] = (*exemptions.get(paper.customer_id, ()), exemption)
    return TaxRules(registrations, rates, exemptions, _classes())


def place_of(address: Address) -> Place:
    """Return where an address is, its state or province by its code."""
    country = address.country.upper()
    return Place(country, code_of(address.region, country))


def _classes() -> dict[str, str]:
    """Return the classes of products that are not taxed as standard, by name; a name that has two is taxed as standard."""
    found: dict[str, str] = {}
    for name, tax_class in Product.objects.values_list("name", "tax_class").order_by("name"):
        found[name] = tax_class if found.get(name, tax_class) == tax_class else TaxClass.STANDARD.value
    return {name: tax_class for name, tax_class in found.items() if tax_class != TaxClass.STANDARD}


def _place(row: TaxRegistration | TaxRate | TaxExemption) -> Place:
    return Place(row.country, row.region)


def _days(row: TaxRegistration | TaxRate | TaxExemption) -> Days:
    return Days(row.starts_on, row.ends_on)
