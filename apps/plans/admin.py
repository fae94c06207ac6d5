"""The catalogue in the back office: meters, products, credit units, plans and their versions."""

from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import URLPattern, reverse
from django.utils.html import format_html
from django.utils.http import urlencode

from apps.core import clock
from apps.core.admin import (
    ActionAdmin,
    Admin,
    ReadOnlyInline,
    actor_of,
    confirmed,
    found,
    page_action,
    state,
)
from apps.core.errors import Refusal
from apps.plans import catalogue, compose, publish, queries, summary
from apps.plans.builder.pages import version_page
from apps.plans.builder.urls import version_urls
from apps.plans.meter_form import MeterForm
from apps.plans.meter_rules import is_internal
from apps.plans.models import CreditUnit, Meter, Plan, PlanVersion, Product


@admin.register(Meter)
class MeterAdmin(ActionAdmin):
    form = MeterForm
    list_display = ("name", "key", "unit", "event_type", "aggregation", "by", "whole")
    list_filter = ("aggregation", "event_type")
    search_fields = ("name", "key", "event_type")
    ordering = ("name",)
    fieldsets = (
        ("What customers read", {"fields": ("name", "key", "unit")}),
        ("What is counted", {"fields": ("event_type", "filter_lines")}),
        (
            "How it is measured",
            {
                "fields": (
                    "aggregation",
                    ("value_property", "value_expression"),
                    ("level", "per"),
                    "state_lines",
                    ("rounding", "rounding_step"),
                )
            },
        ),
        ("What prices and pages tell apart", {"fields": ("dimensions", "range_lines")}),
        ("When events count", {"fields": (("late_days", "early_hours"),)}),
    )

    # Only what the aggregation asks for is shown, and what is filled in nevertheless, so that its mistake can be seen.
    conditional_fields: ClassVar = {
        "value_property": "!['count', 'outcomes'].includes(aggregation) || value_property",
        "value_expression": "!['count', 'outcomes', 'unique_count'].includes(aggregation) || value_expression",
        "level": "['max', 'latest', 'time_weighted'].includes(aggregation) || level",
        "per": "aggregation == 'time_weighted' || per",
        "state_lines": "aggregation == 'outcomes' || state_lines",
        "rounding_step": "rounding || rounding_step",
    }

    actions_detail = ("count_past",)

    @page_action(
        description="Count past events",
        url_path="count-past",
        permission="usage.add_recount",
        offered=lambda meter: meter.counts_from is not None,
    )
    def count_past(self, _request: HttpRequest, object_id: str) -> HttpResponse:
        """Lead to the page that shows first what counting them would take."""
        return redirect(_recount_of(found(Meter.objects.all(), object_id)))

    @admin.display(description="dimensions")
    def by(self, meter: Meter) -> str:
        return ", ".join(queries.dimension_names(meter)) or "-"

    @admin.display(description="past events", ordering="counts_from")
    def whole(self, meter: Meter) -> str:
        if meter.counts_from is None:
            return state("all counted", "good")
        return state(f"counted since {meter.counts_from:%Y-%m-%d}", "warn")

    def get_readonly_fields(self, request: HttpRequest, obj: Meter | None = None) -> tuple[str, ...]:
        return ("key",) if obj else ()

    def save_model(self, request: HttpRequest, obj: Meter, form: Any, change: bool) -> None:  # noqa: FBT001
        fields = {**form.cleaned_data, "key": obj.key}
        saved = catalogue.put_meter(**fields, at=clock.now(), actor=actor_of(request))
        obj.pk = saved.pk
        if is_internal(saved.unit):
            messages.warning(
                request,
                f"Customers read {saved.unit!r} on their invoices. Name what they get: documents, tokens, minutes.",
            )
        if saved.counts_from is not None:
            messages.warning(
                request,
                format_html(
                    '{} counts from now on. <a href="{}">Count past events as well</a>',
                    saved,
                    _recount_of(saved),
                ),
            )


def _recount_of(meter: Meter) -> str:
    return f"{reverse('backoffice:new_recount')}?{urlencode({'meter': meter.key})}"


class _Named(ActionAdmin):
    list_display = ("name", "key")
    search_fields = ("name", "key")
    ordering = ("name",)
    fields = ("name", "key")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("key",) if obj else ()


@admin.register(Product)
class ProductAdmin(_Named):
    list_display = ("name", "key", "tax_class")  # type: ignore[assignment]  # one more column than the others
    fields = ("name", "key", "tax_class")  # type: ignore[assignment]

    def save_model(self, request: HttpRequest, obj: Product, form: Any, change: bool) -> None:  # noqa: FBT001
        obj.pk = catalogue.put_product(
            key=obj.key, name=obj.name, tax_class=obj.tax_class, at=clock.now(), actor=actor_of(request)
        ).pk


@admin.register(CreditUnit)
class CreditUnitAdmin(_Named):
    def save_model(self, request: HttpRequest, obj: CreditUnit, form: Any, change: bool) -> None:  # noqa: FBT001
        obj.pk = catalogue.put_credit_unit(
            key=obj.key, name=obj.name, at=clock.now(), actor=actor_of(request)
        ).pk


class CustomFilter(admin.SimpleListFilter):
    """Plans made for one contract stand in lists only if they are asked for."""

    title = "made for"
    parameter_name = "custom"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "One contract"), ("all", "One contract, or everybody")]

    def queryset(self, request: HttpRequest, found: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "all":
            return found
        field = "is_custom" if found.model is Plan else "plan__is_custom"
        return found.filter(**{field: self.value() == "yes"})


class VersionInline(ReadOnlyInline):
    model = PlanVersion
    fields = ("page", "currency", "status", "published_at")
    readonly_fields = fields
    verbose_name_plural = "versions"
    ordering = ("-number",)

    @admin.display(description="version")
    def page(self, version: PlanVersion) -> str:
        link = reverse("admin:plans_planversion_change", args=[version.pk])
        return format_html('<a href="{}">Version {}</a>', link, version.number)


@admin.register(Plan)
class PlanAdmin(_Named):
    list_display = ("name", "key", "description")  # type: ignore[assignment]
    list_filter = (CustomFilter,)
    fields = ("name", "key", "description")  # type: ignore[assignment]

    def get_inlines(self, request: HttpRequest, obj: Plan | None = None) -> tuple[type[VersionInline], ...]:
        return (VersionInline,) if obj else ()

    def save_model(self, request: HttpRequest, obj: Plan, form: Any, change: bool) -> None:  # noqa: FBT001
        obj.pk = catalogue.put_plan(
            key=obj.key, name=obj.name, description=obj.description, at=clock.now(), actor=actor_of(request)
        ).pk


@admin.register(PlanVersion)
class PlanVersionAdmin(Admin):
    """A version opens on a page of its own, where a draft is built; see apps.plans.builder."""

    list_display = ("plan", "number", "currency", "stage", "published_at", "retired_at")
    list_filter = (CustomFilter, "status", "currency")
    list_select_related = ("plan",)
    search_fields = ("plan__name", "plan__key")
    ordering = ("plan__name", "-number")
    fields = ("plan", "currency")
    actions_detail = ("publish", "new_version", "retire")

    def has_change_permission(self, request: HttpRequest, obj: PlanVersion | None = None) -> bool:
        return _is_draft(obj) and bool(super().has_change_permission(request, obj))

    def has_delete_permission(self, request: HttpRequest, obj: PlanVersion | None = None) -> bool:
        return obj is not None and _is_draft(obj) and bool(super().has_delete_permission(request, obj))

    def get_urls(self) -> list[URLPattern]:
        """Put the builder's pages beside the version's own."""
        return [*version_urls(self.admin_site.admin_view), *super().get_urls()]

    @admin.display(description="status", ordering="status")
    def stage(self, version: PlanVersion) -> str:
        kind = "good" if version.status == PlanVersion.Status.PUBLISHED else ""
        return state(version.get_status_display(), kind)

    def change_view(
        self, request: HttpRequest, object_id: str, *_args: object, **_more: object
    ) -> HttpResponse:
        """Show what the version costs, in words and tables; a draft's charges are changed there."""
        return version_page(request, found(PlanVersion.objects.select_related("plan"), unquote(object_id)))

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """A version is drafted on its plan, with a number of its own."""
        allowed = self.has_add_permission(request)
        if allowed and request.method == "POST" and (form := self.get_form(request)(request.POST)).is_valid():
            try:
                version = compose.draft_version(
                    plan_id=form.cleaned_data["plan"].pk,
                    currency=form.cleaned_data["currency"].upper(),
                    charges=[],
                    at=clock.now(),
                    actor=actor_of(request),
                )
            except Refusal as refusal:
                messages.error(request, str(refusal))
                return HttpResponseRedirect(request.get_full_path())
            return HttpResponseRedirect(reverse("admin:plans_planversion_change", args=[version.pk]))
        return super().add_view(request, form_url, extra_context)  # type: ignore[no-any-return]

    @page_action(
        description="Publish",
        url_path="publish",
        permission="plans.change_planversion",
        offered=lambda version: version.status == PlanVersion.Status.DRAFT,
    )
    def publish(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then publish the version."""
        version = found(PlanVersion.objects.select_related("plan"), object_id)

        def act() -> str:
            publish.publish(version_id=UUID(object_id), at=clock.now(), actor=actor_of(request))
            return f"{version} is published; contracts can be signed on it."

        return confirmed(
            request,
            title=f"Publish {version}",
            text=" ".join(summary.sentences(version)) + " Once published, its prices never change.",
            button="Publish",
            back=reverse("admin:plans_planversion_change", args=[object_id]),
            permission="plans.change_planversion",
            act=act,
        )

    @page_action(
        description="New version from this one",
        url_path="new-version",
        permission="plans.change_planversion",
        offered=lambda version: version.status != PlanVersion.Status.DRAFT,
    )
    def new_version(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then copy the version into a draft."""
        version = found(PlanVersion.objects.select_related("plan"), object_id)

        def act() -> str:
            copy = compose.copy_version(version_id=UUID(object_id), at=clock.now(), actor=actor_of(request))
            return format_html(
                'There is a draft with the same charges: <a href="{}">{}</a>. Change it, then publish it.',
                reverse("admin:plans_planversion_change", args=[copy.pk]),
                copy,
            )

        return confirmed(
            request,
            title=f"New version of {version.plan}",
            text=f"A draft with the charges and prices of {version} is made. Contracts stay on the version they have.",
            button="Make the draft",
            back=reverse("admin:plans_planversion_change", args=[object_id]),
            permission="plans.change_planversion",
            act=act,
        )

    @page_action(
        description="Retire",
        url_path="retire",
        permission="plans.change_planversion",
        offered=lambda version: version.status == PlanVersion.Status.PUBLISHED,
    )
    def retire(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then retire the version."""
        version = found(PlanVersion.objects.select_related("plan"), object_id)

        def act() -> str:
            publish.retire(version_id=UUID(object_id), at=clock.now(), actor=actor_of(request))
            return f"{version} is retired: contracts on it stay, and no new one is signed on it."

        return confirmed(
            request,
            title=f"Retire {version}",
            text=f"Contracts on {version} stay as they are and are billed by it. No new contract can be signed on it, and that "
            "cannot be undone.",
            button="Retire",
            back=reverse("admin:plans_planversion_change", args=[object_id]),
            permission="plans.change_planversion",
            act=act,
        )


def _is_draft(version: PlanVersion | None) -> bool:
    return version is None or version.status == PlanVersion.Status.DRAFT
