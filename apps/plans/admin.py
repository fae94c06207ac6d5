"""The catalogue in the back office: meters, products, credit units, plans and their versions."""

from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode

from apps.core import clock
from apps.core.admin import (
    ActionAdmin,
    Admin,
    ReadOnlyInline,
    StackedInline,
    TabularInline,
    actor_of,
    confirmed,
    found,
    page_action,
    state,
)
from apps.core.errors import Refusal
from apps.plans import catalogue, compose, publish, queries, summary
from apps.plans.meter_form import MeterForm
from apps.plans.meter_rules import is_internal
from apps.plans.models import Charge, CreditUnit, Meter, Plan, PlanVersion, Price, Product, Tier


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
    def save_model(self, request: HttpRequest, obj: Product, form: Any, change: bool) -> None:  # noqa: FBT001
        obj.pk = catalogue.put_product(key=obj.key, name=obj.name, at=clock.now(), actor=actor_of(request)).pk


@admin.register(CreditUnit)
class CreditUnitAdmin(_Named):
    def save_model(self, request: HttpRequest, obj: CreditUnit, form: Any, change: bool) -> None:  # noqa: FBT001
        obj.pk = catalogue.put_credit_unit(
            key=obj.key, name=obj.name, at=clock.now(), actor=actor_of(request)
        ).pk


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
    fields = ("name", "key", "description")  # type: ignore[assignment]

    def get_inlines(self, request: HttpRequest, obj: Plan | None = None) -> tuple[type[VersionInline], ...]:
        return (VersionInline,) if obj else ()

    def save_model(self, request: HttpRequest, obj: Plan, form: Any, change: bool) -> None:  # noqa: FBT001
        obj.pk = catalogue.put_plan(
            key=obj.key, name=obj.name, description=obj.description, at=clock.now(), actor=actor_of(request)
        ).pk


class _WhileDraft:
    """Rows that can be changed while their version is a draft; the database refuses it afterwards."""

    def version_of(self, obj: Any) -> PlanVersion | None:
        return obj if isinstance(obj, PlanVersion) else obj and obj.plan_version

    def is_draft(self, obj: Any) -> bool:
        version = self.version_of(obj)
        return version is None or version.status == PlanVersion.Status.DRAFT

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.is_draft(obj) and bool(super().has_change_permission(request, obj))  # type: ignore[misc]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.is_draft(obj) and bool(super().has_delete_permission(request, obj))  # type: ignore[misc]


class _RowsWhileDraft(_WhileDraft):
    """The same for rows on their parent's page, where more may be added."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.is_draft(obj) and bool(super().has_add_permission(request, obj))  # type: ignore[misc]


class _OnItsParentsPage(_WhileDraft):
    """Rows that are opened from their parent's page, and made there."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_module_permission(self, request: HttpRequest) -> bool:
        return False

    def response_post_save_change(self, request: HttpRequest, obj: Charge | Price) -> HttpResponse:
        """Go back to where the row was opened."""
        return HttpResponseRedirect(_parents_page(obj))

    def response_delete(self, request: HttpRequest, obj_display: str, obj_id: Any) -> HttpResponse:
        """Go back to the plans: the page that the row stood on is not known any more."""
        messages.success(request, f"{obj_display} is deleted.")
        return HttpResponseRedirect(reverse("admin:plans_planversion_changelist"))

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """What is published is read on the version's page, in words and tables."""
        row = self.get_object(request, object_id)  # type: ignore[attr-defined]
        version = self.version_of(row)
        if version and request.method == "GET" and not self.is_draft(row):
            return HttpResponseRedirect(reverse("admin:plans_planversion_change", args=[version.pk]))
        page: HttpResponse = super().change_view(request, object_id, form_url, extra_context)  # type: ignore[misc]
        return page


def _parents_page(row: Charge | Price) -> str:
    """Return the page that a charge or price belongs to."""
    if isinstance(row, Price):
        return reverse("admin:plans_charge_change", args=[row.charge_id])
    return reverse("admin:plans_planversion_change", args=[row.plan_version_id])


class ChargeInline(_RowsWhileDraft, TabularInline):
    model = Charge
    hide_title = False
    fields = ("position", "name", "key", "kind", "product", "meter", "included", "fee_amount", "fee_quantity")
    show_change_link = True
    verbose_name_plural = "charges (open one to see or set its prices)"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Charge]:
        found: QuerySet[Charge] = super().get_queryset(request)
        return found.select_related("product", "meter", "plan_version")


@admin.register(PlanVersion)
class PlanVersionAdmin(_WhileDraft, Admin):
    change_form_before_template = "plans/version.html"
    list_display = ("plan", "number", "currency", "stage", "published_at")
    list_filter = ("status", "currency")
    list_select_related = ("plan",)
    search_fields = ("plan__name", "plan__key")
    ordering = ("plan__name", "-number")
    inlines = (ChargeInline,)
    actions_detail = ("publish", "new_version")

    def get_fields(self, request: HttpRequest, obj: PlanVersion | None = None) -> tuple[Any, ...]:
        return ("plan", "currency") if obj is None else ()

    def get_inlines(
        self, request: HttpRequest, obj: PlanVersion | None = None
    ) -> tuple[type[ChargeInline], ...]:
        return (ChargeInline,) if obj and self.is_draft(obj) else ()

    def has_delete_permission(self, request: HttpRequest, obj: PlanVersion | None = None) -> bool:
        return obj is not None and super().has_delete_permission(request, obj)

    @admin.display(description="status", ordering="status")
    def stage(self, version: PlanVersion) -> str:
        kind = "good" if version.status == PlanVersion.Status.PUBLISHED else ""
        return state(version.get_status_display(), kind)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show what the version costs, in words and tables; a draft's charges can be changed below."""
        version = found(PlanVersion.objects.select_related("plan"), object_id)
        context = {**(extra_context or {}), "version": version, "offer": summary.offer(version)}
        page: HttpResponse = super().change_view(request, object_id, form_url, context)
        return page

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
            back=reverse("admin:plans_planversion_changelist"),
            permission="plans.change_planversion",
            act=act,
        )


class PriceForm(forms.ModelForm):  # type: ignore[type-arg]
    """A price with the cell of the matrix that it is for, as words."""

    cell = forms.CharField(
        label="for",
        required=False,
        help_text="The cell of a matrix: model = m-large, region = eu. Empty: all usage.",
    )

    class Meta:
        model = Price
        fields = ("role", "model", "position", "unit_amount", "package_size", "package_amount", "free_units")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        match = self.instance.match or {}
        self.initial["cell"] = ", ".join(f"{name} = {value}" for name, value in match.items())

    def clean_cell(self) -> dict[str, str]:
        """Read the cell's dimension values."""
        pairs = [part.split("=", 1) for part in self.cleaned_data["cell"].split(",") if part.strip()]
        if any(len(pair) != 2 or not all(word.strip() for word in pair) for pair in pairs):
            raise forms.ValidationError(
                "Write each as a dimension, an equals sign and its value: model = m-large"
            )
        return {name.strip(): value.strip() for name, value in pairs}

    def save(self, commit: bool = True) -> Price:  # noqa: FBT001, FBT002 Django's signature
        """Save the price with its cell."""
        self.instance.match = self.cleaned_data.get("cell", {})
        price: Price = super().save(commit)
        return price


class PriceInline(_RowsWhileDraft, StackedInline):
    model = Price
    form = PriceForm
    fields = (
        ("role", "model", "position"),
        "unit_amount",
        ("package_size", "package_amount", "free_units"),
        "cell",
    )
    show_change_link = True


@admin.register(Charge)
class ChargeAdmin(_OnItsParentsPage, Admin):
    list_display = ("name", "plan_version", "kind", "product", "meter")
    list_select_related = ("plan_version__plan", "product", "meter")
    search_fields = ("name", "key", "plan_version__plan__name")
    fields = (
        "plan_version",
        "position",
        "name",
        "key",
        "kind",
        "product",
        "meter",
        "credit_unit",
        "included",
        "fee_amount",
        "fee_quantity",
        "dimensions",
    )
    readonly_fields = ("plan_version",)
    inlines = (PriceInline,)


class TierInline(_RowsWhileDraft, TabularInline):
    model = Tier
    fields = ("position", "up_to", "unit_amount", "flat_amount", "package_size")

    def version_of(self, obj: Any) -> PlanVersion | None:
        return obj.charge.plan_version if isinstance(obj, Price) else None


@admin.register(Price)
class PriceAdmin(_OnItsParentsPage, Admin):
    list_display = ("charge", "model", "role")
    list_select_related = ("charge",)
    fields = (
        "charge",
        ("role", "model", "position"),
        "unit_amount",
        ("package_size", "package_amount", "free_units"),
    )
    readonly_fields = ("charge",)
    inlines = (TierInline,)

    def version_of(self, obj: Any) -> PlanVersion | None:
        return obj.charge.plan_version if obj else None
