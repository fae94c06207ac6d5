"""What became of a term's end: renewals, and the reminders that went out before."""

from django.db import models
from django.db.models import F, Q

from apps.contracts.models.amendment import Amendment
from apps.contracts.models.contract import Contract
from apps.core.append_only import append_only
from apps.core.digits import AMOUNT
from apps.core.ids import uuid7


@append_only
class Renewal(models.Model):
    """A term that followed on another, with how much prices rose; never changed."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    contract = models.ForeignKey(Contract, models.PROTECT, related_name="renewals")
    amendment = models.OneToOneField(Amendment, models.PROTECT, related_name="+")
    starts_on = models.DateField("first day", db_comment="The first day of the new term")
    ends_on = models.DateField("end", db_comment="The first day that the new term does not cover")
    factor = models.DecimalField(
        **AMOUNT, db_comment="1.05: prices rose by 5 percent, as far as 18 decimals tell"
    )
    is_automatic = models.BooleanField()
    renewed_at = models.DateTimeField()

    class Meta:
        ordering = ["starts_on"]
        constraints = [
            models.UniqueConstraint(fields=["contract", "starts_on"], name="a_term_is_renewed_once"),
            models.CheckConstraint(
                condition=Q(ends_on__gt=F("starts_on")), name="a_renewed_term_is_not_empty"
            ),
            models.CheckConstraint(condition=Q(factor__gte=1), name="a_renewal_lowers_no_price"),
        ]

    def __str__(self) -> str:
        return f"{self.contract} from {self.starts_on}"


class RenewalReminder(models.Model):
    """Word to the seller that a contract's notice day or end comes near; once for each end and number of days."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    contract = models.ForeignKey(Contract, models.CASCADE, related_name="renewal_reminders")
    ends_on = models.DateField(db_comment="The end that it is about: an end that moves is another one")
    days_before = models.PositiveSmallIntegerField()
    taken_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, db_comment="When the mail was handed over; null until then")

    class Meta:
        ordering = ["taken_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["contract", "ends_on", "days_before"], name="each_reminder_of_an_end_is_taken_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.contract}: {self.days_before} days before {self.ends_on}"
