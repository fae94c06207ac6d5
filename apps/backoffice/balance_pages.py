"""Customers' balances, and what is owed back of them."""

from collections.abc import Sequence
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from apps.backoffice.balance_rows import left_rows, refund_rows
from apps.backoffice.views import LOCALE, page, require, sums
from apps.core import clock
from apps.core.admin import actor_of
from apps.core.errors import Refusal
from apps.core.formats import format_money
from apps.core.money import Money
from apps.invoices.models import Invoice
from apps.payments import refund
from apps.payments.models import Refund


class PaidForm(forms.Form):
    """When and how a refund was paid back."""

    refund = forms.UUIDField()
    paid_on = forms.DateField()
    reference = forms.CharField(max_length=140)


def balance_page(request: HttpRequest) -> HttpResponse:
    """List what customers have left and what is owed back; a form notes a refund as paid back, another owes one."""
    require(request, "payments.view_refund", to_change="payments.add_refund")
    if request.method == "POST":
        _note(request) if "reference" in request.POST else _owe(request)
        return redirect("backoffice:balances")
    left = left_rows()
    refunds = refund_rows()
    owed = [row.amount for row in refunds if row.refund.paid_on is None]
    context = {
        "title": "Balances and refunds",
        "left": left,
        "left_totals": sums([row.left for row in left]),
        "refund_rows": refunds,
        "owed_totals": sums(owed),
        "may_change": request.user.has_perm("payments.add_refund"),
        "today": clock.now().date(),
    }
    return page(request, "backoffice/balances.html", context)


def _owe(request: HttpRequest) -> None:
    try:
        owed = refund.owe(
            source_id=UUID(request.POST.get("source", "")), at=clock.now(), actor=actor_of(request)
        )
    except Refusal as refusal:
        messages.error(request, str(refusal))
    except (ValueError, Invoice.DoesNotExist):
        messages.error(request, "That names no payment or credit note. Nothing was changed; reload the page.")
    else:
        messages.success(
            request, f"{_told([owed])} is owed back to {owed.customer}. Pay it at the bank, and note it here."
        )


def _note(request: HttpRequest) -> None:
    form = PaidForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Give the day and the bank's reference of the transfer. Nothing was noted.")
        return
    try:
        paid = refund.note_paid(
            refund_id=form.cleaned_data["refund"],
            paid_on=form.cleaned_data["paid_on"],
            reference=form.cleaned_data["reference"],
            at=clock.now(),
            actor=actor_of(request),
        )
    except Refusal as refusal:
        messages.error(request, str(refusal))
    except Refund.DoesNotExist:
        messages.error(request, "That names no refund. Nothing was noted; reload the page.")
    else:
        messages.success(request, f"{_told([paid])} is noted as paid back to {paid.customer}.")


def _told(refunds: Sequence[Refund]) -> str:
    return ", ".join(format_money(Money(one.amount, one.currency).rounded(), LOCALE) for one in refunds)
