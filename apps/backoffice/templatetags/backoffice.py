"""Words of the back office's templates."""

from django import template
from django.conf import settings

register = template.Library()


@register.filter
def menu_name(link: object, otherwise: object) -> object:
    """Return what the menu calls the page at `link`, so that a page is named as it was found."""
    for group in settings.UNFOLD["SIDEBAR"]["navigation"]:  # type: ignore[misc]  # re-exported by base
        for item in group["items"]:
            if str(item["link"]) == str(link):
                return item["title"]
    return otherwise


@register.filter
def kind_name(kind: str) -> str:
    """Return a price list's kind of tokens in words: input above 200k."""
    return kind.replace("_", " ")
