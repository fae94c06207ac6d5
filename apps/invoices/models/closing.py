"""Close runs, what was approved for them, and contracts that were parked."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from apps.contracts.models import Contract
from apps.core.append_only import append_only
from apps.core.digits import MONEY
from apps.core.ids import uuid7
from apps.customers.models import LegalEntity
from apps.invoices.models.invoice import Invoice


class CloseRun(models.Model):
    """A close of many contracts: what ended by its instant is drafted, and what was reviewed finalized."""

    class Step(models.TextChoices):
        DRAFT = "draft", "Make drafts"
        FINALIZE = "finalize", "Finalize"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    step = models.CharField(max_length=8, choices=Step.choices)
    legal_entity = models.ForeignKey(LegalEntity, models.PROTECT, null=True, blank=True, related_name="+")
    started_by = models.CharField(max_length=260)
    started_at = models.DateTimeField(db_comment="What it closes had ended, or was reviewed, by then")
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["step", "legal_entity"],
                condition=Q(finished_at=None),
                nulls_distinct=False,
                name="one_active_run_a_step_and_legal_entity",
            )
        ]
        indexes = [models.Index(fields=["-started_at"], name="close_run_by_start")]

    def __str__(self) -> str:
        return f"{self.get_step_display()}, {self.started_at:%Y-%m-%d %H:%M}"


class CloseTask(models.Model):
    """One contract of a close run, and what became of it."""

    class Status(models.TextChoices):
        WAITING = "waiting", "Waiting"
        DONE = "done", "Done"
        PARKED = "parked", "Parked"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    run = models.ForeignKey(CloseRun, models.CASCADE, related_name="tasks")
    contract = models.ForeignKey(Contract, models.CASCADE, related_name="+")
    status = models.CharField(max_length=7, choices=Status.choices, default=Status.WAITING)
    done_at = models.DateTimeField(null=True, blank=True)
    invoices = models.PositiveIntegerField(default=0, db_comment="How many drafts it made or finalized")
    drafts = ArrayField(
        models.UUIDField(), default=list, db_comment="Of a run that finalizes: the drafts that it does"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "contract"], name="a_run_closes_a_contract_once"),
            models.CheckConstraint(
                condition=Q(status="waiting", done_at=None) | ~Q(status="waiting") & Q(done_at__isnull=False),
                name="a_close_task_is_done_at_a_time",
            ),
        ]
        indexes = [
            models.Index(fields=["run", "id"], condition=Q(status="waiting"), name="close_tasks_waiting")
        ]

    def __str__(self) -> str:
        return f"{self.contract} in {self.run}"


@append_only
class Approval(models.Model):
    """That a person approved a draft as it was; it counts while the draft is of the same edition and total. Append-only."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    invoice = models.ForeignKey(Invoice, models.PROTECT, related_name="approvals")
    total = models.DecimalField(**MONEY)
    edition = models.PositiveIntegerField(
        default=0, db_default=0, db_comment="The draft's when it was approved"
    )
    approved_by = models.CharField(max_length=260)
    approved_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["invoice", "approved_by", "total", "edition"],
                name="a_person_approves_an_edition_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.invoice} by {self.approved_by}"


class DraftHold(models.Model):
    """That a draft is not to be finalized until somebody releases it, and why; releasing it removes the row."""

    invoice = models.OneToOneField(Invoice, models.CASCADE, primary_key=True, related_name="hold")
    reason = models.CharField(max_length=500)
    held_by = models.CharField(max_length=260)
    held_at = models.DateTimeField()

    class Meta:
        constraints = [models.CheckConstraint(condition=~Q(reason=""), name="a_hold_has_a_reason")]

    def __str__(self) -> str:
        return f"{self.invoice}: {self.reason}"


class ParkedClose(models.Model):
    """A contract whose period could not be closed or finalized, and why; doing it later removes the row."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    contract = models.OneToOneField(Contract, models.CASCADE, related_name="+")
    period_start_on = models.DateField()
    code = models.CharField(max_length=60)
    reason = models.TextField()
    attempts = models.PositiveIntegerField(default=1)
    first_parked_at = models.DateTimeField()
    parked_at = models.DateTimeField()

    class Meta:
        verbose_name = "parked close"

    def __str__(self) -> str:
        return f"{self.contract}: {self.reason}"
