"""The base of every admin page: the theme, the audit trail, and pages that only show."""

from typing import Any

from django.db.models import Model
from django.http import HttpRequest
from unfold.admin import ModelAdmin as ThemedAdmin
from unfold.admin import StackedInline, TabularInline
from unfold.contrib.filters.admin import RangeDateFilter

__all__ = ["Admin", "RangeDateFilter", "ReadOnlyAdmin", "ReadOnlyInline", "StackedInline", "TabularInline"]


class Admin(ThemedAdmin):  # type: ignore[misc]
    """An editable page in the house style."""

    list_per_page = 50
    show_full_result_count = False
    warn_unsaved_form = True


class _Shown:
    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class ReadOnlyAdmin(_Shown, Admin):
    """A page that shows history and changes none of it."""


class ReadOnlyInline(_Shown, TabularInline):  # type: ignore[misc]
    """Rows that belong to a page and cannot be changed there."""

    extra = 0
    can_delete = False
    show_change_link = True
