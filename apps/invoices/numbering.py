"""Invoice numbers: gapless per legal entity, prefix and year."""

from apps.core import db
from apps.core.ids import uuid7
from apps.customers.models import LegalEntity
from apps.invoices.errors import PrefixTaken
from apps.invoices.models import NumberSeries


def next_number(*, legal_entity: LegalEntity, year: int) -> str:
    """Take the next number of the legal entity's series, such as INV-2026-000123.

    A step of finalize. The series' row stays locked until the transaction ends, and a rollback gives the number back:
    so there is no gap. Refuses a prefix that another legal entity uses in that year.
    """
    db.require_transaction()
    prefix = legal_entity.invoice_prefix
    series = _locked(prefix, year)
    if series is None:
        NumberSeries.objects.bulk_create(
            [NumberSeries(id=uuid7(), legal_entity=legal_entity, prefix=prefix, year=year)],
            ignore_conflicts=True,
        )
        series = NumberSeries.objects.select_for_update().get(prefix=prefix, year=year)
    if series.legal_entity_id != legal_entity.pk:
        raise PrefixTaken(legal_entity.name, prefix, year)
    taken = series.next_number
    series.next_number = taken + 1
    series.save(update_fields=["next_number"])
    return f"{prefix}-{year}-{taken:06d}"


def _locked(prefix: str, year: int) -> NumberSeries | None:
    return NumberSeries.objects.select_for_update().filter(prefix=prefix, year=year).first()
