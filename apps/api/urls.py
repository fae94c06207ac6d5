"""The addresses of the API."""

from django.urls import path, re_path
from django.views.generic import RedirectView

from apps.api.corrections import Corrections
from apps.api.credit_notes import CreditNotePdf, CreditNotes, OneCreditNote
from apps.api.customers import Customers, Exemptions, OneCustomer
from apps.api.event_log import EventLog, OneEventOfLog
from apps.api.events import ValidateEvents
from apps.api.invoices import Evidence, Invoices, OneInvoice, Pdf, UsageCsv
from apps.api.preview import Preview
from apps.api.site import Reference, Schema, unknown
from apps.api.upcoming import Upcoming, UpcomingPdf
from apps.api.usage import SpendToDate, Usage

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="api_docs"), name="api"),
    path("schema/", Schema.as_view(), name="api_schema"),
    path("docs/", Reference.as_view(), name="api_docs"),
    path("v1/events", EventLog.as_view(), name="api_events"),
    path("v1/events/one", OneEventOfLog.as_view(), name="api_event"),
    path("v1/events/validate", ValidateEvents.as_view(), name="api_events_validate"),
    path("v1/corrections", Corrections.as_view(), name="api_corrections"),
    path("v1/credit-notes", CreditNotes.as_view(), name="api_credit_notes"),
    path("v1/credit-notes/<str:number>", OneCreditNote.as_view(), name="api_credit_note"),
    path("v1/credit-notes/<str:number>/pdf", CreditNotePdf.as_view(), name="api_credit_note_pdf"),
    path("v1/customers", Customers.as_view(), name="api_customers"),
    path("v1/customers/<str:key>", OneCustomer.as_view(), name="api_customer"),
    path("v1/customers/<str:key>/tax-exemptions", Exemptions.as_view(), name="api_tax_exemptions"),
    path("v1/customers/<str:key>/usage", Usage.as_view(), name="api_usage"),
    path("v1/customers/<str:key>/spend", SpendToDate.as_view(), name="api_spend"),
    path("v1/customers/<str:key>/upcoming-invoice", Upcoming.as_view(), name="api_upcoming"),
    path("v1/customers/<str:key>/upcoming-invoice/pdf", UpcomingPdf.as_view(), name="api_upcoming_pdf"),
    path("v1/invoices", Invoices.as_view(), name="api_invoices"),
    path("v1/invoices/<str:number>", OneInvoice.as_view(), name="api_invoice"),
    path("v1/invoices/<str:number>/pdf", Pdf.as_view(), name="api_invoice_pdf"),
    path("v1/invoices/<str:number>/usage.csv", UsageCsv.as_view(), name="api_invoice_usage"),
    path("v1/invoices/<str:number>/<str:kind>", Evidence.as_view(), name="api_invoice_evidence"),
    path("v1/preview", Preview.as_view(), name="api_preview"),
    re_path(r"^.*$", unknown, name="api_unknown"),
]
