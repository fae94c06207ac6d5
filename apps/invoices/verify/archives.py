"""The archived months that a proof of an invoice is made from."""

from apps.contracts.terms import terms_in
from apps.core.periods import Period
from apps.invoices.models import Invoice
from apps.invoices.verify.priced import contracts_on
from apps.plans.models import Meter
from apps.usage.archived import in_period, months_out


def needed_of(invoice: Invoice) -> list[str]:
    """Return which months that are out of the database an invoice's totals are counted anew from.

    They are those that its days lie in; of levels and outcomes, which run on, they are all that are out.
    """
    out = months_out()
    if not out:
        return []
    period = Period(invoice.period_start_on, invoice.period_end_on, invoice.timezone)
    covered = [(one, period.overlap(one.starts_on, one.ends_on)) for one in contracts_on(invoice)]
    charges = [planned for one, days in covered if days for planned in terms_in(one, days).charges]
    if any(one.is_level or one.aggregation == Meter.Aggregation.OUTCOMES for one in charges):
        return out
    return in_period(out, period)
