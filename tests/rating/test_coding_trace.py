"""The real coding trace at list price, against figures that this project did not compute.

Source of the expected costs: the cost check published with the trace's data set (callanjfox/kv-cache-tester, Apache-2.0), at the
list prices of 24 July 2026 (BerriAI/litellm, MIT): (input - cached) x input + cached x cache read + output x output.
"""

from collections.abc import Iterable
from decimal import Decimal
from functools import cache

import pytest

from apps.demo.catalogue import MODELS, TOKEN_KINDS, list_prices
from apps.demo.traces import CodingRequest, coding_requests
from apps.rating.lines import Rated
from apps.rating.price_models.matrix import Cell, Matrix
from apps.rating.price_models.per_unit import PerUnit
from apps.rating.usage import Usage
from tests.rating.cases import D, price, usage_charge


@cache
def requests() -> tuple[CodingRequest, ...]:
    return tuple(coding_requests())


def priced(of: Iterable[CodingRequest]) -> Rated:
    prices = list_prices()
    charges = [
        usage_charge(
            Matrix(
                ("model",),
                tuple(
                    Cell((("model", model),), PerUnit(prices[model][kind.price_field])) for model in MODELS
                ),
            ),
            kind.meter,
        )
        for kind in TOKEN_KINDS
    ]
    usage = [
        Usage(kind.meter, Decimal(getattr(request, kind.value_property)), (("model", request.model),))
        for request in of
        for kind in TOKEN_KINDS
    ]
    return price(*charges, usage=usage)


def exact(rated: Rated) -> Decimal:
    return sum((Decimal(str(line.exact)) for line in rated.lines), Decimal(0))


def test_all_requests_cost_what_the_list_says() -> None:
    """1,619.5671748 exactly; 1,619.56 as 18 lines, one per model and kind of token, rounded half up."""
    rated = priced(requests())

    assert len(requests()) == 21_798
    assert len(rated.lines) == 18
    assert exact(rated) == D("1619.5671748")
    assert str(rated.total) == "1619.56 USD"


@pytest.mark.parametrize(
    ("kind", "cost"),
    [("input-tokens", "387.52017"), ("cached-tokens", "1029.3662848"), ("output-tokens", "202.68072")],
)
def test_each_kind_of_token_costs_what_the_list_says(kind: str, cost: str) -> None:
    rated = priced(requests())

    assert sum(Decimal(str(line.exact)) for line in rated.lines if line.charge == kind) == D(cost)


@pytest.mark.parametrize(
    ("model", "cost"),
    [
        ("claude-haiku-4-5-20251001", "7.0110728"),
        ("claude-opus-4-1-20250805", "20.092578"),
        ("claude-opus-4-5-20251101", "822.929149"),
        ("claude-opus-4-6", "233.228659"),
        ("claude-sonnet-4-20250514", "163.1075178"),
        ("claude-sonnet-4-5-20250929", "373.1981982"),
    ],
)
def test_each_model_costs_what_the_list_says(model: str, cost: str) -> None:
    rated = priced(requests())

    assert sum(
        Decimal(str(line.exact)) for line in rated.lines if line.dimensions == (("model", model),)
    ) == D(cost)


@pytest.mark.parametrize(
    ("session", "cost"),
    [
        ("trace_0002", "1.6639"),
        ("trace_0004", "13.762172"),
        ("trace_0006", "3.473166"),
        ("trace_0008", "3.890661"),
        ("trace_0010", "11.2670588"),
        ("trace_0256", "34.716285"),
    ],
)
def test_single_sessions_cost_what_the_list_says(session: str, cost: str) -> None:
    assert exact(priced(request for request in requests() if request.session == session)) == D(cost)
