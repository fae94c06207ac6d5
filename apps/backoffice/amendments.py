"""The page that amends a contract: a day, a reason and the changes; what they mean and cost first, then the amendment."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse

from apps.backoffice import effect
from apps.backoffice.change_forms import DAY, ChangeForm
from apps.backoffice.contract_head import contract_or_404, head
from apps.backoffice.contract_terms import show_mistakes
from apps.backoffice.effect import Effect
from apps.backoffice.ending_forms import FORMS
from apps.backoffice.sold import Sold
from apps.backoffice.views import page, require
from apps.contracts import amend
from apps.contracts.changes import Change
from apps.contracts.errors import AmendmentRefused
from apps.contracts.foresee import foreseen
from apps.contracts.models import Amendment, Contract
from apps.contracts.models.contract import day_in_reach
from apps.core import clock
from apps.core.admin import actor_of
from apps.core.errors import Refusal
from apps.core.periods import local_day

MOST_CHANGES = 20
_NUMBER = re.compile(r"\A\d{1,3}\Z")
# What says how the page is asked for, and not what is asked.
_BUTTONS = frozenset({"csrfmiddlewaretoken", "seen", "look", "make", "add", "drop", "more"})


class AmendmentForm(forms.Form):
    """From which day on, and why."""

    effective_on = forms.DateField(
        label="From which day on",
        widget=DAY,
        validators=[day_in_reach],
        help_text="Past, today or to come. For days that are billed already the difference goes onto the next invoice.",
    )
    reason = forms.CharField(
        label="Why",
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="It stands in the contract's history for good.",
        error_messages={"required": "Say why it is changed: auditors and the customer ask."},
    )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an amendment would come to."""

    sentences: tuple[str, ...]
    effects: Sequence[Effect]
    # How many periods are not shown.
    left_out: int


@dataclass(slots=True)
class _Asked:
    """What is filled in so far: the changes keep their numbers when one of them is taken away."""

    form: AmendmentForm
    changes: dict[int, ChangeForm] = field(default_factory=dict)

    def is_valid(self) -> bool:
        """Check every form, so that all mistakes are shown at once."""
        return all([self.form.is_valid(), *(one.is_valid() for one in self.changes.values())])

    def as_changes(self) -> list[Change]:
        return [one.change() for one in self.changes.values()]

    def refuse(self, refusal: Refusal) -> None:
        """Show a refusal at the fields that it names, else above them."""
        if isinstance(refusal, AmendmentRefused):
            # Of several changes the one that is wrong is the first that knows the field.
            mistakes = refusal.mistakes
            knowing = [one for one in self.changes.values() if _knows(one, mistakes)]
            show_mistakes(refusal, self.form, "effective_on", knowing[:1] or [*self.changes.values()][:1])
        else:
            self.form.add_error(None, str(refusal))


def amend_page(request: HttpRequest, contract_id: UUID) -> HttpResponse:
    """Fill in an amendment, look at what it would come to, and make it."""
    require(request, "contracts.change_contract")
    contract = contract_or_404(contract_id)
    if contract.status == Contract.Status.DRAFT:
        messages.info(request, f"{contract} is a draft: change it here; once signed, it is amended.")
        return redirect("backoffice:agreed", contract.pk)
    today = local_day(clock.now(), contract.timezone)
    is_checked = "look" in request.POST or "make" in request.POST
    asked = _asked(request, contract, today, is_checked=is_checked)
    outcome = None
    if is_checked and not asked.changes:
        asked.form.add_error(None, "Nothing is changed yet: choose a change below.")
    elif is_checked and asked.is_valid():
        if "make" in request.POST and request.POST.get("seen") == digest(request.POST):
            if amendment := _made(request, contract, asked):
                messages.success(
                    request, f"Amendment {amendment.number} is made: {' '.join(amendment.changes)}"
                )
                return redirect(
                    f"{reverse('backoffice:agreed', args=[contract.pk])}#amendment-{amendment.number}"
                )
        else:
            outcome = _outcome(contract, asked, today)
    context = {
        "title": f"Amend {contract}",
        **head(contract, "amend"),
        "asked": asked,
        "kinds": [(kind, form.title) for kind, form in FORMS.items()],
        "outcome": outcome,
        "seen": digest(request.POST) if outcome else "",
        "quiet": not is_checked,
        "next_number": contract.amendments.count() + 1,
        "today": today,
    }
    return page(request, "backoffice/contract_amend.html", context)


def digest(posted: QueryDict) -> str:
    """Return what tells whether the same is asked again."""
    told = sorted(
        (name, value) for name, values in posted.lists() if name not in _BUTTONS for value in values
    )
    return hashlib.sha256(repr(told).encode()).hexdigest()


def _asked(request: HttpRequest, contract: Contract, today: date, *, is_checked: bool) -> _Asked:
    if request.method != "POST":
        on = today if contract.covers(today) else contract.starts_on
        form = AmendmentForm(initial={"effective_on": request.GET.get("from", on)}, label_suffix="")
        kind = request.GET.get("change", "")
        sold, given = Sold.of(contract, on), request.GET.dict()
        made = {0: FORMS[kind](prefix="c0", sold=sold, initial=given)} if kind in FORMS else {}
        return _Asked(form, made)
    bound = AmendmentForm(request.POST, label_suffix="")
    on = bound.cleaned_data.get("effective_on", today) if bound.is_valid() or bound.cleaned_data else today
    sold = Sold.of(contract, on)
    # A change is added and taken away without telling yet what is missing in the others.
    form = bound if is_checked else AmendmentForm(initial=_typed(bound), label_suffix="")
    return _Asked(form, _changes(request.POST, sold, is_checked=is_checked))


def _changes(posted: QueryDict, sold: Sold, *, is_checked: bool) -> dict[int, ChangeForm]:
    found: dict[int, ChangeForm] = {}
    for token in posted.getlist("change")[:MOST_CHANGES]:
        number, _, kind = token.partition(":")
        if not _NUMBER.match(number) or kind not in FORMS or token == posted.get("drop"):
            continue
        bound = FORMS[kind](posted, prefix=f"c{number}", sold=sold)
        found[int(number)] = (
            bound if is_checked else FORMS[kind](prefix=f"c{number}", sold=sold, initial=_typed(bound))
        )
    if "add" in posted and (more := posted.get("more", "")) in FORMS and len(found) < MOST_CHANGES:
        new = max(found, default=-1) + 1
        found[new] = FORMS[more](prefix=f"c{new}", sold=sold)
    return found


def _typed(bound: forms.Form) -> dict[str, object]:
    return {name: bound[name].value() for name in bound.fields}


def _outcome(contract: Contract, asked: _Asked, today: date) -> Outcome | None:
    effective_on = asked.form.cleaned_data["effective_on"]
    try:
        if not contract.covers(effective_on):
            mistake = {"effective_on": f"{effective_on} is outside of its term; choose a day within it."}
            raise AmendmentRefused(contract.number, mistake)
        with foreseen(
            contract_id=contract.pk, effective_on=effective_on, changes=asked.as_changes(), at=clock.now()
        ) as ahead:
            longer = max((contract, ahead.contract), key=lambda one: one.ends_on or date.max)
            periods, left_out = effect.periods_to_show(longer, effective_on, today)
            then = effect.priced(ahead.contract, periods, today=today)
            sentences = ahead.sentences
    except Refusal as refusal:
        asked.refuse(refusal)
        return None
    now = effect.priced(contract, periods, today=today)
    return Outcome(sentences, effect.effects(contract, now, then, today=today), left_out)


def _made(request: HttpRequest, contract: Contract, asked: _Asked) -> Amendment | None:
    try:
        return amend.amend(
            contract_id=contract.pk,
            effective_on=asked.form.cleaned_data["effective_on"],
            changes=asked.as_changes(),
            reason=asked.form.cleaned_data["reason"],
            at=clock.now(),
            actor=actor_of(request),
        )
    except Refusal as refusal:
        asked.refuse(refusal)
        return None


def _knows(form: ChangeForm, mistakes: dict[str, str]) -> bool:
    return any(form.fields_of.get(name, name) in form.fields for name in mistakes)
