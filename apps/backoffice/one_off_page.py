"""The page on which staff write a one-off invoice: its lines, what they come to with tax, then the draft."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect

from apps.backoffice.amendments import digest
from apps.backoffice.contract_head import contract_or_404, head
from apps.backoffice.foreseen_draft import ForeseenDraft, foreseen_draft
from apps.backoffice.views import page, require
from apps.contracts.models import Contract
from apps.core import clock
from apps.core.admin import actor_of
from apps.core.digits import MONEY, QUANTITY
from apps.core.errors import Refusal
from apps.invoices import one_off
from apps.invoices.errors import NotALine
from apps.invoices.models import Invoice
from apps.invoices.one_off import NewLine

MOST_LINES = 50
_LINES_AT_FIRST = 2


class ReasonForm(forms.Form):
    """Why it is billed."""

    reason = forms.CharField(
        label="Why it is billed",
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="The customer reads it on the invoice; your books keep it.",
        error_messages={"required": "Say why it is billed: the customer and your books read it."},
    )


class LineForm(forms.Form):
    """One line; an empty one is left out."""

    # The browser would ask for the fields of empty lines.
    use_required_attribute = False

    name = forms.CharField(
        label="What the customer reads",
        max_length=200,
        error_messages={"required": "A line needs a name: what the customer reads."},
    )
    product_name = forms.CharField(
        label="Heading", max_length=200, required=False, help_text="Lines of one heading stand together."
    )
    quantity = forms.DecimalField(label="Quantity", initial=1, **QUANTITY)
    unit = forms.CharField(label="Unit", max_length=60, required=False, help_text="days, pieces")
    amount = forms.DecimalField(
        label="Amount",
        help_text="Of all of it, before tax. Below zero takes it off.",
        error_messages={"required": "Give the amount of the line."},
        **MONEY,
    )

    def __init__(self, *args: Any, currency: str, **more: Any) -> None:
        """Name the currency where the amount is asked for."""
        super().__init__(*args, **more)
        self.fields["amount"].label = f"Amount, {currency}"

    def is_blank(self) -> bool:
        """Tell whether nothing of the line is filled in."""
        return not any(str(self[name].value() or "").strip() for name in ("name", "product_name", "amount"))

    def line(self) -> NewLine:
        """Return the line as it was written."""
        return NewLine(**self.cleaned_data)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is filled in so far."""

    reason: ReasonForm
    lines: Sequence[LineForm]

    @property
    def written(self) -> list[LineForm]:
        return [one for one in self.lines if not one.is_blank()]

    def are_lines_valid(self) -> bool:
        """Check every line, so that all mistakes are shown at once."""
        mistaken = [one for one in self.written if not one.is_valid()]
        return not mistaken

    def new_lines(self) -> list[NewLine]:
        return [one.line() for one in self.written]

    def refuse(self, refusal: Refusal) -> None:
        """Show a refusal at the field that it is about, else above them all."""
        field = refusal.field if isinstance(refusal, NotALine) else ""
        if isinstance(refusal, NotALine) and refusal.place is not None:
            self.written[refusal.place].add_error(field, str(refusal))
        else:
            self.reason.add_error(field if field in self.reason.fields else None, str(refusal))


def one_off_page(request: HttpRequest, contract_id: UUID) -> HttpResponse:
    """Write the lines, look at what they come to with tax, and draft the invoice."""
    require(request, "invoices.change_invoice")
    contract = contract_or_404(contract_id)
    is_part = request.GET.get("part") == "outcome"
    asked, outcome = _asked(request, contract), None
    if request.method == "POST" and "add" not in request.POST:
        is_whole = asked.are_lines_valid() and (asked.reason.is_valid() or is_part)
        outcome = _outcome(contract, asked) if is_whole else None
        if outcome and "make" in request.POST and request.POST.get("seen") == digest(request.POST):
            if drafted := _drafted(request, contract, asked):
                messages.success(request, outcome.done)
                return redirect("backoffice:invoice", drafted.pk)
            outcome = None
    context = {
        "title": "New one-off invoice",
        **head(contract, "one_off"),
        "asked": asked,
        "may_add": len(asked.lines) < MOST_LINES,
        "outcome": outcome,
        "seen": digest(request.POST) if outcome else "",
        "when_unfinished": "Give each line a name and an amount: then what it comes to with tax stands here.",
        "quiet": request.method != "POST" or "add" in request.POST,
    }
    return page(request, f"backoffice/{'draft_outcome' if is_part else 'one_off'}.html", context)


def _asked(request: HttpRequest, contract: Contract) -> _Asked:
    currency = contract.plan_version.currency
    if request.method != "POST":
        lines = [_line(currency, place) for place in range(_LINES_AT_FIRST)]
        return _Asked(ReasonForm(label_suffix=""), lines)
    count = min(len(request.POST.getlist("line")), MOST_LINES)
    bound = [_line(currency, place, request.POST) for place in range(count)]
    if "add" in request.POST and count < MOST_LINES:
        bound.append(_line(currency, count))
    return _Asked(ReasonForm(request.POST, label_suffix=""), bound)


def _line(currency: str, place: int, posted: QueryDict | None = None) -> LineForm:
    return LineForm(posted, prefix=f"l{place}", currency=currency, label_suffix="")


def _outcome(contract: Contract, asked: _Asked) -> ForeseenDraft | None:
    try:
        found = one_off.foresee_one_off(
            contract=contract,
            lines=asked.new_lines(),
            reason=str(asked.reason["reason"].value() or ""),
            at=clock.now(),
        )
    except Refusal as refusal:
        asked.refuse(refusal)
        return None
    return foreseen_draft(found, contract)


def _drafted(request: HttpRequest, contract: Contract, asked: _Asked) -> Invoice | None:
    try:
        return one_off.draft_one_off(
            contract_id=contract.pk,
            lines=asked.new_lines(),
            reason=asked.reason.cleaned_data["reason"],
            at=clock.now(),
            actor=actor_of(request),
        )
    except Refusal as refusal:
        asked.refuse(refusal)
        return None
