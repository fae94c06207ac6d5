"""The page on which staff sell credits: what and for how much, what is going to happen, then the draft of the invoice."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from apps.backoffice import purchase_words
from apps.backoffice.amendments import digest
from apps.backoffice.contract_head import contract_or_404, head
from apps.backoffice.credit_pages import MONEY as AS_MONEY
from apps.backoffice.credit_pages import charge_choices
from apps.backoffice.foreseen_draft import ForeseenDraft, foreseen_draft
from apps.backoffice.one_off_page import ReasonForm
from apps.backoffice.views import page, require
from apps.contracts.models import Contract
from apps.core import clock
from apps.core.admin import actor_of
from apps.core.digits import AMOUNT, MONEY
from apps.core.errors import Refusal
from apps.invoices import purchase
from apps.invoices.models import CreditPurchase, Invoice
from apps.invoices.purchase import NewPurchase
from apps.plans.models import CreditUnit


class PurchaseForm(ReasonForm):
    """The credits, their price, and how long and for what they are good."""

    field_order = ("name", "unit", "amount", "price", "granted_when", "good_days", "priority", "charges")

    name = forms.CharField(
        label="Name, as the customer reads it",
        max_length=200,
        initial="Prepaid credits",
        error_messages={"required": "The credits need a name: what the customer reads."},
    )
    unit = forms.ChoiceField(label="What is sold")
    amount = forms.DecimalField(label="How much of it", min_value=Decimal(0), **AMOUNT)
    price = forms.DecimalField(label="Price before tax", min_value=Decimal(0), **MONEY)
    granted_when = forms.ChoiceField(
        label="When the customer gets them",
        choices=CreditPurchase.When.choices,
        initial=CreditPurchase.When.FINALIZED,
    )
    good_days = forms.IntegerField(
        label="Good for days",
        min_value=1,
        max_value=32767,
        required=False,
        help_text="From the day that they are granted. Empty: they never expire.",
    )
    priority = forms.IntegerField(
        label="Priority",
        min_value=0,
        max_value=32767,
        initial=50,
        help_text="Of several grants the one with the lowest number is used first.",
    )
    charges = forms.MultipleChoiceField(
        label="For these charges alone",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None ticked: for all.",
    )

    def __init__(self, *args: Any, contract: Contract, **more: Any) -> None:
        """Offer the units and the charges of the contract, and name its currency."""
        super().__init__(*args, **more)
        currency = contract.plan_version.currency
        units = CreditUnit.objects.order_by("name").values_list("key", "name")
        self._field("unit").choices = [*units, (AS_MONEY, f"{currency} to draw on")]
        self._field("charges").choices = charge_choices([contract])
        self.fields["price"].label = f"Price before tax, {currency}"

    def bought(self) -> NewPurchase:
        """Return the purchase as it was written."""
        asked = self.cleaned_data
        unit = CreditUnit.objects.filter(key=asked["unit"]).first()
        return NewPurchase(
            name=asked["name"],
            amount=asked["amount"],
            price=asked["price"],
            credit_unit_id=unit.pk if unit else None,
            good_days=asked["good_days"],
            priority=asked["priority"],
            charge_keys=tuple(asked["charges"]),
            granted_when=asked["granted_when"],
        )

    def lacks_only_a_reason(self) -> bool:
        """Tell whether all is there that says what it comes to."""
        return self.is_valid() or set(self.errors) == {"reason"}

    def refuse(self, refusal: Refusal) -> None:
        """Show a refusal at the field that it is about, else above them all."""
        field = getattr(refusal, "field", None)
        self.add_error(field if field in self.fields else None, str(refusal))

    def _field(self, name: str) -> Any:
        return self.fields[name]


def purchase_page(request: HttpRequest, contract_id: UUID) -> HttpResponse:
    """Fill in what is sold, look at what happens, and draft the invoice."""
    require(request, "invoices.change_invoice")
    contract = contract_or_404(contract_id)
    is_part = request.GET.get("part") == "outcome"
    form = PurchaseForm(
        request.POST if request.method == "POST" else None, contract=contract, label_suffix=""
    )
    outcome = None
    if request.method == "POST":
        is_whole = form.lacks_only_a_reason() if is_part else form.is_valid()
        outcome = _outcome(contract, form) if is_whole else None
        if outcome and "make" in request.POST and request.POST.get("seen") == digest(request.POST):
            if drafted := _drafted(request, contract, form):
                messages.success(request, outcome.done)
                return redirect("backoffice:invoice", drafted.pk)
            outcome = None
    context = {
        "title": "Sell credits",
        **head(contract, "purchase"),
        "form": form,
        "outcome": outcome,
        "seen": digest(request.POST) if outcome else "",
        "when_unfinished": "Say how much is sold and for how much: then what it comes to with tax stands here.",
        "quiet": request.method != "POST",
    }
    return page(request, f"backoffice/{'draft_outcome' if is_part else 'sell_credits'}.html", context)


def _outcome(contract: Contract, form: PurchaseForm) -> ForeseenDraft | None:
    try:
        found = purchase.foresee_purchase(contract=contract, bought=form.bought(), at=clock.now())
    except Refusal as refusal:
        form.refuse(refusal)
        return None
    granted = purchase_words.granted_words(
        found.invoice.credit_purchase,
        currency=contract.plan_version.currency,
        customer=contract.customer.name,
    )
    return foreseen_draft(found, contract, granted)


def _drafted(request: HttpRequest, contract: Contract, form: PurchaseForm) -> Invoice | None:
    try:
        return purchase.draft_purchase(
            contract_id=contract.pk,
            bought=form.bought(),
            reason=form.cleaned_data["reason"],
            at=clock.now(),
            actor=actor_of(request),
        )
    except Refusal as refusal:
        form.refuse(refusal)
        return None
