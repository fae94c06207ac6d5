"""The builder's form of one charge: only the fields that its kind, meter and price models ask for, checked field by field."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.text import slugify

from apps.core.formats import plain
from apps.customers.models import KEY
from apps.plans import mistakes, queries
from apps.plans.builder.fields import LONGEST_KEY, Amount, Day, charge_fields, price_fields, tier_fields
from apps.plans.builder.sheet import ANY_IN_WORDS, TIERED, ChargeSheet, PriceSheet, can_be_text, read_cells
from apps.plans.described import NewAllowance, NewCharge, NewPrice, NewTier
from apps.plans.models import Charge, CreditUnit, Meter, PlanVersion, Price
from apps.rating.terms import OVERAGE_KINDS

_ZERO = Decimal(0)


class PartForm(forms.Form):
    """Fields that are made for what is chosen."""

    def __init__(self, data: Any, prefix: str | None, fields: dict[str, forms.Field]) -> None:
        super().__init__(data, prefix=prefix, use_required_attribute=False)
        self.fields.update(fields)
        for name in self.fields:
            self[name].field.widget.attrs["aria-describedby"] = f"{self[name].auto_id}_error"


class ChargeForm(PartForm):
    """What a charge is, whatever it costs."""

    def __init__(self, sheet: ChargeSheet, version: PlanVersion, meter: Meter | None) -> None:
        super().__init__(sheet.data(), None, charge_fields(sheet, version, meter))

    def clean(self) -> dict[str, Any]:
        """Take bounds and carry-over that make sense together."""
        fields = super().clean() or self.cleaned_data
        minimum, maximum = fields.get("minimum"), fields.get("maximum")
        if minimum is not None and maximum is not None and minimum > maximum:
            self.add_error("maximum", "Make it at least the minimum.")
        if fields.get("carry_over_limit") and not fields.get("included"):
            self.add_error("carry_over_limit", "Give an included quantity, of which something can be left.")
        return fields


@dataclass(slots=True)
class PriceForms:
    """The forms of one price: its fields, its cell, and its tiers."""

    prefix: str
    tender: str
    sheet: PriceSheet
    head: PartForm
    cell: PartForm
    tiers: list[PartForm]

    @property
    def parts(self) -> list[PartForm]:
        """Return all of its forms."""
        return [self.head, self.cell, *self.tiers]

    @property
    def is_tiered(self) -> bool:
        """Tell whether it has tiers."""
        return self.sheet.model in TIERED

    @property
    def details(self) -> list[forms.BoundField]:
        """Return the fields of its model."""
        return [self.head[name] for name in self.head.fields if name not in {"model", "starts_on"}]

    @property
    def tier_labels(self) -> list[str]:
        """Return the heads of the columns of its tiers."""
        return [str(field.label) for field in tier_fields(self.sheet.model, self.tender).values()]

    def check_tiers(self) -> None:
        """Refuse tiers that do not rise, or that end, at the tier which must change."""
        below = _ZERO
        for number, tier in enumerate(self.tiers, start=1):
            if "up_to" in tier.errors:
                continue
            up_to = tier.cleaned_data["up_to"]
            if number == len(self.tiers):
                if up_to is not None:
                    tier.add_error("up_to", "Leave it empty: the last tier has no end. Or add one after it.")
            elif up_to is None:
                tier.add_error("up_to", "Say where it ends; only the last tier has no end.")
            elif up_to <= below:
                tier.add_error("up_to", f"Make it more than {plain(below):f}, where the tier before ends.")
            below = up_to or below

    def price(self) -> NewPrice:
        """Return the price that was typed."""
        fields = {name: value for name, value in self.head.cleaned_data.items() if value is not None}
        return NewPrice(
            **fields,
            match={name: value for name, value in self.cell.cleaned_data.items() if value},
            tiers=tuple(
                NewTier(
                    **{"up_to": None}
                    | {name: value for name, value in tier.cleaned_data.items() if value is not None}
                )
                for tier in self.tiers
            ),
        )


@dataclass(slots=True)
class ChargeForms:
    """All forms of a charge, bound to what was typed; they say what is wrong once they are checked."""

    version: PlanVersion
    sheet: ChargeSheet
    charge_id: str
    meter: Meter | None
    head: ChargeForm
    prices: list[PriceForms]
    overage: PriceForms | None
    checked: bool = False
    general: list[str] = field(default_factory=list)

    @property
    def is_usage(self) -> bool:
        """Tell whether it is for usage, not a fee."""
        return self.sheet.kind == Charge.Kind.USAGE

    @property
    def is_dated(self) -> bool:
        """Tell whether its prices have dates."""
        return bool(self.sheet.values.get("dated"))

    @property
    def is_matrix(self) -> bool:
        """Tell whether it prices by dimensions."""
        return bool(self.sheet.dimensions)

    @property
    def may_be_text(self) -> bool:
        """Tell whether its prices can be written as text."""
        return self.is_matrix and can_be_text(self.sheet)

    @property
    def hidden(self) -> list[tuple[str, str]]:
        """Return what was typed into fields that are not shown now, so that it comes back with them."""
        shown = {bound.html_name for part in self._parts() for bound in part}
        return [
            (name, value)
            for name, value in self.sheet.data().items()
            if isinstance(value, str) and value and name not in shown and name != "cells"
        ]

    def check(self) -> bool:
        """Check every field, then the charge as a whole; tell whether it can be saved."""
        self.checked = True
        if self.sheet.is_text:
            self._check_text()
        for part in self._parts():
            part.full_clean()
        for price in self._priced():
            price.check_tiers()
        if self.general or any(part.errors for part in self._parts()):
            return False
        for mistake in mistakes.charge_mistakes(self.new(), self.meter, self.version.currency):
            self._add(mistake)
        return not self.general and not self.head.errors

    def new(self) -> NewCharge:
        """Return the charge that was typed; the forms are whole."""
        fields = {name: value for name, value in self.head.cleaned_data.items() if value not in (None, "")}
        for asked in ("dated", "has_overage"):
            fields.pop(asked, None)
        fields["key"] = fields.get("key") or self._free_key(fields["name"])
        fields["dimensions"] = tuple(self.sheet.dimensions)
        prices = tuple(price.price() for price in self.prices) if self.is_usage else ()
        return NewCharge(**fields, prices=prices, overage=self.overage.price() if self.overage else None)

    def _priced(self) -> list[PriceForms]:
        return [*self.prices, *([self.overage] if self.overage else [])]

    def _parts(self) -> Iterable[PartForm]:
        yield self.head
        for price in self._priced():
            yield from price.parts

    def _check_text(self) -> None:
        for number, price in enumerate(self.prices, start=1):
            for part in price.parts:
                part.full_clean()
                found = [str(error) for errors in part.errors.values() for error in errors]
                if found:
                    self.general.append(f"Line {number}: {' '.join(found)}")

    def _add(self, mistake: mistakes.Mistake) -> None:
        text = f"{mistake.text[:1].upper()}{mistake.text[1:]}"
        if mistake.field in self.head.fields:
            self.head.add_error(mistake.field, text)
        else:
            self.general.append(text)

    def _free_key(self, name: str) -> str:
        stem = slugify(name)[: LONGEST_KEY - 4] or "charge"
        charges = self.version.charges.all()
        if self.charge_id:
            charges = charges.exclude(pk=self.charge_id)
        taken = {
            *charges.values_list("key", flat=True),
            *self.version.allowances.values_list("key", flat=True),
        }
        numbered = (stem if number == 1 else f"{stem}-{number}" for number in range(1, len(taken) + 2))
        return next(key for key in numbered if key not in taken)


class AllowanceForm(forms.Form):
    """Included units that several charges share."""

    name = forms.CharField(max_length=200, error_messages={"required": "Give the name that customers read."})
    key = forms.CharField(required=False, max_length=LONGEST_KEY, validators=[KEY])
    quantity = Amount("Included in every period", needed="Say how many units are included.", above_zero=True)
    carry_over_limit = Amount("Carried over unused, at most", above_zero=True)

    def new(self) -> NewAllowance:
        """Return the allowance that was typed."""
        fields = self.cleaned_data
        key = fields["key"] or slugify(fields["name"])[:LONGEST_KEY] or "allowance"
        return NewAllowance(key, fields["name"], fields["quantity"], fields["carry_over_limit"])


def charge_forms(sheet: ChargeSheet, version: PlanVersion, *, charge_id: str = "") -> ChargeForms:
    """Return the forms for what was typed, with the fields that it asks for."""
    meter = Meter.objects.filter(key=sheet.values.get("meter", "")).first()
    offered = queries.dimension_names(meter) if meter else ()
    sheet.dimensions = [name for name in sheet.dimensions if name in offered]
    if sheet.is_text:
        sheet.prices = read_cells(sheet.values.get("cells", ""), sheet.dimensions)
        if any(price.values["starts_on"] for price in sheet.prices):
            sheet.values["dated"] = "on"
    sheet.complete()
    if not sheet.dimensions and not sheet.values.get("dated"):
        del sheet.prices[1:]
    unit = CreditUnit.objects.filter(key=sheet.values.get("credit_unit", "")).first()
    tender = unit.name if unit else version.currency
    is_usage = sheet.kind == Charge.Kind.USAGE
    data = sheet.data()
    prices = [
        _price_forms(data, f"p{place}", price, sheet, tender) for place, price in enumerate(sheet.prices)
    ]
    wants_overage = is_usage and unit is not None and bool(sheet.values.get("has_overage"))
    return ChargeForms(
        version=version,
        sheet=sheet,
        charge_id=charge_id,
        meter=meter,
        head=ChargeForm(sheet, version, meter),
        prices=prices if is_usage else [],
        overage=_price_forms(data, "overage", sheet.overage, None, version.currency)
        if wants_overage
        else None,
    )


def _price_forms(
    data: Any, prefix: str, price: PriceSheet, sheet: ChargeSheet | None, tender: str
) -> PriceForms:
    models = [choice for choice in Price.Model.choices if sheet or choice[0] in OVERAGE_KINDS]
    head: dict[str, forms.Field] = {
        "model": forms.ChoiceField(label="Price model", choices=models, initial=price.model)
    }
    cell: dict[str, forms.Field] = {}
    if sheet and sheet.values.get("dated"):
        head["starts_on"] = Day("In force from")
    if sheet:
        cell = {
            name: forms.CharField(
                label=name,
                required=False,
                max_length=200,
                widget=forms.TextInput(
                    attrs={"placeholder": ANY_IN_WORDS, "autocomplete": "off", "size": 12}
                ),
            )
            for name in sheet.dimensions
        }
    form = PartForm(data, prefix, {**head, **price_fields(price.model, tender)})
    tiers = [
        PartForm(data, f"{prefix}-t{place}", tier_fields(price.model, tender))
        for place in range(len(price.tiers) if price.model in TIERED else 0)
    ]
    return PriceForms(prefix, tender, price, form, PartForm(data, f"{prefix}-for", cell), tiers)
