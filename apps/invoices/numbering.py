"""Invoice numbers: gapless per legal entity, prefix and year, and the chain that they make."""

from apps.core import db
from apps.core.ids import uuid7
from apps.customers.models import LegalEntity
from apps.invoices.errors import PrefixTaken
from apps.invoices.models import Invoice, NumberSeries


def locked_series(*, legal_entity: LegalEntity, prefix: str, year: int) -> NumberSeries:
    """Return the series of a legal entity's numbers such as INV-2026-000123, locked until the transaction ends. A step.

    A new year's series begins with the hash of the last document of the year before. Refuses a prefix that another legal
    entity uses in that year.
    """
    db.require_transaction()
    series = _locked(prefix, year)
    if series is None:
        before = NumberSeries.objects.filter(legal_entity=legal_entity, prefix=prefix, year__lt=year)
        last_hash = before.order_by("-year").values_list("last_hash", flat=True).first()
        NumberSeries.objects.bulk_create(
            [
                NumberSeries(
                    id=uuid7(), legal_entity=legal_entity, prefix=prefix, year=year, last_hash=last_hash
                )
            ],
            ignore_conflicts=True,
        )
        series = NumberSeries.objects.select_for_update().get(prefix=prefix, year=year)
    if series.legal_entity_id != legal_entity.pk:
        raise PrefixTaken(legal_entity.name, prefix, year)
    return series


def prefix_of(invoice: Invoice) -> str:
    """Return the prefix of the series that a document is numbered in."""
    entity = invoice.legal_entity
    return entity.credit_note_prefix if invoice.kind == Invoice.Kind.CREDIT_NOTE else entity.invoice_prefix


def take(series: NumberSeries, invoice: Invoice) -> None:
    """Give a document the next number of a locked series, and its place in the chain.

    A step of finalize, which notes the document's own hash in the series before it takes the next, and saves it; a rollback
    gives the number back, so there is no gap.
    """
    invoice.number = f"{series.prefix}-{series.year}-{series.next_number:06d}"
    invoice.previous_hash = series.last_hash
    series.next_number += 1


def _locked(prefix: str, year: int) -> NumberSeries | None:
    return NumberSeries.objects.select_for_update().filter(prefix=prefix, year=year).first()
