"""Money received, and which invoices it pays."""

from django.db import models
from django.db.models import Q

from apps.core.append_only import append_only, append_only_with_locks
from apps.core.digits import MONEY
from apps.core.ids import uuid7
from apps.customers.models import Customer
from apps.invoices.models import Invoice


@append_only_with_locks
class Payment(models.Model):
    """Money that a customer sent by bank transfer, as recorded by staff."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="+")
    currency = models.CharField(max_length=3)
    amount = models.DecimalField(**MONEY)
    received_on = models.DateField()
    reference = models.CharField(max_length=140, help_text="The bank's reference; one payment per reference.")
    recorded_at = models.DateTimeField()
    recorded_by = models.CharField(max_length=260)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="payment_is_above_zero"),
            models.UniqueConstraint(fields=["customer", "reference"], name="a_payment_is_recorded_once"),
        ]

    def __str__(self) -> str:
        return self.reference


@append_only
class Allocation(models.Model):
    """The part of a payment that pays one invoice."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    payment = models.ForeignKey(Payment, models.PROTECT, related_name="allocations")
    invoice = models.ForeignKey(Invoice, models.PROTECT, related_name="+")
    amount = models.DecimalField(**MONEY)
    allocated_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="allocation_is_above_zero"),
            models.UniqueConstraint(fields=["payment", "invoice"], name="a_payment_pays_an_invoice_once"),
        ]
