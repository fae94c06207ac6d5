"""Fields of the builder's forms: numbers as people type them, and what each price model asks for."""

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django import forms

from apps.core.digits import AMOUNT
from apps.customers.models import KEY
from apps.plans import queries
from apps.plans.builder.sheet import ChargeSheet
from apps.plans.models import Charge, CreditUnit, Meter, PlanVersion, Price, Product
from apps.rating.terms import EVENT_KINDS

LONGEST_KEY = 63

_GROUPED = re.compile(r"\A\d{1,3}(?:[,\u00a0\u202f' ]\d{3})+(?:\.\d+)?\Z")
_NOT_DIGITS = re.compile(r"[^\d.]")


class Amount(forms.DecimalField):
    """A number from 0 on; 1,000.50 is read like 1000.50."""

    def __init__(self, label: str, *, needed: str = "", above_zero: bool = False, **more: Any) -> None:
        self.above_zero = above_zero
        super().__init__(
            label=label,
            required=bool(needed),
            min_value=Decimal(0),
            **AMOUNT,
            widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off", "size": 12}),
            error_messages={
                "required": needed,
                "invalid": "Write a number, such as 0.05.",
                "min_value": "Write a number that is not negative.",
                "max_decimal_places": "Write at most 18 decimals.",
                "max_digits": "Write a smaller number.",
                "max_whole_digits": "Write a smaller number.",
            },
            **more,
        )

    def to_python(self, value: Any) -> Any:
        """Read the number without the marks between its thousands."""
        if isinstance(value, str) and _GROUPED.match(value.strip()):
            value = _NOT_DIGITS.sub("", value)
        number = super().to_python(value)
        if number is not None and not number.is_finite():
            raise forms.ValidationError(self.error_messages["invalid"])
        if number == 0 and self.above_zero:
            raise forms.ValidationError("Write a number above 0, or leave it empty.")
        return number


class Percent(Amount):
    """A rate, typed in percent: 2.9 is 0.029."""

    def clean(self, value: Any) -> Decimal | None:
        """Return the rate."""
        percent = super().clean(value)
        return None if percent is None else percent.scaleb(-2)


class Day(forms.DateField):
    """A day."""

    def __init__(self, label: str, **more: Any) -> None:
        super().__init__(
            label=label,
            required=False,
            widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
            error_messages={"invalid": "Write a day as YYYY-MM-DD."},
            **more,
        )


def charge_fields(sheet: ChargeSheet, version: PlanVersion, meter: Meter | None) -> dict[str, forms.Field]:
    """Return what a charge of this kind, on this meter, with these price models asks for."""
    fields: dict[str, forms.Field] = {
        "name": forms.CharField(
            label="Name",
            max_length=200,
            help_text="What the customer reads on the invoice.",
            error_messages={"required": "Give the name that the customer reads."},
        ),
        "kind": forms.ChoiceField(label="It is", choices=Charge.Kind.choices),
        "product": _chosen(
            "Product", Product.objects.order_by("name"), "Choose the product that invoices list it under."
        ),
        "key": forms.CharField(
            label="Key",
            required=False,
            max_length=LONGEST_KEY,
            validators=[KEY],
            help_text="For the API; empty: made of the name.",
        ),
    }
    if sheet.kind != Charge.Kind.USAGE:
        return fields | _fee_fields(version)
    return fields | _usage_fields(sheet, version, meter)


def _fee_fields(version: PlanVersion) -> dict[str, forms.Field]:
    return {
        "fee_amount": Amount(f"Fee for one, {version.currency}", needed="Give the fee; 0 is free."),
        "fee_quantity": Amount(
            "How many",
            needed="Say how many; 1 for a fee that is due once.",
            help_text="Seats, licenses; 1 for a fee as such.",
        ),
        "in_advance": forms.BooleanField(label="Billed in advance, not at the end", required=False),
    }


def _usage_fields(sheet: ChargeSheet, version: PlanVersion, meter: Meter | None) -> dict[str, forms.Field]:
    names = queries.dimension_names(meter) if meter else ()
    models = {price.model for price in sheet.prices} or {Price.Model.PER_UNIT}
    fields: dict[str, forms.Field] = {
        "meter": _chosen("Meter", Meter.objects.order_by("name"), "Choose what is measured."),
        "credit_unit": _chosen(
            "Priced in", CreditUnit.objects.order_by("name"), none=f"{version.currency}, money"
        ),
    }
    if names:
        fields["dimensions"] = forms.MultipleChoiceField(
            label="Different prices by",
            required=False,
            choices=[(name, name) for name in names],
            widget=forms.CheckboxSelectMultiple,
        )
    fields["dated"] = forms.BooleanField(label="Prices change on a day", required=False)
    if not models <= EVENT_KINDS or sheet.values.get("included") or sheet.values.get("allowance"):
        unit = f" {meter.unit}" if meter else ""
        fields["included"] = Amount(f"Included{unit} in every period")
        fields["carry_over_limit"] = Amount("Carried over unused, at most", above_zero=True)
        allowances = [(allowance.key, allowance.name) for allowance in version.allowances.all()]
        if allowances:
            fields["allowance"] = forms.ChoiceField(
                label="Also takes of", required=False, choices=[("", "no shared allowance"), *allowances]
            )
    if sheet.values.get("credit_unit"):
        fields["has_overage"] = forms.BooleanField(
            label="Credits beyond the grants cost money", required=False
        )
    else:
        fields["minimum"] = Amount(f"At least in every period, {version.currency}")
        fields["maximum"] = Amount(f"At most in every period, {version.currency}")
    if Price.Model.DYNAMIC in models or sheet.values.get("amount_property"):
        fields["amount_property"] = forms.CharField(
            label="Property of the event that holds its price", required=False, max_length=100
        )
    return fields


def _chosen(label: str, among: Any, needed: str = "", *, none: str = "Choose ...") -> forms.ChoiceField:
    choices: Sequence[tuple[str, str]] = [("", none), *((one.key, str(one)) for one in among)]
    return forms.ChoiceField(
        label=label, required=bool(needed), choices=choices, error_messages={"required": needed}
    )


def price_fields(model: str, tender: str) -> dict[str, forms.Field]:
    """Return what a price of this model asks for, in a currency or credit unit."""
    each = "Give the price; 0 is free."
    bounds: dict[str, forms.Field] = {
        "event_minimum": Amount(f"At least an event, {tender}"),
        "event_maximum": Amount(f"At most an event, {tender}"),
    }
    fields: dict[str, dict[str, forms.Field]] = {
        Price.Model.PER_UNIT: {"unit_amount": Amount(f"Price of one, {tender}", needed=each)},
        Price.Model.PER_SEAT: {
            "unit_amount": Amount(f"Price of a seat for a whole period, {tender}", needed=each)
        },
        Price.Model.PACKAGE: {
            "package_amount": Amount(f"Price of a package, {tender}", needed=each),
            "package_size": Amount(
                "Units in a package", needed="Say how many units a package holds.", above_zero=True
            ),
            "free_units": Amount("First units free"),
        },
        Price.Model.PERCENTAGE: {
            "rate": Percent("Percent of each amount", needed="Give the percentage, such as 2.9."),
            "fixed_amount": Amount(f"Plus for each event, {tender}"),
            **bounds,
            "free_events": forms.IntegerField(
                label="First events free",
                required=False,
                min_value=0,
                max_value=2_000_000_000,
                widget=forms.TextInput(attrs={"inputmode": "numeric", "size": 12}),
                error_messages={
                    "invalid": "Write a whole number.",
                    "min_value": "Write a number that is not negative.",
                },
            ),
            "free_amount": Amount("First amount free"),
        },
        Price.Model.DYNAMIC: bounds,
    }
    return fields.get(model, {})


def tier_fields(model: str, tender: str) -> dict[str, forms.Field]:
    """Return what a tier of this model asks for."""
    reach: dict[str, forms.Field] = {"up_to": Amount("Up to", above_zero=True)}
    each = "Give the price; 0 is free."
    once = Amount(f"Once when entered, {tender}")
    fields: dict[str, dict[str, forms.Field]] = {
        Price.Model.STAIRSTEP: {"flat_amount": Amount(f"Price of all, {tender}", needed=each)},
        Price.Model.GRADUATED_PERCENTAGE: {
            "rate": Percent("Percent", needed="Give the percentage, such as 2.9."),
            "flat_amount": once,
        },
    }
    whole: dict[str, forms.Field] = {
        "unit_amount": Amount(f"Price of one, {tender}", needed=each),
        "flat_amount": once,
        "package_size": Amount("Sold in packages of", above_zero=True),
    }
    return {**reach, **fields.get(model, whole)}
