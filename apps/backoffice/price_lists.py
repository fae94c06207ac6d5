"""The pages of price lists: what was imported and what changed, the import itself, and what plans take from them."""

from datetime import date
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html

from apps.backoffice.price_list_forms import ChoiceForm, FileForm, ListForm, carried
from apps.backoffice.views import LOCALE, page, require
from apps.core import clock
from apps.core.admin import actor_of, found
from apps.core.errors import Refusal
from apps.core.formats import format_day
from apps.plans import from_price_list, import_prices, price_lists
from apps.plans.errors import BadMarkup
from apps.plans.from_price_list import preview, take
from apps.plans.import_prices import Imported, left_out_of, reasons_of
from apps.plans.markup import Cell, Choice, Dates, Taken, Way
from apps.plans.models import Charge, PlanVersion, PriceList, PriceListVersion

_SEE, _IMPORT, _TAKE = "plans.view_pricelist", "plans.add_pricelistversion", "plans.change_planversion"
_SHOWN = 50


def lists(request: HttpRequest) -> HttpResponse:
    """Show the lists with their versions and who takes from them; a form makes a new one."""
    require(request, _SEE, to_change="plans.add_pricelist")
    form = ListForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = import_prices.put_list(**form.cleaned_data, at=clock.now(), actor=actor_of(request))
            return redirect("backoffice:price_list", key=made.key)
        except Refusal as refusal:
            form.add_error(None, str(refusal))
    context = {
        "title": "Price lists",
        "lists": price_lists.lists(),
        "form": form if request.user.has_perm("plans.add_pricelist") else None,
    }
    return page(request, "backoffice/price_lists.html", context)


def price_list(request: HttpRequest, key: str) -> HttpResponse:
    """Show a list's versions and what takes its prices; a file is looked at first, then imported."""
    require(request, _SEE, to_change=_IMPORT)
    listed = _listed(key)
    form = FileForm(request.POST, request.FILES) if request.method == "POST" else FileForm()
    context = {"title": listed.name, "list": listed, "form": form, **_rights(request)}
    if request.method == "POST" and form.is_valid():
        content = form.content()
        try:
            if "confirmed" in request.POST:
                done = import_prices.import_list(
                    key=key,
                    content=content,
                    day=form.cleaned_data["day"],
                    at=clock.now(),
                    actor=actor_of(request),
                )
                messages.success(request, _said(done))
                return redirect("backoffice:price_list_version", key=key, day=form.cleaned_data["day"])
            context |= _seen(key, content, form.cleaned_data["day"])
        except Refusal as refusal:
            form.add_error("file", str(refusal))
    versions = list(listed.versions.defer("left_out").order_by("-day"))
    context |= {"versions": versions, "uses": _uses(listed, versions)}
    return page(request, "backoffice/price_list.html", context)


def version(request: HttpRequest, key: str, day: date) -> HttpResponse:
    """Show what a version changed, what it left out, and its prices."""
    require(request, _SEE)
    listed = _listed(key)
    shown = listed.versions.filter(day=day).first()
    if shown is None:
        raise Http404
    like, after, way = (request.GET.get(name, "") for name in ("model", "after", "way"))
    before = price_lists.version_before(listed, day)
    changes = (
        price_lists.changes(price_lists.prices_of(before), price_lists.prices_of(shown)) if before else []
    )
    matching = [one for one in changes if like.lower() in one.model.lower() and (not way or one.way == way)]
    models = price_lists.models_of(shown, like=like, after=after, most=_SHOWN)
    context = {
        "title": f"{listed.name}, {format_day(day, LOCALE)}",
        "list": listed,
        "version": shown,
        "before": before,
        "counted": price_lists.counted(changes),
        "changes": matching[:_SHOWN],
        "matching": len(matching),
        "reasons": reasons_of(left_out_of(shown)),
        "models": models,
        "more": urlencode({"model": like, "way": way, "after": models[-1][0]})
        if len(models) == _SHOWN
        else "",
        "like": like,
        "way": way,
        "ways": [one.value for one in price_lists.Way],
        "after": after,
    }
    return page(request, "backoffice/price_list_version.html", context)


def take_from(request: HttpRequest, key: str) -> HttpResponse:
    """Ask for a draft's charge and what it takes, show what that changes, and write it."""
    require(request, _SEE, to_change=_TAKE)
    require(request, _TAKE)
    listed = _listed(key)
    asked = request.POST if request.method == "POST" else request.GET
    charges = _charges()
    charge = found(charges, asked["charge"]) if asked.get("charge") else None
    latest = price_lists.latest(listed)
    context: dict[str, Any] = {
        "title": f"Prices from {listed.name}",
        "list": listed,
        "latest": latest,
        "charges": charges,
        "charge": charge,
    }
    if charge and latest:
        answer = _choose(request, listed, latest, charge)
        if isinstance(answer, HttpResponse):
            return answer
        context |= answer
    return page(request, "backoffice/price_list_take.html", context)


def _choose(
    request: HttpRequest, listed: PriceList, latest: PriceListVersion, charge: Charge
) -> HttpResponse | dict[str, Any]:
    """Return the form with what it comes to, or where to go once it is written."""
    last = from_price_list.last_choice(charge)
    kinds = price_lists.kinds_of(latest)
    if request.method != "POST":
        first = ChoiceForm.initial_of(last[1] if last else None, charge)
        return {"form": ChoiceForm(initial=first, charge=charge, kinds=kinds), "last": last and last[0]}
    form = ChoiceForm(request.POST, charge=charge, kinds=kinds)
    context: dict[str, Any] = {"form": form, "last": last and last[0]}
    if not form.is_valid():
        return context
    choice = form.choice()
    try:
        if stamp := request.POST.get("stamp"):
            written = take(
                charge_id=charge.pk,
                price_list_id=listed.pk,
                choice=choice,
                stamp=stamp,
                at=clock.now(),
                actor=actor_of(request),
            )
            messages.success(request, _written(charge, written))
            return redirect("admin:plans_planversion_change", charge.plan_version_id)
        taken = preview(charge_id=charge.pk, price_list_id=listed.pk, choice=choice)
    except BadMarkup as refusal:
        for field, mistake in refusal.mistakes.items():
            form.add_error(field if field in form.fields else None, mistake)
    except Refusal as refusal:
        form.add_error(None, str(refusal))
    else:
        context |= _comes_to(taken, choice)
    return context


def _comes_to(taken: Taken, choice: Choice) -> dict[str, Any]:
    rows = [
        (cell, _values(cell, choice), _prices(cell.was), _prices(cell.becomes))
        for way in (Way.CHANGED, Way.NEW, Way.NOT_LISTED)
        for cell in taken.cells_that(way)[:_SHOWN]
    ]
    return {
        "taken": taken,
        "counted": taken.counted,
        "rows": rows,
        "changing": len(taken.cells) - taken.counted[Way.SAME],
        "writes": taken.counted[Way.NEW] + taken.counted[Way.CHANGED],
        "prices": sum(len(cell.becomes or cell.was) for cell in taken.cells),
        "too_fine": taken.too_fine[:_SHOWN],
        "rounded": taken.rounded[:_SHOWN],
    }


def _values(cell: Cell, choice: Choice) -> tuple[str, str]:
    named = dict(cell.match)
    return named.get(choice.model_dimension, ""), named.get(choice.kind_dimension, "")


def _prices(dates: Dates) -> list[tuple[date | None, Decimal | None]]:
    """Return the price in force last first; the others stand below it."""
    return list(reversed(dates))


def _charges() -> Any:
    """Return the usage charges of draft versions."""
    return (
        Charge.objects.filter(
            plan_version__status=PlanVersion.Status.DRAFT, kind=Charge.Kind.USAGE, credit_unit=None
        )
        .select_related("plan_version__plan", "meter")
        .order_by("plan_version__plan__name", "position")
    )


def _uses(listed: PriceList, versions: list[PriceListVersion]) -> list[tuple[Any, Charge | None, bool]]:
    """Return what took its prices from a list, with the draft's charge that may take them anew, and whether they are old."""
    markups = list(listed.markups.select_related("plan", "taken_from").order_by("plan__name", "charge_key"))
    drafts = {
        (charge.plan_version.plan_id, charge.key): charge
        for charge in _charges().filter(plan_version__plan__in=[one.plan_id for one in markups])
    }
    latest = versions[0].day if versions else date.min
    return [(one, drafts.get((one.plan_id, one.charge_key)), one.taken_from.day < latest) for one in markups]


def _seen(key: str, content: bytes, day: date) -> dict[str, Any]:
    seen = import_prices.preview(key=key, content=content, day=day)
    kept = carried(content)
    return {
        "seen": seen,
        "day": day,
        "packed": kept,
        "is_too_large": not kept,
        "shown": seen.changes[:_SHOWN] if seen.before else (),
        "dear": seen.dear[:_SHOWN],
    }


def _listed(key: str) -> PriceList:
    listed = PriceList.objects.filter(key=key).first()
    if listed is None:
        raise Http404
    return listed


def _rights(request: HttpRequest) -> dict[str, bool]:
    return {"may_import": request.user.has_perm(_IMPORT), "may_take": request.user.has_perm(_TAKE)}


def _said(done: Imported) -> str:
    if done.is_known:
        return "The same file was imported for that day before. Nothing is new."
    prices, models = len(done.read.prices), done.read.models
    return (
        f"Imported: {prices:,} price{'' if prices == 1 else 's'} of {models:,} model{'' if models == 1 else 's'}. "
        "Plans keep theirs until you take these."
    )


def _written(charge: Charge, written: Taken) -> str:
    many = written.counted[Way.NEW] + written.counted[Way.CHANGED]
    return format_html(
        '{} of {}: {} written, {} as before. <a href="{}">Look at the list again</a>',
        charge.name,
        charge.plan_version,
        f"{many:,} prices" if many != 1 else "1 price",
        f"{written.counted[Way.SAME]:,}",
        reverse("backoffice:price_list", args=[written.version.price_list.key]),
    )
