"""A form for each change that a contract can take: what is asked for, in the words of who negotiates."""

from abc import abstractmethod
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar

from django import forms

from apps.backoffice.sold import Sold, key_for, versions_for
from apps.contracts import changes
from apps.contracts.agreed import agreed
from apps.contracts.models import Commitment, Discount, PromisedGrant
from apps.contracts.models.contract import day_in_reach
from apps.contracts.rules import MOST_MONTHS
from apps.core.digits import AMOUNT
from apps.core.formats import format_quantity
from apps.plans.models import Charge, CreditUnit, Meter, PlanVersion, Product

DAY = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


class ChangeForm(forms.Form):
    """A change of a contract; `change` returns it once the form is valid."""

    kind: ClassVar[str]
    title: ClassVar[str]
    # Mistakes of a change by its fields, where the form calls them otherwise.
    fields_of: ClassVar[Mapping[str, str]] = {}

    def __init__(self, *args: Any, sold: Sold, **more: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", **more})
        self.sold = sold
        for field in self.fields.values():
            field.error_messages["required"] = "Fill this in."
        for name in ("amount", "cost"):
            if name in self.fields:
                self.fields[name].label = f"{self.fields[name].label}, {sold.currency}"
        self.prepare(sold)

    def prepare(self, sold: Sold) -> None:
        """Fill in what can be chosen."""

    @abstractmethod
    def change(self) -> changes.Change:
        """Return the change that the form describes."""

    def show(self, mistakes: Mapping[str, str]) -> None:
        """Show at their fields the mistakes by which the change was refused."""
        for name, text in mistakes.items():
            field = self.fields_of.get(name, name)
            self.add_error(field if field in self.fields else None, text)


class PlanForm(ChangeForm):
    kind, title = "plan", "Change the plan or its prices"
    plan_version = forms.ModelChoiceField(
        PlanVersion.objects.none(),
        label="Plan version from that day on",
        help_text="An upgrade, a downgrade, or this contract's own prices. Phases planned after that day fall away.",
    )

    def prepare(self, sold: Sold) -> None:
        field = self.fields["plan_version"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = versions_for(sold.contract).exclude(pk=sold.version_id)

    def change(self) -> changes.ChangePlan:
        return changes.ChangePlan(self.cleaned_data["plan_version"].pk)


class SeatsForm(ChangeForm):
    kind, title = "seats", "Change a number of seats"
    charge_key = forms.ChoiceField(label="Of which fee")
    quantity = forms.DecimalField(
        **AMOUNT,
        label="How many from that day on",
        min_value=0,
        help_text="In all, not how many are added; 0 stops it.",
    )

    def prepare(self, sold: Sold) -> None:
        seats = agreed(sold.contract).seats_on(sold.on)
        self.fields["charge_key"].choices = [  # type: ignore[attr-defined]
            (one.key, f"{one.name}, {_told(seats.get(one.key, one.fee_quantity))} until then")
            for one in sold.charges
            if one.kind == Charge.Kind.RECURRING
        ]

    def change(self) -> changes.ChangeSeats:
        return changes.ChangeSeats(self.cleaned_data["charge_key"], self.cleaned_data["quantity"])


class ScopedForm(ChangeForm):
    """A change that may be confined to some charges."""

    scope_kinds: ClassVar[tuple[str, ...]] = ()

    def prepare(self, sold: Sold) -> None:
        if "charge_keys" in self.fields:
            self.fields["charge_keys"].choices = sold.charge_choices(*self.scope_kinds)  # type: ignore[attr-defined]


class DiscountForm(ScopedForm):
    kind, title = "discount", "Give a discount"
    fields_of: ClassVar = {"product_id": "product", "key": "name"}
    name = forms.CharField(
        label="Name", max_length=200, help_text="What the customer reads: Launch discount, Two free months."
    )
    percent = forms.DecimalField(
        **AMOUNT, label="Percent off", required=False, min_value=0, max_value=100, help_text="100: free."
    )
    amount = forms.DecimalField(**AMOUNT, label="Or so much off every period", required=False, min_value=0)
    units = forms.DecimalField(
        **AMOUNT,
        label="Or so many units free in all",
        required=False,
        min_value=0,
        help_text="The first units used, before tiers count.",
    )
    months = forms.IntegerField(
        label="For how many months", required=False, min_value=1, max_value=MOST_MONTHS
    )
    ends_on = forms.DateField(
        label="Or until, the first day without it",
        required=False,
        widget=DAY,
        validators=[day_in_reach],
        help_text="With neither, as long as the contract.",
    )
    product = forms.ModelChoiceField(
        Product.objects.none(),
        label="Off one product alone",
        required=False,
        empty_label="Off the whole contract",
    )
    charge_keys = forms.MultipleChoiceField(
        label="Or off these charges alone", required=False, widget=forms.CheckboxSelectMultiple
    )
    position = forms.IntegerField(
        label="Order among discounts",
        initial=1,
        min_value=1,
        max_value=99,
        help_text="The lowest is taken off first; the next is taken of what is left.",
    )

    def prepare(self, sold: Sold) -> None:
        super().prepare(sold)
        field = self.fields["product"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = Product.objects.filter(pk__in={one.product_id for one in sold.charges}).order_by(
            "name"
        )

    def change(self) -> changes.AddDiscount:
        given = self.cleaned_data
        taken = Discount.objects.filter(contract=self.sold.contract).values_list("key", flat=True)
        return changes.AddDiscount(
            key=key_for(given["name"], taken),
            name=given["name"],
            percent=given["percent"],
            amount=given["amount"],
            units=given["units"],
            months=given["months"],
            ends_on=given["ends_on"],
            position=given["position"],
            product_id=given["product"].pk if given["product"] else None,
            charge_keys=tuple(given["charge_keys"]),
        )


class CommitmentForm(ScopedForm):
    kind, title = "commitment", "Agree on a commitment"
    fields_of: ClassVar = {"key": "name"}
    name = forms.CharField(
        label="Name", max_length=200, help_text="What the customer reads: Annual commitment."
    )
    amount = forms.DecimalField(**AMOUNT, label="At least", min_value=0)
    per = forms.ChoiceField(
        label="In", choices=(("period", "every billing period"), ("term", "all its days together"))
    )
    ends_on = forms.DateField(
        label="Until, the first day without it",
        widget=DAY,
        validators=[day_in_reach],
        help_text="A commitment always has an end. A ramp is one commitment a year.",
    )
    settled_months = forms.TypedChoiceField(
        label="What is missing is billed",
        required=False,
        coerce=int,
        empty_value=None,
        choices=(
            ("", "at its end"),
            (1, "every month, for its share so far"),
            (3, "every quarter, for its share so far"),
            (6, "every half-year, for its share so far"),
            (12, "every year, for its share so far"),
        ),
        help_text="Of a commitment over all its days.",
    )
    charge_keys = forms.MultipleChoiceField(
        label="Only these count towards it",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None chosen: all usage counts.",
    )

    def change(self) -> changes.AddCommitment:
        given = self.cleaned_data
        taken = Commitment.objects.filter(contract=self.sold.contract).values_list("key", flat=True)
        return changes.AddCommitment(
            key=key_for(given["name"], taken),
            name=given["name"],
            amount=given["amount"],
            ends_on=given["ends_on"],
            per=given["per"],
            settled_months=given["settled_months"],
            charge_keys=tuple(given["charge_keys"]),
        )


class CapForm(ChangeForm):
    kind, title = "cap", "Set a cap"
    fields_of: ClassVar = {"meter_id": "meter"}
    meter = forms.ModelChoiceField(
        Meter.objects.none(), label="On", required=False, empty_label="all that is spent"
    )
    amount = forms.DecimalField(**AMOUNT, label="At most in a period", required=False, min_value=0)
    quantity = forms.DecimalField(
        **AMOUNT, label="Or at most so many of the meter's units", required=False, min_value=0
    )
    is_hard = forms.BooleanField(
        label="A hard cap",
        required=False,
        help_text="As the contract says it. It is kept and told here; by itself it refuses no usage.",
    )
    ends_on = forms.DateField(
        label="Until, the first day without it",
        required=False,
        widget=DAY,
        validators=[day_in_reach],
        help_text="Empty: without end.",
    )

    def prepare(self, sold: Sold) -> None:
        field = self.fields["meter"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = Meter.objects.filter(
            pk__in={one.meter_id for one in sold.charges if one.meter_id}
        ).order_by("name")

    def change(self) -> changes.SetCap:
        given = self.cleaned_data
        return changes.SetCap(
            meter_id=given["meter"].pk if given["meter"] else None,
            amount=given["amount"],
            quantity=given["quantity"],
            is_hard=given["is_hard"],
            ends_on=given["ends_on"],
        )


class GrantForm(ScopedForm):
    kind, title = "grant", "Promise credits"
    fields_of: ClassVar = {"credit_unit_id": "credit_unit", "key": "name"}
    name = forms.CharField(
        label="Name", max_length=200, help_text="What the customer reads: Included credits."
    )
    # Named otherwise than money's, since it may be credits.
    how_much = forms.DecimalField(**AMOUNT, label="How much", min_value=0)
    credit_unit = forms.ModelChoiceField(
        CreditUnit.objects.order_by("name"), label="Of", required=False, empty_label="money"
    )
    cost = forms.DecimalField(**AMOUNT, label="Paid for it", initial=0, min_value=0, help_text="0: a gift.")
    every_months = forms.IntegerField(
        label="Again every, months", required=False, min_value=1, help_text="Empty: once, on that day."
    )
    ends_on = forms.DateField(
        label="Given until, the first day without it", required=False, widget=DAY, validators=[day_in_reach]
    )
    valid_months = forms.IntegerField(
        label="Each good for, months", required=False, min_value=1, help_text="Empty: it never expires."
    )
    priority = forms.IntegerField(
        label="Priority",
        initial=50,
        min_value=0,
        max_value=1000,
        help_text="The lowest number is used first.",
    )
    charge_keys = forms.MultipleChoiceField(
        label="It pays these charges alone", required=False, widget=forms.CheckboxSelectMultiple
    )

    def prepare(self, sold: Sold) -> None:
        super().prepare(sold)
        unit = self.fields["credit_unit"]
        assert isinstance(unit, forms.ModelChoiceField)
        unit.empty_label = sold.currency

    def show(self, mistakes: Mapping[str, str]) -> None:
        super().show({"how_much" if name == "amount" else name: text for name, text in mistakes.items()})

    def change(self) -> changes.PromiseGrant:
        given = self.cleaned_data
        taken = PromisedGrant.objects.filter(contract=self.sold.contract).values_list("key", flat=True)
        return changes.PromiseGrant(
            key=key_for(given["name"], taken),
            name=given["name"],
            amount=given["how_much"],
            credit_unit_id=given["credit_unit"].pk if given["credit_unit"] else None,
            cost=given["cost"],
            every_months=given["every_months"],
            valid_months=given["valid_months"],
            priority=given["priority"],
            ends_on=given["ends_on"],
            charge_keys=tuple(given["charge_keys"]),
        )


def _told(number: Decimal | None) -> str:
    return format_quantity(number or Decimal(0), "en")
