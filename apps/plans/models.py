"""What is sold and how it is measured: meters, credit units, plans with numbered versions, charges and prices."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from apps.core.digits import AMOUNT
from apps.core.ids import uuid7
from apps.customers.models import KEY


class Product(models.Model):
    """Something sold, under which an invoice groups its lines."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    key = models.CharField(max_length=63, unique=True, validators=[KEY])
    name = models.CharField(max_length=200)

    def __str__(self) -> str:
        return self.name


class Meter(models.Model):
    """How events of one type become a quantity that customers understand."""

    class Aggregation(models.TextChoices):
        COUNT = "count", "Count of events"
        SUM = "sum", "Sum of a property"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    key = models.CharField(max_length=63, unique=True, validators=[KEY])
    name = models.CharField(
        "display name", max_length=100, help_text="What customers read: 'Documents processed'."
    )
    unit = models.CharField(max_length=40, help_text="What is counted, in the plural: tokens, documents.")
    event_type = models.CharField(max_length=100, help_text="The type that events carry: llm.request")
    aggregation = models.CharField(max_length=10, choices=Aggregation.choices)
    value_property = models.CharField(
        max_length=100,
        blank=True,
        help_text="For a sum: the property added up; empty adds up the event's quantity.",
    )
    dimensions = ArrayField(
        models.CharField(max_length=50),
        default=list,
        blank=True,
        help_text="Properties that prices or pages tell apart, such as model.",
    )
    late_days = models.PositiveSmallIntegerField(
        default=35, help_text="Events up to so many days old are counted; older ones wait in quarantine."
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        indexes = [models.Index(fields=["event_type"], name="meter_by_event_type")]
        constraints = [
            models.CheckConstraint(condition=~Q(event_type=""), name="meter_has_an_event_type"),
            models.CheckConstraint(
                condition=Q(aggregation="sum") | Q(value_property=""), name="only_a_sum_has_a_value_property"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class CreditUnit(models.Model):
    """A unit of the seller's own in which usage may be priced, such as 'credits'."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    key = models.CharField(max_length=63, unique=True, validators=[KEY])
    name = models.CharField(max_length=100, help_text="In the plural: credits")

    def __str__(self) -> str:
        return self.name


class Plan(models.Model):
    """An offer; what it costs stands in its numbered versions."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    key = models.CharField(max_length=63, unique=True, validators=[KEY])
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)

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
        ]

    def __str__(self) -> str:
        return f"{self.plan}, version {self.number}"


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
            models.CheckConstraint(condition=Q(included__gte=0), name="included_is_not_negative"),
            models.CheckConstraint(
                condition=Q(fee_amount=None) | Q(fee_amount__gte=0, fee_quantity__gte=0),
                name="fee_is_not_negative",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Price(models.Model):
    """How a charge's quantity becomes an amount; a matrix has one price per cell."""

    class Model(models.TextChoices):
        PER_UNIT = "per_unit", "Per unit"
        GRADUATED = "graduated", "Graduated tiers"
        VOLUME = "volume", "Volume tiers"
        PACKAGE = "package", "Packages"

    class Role(models.TextChoices):
        USAGE = "usage", "Usage"
        OVERAGE = "overage", "Credits beyond the grants"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    charge = models.ForeignKey(Charge, models.CASCADE, related_name="prices")
    position = models.PositiveSmallIntegerField(default=1)
    role = models.CharField(max_length=10, choices=Role.choices, default=Role.USAGE)
    match = models.JSONField(
        default=dict,
        blank=True,
        db_comment="Matrix cell: dimension to value; a dimension left out matches any value",
    )
    model = models.CharField(max_length=10, choices=Model.choices)
    unit_amount = models.DecimalField(**AMOUNT, null=True, blank=True)
    package_size = models.DecimalField(**AMOUNT, null=True, blank=True)
    package_amount = models.DecimalField(**AMOUNT, null=True, blank=True)
    free_units = models.DecimalField(**AMOUNT, default=0)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["charge", "role", "match"], name="one_price_per_matrix_cell"),
            models.CheckConstraint(
                condition=Q(
                    model="per_unit", unit_amount__isnull=False, package_size=None, package_amount=None
                )
                | Q(model="package", unit_amount=None, package_size__gt=0, package_amount__isnull=False)
                | Q(
                    model__in=["graduated", "volume"],
                    unit_amount=None,
                    package_size=None,
                    package_amount=None,
                ),
                name="price_has_the_fields_of_its_model",
            ),
            models.CheckConstraint(
                condition=(Q(unit_amount=None) | Q(unit_amount__gte=0))
                & (Q(package_amount=None) | Q(package_amount__gte=0))
                & Q(free_units__gte=0),
                name="price_is_not_negative",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_model_display()} price of {self.charge}"


class Tier(models.Model):
    """A step of a graduated or volume price: it covers what lies above the tier before, up to and with `up_to`."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    price = models.ForeignKey(Price, models.CASCADE, related_name="tiers")
    position = models.PositiveSmallIntegerField()
    up_to = models.DecimalField(
        **AMOUNT, null=True, blank=True, help_text="Empty in the last tier: without end."
    )
    unit_amount = models.DecimalField(**AMOUNT)
    flat_amount = models.DecimalField(**AMOUNT, default=0)
    package_size = models.DecimalField(**AMOUNT, null=True, blank=True)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["price", "position"], name="tier_positions_are_used_once"),
            models.UniqueConstraint(
                fields=["price"], condition=Q(up_to=None), name="one_tier_without_end_per_price"
            ),
            models.CheckConstraint(
                condition=Q(unit_amount__gte=0, flat_amount__gte=0)
                & (Q(up_to=None) | Q(up_to__gt=0))
                & (Q(package_size=None) | Q(package_size__gt=0)),
                name="tier_is_not_negative",
            ),
        ]

    def __str__(self) -> str:
        return f"up to {self.up_to}" if self.up_to is not None else "beyond"
