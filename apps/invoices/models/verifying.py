"""Proofs of all invoices, as staff ask for them."""

from django.db import models
from django.db.models import F, Q

from apps.core.ids import uuid7


class VerifyRun(models.Model):
    """A proof of all finalized documents: how far it is, and every problem that it found."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    started_by = models.CharField(max_length=260)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    documents = models.PositiveIntegerField(default=0, db_comment="How many there are to prove")
    checked = models.PositiveIntegerField(default=0)
    events = models.PositiveBigIntegerField(default=0, db_comment="How many raw events it counted anew")
    problems = models.JSONField(default=list, blank=True, db_comment="Number and problem, the first ones")
    problem_count = models.PositiveIntegerField(default=0)
    waiting_count = models.PositiveIntegerField(
        default=0, db_comment="Differences that the next invoices adjust"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(checked__lte=F("documents")), name="no_more_is_proven_than_there_is"
            )
        ]
        indexes = [models.Index(fields=["-started_at"], name="verify_run_by_start")]

    def __str__(self) -> str:
        return f"Proof of {self.started_at:%Y-%m-%d %H:%M}"
