"""What the kinds of invoices are called beside their days, where invoices are listed."""

from collections.abc import Mapping

from apps.invoices.models import Invoice

_WORDS: Mapping[str, str] = {
    Invoice.Kind.OPENING: "in advance",
    Invoice.Kind.THRESHOLD: "interim",
    Invoice.Kind.ONE_OFF: "one-off",
    Invoice.Kind.CREDIT_PURCHASE: "credits bought",
    Invoice.Kind.CREDIT_NOTE: "credit note",
}


def kind_words(kind: str) -> str:
    """Return "one-off" and the like; nothing for the invoice of a period, which is what people expect."""
    return _WORDS.get(kind, "")
