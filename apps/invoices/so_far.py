"""What a running period was used so far, priced as it will be on its invoice, without what is only due at its end."""

from apps.contracts.models import Contract
from apps.core.periods import Period
from apps.invoices import billing
from apps.invoices.billing import Priced
from apps.invoices.narrowed import narrowed
from apps.rating.lines import LineKind
from apps.rating.terms import ChargeKind

# A minimum, a true-up and a fee are of the whole period.
COUNTED = frozenset({LineKind.USAGE, LineKind.OVERAGE, LineKind.MAXIMUM, LineKind.DISCOUNT})


def used_so_far(contract: Contract, period: Period) -> Priced:
    """Price the usage of a contract's period as it is counted now; what credits cover is among its grants."""
    terms = billing.terms_of(contract, period)
    keys = {one.charge.key for one in terms.charges if one.charge.kind is ChargeKind.USAGE}
    return billing.price_alone(contract, narrowed(terms, keys))
