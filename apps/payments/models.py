"""Money received, what pays which invoice, what is written off, and what is paid back."""

from django.db import models
from django.db.models import F, Q

from apps.core.append_only import append_only, append_only_with_locks, never_removed
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
class WriteOff(models.Model):
    """An open amount that is given up as lost, or the recovery of one, when the money comes after all. Append-only."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    invoice = models.ForeignKey(Invoice, models.PROTECT, related_name="+")
    amount = models.DecimalField(**MONEY)
    reason = models.CharField(max_length=500)
    written_off_on = models.DateField(db_comment="Of a recovery: the day that it is open again")
    recorded_at = models.DateTimeField()
    recorded_by = models.CharField(max_length=260)
    reverses = models.OneToOneField("self", models.PROTECT, null=True, blank=True, related_name="reversed_by")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="write_off_is_above_zero"),
            models.CheckConstraint(condition=~Q(reason=""), name="write_off_has_a_reason"),
        ]

    def __str__(self) -> str:
        return f"Recovery of {self.invoice}" if self.reverses_id else f"Write-off of {self.invoice}"


@never_removed
class Refund(models.Model):
    """What is owed back of a payment or a credit note, and how it was paid back; noted once, else unchanged."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="+")
    currency = models.CharField(max_length=3)
    amount = models.DecimalField(**MONEY)
    payment = models.ForeignKey(Payment, models.PROTECT, null=True, blank=True, related_name="refunds")
    credit_note = models.ForeignKey(Invoice, models.PROTECT, null=True, blank=True, related_name="+")
    owed_on = models.DateField()
    recorded_at = models.DateTimeField()
    recorded_by = models.CharField(max_length=260)
    paid_on = models.DateField(null=True, blank=True)
    reference = models.CharField(max_length=140, blank=True, help_text="The bank's reference of the refund.")
    paid_at = models.DateTimeField(null=True, blank=True)
    paid_by = models.CharField(max_length=260, blank=True)

    class Meta:
        ordering = ["recorded_at", "id"]
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="refund_is_above_zero"),
            models.CheckConstraint(
                condition=Q(payment__isnull=False, credit_note=None)
                | Q(payment=None, credit_note__isnull=False),
                name="a_refund_is_of_a_payment_or_a_credit_note",
            ),
            models.CheckConstraint(
                condition=Q(paid_on=None, reference="", paid_at=None, paid_by="")
                | Q(paid_on__gte=F("owed_on"), paid_at__isnull=False) & ~Q(reference="") & ~Q(paid_by=""),
                name="a_paid_refund_says_when_and_how",
            ),
            models.UniqueConstraint(
                fields=["customer", "reference"],
                condition=~Q(reference=""),
                name="a_refund_is_paid_by_a_transfer_of_its_own",
            ),
        ]

    def __str__(self) -> str:
        return f"Refund to {self.customer}"


@append_only
class Allocation(models.Model):
    """What pays a part of one invoice: a payment, a credit note or a write-off. Append-only."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    payment = models.ForeignKey(Payment, models.PROTECT, null=True, blank=True, related_name="allocations")
    credit_note = models.ForeignKey(Invoice, models.PROTECT, null=True, blank=True, related_name="+")
    write_off = models.OneToOneField(
        WriteOff, models.PROTECT, null=True, blank=True, related_name="allocation"
    )
    invoice = models.ForeignKey(Invoice, models.PROTECT, related_name="+")
    amount = models.DecimalField(**MONEY, db_comment="Below zero for the recovery of a write-off")
    allocated_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(amount__gt=0) | Q(amount__lt=0, write_off__isnull=False),
                name="allocation_is_above_zero",
            ),
            models.CheckConstraint(
                condition=Q(payment__isnull=False, credit_note=None, write_off=None)
                | Q(payment=None, credit_note__isnull=False, write_off=None)
                | Q(payment=None, credit_note=None, write_off__isnull=False),
                name="an_allocation_has_one_source",
            ),
        ]
