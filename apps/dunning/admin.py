"""Collections in the back office: cases of overdue invoices, and the policies behind them."""

from datetime import timedelta
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
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
    state,
)
from apps.core.formats import format_day, format_money
from apps.core.money import Money
from apps.core.periods import local_day
from apps.dunning import pause, queries
from apps.dunning.models import Case, Policy, PolicyStep, Reminder


class ReminderInline(ReadOnlyInline):
    model = Reminder
    fields = ("days_after_due", "tone", "taken_at", "sent_at")
    show_change_link = False


@admin.register(Case)
class CaseAdmin(ReadOnlyAdmin):
    when_empty = "No invoice is followed up: none was overdue yet."
    list_display = ("invoice", "customer", "stage", "due_on", "overdue", "left", "next_step", "opened_at")
    list_filter = ("status",)
    list_select_related = ("invoice__customer",)
    search_fields = ("invoice__number", "invoice__customer__name")
    ordering = ("invoice__due_on",)
    fields = (
        ("invoice", "customer"),
        ("status", "due_on"),
        ("left", "next_step"),
        ("opened_at", "closed_at"),
    )
    inlines = (ReminderInline,)
    actions_detail = ("pause", "resume")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Case]:
        found: QuerySet[Case] = super().get_queryset(request)
        return queries.with_figures(found)

    @admin.display(description="status", ordering="status")
    def stage(self, case: Case) -> str:
        kinds = {Case.Status.OPEN: "bad", Case.Status.PAUSED: "warn", Case.Status.CLOSED: "good"}
        return state(case.get_status_display(), kinds[Case.Status(case.status)])

    @admin.display(description="customer", ordering="invoice__customer__name")
    def customer(self, case: Case) -> str:
        return case.invoice.customer.name

    @admin.display(description="due", ordering="invoice__due_on")
    def due_on(self, case: Case) -> object:
        return case.invoice.due_on

    @admin.display(description="days overdue", ordering="-invoice__due_on")
    def overdue(self, case: Case) -> object:
        if case.status == Case.Status.CLOSED or case.invoice.due_on is None:
            return None
        return max((local_day(clock.now(), case.invoice.timezone) - case.invoice.due_on).days, 0)

    @admin.display(description="open", ordering="open_amount")
    def left(self, case: Case) -> str:
        left = Money(case.open_amount, case.invoice.currency)  # type: ignore[attr-defined]
        return format_money(left, "en")

    @admin.display(description="next step")
    def next_step(self, case: Case) -> str | None:
        """Say which reminder comes when, as long as one may come."""
        days = case.next_days  # type: ignore[attr-defined]
        if days is None or case.invoice.due_on is None or case.status != Case.Status.OPEN:
            return None
        tone = PolicyStep.Tone(case.next_tone)  # type: ignore[attr-defined]
        return f"{tone.label}, {format_day(case.invoice.due_on + timedelta(days=days), 'en')}"

    @page_action(
        description="Pause",
        url_path="pause",
        permission="dunning.change_case",
        offered=lambda case: case.status == Case.Status.OPEN,
    )
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

    @page_action(
        description="Resume",
        url_path="resume",
        permission="dunning.change_case",
        offered=lambda case: case.status == Case.Status.PAUSED,
    )
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


class StepInline(TabularInline):
    model = PolicyStep
    verbose_name = "reminder"
    verbose_name_plural = "reminders"
    fields = ("days_after_due", "tone")


@admin.register(Policy)
class PolicyAdmin(Admin):
    list_display = ("name", "legal_entity")
    list_select_related = ("legal_entity",)
    inlines = (StepInline,)
