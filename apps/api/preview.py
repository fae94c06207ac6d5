"""POST /preview: what usage would cost, under terms that stand in the body or those of a contract; nothing is written."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, ClassVar

import orjson
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request

from apps.api import errors
from apps.api.parsers import StrictJSONParser
from apps.api.resource import Resource
from apps.contracts import queries as contracts
from apps.contracts.models import Contract
from apps.contracts.terms import period_on
from apps.core import clock
from apps.core.periods import local_day
from apps.credits.paying import paying
from apps.customers.models import ApiKey
from apps.invoices.billing import terms_of
from apps.rating.document.errors import BadDocument
from apps.rating.document.fields import Shape, anything, key, shown
from apps.rating.document.read import read_loaded
from apps.rating.document.strict_json import load
from apps.rating.document.usage import read_usage
from apps.rating.document.write import as_answer
from apps.rating.engine import rate
from apps.rating.in_force import in_force_on
from apps.rating.price_models.matrix import Matrix
from apps.rating.terms import Terms
from apps.rating.usage import Usage

# About two seconds' worth.
MOST_PAIRS = 200_000
_CONTRACT = "contract"
_STORED = Shape("a preview under stored terms", required={_CONTRACT: key}, optional={"usage": anything})
_EXAMPLE = OpenApiExample(
    "terms and usage",
    request_only=True,
    value={
        "currency": "USD",
        "period": {"start": "2026-10-01", "end": "2026-11-01"},
        "charges": [
            {
                "key": "tokens",
                "name": "Input tokens",
                "price": {
                    "model": "graduated",
                    "tiers": [
                        {"up_to": "1000", "unit_amount": "0.10"},
                        {"up_to": None, "unit_amount": "0.08"},
                    ],
                },
            }
        ],
        "usage": [{"charge": "tokens", "quantity": "1500"}],
    },
)
_STORED_EXAMPLE = OpenApiExample(
    "usage under a contract's terms",
    request_only=True,
    value={"contract": "C-2026-0042", "usage": [{"charge": "tokens", "quantity": "1500"}]},
)


class DocumentParser(StrictJSONParser):
    """Reads a pricing document, whose mistakes are then told by their JSON path."""

    def load(self, body: bytes, request: Request) -> Any:
        """Read the whole body."""
        return load(body)


@extend_schema_field(OpenApiTypes.OBJECT)
class _Object(serializers.Field[Any, Any, Any, Any]):
    """An object that the guide describes."""


class PreviewBody(serializers.Serializer[Any]):
    """A pricing document, or the number of a contract with usage. Described here; read by the pricing format's own rules."""

    contract = serializers.CharField(
        required=False,
        help_text="The number of a contract that runs today; then nothing but usage beside it.",
    )
    currency = serializers.CharField(required=False)
    period = _Object(required=False)
    charges = serializers.ListField(child=_Object(), required=False)
    discounts = serializers.ListField(child=_Object(), required=False)
    commitments = serializers.ListField(child=_Object(), required=False)
    credits = serializers.ListField(child=_Object(), required=False)
    usage = serializers.ListField(child=_Object(), required=False)


class PreviewLine(serializers.Serializer[Any]):
    """A priced line, with the steps that made its amount."""

    charge = serializers.CharField(allow_null=True, help_text="Null for discounts and true-ups.")
    key = serializers.CharField(required=False, help_text="Of a discount or a true-up.")
    name = serializers.CharField()
    kind = serializers.CharField()
    quantity = serializers.CharField()
    amount = serializers.CharField(help_text="In the currency, rounded once.")
    exact = serializers.CharField(help_text="The amount before rounding.")
    dimensions = serializers.DictField(child=serializers.CharField())
    unit = serializers.CharField(required=False, help_text="The credit unit that it is priced in.")
    credits = serializers.CharField(required=False, help_text="What it cost there.")
    uncovered = serializers.CharField(required=False, help_text="What no grant paid of it.")
    why = serializers.ListField(child=serializers.DictField())


class PreviewGrant(serializers.Serializer[Any]):
    """What a credit grant paid, and what is left of it."""

    grant = serializers.CharField()
    unit = serializers.CharField()
    used = serializers.CharField()
    left = serializers.CharField()


class PreviewAnswer(serializers.Serializer[Any]):
    """The priced period, before tax."""

    currency = serializers.CharField()
    lines = PreviewLine(many=True)
    credits = PreviewGrant(many=True)
    subtotal = serializers.CharField()
    credits_applied = serializers.CharField()
    total = serializers.CharField()


class Preview(Resource):
    """What usage would cost."""

    scopes: ClassVar[dict[str, str]] = {"POST": ApiKey.Scope.USAGE_READ}
    parser_classes = (DocumentParser,)

    @extend_schema(
        operation_id="preview",
        summary="Price usage, writing nothing",
        description=(
            "Takes terms and usage in the pricing format, or the number of a contract and usage. A contract's usage is "
            "priced as a whole period's, at the prices in force today. Numbers are decimal strings. A refusal's `path` is "
            "the JSON path of what to correct."
        ),
        request=PreviewBody,
        responses=PreviewAnswer,
        examples=[_EXAMPLE, _STORED_EXAMPLE],
    )
    def post(self, request: Request) -> HttpResponse:
        body = request.data
        terms, usage = self._stored(body) if _names_a_contract(body) else read_loaded(body)
        require_quick(terms, usage)
        return HttpResponse(orjson.dumps(as_answer(rate(terms, usage))), content_type="application/json")

    def _stored(self, body: object) -> tuple[Terms, list[Usage]]:
        found = _STORED.read(body, "$")
        terms = self._terms(found[_CONTRACT], at=clock.now())
        charges = {charge.key: charge for charge in terms.charges}
        return terms, read_usage(found.get("usage", []), "$.usage", charges)

    def _terms(self, number: str, *, at: datetime) -> Terms:
        """Return the terms of a contract that runs; one that the caller may not see answers like one that is not there."""
        mine = None if self.caller.customer_id is None else [self.caller.customer_id]
        # PostgreSQL keeps no NUL, and would refuse the question.
        found = None if "\0" in number else contracts.live(customer_ids=mine).filter(number=number).first()
        if found is None:
            raise BadDocument(
                f"$.{_CONTRACT}", f"There is no signed contract {shown(number)}. Name one by its number."
            )
        return running_terms(found, at=at)


def running_terms(contract: Contract, *, at: datetime) -> Terms:
    """Return what a contract says of its running period, at the prices in force on the local day of `at`, with its grants."""
    today = local_day(at, contract.timezone)
    if not contract.covers(today):
        raise BadDocument(
            f"$.{_CONTRACT}", f"Contract {contract.number} does not run today. Name one that does."
        )
    period = period_on(contract, today)
    planned = terms_of(contract, period)
    grants = paying([(contract, planned)]).get(contract.pk, ())
    return replace(in_force_on(planned.terms, today), grants=grants)


def require_quick(terms: Terms, usage: Sequence[Usage]) -> None:
    """Refuse what takes much longer to price than to send: a caller could keep a worker busy for minutes."""
    around = len(terms.discounts) + len(terms.commitments) + len(terms.grants)
    patterns = {
        charge.key: len({tuple(name for name, _ in cell.match) for cell in charge.price.cells})
        for charge in terms.charges
        if isinstance(charge.price, Matrix)
    }
    if len(terms.charges) * around + sum(patterns.get(entry.charge, 0) for entry in usage) > MOST_PAIRS:
        raise errors.TooMuchToPrice(MOST_PAIRS)


def _names_a_contract(body: object) -> bool:
    return isinstance(body, dict) and body.get(_CONTRACT) is not None
