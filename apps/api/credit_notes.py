"""Credit notes: listed, read, fetched as PDF, and issued."""

from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.api import errors
from apps.api.invoices import InvoiceAnswer, InvoiceQuestion, LineAnswer, document_answer
from apps.api.pagination import PAGE_PARAMETERS, page
from apps.api.resource import Fields, Resource, checked
from apps.core import clock
from apps.customers.models import ApiKey
from apps.invoices import queries
from apps.invoices.credit_notes import Ask, Terms
from apps.invoices.models import Invoice
from apps.payments.credit import credit


class CreditedLine(Fields):
    """A line of the invoice by its position, and how much of it to give back, without tax."""

    position = serializers.IntegerField(min_value=1)
    amount = serializers.DecimalField(max_digits=24, decimal_places=4, min_value=Decimal(0))


class CreditNoteBody(Fields):
    """Which invoice to credit: by `lines` or by `amount`, else all that is left of it."""

    invoice = serializers.CharField(max_length=40, help_text="Its number.")
    because = serializers.ChoiceField(
        choices=Invoice.Because.choices,
        help_text="`correction` counts as given back when the period is priced again; `goodwill` does not.",
    )
    remainder = serializers.ChoiceField(
        choices=Invoice.Remainder.choices,
        default=Invoice.Remainder.BALANCE,
        help_text="What becomes of what is not open of the invoice.",
    )
    reason = serializers.CharField(max_length=500, help_text="It is printed.")
    lines = CreditedLine(many=True, required=False, default=list)
    amount = serializers.DecimalField(
        max_digits=24, decimal_places=4, min_value=Decimal(0), required=False, help_text="With tax."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["lines"] and "amount" in attrs:
            raise serializers.ValidationError(
                {"amount": "Give `lines` or an `amount`: one of the two, or none."}
            )
        positions = [line["position"] for line in attrs["lines"]]
        if len(set(positions)) < len(positions):
            raise serializers.ValidationError({"lines": "Name each line once."})
        return attrs


class CreditNoteAnswer(InvoiceAnswer):
    """A credit note; its amounts are below zero."""

    invoice = serializers.CharField(source="credits.number", help_text="The invoice that it credits.")
    because = serializers.CharField()
    remainder = serializers.CharField()
    reason = serializers.CharField()


class CreditNotesAnswer(serializers.Serializer[Any]):
    """A page of credit notes."""

    data = CreditNoteAnswer(many=True)  # type: ignore[assignment]
    next_cursor = serializers.CharField(allow_null=True)


class CreditNoteWithLinesAnswer(CreditNoteAnswer):
    """A credit note with its lines."""

    lines = LineAnswer(many=True)


class _OfCreditNotes(Resource):
    scopes: ClassVar[dict[str, str]] = {"GET": ApiKey.Scope.INVOICES_READ}

    def note(self, number: str) -> Invoice:
        """Return the credit note; one of a customer that the caller may not see is not there."""
        only = None if self.caller.customer_id is None else [self.caller.customer_id]
        found = queries.credit_notes(customer_ids=only).filter(number=number).first()
        if found is None:
            raise errors.NotFound(f"There is no credit note {number[:40]!r}.")
        return found


class CreditNotes(_OfCreditNotes):
    """All credit notes that the key may see."""

    scopes: ClassVar[dict[str, str]] = {
        "GET": ApiKey.Scope.INVOICES_READ,
        "POST": ApiKey.Scope.INVOICES_WRITE,
    }

    @extend_schema(
        operation_id="list_credit_notes",
        summary="List credit notes",
        parameters=[OpenApiParameter("customer", str, description="A customer's key."), *PAGE_PARAMETERS],
        responses=CreditNotesAnswer,
    )
    def get(self, request: Request) -> Response:
        asked = checked(InvoiceQuestion, request.query_params.dict())
        customer_id = self.caller.customer_id
        if asked.get("customer"):
            customer_id = self.customer(asked["customer"]).pk
        found = queries.credit_notes(customer_ids=None if customer_id is None else [customer_id])
        rows, next_cursor = page(found, asked)
        return Response({"data": CreditNoteAnswer(rows, many=True).data, "next_cursor": next_cursor})

    @extend_schema(
        operation_id="create_credit_note",
        summary="Credit an invoice",
        description=(
            "Issues a credit note at once: it pays what is open of its invoice first. Send an `Idempotency-Key` of your own "
            "with each: asked again under the same one, the credit note that there is comes back. A key that is confined to "
            "one customer cannot credit."
        ),
        parameters=[OpenApiParameter("Idempotency-Key", str, OpenApiParameter.HEADER, required=True)],
        request=CreditNoteBody,
        responses={201: CreditNoteWithLinesAnswer},
    )
    def post(self, request: Request) -> Response:
        if self.caller.customer_id is not None:
            raise errors.ConfinedKey("credit invoices")
        asked = checked(CreditNoteBody, request.data)
        key = request.headers.get("Idempotency-Key", "").strip()
        if not key or len(key) > 200:
            raise errors.NoIdempotencyKey
        found = queries.with_lines(number=asked["invoice"])
        if found is None or found.invoice.kind == Invoice.Kind.CREDIT_NOTE:
            raise errors.NotFound(f"There is no invoice {asked['invoice']!r}.")
        note = credit(
            invoice_id=found.invoice.pk,
            ask=Ask(_lines(found, asked["lines"]), asked.get("amount")),
            terms=Terms(
                Invoice.Because(asked["because"]),
                Invoice.Remainder(asked["remainder"]),
                asked["reason"],
                f"api {key}",
            ),
            at=clock.now(),
            actor=self.caller.actor,
        )
        return Response(_with_lines(note), status=201)


class OneCreditNote(_OfCreditNotes):
    """One credit note."""

    @extend_schema(
        operation_id="get_credit_note", summary="Read a credit note", responses=CreditNoteWithLinesAnswer
    )
    def get(self, request: Request, number: str) -> Response:
        return Response(_with_lines(self.note(number)))


class CreditNotePdf(_OfCreditNotes):
    """A credit note's document."""

    @extend_schema(
        operation_id="get_credit_note_pdf",
        summary="Fetch a credit note's PDF",
        description="The same bytes for ever, with their SHA-256 as ETag.",
        responses={(200, "application/pdf"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, number: str) -> HttpResponse:
        return document_answer(request, self.note(number))


def _with_lines(note: Invoice) -> dict[str, Any]:
    lines = note.lines.select_related("invoice")
    return {**CreditNoteAnswer(note).data, "lines": LineAnswer(lines, many=True).data}


def _lines(found: queries.InvoiceWithLines, asked: list[dict[str, Any]]) -> dict[UUID, Decimal]:
    by_position = {line.position: line.pk for line in found.lines}
    if unknown := [line["position"] for line in asked if line["position"] not in by_position]:
        raise errors.NotFound(f"Invoice {found.invoice.number} has no line {unknown[0]}.")
    return {by_position[line["position"]]: line["amount"] for line in asked}
