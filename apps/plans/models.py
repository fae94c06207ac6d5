"""What is sold and how it is measured: meters, credit units, plans with numbered versions, charges and prices."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
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
        SUM = "sum", "Sum"
        MAX = "max", "Highest value"
        LATEST = "latest", "Latest value"
        UNIQUE_COUNT = "unique_count", "Count of different values"
        TIME_WEIGHTED = "time_weighted", "Level over time, such as seat-days or GB-hours"
        OUTCOMES = "outcomes", "Outcomes that were reached"

    class Level(models.TextChoices):
        SET = "set", "Events say how high it is"
        CHANGE = "change", "Events add to it and take from it"

    class Per(models.TextChoices):
        HOUR = "hour", "Hour"
        DAY = "day", "Day"

    class Rounding(models.TextChoices):
        UP = "up", "Up"
        DOWN = "down", "Down"
        NEAREST = "nearest", "To the nearest, half up"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    key = models.CharField(max_length=63, unique=True, validators=[KEY])
    name = models.CharField(
        "display name", max_length=100, help_text="What customers read: 'Documents processed'."
    )
    unit = models.CharField(max_length=40, help_text="What is counted, in the plural: tokens, documents.")
    event_type = models.CharField(max_length=100, help_text="The type that events carry: llm.request")
    filters = models.JSONField(
        default=list, blank=True, db_comment="Tests of properties that an event must all pass to be counted"
    )
    aggregation = models.CharField(max_length=13, choices=Aggregation.choices)
    value_property = models.CharField(
        max_length=100,
        blank=True,
        help_text="The property that is measured; empty measures the event's quantity.",
    )
    value_expression = models.CharField(
        max_length=200,
        blank=True,
        help_text="Instead of one property, arithmetic over several: input_tokens - cached_tokens",
    )
    level = models.CharField(
        max_length=6,
        choices=Level.choices,
        blank=True,
        help_text="For something that stands until it changes, such as seats or storage: it carries over into the next period.",
    )
    per = models.CharField(
        max_length=4, choices=Per.choices, blank=True, help_text="For a level over time: its unit of time."
    )
    outcome_states = models.JSONField(
        default=dict,
        blank=True,
        db_comment="For outcomes: the states that are billed, each with its weight; empty is the weight that the event gives",
    )
    rounding = models.CharField(
        max_length=7, choices=Rounding.choices, blank=True, help_text="How a period's total is rounded."
    )
    rounding_step = models.DecimalField(
        **AMOUNT,
        null=True,
        blank=True,
        help_text="To multiples of what: 1000 rounds to whole thousands.",
    )
    dimensions = ArrayField(
        models.CharField(max_length=50),
        default=list,
        blank=True,
        help_text="Properties that prices or pages tell apart, such as model.",
    )
    ranges = models.JSONField(
        default=dict,
        blank=True,
        db_comment="Dimensions derived from a number: its name to the value and its ranges",
    )
    late_days = models.PositiveSmallIntegerField(
        default=35, help_text="Events up to so many days old are counted; older ones wait in quarantine."
    )
    early_hours = models.PositiveSmallIntegerField(
        default=1, help_text="Events up to so many hours ahead are counted; later ones wait in quarantine."
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    counts_from = models.DateTimeField(
        null=True,
        editable=False,
        db_comment="Since when the totals hold every event of this shape; null: they hold all that was ever stored",
    )

    class Meta:
        indexes = [models.Index(fields=["event_type"], name="meter_by_event_type")]
        constraints = [
            models.CheckConstraint(condition=~Q(event_type=""), name="meter_has_an_event_type"),
            models.CheckConstraint(
                condition=~Q(aggregation__in=["count", "outcomes"])
                | Q(value_property="", value_expression=""),
                name="counts_have_no_value",
            ),
            models.CheckConstraint(
                condition=Q(value_property="") | Q(value_expression=""), name="meter_has_one_value"
            ),
            models.CheckConstraint(
                condition=~Q(aggregation="unique_count") | ~Q(value_property=""),
                name="unique_count_has_a_property",
            ),
            models.CheckConstraint(
                condition=Q(aggregation="time_weighted", per__in=["hour", "day"]) & ~Q(level="")
                | ~Q(aggregation="time_weighted") & Q(per=""),
                name="level_over_time_has_a_level_and_a_unit_of_time",
            ),
            models.CheckConstraint(
                condition=Q(level="") | Q(aggregation__in=["max", "latest", "time_weighted"]),
                name="level_is_measured_as_a_level",
            ),
            models.CheckConstraint(
                condition=Q(aggregation="outcomes") & ~Q(outcome_states={})
                | ~Q(aggregation="outcomes") & Q(outcome_states={}),
                name="outcomes_have_billed_states",
            ),
            models.CheckConstraint(
                condition=Q(rounding="", rounding_step=None) | ~Q(rounding="") & Q(rounding_step__gt=0),
                name="rounding_has_a_step",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class EventTypeAlias(models.Model):
    """Events of one type that are counted as if they were of another; for ever, so that totals can be rebuilt."""

    sent_type = models.CharField(max_length=100, primary_key=True, help_text="The type that senders give.")
    event_type = models.CharField(max_length=100, help_text="The type that meters count.")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        verbose_name = "event type alias"
        verbose_name_plural = "event type aliases"
        constraints = [
            models.CheckConstraint(
                condition=~Q(sent_type=F("event_type")), name="event_type_alias_names_another_type"
            )
        ]

    def __str__(self) -> str:
        return f"{self.sent_type} counts as {self.event_type}"


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
