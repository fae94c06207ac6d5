"""Crediting an invoice: what it would give back is shown with figures first, then the credit note is issued."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
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
from apps.core.formats import format_days, format_money
from apps.core.ids import uuid7
from apps.core.money import Money
from apps.invoices import credit_notes
from apps.invoices.credit_notes import Ask, Terms
from apps.invoices.crediting import Left, total_left
from apps.invoices.errors import CreditedTooMuch, CreditsUsed, NotToCredit
from apps.invoices.models import Invoice, InvoiceLine
from apps.payments import credit
from apps.payments.credit import Preview

FULL, LINES, AMOUNT = "full", "lines", "amount"
_LINE = "line-"


@dataclass(frozen=True, slots=True)
class LineChoice:
    """A line of the invoice, what is left of it, and the field that asks how much to credit."""

    line: InvoiceLine
    detail: str
    left: Money
    field: Any


@dataclass(frozen=True, slots=True)
class Given:
    """What a credit note would give back of one line."""

    name: str
    detail: str
    amount: Money
    tax: Money


class CreditForm(forms.Form):
    """How much to credit, why, and what becomes of what the invoice does not take up."""

    by = forms.ChoiceField(
        label="How much?",
        choices=[(FULL, "All that is left"), (LINES, "Some of its lines"), (AMOUNT, "An amount, with tax")],
    )
    amount = forms.DecimalField(required=False, min_value=Decimal(0), max_digits=24, decimal_places=4)
    # Short enough for a phone: what each means stands below.
    because = forms.ChoiceField(
        label="Is it a correction or goodwill?",
        choices=[
            (Invoice.Because.GOODWILL, "Goodwill: it was right"),
            (Invoice.Because.CORRECTION, "Correction: it was wrong"),
        ],
    )
    remainder = forms.ChoiceField(
        label="What becomes of what the invoice does not take up?", choices=Invoice.Remainder.choices
    )
    reason = forms.CharField(label="Why? It is printed on the credit note.", max_length=500)
    key = forms.CharField(widget=forms.HiddenInput, max_length=64)

    def __init__(
        self, *args: Any, currency: str, lines: list[InvoiceLine], left: list[Left], **more: Any
    ) -> None:
        """Ask for an amount of each line of which something is left."""
        super().__init__(*args, **more)
        self._currency = currency
        self.fields["amount"].label = f"Amount, {currency}, with tax"
        self._open = [(line, one) for line, one in zip(lines, left, strict=True) if one.amount_left > 0]
        for line, one in self._open:
            self.fields[f"{_LINE}{line.pk}"] = forms.DecimalField(
                label=line.name,
                required=False,
                min_value=Decimal(0),
                max_value=one.amount_left,
                max_digits=24,
                decimal_places=4,
            )

    def choices(self) -> Iterator[LineChoice]:
        """Yield the lines that can be credited, each with its field."""
        for line, one in self._open:
            yield LineChoice(
                line,
                _detail(line),
                Money(one.amount_left, self._currency).rounded(),
                self[f"{_LINE}{line.pk}"],
            )

    def clean(self) -> dict[str, Any]:
        """Refuse what names no amount."""
        given: dict[str, Any] = super().clean() or self.cleaned_data
        if given.get("by") == AMOUNT and not given.get("amount") and "amount" not in self.errors:
            self.add_error("amount", "Give an amount above zero.")
        if given.get("by") == LINES and not self.errors and not self._lines():
            self.add_error("by", "Give an amount for at least one line below.")
        return given

    def ask(self) -> Ask:
        """Return what is to be credited."""
        by = self.cleaned_data["by"]
        if by == AMOUNT:
            return Ask(amount=self.cleaned_data["amount"])
        return Ask(lines=self._lines()) if by == LINES else Ask()

    def terms(self) -> Terms:
        """Return why, and what becomes of the rest."""
        given = self.cleaned_data
        return Terms(
            Invoice.Because(given["because"]),
            Invoice.Remainder(given["remainder"]),
            given["reason"].strip(),
            f"form {given['key']}",
        )

    def _lines(self) -> dict[UUID, Decimal]:
        named = ((line.pk, self.cleaned_data.get(f"{_LINE}{line.pk}")) for line, _ in self._open)
        return {line_id: amount for line_id, amount in named if amount}


def credit_invoice(request: HttpRequest, invoice_id: UUID) -> HttpResponse:
    """Ask what to credit, show what that gives back, and issue the credit note on a yes."""
    require(request, "invoices.change_invoice")
    found = Invoice.objects.filter(pk=invoice_id).select_related("customer", "contract").first()
    if found is None:
        raise Http404
    lines = list(found.lines.all())
    left = credit_notes.left_of(found, lines)
    is_post = request.method == "POST"
    form = CreditForm(
        request.POST if is_post else None,
        currency=found.currency,
        lines=lines,
        left=left,
        initial=_initial(request, found),
    )
    shown = None
    if is_post and form.is_valid():
        # Sent twice, a form finds the credit note that it made, of which a preview would say that nothing is left.
        if "confirmed" in request.POST and (done := _issued(request, form, found)):
            return redirect("backoffice:invoice", invoice_id=done.pk)
        shown = None if form.errors else _shown(form, found.pk)
    given_up = credit.written_off(found.pk)
    money_left = max(total_left(left, tax_included=found.tax_included) - given_up, Decimal(0))
    context = {
        "title": f"Credit {found}",
        "invoice": found,
        "form": form,
        "lines": list(form.choices()),
        "left": Money(money_left, found.currency).rounded(),
        "written_off": Money(given_up, found.currency).rounded(),
        "notes": list(credit_notes.of_invoice(found.pk)),
        "shown": shown,
        "given": list(_given(shown)) if shown else [],
        "total": Money(shown.plan.total, found.currency).rounded() if shown else None,
        "tax": Money(shown.plan.tax, found.currency).rounded() if shown else None,
        "mailed_to": found.customer.billing_email,
    }
    return page(request, "backoffice/credit_invoice.html", context)


def _initial(request: HttpRequest, invoice: Invoice) -> dict[str, str]:
    """Take over what a link asks for, such as the one of a difference that is to be settled by hand."""
    asked = {
        name: str(value)
        for name, value in request.GET.items()
        if name in {"by", "because", "remainder", "reason"} or name.startswith(_LINE)
    }
    return {
        "by": FULL,
        "because": Invoice.Because.CORRECTION.value,
        "remainder": Invoice.Remainder.BALANCE.value,
        **asked,
        "key": uuid7().hex,
    }


def _shown(form: CreditForm, invoice_id: UUID) -> Preview | None:
    try:
        return credit.preview(invoice_id=invoice_id, ask=form.ask(), because=form.terms().because)
    except (CreditedTooMuch, CreditsUsed, NotToCredit) as refusal:
        form.add_error("amount" if form.cleaned_data["by"] == AMOUNT else "by", str(refusal))
    except Refusal as refusal:
        form.add_error(None, str(refusal))
    return None


def _issued(request: HttpRequest, form: CreditForm, invoice: Invoice) -> Invoice | None:
    try:
        note = credit.credit(
            invoice_id=invoice.pk,
            ask=form.ask(),
            terms=form.terms(),
            at=clock.now(),
            actor=actor_of(request),
        )
    except Refusal as refusal:
        form.add_error(None, str(refusal))
        return None
    messages.success(
        request,
        format_html(
            'Credit note {} gives back {} of <a href="{}">{}</a>; its PDF is being rendered and mailed.',
            note.number,
            format_money(Money(-note.total, note.currency).rounded(), LOCALE),
            reverse("backoffice:invoice", args=[invoice.pk]),
            invoice.number,
        ),
    )
    return note


def _given(shown: Preview) -> Iterator[Given]:
    lines = {line.pk: line for line in shown.lines}
    currency = shown.plan.invoice.currency
    for part in shown.plan.parts:
        yield Given(
            lines[part.line_id].name,
            _detail(lines[part.line_id]),
            Money(part.amount, currency).rounded(),
            Money(part.tax, currency).rounded(),
        )


def _detail(line: InvoiceLine) -> str:
    """Tell apart what lines of one name are: by their kind, their dimension values and their days."""
    values = [value for value in line.dimensions.values() if value != "*"]
    if line.kind not in {InvoiceLine.Kind.USAGE, InvoiceLine.Kind.RECURRING}:
        values.insert(0, line.get_kind_display().lower())
    if line.starts_on and line.ends_on:
        values.append(format_days(line.starts_on, line.ends_on, LOCALE))
    return " · ".join(values)
