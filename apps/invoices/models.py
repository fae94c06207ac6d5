"""Drafts and finalized invoices, their lines, numbers and PDFs, and closes that were parked."""

from django.db import models
from django.db.models import F, Q

from apps.contracts.models import Contract
from apps.core.digits import AMOUNT, MONEY
from apps.core.ids import uuid7
from apps.customers.models import Customer, LegalEntity


class NumberSeries(models.Model):
    """The next free number of a legal entity's series in one year; taken under a row lock, so without gaps."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    legal_entity = models.ForeignKey(LegalEntity, models.PROTECT, related_name="+")
    prefix = models.CharField(max_length=12)
    year = models.PositiveSmallIntegerField()
    next_number = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["prefix", "year"], name="one_series_per_prefix_and_year")
        ]


class Invoice(models.Model):
    """A bill for one contract and period: a draft until it is finalized, then unchangeable (a trigger holds it)."""

    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"
        FINALIZED = "finalized", "Finalized"

    class Kind(models.TextChoices):
        PERIOD = "period", "Of a period"
        OPENING = "opening", "In advance, at the contract's start"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(
        max_length=7,
        choices=Kind.choices,
        default=Kind.PERIOD,
        db_comment="opening: the first period's fees in advance; that period has an invoice of its own at its end",
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
    tax_rate = models.DecimalField(max_digits=6, decimal_places=3, db_comment="Percent")
    tax_amount = models.DecimalField(**MONEY)
    total = models.DecimalField(**MONEY)
    drafted_at = models.DateTimeField()
    review_until_at = models.DateTimeField(db_comment="When the draft is finalized by itself")
    finalized_at = models.DateTimeField(null=True, blank=True)
    issued_on = models.DateField(null=True, blank=True)
    due_on = models.DateField(null=True, blank=True)
    snapshot = models.JSONField(
        default=dict,
        blank=True,
        db_comment="Seller, customer, contract and usage as they were when finalized",
    )
    snapshot_hash = models.BinaryField(
        max_length=32, null=True, editable=False, db_comment="SHA-256 of the snapshot, amounts and lines"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["contract", "period_start_on", "kind"], name="one_invoice_per_contract_and_period"
            ),
            models.CheckConstraint(
                condition=Q(period_end_on__gt=F("period_start_on")), name="invoice_period_is_not_empty"
            ),
            models.CheckConstraint(
                condition=Q(status="draft", number=None, finalized_at=None, issued_on=None, due_on=None)
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
                condition=Q(total=F("subtotal") + F("tax_amount")), name="total_is_subtotal_and_tax"
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
        ]

    def __str__(self) -> str:
        return self.number or f"Draft for {self.customer}"


class InvoiceLine(models.Model):
    """One priced line with the steps that made its amount."""

    class Kind(models.TextChoices):
        USAGE = "usage", "Usage"
        RECURRING = "recurring", "Recurring fee"
        ONE_TIME = "one_time", "One-time fee"
        OVERAGE = "overage", "Overage"
        MINIMUM = "minimum", "Minimum"
        MAXIMUM = "maximum", "Maximum"
        DISCOUNT = "discount", "Discount"
        TRUE_UP = "true_up", "True-up"
        ADVANCE = "advance", "Billed in advance before"
        ADJUSTMENT = "adjustment", "Adjustment"
        CREDITS = "credits", "Paid by credits"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    invoice = models.ForeignKey(Invoice, models.CASCADE, related_name="lines")
    position = models.PositiveIntegerField()
    of_contract = models.ForeignKey(
        Contract,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_comment="The child account's contract that it belongs to; null: the invoice's own",
    )
    account_name = models.CharField(max_length=200, blank=True, db_comment="The child account's name")
    charge_key = models.CharField(
        max_length=80, blank=True, db_comment="Empty for a discount, a true-up and what was billed in advance"
    )
    key = models.CharField(
        max_length=120, blank=True, db_comment="A discount's, a commitment's or a credit grant's"
    )
    product_name = models.CharField(max_length=200, blank=True)
    name = models.CharField(max_length=200)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    dimensions = models.JSONField(default=dict, blank=True)
    starts_on = models.DateField(
        null=True, blank=True, db_comment="The first of its days, where they are not the invoice's"
    )
    ends_on = models.DateField(null=True, blank=True, db_comment="The first day after them")
    in_advance = models.BooleanField(
        default=False, db_default=False, db_comment="Of the period after the invoice's own, or an opening's"
    )
    quantity = models.DecimalField(max_digits=60, decimal_places=18)
    unit = models.CharField(
        max_length=63, blank=True, db_comment="What the quantity counts: tokens, documents, months"
    )
    price_unit = models.CharField(
        max_length=63, db_comment="Currency code, or the credit unit that it was priced in"
    )
    credits = models.DecimalField(
        **AMOUNT, null=True, blank=True, db_comment="What it cost in the credit unit"
    )
    exact = models.DecimalField(max_digits=60, decimal_places=36, db_comment="Amount before rounding")
    amount = models.DecimalField(**MONEY, db_comment="In the invoice's currency, rounded once")
    steps = models.JSONField(default=list, blank=True, db_comment="The reasons of the amount, step by step")
    adjusts = models.ForeignKey(
        Invoice,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_comment="The earlier invoice whose period this line belongs to",
    )

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["invoice", "position"], name="line_positions_are_used_once"),
            models.CheckConstraint(
                condition=Q(kind__in=["adjustment", "advance"], adjusts__isnull=False)
                | ~Q(kind__in=["adjustment", "advance"]) & Q(adjusts=None),
                name="adjustment_names_what_it_adjusts",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=["discount", "true_up", "credits"], charge_key="") & ~Q(key="")
                | Q(kind="advance", charge_key="", key="")
                | Q(kind="adjustment")
                | ~Q(kind__in=["discount", "true_up", "credits", "advance", "adjustment"])
                & ~Q(charge_key="")
                & Q(key=""),
                name="line_has_a_charge_or_a_key_of_its_own",
            ),
            models.CheckConstraint(
                condition=Q(starts_on=None, ends_on=None, in_advance=False)
                | Q(starts_on__isnull=False, ends_on__gt=F("starts_on")),
                name="line_days_are_not_empty",
            ),
        ]


class InvoicePdf(models.Model):
    """The rendered document of a finalized invoice, kept with its hash; rendered once."""

    invoice = models.OneToOneField(Invoice, models.PROTECT, primary_key=True, related_name="pdf")
    content = models.BinaryField()
    sha256 = models.BinaryField(max_length=32)
    pages = models.PositiveSmallIntegerField()
    rendered_at = models.DateTimeField()

    class Meta:
        verbose_name = "invoice PDF"


class InvoiceMail(models.Model):
    """That an invoice was mailed, to whom and when; one row an invoice, so nobody gets it twice."""

    invoice = models.OneToOneField(Invoice, models.PROTECT, primary_key=True, related_name="mail")
    recipient = models.EmailField()
    sent_at = models.DateTimeField()

    class Meta:
        verbose_name = "invoice mail"

    def __str__(self) -> str:
        return f"{self.invoice} to {self.recipient}"


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
