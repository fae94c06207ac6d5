"""Matrices: the most specific cell decides."""

import pytest

from apps.rating.errors import NoPrice, UnknownCharge, WrongDimensions
from apps.rating.price_models.matrix import Cell, Matrix
from apps.rating.price_models.package import Package
from apps.rating.price_models.per_unit import PerUnit
from tests.rating.cases import ONE, D, price, usage_charge, use

CELLS = (
    Cell((("model", "m-large"), ("kind", "*")), PerUnit(D(2))),
    Cell((("kind", "input"),), PerUnit(D(1))),
)
MATRIX = Matrix(("model", "kind"), CELLS)


def test_of_two_cells_as_specific_the_earlier_dimension_decides() -> None:
    """{m-large, input} matches both cells; model comes first, so 10 x 2 = 20.00."""
    rated = price(usage_charge(MATRIX), usage=[use(10, model="m-large", kind="input")])

    (line,) = rated.lines
    assert str(line.amount) == "20.00 USD"
    assert line.dimensions == (("model", "m-large"), ("kind", "*"))


def test_usage_of_a_cell_is_added_up_before_it_is_priced() -> None:
    """Packages of 100 at 1: two values of 60 behind a wildcard are 120, so 2 packages, not 1 + 1 of each alone."""
    matrix = Matrix(("model",), (), Package(D(100), D(1)))

    rated = price(usage_charge(matrix), usage=[use(30, model="a"), use(60, model="b")])

    assert [(str(line.amount), line.quantity) for line in rated.lines] == [("1.00 USD", D(90))]


def test_lines_come_in_the_order_of_cells_and_the_default_last() -> None:
    matrix = Matrix(("model",), (Cell((("model", "b"),), ONE), Cell((("model", "a"),), ONE)), ONE)

    rated = price(usage_charge(matrix), usage=[use(1, model=name) for name in ("z", "a", "b")])

    assert [dict(line.dimensions)["model"] for line in rated.lines] == ["b", "a", "*"]


def test_one_allowance_is_used_up_in_the_order_of_lines() -> None:
    """Included 15: the first cell's 10 are free and 5 of the second's 10, so 5 x 1 = 5.00 is left."""
    matrix = Matrix(("model",), (Cell((("model", "a"),), ONE), Cell((("model", "b"),), ONE)))

    rated = price(usage_charge(matrix, included=D(15)), usage=[use(10, model="b"), use(10, model="a")])

    assert [str(line.amount) for line in rated.lines] == ["0.00 USD", "5.00 USD"]


def test_values_without_a_cell_are_refused_by_name_even_for_nothing() -> None:
    with pytest.raises(NoPrice, match="model 'm-small', kind 'output'"):
        price(usage_charge(MATRIX), usage=[use(0, model="m-small", kind="output")])


@pytest.mark.parametrize("dimensions", [{}, {"model": "m-large"}, {"model": "a", "kind": "b", "region": "c"}])
def test_usage_names_all_dimensions_and_no_other(dimensions: dict[str, str]) -> None:
    with pytest.raises(WrongDimensions, match="all of them and no other"):
        price(usage_charge(MATRIX), usage=[use(1, **dimensions)])


def test_a_charge_without_a_matrix_takes_no_dimensions() -> None:
    with pytest.raises(WrongDimensions):
        price(usage_charge(ONE), usage=[use(1, model="a")])


def test_usage_of_a_charge_that_is_not_in_the_terms_is_refused() -> None:
    with pytest.raises(UnknownCharge, match="'other'"):
        price(usage_charge(ONE), usage=[use(1, "other")])


def test_whoever_asks_learns_whether_values_have_a_price() -> None:
    assert MATRIX.price_for({"model": "m-large", "kind": "x"}) == PerUnit(D(2))
    assert MATRIX.price_for({"model": "x", "kind": "x"}) is None
    assert Matrix(("model",), (), ONE).price_for({"model": "x"}) == ONE


@pytest.mark.parametrize(
    ("dimensions", "cells", "words"),
    [
        ((), (), "names its dimensions"),
        (("a", "a"), (), "each once"),
        (("a",), (Cell((("b", "1"),), ONE),), "does not price by"),
        (("a", "b"), (Cell((("a", "1"),), ONE), Cell((("a", "1"), ("b", "*")), ONE)), "keep one"),
    ],
)
def test_an_ambiguous_matrix_is_refused(
    dimensions: tuple[str, ...], cells: tuple[Cell, ...], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        Matrix(dimensions, cells)
