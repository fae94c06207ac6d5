"""The words printed on an invoice, in each language that a customer may choose."""

from collections.abc import Mapping

from apps.invoices.labels.english import ENGLISH
from apps.invoices.labels.french import FRENCH
from apps.invoices.labels.german import GERMAN
from apps.invoices.labels.japanese import JAPANESE
from apps.invoices.labels.spanish import SPANISH
from apps.invoices.labels.words import Words

WORDS: Mapping[str, Words] = {"en": ENGLISH, "de": GERMAN, "fr": FRENCH, "es": SPANISH, "ja": JAPANESE}


def words_for(language: str) -> Words:
    """Return the words of a language, or English for one that has none."""
    return WORDS.get(language, ENGLISH)
