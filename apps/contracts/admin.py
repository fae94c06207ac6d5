"""Contracts in the back office: drafted by a form, signed and ended by buttons."""

from datetime import date
from typing import Any, ClassVar
from uuid import UUID
from zoneinfo import available_timezones

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from apps.contracts import draft, queries, sign
from apps.contracts.models import Contract
from apps.core import clock
from apps.core.admin import (
    ActionAdmin,
    RangeDateFilter,
    Select,
    TextInput,
    actor_of,
    confirmed,
    found,
    page_action,
    state,
)
from apps.plans import summary
from apps.plans.models import PlanVersion

# All of them, written once: a form that renders 600 options one by one is slow.
ZONES = format_html(
    '<datalist id="time-zones">{}</datalist>',
    format_html_join("", '<option value="{}"></option>', ((name,) for name in sorted(available_timezones()))),
)


class TimeZoneInput(TextInput):  # type: ignore[misc]
    """A text field that offers the time zones which match what is typed."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        field = super().render(name, value, {**(attrs or {}), "list": "time-zones"}, renderer)
        return format_html("{}{}", field, ZONES)


class ContractForm(forms.ModelForm):  # type: ignore[type-arg]
    plan_version = forms.ModelChoiceField(
        PlanVersion.objects.filter(status=PlanVersion.Status.PUBLISHED)
        .select_related("plan")
        .order_by("plan__name", "-number"),
        label="Plan",
        widget=Select,
        help_text="Published versions only; the contract is billed in the plan's currency.",
    )

    class Meta:
        model = Contract
        fields = (
            "customer",
            "number",
            "plan_version",
            "timezone",
            "starts_on",
            "ends_on",
            "billing_months",
            "anchor_day",
            "payment_days",
            "purchase_order",
        )
        widgets: ClassVar = {"timezone": TimeZoneInput}
        help_texts: ClassVar = {"timezone": "Periods begin and end at midnight there: Europe/Berlin, UTC."}


@admin.register(Contract)
class ContractAdmin(ActionAdmin):
    form = ContractForm
    list_display = (
        "number",
        "customer",
        "plan_version",
        "stage",
        "starts_on",
        "ends_on",
        "timezone",
        "billed_until_on",
    )
    list_filter = (
        "status",
        ("starts_on", RangeDateFilter),
        ("ends_on", RangeDateFilter),
        "plan_version__plan",
    )
    list_select_related = ("customer", "plan_version__plan")
    search_fields = ("number", "customer__name", "customer__key", "purchase_order")
    ordering = ("number",)
    autocomplete_fields = ("customer",)
    actions_detail = ("sign", "end")
    fieldsets = (
        (None, {"fields": ("customer", "number", "plan_version", "starts_on", "ends_on")}),
        (
            "Billing",
            {"fields": ("timezone", "anchor_day", "billing_months", "payment_days", "purchase_order")},
        ),
    )

    @admin.display(description="status", ordering="status")
    def stage(self, contract: Contract) -> str:
        kind = "good" if contract.status == Contract.Status.ACTIVE else ""
        return state(contract.get_status_display(), kind)

    def get_readonly_fields(self, request: HttpRequest, obj: Contract | None = None) -> tuple[str, ...]:
        """What was agreed is not edited: a draft is signed, a live contract is ended."""
        if obj is None or obj.status == Contract.Status.DRAFT:
            return ()
        return tuple(name for name in ContractForm.Meta.fields if name not in draft.ALWAYS_OPEN)

    def save_model(self, request: HttpRequest, obj: Contract, form: Any, change: bool) -> None:  # noqa: FBT001
        at, actor = clock.now(), actor_of(request)
        if not change:
            obj.pk = draft.draft(fields=form.cleaned_data, at=at, actor=actor).pk
        elif fields := {name: form.cleaned_data[name] for name in form.changed_data}:
            draft.change(contract_id=obj.pk, fields=fields, at=at, actor=actor)
        if obj.status == Contract.Status.DRAFT and (other := queries.overlapping(obj)):
            messages.warning(
                request,
                f"{obj.customer} has contract {other} on some of these days, so {obj} cannot be signed yet. "
                f"End {other} first, or let {obj} begin later.",
            )

    @page_action(
        description="Sign",
        url_path="sign",
        permission="contracts.change_contract",
        offered=lambda contract: contract.status == Contract.Status.DRAFT,
    )
    def sign(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then make the contract live."""
        contract = found(Contract.objects.select_related("customer", "plan_version__plan"), object_id)

        def act() -> str:
            sign.sign(contract_id=UUID(object_id), at=clock.now(), actor=actor_of(request))
            return f"{contract} is live: usage of {contract.customer} from {contract.starts_on} on is billed under it."

        return confirmed(
            request,
            title=f"Sign {contract}",
            text=f"{contract.customer} from {contract.starts_on}: {' '.join(summary.sentences(contract.plan_version))}",
            button="Sign the contract",
            back=self._page(object_id),
            permission="contracts.change_contract",
            act=act,
        )

    @page_action(
        description="End",
        url_path="end",
        permission="contracts.change_contract",
        offered=lambda contract: contract.status == Contract.Status.ACTIVE,
    )
    def end(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask for the day, then let the contract end."""
        contract = found(Contract.objects.select_related("customer"), object_id)

        def act() -> str:
            ends_on = date.fromisoformat(request.POST.get("day", ""))
            sign.end(
                contract_id=UUID(object_id),
                ends_on=ends_on,
                reason=request.POST.get("reason", ""),
                at=clock.now(),
                actor=actor_of(request),
            )
            return f"{contract} ends: {ends_on} is the first day that it no longer covers."

        return confirmed(
            request,
            title=f"End {contract}",
            text=f"Usage of {contract.customer} after the end waits in quarantine until there is another contract.",
            button="End the contract",
            back=self._page(object_id),
            permission="contracts.change_contract",
            act=act,
            wants_day="The first day that it no longer covers",
            wants_reason=True,
        )

    def _page(self, object_id: str) -> str:
        return reverse("admin:contracts_contract_change", args=[object_id])
