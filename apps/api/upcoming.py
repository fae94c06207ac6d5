"""GET /customers/{key}/upcoming-invoice: the invoice of a running period as it would be now, as JSON and as a pro forma PDF."""

from typing import Any, ClassVar

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.api import errors
from apps.api.invoices import InvoiceAnswer, LineAnswer
from apps.api.resource import Resource, checked
from apps.contracts import queries as contracts
from apps.contracts.models import Contract
from apps.core import clock
from apps.core.periods import local_day
from apps.customers.models import ApiKey
from apps.invoices.preview import Previewed, preview

_CONTRACT = OpenApiParameter(
    "contract", str, description="A contract's number; without it the one that runs today."
)


class UpcomingQuestion(serializers.Serializer[Any]):
    """Of which contract."""

    contract = serializers.CharField(max_length=40, required=False)


class UpcomingAnswer(InvoiceAnswer):
    """The invoice as it would be: it has no number and no day, and is marked as a preview."""

    number = serializers.CharField(allow_null=True, help_text="Null: it is not an invoice yet.")
    issued_on = serializers.DateField(allow_null=True)
    due_on = serializers.DateField(allow_null=True)
    finalized_at = serializers.DateTimeField(allow_null=True)
    is_preview = serializers.BooleanField(help_text="True.")
    as_of = serializers.DateTimeField(help_text="Usage counted by then is in it.")
    lines = LineAnswer(many=True)


class _OfUpcoming(Resource):
    scopes: ClassVar[dict[str, str]] = {"GET": ApiKey.Scope.INVOICES_READ}

    def preview(self, request: Request, key: str) -> Previewed:
        """Return the invoice so far of the customer's running contract."""
        return preview(self._contract(request, key), at=clock.now())

    def _contract(self, request: Request, key: str) -> Contract:
        asked = checked(UpcomingQuestion, request.query_params.dict())
        customer, at = self.customer(key), clock.now()
        live = contracts.live(customer_ids=[customer.pk]).select_related("customer__legal_entity")
        if number := asked.get("contract"):
            if named := live.filter(number=number).first():
                return named
            raise errors.NotFound(f"Customer {customer.key} has no signed contract {number!r}.")
        for one in live.order_by("-starts_on"):
            if one.covers(local_day(at, one.timezone)):
                return one
        raise errors.NoRunningContract(customer.key)


class Upcoming(_OfUpcoming):
    """What a customer would be invoiced if its running period ended now."""

    @extend_schema(
        operation_id="get_upcoming_invoice",
        summary="Read the invoice so far",
        description="The invoice of the running period as it would be if it ended now: usage counted so far, fees of the whole "
        "period, tax, and what was billed of it already taken off. Nothing is written, and nothing is due.",
        parameters=[_CONTRACT],
        responses=UpcomingAnswer,
    )
    def get(self, request: Request, key: str) -> Response:
        found = self.preview(request, key)
        return Response(
            {
                **InvoiceAnswer(found.invoice).data,
                "is_preview": True,
                "as_of": found.invoice.drafted_at,
                "lines": LineAnswer(found.lines, many=True).data,
            }
        )


class UpcomingPdf(_OfUpcoming):
    """The same as a document."""

    @extend_schema(
        operation_id="get_upcoming_invoice_pdf",
        summary="Fetch the invoice so far as a pro forma PDF",
        parameters=[_CONTRACT],
        responses={(200, "application/pdf"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, key: str) -> HttpResponse:
        return HttpResponse(
            self.preview(request, key).pdf(),
            content_type="application/pdf",
            headers={"Content-Disposition": 'inline; filename="pro-forma.pdf"'},
        )
