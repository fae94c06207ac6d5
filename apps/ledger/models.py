"""The double-entry journal: accounts of each legal entity, entries with their postings, and accounting periods."""

from django.db import models
from django.db.models import F, Q

from apps.core.append_only import append_only, never_removed
from apps.core.digits import MONEY
from apps.core.ids import uuid7
from apps.customers.models import Customer, LegalEntity


@never_removed
class Account(models.Model):
    """An account in the books of one legal entity; what the rooms post to is known by its role. Name and code alone change."""

    class Kind(models.TextChoices):
        ASSET = "asset", "Asset"
        LIABILITY = "liability", "Liability"
        INCOME = "income", "Income"
        EXPENSE = "expense", "Expense"

    class Role(models.TextChoices):
        CASH = "cash", "Cash"
        RECEIVABLES = "receivables", "Receivables"
        UNBILLED = "unbilled", "Credits not invoiced yet"
        BALANCES = "balances", "Customer balances"
        REFUNDS = "refunds", "Refunds owed"
        TAX = "tax", "Tax owed"
        DEFERRED = "deferred", "Deferred revenue"
        CREDITS = "credits", "Customer credits"
        REVENUE = "revenue", "Revenue"
        BREAKAGE = "breakage", "Expired credits"
        DISCOUNTS = "discounts", "Credits given away"
        WRITE_OFFS = "write_offs", "Write-offs"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    legal_entity = models.ForeignKey(LegalEntity, models.PROTECT, related_name="accounts")
    role = models.CharField(max_length=12, choices=Role.choices)
    kind = models.CharField(max_length=9, choices=Kind.choices)
    code = models.CharField(
        max_length=20, help_text="As your accounting system knows it, such as 1200 or 8400."
    )
    name = models.CharField(max_length=100)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["legal_entity", "role"], name="one_account_a_role"),
            models.UniqueConstraint(fields=["legal_entity", "code"], name="account_codes_are_used_once"),
            models.CheckConstraint(condition=~Q(code=""), name="account_has_a_code"),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.name}"


class AccountingPeriod(models.Model):
    """A month of one legal entity's books; a soft-closed one takes entries of staff alone, a locked one none at all."""

    class Status(models.TextChoices):
        OPEN = "open", "Open"
        SOFT_CLOSED = "soft_closed", "Soft-closed"
        LOCKED = "locked", "Locked"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    legal_entity = models.ForeignKey(LegalEntity, models.PROTECT, related_name="accounting_periods")
    starts_on = models.DateField(db_comment="The first day of the month")
    status = models.CharField(max_length=11, choices=Status.choices, default=Status.OPEN)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["legal_entity", "starts_on"], name="one_accounting_period_a_month"
            ),
            models.CheckConstraint(condition=Q(starts_on__day=1), name="accounting_period_is_a_month"),
        ]

    def __str__(self) -> str:
        return f"{self.starts_on:%B %Y}"


@append_only
class Entry(models.Model):
    """A transaction of the journal, of one document; its postings add up to nothing. Append-only, mended by another entry."""

    class Kind(models.TextChoices):
        INVOICE = "invoice", "Invoice"
        CREDIT_NOTE = "credit_note", "Credit note"
        PAYMENT = "payment", "Payment"
        ALLOCATION = "allocation", "Allocation"
        REFUND = "refund", "Refund"
        WRITE_OFF = "write_off", "Write-off"
        GRANT = "grant", "Credit grant"
        BURN = "burn", "Credits used"
        EXPIRY = "expiry", "Credits expired"
        REVERSAL = "reversal", "Reversal"
        MANUAL = "manual", "By hand"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    legal_entity = models.ForeignKey(LegalEntity, models.PROTECT, related_name="+")
    kind = models.CharField(max_length=11, choices=Kind.choices)
    source_key = models.CharField(
        max_length=140, db_comment="The document that it posts: an invoice's number, a payment's id"
    )
    description = models.CharField(max_length=200)
    posted_on = models.DateField(db_comment="The day in the books")
    document_on = models.DateField(
        db_comment="The document's own day; earlier than posted_on where its month was closed"
    )
    posted_at = models.DateTimeField()
    posted_by = models.CharField(max_length=260)
    reason = models.CharField(
        max_length=500, blank=True, default="", db_default="", help_text="Why staff made or reversed it."
    )
    reverses = models.OneToOneField("self", models.PROTECT, null=True, blank=True, related_name="reversed_by")

    class Meta:
        verbose_name = "journal entry"
        verbose_name_plural = "journal entries"
        constraints = [
            models.UniqueConstraint(
                fields=["legal_entity", "kind", "source_key"], name="a_document_is_posted_once"
            ),
            models.CheckConstraint(
                condition=Q(posted_on__gte=F("document_on")), name="entry_is_posted_on_its_day_or_later"
            ),
            models.CheckConstraint(
                condition=Q(kind="reversal", reverses__isnull=False) | ~Q(kind="reversal") & Q(reverses=None),
                name="a_reversal_names_what_it_reverses",
            ),
            models.CheckConstraint(
                condition=~Q(kind="manual", reason=""), name="an_entry_by_hand_has_a_reason"
            ),
        ]
        indexes = [models.Index(fields=["legal_entity", "posted_on", "id"], name="entry_by_day")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.source_key}"


@append_only
class Posting(models.Model):
    """An amount on one account: a debit above zero, a credit below."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    entry = models.ForeignKey(Entry, models.PROTECT, related_name="postings")
    account = models.ForeignKey(Account, models.PROTECT, related_name="+")
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="+")
    currency = models.CharField(max_length=3)
    amount = models.DecimalField(**MONEY, db_comment="Debit above zero, credit below")
    product_name = models.CharField(max_length=200, blank=True, db_comment="Of revenue")

    class Meta:
        constraints = [models.CheckConstraint(condition=~Q(amount=0), name="posting_is_not_zero")]
        indexes = [models.Index(fields=["account", "customer"], name="posting_by_account")]

    def __str__(self) -> str:
        return f"{self.amount:f} {self.currency} on {self.account}"
