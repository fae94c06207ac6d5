"""What model providers ask for, by the day: public price lists as they were imported, and what plans take from them."""

from typing import Final

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from apps.core.append_only import append_only
from apps.core.digits import AMOUNT, Digits
from apps.core.ids import uuid7
from apps.customers.models import KEY
from apps.plans.models.offered import Plan

# Published lists hold numbers such as 0.000007500003000000001: they are kept to their last digit.
LISTED: Final[Digits] = {"max_digits": 44, "decimal_places": 32}


class PriceList(models.Model):
    """A published list of what models cost, whose versions are imported by their day."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    key = models.CharField(max_length=63, unique=True, validators=[KEY])
    name = models.CharField(max_length=200)
    currency = models.CharField(max_length=3, default="USD")
    source = models.TextField(blank=True, help_text="Where it is published, and under which license.")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(currency__regex=r"^[A-Z]{3}$"), name="price_list_currency_is_iso_4217"
            )
        ]

    def __str__(self) -> str:
        return self.name


@append_only
class PriceListVersion(models.Model):
    """A list as it was on a day; it never changes (a trigger holds it)."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    price_list = models.ForeignKey(PriceList, models.PROTECT, related_name="versions")
    day = models.DateField(help_text="The day that its prices are in force from.")
    sha256 = models.CharField(max_length=64, editable=False, db_comment="Of the file, uncompressed")
    models_read = models.PositiveIntegerField(editable=False)
    prices_read = models.PositiveIntegerField(editable=False)
    left_out = models.JSONField(
        default=list,
        editable=False,
        db_comment="What no price was read from: model, field and reason of each",
    )
    imported_at = models.DateTimeField(editable=False)
    imported_by = models.CharField(max_length=254, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["price_list", "day"], name="one_price_list_version_per_day")
        ]

    def __str__(self) -> str:
        return f"{self.price_list} of {self.day:%Y-%m-%d}"


@append_only
class ListedPrice(models.Model):
    """What one token of a kind costs at a model, exactly as the list has it; it never changes (a trigger holds it)."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    version = models.ForeignKey(PriceListVersion, models.PROTECT, related_name="prices")
    model = models.CharField(max_length=200)
    kind = models.CharField(max_length=60)
    amount = models.DecimalField(**LISTED)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["version", "model", "kind"], name="one_listed_price_per_model_and_kind"
            ),
            models.CheckConstraint(condition=Q(amount__gte=0), name="listed_price_is_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.model}, {self.kind}"


class Markup(models.Model):
    """How a plan's charge last took its prices from a list, so that a new version of the list is taken the same way."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    plan = models.ForeignKey(Plan, models.CASCADE, related_name="markups")
    charge_key = models.CharField(max_length=63)
    price_list = models.ForeignKey(PriceList, models.PROTECT, related_name="markups")
    # Of the list's versions the latest when it was taken.
    taken_from = models.ForeignKey(PriceListVersion, models.PROTECT, related_name="+")
    patterns = models.JSONField(default=list, db_comment="Which models: names with * for any; empty: all")
    names = models.JSONField(
        default=dict, db_comment="Other names that events give models: to the list's own"
    )
    model_dimension = models.CharField(max_length=50)
    kind_dimension = models.CharField(max_length=50, blank=True)
    kinds = models.JSONField(db_comment="The list's kinds of tokens, each to its value of the kind dimension")
    margin_percent = models.DecimalField(**AMOUNT)
    is_dated = models.BooleanField()
    from_day = models.DateField(null=True)
    rounds_finer = models.BooleanField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["plan", "charge_key"], name="one_markup_per_charge"),
            models.CheckConstraint(condition=Q(margin_percent__gte=-100), name="markup_leaves_a_price"),
        ]

    def __str__(self) -> str:
        return f"{self.price_list} for {self.charge_key} of {self.plan}"
