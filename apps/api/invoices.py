"""Finalized invoices, their PDFs and the usage behind them; drafts are the seller's own."""

import csv
import io
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, ClassVar

from django.http import HttpResponse, HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.api import errors
from apps.api.pagination import PAGE_PARAMETERS, PageFields, page
from apps.api.resource import Resource, checked
from apps.core.money import Money
from apps.core.periods import Period
from apps.core.spreadsheets import as_text
from apps.customers.models import ApiKey
from apps.invoices import queries
from apps.invoices.evidence import files
from apps.invoices.models import Invoice, InvoiceLine, InvoicePdf
from apps.rating.steps import written
from apps.usage.queries import UsageRow, day_rows


class InvoiceQuestion(PageFields):
    """Whose invoices, and which page of them."""

    customer = serializers.CharField(max_length=63, required=False)


class InvoiceAnswer(serializers.Serializer[Any]):
    """An invoice."""

    number = serializers.CharField()
    kind = serializers.CharField(
        help_text="`period`; `opening`: fees of the first period, billed at its start; `threshold`: usage of a period so far, "
        "billed once it came to an amount that was agreed; `one_off`: what staff wrote; `credit_purchase`: credits that are bought."
    )
    customer = serializers.CharField(source="customer.key")
    contract = serializers.CharField(source="contract.number")
    period_start_on = serializers.DateField()
    period_end_on = serializers.DateField(help_text="The first day after the period.")
    timezone = serializers.CharField()
    currency = serializers.CharField()
    subtotal = serializers.SerializerMethodField()
    tax_rate = serializers.SerializerMethodField(help_text="Percent.")
    tax_amount = serializers.SerializerMethodField()
    total = serializers.SerializerMethodField()
    issued_on = serializers.DateField()
    due_on = serializers.DateField()
    finalized_at = serializers.DateTimeField()

    def get_subtotal(self, invoice: Invoice) -> str:
        return _money(invoice.subtotal, invoice.currency)

    def get_tax_rate(self, invoice: Invoice) -> str:
        return written(invoice.tax_rate)

    def get_tax_amount(self, invoice: Invoice) -> str:
        return _money(invoice.tax_amount, invoice.currency)

    def get_total(self, invoice: Invoice) -> str:
        return _money(invoice.total, invoice.currency)


class InvoicesAnswer(serializers.Serializer[Any]):
    """A page of invoices."""

    data = InvoiceAnswer(many=True)  # type: ignore[assignment]
    next_cursor = serializers.CharField(allow_null=True)


class LineAnswer(serializers.Serializer[Any]):
    """A line of an invoice, with the steps that made its amount."""

    position = serializers.IntegerField()
    charge = serializers.CharField(
        source="charge_key",
        help_text="Empty for a discount, a true-up and what comes off since it was billed in advance.",
    )
    key = serializers.CharField(help_text="A discount's or a commitment's, else empty.")
    account = serializers.CharField(
        source="account_name", help_text="The child account that the line is for; empty: the customer."
    )
    product = serializers.CharField(source="product_name", help_text="Empty for the whole contract.")
    name = serializers.CharField()
    kind = serializers.CharField()
    dimensions = serializers.DictField(child=serializers.CharField())
    starts_on = serializers.DateField(
        allow_null=True, help_text="The first of its days, where they are not the invoice's."
    )
    ends_on = serializers.DateField(allow_null=True, help_text="The first day after them.")
    in_advance = serializers.BooleanField(help_text="Whether its days are billed before they are over.")
    quantity = serializers.SerializerMethodField()
    unit = serializers.CharField()
    price_unit = serializers.CharField(help_text="The currency, or the credit unit that it was priced in.")
    credits = serializers.SerializerMethodField()
    exact = serializers.SerializerMethodField()
    amount = serializers.SerializerMethodField()
    steps = serializers.ListField(
        child=serializers.DictField(),
        help_text="The reasons of its amount. Events priced alike are one step, and those after the first ten are summed up.",
    )

    def get_quantity(self, line: InvoiceLine) -> str:
        return written(line.quantity)

    def get_credits(self, line: InvoiceLine) -> str | None:
        return None if line.credits is None else written(line.credits)

    def get_exact(self, line: InvoiceLine) -> str:
        return written(line.exact)

    def get_amount(self, line: InvoiceLine) -> str:
        return _money(line.amount, line.invoice.currency)


class InvoiceWithLinesAnswer(InvoiceAnswer):
    """An invoice with its lines."""

    lines = LineAnswer(many=True)


class _OfInvoices(Resource):
    scopes: ClassVar[dict[str, str]] = {"GET": ApiKey.Scope.INVOICES_READ}

    def invoice(self, number: str) -> queries.InvoiceWithLines:
        """Return the finalized invoice; one of a customer that the caller may not see is not there."""
        found = queries.with_lines(number=number, customer_id=self.caller.customer_id)
        if found is None or found.invoice.kind == Invoice.Kind.CREDIT_NOTE:
            raise errors.NotFound(f"There is no invoice {number[:40]!r}.")
        return found


class Invoices(_OfInvoices):
    """All finalized invoices that the key may see."""

    @extend_schema(
        operation_id="list_invoices",
        summary="List invoices",
        parameters=[OpenApiParameter("customer", str, description="A customer's key."), *PAGE_PARAMETERS],
        responses=InvoicesAnswer,
    )
    def get(self, request: Request) -> Response:
        asked = checked(InvoiceQuestion, request.query_params.dict())
        customer_id = self.caller.customer_id
        if asked.get("customer"):
            customer_id = self.customer(asked["customer"]).pk
        found = queries.invoices(
            customer_ids=None if customer_id is None else [customer_id], statuses=[Invoice.Status.FINALIZED]
        )
        rows, next_cursor = page(found, asked)
        return Response({"data": InvoiceAnswer(rows, many=True).data, "next_cursor": next_cursor})


class OneInvoice(_OfInvoices):
    """One finalized invoice."""

    @extend_schema(operation_id="get_invoice", summary="Read an invoice", responses=InvoiceWithLinesAnswer)
    def get(self, request: Request, number: str) -> Response:
        found = self.invoice(number)
        body = {**InvoiceAnswer(found.invoice).data, "lines": LineAnswer(found.lines, many=True).data}
        return Response(body)


class Pdf(_OfInvoices):
    """An invoice's document."""

    @extend_schema(
        operation_id="get_invoice_pdf",
        summary="Fetch an invoice's PDF",
        description="The same bytes for ever, with their SHA-256 as ETag.",
        responses={(200, "application/pdf"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, number: str) -> HttpResponse:
        return document_answer(request, self.invoice(number).invoice)


class UsageCsv(_OfInvoices):
    """The daily totals behind an invoice."""

    @extend_schema(
        operation_id="get_invoice_usage",
        summary="Fetch the usage behind an invoice",
        description="The daily totals of its period, one row per day, meter and dimension values, as CSV. They are those of now: "
        "usage that came late, or was voided, is in them, which a later invoice adjusts. `events.csv` tells what is on this one.",
        responses={(200, "text/csv"): OpenApiTypes.STR},
    )
    def get(self, request: Request, number: str) -> HttpResponse:
        invoice = self.invoice(number).invoice
        period = Period(invoice.period_start_on, invoice.period_end_on, invoice.timezone)
        return HttpResponse(
            _csv(day_rows(contract=invoice.contract, period=period)),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{invoice.number}-daily.csv"'},
        )


class Evidence(_OfInvoices):
    """The events behind an invoice's lines, or its proof."""

    @extend_schema(
        operation_id="get_invoice_evidence",
        summary="Fetch what an invoice is checked with",
        description="`events.csv` or `events.parquet`: a row for each event behind each line. `proof.json`: all that the "
        "invoice's hash is over; docs/concepts/proof.md tells how it is checked.",
        parameters=[OpenApiParameter("kind", str, OpenApiParameter.PATH, enum=files.KINDS)],
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, number: str, kind: str) -> HttpResponseBase:
        invoice = self.invoice(number).invoice
        if kind not in files.KINDS:
            raise errors.NotFound(f"An invoice has no {kind[:40]!r}. There are {', '.join(files.KINDS)}.")
        return files.download(invoice, kind)


def document_answer(request: Request, invoice: Invoice) -> HttpResponse:
    """Answer with the document of an invoice or credit note, or that the caller has it already."""
    document = InvoicePdf.objects.filter(invoice=invoice).first()
    if document is None:
        raise errors.NotRendered(str(invoice.number))
    etag = f'"{bytes(document.sha256).hex()}"'
    if request.headers.get("If-None-Match") == etag:
        return HttpResponse(status=304, headers={"ETag": etag})
    return HttpResponse(
        bytes(document.content),
        content_type="application/pdf",
        headers={"ETag": etag, "Content-Disposition": f'inline; filename="{invoice.number}.pdf"'},
    )


def _money(amount: Decimal, currency: str) -> str:
    return f"{Money(amount, currency).rounded().amount:f}"


def _csv(rows: Iterable[UsageRow]) -> str:
    found = list(rows)
    names = sorted({name for row in found for name in row.dimensions})
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(
        [as_text(name) for name in ("day", "meter", "name", "unit", *names, "quantity", "events")]
    )
    for row in found:
        values = [row.dimensions.get(name, "") for name in names]
        shown = [as_text(value) for value in (row.meter_key, row.meter_name, row.unit, *values)]
        writer.writerow([row.day, *shown, written(row.quantity), row.events])
    return text.getvalue()
