"""Usage in the back office: what was received, what waits in quarantine, corrections, recounts and imports."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.http import urlencode

from apps.core import clock
from apps.core.admin import (
    ActionAdmin,
    FileInput,
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
from apps.usage import import_events, quarantine, recount
from apps.usage.models import Correction, EventImport, QuarantinedEvent, Receipt, Recount

Column = Callable[[Any], str]


def _figure(name: str) -> Column:
    """Return a column that writes a count with its thousands apart."""

    @admin.display(description=name, ordering=name)
    def figure(row: Any) -> str:
        return f"{getattr(row, name):,}"

    # The column is named, and set to the right, by its field.
    figure.__name__ = name
    return figure


def _figures(*names: str) -> tuple[Column, ...]:
    return tuple(map(_figure, names))


@admin.register(Receipt)
class ReceiptAdmin(ReadOnlyAdmin):
    when_empty = "No usage was received yet. Post an event to /api/v1/events."
    list_display = (
        "received_at",
        "actor",
        "customer_key",
        *_figures("received", "counted", "voided", "duplicate", "conflict", "quarantined"),
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
    actions_detail = ("mend",)

    @page_action(
        description="Mend the cause",
        url_path="mend",
        permission="usage.view_quarantinedevent",
        offered=lambda event: event.resolved_at is None,
    )
    def mend(self, _request: HttpRequest, object_id: str) -> HttpResponse:
        """Lead to the page where the cause is mended for all events that wait for it."""
        event = found(QuarantinedEvent.objects.all(), object_id)
        cause = urlencode({"reason": event.reason, "subject": quarantine.subject_of(event)})
        return redirect(f"{reverse('backoffice:quarantine_cause')}?{cause}")

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


class _Progress(ActionAdmin):
    """A run that is watched: its page shows itself anew every three seconds until it has ended."""

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **more: Any
    ) -> HttpResponse:
        """One button begins it: its page opens in any case."""
        return super().render_change_form(
            request, {**context, "show_save_and_continue": False}, *args, **more
        )

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **more: Any) -> HttpResponse:
        page: HttpResponse = super().change_view(request, object_id, *args, **more)
        if found(self.get_queryset(request), object_id).status == "running":
            page["Refresh"] = "3"
        return page


@admin.register(Recount)
class RecountAdmin(_Progress):
    when_empty = (
        "No meter was computed over past events yet. Add one here, after a meter was made or changed."
    )
    list_display = ("meter", "progress", "started_at", "finished_at", "actor")
    list_select_related = ("meter",)
    ordering = ("-started_at",)
    fields = ("meter", "progress", "started_at", "finished_at", "actor", "error")
    readonly_fields = fields
    actions_detail = ("resume",)

    def add_view(self, *_args: Any, **_more: Any) -> HttpResponse:
        """Lead to the page that shows first what a recount would take."""
        return redirect("backoffice:new_recount")

    @admin.display(description="progress")
    def progress(self, run: Recount) -> str:
        match run.status:
            case Recount.Status.DONE:
                return state(f"all {run.days:,} days of customers", "good")
            case Recount.Status.FAILED:
                done = f" after {run.done:,} of {run.days:,} days of customers" if run.days else ""
                return state(f"failed{done}", "bad")
            case _ if not run.days:
                return "waits for a worker"
            case _:
                return f"{run.done:,} of {run.days:,} days of customers, {run.done / run.days:.0%}"

    @page_action(
        description="Go on",
        url_path="resume",
        permission="usage.add_recount",
        offered=lambda run: run.status == Recount.Status.FAILED,
    )
    def resume(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then go on."""
        run = found(Recount.objects.select_related("meter"), object_id)

        def act() -> str:
            recount.begin(meter_id=run.meter_id, at=clock.now(), actor=actor_of(request))
            return f"{run.meter.name}: the recount goes on after {run.done:,} days of customers."

        return confirmed(
            request,
            title=f"Go on with the recount of {run.meter.name}",
            text=f"{run.done:,} days of customers are computed; the others follow.",
            button="Go on",
            back=reverse("admin:usage_recount_change", args=[object_id]),
            permission="usage.add_recount",
            act=act,
        )


class ImportForm(forms.ModelForm):  # type: ignore[type-arg]
    """A file to take in."""

    file = forms.FileField(
        widget=FileInput,
        help_text="CSV whose first row names the columns id, customer, type, time, and if need be quantity and properties such as "
        "model; or one JSON event a line, named .ndjson or .jsonl. Gzipped files are taken too. It is safe to give a file "
        "twice: each id counts once, and a file that was stopped goes on where it was.",
    )

    class Meta:
        model = EventImport
        fields = ()


@admin.register(EventImport)
class EventImportAdmin(_Progress):
    form = ImportForm
    when_empty = "No file was taken in yet. Add one here, or run manage.py import_events FILE."
    list_display = (
        "name",
        "stage",
        *_figures("rows", "counted", "duplicate", "conflict", "quarantined"),
        "started_at",
        "actor",
    )
    list_filter = ("status",)
    ordering = ("-started_at",)
    actions_detail = ("cancel", "resume")
    _shown: tuple[Any, ...] = (
        "name",
        "stage",
        _figures("rows", "counted"),
        (*_figures("duplicate", "conflict"), "waiting"),
        ("started_at", "finished_at"),
        "actor",
        "trouble",
    )

    @admin.display(description="status", ordering="status")
    def stage(self, one: EventImport) -> str:
        if one.status == EventImport.Status.DONE and one.quarantined:
            return state("Done, some wait", "warn")
        kind = {"done": "good", "failed": "bad", "canceled": "warn"}.get(one.status, "")
        return state(one.get_status_display(), kind)

    @admin.display(description="quarantined")
    def waiting(self, one: EventImport) -> str:
        if not one.quarantined:
            return "0"
        return format_html(
            '{} <a href="{}">What waits, and why</a>',
            f"{one.quarantined:,}",
            reverse("backoffice:quarantine"),
        )

    @admin.display(description="error")
    def trouble(self, one: EventImport) -> str:
        """Name the file as it was given, not as this machine keeps it."""
        return one.error.replace(Path(one.path).name, one.name) or "-"

    def get_fieldsets(self, request: HttpRequest, obj: EventImport | None = None) -> Any:
        """Ask for the file; show how far it is."""
        return [(None, {"fields": self._shown if obj else ("file",)})]

    def get_readonly_fields(self, request: HttpRequest, obj: EventImport | None = None) -> Any:
        return (
            [name for row in self._shown for name in ((row,) if isinstance(row, str) else row)] if obj else ()
        )

    def save_model(self, request: HttpRequest, obj: EventImport, form: Any, change: bool) -> None:  # noqa: FBT001
        uploaded = form.cleaned_data["file"]
        folder = import_events.uploads()
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / str(uuid7())
        with path.open("xb") as file:
            for piece in uploaded.chunks():
                file.write(piece)
        begun = import_events.begin(
            path=path, name=uploaded.name, at=clock.now(), actor=actor_of(request), by_worker=True
        )
        obj.pk, obj.name, obj.rows = begun.pk, begun.name, begun.rows

    def response_add(self, request: HttpRequest, obj: EventImport, post_url_continue: Any = None) -> Any:
        """Lead to the import's own page, which shows how far it is."""
        begins = f"goes on after {obj.rows:,} rows" if obj.rows else "is being taken in"
        messages.success(request, f"{obj.name} {begins}. This page shows how far it is.")
        return redirect("admin:usage_eventimport_change", obj.pk)

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
