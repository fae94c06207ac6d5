"""Where a legal entity is registered for tax, what the rates are, and who is exempt; each with its days."""

from typing import Any

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateRangeField, RangeOperators
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Func, Q, UUIDField, Value
from django.db.models.functions import Cast, Coalesce

from apps.core.ids import uuid7
from apps.customers.models.parties import Customer, LegalEntity

_COUNTRY = RegexValidator(r"\A[A-Z]{2}\Z", "Give the country by its two letters, as in ISO 3166: US, DE, JP.")
_REGION = RegexValidator(r"\A[A-Z0-9]{1,3}\Z", "Give the state or province by its code, as in ISO 3166: NY.")
_EVERY = "00000000-0000-0000-0000-000000000000"


class TaxClass(models.TextChoices):
    """What kind of goods or services a product is to the tax office; a place without a rate for one taxes it as standard."""

    STANDARD = "standard", "Standard"
    REDUCED = "reduced", "Reduced"
    ZERO = "zero", "Zero-rated"


class DateRange(Func):
    """The days from one column until another, which is left open where it is null."""

    function = "DATERANGE"
    output_field: Any = DateRangeField()


class _Taxed(models.Model):
    """A country, or a state or province of it, and the days that something about its tax holds for."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    country = models.CharField(
        max_length=2, validators=[_COUNTRY], help_text="Two letters, as in ISO 3166: US, DE, JP."
    )
    region = models.CharField(
        "state or province",
        max_length=3,
        blank=True,
        validators=[_REGION],
        help_text="By its code, as in ISO 3166: NY, CA, ON. Empty: the whole country.",
    )
    starts_on = models.DateField("from")
    ends_on = models.DateField(
        "until", null=True, blank=True, help_text="The first day that it no longer holds. Empty: it goes on."
    )

    class Meta:
        abstract = True

    @property
    def place(self) -> str:
        """The country, or country and region, as ISO 3166 writes it."""
        return f"{self.country}-{self.region}" if self.region else self.country


class TaxRegistration(_Taxed):
    """That a legal entity is registered for tax at a place: what it sells there it must tax."""

    class Scheme(models.TextChoices):
        LOCAL = "local", "At the place itself"
        ONE_STOP = "one_stop", "EU One-Stop Shop: consumers in the whole EU"

    legal_entity = models.ForeignKey(LegalEntity, models.PROTECT, related_name="tax_registrations")
    scheme = models.CharField(max_length=8, choices=Scheme.choices, default=Scheme.LOCAL)
    number = models.CharField("tax number", max_length=40, help_text="As the tax office gave it.")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_on=None) | Q(ends_on__gt=F("starts_on")),
                name="tax_registration_is_not_empty",
            ),
            models.CheckConstraint(condition=~Q(number=""), name="tax_registration_has_a_number"),
            ExclusionConstraint(
                expressions=[
                    ("legal_entity", RangeOperators.EQUAL),
                    ("country", RangeOperators.EQUAL),
                    ("region", RangeOperators.EQUAL),
                    ("scheme", RangeOperators.EQUAL),
                    (DateRange("starts_on", "ends_on"), RangeOperators.OVERLAPS),
                ],
                name="one_tax_registration_a_place_at_a_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.legal_entity} in {self.place}"


class TaxRate(_Taxed):
    """The tax of a place, in percent, for a class of products."""

    legal_entity = models.ForeignKey(
        LegalEntity,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Empty: for all. One's own rate goes before that for all.",
    )
    tax_class = models.CharField(max_length=8, choices=TaxClass.choices, default=TaxClass.STANDARD)
    name = models.CharField(max_length=40, help_text="As it is printed: VAT, USt, TVA, Sales tax.")
    percent = models.DecimalField(max_digits=6, decimal_places=3, help_text="19 means 19%.")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_on=None) | Q(ends_on__gt=F("starts_on")), name="tax_rate_is_not_empty"
            ),
            models.CheckConstraint(
                condition=Q(percent__gte=0, percent__lte=100), name="rate_of_tax_is_a_percentage"
            ),
            models.CheckConstraint(condition=~Q(name=""), name="tax_rate_has_a_name"),
            ExclusionConstraint(
                expressions=[
                    (
                        Coalesce("legal_entity", Cast(Value(_EVERY), UUIDField())),
                        RangeOperators.EQUAL,
                    ),
                    ("country", RangeOperators.EQUAL),
                    ("region", RangeOperators.EQUAL),
                    ("tax_class", RangeOperators.EQUAL),
                    (DateRange("starts_on", "ends_on"), RangeOperators.OVERLAPS),
                ],
                name="one_tax_rate_a_place_and_class_at_a_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.percent:f}% in {self.place}"


class TaxExemption(_Taxed):
    """That a customer need not pay the tax of a place, and the certificate that says so."""

    customer = models.ForeignKey(Customer, models.CASCADE, related_name="tax_exemptions")
    certificate = models.CharField(
        "certificate number", max_length=60, help_text="It is printed on the invoice."
    )
    reason = models.CharField(max_length=200, help_text="Why: resale, charity, embassy.")
    reference = models.CharField(
        max_length=300, blank=True, help_text="Where the certificate is filed: a link or a file number."
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_on=None) | Q(ends_on__gt=F("starts_on")), name="tax_exemption_is_not_empty"
            ),
            models.CheckConstraint(
                condition=~Q(certificate="") & ~Q(reason=""), name="tax_exemption_has_a_certificate"
            ),
            ExclusionConstraint(
                expressions=[
                    ("customer", RangeOperators.EQUAL),
                    ("country", RangeOperators.EQUAL),
                    ("region", RangeOperators.EQUAL),
                    (DateRange("starts_on", "ends_on"), RangeOperators.OVERLAPS),
                ],
                name="one_tax_exemption_a_place_at_a_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.customer} in {self.place}: {self.certificate}"
