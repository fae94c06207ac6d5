"""Credit grants and what drew on them, in the back office: to look at."""

from decimal import Decimal

from django.contrib import admin

from apps.core import formats
from apps.core.admin import ReadOnlyAdmin, ReadOnlyInline
from apps.core.money import Money
from apps.credits.models import CreditBurn, CreditGrant


class BurnInline(ReadOnlyInline):
    model = CreditBurn
    fields = ("source_key", "drawn", "burned_at")
    readonly_fields = fields
    ordering = ("-burned_at",)
    show_change_link = False
    verbose_name = "burn"

    @admin.display(description="amount")
    def drawn(self, burn: CreditBurn) -> str:
        return formats.format_quantity(burn.amount, "en")


def _amount(grant: CreditGrant, amount: Decimal) -> str:
    if grant.currency:
        return formats.format_money(Money(amount, grant.currency).rounded(), "en")
    return formats.format_quantity(amount, "en")


@admin.register(CreditGrant)
class CreditGrantAdmin(ReadOnlyAdmin):
    when_empty = "No customer was granted credits yet."
    list_display = ("name", "customer", "credit_unit", "granted", "remaining", "effective_on", "expires_on")
    list_filter = ("credit_unit",)
    list_select_related = ("customer", "credit_unit")
    search_fields = ("key", "name", "customer__name", "customer__key")
    ordering = ("-effective_on", "-id")
    inlines = (BurnInline,)
    fields = (
        ("name", "key"),
        ("customer", "contract"),
        ("granted", "remaining"),
        ("credit_unit", "charges"),
        ("paid", "expired"),
        ("effective_on", "expires_on"),
        "priority",
    )

    @admin.display(description="amount", ordering="amount")
    def granted(self, grant: CreditGrant) -> str:
        return _amount(grant, grant.amount)

    @admin.display(description="may pay for")
    def charges(self, grant: CreditGrant) -> str:
        return ", ".join(grant.charge_keys) or "every charge"

    @admin.display(description="paid for it")
    def paid(self, grant: CreditGrant) -> str:
        return formats.format_money(Money(grant.cost, grant.cost_currency), "en") if grant.cost else "a gift"

    @admin.display(description="expired")
    def expired(self, grant: CreditGrant) -> str:
        return _amount(grant, grant.expiry.amount) if hasattr(grant, "expiry") else "nothing"

    @admin.display(description="left", ordering="left")
    def remaining(self, grant: CreditGrant) -> str:
        return _amount(grant, grant.left)
