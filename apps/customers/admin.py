"""Customers, legal entities and API keys in the back office."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html

from apps.core import clock
from apps.core.admin import ActionAdmin, Checkboxes, actor_of, confirmed, found, page_action
from apps.customers import api_keys, enroll, sellers
from apps.customers.models import ApiKey, Customer, LegalEntity

PLACE = ("address", "postal_code", "city", "region", "country")


@admin.register(Customer)
class CustomerAdmin(ActionAdmin):
    list_display = ("name", "key", "city", "country", "language", "billing_email", "created_at")
    list_filter = ("language", "country", "legal_entity")
    search_fields = ("name", "key", "billing_email", "tax_number")
    ordering = ("name",)
    fieldsets = (
        (None, {"fields": ("name", "key", "legal_entity", "billing_email", "language", "einvoice")}),
        ("Address", {"fields": PLACE}),
        ("Tax", {"fields": ("tax_number", "tax_rate", "tax_note")}),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Customer | None = None) -> tuple[str, ...]:
        """The key stays: usage is posted under it."""
        return ("key",) if obj else ()

    def save_model(self, request: HttpRequest, obj: Customer, form: Any, change: bool) -> None:  # noqa: FBT001
        if change:
            fields = {name: form.cleaned_data[name] for name in form.changed_data}
            enroll.change(customer_id=obj.pk, fields=fields, at=clock.now(), actor=actor_of(request))
        else:
            made = enroll.create(fields=form.cleaned_data, at=clock.now(), actor=actor_of(request))
            obj.pk = made.pk


@admin.register(LegalEntity)
class LegalEntityAdmin(ActionAdmin):
    list_display = ("name", "key", "city", "country", "invoice_prefix", "review_hours")
    search_fields = ("name", "key")
    ordering = ("name",)
    fieldsets = (
        (None, {"fields": ("name", "key", "email", "website", "tax_number")}),
        ("Address", {"fields": PLACE}),
        (
            "Invoices",
            {
                "fields": (
                    "invoice_prefix",
                    "credit_note_prefix",
                    "review_hours",
                    "approval_above",
                    "bank_details",
                    "brand_color",
                    "logo_svg",
                )
            },
        ),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: LegalEntity | None = None) -> tuple[str, ...]:
        return ("key",) if obj else ()

    def save_model(self, request: HttpRequest, obj: LegalEntity, form: Any, change: bool) -> None:  # noqa: FBT001
        fields = {name: value for name, value in form.cleaned_data.items() if name != "key"}
        obj.pk = sellers.put(key=obj.key, fields=fields, at=clock.now(), actor=actor_of(request)).pk


class ApiKeyForm(forms.ModelForm):  # type: ignore[type-arg]
    scopes = forms.MultipleChoiceField(
        label="May",
        choices=ApiKey.Scope.choices,
        widget=Checkboxes,
        initial=[ApiKey.Scope.EVENTS_WRITE],
    )

    class Meta:
        model = ApiKey
        fields = ("name", "scopes", "customer")


@admin.register(ApiKey)
class ApiKeyAdmin(ActionAdmin):
    form = ApiKeyForm
    list_display = ("name", "prefix", "scope_words", "customer", "created_by", "created_at", "revoked_at")
    list_filter = (("revoked_at", admin.EmptyFieldListFilter),)
    list_select_related = ("customer",)
    search_fields = ("name", "prefix", "customer__name")
    ordering = ("-created_at",)
    actions_detail = ("revoke",)

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> tuple[str, ...]:
        if obj is None:
            return ("name", "scopes", "customer")
        return ("name", "prefix", "scope_words", "customer", "created_by", "created_at", "revoked_at")

    def has_change_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        """A key is made and revoked, never changed."""
        return False

    @admin.display(description="may")
    def scope_words(self, api_key: ApiKey) -> str:
        names = dict(ApiKey.Scope.choices)
        return ", ".join(str(names.get(scope, scope)) for scope in api_key.scopes)

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:  # noqa: FBT001
        new = api_keys.create(
            name=obj.name, scopes=obj.scopes, customer=obj.customer, at=clock.now(), actor=actor_of(request)
        )
        obj.pk, obj.prefix = new.api_key.pk, new.api_key.prefix
        messages.warning(
            request,
            format_html(
                "Copy the key now; it is shown this once and cannot be read again: <code>{}</code>",
                new.secret,
            ),
        )

    @page_action(
        description="Revoke",
        url_path="revoke",
        permission="customers.change_apikey",
        offered=lambda api_key: api_key.revoked_at is None,
    )
    def revoke(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then end the key."""
        api_key = found(ApiKey.objects.all(), object_id)

        def act() -> str:
            api_keys.revoke(api_key_id=UUID(object_id), at=clock.now(), actor=actor_of(request))
            return f"{api_key} is revoked; within 5 seconds no server accepts it any more."

        return confirmed(
            request,
            title="Revoke an API key",
            text=f"Whatever still uses {api_key} is refused from now on.",
            button="Revoke the key",
            back=reverse("admin:customers_apikey_changelist"),
            permission="customers.change_apikey",
            act=act,
        )
