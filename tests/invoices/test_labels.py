"""Every word in every language."""

import re
from dataclasses import asdict

import pytest

from apps.customers.models import Customer
from apps.invoices.labels import WORDS, words_for


def test_every_language_of_customers_has_words() -> None:
    assert set(WORDS) == set(Customer.Language.values)


@pytest.mark.parametrize("language", Customer.Language.values)
def test_every_word_is_there_and_is_filled_in_from_the_same_facts(language: str) -> None:
    english = asdict(words_for("en"))

    for name, word in asdict(words_for(language)).items():
        assert word.strip(), name
        assert _facts(word) == _facts(english[name]), name


def test_a_language_without_words_reads_english() -> None:
    assert words_for("it") is words_for("en")


def _facts(word: str) -> list[str]:
    return sorted(set(re.findall(r"\{(\w+)\}", word)))
