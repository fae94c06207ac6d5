"""The page on which staff void and replace usage: what it would come to first, then the correction itself."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from apps.backoffice.views import page, require
from apps.core import clock
from apps.core.admin import actor_of
from apps.core.errors import Refusal
from apps.invoices.settle import to_settle
from apps.usage import strict_json
from apps.usage.correct import Corrected, Selected, correct, select
from apps.usage.errors import NotAllCounted, TooManyEvents
from apps.usage.ingest import MOST_EVENTS
from apps.usage.stored import Where
from apps.usage.strict_json import BadJson

_SHOWN = 20
_AREA = {"rows": 3, "spellcheck": "false"}
_INSTANT = forms.DateTimeInput(attrs={"type": "datetime-local", "step": "1"}, format="%Y-%m-%dT%H:%M:%S")


class CorrectionForm(forms.Form):
    """Which events of a customer, by their ids or by a filter, and what to count in their place."""

    customer = forms.CharField(label="Customer key", max_length=63)
    ids = forms.CharField(
        label="Event ids, one a line", required=False, strip=False, widget=forms.Textarea(attrs=_AREA)
    )
    type = forms.CharField(label="Type; empty means any", required=False, max_length=100)
    start = forms.DateTimeField(label="From (UTC)", required=False, widget=_INSTANT)
    end = forms.DateTimeField(label="Before (UTC)", required=False, widget=_INSTANT)
    properties = forms.CharField(
        label="Properties, one a line, such as: model = large",
        required=False,
        widget=forms.Textarea(attrs=_AREA),
    )
    events = forms.CharField(
        label="One JSON event a line, each with an id of its own",
        required=False,
        widget=forms.Textarea(attrs={**_AREA, "rows": 4}),
    )

    def clean_ids(self) -> list[str]:
        """Read the ids, each once."""
        lines = (line.removesuffix("\r") for line in self.cleaned_data["ids"].split("\n"))
        return list(dict.fromkeys(line for line in lines if line.strip()))

    def clean_properties(self) -> dict[str, str]:
        """Read names and values."""
        found = {}
        for line in filter(None, map(str.strip, self.cleaned_data["properties"].splitlines())):
            name, equals, value = (part.strip() for part in line.partition("="))
            if not (name and equals):
                raise forms.ValidationError(f"{line!r}: write it like 'model = large'.")
            found[name] = value
        return found

    def clean_events(self) -> list[Any]:
        """Read the replacements."""
        found = []
        for number, line in enumerate(self.cleaned_data["events"].split("\n"), start=1):
            try:
                found += [strict_json.load(line.encode())] if line.strip() else []
            except BadJson as mistake:
                raise forms.ValidationError(f"Line {number}: {mistake}") from mistake
        return found

    def clean(self) -> dict[str, Any]:
        """Take ids or a filter: one of the two, and a filter with both its ends."""
        fields = super().clean() or self.cleaned_data
        start, end = fields.get("start"), fields.get("end")
        by_filter = bool(start or end or fields.get("type") or fields.get("properties"))
        if not self.errors and by_filter == bool(fields.get("ids")):
            self.add_error(
                "ids", "Name the events by their ids, or by a type, times and properties: one of the two."
            )
        elif by_filter and not (start and end and start < end):
            self.add_error("end", "Give both instants, the later one here.")
        return fields

    @property
    def named(self) -> dict[str, Any]:
        """Return customer, ids and filter as a correction takes them."""
        fields = self.cleaned_data
        where = None
        if not fields["ids"]:
            where = Where(fields["start"], fields["end"], fields["type"], fields["properties"])
        return {"customer_key": fields["customer"], "keys": fields["ids"], "where": where}


def new_correction(request: HttpRequest) -> HttpResponse:
    """Ask for the events, show what voiding them would come to, and do it with its reason."""
    require(request, "usage.view_correction", to_change="usage.add_correction")
    if not request.user.has_perm("usage.add_correction"):
        return redirect("admin:usage_correction_changelist")
    is_asked = request.method == "POST"
    form = CorrectionForm(request.POST) if is_asked else CorrectionForm(initial=request.GET.dict())
    selected = None
    if is_asked and form.is_valid():
        try:
            if "reason" in request.POST:
                done = _correct(request, form)
                messages.success(request, _said(done))
                return redirect("admin:usage_correction_change", done.correction_id)
        except NotAllCounted as refusal:
            messages.error(request, f"{refusal} The first: {refusal.ingested.details[0].remedy}")
        except Refusal as refusal:
            messages.error(request, str(refusal))
        selected = _selected(request, form)
    context = {
        "title": "New correction",
        "form": form,
        "selected": selected,
        "shown": selected.standing[:_SHOWN] if selected else (),
        "replacements": len(form.cleaned_data["events"]) if selected else 0,
        "reason": request.POST.get("reason", ""),
        "to_settle": to_settle() if request.user.has_perm("invoices.view_invoice") else (),
    }
    return page(request, "backoffice/correct.html", context)


def _selected(request: HttpRequest, form: CorrectionForm) -> Selected | None:
    try:
        return select(**form.named)
    except TooManyEvents:
        messages.error(
            request,
            f"More than {MOST_EVENTS:,} events are too many at once. Take a shorter time, a type or a property; then the next.",
        )
    except Refusal as refusal:
        messages.error(request, str(refusal))
    return None


def _correct(request: HttpRequest, form: CorrectionForm) -> Corrected:
    expected = request.POST.get("expected", "")
    return correct(
        **form.named,
        replacements=form.cleaned_data["events"],
        reason=request.POST["reason"],
        expected=int(expected) if expected.isdecimal() else None,
        at=clock.now(),
        actor=actor_of(request),
    )


def _said(done: Corrected) -> str:
    voided = "1 event is voided" if done.voided == 1 else f"{done.voided:,} events are voided"
    placed = f" and {done.replaced.counted:,} counted in place" if done.replaced.received else ""
    said = f"{voided}{placed}. Totals, spend and drafts follow at once."
    if done.wholly_billed:
        said += f" No invoice follows of {', '.join(done.wholly_billed)}: settle by hand what changed of those billed; the customer's page has the figures."
    return said
