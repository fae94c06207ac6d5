"""Collections in the back office: cases of overdue invoices, and the policies behind them."""

from uuid import UUID

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from apps.core import clock
from apps.core.admin import (
    Admin,
    ReadOnlyAdmin,
    ReadOnlyInline,
    TabularInline,
    actor_of,
    confirmed,
    found,
    page_action,
)
from apps.dunning import pause
from apps.dunning.models import Case, Policy, PolicyStep, Reminder


class ReminderInline(ReadOnlyInline):
    model = Reminder
    fields = ("days_after_due", "tone", "taken_at", "sent_at")
    show_change_link = False


@admin.register(Case)
class CaseAdmin(ReadOnlyAdmin):
    list_display = ("invoice", "customer", "status", "due_on", "opened_at", "closed_at")
    list_filter = ("status",)
    list_select_related = ("invoice__customer",)
    search_fields = ("invoice__number", "invoice__customer__name")
    ordering = ("invoice__due_on",)
    fields = (("invoice", "customer"), ("status", "due_on"), ("opened_at", "closed_at"))
    inlines = (ReminderInline,)
    actions_detail = ("pause", "resume")

    @admin.display(description="customer", ordering="invoice__customer__name")
    def customer(self, case: Case) -> str:
        return case.invoice.customer.name

    @admin.display(description="due", ordering="invoice__due_on")
    def due_on(self, case: Case) -> object:
        return case.invoice.due_on

    @page_action(description="Pause", url_path="pause")
    def pause(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask why, then stop reminding."""
        case = found(Case.objects.select_related("invoice"), object_id)

        def act() -> str:
            reason = request.POST.get("reason", "")
            pause.pause(case_id=UUID(object_id), reason=reason, at=clock.now(), actor=actor_of(request))
            return f"{case} is paused: no reminder is sent until it is resumed."

        return confirmed(
            request,
            title=f"Pause the case of {case.invoice}",
            text="No reminder is sent while it is paused; the invoice stays due.",
            button="Pause",
            back=reverse("admin:dunning_case_change", args=[object_id]),
            permission="dunning.change_case",
            act=act,
            wants_reason=True,
        )

    @page_action(description="Resume", url_path="resume")
    def resume(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then let the case go on."""
        case = found(Case.objects.select_related("invoice"), object_id)

        def act() -> str:
            pause.resume(case_id=UUID(object_id), at=clock.now(), actor=actor_of(request))
            return f"{case} goes on; the latest step that is due is taken within the hour."

        return confirmed(
            request,
            title=f"Resume the case of {case.invoice}",
            text="The latest reminder that is due by then is sent within the hour.",
            button="Resume",
            back=reverse("admin:dunning_case_change", args=[object_id]),
            permission="dunning.change_case",
            act=act,
        )


class StepInline(TabularInline):  # type: ignore[misc]
    model = PolicyStep
    extra = 0
    fields = ("days_after_due", "tone")


@admin.register(Policy)
class PolicyAdmin(Admin):
    list_display = ("name", "legal_entity")
    list_select_related = ("legal_entity",)
    inlines = (StepInline,)
