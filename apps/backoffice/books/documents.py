"""The way from an entry of the journal to the document that it posts."""

from collections.abc import Callable, Mapping, Sequence
from uuid import UUID

from django.urls import reverse

from apps.credits.models import CreditBurn, CreditGrant
from apps.invoices.models import Invoice
from apps.ledger.models import Entry
from apps.payments.models import Allocation, WriteOff


def addresses(entries: Sequence[Entry]) -> dict[UUID, str]:
    """Return the address of each entry's document, or of the entry where it has none, in two queries a kind at most."""
    of_kind: dict[str, Mapping[str, str]] = {}
    for kind in {one.kind for one in entries}:
        keys = [one.source_key for one in entries if one.kind == kind]
        of_kind[kind] = _WAYS[Entry.Kind(kind)](keys) if Entry.Kind(kind) in _WAYS else {}
    return {
        one.pk: of_kind[one.kind].get(one.source_key) or reverse("backoffice:books_entry", args=[one.pk])
        for one in entries
    }


def _invoices(numbers: list[str]) -> Mapping[str, str]:
    found = Invoice.objects.filter(number__in=numbers).values_list("number", "pk")
    return {str(number): reverse("backoffice:invoice", args=[pk]) for number, pk in found}


def _allocations(keys: list[str]) -> Mapping[str, str]:
    paid = Allocation.objects.filter(pk__in=keys).values_list("pk", "invoice_id")
    return {str(pk): reverse("backoffice:invoice", args=[invoice]) for pk, invoice in paid}


def _write_offs(keys: list[str]) -> Mapping[str, str]:
    given_up = WriteOff.objects.filter(pk__in=keys).values_list("pk", "invoice_id")
    return {str(pk): reverse("backoffice:invoice", args=[invoice]) for pk, invoice in given_up}


def _payments(keys: list[str]) -> Mapping[str, str]:
    return {key: reverse("admin:payments_payment_change", args=[key]) for key in keys}


def _refunds(keys: list[str]) -> Mapping[str, str]:
    return dict.fromkeys(keys, reverse("backoffice:refunds"))


def _grants(keys: list[str]) -> Mapping[str, str]:
    grants = CreditGrant.objects.filter(key__in=keys).values_list("key", "pk")
    return {key: reverse("admin:credits_creditgrant_change", args=[pk]) for key, pk in grants}


def _burns(keys: list[str]) -> Mapping[str, str]:
    burns = dict(CreditBurn.objects.filter(pk__in=keys).values_list("pk", "source_key"))
    invoices = _invoices(list(burns.values()))
    return {str(pk): invoices.get(number, "") for pk, number in burns.items()}


_KIND = Entry.Kind
_WAYS: Mapping[Entry.Kind, Callable[[list[str]], Mapping[str, str]]] = {
    _KIND.INVOICE: _invoices,
    _KIND.CREDIT_NOTE: _invoices,
    _KIND.ALLOCATION: _allocations,
    _KIND.WRITE_OFF: _write_offs,
    _KIND.PAYMENT: _payments,
    _KIND.REFUND: _refunds,
    _KIND.GRANT: _grants,
    _KIND.EXPIRY: _grants,
    _KIND.BURN: _burns,
}
