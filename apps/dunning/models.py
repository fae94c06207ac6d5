"""How overdue invoices are followed up: policies with steps, and a case per overdue invoice."""

from django.db import models
from django.db.models import Q

from apps.core.ids import uuid7
from apps.customers.models import LegalEntity
from apps.invoices.models import Invoice


class Policy(models.Model):
    """A legal entity's way of reminding, step by step."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    legal_entity = models.OneToOneField(LegalEntity, models.CASCADE, related_name="+")
    name = models.CharField(max_length=100)

    class Meta:
        verbose_name_plural = "policies"

    def __str__(self) -> str:
        return self.name


class PolicyStep(models.Model):
    """One reminder, so many days after the due day."""

    class Tone(models.TextChoices):
        FRIENDLY = "friendly", "Friendly reminder"
        FIRM = "firm", "Firm reminder"
        FINAL = "final", "Final notice"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    policy = models.ForeignKey(Policy, models.CASCADE, related_name="steps")
    days_after_due = models.PositiveSmallIntegerField()
    tone = models.CharField(max_length=10, choices=Tone.choices)

    class Meta:
        ordering = ["days_after_due"]
        constraints = [
            models.UniqueConstraint(fields=["policy", "days_after_due"], name="one_step_per_policy_and_day")
        ]

    def __str__(self) -> str:
        return f"{self.get_tone_display()}, {self.days_after_due} days after the due day"


class Case(models.Model):
    """The follow-up of one overdue invoice."""

    class Status(models.TextChoices):
        OPEN = "open", "Open"
        PAUSED = "paused", "Paused"
        CLOSED = "closed", "Closed"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    invoice = models.ForeignKey(Invoice, models.PROTECT, related_name="+")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.OPEN)
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "dunning case"
        constraints = [
            models.UniqueConstraint(
                fields=["invoice"], condition=~Q(status="closed"), name="one_live_case_per_invoice"
            ),
            models.CheckConstraint(
                condition=Q(status="closed", closed_at__isnull=False)
                | ~Q(status="closed") & Q(closed_at=None),
                name="closed_means_dated",
            ),
        ]

    def __str__(self) -> str:
        return f"Case of {self.invoice}"


class Reminder(models.Model):
    """A step that was taken in a case; each step once."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    case = models.ForeignKey(Case, models.CASCADE, related_name="reminders")
    days_after_due = models.PositiveSmallIntegerField()
    tone = models.CharField(max_length=10, choices=PolicyStep.Tone.choices)
    taken_at = models.DateTimeField()
    sent_at = models.DateTimeField(
        null=True, blank=True, db_comment="When the mail was handed over; null until then"
    )

    class Meta:
        ordering = ["taken_at"]
        constraints = [
            models.UniqueConstraint(fields=["case", "days_after_due"], name="each_step_is_taken_once")
        ]
