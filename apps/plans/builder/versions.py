"""Pages about whole versions: two side by side, and a copy as a new plan."""

from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse

from apps.core import clock
from apps.core.admin import actor_of
from apps.core.errors import Refusal
from apps.customers.models import KEY
from apps.plans import compare, compose, summary
from apps.plans.builder.pages import CHANGE, SEE, address
from apps.plans.models import PlanVersion


class CopyForm(forms.Form):
    """The name and key of a new plan."""

    name = forms.CharField(max_length=200, error_messages={"required": "Give the plan's name."})
    key = forms.CharField(
        max_length=63,
        validators=[KEY],
        help_text="For the API: team-eu",
        error_messages={"required": "Give a key that no other plan has."},
    )


def compare_page(request: HttpRequest, version_id: UUID) -> HttpResponse:
    """Show a version beside another one: what differs stands out."""
    if not request.user.has_perm(SEE):
        raise PermissionDenied
    version = _version(version_id)
    among = _comparable(version)
    other = _other(among, version, request.GET.get("with", ""))
    charges = compare.charges(summary.offer(other), summary.offer(version)) if other else ()
    context = {
        **admin.site.each_context(request),
        "title": f"Compare {version}",
        "version": version,
        "other": other,
        "among": among,
        "charges": charges,
        "changed": sum(charge.changed for charge in charges),
        "only_changes": "all" not in request.GET,
    }
    return TemplateResponse(request, "plans/compare.html", context)


def copy_page(request: HttpRequest, version_id: UUID) -> HttpResponse:
    """Ask for a name and a key, and make a new plan with the charges of this version."""
    if not request.user.has_perm(CHANGE) or not request.user.has_perm("plans.add_plan"):
        raise PermissionDenied
    version = _version(version_id)
    form = (
        CopyForm(request.POST)
        if request.method == "POST"
        else CopyForm(initial={"name": f"{version.plan} copy"})
    )
    if request.method == "POST" and form.is_valid():
        try:
            copy = compose.copy_plan(
                version_id=version.pk, **form.cleaned_data, at=clock.now(), actor=actor_of(request)
            )
        except Refusal as refusal:
            form.add_error("key", str(refusal))
        else:
            messages.success(request, f"{copy} is a draft with the charges of {version}.")
            return redirect(address(copy.pk))
    context = {
        **admin.site.each_context(request),
        "title": f"Copy {version} into a new plan",
        "version": version,
        "form": form,
    }
    return TemplateResponse(request, "plans/copy.html", context)


def _version(version_id: UUID) -> PlanVersion:
    version = PlanVersion.objects.select_related("plan", "based_on__plan").filter(pk=version_id).first()
    if version is None:
        raise Http404
    return version


def _comparable(version: PlanVersion) -> QuerySet[PlanVersion]:
    """Return the versions that it may stand beside: those of its plan, what it is based on, and all that are offered."""
    of_its_own = Q(plan=version.plan) | Q(pk=version.based_on_id)
    return (
        PlanVersion.objects.filter(of_its_own | Q(status=PlanVersion.Status.PUBLISHED, plan__is_custom=False))
        .exclude(pk=version.pk)
        .select_related("plan")
        .order_by("plan__name", "-number")
    )


def _other(among: QuerySet[PlanVersion], version: PlanVersion, asked: str) -> PlanVersion | None:
    """Return the version that is asked for, else what it is based on, else the one before it."""
    try:
        wanted = UUID(asked) if asked else version.based_on_id
    except ValueError:
        raise Http404 from None
    if wanted:
        return among.filter(pk=wanted).first()
    return among.filter(plan=version.plan, number__lt=version.number).first() or among.first()
