"""The mail that brings an invoice or a credit note: in the customer's language, with the PDF and the way to pay."""

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse

from apps.invoices.document import Document, document_of
from apps.invoices.models import ElectronicInvoice, Invoice


def message_of(invoice: Invoice, recipient: str) -> EmailMultiAlternatives:
    """Return the message of a rendered invoice; the same invoice is the same message, should it be handed over twice."""
    document = document_of(invoice, list(invoice.lines.all()))
    subject, text = _said(invoice, document)
    context = {
        "document": document,
        "words": document.figures.words,
        "text": text,
        "link": _link(invoice),
        "is_payable": invoice.total > 0,
    }
    message = EmailMultiAlternatives(
        subject=" ".join(subject.split()),
        body=render_to_string("emails/invoice.txt", context),
        to=[recipient],
        reply_to=[email] if (email := invoice.snapshot["seller"]["email"]) else None,
        headers={"Message-ID": f"<invoice-{invoice.pk}@meterbook>"},
    )
    message.attach_alternative(render_to_string("emails/invoice.html", context), "text/html")
    message.attach(f"{invoice.number}.pdf", bytes(invoice.pdf.content), "application/pdf")
    for electronic in invoice.electronic.filter(format=ElectronicInvoice.Format.UBL):
        message.attach(f"{invoice.number}.xml", bytes(electronic.content), "application/xml")
    return message


def _said(invoice: Invoice, document: Document) -> tuple[str, str]:
    """Return subject and text."""
    words, figures = document.figures.words, document.figures
    facts = {
        "number": document.number,
        "seller": document.seller.name,
        "period": document.period,
        "amount": document.total,
        "day": figures.day(invoice.due_on) if invoice.due_on else "",
        "corrects": invoice.credits.number if invoice.credits else "",
    }
    if document.is_credit_note:
        return words.mail_credit_subject.format(**facts), words.mail_credit_text.format(**facts)
    text = words.mail_text if invoice.total > 0 else words.mail_nothing_due
    return words.mail_subject.format(**facts), text.format(**facts)


def _link(invoice: Invoice) -> str:
    """Return the address of the invoice's page; none for a credit note, or while the site does not know its own address."""
    if not settings.SITE_URL or invoice.kind == Invoice.Kind.CREDIT_NOTE:
        return ""
    return f"{settings.SITE_URL}{reverse('portal:any_invoice', args=[invoice.number])}"
