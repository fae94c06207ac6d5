"""Customers, legal entities and API keys in the back office."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from apps.core import clock
from apps.core.admin import ActionAdmin, Checkboxes, actor_of, confirmed, found, page_action
from apps.customers import api_keys, enroll, eu_rates, sellers, tax_numbers, taxation
from apps.customers.errors import WrongTaxNumber
from apps.customers.models import (
    ApiKey,
    Customer,
    LegalEntity,
    TaxExemption,
    TaxRate,
    TaxRegistration,
)

_MOST_PERCENT = 100
_WHEN_PRICES_CHANGE = (
    "Drafts take a change when they are refreshed, and at the latest when they are finalized: their totals change, and approvals "
    "lapse. Finalized invoices and their credit notes stay as they are. Change it between two periods."
)
PLACE = ("address", "postal_code", "city", "region", "country")


class TaxNumberForm(forms.ModelForm):  # type: ignore[type-arg]
    """Tells a tax number that cannot be at its field, before anything is saved."""

    number_field = "tax_number"

    def clean(self) -> dict[str, Any]:
        """Check the number where it is new or changed."""
        fields: dict[str, Any] = super().clean() or {}
        if self.number_field in self.changed_data and self.number_field in fields:
            try:
                self.check_number(fields)
            except WrongTaxNumber as wrong:
                self.add_error(self.number_field, ValidationError(str(wrong)))
        return fields

    def check_number(self, fields: dict[str, Any]) -> None:
        """Refuse a number that its country has none like."""
        tax_numbers.checked(fields[self.number_field], fields.get("country", ""))


@admin.register(Customer)
class CustomerAdmin(ActionAdmin):
    form = TaxNumberForm
    list_display = ("name", "key", "city", "country", "language", "billing_email", "created_at")
    list_filter = ("language", "country", "legal_entity")
    search_fields = ("name", "key", "billing_email", "tax_number")
    ordering = ("name",)
    fieldsets = (
        (None, {"fields": ("name", "key", "legal_entity", "billing_email", "language", "einvoice")}),
        ("Address", {"fields": PLACE}),
        ("Tax", {"fields": ("tax_number", "buys_as", "tax_rate", "tax_note")}),
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
        ("Tax", {"fields": ("tax_provider", "tax_rounding", "prices_include_tax")}),
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

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **more: Any) -> Any:
        """Say at the field what a change of it does to what is drafted and finalized."""
        field = super().formfield_for_dbfield(db_field, request, **more)
        if field is not None and db_field.name == "prices_include_tax":
            field.help_text = f"{field.help_text} {_WHEN_PRICES_CHANGE}"
        return field

    def save_model(self, request: HttpRequest, obj: LegalEntity, form: Any, change: bool) -> None:  # noqa: FBT001
        fields = {name: value for name, value in form.cleaned_data.items() if name != "key"}
        obj.pk = sellers.put(key=obj.key, fields=fields, at=clock.now(), actor=actor_of(request)).pk
        if change and "prices_include_tax" in form.changed_data:
            is_so = "include tax from now on" if obj.prices_include_tax else "are without tax from now on"
            messages.warning(request, f"Prices of {obj.name} {is_so}. {_WHEN_PRICES_CHANGE}")


class DatedForm(forms.ModelForm):  # type: ignore[type-arg]
    """Tells at the field what the database would refuse by a constraint's name."""

    def clean(self) -> dict[str, Any]:
        """Refuse an end before the beginning, and what is no percentage."""
        fields: dict[str, Any] = super().clean() or {}
        starts_on, ends_on, percent = (fields.get(name) for name in ("starts_on", "ends_on", "percent"))
        if starts_on and ends_on and ends_on <= starts_on:
            self.add_error("ends_on", "Choose a later day than the first one, or leave it empty.")
        if percent is not None and not 0 <= percent <= _MOST_PERCENT:
            self.add_error("percent", "Give a percentage from 0 to 100.")
        return fields


class RegistrationForm(DatedForm, TaxNumberForm):
    """The same for a registration; states and the One-Stop Shop give numbers of other kinds."""

    number_field = "number"

    def check_number(self, fields: dict[str, Any]) -> None:
        """Refuse a number that its country has none like, where it is the country's own."""
        if fields.get("scheme") == TaxRegistration.Scheme.LOCAL and not fields.get("region"):
            super().check_number(fields)


@admin.register(TaxRegistration)
class TaxRegistrationAdmin(ActionAdmin):
    form = RegistrationForm
    when_empty = (
        "No legal entity is registered yet: each customer has the tax that was given to it by hand. "
        "From its first registration on, a legal entity goes by its registrations and the rates."
    )
    list_display = ("legal_entity", "place", "scheme", "number", "starts_on", "ends_on")
    list_filter = ("legal_entity", "scheme")
    list_select_related = ("legal_entity",)
    search_fields = ("number", "country")
    ordering = ("legal_entity__name", "country", "region")
    fields = ("legal_entity", ("country", "region"), "scheme", "number", ("starts_on", "ends_on"))

    def save_model(self, request: HttpRequest, obj: TaxRegistration, form: Any, change: bool) -> None:  # noqa: FBT001
        obj.pk = taxation.save_registration(
            registration_id=obj.pk if change else None,
            fields=form.cleaned_data,
            at=clock.now(),
            actor=actor_of(request),
        ).pk


@admin.register(TaxRate)
class TaxRateAdmin(ActionAdmin):
    form = DatedForm
    list_before_template = "customers/eu_rates.html"
    list_display = ("place", "tax_class", "name", "percent", "legal_entity", "starts_on", "ends_on")
    list_filter = ("tax_class", "legal_entity")
    list_select_related = ("legal_entity",)
    search_fields = ("country", "region", "name")
    ordering = ("country", "region")
    fields = (
        ("country", "region"),
        "tax_class",
        ("name", "percent"),
        ("starts_on", "ends_on"),
        "legal_entity",
    )

    def save_model(self, request: HttpRequest, obj: TaxRate, form: Any, change: bool) -> None:  # noqa: FBT001
        obj.pk = taxation.save_rate(
            rate_id=obj.pk if change else None,
            fields=form.cleaned_data,
            at=clock.now(),
            actor=actor_of(request),
        ).pk

    def get_urls(self) -> list[URLPattern]:
        """Add the page that offers the EU's rates."""
        view = self.admin_site.admin_view(self.add_eu_rates)
        return [path("add-eu/", view, name="customers_taxrate_add_eu"), *super().get_urls()]

    def add_eu_rates(self, request: HttpRequest) -> HttpResponse:
        """Ask, then add the EU's standard rates."""

        def act() -> str:
            added = taxation.add_eu_rates(at=clock.now(), actor=actor_of(request))
            places = ", ".join(rate.country for rate in added)
            return f"Added {len(added)} rates: {places}." if added else "All of them are there already."

        return confirmed(
            request,
            title="Add the EU's standard rates",
            text=(
                f"The standard VAT rate of each of the {len(eu_rates.STANDARD)} member states is added, as it was in force on "
                f"{eu_rates.AS_OF:%-d %B %Y}. Countries that have a standard rate for all legal entities keep theirs. "
                "Check them before you bill by them."
            ),
            button="Add the rates",
            back=reverse("admin:customers_taxrate_changelist"),
            permission="customers.add_taxrate",
            act=act,
        )


@admin.register(TaxExemption)
class TaxExemptionAdmin(ActionAdmin):
    form = DatedForm
    when_empty = "No customer is exempt. Note a certificate here once a customer hands one in."
    list_display = ("customer", "place", "certificate", "reason", "starts_on", "ends_on")
    list_select_related = ("customer",)
    search_fields = ("customer__name", "customer__key", "certificate")
    ordering = ("customer__name", "country")
    fields = (
        "customer",
        ("country", "region"),
        "certificate",
        "reason",
        "reference",
        ("starts_on", "ends_on"),
    )

    def save_model(self, request: HttpRequest, obj: TaxExemption, form: Any, change: bool) -> None:  # noqa: FBT001
        obj.pk = taxation.save_exemption(
            exemption_id=obj.pk if change else None,
            fields=form.cleaned_data,
            at=clock.now(),
            actor=actor_of(request),
        ).pk


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
