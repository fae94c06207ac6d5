"""Invoices and credit notes, drafts and finalized, and the series that they are numbered in."""

from datetime import datetime

from django.db import models
from django.db.models import F, Q

from apps.contracts.models import Contract
from apps.core.append_only import never_removed
from apps.core.digits import MONEY
from apps.core.ids import uuid7
from apps.customers.models import Customer, LegalEntity


@never_removed
class NumberSeries(models.Model):
    """The next free number of a legal entity's series in one year; taken under a row lock, so without gaps.

    It only goes on, with the documents that have its numbers: a trigger holds it.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    legal_entity = models.ForeignKey(LegalEntity, models.PROTECT, related_name="+")
    prefix = models.CharField(max_length=12)
    year = models.PositiveSmallIntegerField()
    next_number = models.PositiveIntegerField(default=1)
    last_hash = models.BinaryField(
        max_length=32, null=True, editable=False, db_comment="The hash of the last document of the series"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["prefix", "year"], name="one_series_per_prefix_and_year")
        ]


class Invoice(models.Model):
    """A bill to a customer under a contract: a draft until it is finalized, then unchangeable (a trigger holds it).

    Credit notes are among them, with amounts below zero: they are numbered, chained, rendered and mailed in the same way.
    """

    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"
        FINALIZED = "finalized", "Finalized"
        VOID = "void", "Void"

    class Kind(models.TextChoices):
        PERIOD = "period", "Of a period"
        OPENING = "opening", "In advance, at the contract's start"
        THRESHOLD = "threshold", "Of a period so far"
        ONE_OFF = "one_off", "One-off"
        CREDIT_PURCHASE = "credit_purchase", "Of credits bought"
        CREDIT_NOTE = "credit_note", "Credit note"

    class Remainder(models.TextChoices):
        """What becomes of what a credit note gives back beyond what was still open of its invoice."""

        REFUND = "refund", "Refund it"
        BALANCE = "balance", "Keep it as the customer's balance"
        NEXT_INVOICE = "next_invoice", "Take it off the next invoice"

    class Because(models.TextChoices):
        """Why a credit note is given, which says what it means for pricing the period again."""

        GOODWILL = "goodwill", "Goodwill: it was right, and stays billed"
        CORRECTION = "correction", "Correction: it was wrong, and counts as given back"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(
        max_length=15,
        choices=Kind.choices,
        default=Kind.PERIOD,
        db_comment="opening, threshold: that period has an invoice of its own at its end, which takes them off",
    )
    number = models.CharField(max_length=40, unique=True, null=True, blank=True)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.DRAFT)
    legal_entity = models.ForeignKey(LegalEntity, models.PROTECT, related_name="+")
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="+")
    contract = models.ForeignKey(Contract, models.PROTECT, related_name="+")
    period_start_on = models.DateField()
    period_end_on = models.DateField(db_comment="The first day after the period")
    timezone = models.CharField(max_length=50)
    currency = models.CharField(max_length=3)
    subtotal = models.DecimalField(**MONEY)
    tax_rate = models.DecimalField(
        max_digits=6, decimal_places=3, db_comment="Percent; 0 where several rates apply, see the tax rows"
    )
    tax_amount = models.DecimalField(**MONEY)
    tax_included = models.BooleanField(
        default=False, db_default=False, db_comment="The prices include tax: the total is the subtotal"
    )
    tax_calculation = models.ForeignKey(
        "invoices.TaxCalculation",
        models.PROTECT,
        null=True,
        editable=False,
        related_name="+",
        db_comment="What an outside tax service answered for it",
    )
    total = models.DecimalField(**MONEY)
    drafted_at = models.DateTimeField()
    edited_by = models.CharField(
        max_length=260,
        blank=True,
        db_default="",
        db_comment="Who last added or removed a line of the draft: their approval does not count",
    )
    edition = models.PositiveIntegerField(
        default=0,
        db_default=0,
        db_comment="How often the draft changed: by its lines, its total or a hold; an approval is of one edition",
    )
    review_until_at = models.DateTimeField(db_comment="When the draft is finalized by itself")
    finalized_at = models.DateTimeField(null=True, blank=True)
    counted_until_at = models.DateTimeField(
        null=True,
        editable=False,
        db_comment="Of one that is priced from usage: what was received, or voided, until then is on it, all else is not",
    )
    issued_on = models.DateField(null=True, blank=True)
    due_on = models.DateField(null=True, blank=True)
    snapshot = models.JSONField(
        default=dict,
        blank=True,
        db_comment="Seller, customer, contract and usage as they were when finalized",
    )
    snapshot_hash = models.BinaryField(
        max_length=32,
        null=True,
        editable=False,
        db_comment="SHA-256 of the snapshot, amounts, lines and the hash before it",
    )
    previous_hash = models.BinaryField(
        max_length=32,
        null=True,
        editable=False,
        db_comment="The hash of the document before it in its series",
    )
    replaces = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="replaced_by",
        db_comment="The credited invoice that this one was issued again for",
    )
    credits = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="credit_notes",
        db_comment="Of a credit note: the invoice that it corrects",
    )
    remainder = models.CharField(
        max_length=12, choices=Remainder.choices, blank=True, db_comment="Of a credit note"
    )
    because = models.CharField(
        max_length=10,
        choices=Because.choices,
        blank=True,
        db_comment="Of a credit note; of a correction, what it gives back no longer counts as billed",
    )
    request_key = models.CharField(
        max_length=255,
        blank=True,
        db_comment="Of a credit note: what whoever asked for it named it by, so that it is written once",
    )
    reason = models.CharField(
        max_length=500, blank=True, help_text="Of a credit note, a one-off invoice or a voided draft."
    )

    class Meta:
        permissions = [
            ("finalize_invoice", "Can finalize drafts"),
            ("approve_invoice", "Can approve drafts above the amount that needs two people"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["contract", "period_start_on", "kind"],
                condition=Q(kind__in=["period", "opening"], replaces=None),
                name="one_invoice_per_contract_and_period",
            ),
            models.UniqueConstraint(
                fields=["contract", "period_start_on"],
                condition=Q(kind="threshold", status="draft"),
                name="one_threshold_draft_at_a_time",
            ),
            models.CheckConstraint(
                condition=Q(period_end_on__gt=F("period_start_on")), name="invoice_period_is_not_empty"
            ),
            models.CheckConstraint(
                condition=Q(
                    status__in=["draft", "void"], number=None, finalized_at=None, issued_on=None, due_on=None
                )
                | Q(
                    status="finalized",
                    number__isnull=False,
                    finalized_at__isnull=False,
                    issued_on__isnull=False,
                    due_on__isnull=False,
                    snapshot_hash__isnull=False,
                ),
                name="finalized_means_numbered_and_dated",
            ),
            models.CheckConstraint(
                condition=Q(counted_until_at=None)
                | Q(finalized_at__isnull=False, counted_until_at__gte=F("finalized_at")),
                name="usage_is_counted_until_finalized",
            ),
            models.CheckConstraint(
                condition=Q(tax_included=False, total=F("subtotal") + F("tax_amount"))
                | Q(tax_included=True, total=F("subtotal")),
                name="total_is_subtotal_and_tax",
            ),
            models.CheckConstraint(
                condition=Q(kind="credit_note", credits__isnull=False, subtotal__lte=0, total__lte=0)
                & ~Q(reason="")
                & ~Q(remainder="")
                & ~Q(because="")
                | ~Q(kind="credit_note") & Q(credits=None, remainder="", because="", request_key=""),
                name="credit_note_names_what_it_credits_and_why",
            ),
            models.UniqueConstraint(
                fields=["customer", "request_key"],
                condition=~Q(request_key=""),
                name="a_credit_note_is_asked_for_once",
            ),
            models.CheckConstraint(condition=~Q(status="void", reason=""), name="void_has_a_reason"),
            models.CheckConstraint(
                condition=Q(replaces=None) | Q(kind="period"), name="a_period_is_issued_again"
            ),
            models.UniqueConstraint(
                fields=["replaces"], condition=~Q(status="void"), name="an_invoice_is_issued_again_once"
            ),
            models.CheckConstraint(
                condition=Q(due_on=None) | Q(due_on__gte=F("issued_on")),
                name="invoice_is_due_after_its_issue",
            ),
        ]
        indexes = [
            models.Index(fields=["customer", "-period_start_on"], name="invoice_by_customer"),
            models.Index(
                fields=["review_until_at"], condition=Q(status="draft"), name="invoice_drafts_by_review_end"
            ),
            models.Index(fields=["due_on"], condition=Q(status="finalized"), name="invoice_by_due_day"),
            models.Index(
                fields=["customer", "currency"],
                condition=Q(kind="credit_note"),
                name="credit_note_by_customer",
            ),
        ]

    def __str__(self) -> str:
        return self.number or f"Draft for {self.customer}"

    @property
    def counted_until(self) -> datetime | None:
        """Return until when usage was received or voided that is on it; for one that does not say so, when it was finalized."""
        return self.counted_until_at or self.finalized_at
