"""What was negotiated beside the plan: discounts, commitments, caps and promised credits."""

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import ArrayField, RangeOperators
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q

from apps.contracts.models.amendment import AgreedRow
from apps.contracts.models.contract import DateRange
from apps.core.digits import AMOUNT, MONEY
from apps.customers.models import KEY
from apps.plans.models import CreditUnit, Meter, Product


class Discount(AgreedRow):
    """Money or units off, of every billing period whose first day it covers; discounts apply in the order of their positions."""

    key = models.CharField(max_length=63, validators=[KEY])
    name = models.CharField(max_length=200, help_text="What the customer reads: 'Launch discount'.")
    position = models.PositiveSmallIntegerField(default=1, help_text="The lowest is taken off first.")
    ends_on = models.DateField(
        "end",
        null=True,
        blank=True,
        help_text="The first day that it no longer covers; empty: as long as the contract.",
    )
    percent = models.DecimalField(max_digits=6, decimal_places=3, null=True, blank=True)
    amount = models.DecimalField(**MONEY, null=True, blank=True, help_text="Off every period.")
    units = models.DecimalField(
        "first units free",
        **AMOUNT,
        null=True,
        blank=True,
        help_text="So many units in all are free, before tiers count.",
    )
    product = models.ForeignKey(
        Product, models.PROTECT, null=True, blank=True, related_name="+", help_text="Off this product alone."
    )
    charge_keys = ArrayField(
        models.CharField(max_length=63),
        default=list,
        blank=True,
        help_text="Off these charges alone; with neither a product nor charges, off the whole contract.",
    )

    class Meta:
        ordering = ["position", "starts_on", "key"]
        constraints = [
            models.CheckConstraint(
                condition=Q(percent__isnull=False, amount=None, units=None)
                | Q(percent=None, amount__isnull=False, units=None)
                | Q(percent=None, amount=None, units__isnull=False),
                name="discount_is_percent_or_amount_or_units",
            ),
            models.CheckConstraint(
                condition=Q(percent=None) | Q(percent__gt=0, percent__lte=100), name="discount_is_at_most_all"
            ),
            models.CheckConstraint(
                condition=(Q(amount=None) | Q(amount__gt=0)) & (Q(units=None) | Q(units__gt=0)),
                name="discount_is_above_zero",
            ),
            models.CheckConstraint(
                condition=Q(ends_on=None) | Q(ends_on__gt=F("starts_on")), name="discount_is_not_empty"
            ),
            models.CheckConstraint(
                condition=Q(product=None) | Q(charge_keys=[]), name="discount_has_one_scope"
            ),
            ExclusionConstraint(
                name="a_discount_key_is_used_once_at_a_time",
                expressions=[
                    ("contract", RangeOperators.EQUAL),
                    ("key", RangeOperators.EQUAL),
                    (DateRange("starts_on", "ends_on"), RangeOperators.OVERLAPS),
                ],
                condition=Q(removed_by=None),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Commitment(AgreedRow):
    """What the customer pays at least: of every billing period, or of all its days together; it always has an end."""

    class Per(models.TextChoices):
        PERIOD = "period", "Every billing period"
        TERM = "term", "All its days together"

    key = models.CharField(max_length=63, validators=[KEY])
    name = models.CharField(max_length=200, help_text="What the customer reads: 'Annual commitment'.")
    ends_on = models.DateField("end", help_text="The first day that it no longer covers.")
    per = models.CharField(max_length=6, choices=Per.choices, default=Per.PERIOD)
    amount = models.DecimalField(**MONEY)
    settled_months = models.PositiveSmallIntegerField(
        "trued up every, months",
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="3: each quarter up to its share so far; empty: at the end alone.",
    )
    charge_keys = ArrayField(
        models.CharField(max_length=63),
        default=list,
        blank=True,
        help_text="What counts towards it; empty: all usage.",
    )

    class Meta:
        ordering = ["starts_on", "key"]
        constraints = [
            models.CheckConstraint(condition=Q(ends_on__gt=F("starts_on")), name="commitment_is_not_empty"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="commitment_is_above_zero"),
            models.CheckConstraint(
                condition=Q(settled_months=None) | Q(per="term", settled_months__gte=1),
                name="only_a_whole_term_is_settled_between",
            ),
            ExclusionConstraint(
                name="a_commitment_key_is_used_once_at_a_time",
                expressions=[
                    ("contract", RangeOperators.EQUAL),
                    ("key", RangeOperators.EQUAL),
                    (DateRange("starts_on", "ends_on"), RangeOperators.OVERLAPS),
                ],
                condition=Q(removed_by=None),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Cap(AgreedRow):
    """How much a customer may use or spend in a period, as the contract says."""

    ends_on = models.DateField(
        "end", null=True, blank=True, help_text="The first day that it no longer covers."
    )
    meter = models.ForeignKey(
        Meter, models.PROTECT, null=True, blank=True, related_name="+", help_text="Empty: all that is spent."
    )
    amount = models.DecimalField(**MONEY, null=True, blank=True, help_text="In the contract's currency.")
    quantity = models.DecimalField(**AMOUNT, null=True, blank=True, help_text="In the meter's unit.")
    is_hard = models.BooleanField("refuses what is beyond", default=False)

    class Meta:
        ordering = ["starts_on"]
        constraints = [
            models.CheckConstraint(
                condition=Q(amount__gte=0, quantity=None)
                | Q(amount=None, quantity__gte=0, meter__isnull=False),
                name="cap_is_on_money_or_on_a_meter",
            ),
            models.CheckConstraint(
                condition=Q(ends_on=None) | Q(ends_on__gt=F("starts_on")), name="cap_is_not_empty"
            ),
            models.UniqueConstraint(
                fields=["contract", "meter", "starts_on"],
                condition=Q(removed_by=None),
                nulls_distinct=False,
                name="one_cap_begins_on_a_day",
            ),
        ]

    def __str__(self) -> str:
        return f"cap from {self.starts_on}"


class PromisedGrant(AgreedRow):
    """Credits that the contract gives, once or again and again; the credits room grants them when they are due."""

    key = models.CharField(max_length=63, validators=[KEY])
    name = models.CharField(max_length=200, help_text="What the customer reads: 'Included credits'.")
    ends_on = models.DateField("end", null=True, blank=True, help_text="None is given from this day on.")
    credit_unit = models.ForeignKey(
        CreditUnit,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Empty: money in the contract's currency.",
    )
    amount = models.DecimalField(**AMOUNT)
    cost = models.DecimalField(**MONEY, default=0, help_text="What is paid for it; 0 for a gift.")
    every_months = models.PositiveSmallIntegerField(
        "again every, months",
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="Empty: once.",
    )
    valid_months = models.PositiveSmallIntegerField(
        "good for, months",
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="Counted from the day it is given; empty: it never expires.",
    )
    priority = models.PositiveSmallIntegerField(default=50, help_text="The lowest number is used first.")
    charge_keys = ArrayField(
        models.CharField(max_length=63),
        default=list,
        blank=True,
        help_text="What it may pay; empty: everything.",
    )

    class Meta:
        ordering = ["starts_on", "key"]
        constraints = [
            models.CheckConstraint(
                condition=Q(amount__gt=0, cost__gte=0), name="promised_grant_is_above_zero"
            ),
            models.CheckConstraint(
                condition=Q(ends_on=None) | Q(ends_on__gt=F("starts_on")), name="promised_grant_is_not_empty"
            ),
            models.CheckConstraint(
                condition=Q(every_months=None) | Q(every_months__gte=1), name="grant_comes_again_after_months"
            ),
            models.UniqueConstraint(
                fields=["contract", "key", "starts_on"],
                condition=Q(removed_by=None),
                name="a_promised_grant_key_begins_once_on_a_day",
            ),
        ]

    def __str__(self) -> str:
        return self.name
