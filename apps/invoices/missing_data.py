"""What a customer's record lacks for an invoice to be a proper one: an address, and a tax number where no tax is charged."""

from apps.customers.models import Customer

# Member states of the European Union, where a sale without VAT to another member state needs the buyer's VAT number
# (Council Directive 2006/112/EC, articles 138 and 226).
EUROPEAN_UNION = (
    *("AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU"),
    *("IE", "IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK"),
)
# The same question in SQL, of a customer `c` sold to by a legal entity `e`; the parameter is the list above, twice.
MISSING_SQL = """
    (c.address = '' OR c.city = '' OR c.country = ''
     OR c.tax_number = '' AND c.tax_rate = 0 AND c.country <> e.country
        AND c.country = ANY(%(union)s) AND e.country = ANY(%(union)s))
"""


def missing(customer: Customer) -> tuple[str, ...]:
    """Return what is missing, in words; takes no query with the legal entity at hand."""
    lacking = [
        name
        for name, value in (
            ("street address", customer.address),
            ("city", customer.city),
            ("country", customer.country),
        )
        if not value
    ]
    places = {customer.country, customer.legal_entity.country}
    is_within_union = len(places) == 2 and places <= set(EUROPEAN_UNION)
    if is_within_union and not customer.tax_rate and not customer.tax_number:
        lacking.append("VAT number")
    return tuple(lacking)
