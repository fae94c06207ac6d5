"""Credit grants, and what invoices drew from them."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from apps.contracts.models import Contract
from apps.core.append_only import append_only
from apps.core.digits import AMOUNT, MONEY
from apps.core.ids import uuid7
from apps.customers.models import Customer, LegalEntity
from apps.plans.models import CreditUnit


class CreditGrant(models.Model):
    """Credits that a customer was given or bought; burns draw it down, nothing else changes it."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    key = models.CharField(max_length=120, unique=True)
    name = models.CharField(max_length=200, help_text="What the customer reads: 'Welcome credits'.")
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="+")
    legal_entity = models.ForeignKey(
        LegalEntity, models.PROTECT, related_name="+", editable=False, db_comment="Whose books owe it"
    )
    credit_unit = models.ForeignKey(
        CreditUnit,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Empty: money, in the currency.",
    )
    currency = models.CharField(
        max_length=3, blank=True, help_text="Of money given for a contract; empty: a credit unit."
    )
    contract = models.ForeignKey(
        Contract,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="It pays for this contract alone; empty: for any of the customer's.",
    )
    charge_keys = ArrayField(
        models.CharField(max_length=63),
        default=list,
        blank=True,
        help_text="It pays for these charges alone; empty: for all.",
    )
    amount = models.DecimalField(**AMOUNT)
    left = models.DecimalField(
        **AMOUNT,
        db_comment="amount less all burns, and nothing once it expired or was owed back; kept under a row lock",
    )
    cost = models.DecimalField(**AMOUNT, default=0, help_text="What was paid for it; 0 for a gift.")
    cost_currency = models.CharField(
        max_length=3,
        blank=True,
        default="",
        db_default="",
        help_text="Of what was paid for it; empty: a gift.",
    )
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
                condition=Q(credit_unit__isnull=False, currency="")
                | Q(credit_unit=None, currency__regex=r"^[A-Z]{3}$", contract__isnull=False),
                name="grant_is_in_a_unit_or_money_for_a_contract",
            ),
            models.CheckConstraint(
                condition=Q(left__gte=0, left__lte=F("amount")), name="grant_is_never_overdrawn"
            ),
            models.CheckConstraint(
                condition=Q(expires_on=None) | Q(expires_on__gt=F("effective_on")),
                name="grant_expires_after_it_begins",
            ),
            models.CheckConstraint(
                condition=Q(cost=0) | Q(cost__gt=0, cost_currency__regex=r"^[A-Z]{3}$"),
                name="grant_that_cost_something_says_in_what",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def unit(self) -> str:
        """Return what pricing knows its unit by: the currency, or the key of the credit unit."""
        return self.credit_unit.key if self.credit_unit else self.currency


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


@append_only
class CreditBurn(models.Model):
    """What one finalized invoice drew from one grant, or the credit note of the invoice that sold it took back; append-only."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    grant = models.ForeignKey(CreditGrant, models.PROTECT, related_name="burns")
    source_key = models.CharField(max_length=100, db_comment="The number of the document that drew")
    amount = models.DecimalField(**AMOUNT)
    taken_back = models.BooleanField(
        default=False,
        db_default=False,
        db_comment="A credit note gave back what was paid for it: it is not used",
    )
    burned_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="burn_is_above_zero"),
            models.UniqueConstraint(
                fields=["grant", "source_key"], name="an_invoice_draws_once_from_a_grant"
            ),
        ]


@append_only
class CreditExpiry(models.Model):
    """What of one grant expired: nothing can draw on it any more; append-only."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    grant = models.OneToOneField(CreditGrant, models.PROTECT, related_name="expiry")
    amount = models.DecimalField(**AMOUNT)
    cost = models.DecimalField(**MONEY, db_comment="What had been paid for it, in the grant's cost_currency")
    expired_at = models.DateTimeField(db_comment="When it was noted; the grant says from which day on")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0, cost__gte=0), name="expiry_is_above_zero")
        ]

    def __str__(self) -> str:
        return f"{self.amount:f} of {self.grant} expired"


class RefundOwed(models.Model):
    """What is owed back of a grant that was paid for, since its contract was cancelled.

    How much it is stands once the contract's final invoice has drawn on the grant; staff then pay it by hand and note that.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    grant = models.OneToOneField(CreditGrant, models.PROTECT, related_name="refund")
    contract = models.ForeignKey(Contract, models.PROTECT, related_name="+")
    currency = models.CharField(max_length=3)
    reason = models.TextField()
    asked_at = models.DateTimeField()
    left = models.DecimalField(
        **AMOUNT, null=True, db_comment="Of the grant, after the final invoice; null: not known yet"
    )
    amount = models.DecimalField(**MONEY, null=True, db_comment="cost x left / amount of the grant")
    counted_at = models.DateTimeField(null=True)
    refunded_at = models.DateTimeField(null=True)
    note = models.CharField(max_length=200, blank=True, db_comment="How it was refunded")

    class Meta:
        ordering = ["asked_at", "id"]
        verbose_name = "refund owed"
        verbose_name_plural = "refunds owed"
        constraints = [
            models.CheckConstraint(
                condition=Q(left=None, amount=None, counted_at=None, refunded_at=None)
                | Q(left__gte=0, amount__gte=0, counted_at__isnull=False),
                name="a_refund_is_counted_before_it_is_paid",
            ),
        ]

    def __str__(self) -> str:
        return f"Refund of {self.grant}"
