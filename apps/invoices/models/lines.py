"""The lines of invoices, and those that staff add to a draft."""

from django.db import models
from django.db.models import F, Q

from apps.contracts.models import Contract
from apps.core.digits import AMOUNT, MONEY
from apps.core.ids import uuid7
from apps.invoices.models.invoice import Invoice

# Kinds of lines that belong to no charge, and say by a key what they are of.
_KEYED = ["discount", "true_up", "credits", "credit_purchase", "manual"]


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
        CREDIT_PURCHASE = "credit_purchase", "Credits bought"
        MANUAL = "manual", "Added by hand"

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
    kind = models.CharField(max_length=15, choices=Kind.choices)
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
    tax_category = models.CharField(
        max_length=2, blank=True, db_comment="EN 16931 (UNCL5305): S, Z, E, AE, G, O, K; empty: not taxed"
    )
    tax_rate = models.DecimalField(max_digits=6, decimal_places=3, default=0, db_default=0)
    tax_amount = models.DecimalField(
        **MONEY, default=0, db_default=0, db_comment="Its share of the invoice's tax"
    )
    steps = models.JSONField(default=list, blank=True, db_comment="The reasons of the amount, step by step")
    credits_line = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_comment="Of a credit note's line: the invoice's line that it corrects",
    )
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
                condition=Q(kind__in=_KEYED, charge_key="") & ~Q(key="")
                | Q(kind="advance", charge_key="", key="")
                | Q(kind="adjustment")
                | Q(credits_line__isnull=False)
                | ~Q(kind__in=[*_KEYED, "advance", "adjustment"]) & ~Q(charge_key="") & Q(key=""),
                name="line_has_a_charge_or_a_key_of_its_own",
            ),
            models.CheckConstraint(
                condition=Q(starts_on=None, ends_on=None, in_advance=False)
                | Q(starts_on__isnull=False, ends_on__gt=F("starts_on")),
                name="line_days_are_not_empty",
            ),
        ]


class ManualLine(models.Model):
    """A line or discount that staff added to a draft, with the reason; it stays when the draft is rated again."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    invoice = models.ForeignKey(Invoice, models.CASCADE, related_name="manual_lines")
    name = models.CharField(max_length=200)
    product_name = models.CharField(max_length=200, blank=True)
    quantity = models.DecimalField(max_digits=40, decimal_places=18, default=1)
    unit = models.CharField(max_length=63, blank=True)
    amount = models.DecimalField(**MONEY, help_text="Below zero for a discount.")
    percent = models.DecimalField(
        max_digits=6,
        decimal_places=3,
        null=True,
        blank=True,
        db_comment="Of a discount in percent: it follows the subtotal, and the amount is what it first came to",
    )
    reason = models.CharField(max_length=500)
    added_by = models.CharField(max_length=260)
    added_at = models.DateTimeField()

    class Meta:
        ordering = ["added_at", "id"]
        constraints = [
            models.CheckConstraint(condition=~Q(amount=0), name="manual_line_is_not_zero"),
            models.CheckConstraint(condition=~Q(reason=""), name="manual_line_has_a_reason"),
            models.CheckConstraint(
                condition=Q(percent=None) | Q(percent__gt=0, percent__lte=100, amount__lt=0),
                name="manual_percentage_is_a_discount",
            ),
        ]

    def __str__(self) -> str:
        return self.name
