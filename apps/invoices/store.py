"""Writing composed invoices: the rows of many in a few statements; what stands already as it is to be is left alone."""

from collections.abc import Collection, Iterable, Sequence
from operator import attrgetter
from typing import TypeVar
from uuid import UUID

from apps.core import db
from apps.credits import reserve
from apps.invoices.compose import FILLED, Composed
from apps.invoices.models import Invoice, InvoiceLine, InvoiceTax

_Part = TypeVar("_Part", InvoiceLine, InvoiceTax)


def write(composed: Sequence[Composed]) -> None:
    """Write the invoices as drafts, with lines, taxes and reserved credits. A step."""
    db.require_transaction()
    Invoice.objects.bulk_create([one.invoice for one in composed if one.is_new])
    changed = [one.invoice for one in composed if one.is_changed and not one.is_new]
    db.update_rows(changed, FILLED)
    again = {one.invoice.pk for one in composed if not one.is_new}
    _replace(InvoiceLine, [(one.invoice.pk, one.lines) for one in composed], again)
    _replace(InvoiceTax, [(one.invoice.pk, one.taxes) for one in composed], again)
    for one in composed:
        if one.reserves:
            reserve.reserve(source_key=str(one.invoice.pk), used=one.credits_used)


def _replace(
    model: type[_Part], wanted: Iterable[tuple[UUID, Sequence[_Part]]], again: Collection[UUID]
) -> None:
    """Write the parts of invoices, in place of what `again` have of them, where that is not the same."""
    names = [one.attname for one in model._meta.concrete_fields if not one.primary_key]
    stored: dict[UUID, list[tuple[UUID, tuple[object, ...]]]] = {}
    if again:
        found = model.objects.filter(invoice__in=again).order_by("invoice", "position")
        for invoice_id, key, *values in found.values_list("invoice_id", "pk", *names):
            stored.setdefault(invoice_id, []).append((key, tuple(values)))
    differing = [(key, parts) for key, parts in wanted if not _are_same(parts, stored.get(key, ()), names)]
    if stale := [key for key, _ in differing if key in stored]:
        model.objects.filter(invoice__in=stale).delete()
    model.objects.bulk_create([part for _, parts in differing for part in parts])


def _are_same(
    wanted: Sequence[_Part], stored: Sequence[tuple[UUID, tuple[object, ...]]], names: Sequence[str]
) -> bool:
    """Tell whether the rows say the same; where they do, the wanted ones are those that are stored."""
    values_of = attrgetter(*names)
    if [values_of(one) for one in wanted] != [values for _, values in stored]:
        return False
    for one, (key, _) in zip(wanted, stored, strict=True):
        one.pk = key
    return True
