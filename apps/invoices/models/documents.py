"""What is made of a finalized invoice: its PDF, its electronic form, and that it was mailed."""

from django.db import models

from apps.core.append_only import append_only
from apps.core.ids import uuid7
from apps.invoices.models.invoice import Invoice


@append_only
class InvoicePdf(models.Model):
    """The rendered document of a finalized invoice, kept with its hash; rendered once."""

    invoice = models.OneToOneField(Invoice, models.PROTECT, primary_key=True, related_name="pdf")
    content = models.BinaryField()
    sha256 = models.BinaryField(max_length=32)
    pages = models.PositiveSmallIntegerField()
    rendered_at = models.DateTimeField()

    class Meta:
        verbose_name = "invoice PDF"


@append_only
class ElectronicInvoice(models.Model):
    """The electronic form of a finalized invoice, kept with its hash; made once."""

    class Format(models.TextChoices):
        FACTURX = "facturx", "Factur-X / ZUGFeRD"
        UBL = "ubl", "UBL (Peppol BIS 3)"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    invoice = models.ForeignKey(Invoice, models.PROTECT, related_name="electronic")
    format = models.CharField(max_length=7, choices=Format.choices)
    content = models.BinaryField()
    sha256 = models.BinaryField(max_length=32)
    made_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["invoice", "format"], name="one_electronic_invoice_a_format")
        ]

    def __str__(self) -> str:
        return f"{self.invoice} as {self.get_format_display()}"


@append_only
class InvoiceMail(models.Model):
    """That an invoice was mailed, to whom and when; one row an invoice, so nobody gets it twice."""

    invoice = models.OneToOneField(Invoice, models.PROTECT, primary_key=True, related_name="mail")
    recipient = models.EmailField()
    sent_at = models.DateTimeField()

    class Meta:
        verbose_name = "invoice mail"

    def __str__(self) -> str:
        return f"{self.invoice} to {self.recipient}"
