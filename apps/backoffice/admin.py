"""What the back office adds to lower rooms' admin pages: links to its own, and the house style for other packages' tables."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    SolarSchedule,
)

from apps.backoffice.contract_head import head
from apps.backoffice.states import kind_of, state_on
from apps.contracts import queries
from apps.contracts.admin import ContractAdmin
from apps.contracts.models import Contract
from apps.contracts.standing import beside_the_plan
from apps.core import clock
from apps.core.admin import Admin, state
from apps.core.formats import format_money
from apps.core.money import Money
from apps.customers.admin import CustomerAdmin
from apps.customers.models import Customer
from apps.invoices.admin import InvoiceAdmin
from apps.invoices.models import Invoice
from apps.payments.queries import with_open_amounts
from apps.plans import summary

OTHERS: tuple[type[Model], ...] = (
    Group,
    EmailAddress,
    Authenticator,
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    SolarSchedule,
    PeriodicTask,
    Customer,
    Contract,
    Invoice,
)
for model in OTHERS:
    if admin.site.is_registered(model):
        admin.site.unregister(model)


def customer_link(customer: Customer) -> str:
    """Return a link to a customer's own page."""
    return format_html(
        '<a href="{}">{}</a>', reverse("backoffice:customer", args=[customer.key]), customer.name
    )


@admin.register(Customer)
class CustomerPages(CustomerAdmin):
    """The list leads to the customer's own page, which has all that belongs to it."""

    list_display = ("page", *CustomerAdmin.list_display[1:])
    list_display_links = None

    @admin.display(description="name", ordering="name")
    def page(self, customer: Customer) -> str:
        return customer_link(customer)


@admin.register(Contract)
class ContractPages(ContractAdmin):
    """A contract's page says first whose it is and what it costs, and leads to its invoices."""

    change_form_before_template = "backoffice/contract.html"
    list_display = (
        "number",
        "customer_page",
        "plan_version",
        "stage",
        "starts_on",
        "ends_on",
        "timezone",
        "billed_until_on",
    )

    @admin.display(description="customer", ordering="customer__name")
    def customer_page(self, contract: Contract) -> str:
        return customer_link(contract.customer)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Add the contract in words."""
        contract = self.get_object(request, object_id)
        context = {**(extra_context or {})}
        if contract:
            context |= head(contract, "contract")
            context["beside"] = beside_the_plan(contract)
            context["offer"] = summary.offer(context["version"], months=contract.billing_months)
            if contract.status == Contract.Status.DRAFT:
                context["overlapped_by"] = queries.overlapping(contract)
        page: HttpResponse = super().change_view(request, object_id, form_url, context)
        return page


class PaidFilter(admin.SimpleListFilter):
    """Finalized invoices by what is open of them."""

    title = "payment"
    parameter_name = "payment"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", "Open"), ("overdue", "Overdue"), ("paid", "Paid")]

    def queryset(self, request: HttpRequest, found: QuerySet[Any]) -> QuerySet[Any]:
        finalized = found.filter(status=Invoice.Status.FINALIZED).exclude(kind=Invoice.Kind.CREDIT_NOTE)
        if self.value() == "paid":
            return finalized.filter(open_amount__lte=0)
        if self.value() == "overdue":
            return finalized.filter(open_amount__gt=0, due_on__lt=clock.now().date())
        return finalized.filter(open_amount__gt=0) if self.value() == "open" else found


@admin.register(Invoice)
class InvoicePages(InvoiceAdmin):
    """The list tells what is open; an invoice opens on its own page, where every line says how it came about."""

    list_display = (
        "label",
        "customer_page",
        "period",
        "stage",
        "total_money",
        "open_money",
        "issued_on",
        "due_on",
    )  # type: ignore[assignment]  # one more column than the lower room's
    list_filter = (PaidFilter, *InvoiceAdmin.list_filter)  # type: ignore[assignment]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Invoice]:
        return with_open_amounts(super().get_queryset(request))

    @admin.display(description="customer", ordering="customer__name")
    def customer_page(self, invoice: Invoice) -> str:
        return customer_link(invoice.customer)

    @admin.display(description="status", ordering="status")
    def stage(self, invoice: Invoice) -> str:
        word = state_on(invoice, self._open(invoice), clock.now().date())
        return state(word, kind_of(word))

    @admin.display(description="open", ordering="open_amount")
    def open_money(self, invoice: Invoice) -> str:
        left = self._open(invoice)
        return "" if left is None else format_money(left, "en")

    def change_view(
        self, request: HttpRequest, object_id: str, *_args: object, **_more: object
    ) -> HttpResponse:
        return redirect("backoffice:invoice", invoice_id=object_id)

    def _open(self, invoice: Invoice) -> Money | None:
        if invoice.status != Invoice.Status.FINALIZED or invoice.kind == Invoice.Kind.CREDIT_NOTE:
            return None
        left: Money = Money(invoice.open_amount, invoice.currency).rounded()  # type: ignore[attr-defined]
        return left


@admin.register(Group)
class RoleAdmin(Admin):
    """A role: what its people may see and change."""

    search_fields = ("name",)
    filter_horizontal = ("permissions",)
    when_empty = "No role yet. Without one, a person sees what is ticked on their own page."

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **more: Any) -> Any:
        """Offer the rights that pages of the back office ask for, and no other package's."""
        rooms = {model._meta.app_label for model in apps.get_models() if model.__module__.startswith("apps.")}
        more["queryset"] = Permission.objects.filter(content_type__app_label__in=rooms).select_related(
            "content_type"
        )
        return super().formfield_for_manytomany(db_field, request, **more)


@admin.register(PeriodicTask)
class ScheduleAdmin(Admin):
    """What the schedule sends, how often, and when it last did; a task can be switched off here."""

    list_display = ("name", "often", "enabled", "last_run_at", "total_run_count")
    list_filter = ("enabled",)
    list_select_related = ("interval",)
    search_fields = ("name", "task")
    ordering = ("name",)
    fields = ("name", "often", "enabled", "last_run_at", "total_run_count")
    readonly_fields = ("name", "often", "last_run_at", "total_run_count")

    def get_queryset(self, request: HttpRequest) -> QuerySet[PeriodicTask]:
        """Leave out what the worker keeps for itself."""
        found: QuerySet[PeriodicTask] = super().get_queryset(request)
        return found.exclude(name__startswith="celery.")

    @admin.display(description="sent")
    def often(self, task: PeriodicTask) -> str:
        seconds = task.interval.schedule.run_every.total_seconds() if task.interval else 0
        for length, name in ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second")):
            if seconds >= length and seconds % length == 0:
                count = int(seconds // length)
                return f"every {name}" if count == 1 else f"every {count} {name}s"
        return str(task.schedule)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: PeriodicTask | None = None) -> bool:
        return False
