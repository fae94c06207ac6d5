"""Price indices and their readings: added as they are published, and corrected with a reason."""

from decimal import Decimal
from uuid import UUID

from django import forms
from django.contrib import messages
from django.db.models import Max
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from apps.backoffice.views import page, require
from apps.contracts import indices as keeping
from apps.contracts.errors import IndexRefused
from apps.contracts.models import Contract, IndexReading, PriceIndex
from apps.core import clock
from apps.core.admin import actor_of

_DAY = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


class IndexForm(forms.Form):
    """A new index."""

    name = forms.CharField(label="Name, as contracts name it", max_length=200)
    key = forms.CharField(label="Key, such as cpi-u", max_length=63)


class ReadingForm(forms.Form):
    """What an index stands at from a day on."""

    on = forms.DateField(label="In force from", widget=_DAY)
    value = forms.DecimalField(
        label="It stands at", max_digits=18, decimal_places=6, min_value=Decimal("0.000001")
    )


def indices(request: HttpRequest) -> HttpResponse:
    """List the indices with their last readings; a form adds one."""
    require(request, "contracts.view_priceindex", to_change="contracts.add_priceindex")
    form = IndexForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            index = keeping.add_index(**form.cleaned_data, at=clock.now(), actor=actor_of(request))
        except IndexRefused as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal))
        else:
            messages.success(request, f"{index} is kept. Add its readings.")
            return redirect("backoffice:readings", key=index.key)
    context = {
        "title": "Price indices",
        "indices": _listed(),
        "form": form,
        "may_add": request.user.has_perm("contracts.add_priceindex"),
    }
    return page(request, "backoffice/indices.html", context)


def readings(request: HttpRequest, key: str) -> HttpResponse:
    """Show the readings of an index; forms add one, or correct one."""
    require(request, "contracts.view_priceindex", to_change="contracts.change_priceindex")
    index = PriceIndex.objects.filter(key=key).first()
    if index is None:
        raise Http404
    is_new = request.method == "POST" and "correct" not in request.POST
    form = ReadingForm(request.POST if is_new else None)
    if is_new and form.is_valid():
        try:
            reading = keeping.add_reading(
                index_id=index.pk, **form.cleaned_data, at=clock.now(), actor=actor_of(request)
            )
        except IndexRefused as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal))
        else:
            messages.success(
                request, f"{index} stands at {reading.value.normalize():f} from {reading.on} on."
            )
            return redirect("backoffice:readings", key=key)
    elif request.method == "POST" and not is_new:
        _correct(request, index)
        return redirect("backoffice:readings", key=key)
    context = {
        "title": index.name,
        "index": index,
        "readings": list(index.readings.order_by("-on")),
        "contracts": Contract.objects.filter(uplift_index=index)
        .select_related("customer")
        .order_by("number"),
        "form": form,
        "may_change": request.user.has_perm("contracts.change_priceindex"),
    }
    return page(request, "backoffice/readings.html", context)


def _listed() -> list[tuple[PriceIndex, IndexReading | None]]:
    found = list(PriceIndex.objects.annotate(last_on=Max("readings__on")).order_by("name"))
    last = {
        (reading.index_id, reading.on): reading
        for reading in IndexReading.objects.filter(index__in=found, on__in=[one.last_on for one in found])
    }
    return [(index, last.get((index.pk, index.last_on))) for index in found]


def _correct(request: HttpRequest, index: PriceIndex) -> None:
    asked = request.POST
    try:
        value = forms.DecimalField(max_digits=18, decimal_places=6).clean(asked.get("value", ""))
        reading = index.readings.get(pk=UUID(asked.get("correct", "")))
        keeping.correct_reading(
            reading_id=reading.pk,
            value=value,
            reason=asked.get("reason", ""),
            at=clock.now(),
            actor=actor_of(request),
        )
    except IndexRefused as refusal:
        messages.error(request, str(refusal))
    except (forms.ValidationError, ValueError, IndexReading.DoesNotExist):
        messages.error(request, "Give the figure of one of the readings. Nothing was changed.")
    else:
        messages.success(request, f"The reading from {reading.on} is corrected to {value.normalize():f}.")
