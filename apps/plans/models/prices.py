"""What a charge's usage costs: prices by their models, and the tiers of those that have them."""

from typing import Any

from django.db import models
from django.db.models import F, Q

from apps.core.digits import AMOUNT
from apps.core.ids import uuid7
from apps.plans.models.offered import Charge

_NO_FIELDS: dict[str, Any] = {
    "unit_amount": None,
    "package_size": None,
    "package_amount": None,
    "free_units": 0,
    "rate": None,
    "fixed_amount": 0,
    "free_events": 0,
    "free_amount": 0,
    "event_minimum": None,
    "event_maximum": None,
}


def _only(*own: str, **wanted: Any) -> Q:
    """Require what is `wanted`, leave the model's `own` optional fields open, and the fields of other models empty."""
    taken = {name.split("__")[0] for name in wanted} | set(own)
    return Q(**{name: value for name, value in _NO_FIELDS.items() if name not in taken}, **wanted)


class Price(models.Model):
    """How a charge's quantity becomes an amount; a matrix has one price per cell, and a cell may have one per date."""

    class Model(models.TextChoices):
        PER_UNIT = "per_unit", "Per unit"
        GRADUATED = "graduated", "Graduated tiers"
        VOLUME = "volume", "Volume tiers"
        PACKAGE = "package", "Packages"
        STAIRSTEP = "stairstep", "Stairs: one amount for each tier"
        PERCENTAGE = "percentage", "Percentage of an amount"
        GRADUATED_PERCENTAGE = "graduated_percentage", "Graduated percentage"
        DYNAMIC = "dynamic", "Price sent with each event"
        PER_SEAT = "per_seat", "Per seat, prorated by day"

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
    starts_on = models.DateField(
        null=True,
        blank=True,
        help_text="In force for usage from this day on; empty: from the beginning.",
    )
    model = models.CharField(max_length=20, choices=Model.choices)
    unit_amount = models.DecimalField(**AMOUNT, null=True, blank=True)
    package_size = models.DecimalField(**AMOUNT, null=True, blank=True)
    package_amount = models.DecimalField(**AMOUNT, null=True, blank=True)
    free_units = models.DecimalField(**AMOUNT, default=0)
    rate = models.DecimalField(**AMOUNT, null=True, blank=True, db_comment="0.029 is 2.9 percent")
    fixed_amount = models.DecimalField(**AMOUNT, default=0, help_text="For each event that pays.")
    free_events = models.PositiveIntegerField(default=0)
    free_amount = models.DecimalField(**AMOUNT, default=0)
    event_minimum = models.DecimalField(
        **AMOUNT, null=True, blank=True, help_text="What an event costs at least."
    )
    event_maximum = models.DecimalField(
        **AMOUNT, null=True, blank=True, help_text="What an event costs at most."
    )

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(
                fields=["charge", "role", "match", "starts_on"],
                nulls_distinct=False,
                name="one_price_per_matrix_cell_and_date",
            ),
            models.CheckConstraint(
                condition=_only(model__in=["per_unit", "per_seat"], unit_amount__isnull=False)
                | _only(
                    "free_units",
                    model="package",
                    # A comparison with null would pass.
                    package_size__isnull=False,
                    package_size__gt=0,
                    package_amount__isnull=False,
                )
                | _only(model__in=["graduated", "volume", "stairstep", "graduated_percentage"])
                | _only(
                    "fixed_amount",
                    "free_events",
                    "free_amount",
                    "event_minimum",
                    "event_maximum",
                    model="percentage",
                    rate__isnull=False,
                )
                | _only("event_minimum", "event_maximum", model="dynamic"),
                name="price_has_the_fields_of_its_model",
            ),
            models.CheckConstraint(
                condition=(Q(unit_amount=None) | Q(unit_amount__gte=0))
                & (Q(package_amount=None) | Q(package_amount__gte=0))
                & (Q(rate=None) | Q(rate__gte=0))
                & (Q(event_minimum=None) | Q(event_minimum__gte=0))
                & (Q(event_maximum=None) | Q(event_maximum__gte=0))
                & Q(free_units__gte=0, fixed_amount__gte=0, free_amount__gte=0),
                name="price_is_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(event_minimum=None)
                | Q(event_maximum=None)
                | Q(event_minimum__lte=F("event_maximum")),
                name="event_minimum_is_at_most_its_maximum",
            ),
            models.CheckConstraint(
                condition=~Q(role="overage")
                | Q(
                    match={},
                    starts_on=None,
                    model__in=["per_unit", "graduated", "volume", "stairstep", "package"],
                ),
                name="overage_is_one_price_of_a_quantity",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_model_display()} price of {self.charge}"


class Tier(models.Model):
    """A step of a price with tiers: it covers what lies above the tier before, up to and with `up_to`.

    Of `unit_amount` and `rate` it has what the model of its price asks for, stairs neither (a trigger holds it).
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    price = models.ForeignKey(Price, models.CASCADE, related_name="tiers")
    position = models.PositiveSmallIntegerField()
    up_to = models.DecimalField(
        **AMOUNT, null=True, blank=True, help_text="Empty in the last tier: without end."
    )
    unit_amount = models.DecimalField(**AMOUNT, null=True, blank=True)
    rate = models.DecimalField(**AMOUNT, null=True, blank=True, db_comment="0.029 is 2.9 percent")
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
                condition=(Q(unit_amount=None) | Q(unit_amount__gte=0))
                & (Q(rate=None) | Q(rate__gte=0))
                & Q(flat_amount__gte=0)
                & (Q(up_to=None) | Q(up_to__gt=0))
                & (Q(package_size=None) | Q(package_size__gt=0)),
                name="tier_is_not_negative",
            ),
        ]

    def __str__(self) -> str:
        return f"up to {self.up_to}" if self.up_to is not None else "beyond"
