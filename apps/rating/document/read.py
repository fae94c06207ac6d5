"""A pricing document, read: terms and usage, or the first place that breaks a rule of the format."""

from functools import cache
from typing import Any
from zoneinfo import available_timezones

from apps.core.money import is_currency
from apps.core.periods import Period
from apps.rating.document.agreements import read_commitments, read_discounts, read_grants
from apps.rating.document.charges import days_between, read_charges
from apps.rating.document.errors import BadDocument
from apps.rating.document.fields import Shape, anything, day, shown, text
from apps.rating.document.strict_json import load
from apps.rating.document.usage import read_usage
from apps.rating.terms import Terms
from apps.rating.usage import Usage

_UTC = "UTC"


def _timezone(value: object, path: str) -> str:
    name = text(value, path)
    if name != _UTC and name not in _timezones():
        raise BadDocument(path, f"There is no time zone {shown(name)}. Name one of IANA, as Europe/Berlin.")
    return name


def _currency(value: object, path: str) -> str:
    code = text(value, path)
    if not is_currency(code):
        raise BadDocument(path, f"{shown(code)} is no currency of ISO 4217. Name one, as USD.")
    return code


@cache
def _timezones() -> frozenset[str]:
    # The machine's own zone is listed as well, and is no name of IANA's.
    return frozenset(available_timezones() - {"localtime"})


_PERIOD = Shape("a period", required={"start": day, "end": day}, optional={"timezone": _timezone})
_DOCUMENT = Shape(
    "a pricing document",
    required=dict.fromkeys(("currency", "period", "charges"), anything),
    optional=dict.fromkeys(("discounts", "commitments", "credits", "usage"), anything),
)


def read(document: bytes | str) -> tuple[Terms, list[Usage]]:
    """Return the terms and the usage of a document; raises BadDocument for one that is against the format."""
    return read_loaded(load(document))


def read_loaded(value: object) -> tuple[Terms, list[Usage]]:
    """Return the terms and the usage of a document whose JSON was read by `strict_json.load`."""
    found = _DOCUMENT.read(value, "$")
    currency = _currency(found["currency"], "$.currency")
    period = _period(found["period"], "$.period")
    charges = read_charges(found["charges"], "$.charges", currency=currency)
    by_key = {charge.key: charge for charge in charges}
    around: dict[str, Any] = {"currency": currency, "charges": by_key}
    terms = Terms(
        currency,
        period,
        charges,
        discounts=read_discounts(found.get("discounts", []), "$.discounts", **around),
        commitments=read_commitments(found.get("commitments", []), "$.commitments", **around),
        grants=read_grants(found.get("credits", []), "$.credits", **around),
    )
    return terms, read_usage(found.get("usage", []), "$.usage", by_key)


def _period(value: object, path: str) -> Period:
    found = _PERIOD.read(value, path)
    return Period(*days_between(found, path), found.get("timezone", _UTC))
