"""An entry of the journal by itself, and those that staff make and reverse by hand."""

from decimal import Decimal
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from apps.backoffice.books.documents import addresses
from apps.backoffice.views import page, require
from apps.core import clock
from apps.core.admin import actor_of
from apps.core.errors import Refusal
from apps.core.money import Money
from apps.customers.models import Customer, LegalEntity
from apps.ledger import manual
from apps.ledger.models import Account, Entry
from apps.ledger.post import credit, debit

_ACCOUNTS = [("", "Choose ..."), *Account.Role.choices]
_DAY = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


class EntryForm(forms.Form):
    """One amount, from one account to another, about one customer."""

    entity = forms.ModelChoiceField(
        LegalEntity.objects.order_by("name"), to_field_name="key", label="Whose books", empty_label=None
    )
    customer = forms.ModelChoiceField(
        Customer.objects.order_by("name"), to_field_name="key", label="Customer", empty_label="Choose ..."
    )
    debited = forms.ChoiceField(choices=_ACCOUNTS, label="Debit")
    credited = forms.ChoiceField(choices=_ACCOUNTS, label="Credit")
    amount = forms.DecimalField(label="Amount", min_value=Decimal("0.0001"), max_digits=24, decimal_places=4)
    currency = forms.CharField(label="Currency", min_length=3, max_length=3, initial="USD")
    on = forms.DateField(label="Day", widget=_DAY)
    description = forms.CharField(label="What it is", max_length=200)
    reason = forms.CharField(label="Why", max_length=500, widget=forms.Textarea(attrs={"rows": 2}))
    into_soft_closed = forms.BooleanField(
        required=False, label="Into that month also where it is soft-closed"
    )

    def clean_currency(self) -> str:
        """Take a currency in small letters too."""
        return str(self.cleaned_data["currency"]).upper()


class ReverseForm(forms.Form):
    """When and why an entry is taken back."""

    on = forms.DateField(label="Day", widget=_DAY)
    reason = forms.CharField(label="Why", max_length=500)
    into_soft_closed = forms.BooleanField(
        required=False, label="Into that month also where it is soft-closed"
    )


def new_entry(request: HttpRequest) -> HttpResponse:
    """Enter by hand what no document says."""
    require(request, "ledger.add_entry")
    form = EntryForm(request.POST if request.method == "POST" else None, initial={"on": clock.now().date()})
    if request.method == "POST" and form.is_valid():
        entered = _enter(request, form)
        if entered:
            return redirect("backoffice:books_entry", entry_id=entered.pk)
    return page(request, "backoffice/books_new_entry.html", {"title": "Entry by hand", "form": form})


def entry(request: HttpRequest, entry_id: UUID) -> HttpResponse:
    """Show an entry with its postings, its document, and what reversed it; a form reverses one that was made by hand."""
    require(request, "ledger.view_entry", to_change="ledger.add_entry")
    found = (
        Entry.objects.select_related("legal_entity", "reverses", "reversed_by").filter(pk=entry_id).first()
    )
    if found is None:
        raise Http404
    form = ReverseForm(request.POST if request.method == "POST" else None, initial={"on": clock.now().date()})
    if request.method == "POST" and form.is_valid():
        back = _reverse(request, found, form)
        if back:
            return redirect("backoffice:books_entry", entry_id=back.pk)
    postings = [
        {
            "account": one.account,
            "customer": one.customer,
            "product": one.product_name,
            "debit": Money(one.amount, one.currency).rounded() if one.amount > 0 else None,
            "credit": Money(-one.amount, one.currency).rounded() if one.amount < 0 else None,
        }
        for one in found.postings.select_related("account", "customer").order_by("-amount", "account__code")
    ]
    is_reversible = found.kind == Entry.Kind.MANUAL and not hasattr(found, "reversed_by")
    way = addresses([found])[found.pk]
    context = {
        "title": f"{found.get_kind_display()}: {found.description}",
        "entry": found,
        "postings": postings,
        "document": way if way != request.path else "",
        "reversed_by": getattr(found, "reversed_by", None),
        "form": form if is_reversible and request.user.has_perm("ledger.add_entry") else None,
    }
    return page(request, "backoffice/books_entry.html", context)


def _enter(request: HttpRequest, form: EntryForm) -> Entry | None:
    asked = form.cleaned_data
    try:
        entered = manual.enter(
            legal_entity_id=asked["entity"].pk,
            customer_id=asked["customer"].pk,
            on=asked["on"],
            postings=[
                debit(Account.Role(asked["debited"]), asked["currency"], asked["amount"]),
                credit(Account.Role(asked["credited"]), asked["currency"], asked["amount"]),
            ],
            description=asked["description"],
            reason=asked["reason"],
            into_soft_closed=asked["into_soft_closed"],
            at=clock.now(),
            actor=actor_of(request),
        )
    except Refusal as refusal:
        form.add_error(getattr(refusal, "field", None), str(refusal))
        return None
    messages.success(request, f"{asked['description']} is in the journal on {entered.posted_on}.")
    return entered


def _reverse(request: HttpRequest, found: Entry, form: ReverseForm) -> Entry | None:
    asked = form.cleaned_data
    try:
        back = manual.reverse(
            entry_id=found.pk,
            on=asked["on"],
            reason=asked["reason"],
            into_soft_closed=asked["into_soft_closed"],
            at=clock.now(),
            actor=actor_of(request),
        )
    except Refusal as refusal:
        form.add_error(getattr(refusal, "field", None), str(refusal))
        return None
    messages.success(request, f"{found.description} is reversed on {back.posted_on}.")
    return back
