"""Making a finalized invoice's document, and mailing it."""

import hashlib
from datetime import datetime
from uuid import UUID

from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.template.loader import render_to_string

from apps.core import audit, outbox
from apps.invoices import pdf
from apps.invoices.document import Document, document_of
from apps.invoices.errors import NotFinalized
from apps.invoices.models import Invoice, InvoiceMail, InvoicePdf


def render_pdf(*, invoice_id: UUID, at: datetime, actor: str) -> InvoicePdf:
    """Render a finalized invoice and keep the document with its hash, once; asked again, return the one there is.

    The invoice cannot change any more, so it is rendered before the transaction that keeps it. Refuses a draft.
    """
    kept = InvoicePdf.objects.filter(pk=invoice_id).first()
    if kept:
        return kept
    invoice = _finalized(invoice_id)
    rendered = pdf.render(_document(invoice), identifier=_identifier(invoice))
    return _keep(invoice=invoice, rendered=rendered, at=at, actor=actor)


def preview_pdf(*, invoice_id: UUID) -> bytes:
    """Return how a draft would look as a document, marked as a draft; nothing is kept."""
    invoice = Invoice.objects.get(pk=invoice_id)
    return pdf.render(_document(invoice), identifier=invoice.pk.bytes).content


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
    mail, is_new = InvoiceMail.objects.get_or_create(
        invoice=invoice, defaults={"recipient": recipient, "sent_at": at}
    )
    if is_new:
        _message(invoice, recipient).send()
        audit.record(
            at=at,
            actor=actor,
            action="invoices.send",
            subject_type="invoice",
            subject_key=str(invoice.number),
            after={"recipient": recipient},
        )
    return mail


@transaction.atomic(durable=True)
def _keep(*, invoice: Invoice, rendered: pdf.Rendered, at: datetime, actor: str) -> InvoicePdf:
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


def _finalized(invoice_id: UUID) -> Invoice:
    invoice = Invoice.objects.select_related("customer").get(pk=invoice_id)
    if invoice.status != Invoice.Status.FINALIZED:
        raise NotFinalized(invoice.customer.name)
    return invoice


def _document(invoice: Invoice) -> Document:
    return document_of(invoice, list(invoice.lines.all()))


def _identifier(invoice: Invoice) -> bytes:
    return bytes(invoice.snapshot_hash or b"")[:16]


def _message(invoice: Invoice, recipient: str) -> EmailMultiAlternatives:
    document = _document(invoice)
    words, figures = document.figures.words, document.figures
    facts = {
        "number": document.number,
        "seller": document.seller.name,
        "period": figures.period(invoice.period_start_on, invoice.period_end_on),
        "amount": figures.total(invoice.total),
        "day": figures.day(invoice.due_on) if invoice.due_on else "",
    }
    text = words.mail_text if invoice.total else words.mail_nothing_due
    context = {"document": document, "words": words, "text": text.format(**facts)}
    message = EmailMultiAlternatives(
        subject=" ".join(words.mail_subject.format(**facts).split()),
        body=render_to_string("emails/invoice.txt", context),
        to=[recipient],
        reply_to=[email] if (email := invoice.snapshot["seller"]["email"]) else None,
        # The same invoice is the same message, should it ever be handed over twice.
        headers={"Message-ID": f"<invoice-{invoice.pk}@meterbook>"},
    )
    message.attach_alternative(render_to_string("emails/invoice.html", context), "text/html")
    message.attach(f"{invoice.number}.pdf", bytes(invoice.pdf.content), "application/pdf")
    return message
