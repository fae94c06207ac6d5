"""Forms for the changes of a signed contract that end something, or change what no price hangs on."""

from abc import abstractmethod
from collections.abc import Iterable
from datetime import date
from typing import Any, ClassVar

from django import forms
from django.db.models import Q

from apps.backoffice.change_forms import (
    DAY,
    CapForm,
    ChangeForm,
    CommitmentForm,
    DiscountForm,
    GrantForm,
    PlanForm,
    SeatsForm,
)
from apps.backoffice.sold import Sold
from apps.contracts import changes, words
from apps.contracts.agreed import Agreed, agreed, end_of
from apps.contracts.models import Cap, Commitment, Contract, Discount, PromisedGrant
from apps.contracts.models.contract import day_in_reach
from apps.contracts.rules import AMENDABLE
from apps.core.admin import PlainDecimal

_ALL_SPENT = "money"
_Lasting = Discount | Commitment | Cap | PromisedGrant


class EndingForm(ChangeForm):
    """Chooses one of those that hold on the day or later."""

    which = forms.ChoiceField(label="Which")

    def prepare(self, sold: Sold) -> None:
        standing = [row for row in self.rows(agreed(sold.contract)) if end_of(row) > sold.on]
        # One that was cut in two by an amendment is one still.
        self.fields["which"].choices = list(  # type: ignore[attr-defined]
            {self.key(row): (self.key(row), self.told(row)) for row in standing}.values()
        )

    @abstractmethod
    def rows(self, all_rows: Agreed) -> Iterable[_Lasting]:
        """Return those that may be ended."""

    def key(self, row: Any) -> str:
        """Return what tells one from another."""
        return str(row.key)

    @abstractmethod
    def told(self, row: Any) -> str:
        """Return one in words."""

    def show(self, mistakes: Any) -> None:
        super().show({"which": " ".join(mistakes.values())} if mistakes else {})


class EndDiscountForm(EndingForm):
    kind, title = "end-discount", "End a discount"

    def rows(self, all_rows: Agreed) -> Iterable[_Lasting]:
        return all_rows.discounts

    def told(self, row: Discount) -> str:
        return words.discount_words(row, self.sold.currency, self.sold.names)

    def change(self) -> changes.EndDiscount:
        return changes.EndDiscount(self.cleaned_data["which"])


class EndCommitmentForm(EndingForm):
    kind, title = "end-commitment", "End a commitment"

    def rows(self, all_rows: Agreed) -> Iterable[_Lasting]:
        return all_rows.commitments

    def told(self, row: Commitment) -> str:
        return words.commitment_words(row, self.sold.currency, self.sold.names)

    def change(self) -> changes.EndCommitment:
        return changes.EndCommitment(self.cleaned_data["which"])


class LiftCapForm(EndingForm):
    kind, title = "lift-cap", "Lift a cap"

    def rows(self, all_rows: Agreed) -> Iterable[_Lasting]:
        return all_rows.caps

    def key(self, row: Cap) -> str:
        return row.meter.key if row.meter else _ALL_SPENT

    def told(self, row: Cap) -> str:
        return words.cap_words(row, self.sold.currency)

    def change(self) -> changes.LiftCap:
        caps = {self.key(row): row.meter_id for row in agreed(self.sold.contract).caps}
        return changes.LiftCap(caps[self.cleaned_data["which"]])


class EndGrantsForm(EndingForm):
    kind, title = "end-grants", "Stop giving credits"

    def rows(self, all_rows: Agreed) -> Iterable[_Lasting]:
        return all_rows.grants

    def told(self, row: PromisedGrant) -> str:
        return words.grant_words(row, self.sold.currency)

    def change(self) -> changes.EndGrants:
        return changes.EndGrants(self.cleaned_data["which"])


class EndsField(forms.ModelChoiceField):  # type: ignore[type-arg]
    """A contract, named with its end."""

    def label_from_instance(self, obj: Contract) -> str:
        """Return its number and end."""
        return f"{obj.number}, ends on {obj.ends_on}"


class EndForm(ChangeForm):
    kind, title = "end", "Change the end of the term"
    ends_on = forms.DateField(
        label="Ends on, the first day not covered",
        required=False,
        widget=DAY,
        validators=[day_in_reach],
        help_text="Empty: without end.",
    )
    together_with = EndsField(
        Contract.objects.none(),
        label="Or together with another contract",
        required=False,
        empty_label="no other",
        help_text="Co-termination: it takes the other's end.",
    )

    def prepare(self, sold: Sold) -> None:
        contract = sold.contract
        # Empty means without end, which nobody is to choose by leaving a field alone.
        self.fields["ends_on"].initial = contract.ends_on
        family = Q(customer=contract.customer) | Q(parent=contract)
        if contract.parent_id:
            family |= Q(pk=contract.parent_id) | Q(parent_id=contract.parent_id)
        field = self.fields["together_with"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = (
            Contract.objects.filter(family, ends_on__gt=sold.on).exclude(pk=contract.pk).order_by("number")
        )

    def clean(self) -> dict[str, Any]:
        """Take a day or another contract, and another end than it has."""
        given = super().clean() or self.cleaned_data
        if self.errors:
            return given
        now, typed, other = self.sold.contract.ends_on, given["ends_on"], given["together_with"]
        if other and typed not in {None, now}:
            self.add_error("together_with", "Give a day or another contract, one of the two.")
        elif (other.ends_on if other else typed) == now:
            self.add_error("ends_on", "That is its end already; give another day, or take this change away.")
        return given

    def change(self) -> changes.ChangeEnd:
        other = self.cleaned_data["together_with"]
        ends_on: date | None = other.ends_on if other else self.cleaned_data["ends_on"]
        return changes.ChangeEnd(ends_on)


class FieldsForm(ChangeForm, forms.ModelForm):  # type: ignore[type-arg]
    kind, title = "fields", "Change payment terms, order number, renewal"

    class Meta:
        model = Contract
        fields = (
            "payment_days",
            "purchase_order",
            "signatory",
            "bill_above",
            "printed_terms",
            "renewal",
            "renewal_months",
            "notice_days",
            "uplift_percent",
            "uplift_index",
        )
        widgets: ClassVar = {"printed_terms": forms.Textarea(attrs={"rows": 3})}
        field_classes: ClassVar = {"uplift_percent": PlainDecimal}

    def __init__(self, *args: Any, sold: Sold, **more: Any) -> None:
        # A copy: a form writes what was typed into its instance, and the contract is shown beside it.
        same = Contract.objects.get(pk=sold.contract.pk)
        super().__init__(*args, sold=sold, instance=same, **more)

    def _post_clean(self) -> None:
        # The change itself is checked where it is applied, with its mistakes by field.
        pass

    def clean(self) -> dict[str, Any]:
        """Ask for some change, and for how long it is renewed."""
        given = super().clean() or self.cleaned_data
        if given.get("renewal") != Contract.Renewal.NONE and not given.get("renewal_months"):
            self.add_error("renewal_months", "Say for how many months it is renewed.")
        if not self.errors and not self._changed():
            self.add_error(None, "Nothing is changed here; change a field, or take this change away.")
        return given

    def change(self) -> changes.ChangeFields:
        return changes.ChangeFields({name: self.cleaned_data[name] for name in self._changed()})

    def _changed(self) -> list[str]:
        return [
            name
            for name in AMENDABLE
            if name in self.cleaned_data and self.cleaned_data[name] != getattr(self.instance, name)
        ]


FORMS: dict[str, type[ChangeForm]] = {
    form.kind: form
    for form in (
        PlanForm,
        SeatsForm,
        DiscountForm,
        EndDiscountForm,
        CommitmentForm,
        EndCommitmentForm,
        CapForm,
        LiftCapForm,
        GrantForm,
        EndGrantsForm,
        EndForm,
        FieldsForm,
    )
}
# What a draft takes: nothing of it has to be ended, and its own form has the rest.
DRAFT_FORMS: dict[str, type[ChangeForm]] = {
    form.kind: form for form in (PlanForm, SeatsForm, DiscountForm, CommitmentForm, CapForm, GrantForm)
}
