"""Payments in the back office: recorded by a form, never changed."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from apps.core import clock
from apps.core.admin import ActionAdmin, RangeDateFilter, ReadOnlyInline, TextInput, actor_of
from apps.core.errors import Refusal
from apps.core.formats import format_money
from apps.core.money import Money
from apps.invoices.models import Invoice
from apps.payments import record
from apps.payments.errors import AllocatedTooMuch, NotACurrency, NotAnAmount, NotPayable, PaymentRecorded
from apps.payments.models import Allocation, Payment

FIELDS: dict[type[Refusal], str] = {
    NotACurrency: "currency",
    PaymentRecorded: "reference",
    NotPayable: "pays",
    AllocatedTooMuch: "pays",
    NotAnAmount: "amount",
}


class AllocationInline(ReadOnlyInline):
    model = Allocation
    fields = ("invoice", "part", "allocated_at")
    readonly_fields = fields
    verbose_name_plural = "pays"
    show_change_link = False

    @admin.display(description="amount")
    def part(self, allocation: Allocation) -> str:
        return format_money(Money(allocation.amount, allocation.invoice.currency), "en")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Allocation]:
        found: QuerySet[Allocation] = super().get_queryset(request)
        return found.select_related("invoice__customer", "payment")


class TransferForm(forms.ModelForm):  # type: ignore[type-arg]
    """A transfer as it stands on the bank statement; without invoices named it pays the ones due first."""

    pays = forms.CharField(
        label="Invoices",
        required=False,
        help_text="Their numbers, separated by commas. Empty: it pays what is due first.",
        widget=TextInput,
    )

    class Meta:
        model = Payment
        fields = ("customer", "amount", "currency", "received_on", "reference")

    def clean_currency(self) -> str:
        """Return the currency in capitals."""
        return str(self.cleaned_data["currency"]).upper()

    def clean_pays(self) -> list[UUID]:
        """Return the invoices that are named."""
        numbers = {word.strip() for word in self.cleaned_data["pays"].split(",") if word.strip()}
        named = dict(Invoice.objects.filter(number__in=numbers).values_list("number", "pk"))
        if unknown := sorted(numbers - named.keys()):
            raise forms.ValidationError(f"There is no invoice {', '.join(unknown)}.")
        return list(named.values())

    def clean(self) -> dict[str, Any]:
        """Show at its field what recording would refuse, so that nothing typed is lost."""
        given: dict[str, Any] = super().clean() or self.cleaned_data
        if self.errors:
            return given
        try:
            record.preview(
                customer_id=given["customer"].pk,
                currency=given["currency"],
                amount=given["amount"],
                reference=given["reference"],
                among=given["pays"],
            )
        except Refusal as refusal:
            self.add_error(FIELDS.get(type(refusal)), str(refusal))
        return given

    def validate_constraints(self) -> None:
        """Leave the database's constraints to `clean`, whose words are ours."""


@admin.register(Payment)
class PaymentAdmin(ActionAdmin):
    when_empty = "No payment is recorded yet."
    form = TransferForm
    list_display = ("reference", "customer", "received", "received_on", "recorded_by")
    list_filter = (("received_on", RangeDateFilter), "currency")
    list_select_related = ("customer",)
    search_fields = ("reference", "customer__name", "customer__key")
    ordering = ("-received_on", "-recorded_at")
    autocomplete_fields = ("customer",)
    readonly_fields = ("received", "recorded_by", "recorded_at")
    inlines = (AllocationInline,)

    def get_fields(self, request: HttpRequest, obj: Payment | None = None) -> tuple[str, ...]:
        """Ask for what stands on the bank statement; show what was recorded."""
        if obj is None:
            return ("customer", "amount", "currency", "received_on", "reference", "pays")
        return ("customer", "received", "received_on", "reference", "recorded_by", "recorded_at")

    def get_inlines(
        self, request: HttpRequest, obj: Payment | None = None
    ) -> tuple[type[AllocationInline], ...]:
        return (AllocationInline,) if obj else ()

    def has_change_permission(self, request: HttpRequest, obj: Payment | None = None) -> bool:
        """What was received is history."""
        return False

    @admin.display(description="amount", ordering="amount")
    def received(self, payment: Payment) -> str:
        return format_money(Money(payment.amount, payment.currency), "en")

    def save_model(self, request: HttpRequest, obj: Payment, form: Any, change: bool) -> None:  # noqa: FBT001
        obj.pk = record.record_transfer(
            customer_id=obj.customer_id,
            currency=obj.currency,
            amount=obj.amount,
            received_on=obj.received_on,
            reference=obj.reference,
            among=form.cleaned_data["pays"],
            at=clock.now(),
            actor=actor_of(request),
        ).pk
