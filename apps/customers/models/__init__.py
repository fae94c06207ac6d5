"""Who sells, who buys, who may look or write on a customer's behalf, and what tax is due between them."""

from apps.customers.models.parties import (
    KEY,
    KEY_PATTERN,
    ApiKey,
    Customer,
    CustomerAlias,
    LegalEntity,
    Membership,
    Place,
)
from apps.customers.models.taxes import TaxClass, TaxExemption, TaxRate, TaxRegistration

__all__ = [
    "KEY",
    "KEY_PATTERN",
    "ApiKey",
    "Customer",
    "CustomerAlias",
    "LegalEntity",
    "Membership",
    "Place",
    "TaxClass",
    "TaxExemption",
    "TaxRate",
    "TaxRegistration",
]
