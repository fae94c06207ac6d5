"""What outside tax services were asked and answered, and which sales were reported to them."""

from django.db import models
from django.db.models import Q

from apps.core.append_only import append_only
from apps.invoices.models.invoice import Invoice


@append_only
class TaxCalculation(models.Model):
    """The answer of a tax service to a question, kept so that the same is not asked twice. Append-only."""

    key = models.CharField(max_length=64, primary_key=True, db_comment="SHA-256 of the request")
    provider = models.CharField(max_length=20)
    calculation = models.CharField(max_length=255, db_comment="What the service calls it")
    request = models.JSONField()
    answer = models.JSONField()
    asked_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_comment="Until when the service reports it as a sale")

    def __str__(self) -> str:
        return self.calculation


class TaxTransaction(models.Model):
    """That a finalized invoice or credit note is to be reported to a tax service, and what that calls the report."""

    invoice = models.OneToOneField(Invoice, models.PROTECT, primary_key=True, related_name="tax_transaction")
    calculation = models.ForeignKey(
        TaxCalculation, models.PROTECT, null=True, related_name="+", db_comment="Null for a credit note"
    )
    transaction = models.CharField(max_length=255, blank=True)
    reported_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(transaction="", reported_at=None)
                | ~Q(transaction="") & Q(reported_at__isnull=False),
                name="reported_tax_has_a_transaction",
            )
        ]

    def __str__(self) -> str:
        return f"{self.invoice}: {self.transaction or 'to be reported'}"
