"""The page of a plan version: what it says in words, and while it is a draft the builder of its charges."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_POST

from apps.core import clock
from apps.core.admin import actor_of, confirmed
from apps.core.errors import Refusal
from apps.core.formats import plain
from apps.plans import edit, queries, rows, summary
from apps.plans.builder import sheet as sheets
from apps.plans.builder.forms import AllowanceForm, ChargeForms, charge_forms
from apps.plans.builder.sheet import ChargeSheet
from apps.plans.mistakes import mistakes_of
from apps.plans.models import Allowance, Charge, PlanVersion

SEE, CHANGE = "plans.view_planversion", "plans.change_planversion"
_SAVE = "save"
# Longer tables of prices stand folded.
_MOST_ROWS = 12


def address(version_id: UUID, anchor: str = "") -> str:
    """Return where a version's page is."""
    page = reverse("admin:plans_planversion_change", args=[version_id])
    return f"{page}#{anchor}" if anchor else page


def version_page(
    request: HttpRequest,
    version: PlanVersion,
    *,
    opened: ChargeForms | None = None,
    allowance: AllowanceForm | None = None,
    allowance_id: str = "",
) -> HttpResponse:
    """Show a version in words; of a draft one charge or allowance may be `opened` in place."""
    if not request.user.has_perm(SEE):
        raise PermissionDenied
    is_draft = version.status == PlanVersion.Status.DRAFT
    found = queries.rows_of(version.pk)
    offer = summary.told(summary.named_of(found), version.currency)
    context = {
        **admin.site.each_context(request),
        "title": str(version),
        "version": version,
        "offer": offer,
        "charges": list(zip(found, offer.charges, strict=True)),
        "allowances": list(version.allowances.prefetch_related("charges")),
        "is_draft": is_draft,
        "may_change": is_draft and request.user.has_perm(CHANGE),
        "may_act": request.user.has_perm(CHANGE),
        "may_delete": is_draft and request.user.has_perm("plans.delete_planversion"),
        "mistakes": mistakes_of(version) if is_draft and found else (),
        "open": opened,
        "open_id": opened.charge_id if opened else None,
        "allowance": allowance,
        "allowance_id": allowance_id,
        "most_rows": _MOST_ROWS,
        "retired_at": version.retired_at,
    }
    return TemplateResponse(request, "plans/version.html", context)


def charge(request: HttpRequest, version_id: UUID, charge_id: UUID | None = None) -> HttpResponse:
    """Show the form of a charge in its place on the version's page; save it, or give it other fields and rows."""
    version = _draft(request, version_id)
    stored = _charge_of(version, charge_id) if charge_id else None
    if request.method != "POST":
        sheet = sheets.of_charge(rows.read_charge(stored)) if stored else _blank(request)
        return version_page(request, version, opened=_forms(sheet, version, charge_id))
    sheet = sheets.from_request(request.POST)
    wanted = request.POST.get("do", _SAVE)
    if wanted != _SAVE:
        sheet.do(wanted)
        forms = _forms(sheet, version, charge_id)
        return _part(request, version, forms)
    forms = _forms(sheet, version, charge_id)
    if forms.check() and (saved := _saved(request, version, forms, charge_id)):
        return redirect(address(version.pk, f"charge-{saved.pk}"))
    return version_page(request, version, opened=forms)


@require_POST
def move(request: HttpRequest, version_id: UUID, charge_id: UUID) -> HttpResponse:
    """Move a charge up or down."""
    version = _draft(request, version_id)
    _charge_of(version, charge_id)
    _acted(
        request,
        lambda: edit.move_charge(
            version_id=version.pk,
            charge_id=charge_id,
            up="up" in request.POST,
            at=clock.now(),
            actor=actor_of(request),
        ),
    )
    return redirect(address(version.pk, f"charge-{charge_id}"))


def remove(request: HttpRequest, version_id: UUID, charge_id: UUID) -> HttpResponse:
    """Ask, then take a charge out of the draft."""
    version = _draft(request, version_id)
    found = _charge_of(version, charge_id)
    said = summary.told(summary.named_of([found]), version.currency).charges[0].sentence

    def act() -> str:
        edit.remove_charge(
            version_id=version.pk, charge_id=charge_id, at=clock.now(), actor=actor_of(request)
        )
        return f"{found.name} is taken out of {version}."

    return confirmed(
        request,
        title=f"Remove {found.name} from {version}",
        text=said,
        button="Remove the charge",
        back=address(version.pk),
        permission=CHANGE,
        act=act,
    )


def allowance(request: HttpRequest, version_id: UUID, allowance_id: UUID | None = None) -> HttpResponse:
    """Show the form of a shared allowance in its place on the version's page, and save it."""
    version = _draft(request, version_id)
    stored = _allowance_of(version, allowance_id) if allowance_id else None
    shown = str(allowance_id or "new")
    if request.method != "POST":
        initial = _allowance_initial(stored) if stored else {}
        return version_page(request, version, allowance=AllowanceForm(initial=initial), allowance_id=shown)
    form = AllowanceForm(request.POST)
    if form.is_valid() and _acted(
        request,
        lambda: edit.put_allowance(
            version_id=version.pk,
            allowance_id=allowance_id,
            new=form.new(),
            at=clock.now(),
            actor=actor_of(request),
        ),
    ):
        messages.success(
            request,
            f"{form.cleaned_data['name']} is saved. Charges that are to share it name it in their form.",
        )
        return redirect(address(version.pk, "allowances"))
    return version_page(request, version, allowance=form, allowance_id=shown)


def remove_allowance(request: HttpRequest, version_id: UUID, allowance_id: UUID) -> HttpResponse:
    """Ask, then take a shared allowance out of the draft."""
    version = _draft(request, version_id)
    found = _allowance_of(version, allowance_id)

    def act() -> str:
        edit.remove_allowance(
            version_id=version.pk, allowance_id=allowance_id, at=clock.now(), actor=actor_of(request)
        )
        return f"{found.name} is taken out of {version}."

    return confirmed(
        request,
        title=f"Remove {found.name} from {version}",
        text="An allowance that no charge shares says nothing to anybody.",
        button="Remove the allowance",
        back=address(version.pk, "allowances"),
        permission=CHANGE,
        act=act,
    )


def _draft(request: HttpRequest, version_id: UUID) -> PlanVersion:
    """Return the draft that may be changed; 404 without it, refused without the right."""
    if not request.user.has_perm(CHANGE):
        raise PermissionDenied
    version = PlanVersion.objects.select_related("plan").filter(pk=version_id).first()
    if version is None or version.status != PlanVersion.Status.DRAFT:
        raise Http404
    return version


def _charge_of(version: PlanVersion, charge_id: UUID) -> Charge:
    found = [row for row in queries.rows_of(version.pk) if row.pk == charge_id]
    if not found:
        raise Http404
    return found[0]


def _allowance_of(version: PlanVersion, allowance_id: UUID) -> Allowance:
    found = version.allowances.filter(pk=allowance_id).first()
    if found is None:
        raise Http404
    return found


def _blank(request: HttpRequest) -> ChargeSheet:
    return ChargeSheet(values={"kind": request.GET.get("kind", ""), "fee_quantity": "1"})


def _forms(sheet: ChargeSheet, version: PlanVersion, charge_id: UUID | None) -> ChargeForms:
    return charge_forms(sheet, version, charge_id=str(charge_id or ""))


def _part(request: HttpRequest, version: PlanVersion, forms: ChargeForms) -> HttpResponse:
    """Answer with the form alone where the page asks for it, or with the whole page."""
    if request.headers.get("HX-Request"):
        return TemplateResponse(request, "plans/charge_form.html", {"version": version, "open": forms})
    return version_page(request, version, opened=forms)


def _saved(
    request: HttpRequest, version: PlanVersion, forms: ChargeForms, charge_id: UUID | None
) -> Charge | None:
    """Save the charge that was typed, or say at the form why not."""
    try:
        charge = edit.put_charge(
            version_id=version.pk,
            charge_id=charge_id,
            new=forms.new(),
            at=clock.now(),
            actor=actor_of(request),
        )
    except Refusal as refusal:
        forms.head.add_error("key", str(refusal))
        return None
    messages.success(request, f"{charge} is saved.")
    return charge


def _acted(request: HttpRequest, act: Callable[[], Any]) -> bool:
    try:
        act()
    except Refusal as refusal:
        messages.error(request, str(refusal))
        return False
    return True


def _allowance_initial(stored: Allowance) -> dict[str, str]:
    carried = stored.carry_over_limit
    return {
        "name": stored.name,
        "key": stored.key,
        "quantity": f"{plain(stored.quantity):f}",
        "carry_over_limit": f"{plain(carried):f}" if carried else "",
    }
