"""Lists by cursor: newest first, each page from where the last one ended, whatever was added meanwhile."""

from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

from apps.api.resource import Fields

MOST = 200

Row = TypeVar("Row", bound=Model)


class PageFields(Fields):
    """Which page of a list."""

    cursor = serializers.UUIDField(required=False)
    limit = serializers.IntegerField(min_value=1, max_value=MOST, default=50)


PAGE_PARAMETERS = [
    OpenApiParameter("cursor", str, description="`next_cursor` of the page before; the first page has none."),
    OpenApiParameter("limit", int, description=f"How many at most, up to {MOST}; 50 if left out."),
]


def page(found: QuerySet[Row], fields: dict[str, Any]) -> tuple[list[Row], str | None]:
    """Return one page of rows with UUIDv7 ids, newest first, and the cursor of the next; one query."""
    if fields.get("cursor"):
        found = found.filter(pk__lt=fields["cursor"])
    rows = list(found.order_by("-pk")[: fields["limit"] + 1])
    shown = rows[: fields["limit"]]
    return shown, str(shown[-1].pk) if len(rows) > len(shown) else None
