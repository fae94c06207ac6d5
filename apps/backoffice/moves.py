"""The page that moves contracts to a version of their plan: what each would cost first, then the move of the chosen ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode

from apps.backoffice import effect
from apps.backoffice.change_forms import DAY
from apps.backoffice.views import page
from apps.contracts import migrate, rules
from apps.contracts.changes import ChangePlan
from apps.contracts.foresee import foreseen
from apps.contracts.models import Contract
from apps.contracts.models.contract import day_in_reach
from apps.contracts.terms import period_on
from apps.core import clock
from apps.core.admin import actor_of
from apps.core.errors import Refusal
from apps.core.money import Money
from apps.plans.models import PlanVersion

# Each contract is priced twice; the others follow once these are moved.
MOST_CONTRACTS = 25
ON_DAY, AT_RENEWAL = "day", "renewal"
_RIGHTS = ("contracts.change_contract", "plans.view_planversion")


class MoveForm(forms.Form):
    """When contracts move."""

    when = forms.ChoiceField(
        label="When",
        choices=[(ON_DAY, "From a day on"), (AT_RENEWAL, "Each at its next renewal")],
    )
    on = forms.DateField(
        label="From which day on",
        widget=DAY,
        validators=[day_in_reach],
        help_text="Past, today or to come. For days that are billed already the difference goes onto the next invoice.",
    )


@dataclass(frozen=True, slots=True)
class Row:
    """A contract, its version, and its period around the day as it stands and as moved; or why it cannot be moved."""

    contract: Contract
    version: PlanVersion
    now: Money | None
    then: Money | None
    hindrance: str

    @property
    def difference(self) -> Money | None:
        """Return what the period costs more, or less."""
        return None if self.now is None or self.then is None else self.then - self.now


def move_page(request: HttpRequest, version_id: UUID) -> HttpResponse:
    """Look at the contracts on other versions, choose some, and move them."""
    if not request.user.has_perms(_RIGHTS):
        raise PermissionDenied
    version = PlanVersion.objects.select_related("plan").filter(pk=version_id).first()
    if version is None or version.status != PlanVersion.Status.PUBLISHED:
        raise Http404
    at = clock.now()
    asked = {"when": ON_DAY, "on": at.date().isoformat(), **(request.POST or request.GET).dict()}
    form = MoveForm(asked, label_suffix="")
    chosen, reason = set(request.POST.getlist("contract")), request.POST.get("reason", "").strip()
    mistakes = []
    if request.method == "POST" and form.is_valid():
        mistakes = _mistakes(chosen, reason)
        if not mistakes:
            _move(request, version, form, reason=reason, at=at)
            back = reverse("backoffice:move_contracts", args=[version.pk])
            return redirect(f"{back}?{urlencode({name: asked[name] for name in ('when', 'on')})}")
    rows, more = _rows(version, form, at) if form.is_valid() else ([], 0)
    context = {
        "title": f"Move contracts to {version}",
        "version": version,
        "form": form,
        "rows": rows,
        "more": more,
        "is_at_renewal": form.is_valid() and form.cleaned_data["when"] == AT_RENEWAL,
        "chosen": chosen,
        "reason": reason,
        "mistakes": mistakes,
    }
    return page(request, "backoffice/move_contracts.html", context)


def _mistakes(chosen: set[str], reason: str) -> list[str]:
    checks = (
        (not chosen, "Choose the contracts that are to move."),
        (not reason, "Say why they move: auditors and the customers ask."),
    )
    return [text for is_wrong, text in checks if is_wrong]


def _move(request: HttpRequest, version: PlanVersion, form: MoveForm, *, reason: str, at: datetime) -> None:
    """Move each chosen contract by itself, so that one that is refused holds up no other; say what came of it."""
    on, actor, moved = form.cleaned_data["on"], actor_of(request), 0
    chosen = set(request.POST.getlist("contract"))
    is_at_renewal = form.cleaned_data["when"] == AT_RENEWAL
    for contract in migrate.movable(version, on=at.date() if is_at_renewal else on):
        if str(contract.pk) not in chosen:
            continue
        try:
            if is_at_renewal:
                migrate.move_at_renewal(
                    contract_id=contract.pk, version=version, reason=reason, at=at, actor=actor
                )
            else:
                migrate.move_on_day(
                    contract_id=contract.pk,
                    version_id=version.pk,
                    effective_on=on,
                    reason=reason,
                    at=at,
                    actor=actor,
                )
        except Refusal as refusal:
            messages.error(request, str(refusal))
        else:
            moved += 1
    if moved:
        count = f"{moved} contract{'' if moved == 1 else 's'}"
        when = "at the next renewal" if is_at_renewal else f"from {on} on"
        messages.success(request, f"{count} will be on {version} {when}; an amendment of each says so.")


def _rows(version: PlanVersion, form: MoveForm, at: datetime) -> tuple[Sequence[Row], int]:
    """Return the first contracts that may be moved, and how many more there are."""
    is_at_renewal = form.cleaned_data["when"] == AT_RENEWAL
    on = at.date() if is_at_renewal else form.cleaned_data["on"]
    found = migrate.movable(version, on=on)
    if is_at_renewal:
        found = found.exclude(renews_on_version=version)
    versions = PlanVersion.objects.select_related("plan").in_bulk(
        [contract.on_version_id for contract in found[:MOST_CONTRACTS]]  # type: ignore[attr-defined]
    )
    rows = []
    for contract in found[:MOST_CONTRACTS]:
        before = versions[contract.on_version_id]  # type: ignore[attr-defined]
        if is_at_renewal:
            rows.append(Row(contract, before, None, None, rules.move_mistake(contract, version)))
        else:
            rows.append(_priced(contract, before, version, on=on, at=at))
    return rows, found.count() - len(rows)


def _priced(contract: Contract, before: PlanVersion, version: PlanVersion, *, on: date, at: datetime) -> Row:
    """Price the period around the day as it stands and as it would be."""
    try:
        period = period_on(contract, on)
        [now] = effect.priced(contract, [period], today=at.date())
        with foreseen(
            contract_id=contract.pk, effective_on=on, changes=[ChangePlan(version.pk)], at=at
        ) as ahead:
            [then] = effect.priced(ahead.contract, [period], today=at.date())
    except Refusal as refusal:
        return Row(contract, before, None, None, str(refusal))
    assert now is not None, "the contract covers the day"
    assert then is not None, "and its end stays"
    return Row(contract, before, now.subtotal, then.subtotal, "")
