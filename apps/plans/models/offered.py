"""What is offered: plans with numbered versions, their charges and the allowances that these share."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from apps.core.digits import AMOUNT
from apps.core.ids import uuid7
from apps.customers.models import KEY
from apps.plans.models.measured import CreditUnit, Meter, Product


class Plan(models.Model):
    """An offer; what it costs stands in its numbered versions."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    key = models.CharField(max_length=63, unique=True, validators=[KEY])
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    is_custom = models.BooleanField(
        default=False, editable=False, db_comment="Made for one contract, so that lists of plans leave it out"
    )

    def __str__(self) -> str:
        return self.name


class PlanVersion(models.Model):
    """The prices of a plan from its publication on; a published version never changes (a trigger holds it)."""

    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"
        PUBLISHED = "published", "Published"
        RETIRED = "retired", "Retired"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    plan = models.ForeignKey(Plan, models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    currency = models.CharField(max_length=3)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.DRAFT)
    published_at = models.DateTimeField(null=True, blank=True)
    retired_at = models.DateTimeField(null=True, blank=True)
    based_on = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_comment="The published version that this one began as a copy of",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["plan", "number"], name="version_numbers_are_used_once"),
            models.UniqueConstraint(
                fields=["plan"], condition=Q(status="draft"), name="one_draft_version_per_plan"
            ),
            models.CheckConstraint(
                condition=Q(currency__regex=r"^[A-Z]{3}$"), name="plan_currency_is_iso_4217"
            ),
            models.CheckConstraint(
                condition=Q(status="draft", published_at=None)
                | ~Q(status="draft") & Q(published_at__isnull=False),
                name="published_means_dated",
            ),
            models.CheckConstraint(
                condition=Q(status="retired", retired_at__isnull=False)
                | ~Q(status="retired") & Q(retired_at=None),
                name="retired_means_dated",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.plan}, version {self.number}"


class Allowance(models.Model):
    """Units free of charge in every period that several charges of a version share, beyond what is included in each."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    plan_version = models.ForeignKey(PlanVersion, models.CASCADE, related_name="allowances")
    key = models.CharField(max_length=63, validators=[KEY])
    name = models.CharField(max_length=200, help_text="What the customer reads.")
    quantity = models.DecimalField(**AMOUNT, help_text="Units free of charge in every period.")
    carry_over_limit = models.DecimalField(
        **AMOUNT,
        null=True,
        blank=True,
        help_text="How much of what is not used comes into the next period at most; empty: nothing does.",
    )

    class Meta:
        ordering = ["key"]
        constraints = [
            models.UniqueConstraint(fields=["plan_version", "key"], name="allowance_keys_are_used_once"),
            # What the foreign key of a charge points to, so that both belong to one version.
            models.UniqueConstraint(fields=["id", "plan_version"], name="allowance_is_of_one_version"),
            models.CheckConstraint(
                condition=Q(quantity__gt=0) & (Q(carry_over_limit=None) | Q(carry_over_limit__gt=0)),
                name="allowance_is_above_0",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Charge(models.Model):
    """One line of a plan: a fee, or the price of a meter's usage."""

    class Kind(models.TextChoices):
        USAGE = "usage", "Usage"
        RECURRING = "recurring", "Recurring fee"
        ONE_TIME = "one_time", "One-time fee"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    plan_version = models.ForeignKey(PlanVersion, models.CASCADE, related_name="charges")
    position = models.PositiveSmallIntegerField()
    key = models.CharField(max_length=63, validators=[KEY])
    name = models.CharField(max_length=200, help_text="What the customer reads on the invoice.")
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.USAGE)
    product = models.ForeignKey(Product, models.PROTECT, related_name="+")
    meter = models.ForeignKey(Meter, models.PROTECT, null=True, blank=True, related_name="+")
    credit_unit = models.ForeignKey(
        CreditUnit,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Priced in credits of this unit.",
    )
    included = models.DecimalField(**AMOUNT, default=0, help_text="Quantity free of charge in every period.")
    carry_over_limit = models.DecimalField(
        **AMOUNT,
        null=True,
        blank=True,
        help_text="How much of the included quantity that is not used comes into the next period at most; empty: nothing does.",
    )
    # RESTRICT, not PROTECT: a draft version goes with its charges and its allowances.
    allowance = models.ForeignKey(
        Allowance,
        models.RESTRICT,
        null=True,
        blank=True,
        related_name="charges",
        help_text="Included units that it shares with other charges.",
    )
    minimum = models.DecimalField(
        **AMOUNT, null=True, blank=True, help_text="What it comes to at least in every period."
    )
    maximum = models.DecimalField(
        **AMOUNT, null=True, blank=True, help_text="What it comes to at most in every period."
    )
    in_advance = models.BooleanField(
        default=False, help_text="Billed at the start of what it is for, not at the end."
    )
    fee_amount = models.DecimalField(**AMOUNT, null=True, blank=True, help_text="The fee, for one.")
    fee_quantity = models.DecimalField(
        **AMOUNT, null=True, blank=True, help_text="How many: seats, licenses."
    )
    dimensions = ArrayField(
        models.CharField(max_length=50),
        default=list,
        blank=True,
        help_text="What a matrix prices by, such as model.",
    )
    amount_property = models.CharField(
        max_length=100, blank=True, help_text="For a price sent with each event: the property that holds it."
    )

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["plan_version", "key"], name="charge_keys_are_used_once"),
            models.UniqueConstraint(
                fields=["plan_version", "position"],
                name="charge_positions_are_used_once",
                deferrable=models.Deferrable.DEFERRED,
            ),
            models.CheckConstraint(
                condition=Q(kind="usage", meter__isnull=False, fee_amount=None, fee_quantity=None)
                | ~Q(kind="usage")
                & Q(
                    meter=None,
                    credit_unit=None,
                    included=0,
                    fee_amount__isnull=False,
                    fee_quantity__isnull=False,
                ),
                name="usage_has_a_meter_and_a_fee_has_an_amount",
            ),
            models.CheckConstraint(
                condition=Q(kind="usage")
                | Q(minimum=None, maximum=None, allowance=None, dimensions=[], amount_property=""),
                name="only_usage_has_bounds_allowances_and_dimensions",
            ),
            models.CheckConstraint(
                condition=~Q(kind="usage") | Q(in_advance=False), name="only_fees_are_billed_in_advance"
            ),
            models.CheckConstraint(condition=Q(included__gte=0), name="included_is_not_negative"),
            models.CheckConstraint(
                condition=Q(carry_over_limit=None) | Q(carry_over_limit__gt=0, included__gt=0),
                name="only_included_units_carry_over",
            ),
            models.CheckConstraint(
                condition=(Q(minimum=None) | Q(minimum__gte=0, credit_unit=None))
                & (Q(maximum=None) | Q(maximum__gte=0, credit_unit=None)),
                name="charge_bounds_are_money",
            ),
            models.CheckConstraint(
                condition=Q(minimum=None) | Q(maximum=None) | Q(minimum__lte=F("maximum")),
                name="charge_minimum_is_at_most_its_maximum",
            ),
            models.CheckConstraint(
                condition=Q(fee_amount=None) | Q(fee_amount__gte=0, fee_quantity__gte=0),
                name="fee_is_not_negative",
            ),
        ]

    def __str__(self) -> str:
        return self.name
