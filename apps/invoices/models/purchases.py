"""Credits that are sold by an invoice."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from apps.core.append_only import never_removed
from apps.core.digits import AMOUNT, MONEY
from apps.core.ids import uuid7
from apps.credits.models import CreditGrant
from apps.invoices.models.invoice import Invoice
from apps.plans.models import CreditUnit


@never_removed
class CreditPurchase(models.Model):
    """The credits that an invoice sells, fixed with it, and the grant that they became; granted once."""

    class When(models.TextChoices):
        FINALIZED = "finalized", "Once the invoice is finalized"
        PAID = "paid", "Once the invoice is paid"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    invoice = models.OneToOneField(Invoice, models.PROTECT, related_name="credit_purchase")
    name = models.CharField(max_length=200, help_text="What the customer reads.")
    credit_unit = models.ForeignKey(
        CreditUnit, models.PROTECT, null=True, blank=True, related_name="+", help_text="Empty: money."
    )
    amount = models.DecimalField(**AMOUNT, help_text="How many credits, or how much money to draw on.")
    price = models.DecimalField(**MONEY, help_text="What is paid for them, before tax.")
    priority = models.PositiveSmallIntegerField(default=50)
    good_days = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        help_text="Days until they expire, from the day that they are granted; empty: never.",
    )
    charge_keys = ArrayField(models.CharField(max_length=63), default=list, blank=True)
    granted_when = models.CharField(max_length=9, choices=When.choices, default=When.FINALIZED)
    grant = models.OneToOneField(CreditGrant, models.PROTECT, null=True, blank=True, related_name="purchase")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(amount__gt=0, price__gte=0), name="credits_bought_are_above_zero"
            ),
            models.CheckConstraint(
                condition=Q(good_days=None) | Q(good_days__gt=0), name="credits_bought_are_good_for_days"
            ),
        ]

    def __str__(self) -> str:
        return self.name
