"""Usage in the back office: what was received, and what waits in quarantine."""

import json
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest
from django.utils.html import format_html_join

from apps.core import clock
from apps.core.admin import ActionAdmin, RangeDateFilter, ReadOnlyAdmin, actor_of, plain_table, state
from apps.usage import recount
from apps.usage.models import Correction, QuarantinedEvent, Receipt, Recount


@admin.register(Receipt)
class ReceiptAdmin(ReadOnlyAdmin):
    when_empty = "No usage was received yet. Post an event to /api/v1/events."
    list_display = (
        "received_at",
        "actor",
        "customer_key",
        "received",
        "counted",
        "voided",
        "duplicate",
        "conflict",
        "quarantined",
    )
    list_filter = (("received_at", RangeDateFilter),)
    search_fields = ("actor", "customer_key")
    ordering = ("-received_at", "-id")


@admin.register(QuarantinedEvent)
class QuarantinedEventAdmin(ReadOnlyAdmin):
    when_empty = "Nothing waits: every event that was received could be counted."
    list_display = ("received_at", "customer_key", "event_key", "type", "reason", "remedy", "stage")
    list_filter = ("reason", ("resolved_at", admin.EmptyFieldListFilter), ("received_at", RangeDateFilter))
    search_fields = ("customer_key", "event_key", "type")
    ordering = ("-received_at", "-id")
    fields = (
        "reason",
        "field",
        "remedy",
        "customer_key",
        "event_key",
        "type",
        "received_at",
        "resolved_at",
        "as_received",
    )
    readonly_fields = ("as_received",)

    @admin.display(description="status", ordering="resolved_at")
    def stage(self, event: QuarantinedEvent) -> str:
        if event.resolved_at is None:
            return state("waits", "warn")
        dismissed = event.resolution == QuarantinedEvent.Resolution.DISMISSED
        return state("dismissed") if dismissed else state("counted since", "good")

    @admin.display(description="as it was received")
    def as_received(self, event: QuarantinedEvent) -> str:
        """Show the event's fields as names and values."""
        body = json.loads(event.body)
        fields = body if isinstance(body, dict) else {"": body}
        named = {**fields, **{f"properties: {name}": value for name, value in _properties(fields).items()}}
        named.pop("properties", None)
        return format_html_join(
            "", "<div><strong>{}</strong> {}</div>", ((name, _shown(value)) for name, value in named.items())
        )


def _properties(fields: dict[str, object]) -> dict[str, object]:
    properties = fields.get("properties")
    return properties if isinstance(properties, dict) else {}


def _shown(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


@admin.register(Correction)
class CorrectionAdmin(ReadOnlyAdmin):
    when_empty = (
        "No usage was corrected yet. An event is voided on its own page, or by POST /api/v1/corrections."
    )
    list_display = ("at", "customer", "voided", "replaced_by", "reason", "actor")
    list_filter = (("at", RangeDateFilter),)
    list_select_related = ("customer",)
    search_fields = ("customer__name", "customer__key", "reason", "actor")
    ordering = ("-at", "-id")
    fields = ("at", "customer", "reason", "actor", ("voided", "replaced_by"), "which")
    readonly_fields = ("which",)

    @admin.display(description="which events")
    def which(self, correction: Correction) -> str:
        return plain_table(correction.scope)


@admin.register(Recount)
class RecountAdmin(ActionAdmin):
    when_empty = (
        "No meter was computed over past events yet. Add one here, after a meter was made or changed."
    )
    list_display = ("meter", "progress", "started_at", "finished_at", "actor")
    list_select_related = ("meter",)
    ordering = ("-started_at",)
    fields = ("meter",)

    def get_fields(self, request: HttpRequest, obj: Recount | None = None) -> tuple[str, ...]:
        """Ask for the meter; show how far it is."""
        return ("meter", "progress", "started_at", "finished_at", "actor", "error") if obj else ("meter",)

    def get_readonly_fields(self, request: HttpRequest, obj: Recount | None = None) -> tuple[str, ...]:
        return self.get_fields(request, obj) if obj else ()

    def has_change_permission(self, request: HttpRequest, obj: Recount | None = None) -> bool:
        return False

    @admin.display(description="progress")
    def progress(self, run: Recount) -> str:
        match run.status:
            case Recount.Status.DONE:
                return state(f"all {run.days:,} days of customers", "good")
            case Recount.Status.FAILED:
                return state("failed", "bad")
            case _:
                return f"{run.done:,} of {run.days:,} days of customers"

    def save_model(self, request: HttpRequest, obj: Recount, form: Any, change: bool) -> None:  # noqa: FBT001
        found = recount.preview(form.cleaned_data["meter"])
        at, actor = clock.now(), actor_of(request)
        obj.pk = recount.begin(meter_id=form.cleaned_data["meter"].pk, at=at, actor=actor).pk
        messages.info(
            request,
            f"{found.events:,} events on {found.days:,} days of {found.customers:,} customers are computed. Usage goes on "
            "being counted meanwhile; reload the page to see how far it is.",
        )
