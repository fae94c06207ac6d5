"""Finding documents that the journal does not have."""

from collections.abc import Iterator
from typing import Any

from django.db.models import CharField, Exists, OuterRef, QuerySet, Value
from django.db.models.functions import Cast, Concat

from apps.ledger.models import Entry

_AT_ONCE = 500
# What is paid back is an entry of its own of the refund.
PAID = Concat(Cast("pk", CharField()), Value(":paid"))


def without_entry(found: QuerySet[Any], *kinds: Entry.Kind, key: Any = "pk") -> Iterator[Any]:
    """Yield the documents that no entry of these kinds is of, in any books."""
    named = Cast(key, CharField())
    entries = Entry.objects.filter(kind__in=kinds, source_key=OuterRef("entry_key"))
    missing = found.annotate(entry_key=named).filter(~Exists(entries)).order_by("pk")
    return iter(missing.iterator(_AT_ONCE))
