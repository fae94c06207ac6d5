"""What staff do with an invoice beside crediting it: write it off, take that back, pay it from the balance, void or issue it again."""

from datetime import date
from decimal import Decimal
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html

from apps.backoffice.views import LOCALE, page, require
from apps.core import clock
from apps.core.admin import actor_of
from apps.core.errors import Refusal
from apps.core.formats import format_money
from apps.core.money import Money
from apps.core.periods import local_day
from apps.invoices import reissue, void
from apps.invoices.models import Invoice
from apps.payments import apply, write_off
from apps.payments.models import WriteOff
from apps.payments.queries import open_amounts

_DAY = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


class WriteOffForm(forms.Form):
    """How much is given up, when and why."""

    amount = forms.DecimalField(label="Amount", min_value=Decimal(0), max_digits=24, decimal_places=4)
    on = forms.DateField(label="On", widget=_DAY)
    reason = forms.CharField(label="Why?", max_length=500)


class ReasonForm(forms.Form):
    """Why something is done."""

    reason = forms.CharField(label="Why?", max_length=500)


def write_off_page(request: HttpRequest, invoice_id: UUID) -> HttpResponse:
    """Say what writing an invoice off means, with what is open of it; a form does it."""
    require(request, "payments.add_writeoff")
    found = _invoice(invoice_id)
    left = Money(open_amounts([found.pk]).get(found.pk, Decimal(0)), found.currency).rounded()
    initial = {"amount": left.amount, "on": _today(found)}
    form = WriteOffForm(request.POST or None, initial=initial)
    form.fields["amount"].label = f"Amount, {found.currency}"
    if request.method == "POST" and form.is_valid():
        try:
            written = write_off.write_off(
                invoice_id=found.pk,
                reason=form.cleaned_data["reason"],
                written_off_on=form.cleaned_data["on"],
                amount=form.cleaned_data["amount"],
                at=clock.now(),
                actor=actor_of(request),
            )
        except Refusal as refusal:
            field = getattr(refusal, "field", None)
            form.add_error(field if field in form.fields else None, str(refusal))
        else:
            what = format_money(Money(written.amount, found.currency).rounded(), LOCALE)
            messages.success(
                request, f"{what} of {found} is written off. Reminders stop once nothing is open."
            )
            return redirect("backoffice:invoice", invoice_id=found.pk)
    context = {"title": f"Write off {found}", "invoice": found, "form": form, "left": left}
    return page(request, "backoffice/write_off.html", context)


def recover_page(request: HttpRequest, write_off_id: UUID) -> HttpResponse:
    """Say what taking a write-off back means; a form does it."""
    require(request, "payments.add_writeoff")
    written = WriteOff.objects.filter(pk=write_off_id).select_related("invoice__customer").first()
    if written is None:
        raise Http404
    found, form = written.invoice, ReasonForm(request.POST or None)
    amount = Money(written.amount, found.currency).rounded()
    if request.method == "POST" and form.is_valid():
        try:
            write_off.recover(
                write_off_id=written.pk,
                reason=form.cleaned_data["reason"],
                recovered_on=_today(found),
                at=clock.now(),
                actor=actor_of(request),
            )
        except Refusal as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, f"{format_money(amount, LOCALE)} of {found} is open again.")
            return redirect("backoffice:invoice", invoice_id=found.pk)
    context = {
        "title": f"Take a write-off of {found} back",
        "invoice": found,
        "form": form,
        "label": "Open again",
        "figure": amount,
        "says": [
            f"{format_money(amount, LOCALE)} is owed again, and is no loss any more. Record the payment then."
        ],
        "button": f"Open {format_money(amount, LOCALE)} again",
    }
    return page(request, "backoffice/invoice_step.html", context)


def apply_balance(request: HttpRequest, invoice_id: UUID) -> HttpResponse:
    """Let the customer's balance pay an invoice, as its page says with figures."""
    require(request, "payments.add_payment")
    found = _invoice(invoice_id)
    if request.method == "POST":
        try:
            paid = apply.apply_balance(invoice_id=found.pk, at=clock.now(), actor=actor_of(request))
        except Refusal as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, f"The balance paid {format_money(paid.rounded(), LOCALE)} of {found}.")
    return redirect("backoffice:invoice", invoice_id=found.pk)


def void_page(request: HttpRequest, invoice_id: UUID) -> HttpResponse:
    """Say what voiding a draft means, with figures; a form with the reason does it."""
    require(request, "invoices.change_invoice")
    found = _invoice(invoice_id)
    if request.method != "POST" and found.status != Invoice.Status.DRAFT:
        messages.error(request, "Only a draft is voided; a finalized invoice is credited.")
        return redirect("backoffice:invoice", invoice_id=found.pk)
    told, form = void.effect(invoice_id=found.pk), ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            void.void(
                invoice_id=found.pk,
                reason=form.cleaned_data["reason"],
                at=clock.now(),
                actor=actor_of(request),
            )
        except Refusal as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, f"The draft for {found.customer} is void: it asks for nothing.")
            return redirect("backoffice:review")
    context = {
        "title": "Void a draft",
        "invoice": found,
        "form": form,
        "label": "Not asked for",
        "figure": told.forgone,
        "says": _void_says(told),
        "button": f"Void it, and forgo {format_money(told.forgone, LOCALE)}",
        "is_final": True,
    }
    return page(request, "backoffice/invoice_step.html", context)


def reissue_page(request: HttpRequest, invoice_id: UUID) -> HttpResponse:
    """Say what issuing a credited invoice again means; a button does it."""
    require(request, "invoices.change_invoice")
    found = _invoice(invoice_id)
    if request.method == "POST":
        try:
            draft = reissue.reissue(invoice_id=found.pk, at=clock.now(), actor=actor_of(request))
        except Refusal as refusal:
            messages.error(request, str(refusal))
            return redirect("backoffice:invoice", invoice_id=found.pk)
        messages.success(
            request,
            format_html(
                'It comes to {} now, where <a href="{}">{}</a> was {}. Review it: it is finalized like any draft.',
                format_money(Money(draft.total, draft.currency).rounded(), LOCALE),
                reverse("backoffice:invoice", args=[found.pk]),
                found.number,
                format_money(Money(found.total, found.currency).rounded(), LOCALE),
            ),
        )
        return redirect("backoffice:invoice", invoice_id=draft.pk)
    context = {
        "title": f"Issue {found} again",
        "invoice": found,
        "label": "It was",
        "figure": Money(found.total, found.currency).rounded(),
        "says": [
            f"A new draft is written for the period of {found}, priced from the usage and terms as they are now.",
            "What later invoices billed of the period as adjustments is taken off, and goodwill is given again.",
            "It is reviewed and finalized like any draft, with a number of its own.",
        ],
        "button": "Write the draft",
    }
    return page(request, "backoffice/invoice_step.html", context)


def _void_says(told: void.Effect) -> list[str]:
    says = ["It gets no number and is not sent; it stays to be looked at, with the reason."]
    if told.closes_period:
        says.append(
            "Its period is closed without an invoice: usage that comes later is flagged as late, "
            "and nothing is billed or adjusted of these days any more."
        )
    if not told.taken_off.is_zero:
        taken = format_money(told.taken_off, LOCALE)
        says.append(f"{taken} that was billed in advance for the period comes off the next invoice.")
    says += [
        f"{amount.normalize():,f} {unit} of {name} are free again." for name, unit, amount in told.credits
    ]
    return says


def _invoice(invoice_id: UUID) -> Invoice:
    found = Invoice.objects.filter(pk=invoice_id).select_related("customer", "contract").first()
    if found is None:
        raise Http404
    return found


def _today(invoice: Invoice) -> date:
    return local_day(clock.now(), invoice.timezone)
