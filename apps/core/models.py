"""People who sign in, the audit trail and the outbox."""

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower, Now

from apps.core.append_only import append_only
from apps.core.ids import uuid7


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class User(AbstractBaseUser, PermissionsMixin):
    """A person: finance staff of the seller, or a member of a customer's portal."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    email = models.EmailField("e-mail address", unique=True)
    name = models.CharField(max_length=150, blank=True)
    is_staff = models.BooleanField(
        "works in finance", default=False, help_text="May sign in to the back office."
    )
    is_active = models.BooleanField("active", default=True, help_text="Clear this to lock a person out.")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects = UserManager()

    class Meta:
        constraints = [models.UniqueConstraint(Lower("email"), name="email_is_unique_whatever_its_case")]

    def __str__(self) -> str:
        return self.name or self.email


@append_only
class AuditEntry(models.Model):
    """Who did what to which thing, when and why; rows are only ever added (a trigger refuses the rest)."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    at = models.DateTimeField(db_comment="The instant that the action was told it acts at")
    actor = models.CharField(
        max_length=260, db_comment="E-mail of a person, 'key <prefix>' of an API key, or 'schedule'"
    )
    action = models.CharField(max_length=100, db_comment="Room and verb: invoices.finalize")
    subject_type = models.CharField(max_length=50)
    subject_key = models.CharField(max_length=260, db_comment="The human key of what was acted on")
    reason = models.TextField(blank=True)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)

    class Meta:
        verbose_name = "audit entry"
        verbose_name_plural = "audit trail"
        indexes = [
            models.Index(fields=["subject_type", "subject_key", "at"], name="audit_by_subject"),
            models.Index(fields=["at"], name="audit_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.subject_key}"


class OutboxMessage(models.Model):
    """A follow-up that must happen once its transaction is committed: the task to send and with what."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    task = models.CharField(max_length=150, db_comment="Name of the Celery task to send")
    key = models.CharField(
        max_length=200, db_comment="What it is about; with the task it makes the message unique"
    )
    arguments = models.JSONField(default=dict)
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["task", "key"], name="one_message_per_task_and_key")]
        indexes = [models.Index(fields=["created_at"], condition=Q(sent_at=None), name="outbox_waiting")]

    def __str__(self) -> str:
        return f"{self.task} {self.key}"
