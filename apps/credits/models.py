"""Credit grants, and what invoices drew from them."""

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from apps.core.digits import AMOUNT
from apps.core.ids import uuid7
from apps.customers.models import Customer
from apps.plans.models import CreditUnit


class CreditGrant(models.Model):
    """Credits that a customer was given or bought; burns draw it down, nothing else changes it."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    key = models.CharField(max_length=63, unique=True)
    name = models.CharField(max_length=200, help_text="What the customer reads: 'Welcome credits'.")
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="+")
    credit_unit = models.ForeignKey(CreditUnit, models.PROTECT, related_name="+")
    amount = models.DecimalField(**AMOUNT)
    left = models.DecimalField(
        **AMOUNT, db_comment="amount less all burns; kept by the burn action under a row lock"
    )
    cost = models.DecimalField(**AMOUNT, default=0, help_text="What was paid for it; 0 for a gift.")
    priority = models.PositiveSmallIntegerField(default=50, help_text="The lowest number is used first.")
    effective_on = models.DateField()
    expires_on = models.DateField(
        null=True, blank=True, help_text="The first day that it is gone; empty: never."
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        indexes = [models.Index(fields=["customer", "credit_unit"], name="grant_by_customer")]
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="grant_is_above_zero"),
            models.CheckConstraint(
                condition=Q(left__gte=0, left__lte=F("amount")), name="grant_is_never_overdrawn"
            ),
            models.CheckConstraint(
                condition=Q(expires_on=None) | Q(expires_on__gt=F("effective_on")),
                name="grant_expires_after_it_begins",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class CreditReservation(models.Model):
    """What one open draft counts on from one grant, so that nothing else counts on it too."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    grant = models.ForeignKey(CreditGrant, models.CASCADE, related_name="reservations")
    source_key = models.CharField(max_length=100, db_comment="The id of the draft that counts on it")
    amount = models.DecimalField(**AMOUNT)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="reservation_is_above_zero"),
            models.UniqueConstraint(
                fields=["grant", "source_key"], name="a_draft_reserves_once_from_a_grant"
            ),
        ]
        indexes = [models.Index(fields=["source_key"], name="reservation_by_source")]

    def __str__(self) -> str:
        return f"{self.amount:f} of {self.grant}"


class CreditBurn(models.Model):
    """What one finalized invoice drew from one grant; append-only."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    grant = models.ForeignKey(CreditGrant, models.PROTECT, related_name="burns")
    source_key = models.CharField(max_length=100, db_comment="The invoice number that drew")
    amount = models.DecimalField(**AMOUNT)
    burned_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="burn_is_above_zero"),
            models.UniqueConstraint(
                fields=["grant", "source_key"], name="an_invoice_draws_once_from_a_grant"
            ),
        ]
