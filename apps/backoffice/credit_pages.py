"""Giving credits by hand, and what is owed back of those that a cancelled contract left."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from apps.backoffice.views import LOCALE, page, require, sums
from apps.contracts.models import Contract
from apps.contracts.terms import plan_version_on
from apps.core import clock
from apps.core.admin import actor_of
from apps.core.errors import Refusal
from apps.core.formats import format_money
from apps.core.ids import uuid7
from apps.core.money import Money
from apps.core.periods import local_day
from apps.credits import cancel, grant
from apps.credits.errors import GrantMisfits
from apps.credits.models import RefundOwed
from apps.credits.queries import refunds_owed
from apps.customers.models import Customer
from apps.plans.models import CreditUnit
from apps.plans.queries import charges_of

_DAY = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
MONEY = "money"


class GiveForm(forms.Form):
    """What to give to whom, and what it may pay for."""

    customer = forms.ModelChoiceField(
        Customer.objects.order_by("name"), to_field_name="key", label="Customer", empty_label="Choose ..."
    )
    name = forms.CharField(label="Name, as the customer reads it", max_length=200, initial="Credits")
    unit = forms.ChoiceField(label="What is given")
    amount = forms.DecimalField(label="How much", min_value=Decimal(0), max_digits=36, decimal_places=18)
    cost = forms.DecimalField(
        label="What was paid for it; 0 for a gift",
        min_value=Decimal(0),
        max_digits=24,
        decimal_places=4,
        initial=0,
    )
    cost_currency = forms.CharField(
        label="Its currency; empty: the contract's",
        required=False,
        min_length=3,
        max_length=3,
        widget=forms.TextInput(attrs={"placeholder": "USD", "autocapitalize": "characters"}),
    )
    effective_on = forms.DateField(label="Good from", widget=_DAY)
    expires_on = forms.DateField(label="Gone on; empty: never", required=False, widget=_DAY)
    priority = forms.IntegerField(
        label="Priority: the lowest number is used first", min_value=0, max_value=32767, initial=50
    )
    contract = forms.ModelChoiceField(
        Contract.objects.none(),
        to_field_name="number",
        required=False,
        label="For this contract alone",
        empty_label="Any of the customer's",
    )
    charges = forms.MultipleChoiceField(
        label="For these charges alone; none ticked: for all",
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(self, *args: Any, customer: Customer | None, **more: Any) -> None:
        """Offer the contracts and charges of the customer."""
        super().__init__(*args, **more)
        units = CreditUnit.objects.order_by("name").values_list("key", "name")
        self._field("unit").choices = [*units, (MONEY, "Money, in the contract's currency")]
        contracts = (
            Contract.objects.filter(customer=customer)
            .exclude(status=Contract.Status.DRAFT)
            .select_related("plan_version")
        )
        self._field("contract").queryset = contracts.order_by("-starts_on")
        self._field("charges").choices = charge_choices(list(contracts))

    def clean(self) -> dict[str, Any]:
        """Refuse an end before the beginning."""
        cleaned: dict[str, Any] = super().clean() or {}
        begins, ends = cleaned.get("effective_on"), cleaned.get("expires_on")
        if begins and ends and ends <= begins:
            self.add_error("expires_on", "Choose a later day than the first one, or leave it empty.")
        if cleaned.get("amount") == 0:
            self.add_error("amount", "Give more than zero.")
        return cleaned

    def _field(self, name: str) -> Any:
        return self.fields[name]


def give(request: HttpRequest) -> HttpResponse:
    """Give a customer credits or money by hand: chosen first is whom, since that says what it may pay for."""
    require(request, "credits.add_creditgrant")
    asked = request.POST if request.method == "POST" else request.GET
    customer = Customer.objects.filter(key=asked.get("customer", "").replace("\0", "")).first()
    initial = {"customer": customer.key if customer else "", "effective_on": clock.now().date()}
    form = GiveForm(request.POST if request.method == "POST" else None, customer=customer, initial=initial)
    if request.method == "POST" and form.is_valid() and _gave(request, form):
        return redirect("backoffice:customer", key=form.cleaned_data["customer"].key)
    context = {
        "title": "Give credits",
        "form": form,
        "customer": customer,
        "customers": Customer.objects.order_by("name"),
    }
    return page(request, "backoffice/give_credits.html", context)


def refunds(request: HttpRequest) -> HttpResponse:
    """List what is owed back; a form notes that one was refunded, and how."""
    require(request, "credits.view_refundowed", to_change="credits.change_refundowed")
    if request.method == "POST":
        _note(request)
        return redirect("backoffice:refunds")
    rows = refunds_owed()
    owed = [row.amount for row in rows if row.amount is not None and row.refunded_at is None]
    context = {
        "title": "Refunds owed",
        "rows": rows,
        "totals": sums(owed),
        "may_change": request.user.has_perm("credits.change_refundowed"),
    }
    return page(request, "backoffice/refunds.html", context)


def _gave(request: HttpRequest, form: GiveForm) -> bool:
    asked = form.cleaned_data
    unit = CreditUnit.objects.filter(key=asked["unit"]).first()
    contract, at = asked["contract"], clock.now()
    try:
        given = grant.grant(
            key=f"{asked['customer'].key}:{at:%Y-%m-%d}:{uuid7().hex[-8:]}",
            name=asked["name"],
            customer_id=asked["customer"].pk,
            credit_unit_id=unit.pk if unit else None,
            contract_id=contract.pk if contract else None,
            charge_keys=asked["charges"],
            amount=asked["amount"],
            cost=asked["cost"],
            cost_currency=asked["cost_currency"].upper(),
            effective_on=asked["effective_on"],
            expires_on=asked["expires_on"],
            priority=asked["priority"],
            at=at,
            actor=actor_of(request),
        )
    except GrantMisfits as misfit:
        form.add_error(misfit.field, f"It {misfit.mistake}")
        return False
    except Refusal as refusal:
        form.add_error("amount", str(refusal))
        return False
    what = f"{given.amount.normalize():,f} {unit.name if unit else given.currency}"
    messages.success(request, f"{asked['customer']} was given {what}.")
    return True


def _note(request: HttpRequest) -> None:
    asked = request.POST
    try:
        refund = cancel.note_refunded(
            refund_id=UUID(asked.get("refund", "")),
            note=asked.get("note", ""),
            at=clock.now(),
            actor=actor_of(request),
        )
    except Refusal as refusal:
        messages.error(request, str(refusal))
        return
    except (ValueError, RefundOwed.DoesNotExist):
        messages.error(request, "That names no refund. Nothing was noted; reload the page.")
        return
    assert refund.amount is not None
    messages.success(
        request, f"{format_money(Money(refund.amount, refund.currency), LOCALE)} is noted as refunded."
    )


def charge_choices(contracts: list[Contract]) -> list[tuple[str, str]]:
    """Return the charges of the contracts as they are today, or on their first or last day, by key."""
    at = clock.now()
    names: dict[str, str] = {}
    for contract in contracts:
        day = max(local_day(at, contract.timezone), contract.starts_on)
        for planned in charges_of(plan_version_on(contract, day)):
            names.setdefault(planned.charge.key, planned.charge.name)
    alike = [name for name in names.values() if list(names.values()).count(name) > 1]
    told = [(key, f"{name} ({key})" if name in alike else name) for key, name in names.items()]
    return sorted(told, key=lambda one: one[1])
