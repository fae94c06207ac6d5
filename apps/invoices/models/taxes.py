"""The tax summary of an invoice."""

from django.db import models
from django.db.models import Q

from apps.core.digits import MONEY
from apps.core.ids import uuid7
from apps.invoices.models.invoice import Invoice


class InvoiceTax(models.Model):
    """The tax of one category and rate on an invoice: a row of its tax summary."""

    class Category(models.TextChoices):
        """Categories of EN 16931 (UNCL5305)."""

        STANDARD = "S", "Standard rate"
        ZERO = "Z", "Zero rate"
        EXEMPT = "E", "Exempt"
        REVERSE_CHARGE = "AE", "Reverse charge"
        INTRA_COMMUNITY = "K", "Intra-community supply"
        EXPORT = "G", "Export, not taxed"
        OUTSIDE_SCOPE = "O", "Outside the scope of tax"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    invoice = models.ForeignKey(Invoice, models.CASCADE, related_name="taxes")
    position = models.PositiveSmallIntegerField()
    category = models.CharField(max_length=2, choices=Category.choices)
    rate = models.DecimalField(max_digits=6, decimal_places=3, db_comment="Percent")
    name = models.CharField(max_length=100, blank=True, help_text="As it is printed: VAT, sales tax.")
    place = models.CharField(
        max_length=6,
        blank=True,
        db_comment="ISO 3166: the country, or country and region, that it is owed to",
    )
    base = models.DecimalField(**MONEY, db_comment="What is taxed, without the tax")
    amount = models.DecimalField(**MONEY)
    reason = models.CharField(max_length=200, blank=True, help_text="Why there is none, as it is printed.")
    reason_code = models.CharField(max_length=30, blank=True, db_comment="VATEX code of EN 16931")

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["invoice", "position"], name="tax_positions_are_used_once"),
            models.UniqueConstraint(
                fields=["invoice", "category", "rate", "name", "place"], name="a_tax_is_summed_in_one_row"
            ),
            models.CheckConstraint(
                condition=Q(category="S") | Q(rate=0, amount=0), name="only_the_standard_category_has_tax"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.rate:f}% of {self.base:f}"
