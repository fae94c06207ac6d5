"""Tax numbers: of which country one is, whether it can be right, and the one way in which it is kept."""

import re
from collections.abc import Callable
from functools import lru_cache
from types import ModuleType

import stdnum.au.abn
import stdnum.br.cnpj
import stdnum.ca.bn
import stdnum.ch.uid
import stdnum.ch.vat
import stdnum.eu.vat
import stdnum.gb.vat
import stdnum.in_.gstin
import stdnum.jp.cn
import stdnum.kr.brn
import stdnum.mx.rfc
import stdnum.no.mva
import stdnum.nz.ird
import stdnum.sg.uen
import stdnum.us.ein
from stdnum.exceptions import ValidationError

from apps.customers.errors import WrongTaxNumber

# Member states by ISO 3166; Greece writes EL before its numbers.
EU = frozenset(
    (
        *("AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU"),
        *("IE", "IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK"),
    )
)
_GREECE, _GREEK_PREFIX = "GR", "EL"
# Companies of Northern Ireland have such numbers for goods; for services they belong to the United Kingdom.
_NORTHERN_IRELAND = "XI"
_SEPARATORS = re.compile(r"[\s.\-/]")


def checked(number: str, country: str) -> str:
    """Return a tax number in the form that it is kept in; "" stays "".

    Lengths and check digits are those of python-stdnum. Numbers of countries that are not known here are taken as they are, and
    so is any number where the country is not known. A company outside the EU may have an EU VAT number too. Refuses a number
    that cannot be one of that country.
    """
    given = number.strip()
    if not given or not country:
        return given
    if country in EU:
        return _checked(given, country, "EU VAT number", "DE136695976", lambda text: _eu(text, country))
    known = _KNOWN.get(country)
    if known is None:
        return given
    name, example, form = known
    if vat_country(given):
        return _eu(given, country)
    return _checked(given, country, name, example, form)


def is_valid(number: str, country: str) -> bool:
    """Tell whether a number can be one of that country; False where nothing is known about its numbers."""
    if not number or (country not in EU and country not in _KNOWN):
        return False
    try:
        checked(number, country)
    except WrongTaxNumber:
        return False
    return country in EU or not vat_country(number)


def vat_identifier(number: str, country: str) -> str:
    """Return a number of a value added tax, or one like it, with its country in front; "" where it is not known for one.

    EN 16931, BT-31 and BT-48 (BR-CO-9) ask for the country's two letters, which many countries do not write themselves.
    """
    compact = _SEPARATORS.sub("", number).upper()
    prefixes = {country, _GREEK_PREFIX if country == _GREECE else country}
    if country == "GB":
        prefixes.add(_NORTHERN_IRELAND)
    if vat_country(compact) or compact[:2] in prefixes:
        return compact
    return country + compact if country in _TAXES_VALUE_ADDED and is_valid(number, country) else ""


@lru_cache(maxsize=65536)
def vat_country(number: str) -> str:
    """Return the member state that gave an EU VAT number, which has its prefix; "" for any other number."""
    prefix = number.strip()[:2].upper()
    state = _GREECE if prefix == _GREEK_PREFIX else prefix
    if state not in EU or not stdnum.eu.vat.is_valid(number):
        return ""
    return state


def _eu(text: str, country: str) -> str:
    compact = _SEPARATORS.sub("", text).upper()
    prefix = _GREEK_PREFIX if country == _GREECE else country
    if compact[:2] == _GREECE:
        compact = _GREEK_PREFIX + compact[2:]
    begins = compact[:2]
    if begins not in {*EU, _GREEK_PREFIX, _NORTHERN_IRELAND} or not stdnum.eu.vat.is_valid(compact):
        compact = prefix + compact if begins != prefix else compact
    return str(stdnum.eu.vat.validate(compact))


def _plain(module: ModuleType) -> Callable[[str], str]:
    return lambda text: str(module.validate(text))


def _american(text: str) -> str:
    return str(stdnum.us.ein.format(stdnum.us.ein.validate(text)))


def _british(text: str) -> str:
    compact = _SEPARATORS.sub("", text).upper()
    if compact[:2] == _NORTHERN_IRELAND:
        return _NORTHERN_IRELAND + str(stdnum.gb.vat.validate(compact[2:]))
    return "GB" + str(stdnum.gb.vat.validate(compact))


def _swiss(text: str) -> str:
    if stdnum.ch.uid.is_valid(text):
        return str(stdnum.ch.uid.validate(text))
    return str(stdnum.ch.vat.validate(text))


def _japanese(text: str) -> str:
    return "T" + str(stdnum.jp.cn.validate(text.strip().upper().removeprefix("T")))


# By country: what its number is called, how one looks, and what checks and writes it.
_KNOWN: dict[str, tuple[str, str, Callable[[str], str]]] = {
    "AU": ("ABN", "83 914 571 673", _plain(stdnum.au.abn)),
    "BR": ("CNPJ", "16.727.230/0001-97", _plain(stdnum.br.cnpj)),
    "CA": ("business number", "12302 6635 RC 0001", _plain(stdnum.ca.bn)),
    "CH": ("UID or VAT number", "CHE-107.787.577 MWST", _swiss),
    "GB": ("VAT number", "GB 980 7806 84", _british),
    "IN": ("GSTIN", "27AAPFU0939F1ZV", _plain(stdnum.in_.gstin)),
    "JP": ("registration number", "T5835678256246", _japanese),
    "KR": ("business registration number", "116-82-00276", _plain(stdnum.kr.brn)),
    "MX": ("RFC", "GODE561231GR8", _plain(stdnum.mx.rfc)),
    "NO": ("MVA number", "NO 995 525 828 MVA", _plain(stdnum.no.mva)),
    "NZ": ("IRD number", "49-091-850", _plain(stdnum.nz.ird)),
    "SG": ("UEN", "00192200M", _plain(stdnum.sg.uen)),
    "US": ("EIN", "91-1144442", _american),
}
# An EIN of the United States is of no such tax.
_TAXES_VALUE_ADDED = frozenset(_KNOWN) - {"US"}


def _checked(given: str, country: str, name: str, example: str, form: Callable[[str], str]) -> str:
    try:
        return form(given)
    except ValidationError as wrong:
        raise WrongTaxNumber(given, country, name, example, str(wrong)) from wrong
