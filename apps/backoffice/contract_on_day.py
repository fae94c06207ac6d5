"""The page of a contract on a day, beside any other day, as it is known now or was known once."""

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpRequest, HttpResponse

from apps.backoffice.change_forms import DAY
from apps.backoffice.contract_head import contract_or_404, head, nearest_day
from apps.backoffice.views import page, require
from apps.contracts.models import Contract
from apps.contracts.standing import Side, Standing, side_by_side, standing
from apps.core import clock
from apps.core.periods import local_day

NOW = ""


@dataclass(frozen=True, slots=True)
class Group:
    """What stands under one head."""

    head: str
    sides: tuple[Side, ...]


class DaysForm(forms.Form):
    """One day or two, each as it is known now or was once an amendment had been made."""

    day = forms.DateField(label="On", widget=DAY)
    known = forms.ChoiceField(label="As known", required=False)
    other = forms.DateField(label="Beside", required=False, widget=DAY)
    other_known = forms.ChoiceField(label="As known", required=False)

    def __init__(self, *args: Any, contract: Contract, **more: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", **more})
        self.contract = contract
        numbers = contract.amendments.order_by("-number").values_list("number", flat=True)
        choices = [(NOW, "now")]
        choices += [(str(number), f"with amendment {number}") for number in numbers]
        choices.append(("0", "when it was signed"))
        for name in ("known", "other_known"):
            self.fields[name].choices = choices  # type: ignore[attr-defined]

    def clean_day(self) -> date:
        """Refuse a day that the contract never covers."""
        return self._within(self.cleaned_data["day"])

    def clean_other(self) -> date | None:
        """Refuse it there too."""
        day = self.cleaned_data["other"]
        return self._within(day) if day else None

    def _within(self, day: date) -> date:
        if not self.contract.covers(day):
            raise forms.ValidationError(
                f"The contract does not cover {day}. Choose a day from {self.contract.starts_on} on"
                + (f", before {self.contract.ends_on}." if self.contract.ends_on else ".")
            )
        return day


def on_a_day(request: HttpRequest, contract_id: UUID) -> HttpResponse:
    """Show what holds on a day, and if another is asked for, what differs there."""
    require(request, "contracts.view_contract")
    contract = contract_or_404(contract_id)
    first = {"day": nearest_day(contract, local_day(clock.now(), contract.timezone))}
    form = DaysForm(request.GET if "day" in request.GET else first, contract=contract)
    one, other = None, None
    if form.is_valid():
        one = _standing(contract, form.cleaned_data["day"], form.cleaned_data["known"])
        if form.cleaned_data["other"]:
            other = _standing(contract, form.cleaned_data["other"], form.cleaned_data["other_known"])
    sides = side_by_side(one, other or one) if one else ()
    context = {
        "title": f"{contract} on a day",
        **head(contract, "day"),
        "form": form,
        "one": one,
        "other": other,
        "groups": _groups(sides),
        "differing": sum(not side.is_same for side in sides),
    }
    return page(request, "backoffice/contract_on_day.html", context)


def _standing(contract: Contract, day: date, known: str) -> Standing:
    return standing(contract, day, through=int(known) if known else None)


def _groups(sides: tuple[Side, ...]) -> list[Group]:
    heads = dict.fromkeys(side.head for side in sides)
    return [Group(head, tuple(side for side in sides if side.head == head)) for head in heads]
