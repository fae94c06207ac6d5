"""The base of every admin page: the theme, pages that only show, and pages whose changes are actions."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import PermissionDenied
from django.db.models import DecimalField, Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from unfold.admin import ModelAdmin as ThemedAdmin
from unfold.admin import StackedInline as ThemedStackedInline
from unfold.admin import TabularInline as ThemedTabularInline
from unfold.contrib.filters.admin import RangeDateFilter
from unfold.decorators import action as themed_action
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget as Checkboxes
from unfold.widgets import UnfoldAdminFileFieldWidget as FileInput
from unfold.widgets import UnfoldAdminSelectWidget as Select
from unfold.widgets import UnfoldAdminTextareaWidget as TextArea
from unfold.widgets import UnfoldAdminTextInputWidget as TextInput

from apps.core import clock, people
from apps.core.errors import Refusal
from apps.core.formats import plain
from apps.core.models import AuditEntry, User

__all__ = [
    "ActionAdmin",
    "Admin",
    "Checkboxes",
    "FileInput",
    "RangeDateFilter",
    "ReadOnlyAdmin",
    "ReadOnlyInline",
    "Select",
    "StackedInline",
    "TabularInline",
    "TextArea",
    "TextInput",
    "actor_of",
    "confirmed",
    "found",
    "page_action",
    "state",
]


Row = TypeVar("Row", bound=Model)
Method = TypeVar("Method", bound=Callable[..., HttpResponse])

# A state is never told by its color alone.
_MARKS = {"good": "\N{CHECK MARK} ", "warn": "\N{WARNING SIGN} ", "bad": "\N{WARNING SIGN} ", "": ""}


def page_action(
    *, description: str, url_path: str, permission: str, offered: Callable[[Any], bool] = lambda _thing: True
) -> Callable[[Method], Method]:
    """Give an object's page a button that leads to this method's page.

    It is shown to who has the permission, on objects that it makes sense for; the method checks both again.
    """

    def button(method: Method) -> Method:
        themed: Method = themed_action(description=description, url_path=url_path)(method)
        themed.permission, themed.offered = permission, offered  # type: ignore[attr-defined]
        return themed

    return button


def state(word: str, kind: str = "") -> SafeString:
    """Return a state as lists show it; its kind is good, warn, bad or none."""
    return format_html('<span class="mb-state {}">{}{}</span>', kind, _MARKS[kind], word)


def actor_of(request: HttpRequest) -> str:
    """Return who acts, as the audit trail names people."""
    return str(request.user.get_username())


class PlainDecimal(forms.DecimalField):
    """A number without the zeros that its column keeps."""

    def prepare_value(self, value: Any) -> Any:
        return f"{plain(value):f}" if isinstance(value, Decimal) else value


class _Fields:
    """Form fields in the house style: plain numbers, lists written with commas, no detours into other tables."""

    formfield_overrides: Any = {
        DecimalField: {"form_class": PlainDecimal},
        ArrayField: {"widget": TextInput},
    }

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **more: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **more)  # type: ignore[misc]
        if field and isinstance(field.widget, RelatedFieldWidgetWrapper):
            for detour in ("add", "change", "delete", "view"):
                setattr(field.widget, f"can_{detour}_related", False)
        if field and isinstance(db_field, ArrayField):
            field.help_text = f"{field.help_text} Separate several by commas.".strip()
        return field


class TabularInline(_Fields, ThemedTabularInline):  # type: ignore[misc]
    """Rows on their parent's page, as a table."""

    extra = 0
    hide_title = True


class StackedInline(_Fields, ThemedStackedInline):  # type: ignore[misc]
    """Rows on their parent's page, one below the other."""

    extra = 0


class Admin(_Fields, ThemedAdmin):  # type: ignore[misc]
    """An editable page in the house style."""

    list_per_page = 50
    show_full_result_count = False
    warn_unsaved_form = True
    list_filter_submit = True
    # What an empty list means.
    when_empty = "Nothing here yet."

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Name the page for what it lists."""
        name = capfirst(str(self.opts.verbose_name_plural))
        page: HttpResponse = super().changelist_view(request, {"title": name, **(extra_context or {})})
        return page

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Offer no deletion of many at once: money's records go one by one, or not at all."""
        actions: dict[str, Any] = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    def get_actions_detail(self, request: HttpRequest, object_id: str) -> list[Any]:
        """Offer the buttons that this person may press on this object as it is now."""
        buttons: list[Any] = super().get_actions_detail(request, object_id)
        thing = self.get_object(request, unquote(str(object_id))) if buttons else None
        if thing is None:
            return []
        return [
            button
            for button in buttons
            if request.user.has_perm(button.method.permission) and button.method.offered(thing)
        ]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **more: Any
    ) -> HttpResponse:
        """Save means save: the next thing is begun from the list."""
        context["show_save_and_add_another"] = False
        page: HttpResponse = super().render_change_form(request, context, *args, **more)
        return page


class _ActionsOwnTheirTransaction(admin.ModelAdmin):  # type: ignore[type-arg]
    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Serve the form without a transaction around it, since `save_model` calls an action that opens its own."""
        try:
            return self._changeform_view(request, object_id, form_url, extra_context)  # type: ignore[attr-defined,no-any-return]
        except Refusal as refusal:
            messages.error(request, str(refusal))
            return HttpResponseRedirect(request.get_full_path())


class ActionAdmin(Admin, _ActionsOwnTheirTransaction):
    """A page whose `save_model` calls an action; the action writes the audit trail, so Django's own log stays out."""

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> None:  # type: ignore[override]
        pass

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> None:  # type: ignore[override]
        pass

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class _Shown:
    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class ReadOnlyAdmin(_Shown, Admin):
    """A page that shows history and changes none of it."""


class ReadOnlyInline(_Shown, TabularInline):
    """Rows that belong to a page and cannot be changed there."""

    can_delete = False
    show_change_link = True


def found(among: QuerySet[Row], object_id: str) -> Row:
    """Return the object with an id from an address, or answer 404."""
    try:
        thing = among.filter(pk=UUID(object_id)).first()
    except ValueError:
        thing = None
    if thing is None:
        raise Http404
    return thing


def confirmed(
    request: HttpRequest,
    *,
    title: str,
    text: str,
    button: str,
    back: str,
    permission: str,
    act: Callable[[], str],
    wants_reason: bool = False,
    wants_day: str = "",
) -> HttpResponse:
    """Ask before acting: show what will happen, and on a yes act, say what happened, and go back.

    Refuses staff without `permission`, such as "invoices.change_invoice".
    """
    if not request.user.has_perm(permission):
        raise PermissionDenied
    if request.method == "POST":
        try:
            messages.success(request, act())
        except Refusal as refusal:
            messages.error(request, str(refusal))
        except ValueError as unreadable:
            messages.error(request, f"{unreadable} Nothing was changed.")
        return HttpResponseRedirect(back)
    context = {
        **admin.site.each_context(request),
        "title": title,
        "text": text,
        "button": button,
        "back": back,
        "wants_reason": wants_reason,
        "wants_day": wants_day,
    }
    return TemplateResponse(request, "admin/confirm.html", context)


def plain_table(values: dict[str, Any]) -> str:
    """Return names and values as lines people can read."""
    return format_html_join(
        "",
        "<div><strong>{}</strong>: {}</div>",
        ((name.replace("_", " "), _in_words(value)) for name, value in values.items()),
    )


def _in_words(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_in_words(one) for one in value) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_in_words(one)}" for name, one in value.items()) or "none"
    if value in (None, "", "None"):
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


@admin.register(User)
class UserAdmin(ActionAdmin):
    list_display = ("email", "name", "works", "last_login")
    list_filter = ("is_staff", "is_active")
    search_fields = ("email", "name")
    ordering = ("email",)
    fields = ("email", "name", "is_active", "is_staff", "is_superuser", "groups", "last_login")
    filter_horizontal = ("groups",)

    @admin.display(description="works in")
    def works(self, person: User) -> str:
        if not person.is_active:
            return state("locked out", "bad")
        return state("back office", "good") if person.is_staff else "portal"

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        """Only who has every right may give rights, or change the address that somebody signs in by."""
        if request.user.is_superuser:
            return ("last_login",)
        return ("last_login", "is_staff", "is_superuser", "groups", *(("email",) if obj else ()))

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:  # noqa: FBT001
        """A new person has no password: they sign in with a code by e-mail, or set one."""
        fields = {name: value for name, value in form.cleaned_data.items() if name != "groups"}
        words = {"groups": ", ".join(group.name for group in form.cleaned_data.get("groups", []))}
        obj.pk = people.save(
            user_id=obj.pk if change else None,
            fields=fields,
            noted=words,
            at=clock.now(),
            actor=actor_of(request),
        ).pk
        obj._state.adding = False


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    list_display = ("at", "actor", "action", "subject_type", "subject_key", "reason")
    list_filter = (("at", RangeDateFilter), "subject_type", "action")
    search_fields = ("subject_key", "actor", "action")
    ordering = ("-at", "-id")
    fields = ("at", "actor", "action", "subject_type", "subject_key", "reason", "was", "became")
    readonly_fields = ("was", "became")

    @admin.display(description="before")
    def was(self, entry: AuditEntry) -> str:
        return plain_table(entry.before) or "-"

    @admin.display(description="after")
    def became(self, entry: AuditEntry) -> str:
        return plain_table(entry.after) or "-"
