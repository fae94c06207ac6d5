"""What is sold and how it is measured: products, meters and credit units."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from apps.core.append_only import append_only
from apps.core.digits import AMOUNT
from apps.core.ids import uuid7
from apps.customers.models import KEY, TaxClass


class Product(models.Model):
    """Something sold, under which an invoice groups its lines."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    key = models.CharField(max_length=63, unique=True, validators=[KEY])
    name = models.CharField(max_length=200)
    tax_class = models.CharField(
        max_length=8,
        choices=TaxClass.choices,
        default=TaxClass.STANDARD,
        db_default=TaxClass.STANDARD,
        help_text="Which of a place's tax rates it has. Products of one name have one: the standard one if they differ.",
    )

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


@append_only
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
