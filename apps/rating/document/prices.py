"""Prices as a document writes them: one shape of fields for each model."""

from collections.abc import Callable, Collection, Mapping
from decimal import Decimal
from functools import partial
from typing import Any

from apps.rating.document.errors import BadDocument
from apps.rating.document.fields import (
    Reader,
    Shape,
    above_zero,
    anything,
    in_order,
    items,
    key,
    member,
    number,
    one_of,
    opened,
    shown,
    text,
    whole_number,
)
from apps.rating.price_models.base import PriceModel, Tier
from apps.rating.price_models.dynamic import Dynamic
from apps.rating.price_models.graduated import Graduated
from apps.rating.price_models.graduated_percentage import GraduatedPercentage, RateTier
from apps.rating.price_models.matrix import ANY, Cell, Dimensions, Matrix
from apps.rating.price_models.package import Package
from apps.rating.price_models.per_unit import PerUnit
from apps.rating.price_models.percentage import Percentage
from apps.rating.price_models.stairstep import Stair, Stairstep
from apps.rating.price_models.volume import Volume
from apps.rating.terms import OVERAGE_KINDS


def _up_to(value: object, path: str) -> Decimal | None:
    return None if value is None else number(value, path)


def _tiers(shape: Shape, made: Callable[..., Any], value: object, path: str) -> tuple[Any, ...]:
    """Return tiers that begin above 0, rise, and end with one without end."""
    entries = list(items(value, path))
    if not entries:
        raise BadDocument(path, "There is no tier. Give at least one, whose up_to is null.")
    below = Decimal(0)
    tiers = []
    for place, (entry, at) in enumerate(entries, start=1):
        found = shape.read(entry, at)
        up_to: Decimal | None = found["up_to"]
        if up_to is None and place < len(entries):
            raise BadDocument(
                f"{at}.up_to", "Only the last tier is without end. Say up to where this one goes."
            )
        if up_to is not None:
            if place == len(entries):
                raise BadDocument(f"{at}.up_to", "The last tier is without end. Make its up_to null.")
            if up_to <= below:
                raise BadDocument(
                    f"{at}.up_to", f"up_to must rise from tier to tier. Make it more than {below:f}."
                )
            below = up_to
        tiers.append(made(**found))
    return tuple(tiers)


_UNIT_TIER = Shape(
    "a tier",
    required={"up_to": _up_to, "unit_amount": number},
    optional={"flat_amount": number, "package_size": above_zero},
)
_STAIR = Shape("a tier of stairstep", required={"up_to": _up_to, "flat_amount": number})
_RATE_TIER = Shape(
    "a tier of graduated_percentage",
    required={"up_to": _up_to, "rate": number},
    optional={"flat_amount": number},
)


_NONE: Mapping[str, Reader] = {}
_FIELDS: tuple[tuple[type[PriceModel], Mapping[str, Reader], Mapping[str, Reader]], ...] = (
    (PerUnit, {"unit_amount": number}, _NONE),
    (Graduated, {"tiers": partial(_tiers, _UNIT_TIER, Tier)}, _NONE),
    (Volume, {"tiers": partial(_tiers, _UNIT_TIER, Tier)}, _NONE),
    (Stairstep, {"tiers": partial(_tiers, _STAIR, Stair)}, _NONE),
    (Package, {"package_size": above_zero, "package_amount": number}, {"free_units": number}),
    (
        Percentage,
        {"rate": number},
        {
            "fixed_amount": number,
            "free_events": whole_number,
            "free_amount": number,
            "event_minimum": number,
            "event_maximum": number,
        },
    ),
    (GraduatedPercentage, {"tiers": partial(_tiers, _RATE_TIER, RateTier)}, _NONE),
    (Dynamic, _NONE, {"minimum_amount": number, "maximum_amount": number}),
)
_SIMPLE: Mapping[str, tuple[Callable[..., PriceModel], Shape]] = {
    model.kind: (model, Shape(f"a price of {model.kind}", {"model": text, **required}, optional))
    for model, required, optional in _FIELDS
}
_BOUNDS = {"percentage": ("event_minimum", "event_maximum"), "dynamic": ("minimum_amount", "maximum_amount")}
_OVERAGE_MODELS = tuple(model for model in _SIMPLE if model in OVERAGE_KINDS)
_MATRIX = Shape(
    "a matrix",
    required={"model": text, "dimensions": anything, "cells": anything},
    optional={"default": anything},
)
_CELL = Shape("a cell", required={"match": anything, "price": anything})
_SIMPLE_MODELS = tuple(_SIMPLE)
_MODELS = (*_SIMPLE, Matrix.kind)


def usage_price(value: object, path: str) -> PriceModel | Matrix:
    """Return the price of a usage charge: any model, a matrix too."""
    if _model(value, path, _MODELS) == Matrix.kind:
        return _matrix(value, path)
    return _simple(value, path, _SIMPLE_MODELS)


def overage_price(value: object, path: str) -> PriceModel:
    """Return the price of credits that no grant covers."""
    return _simple(value, path, _OVERAGE_MODELS)


def _model(value: object, path: str, models: Collection[str]) -> str:
    given = opened(value, path, "a price")
    if "model" not in given:
        raise BadDocument(f"{path}.model", f"A price names its model. Send one of {', '.join(models)}.")
    model: str = one_of(models)(given["model"], f"{path}.model")
    return model


def _simple(value: object, path: str, models: Collection[str]) -> PriceModel:
    model = _model(value, path, models)
    made, shape = _SIMPLE[model]
    found = shape.read(value, path)
    del found["model"]
    if bounds := _BOUNDS.get(model):
        in_order(found, path, *bounds)
    return made(**found)


def _matrix(value: object, path: str) -> Matrix:
    found = _MATRIX.read(value, path)
    dimensions = _dimensions(found["dimensions"], f"{path}.dimensions")
    cells = _cells(found["cells"], f"{path}.cells", dimensions)
    default = found.get("default")
    price = None if default is None else _simple(default, f"{path}.default", _SIMPLE_MODELS)
    return Matrix(dimensions, cells, price)


def _dimensions(value: object, path: str) -> tuple[str, ...]:
    names: dict[str, None] = {}
    for entry, at in items(value, path):
        name = key(entry, at)
        if name in names:
            raise BadDocument(at, f"The dimension {shown(name)} is named twice. Name each once.")
        names[name] = None
    if not names:
        raise BadDocument(path, "A matrix prices by one dimension at least. Name it.")
    return tuple(names)


def _cells(value: object, path: str, dimensions: tuple[str, ...]) -> tuple[Cell, ...]:
    cells = []
    rank = {name: place for place, name in enumerate(dimensions)}
    seen: dict[Dimensions, str] = {}
    for entry, at in items(value, path):
        found = _CELL.read(entry, at)
        match = _match(found["match"], f"{at}.match", rank)
        if match in seen:
            raise BadDocument(f"{at}.match", f"It matches the same as {seen[match]}. Keep one of the two.")
        seen[match] = f"{at}.match"
        cells.append(Cell(match, _simple(found["price"], f"{at}.price", _SIMPLE_MODELS)))
    return tuple(cells)


def _match(value: object, path: str, rank: Mapping[str, int]) -> Dimensions:
    """Return the values that a cell names, in the order of the dimensions; `*` is the same as not to name it."""
    named: dict[str, str] = {}
    for name, inner in opened(value, path, "a match").items():
        at = member(path, name)
        if name not in rank:
            raise BadDocument(at, "The matrix has no such dimension. Leave it out, or list it in dimensions.")
        if (wanted := text(inner, at)) != ANY:
            named[name] = wanted
    return tuple((name, named[name]) for name in sorted(named, key=rank.__getitem__))
