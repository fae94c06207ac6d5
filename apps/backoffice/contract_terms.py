"""The page of what is agreed under a contract beside its plan; a draft is completed here, by a form for each kind of term."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse

from apps.backoffice.change_forms import DAY, ChangeForm
from apps.backoffice.contract_head import contract_or_404, head
from apps.backoffice.ending_forms import DRAFT_FORMS
from apps.backoffice.sold import Sold
from apps.backoffice.views import page, require
from apps.contracts import amend, words
from apps.contracts import withdraw as withdrawing
from apps.contracts.agreed import Agreed, agreed, end_of
from apps.contracts.errors import AmendmentRefused
from apps.contracts.models import Contract
from apps.contracts.models.contract import day_in_reach
from apps.contracts.standing import all_charge_names
from apps.core import clock
from apps.core.admin import actor_of
from apps.core.errors import Refusal
from apps.core.periods import local_day


@dataclass(frozen=True, slots=True)
class Term:
    """One row of what is agreed, in words; `ending` is the kind of change that ends it, `which` names it there."""

    kind: str
    id: UUID
    text: str
    ending: str = ""
    which: str = ""
    ends_on: date = date.max


@dataclass(frozen=True, slots=True)
class Section:
    """The terms of one kind; `kind` is also that of the form which adds one."""

    kind: str
    name: str
    when_empty: str
    terms: tuple[Term, ...]


class FromDayForm(forms.Form):
    """From which day on a term of a draft holds."""

    on = forms.DateField(
        label="From which day on",
        widget=DAY,
        validators=[day_in_reach],
        help_text="The contract's first day, or a later one.",
    )


def agreed_page(request: HttpRequest, contract_id: UUID) -> HttpResponse:
    """Show what is agreed; in a draft add a term, or take one out."""
    require(request, "contracts.view_contract", to_change="contracts.change_contract")
    contract = contract_or_404(contract_id)
    is_draft = contract.status == Contract.Status.DRAFT
    if request.method == "POST" and "remove" in request.POST:
        return _remove(request, contract)
    asked = request.POST if request.method == "POST" else request.GET
    kind = asked.get("add", "")
    day_form, form = None, None
    if is_draft and kind in DRAFT_FORMS and request.user.has_perm("contracts.change_contract"):
        day_form, form = _forms(request, contract, kind)
        if request.method == "POST" and _agree(request, contract, day_form, form):
            return redirect("backoffice:agreed", contract.pk)
    context = {
        "title": f"{contract}: what is agreed",
        **head(contract, "agreed"),
        "is_draft": is_draft,
        "today": local_day(clock.now(), contract.timezone),
        "sections": sections(contract, agreed(contract)),
        "bill_above": words.bill_above_words(contract),
        "amendments": list(contract.amendments.order_by("-number")),
        "form": form,
        "day_form": day_form,
        "adding": kind,
        "quiet": request.method != "POST",
    }
    return page(request, "backoffice/contract_agreed.html", context)


def _phases(contract: Contract, rows: Agreed) -> tuple[Term, ...]:
    """Return the phases, before them the plan that the contract begins on, which no amendment takes away."""
    if not rows.phases:
        return ()
    first = Term("", contract.pk, f"From {words.day(contract.starts_on)}: {contract.plan_version}")
    return (first, *(Term("phase", row.pk, words.phase_words(row)) for row in rows.phases))


def sections(contract: Contract, rows: Agreed) -> tuple[Section, ...]:
    """Return what is agreed, in words, kind by kind."""
    currency = contract.plan_version.currency
    names = all_charge_names(contract, rows)
    return (
        Section(
            "plan",
            "Phases",
            f"{contract.plan_version} from the first day to the last.",
            _phases(contract, rows),
        ),
        Section(
            "seats",
            "Seats",
            "As many as the plan says.",
            tuple(Term("seats", row.pk, words.seat_words(row, names)) for row in rows.seats),
        ),
        Section(
            "discount",
            "Discounts",
            "None.",
            tuple(
                Term(
                    "discount",
                    row.pk,
                    words.discount_words(row, currency, names),
                    "end-discount",
                    row.key,
                    end_of(row),
                )
                for row in rows.discounts
            ),
        ),
        Section(
            "commitment",
            "Commitments",
            "None: the customer pays what is used.",
            tuple(
                Term(
                    "commitment",
                    row.pk,
                    words.commitment_words(row, currency, names),
                    "end-commitment",
                    row.key,
                    end_of(row),
                )
                for row in rows.commitments
            ),
        ),
        Section(
            "cap",
            "Caps",
            "None: usage is not limited.",
            tuple(
                Term(
                    "cap",
                    row.pk,
                    words.cap_words(row, currency),
                    "lift-cap",
                    row.meter.key if row.meter else "money",
                    end_of(row),
                )
                for row in rows.caps
            ),
        ),
        Section(
            "grant",
            "Promised credits",
            "None.",
            tuple(
                Term("grant", row.pk, words.grant_words(row, currency), "end-grants", row.key, end_of(row))
                for row in rows.grants
            ),
        ),
    )


def _forms(request: HttpRequest, contract: Contract, kind: str) -> tuple[FromDayForm, ChangeForm]:
    data = request.POST if request.method == "POST" else None
    day_form = FromDayForm(data, initial={"on": contract.starts_on}, label_suffix="")
    on = contract.starts_on
    if day_form.is_bound and day_form.is_valid():
        on = day_form.cleaned_data["on"]
    return day_form, DRAFT_FORMS[kind](data, sold=Sold.of(contract, on))


def _agree(request: HttpRequest, contract: Contract, day_form: FromDayForm, form: ChangeForm) -> bool:
    if not (day_form.is_valid() & form.is_valid()):
        return False
    try:
        amend.agree(
            contract_id=contract.pk,
            on=day_form.cleaned_data["on"],
            changes=[form.change()],
            at=clock.now(),
            actor=actor_of(request),
        )
    except AmendmentRefused as refusal:
        show_mistakes(refusal, day_form, "on", [form])
        return False
    except Refusal as refusal:
        form.add_error(None, str(refusal))
        return False
    messages.success(request, f"It stands in {contract} now.")
    return True


def show_mistakes(
    refusal: AmendmentRefused, day_form: forms.Form, day_field: str, change_forms: Iterable[ChangeForm]
) -> None:
    """Show each mistake at the field that it is about."""
    mistakes: dict[str, Any] = dict(refusal.mistakes)
    for name, field in (("effective_on", day_field), ("starts_on", day_field), ("reason", "reason")):
        if name in mistakes and field in day_form.fields:
            day_form.add_error(field, mistakes.pop(name))
    for form in change_forms:
        form.show(mistakes)


def _remove(request: HttpRequest, contract: Contract) -> HttpResponseRedirect:
    kind, _, row_id = request.POST["remove"].partition(":")
    try:
        what = withdrawing.withdraw(
            contract_id=contract.pk,
            kind=kind,
            row_id=UUID(row_id),
            at=clock.now(),
            actor=actor_of(request),
        )
        messages.success(request, f"Taken out: {what}.")
    except Refusal as refusal:
        messages.error(request, str(refusal))
    except ValueError:
        raise Http404 from None
    return HttpResponseRedirect(reverse("backoffice:agreed", args=[contract.pk]))
