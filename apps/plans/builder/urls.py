"""The addresses of a version's pages, beside those that the admin makes."""

from collections.abc import Callable
from typing import Any

from django.http import HttpResponse
from django.urls import URLPattern, path

from apps.plans.builder import pages, versions

_View = Callable[..., HttpResponse]


def version_urls(guarded: Callable[[_View], Any]) -> list[URLPattern]:
    """Return the addresses; `guarded` lets in finance staff alone."""
    views: tuple[tuple[str, _View, str], ...] = (
        ("charge/new/", pages.charge, "new_charge"),
        ("charge/<uuid:charge_id>/", pages.charge, "charge"),
        ("charge/<uuid:charge_id>/move/", pages.move, "move_charge"),
        ("charge/<uuid:charge_id>/remove/", pages.remove, "remove_charge"),
        ("allowance/new/", pages.allowance, "new_allowance"),
        ("allowance/<uuid:allowance_id>/", pages.allowance, "allowance"),
        ("allowance/<uuid:allowance_id>/remove/", pages.remove_allowance, "remove_allowance"),
        ("compare/", versions.compare_page, "compare"),
        ("copy/", versions.copy_page, "copy"),
    )
    return [
        path(f"<uuid:version_id>/{address}", guarded(view), name=f"plans_version_{name}")
        for address, view, name in views
    ]
