"""What was expected of periods while they ran."""

from django.db import models
from django.db.models import F, Q

from apps.contracts.models import Contract
from apps.core.digits import MONEY
from apps.core.ids import uuid7


class KeptForecast(models.Model):
    """What a contract's period was last expected to come to before its end came near; its draft is held against it.

    Amounts are at the contract's prices, after credits and before tax is added.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    contract = models.ForeignKey(Contract, models.CASCADE, related_name="+")
    period_start_on = models.DateField()
    forecast_at = models.DateTimeField()
    currency = models.CharField(max_length=3)
    so_far = models.DecimalField(**MONEY, db_comment="What it came to by then, with all of its fees")
    expected = models.DecimalField(**MONEY)
    low = models.DecimalField(**MONEY, db_comment="With `high` the range of four times in five")
    high = models.DecimalField(**MONEY)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["contract", "period_start_on"], name="a_period_keeps_one_forecast"
            ),
            models.CheckConstraint(
                condition=Q(low__lte=F("expected"), high__gte=F("expected")),
                name="a_kept_forecast_lies_in_its_range",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.contract} from {self.period_start_on}: {self.expected} {self.currency}"
