"""Usage in the back office: what was received, and what waits in quarantine."""

import json
from pathlib import Path
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html_join

from apps.core import clock
from apps.core.admin import (
    ActionAdmin,
    RangeDateFilter,
    ReadOnlyAdmin,
    actor_of,
    confirmed,
    found,
    page_action,
    plain_table,
    state,
)
from apps.core.ids import uuid7
from apps.usage import import_events, recount
from apps.usage.models import Correction, EventImport, QuarantinedEvent, Receipt, Recount


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
    when_empty = "No usage was corrected yet. Add a correction here, on an event's own page, or by POST /api/v1/corrections."
    list_display = ("at", "customer", "voided", "replaced_by", "reason", "actor")
    list_filter = (("at", RangeDateFilter),)
    list_select_related = ("customer",)
    search_fields = ("customer__name", "customer__key", "reason", "actor")
    ordering = ("-at", "-id")
    fields = ("at", "customer", "reason", "actor", ("voided", "replaced_by"), "which")
    readonly_fields = ("which",)

    def has_add_permission(self, request: HttpRequest, _obj: Any = None) -> bool:
        return request.user.has_perm("usage.add_correction")

    def add_view(self, *_args: Any, **_more: Any) -> HttpResponse:
        """Lead to the page that shows first what a correction would come to."""
        return redirect("backoffice:new_correction")

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
        seen = recount.preview(form.cleaned_data["meter"])
        at, actor = clock.now(), actor_of(request)
        obj.pk = recount.begin(meter_id=form.cleaned_data["meter"].pk, at=at, actor=actor).pk
        messages.info(
            request,
            f"{seen.events:,} events on {seen.days:,} days of {seen.customers:,} customers are computed. Usage goes on "
            "being counted meanwhile; reload the page to see how far it is.",
        )


class ImportForm(forms.ModelForm):  # type: ignore[type-arg]
    """A file to take in."""

    file = forms.FileField(
        help_text="CSV whose first row names id, customer, type, time, quantity and properties; or one JSON event a line. "
        "Gzipped files are taken too. A file that was stopped goes on where it was."
    )

    class Meta:
        model = EventImport
        fields = ()


@admin.register(EventImport)
class EventImportAdmin(ActionAdmin):
    form = ImportForm
    when_empty = "No file was taken in yet. Add one here, or run manage.py import_events FILE."
    list_display = (
        "name",
        "stage",
        "rows",
        "counted",
        "duplicate",
        "conflict",
        "quarantined",
        "started_at",
        "actor",
    )
    list_filter = ("status",)
    ordering = ("-started_at",)
    actions_detail = ("cancel", "resume")
    _shown = (
        "name",
        "stage",
        ("rows", "counted"),
        ("duplicate", "conflict", "quarantined"),
        ("started_at", "finished_at"),
        "actor",
        "error",
    )

    @admin.display(description="status", ordering="status")
    def stage(self, one: EventImport) -> str:
        kind = {"done": "good", "failed": "bad", "canceled": "warn"}.get(one.status, "")
        return state(one.get_status_display(), kind)

    def get_fieldsets(self, request: HttpRequest, obj: EventImport | None = None) -> Any:
        """Ask for the file; show how far it is."""
        return [(None, {"fields": self._shown if obj else ("file",)})]

    def get_readonly_fields(self, request: HttpRequest, obj: EventImport | None = None) -> Any:
        return (
            [name for row in self._shown for name in ((row,) if isinstance(row, str) else row)] if obj else ()
        )

    def has_change_permission(self, request: HttpRequest, obj: EventImport | None = None) -> bool:
        return False

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **more: Any) -> HttpResponse:
        """Show the page anew every three seconds while it runs."""
        page: HttpResponse = super().change_view(request, object_id, *args, **more)
        if found(EventImport.objects.all(), object_id).status == EventImport.Status.RUNNING:
            page["Refresh"] = "3"
        return page

    def save_model(self, request: HttpRequest, obj: EventImport, form: Any, change: bool) -> None:  # noqa: FBT001
        uploaded = form.cleaned_data["file"]
        folder = settings.VAR_DIR / "imports"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / str(uuid7())
        with path.open("xb") as file:
            for piece in uploaded.chunks():
                file.write(piece)
        begun = import_events.begin(
            path=path, name=uploaded.name, at=clock.now(), actor=actor_of(request), by_worker=True
        )
        obj.pk, obj.name = begun.pk, begun.name

    @page_action(
        description="Cancel",
        url_path="cancel",
        permission="usage.add_eventimport",
        offered=lambda one: one.status == EventImport.Status.RUNNING,
    )
    def cancel(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then stop the import."""
        one = found(EventImport.objects.all(), object_id)

        def act() -> str:
            import_events.cancel(import_id=one.pk, at=clock.now(), actor=actor_of(request))
            return f"{one} stops after the rows that it is at. What is counted stays counted."

        return confirmed(
            request,
            title=f"Cancel {one}",
            text="What is counted stays counted; it can go on later from where it was.",
            button="Cancel the import",
            back=reverse("admin:usage_eventimport_change", args=[object_id]),
            permission="usage.add_eventimport",
            act=act,
        )

    @page_action(
        description="Go on",
        url_path="resume",
        permission="usage.add_eventimport",
        offered=lambda one: one.status in {EventImport.Status.FAILED, EventImport.Status.CANCELED},
    )
    def resume(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then go on."""
        one = found(EventImport.objects.all(), object_id)

        def act() -> str:
            path = Path(one.path)
            import_events.begin(
                path=path, name=one.name, at=clock.now(), actor=actor_of(request), by_worker=True
            )
            return f"{one} goes on after {one.rows:,} rows."

        return confirmed(
            request,
            title=f"Go on with {one}",
            text=f"{one.rows:,} rows are in; the others follow.",
            button="Go on",
            back=reverse("admin:usage_eventimport_change", args=[object_id]),
            permission="usage.add_eventimport",
            act=act,
        )
