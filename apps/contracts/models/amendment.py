"""How a signed contract changes: amendments, and the rows that they add and replace.

Whatever changes in time is a row with its first day. Rows of a signed contract are never changed or deleted: an amendment adds
rows and marks those that it replaces, so that what was agreed, and what was known of it at any time, can be told.
"""

from typing import ClassVar, Self

from django.db import models
from django.db.models import Q

from apps.contracts.models.contract import Contract
from apps.core.append_only import append_only
from apps.core.digits import AMOUNT
from apps.core.ids import uuid7
from apps.plans.models import PlanVersion


@append_only
class Amendment(models.Model):
    """A change of a signed contract: from which day, why, and by whom; numbered by contract, never changed."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    contract = models.ForeignKey(Contract, models.PROTECT, related_name="amendments")
    number = models.PositiveSmallIntegerField()
    effective_on = models.DateField("effective", db_comment="The first day that it holds for")
    reason = models.TextField()
    changes = models.JSONField(db_comment="What it changes, each as a sentence, as it was read when made")
    actor = models.CharField(max_length=260)
    at = models.DateTimeField()

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(
                fields=["contract", "number"], name="amendments_are_numbered_by_contract"
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="amendment_has_a_reason"),
        ]

    def __str__(self) -> str:
        return f"Amendment {self.number} of {self.contract}"


class AgreedRow(models.Model):
    """What holds from a day on, and since which amendment it is agreed, or agreed no more."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    contract = models.ForeignKey(Contract, models.CASCADE, related_name="%(class)ss")
    starts_on = models.DateField("first day")
    added_by = models.ForeignKey(
        Amendment,
        models.PROTECT,
        null=True,
        editable=False,
        related_name="+",
        db_comment="Null: agreed when the contract was signed",
    )
    removed_by = models.ForeignKey(
        Amendment,
        models.PROTECT,
        null=True,
        editable=False,
        related_name="+",
        db_comment="Null: still agreed",
    )

    objects: ClassVar[models.Manager[Self]] = models.Manager()

    class Meta:
        abstract = True


class Phase(AgreedRow):
    """From its first day on the contract is on another plan version; phases so follow each other without gap or overlap."""

    plan_version = models.ForeignKey(PlanVersion, models.PROTECT, related_name="+")

    class Meta:
        ordering = ["starts_on"]
        constraints = [
            models.UniqueConstraint(
                fields=["contract", "starts_on"],
                condition=Q(removed_by=None),
                name="one_phase_begins_on_a_day",
            )
        ]

    def __str__(self) -> str:
        return f"{self.plan_version} from {self.starts_on}"


class SeatChange(AgreedRow):
    """From its first day on a fee is due so many times: seats, licenses."""

    charge_key = models.CharField("fee", max_length=63)
    quantity = models.DecimalField(**AMOUNT)

    class Meta:
        ordering = ["starts_on"]
        constraints = [
            models.UniqueConstraint(
                fields=["contract", "charge_key", "starts_on"],
                condition=Q(removed_by=None),
                name="a_fee_changes_once_on_a_day",
            ),
            models.CheckConstraint(condition=Q(quantity__gte=0), name="seats_are_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity.normalize():f} x {self.charge_key} from {self.starts_on}"
