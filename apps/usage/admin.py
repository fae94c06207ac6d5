"""Usage in the back office: what was received, and what waits in quarantine."""

import json

from django.contrib import admin
from django.utils.html import format_html_join

from apps.core.admin import RangeDateFilter, ReadOnlyAdmin, state
from apps.usage.models import QuarantinedEvent, Receipt


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
        return state("waits", "warn") if event.resolved_at is None else state("counted since", "good")

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
