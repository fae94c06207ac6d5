"""Payments in the back office: recorded by a form, never changed."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from apps.core import clock
from apps.core.admin import ActionAdmin, RangeDateFilter, ReadOnlyInline, actor_of
from apps.core.formats import format_money
from apps.core.money import Money
from apps.payments import record
from apps.payments.models import Allocation, Payment


class AllocationInline(ReadOnlyInline):
    model = Allocation
    fields = ("invoice", "amount", "allocated_at")
    verbose_name_plural = "pays"
    show_change_link = False


class TransferForm(forms.ModelForm):  # type: ignore[type-arg]
    """A transfer as it stands on the bank statement; it pays the invoices that are due first."""

    class Meta:
        model = Payment
        fields = ("customer", "amount", "currency", "received_on", "reference")

    def clean_currency(self) -> str:
        """Return the currency in capitals."""
        return str(self.cleaned_data["currency"]).upper()


@admin.register(Payment)
class PaymentAdmin(ActionAdmin):
    form = TransferForm
    list_display = ("reference", "customer", "received", "received_on", "recorded_by")
    list_filter = (("received_on", RangeDateFilter), "currency")
    list_select_related = ("customer",)
    search_fields = ("reference", "customer__name", "customer__key")
    ordering = ("-received_on", "-recorded_at")
    autocomplete_fields = ("customer",)
    inlines = (AllocationInline,)

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
            at=clock.now(),
            actor=actor_of(request),
        ).pk
