"""Making a finalized invoice's document, and mailing it."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction

from apps.core import audit, outbox
from apps.customers.models import Customer
from apps.invoices import mail, pdf
from apps.invoices.document import document_of
from apps.invoices.einvoice import embed
from apps.invoices.einvoice.errors import EInvoiceIncomplete
from apps.invoices.einvoice.write import written
from apps.invoices.errors import NotFinalized
from apps.invoices.models import ElectronicInvoice, Invoice, InvoiceLine, InvoiceMail, InvoicePdf


def render_pdf(*, invoice_id: UUID, at: datetime, actor: str) -> InvoicePdf:
    """Render a finalized invoice and keep the document with its hash, once; asked again, return the one there is.

    The invoice cannot change any more, so it is rendered before the transaction that keeps it. With it goes the electronic form
    that the customer chose, in the PDF or beside it; where something is missing for that, the trail says what, and the PDF goes
    without it. Refuses a draft.
    """
    kept = InvoicePdf.objects.filter(pk=invoice_id).first()
    if kept:
        return kept
    invoice = _finalized(invoice_id)
    lines = list(invoice.lines.all())
    document, electronic = document_of(invoice, lines), _electronic(invoice, lines, at=at, actor=actor)
    rendered = (
        pdf.render(
            document,
            identifier=_identifier(invoice),
            variant="pdf/a-3b",
            attached=[embed.attached(bytes(electronic.content))],
            metadata=[embed.metadata()],
        )
        if electronic and electronic.format == ElectronicInvoice.Format.FACTURX
        else pdf.render(document, identifier=_identifier(invoice))
    )
    return _keep(invoice=invoice, rendered=rendered, electronic=electronic, at=at, actor=actor)


def preview_pdf(*, invoice_id: UUID, is_pro_forma: bool = False) -> bytes:
    """Return how a draft would look as a document, marked as a draft or as a pro forma invoice; nothing is kept."""
    invoice = Invoice.objects.get(pk=invoice_id)
    document = document_of(invoice, list(invoice.lines.all()), is_pro_forma=is_pro_forma)
    return pdf.render(document, identifier=invoice.pk.bytes).content


@transaction.atomic(durable=True)
def send(*, invoice_id: UUID, at: datetime, actor: str) -> InvoiceMail | None:
    """Mail the document to the customer's billing address, once; return None for a customer without one.

    The row that says so is written first and kept only if the mail was handed over, so of two senders at once one
    waits and then finds it sent. Refuses a draft; a document that is not rendered yet is an error, and is tried again.
    """
    invoice = _finalized(invoice_id)
    recipient = invoice.customer.billing_email
    if not recipient:
        return None
    sent, is_new = InvoiceMail.objects.get_or_create(
        invoice=invoice, defaults={"recipient": recipient, "sent_at": at}
    )
    if is_new:
        mail.message_of(invoice, recipient).send()
        audit.record(
            at=at,
            actor=actor,
            action="invoices.send",
            subject_type="invoice",
            subject_key=str(invoice.number),
            after={"recipient": recipient},
        )
    return sent


@transaction.atomic(durable=True)
def _keep(
    *,
    invoice: Invoice,
    rendered: pdf.Rendered,
    electronic: ElectronicInvoice | None,
    at: datetime,
    actor: str,
) -> InvoicePdf:
    kept, is_new = InvoicePdf.objects.get_or_create(
        invoice=invoice,
        defaults={
            "content": rendered.content,
            "sha256": hashlib.sha256(rendered.content).digest(),
            "pages": rendered.pages,
            "rendered_at": at,
        },
    )
    if is_new:
        if electronic:
            electronic.save(force_insert=True)
        audit.record(
            at=at,
            actor=actor,
            action="invoices.render_pdf",
            subject_type="invoice",
            subject_key=str(invoice.number),
            after={"sha256": kept.sha256.hex(), "pages": kept.pages},
        )
    outbox.enqueue(task="invoices.send", key=str(invoice.pk), at=at, invoice_id=str(invoice.pk))
    return kept


def _electronic(
    invoice: Invoice, lines: Sequence[InvoiceLine], *, at: datetime, actor: str
) -> ElectronicInvoice | None:
    """Return the electronic form that the customer had chosen; None without one, or where something is missing for it."""
    form = invoice.snapshot["customer"].get("einvoice", Customer.EInvoice.NONE)
    if form == Customer.EInvoice.NONE:
        return None
    try:
        content = written(form, invoice, lines, list(invoice.taxes.all()))
    except EInvoiceIncomplete as refusal:
        _note_incomplete(invoice, str(refusal), at=at, actor=actor)
        return None
    sha256 = hashlib.sha256(content).digest()
    return ElectronicInvoice(invoice=invoice, format=form, content=content, sha256=sha256, made_at=at)


@transaction.atomic(durable=True)
def _note_incomplete(invoice: Invoice, reason: str, *, at: datetime, actor: str) -> None:
    audit.record(
        at=at,
        actor=actor,
        action="invoices.einvoice_incomplete",
        subject_type="invoice",
        subject_key=str(invoice.number),
        reason=reason,
    )


def _finalized(invoice_id: UUID) -> Invoice:
    invoice = Invoice.objects.select_related("customer", "credits").get(pk=invoice_id)
    if invoice.status != Invoice.Status.FINALIZED:
        raise NotFinalized(invoice.customer.name)
    return invoice


def _identifier(invoice: Invoice) -> bytes:
    return bytes(invoice.snapshot_hash or b"")[:16]
