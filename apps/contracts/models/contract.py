"""One customer's agreement: which plan version from when, billed on which days, and what happens at its end."""

from collections.abc import Collection
from datetime import date
from zoneinfo import available_timezones

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateRangeField, RangeOperators
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Func, Q
from django.db.models.functions import Now

from apps.core.digits import MONEY
from apps.core.ids import uuid7
from apps.customers.models import Customer
from apps.plans.models import PlanVersion

_EARLIEST, _LATEST = date(1970, 1, 1), date(2200, 1, 1)


class DateRange(Func):
    """The half-open range of two days, in the database."""

    function = "daterange"
    output_field = DateRangeField()


def known_timezone(name: str) -> None:
    """Refuse a time zone that the IANA database does not have."""
    if name not in available_timezones():
        raise ValidationError(f"{name!r} is not a time zone. Use a name such as Europe/Berlin or UTC.")


def day_in_reach(day: date) -> None:
    """Refuse a day that nobody means, and around which the calendar has no billing periods."""
    if not _EARLIEST <= day < _LATEST:
        raise ValidationError(
            f"Choose a day from {_EARLIEST.year} to {_LATEST.year - 1}: {day} is too far off."
        )


class Contract(models.Model):
    """One customer's agreement; its periods are local days in its own time zone, counted from its first day."""

    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"
        ACTIVE = "active", "Active"
        ENDED = "ended", "Ended"

    class Renewal(models.TextChoices):
        NONE = "none", "Ends with its term"
        MANUAL = "manual", "Is renewed by hand"
        AUTOMATIC = "automatic", "Renews by itself"

    class Usage(models.TextChoices):
        SEPARATE = "separate", "Priced by itself"
        POOLED = "pooled", "Pooled with the parent's"

    class Billing(models.TextChoices):
        OWN = "own", "On invoices of its own"
        PARENT = "parent", "On the parent's invoices"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    number = models.CharField(max_length=40, unique=True, help_text="As both sides know it: C-2026-0042.")
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="+")
    plan_version = models.ForeignKey(PlanVersion, models.PROTECT, related_name="+")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.DRAFT)
    timezone = models.CharField("time zone", max_length=50, default="UTC", validators=[known_timezone])
    starts_on = models.DateField("first day", validators=[day_in_reach])
    ends_on = models.DateField(
        "end",
        null=True,
        blank=True,
        validators=[day_in_reach],
        help_text="The first day that is no longer covered; empty: without end.",
    )
    billing_months = models.PositiveSmallIntegerField(
        "months per period", default=1, validators=[MinValueValidator(1), MaxValueValidator(36)]
    )
    anchor_day = models.PositiveSmallIntegerField(
        "billing day",
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(31)],
        help_text="The day of the month on which periods begin; 31 means the last day of shorter months.",
    )
    restarts = models.BooleanField(
        "tiers begin anew",
        default=False,
        help_text="Where prices change within a period: tiers and included units count from zero from then on.",
    )
    payment_days = models.PositiveSmallIntegerField("payment terms, days", default=30)
    bill_above = models.DecimalField(
        "bill as soon as usage passes",
        **MONEY,
        null=True,
        blank=True,
        help_text="What was used and not billed yet is billed within minutes once it comes to this. Empty: with the period.",
    )
    late_interest_percent = models.DecimalField(
        "interest on late payment, percent a year",
        max_digits=6,
        decimal_places=3,
        null=True,
        blank=True,
        help_text="Simple interest, by day; printed on invoices. 1% a month is 12.",
    )
    purchase_order = models.CharField(max_length=60, blank=True)
    signatory = models.CharField(
        max_length=200, blank=True, help_text="Who signed for the customer: name and title."
    )
    printed_terms = models.TextField(
        "terms to print", blank=True, help_text="What else was agreed; printed on every invoice."
    )
    renewal = models.CharField(
        "at the end of the term", max_length=9, choices=Renewal.choices, default=Renewal.NONE
    )
    renewal_months = models.PositiveSmallIntegerField(
        "renewed for, months",
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(120)],
    )
    notice_days = models.PositiveSmallIntegerField(
        "notice, days",
        default=0,
        help_text="How many days before the end either side says that it won't renew.",
    )
    uplift_percent = models.DecimalField(
        "uplift, percent",
        max_digits=6,
        decimal_places=3,
        null=True,
        blank=True,
        help_text="By how much prices rise at each renewal; with an index, at most by so much.",
    )
    uplift_index = models.ForeignKey(
        "PriceIndex",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Prices rise as this index did since the term began.",
    )
    declined_at = models.DateTimeField(
        null=True, editable=False, db_comment="When one side gave notice that it does not renew"
    )
    renews_on_version = models.ForeignKey(
        PlanVersion,
        models.PROTECT,
        null=True,
        editable=False,
        related_name="+",
        verbose_name="plan from its next renewal on",
        db_comment="Null: its next term is on the plan version that it has then",
    )
    parent = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="children",
        help_text="The contract of the parent account, for a subsidiary's.",
    )
    usage = models.CharField(max_length=8, choices=Usage.choices, default=Usage.SEPARATE)
    billing = models.CharField("invoiced", max_length=6, choices=Billing.choices, default=Billing.OWN)
    terms_stamp = models.UUIDField(
        null=True,
        editable=False,
        db_comment="Another one whenever what is agreed beside the plan changes; null: nothing is",
    )
    has_money_grants = models.BooleanField(
        default=False,
        editable=False,
        db_comment="Money was given in advance for it: pricing looks for grants only where it was, or where charges are in credits",
    )
    billed_until_on = models.DateField(
        null=True,
        editable=False,
        db_comment="First local day not yet on a finalized invoice; usage of days before it is closed",
    )
    counted_until_at = models.DateTimeField(
        null=True,
        editable=False,
        db_comment="The last finalized invoice counted what was received until then; all that comes next is received later",
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_on=None) | Q(ends_on__gt=F("starts_on")), name="contract_is_not_empty"
            ),
            models.CheckConstraint(
                condition=Q(billing_months__gte=1, billing_months__lte=36),
                name="contract_period_is_1_to_36_months",
            ),
            models.CheckConstraint(
                condition=Q(anchor_day__gte=1, anchor_day__lte=31),
                name="contract_anchor_is_a_day_of_the_month",
            ),
            models.CheckConstraint(
                condition=Q(renewal="none")
                | Q(
                    renewal__in=["manual", "automatic"],
                    renewal_months__isnull=False,
                    renewal_months__gte=1,
                    ends_on__isnull=False,
                ),
                name="renewal_says_for_how_long",
            ),
            models.CheckConstraint(
                condition=Q(uplift_percent=None) | Q(uplift_percent__gte=0, uplift_percent__lte=1000),
                name="uplift_is_a_percentage",
            ),
            models.CheckConstraint(
                condition=Q(bill_above=None) | Q(bill_above__gt=0), name="bill_above_is_above_zero"
            ),
            models.CheckConstraint(
                condition=Q(late_interest_percent=None)
                | Q(late_interest_percent__gt=0, late_interest_percent__lte=100),
                name="late_interest_is_a_percentage",
            ),
            models.CheckConstraint(
                condition=Q(parent=None, usage="separate", billing="own")
                | Q(parent__isnull=False) & ~Q(parent=F("id")),
                name="pooled_with_a_parent_that_is_another",
            ),
            ExclusionConstraint(
                name="one_live_contract_per_customer_and_day",
                expressions=[
                    ("customer", RangeOperators.EQUAL),
                    (DateRange("starts_on", "ends_on"), RangeOperators.OVERLAPS),
                ],
                condition=~Q(status="draft"),
            ),
        ]
        indexes = [models.Index(fields=["customer", "starts_on"], name="contract_by_customer")]

    def __str__(self) -> str:
        return self.number

    def validate_constraints(self, exclude: Collection[str] | None = None) -> None:
        """Check the constraints; a form leaves the status out, but the one on live contracts is about it."""
        super().validate_constraints(exclude=set(exclude or ()) - {"status"})

    def covers(self, day: date) -> bool:
        """Tell whether a local day lies within the contract's term."""
        return self.starts_on <= day and (self.ends_on is None or day < self.ends_on)
