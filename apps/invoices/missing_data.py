"""What a customer's record lacks for an invoice to be a proper one: an address, and what decides on its tax."""

from datetime import date

from apps.customers.models import Customer, LegalEntity
from apps.customers.tax_numbers import EU
from apps.invoices import taxes

# By what `taxes.missing` calls it. Without a rate there is no draft: it is parked.
_OF_TAX = {"country": "country", "region": "state or province", "tax_number": "VAT number"}
EUROPEAN_UNION = sorted(EU)
# The same question in SQL, of a draft `i` of a customer `c` by a legal entity `e`; the parameter is the list above. It takes what a
# form has let in as valid, and a state or province as known.
MISSING_SQL = """
    (c.address = '' OR c.city = '' OR c.country = ''
     OR e.tax_provider = 'customer' AND c.tax_number = '' AND c.tax_rate = 0 AND c.country <> e.country
        AND c.country = ANY(%(union)s) AND e.country = ANY(%(union)s)
     OR e.tax_provider = 'built_in' AND (
         c.tax_number = '' AND c.buys_as = 'business' AND c.country <> e.country AND c.country = ANY(%(union)s)
         AND EXISTS (
             SELECT FROM customers_taxregistration r WHERE r.legal_entity_id = e.id
               AND r.starts_on <= t.supplied_on AND (r.ends_on IS NULL OR r.ends_on > t.supplied_on)
         )
         OR c.region = '' AND c.country IN ('CA', 'US') AND EXISTS (
             SELECT FROM customers_taxregistration r WHERE r.legal_entity_id = e.id
               AND r.starts_on <= t.supplied_on AND (r.ends_on IS NULL OR r.ends_on > t.supplied_on)
         ) AND EXISTS (
             SELECT FROM customers_taxregistration r
             WHERE r.legal_entity_id = e.id AND r.country = c.country AND r.region <> ''
         )
     ))
"""
# The day that decides on tax, see `taxes.tax_day`; to be joined as `t`.
SUPPLIED_SQL = (
    "(SELECT CASE WHEN i.kind = 'opening' THEN i.period_start_on ELSE i.period_end_on - 1 END AS supplied_on)"
)


def missing(customer: Customer, on: date) -> tuple[str, ...]:
    """Return what is missing on the day that decides on tax, in words; no query where tax is given by hand."""
    lacking = [
        name
        for name, value in (
            ("street address", customer.address),
            ("city", customer.city),
            ("country", customer.country),
        )
        if not value
    ]
    if customer.legal_entity.tax_provider == LegalEntity.TaxProvider.CUSTOMER:
        of_tax = ["VAT number"] if _lacks_number(customer) else []
    else:
        of_tax = [_OF_TAX[what] for what in taxes.missing(customer, on) if what in _OF_TAX]
    return (*lacking, *(what for what in of_tax if what not in lacking))


def _lacks_number(customer: Customer) -> bool:
    """Tell whether a sale without VAT to another member state lacks the buyer's number.

    Council Directive 2006/112/EC, articles 138 and 226.
    """
    places = {customer.country, customer.legal_entity.country}
    return len(places) == 2 and places <= EU and not customer.tax_rate and not customer.tax_number
