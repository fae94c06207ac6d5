"""Figures, days and instants in templates, in the language of the page; built in to every template."""

from datetime import date, datetime
from decimal import Decimal

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from apps.core import formats
from apps.core.money import Money

register = template.Library()


def language() -> str:
    """Return the language that this page is written in."""
    return get_language() or "en"


@register.filter
def money(value: Money) -> str:
    """Write an amount with its currency."""
    return formats.format_money(value, language())


@register.filter
def amount(value: Money) -> str:
    """Write an amount without its currency, in a column whose head names it."""
    return formats.format_amount(value, language())


@register.filter
def quantity(value: Decimal) -> str:
    """Write a quantity exactly."""
    return formats.format_quantity(Decimal(value), language())


@register.filter
def short(value: Decimal) -> str | SafeString:
    """Write a quantity in about three digits, with the exact one on hover."""
    brief, exact = formats.format_short(Decimal(value), language()), quantity(value)
    return exact if brief == exact else format_html('<span class="exact" title="{}">{}</span>', exact, brief)


@register.simple_tag
def unit_price(value: Decimal, currency: str, unit: str) -> str | SafeString:
    """Write the price of one unit, or of a million where it is tiny, with the exact unit price on hover."""
    brief = formats.format_unit_price(value, currency, unit, language())
    exact = formats.format_unit_amount(value, currency, language())
    return (
        exact
        if brief == exact
        else format_html('<span class="exact" title="{} each">{}</span>', exact, brief)
    )


@register.filter
def share(value: Decimal) -> str:
    """Write a share of one as a percentage."""
    return formats.format_share(value, language())


@register.filter
def day(value: date) -> str:
    """Write a day."""
    return formats.format_day(value, language())


@register.simple_tag
def days(start: date, end: date) -> str:
    """Write the days from `start` up to, not with, `end`."""
    return formats.format_days(start, end, language())


@register.filter
def instant(value: datetime, zone: str = "UTC") -> SafeString:
    """Write an instant in a time zone, and name the zone."""
    return format_html(
        '<time datetime="{}">{}</time>', value.isoformat(), formats.format_instant(value, zone, language())
    )


@register.filter
def exact_instant(value: datetime, zone: str = "UTC") -> SafeString:
    """Write an instant to its last digit, where the zone is named beside it."""
    return format_html(
        '<time datetime="{}">{}</time>',
        value.isoformat(),
        formats.format_exact_instant(value, zone, language()),
    )


@register.simple_tag
def ago(value: datetime, now: datetime, zone: str = "UTC") -> SafeString:
    """Write how long ago an instant was, with the instant on hover."""
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        value.isoformat(),
        formats.format_instant(value, zone, language()),
        formats.format_ago(value, now, language()),
    )


@register.simple_tag
def until(value: datetime, now: datetime, zone: str = "UTC") -> SafeString:
    """Write how far off an instant is, with the instant on hover."""
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        value.isoformat(),
        formats.format_instant(value, zone, language()),
        formats.format_until(value, now, language()),
    )
