"""Published indices by which prices rise at renewals."""

from django.db import models
from django.db.models import Q

from apps.core.append_only import never_removed
from apps.core.ids import uuid7
from apps.customers.models import KEY


class PriceIndex(models.Model):
    """A published index by which prices rise at a renewal, such as a consumer price index."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    key = models.CharField(max_length=63, unique=True, validators=[KEY])
    name = models.CharField(max_length=200, help_text="As the contract names it: CPI-U, US city average.")

    class Meta:
        verbose_name_plural = "price indices"

    def __str__(self) -> str:
        return self.name


@never_removed
class IndexReading(models.Model):
    """What an index stood at from a day on."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    index = models.ForeignKey(PriceIndex, models.CASCADE, related_name="readings")
    on = models.DateField("published for", help_text="The first day that it holds for, such as 2026-10-01.")
    value = models.DecimalField(max_digits=18, decimal_places=6)

    class Meta:
        ordering = ["on"]
        constraints = [
            models.UniqueConstraint(fields=["index", "on"], name="an_index_is_read_once_a_day"),
            models.CheckConstraint(condition=Q(value__gt=0), name="index_is_above_zero"),
        ]

    def __str__(self) -> str:
        return f"{self.index} {self.value:f} from {self.on}"
