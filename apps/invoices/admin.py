"""Invoices and parked closes in the back office: to look at, and to close again."""

from decimal import Decimal
from typing import ClassVar

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from apps.core import clock, formats
from apps.core.admin import RangeDateFilter, ReadOnlyAdmin, ReadOnlyInline
from apps.core.money import Money
from apps.invoices import close
from apps.invoices.models import Invoice, InvoiceLine, ParkedClose


class LineInline(ReadOnlyInline):
    model = InvoiceLine
    fk_name = "invoice"
    fields = ("account_name", "product_name", "name", "kind", "dimension_values", "counted", "rounded")
    readonly_fields = fields
    show_change_link = False
    verbose_name_plural = "lines"

    @admin.display(description="for")
    def dimension_values(self, line: InvoiceLine) -> str:
        return " · ".join(value for value in line.dimensions.values() if value != "*")

    @admin.display(description="quantity")
    def counted(self, line: InvoiceLine) -> str:
        return f"{formats.format_quantity(line.quantity, 'en')} {line.unit}"

    @admin.display(description="amount")
    def rounded(self, line: InvoiceLine) -> str:
        return formats.format_money(Money(line.amount, line.invoice.currency), "en")


@admin.register(Invoice)
class InvoiceAdmin(ReadOnlyAdmin):
    when_empty = "No invoice yet. The first is drafted when a contract's first period ends."
    list_display = ("label", "customer", "period", "status", "total_money", "issued_on", "due_on")
    list_filter = (
        "status",
        "kind",
        ("issued_on", RangeDateFilter),
        ("due_on", RangeDateFilter),
        "currency",
        "legal_entity",
    )
    list_filter_submit = True
    list_select_related = ("customer", "contract")
    search_fields = ("number", "customer__name", "customer__key", "contract__number")
    ordering = ("-period_start_on", "-number", "id")
    inlines = (LineInline,)
    fields: ClassVar = (
        ("label", "status"),
        ("customer", "contract"),
        ("period", "timezone"),
        ("subtotal_money", "tax_money", "total_money"),
        ("issued_on", "due_on"),
        ("drafted_at", "review_until_at", "finalized_at"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Invoice]:
        found: QuerySet[Invoice] = super().get_queryset(request)
        return found.defer("snapshot")

    @admin.display(description="number", ordering="number")
    def label(self, invoice: Invoice) -> str:
        return invoice.number or invoice.get_status_display()

    @admin.display(description="period", ordering="period_start_on")
    def period(self, invoice: Invoice) -> str:
        return formats.format_days(invoice.period_start_on, invoice.period_end_on, "en")

    @admin.display(description="total", ordering="total")
    def total_money(self, invoice: Invoice) -> str:
        return _money(invoice.total, invoice)

    @admin.display(description="subtotal")
    def subtotal_money(self, invoice: Invoice) -> str:
        return _money(invoice.subtotal, invoice)

    @admin.display(description="tax")
    def tax_money(self, invoice: Invoice) -> str:
        return f"{_money(invoice.tax_amount, invoice)} ({formats.format_quantity(invoice.tax_rate, 'en')}%)"


@admin.register(ParkedClose)
class ParkedCloseAdmin(ReadOnlyAdmin):
    when_empty = "Nothing is parked: every finished period was closed."
    list_display = (
        "contract",
        "customer",
        "period_start_on",
        "reason",
        "attempts",
        "first_parked_at",
        "parked_at",
    )
    search_fields = ("contract__number", "contract__customer__name", "reason")
    ordering = ("first_parked_at",)
    list_select_related = ("contract__customer",)
    actions = ("close_again",)
    fields = (
        "contract",
        "customer",
        "period_start_on",
        "code",
        "reason",
        "attempts",
        "first_parked_at",
        "parked_at",
    )

    def has_close_permission(self, request: HttpRequest) -> bool:
        """Tell who may close again."""
        return request.user.has_perm("invoices.change_parkedclose")

    @admin.display(description="customer", ordering="contract__customer__name")
    def customer(self, parked: ParkedClose) -> str:
        return parked.contract.customer.name

    @admin.action(description="Close again", permissions=["close"])
    def close_again(self, request: HttpRequest, chosen: QuerySet[ParkedClose]) -> None:
        """Close the contracts again, and say which got through."""
        at, actor = clock.now(), request.user.get_username()
        for contract_id in list(chosen.values_list("contract_id", flat=True)):
            closed = close.close_contract(contract_id=contract_id, at=at, actor=actor)
            if closed.parked:
                self.message_user(request, str(closed.parked), messages.ERROR)
            else:
                self.message_user(request, f"Closed: {len(closed.drafts)} new drafts.", messages.SUCCESS)


def _money(amount: Decimal, invoice: Invoice) -> str:
    return formats.format_money(Money(amount, invoice.currency), "en")
