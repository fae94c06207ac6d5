"""What the back office adds to lower rooms' admin pages: links to its own, and the house style for other packages' tables."""

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db.models import Model
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

from apps.core.admin import Admin
from apps.customers.admin import CustomerAdmin
from apps.customers.models import Customer
from apps.invoices.admin import InvoiceAdmin
from apps.invoices.models import Invoice

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
    Invoice,
)
for model in OTHERS:
    if admin.site.is_registered(model):
        admin.site.unregister(model)


@admin.register(Customer)
class CustomerPages(CustomerAdmin):
    """The list leads to the customer's own page, which has all that belongs to it."""

    list_display = ("page", *CustomerAdmin.list_display[1:])
    list_display_links = None

    @admin.display(description="name", ordering="name")
    def page(self, customer: Customer) -> str:
        return format_html(
            '<a href="{}">{}</a>', reverse("backoffice:customer", args=[customer.key]), customer.name
        )


@admin.register(Invoice)
class InvoicePages(InvoiceAdmin):
    """An invoice opens on its own page, where every line says how it came about."""

    def change_view(
        self, request: HttpRequest, object_id: str, *_args: object, **_more: object
    ) -> HttpResponse:
        return redirect("backoffice:invoice", invoice_id=object_id)


@admin.register(Group)
class RoleAdmin(Admin):
    """A role: what its people may see and change."""

    search_fields = ("name",)
    filter_horizontal = ("permissions",)


@admin.register(PeriodicTask)
class ScheduleAdmin(Admin):
    """What the schedule sends, how often, and when it last did; a task can be switched off here."""

    list_display = ("name", "interval", "enabled", "last_run_at", "total_run_count")
    list_filter = ("enabled",)
    search_fields = ("name", "task")
    fields = ("name", "task", "interval", "enabled", "last_run_at", "total_run_count")
    readonly_fields = ("name", "task", "interval", "last_run_at", "total_run_count")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: PeriodicTask | None = None) -> bool:
        return False
