"""Revenue by what it was used for: the value of a dimension, such as the model, on the lines of invoices and credit notes."""

from datetime import date
from decimal import Decimal
from uuid import UUID

from django.db.models import Case, Exists, F, OuterRef, Sum, When
from django.db.models.fields.json import KeyTextTransform

from apps.invoices.models import InvoiceLine
from apps.invoices.post import is_revenue
from apps.ledger.models import Entry


def by_dimension(
    dimension: str, *, legal_entity_id: UUID, currency: str, starts_on: date, ends_on: date
) -> dict[str, Decimal]:
    """Return what lines come to before tax by the value that they have of a dimension; "" are lines without it; one query.

    Of documents that the books have from `starts_on` up to, not with, `ends_on`: all values add up to their revenue.
    """
    posted = Entry.objects.filter(
        legal_entity=OuterRef("invoice__legal_entity"),
        kind__in=[Entry.Kind.INVOICE, Entry.Kind.CREDIT_NOTE],
        source_key=OuterRef("invoice__number"),
        posted_on__gte=starts_on,
        posted_on__lt=ends_on,
    )
    net = Case(When(invoice__tax_included=True, then=F("amount") - F("tax_amount")), default=F("amount"))
    found = (
        InvoiceLine.objects.filter(
            Exists(posted), is_revenue(), invoice__legal_entity=legal_entity_id, invoice__currency=currency
        )
        .annotate(value=KeyTextTransform(dimension, "dimensions"))
        .values_list("value")
        .annotate(sum=Sum(net))
        .order_by()
    )
    sums: dict[str, Decimal] = {}
    for value, amount in found:
        sums[value or ""] = sums.get(value or "", Decimal(0)) + amount
    return sums
