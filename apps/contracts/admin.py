"""Contracts in the back office: drafted by a form, signed and ended by buttons."""

from datetime import date
from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from apps.contracts import draft, queries, sign, words
from apps.contracts.form import CUSTOM, ContractForm
from apps.contracts.models import Contract
from apps.contracts.standing import beside_the_plan
from apps.core import clock
from apps.core.admin import (
    ActionAdmin,
    RangeDateFilter,
    actor_of,
    confirmed,
    found,
    page_action,
    state,
)
from apps.plans import summary


def _if_typed(name: str, expression: str) -> str:
    return f"typeof {name} == 'undefined' || ({expression})"


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
        "billed_until",
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
        ("Who and what", {"fields": ("customer", "number", "plan_version", "signatory")}),
        ("Term", {"fields": (("starts_on", "ends_on"), "timezone")}),
        (
            "Billing",
            {
                "fields": (
                    ("interval", "billing_months"),
                    ("anchor_day", "payment_days"),
                    ("bill_above", "late_interest_percent"),
                    "restarts",
                    "purchase_order",
                    "printed_terms",
                )
            },
        ),
        (
            "Renewal",
            {
                "fields": (
                    "renewal",
                    ("renewal_months", "notice_days"),
                    ("uplift_percent", "uplift_index"),
                )
            },
        ),
        ("Parent account", {"fields": ("parent", ("usage", "billing"))}),
    )
    # What does not apply is hidden, unless it is filled in, so that its mistake can be seen. Of a signed contract, whose
    # fields cannot be typed into, all that is filled in is shown.
    conditional_fields: ClassVar = {
        "billing_months": _if_typed("interval", f"interval == '{CUSTOM}'"),
        "renewal_months": _if_typed("renewal", "renewal != 'none' || renewal_months"),
        "notice_days": _if_typed("renewal", "renewal != 'none' || notice_days != 0"),
        "uplift_percent": _if_typed("renewal", "renewal != 'none' || uplift_percent"),
        "uplift_index": _if_typed("renewal", "renewal != 'none' || uplift_index"),
        "usage": _if_typed("parent", "parent || usage != 'separate'"),
        "billing": _if_typed("parent", "parent || billing != 'own'"),
    }

    @admin.display(description="status", ordering="status")
    def stage(self, contract: Contract) -> str:
        kind = "good" if contract.status == Contract.Status.ACTIVE else ""
        return state(contract.get_status_display(), kind)

    @admin.display(description="Billed until", ordering="billed_until_on", empty_value="-")
    def billed_until(self, contract: Contract) -> date | None:
        return contract.billed_until_on

    def get_readonly_fields(self, request: HttpRequest, obj: Contract | None = None) -> tuple[str, ...]:
        """What was agreed is not edited: a draft is signed, a live contract is amended or ended."""
        if obj is None or obj.status == Contract.Status.DRAFT:
            return ()
        closed = tuple(name for name in ContractForm.Meta.fields if name not in draft.ALWAYS_OPEN)
        return (*closed, "interval")

    def get_fieldsets(self, request: HttpRequest, obj: Contract | None = None) -> Any:
        """Leave out how the months are chosen where they are not."""
        if obj is None or obj.status == Contract.Status.DRAFT:
            return self.fieldsets
        return [
            (name, {"fields": [_without_choice(one) for one in more["fields"]]})
            for name, more in self.fieldsets
        ]

    def save_model(self, request: HttpRequest, obj: Contract, form: Any, change: bool) -> None:  # noqa: FBT001
        at, actor = clock.now(), actor_of(request)
        given = {name: value for name, value in form.cleaned_data.items() if name != "interval"}
        if not change:
            obj.pk = draft.draft(fields=given, at=at, actor=actor).pk
            return self._warn(request, obj)
        stored = Contract.objects.get(pk=obj.pk)
        if fields := {name: value for name, value in given.items() if value != getattr(stored, name)}:
            draft.change(contract_id=obj.pk, fields=fields, at=at, actor=actor)
        return self._warn(request, obj)

    def _warn(self, request: HttpRequest, obj: Contract) -> None:
        """Say at once what will keep a draft from being signed."""
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
        sentences = [*summary.sentences(contract.plan_version), *beside_the_plan(contract)]

        def act() -> str:
            sign.sign(contract_id=UUID(object_id), at=clock.now(), actor=actor_of(request))
            return f"{contract} is live: usage of {contract.customer} from {contract.starts_on} on is billed under it."

        return confirmed(
            request,
            title=f"Sign {contract}",
            text=" ".join([f"{contract.customer} from {words.day(contract.starts_on)}:", *sentences]),
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


def _without_choice(fields: Any) -> Any:
    if isinstance(fields, str):
        return fields
    kept = tuple(name for name in fields if name != "interval")
    return kept if len(kept) > 1 else kept[0]
