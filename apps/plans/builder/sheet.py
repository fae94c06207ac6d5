"""What stands in the builder's form as it was typed: nothing of it is lost while rows come and go."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.http import QueryDict

from apps.core.formats import plain
from apps.plans.described import NewCharge, NewPrice, NewTier
from apps.plans.models import Charge, Price

# More prices than these are written as text, a line each, where all are per unit.
MOST_ROWS = 60
TIERED = {Price.Model.GRADUATED, Price.Model.VOLUME, Price.Model.STAIRSTEP, Price.Model.GRADUATED_PERCENTAGE}
ANY_IN_WORDS = "any"
_OF_PRICE = re.compile(r"\Ap(\d{1,5})-(.+)\Z", re.DOTALL)
_OF_TIER = re.compile(r"\At(\d{1,5})-(.+)\Z", re.DOTALL)
_PLACE = re.compile(r"\A\d{1,5}\Z")
_FOR = "for-"
_FROM_END = 2
_NO_FIELDS = {"dimensions", "csrfmiddlewaretoken", "do", "charge_id"}


@dataclass(slots=True)
class PriceSheet:
    """One price: its fields, the cell that it is for by dimension, and its tiers."""

    values: dict[str, str] = field(default_factory=dict)
    cell: dict[str, str] = field(default_factory=dict)
    tiers: list[dict[str, str]] = field(default_factory=list)

    @property
    def model(self) -> str:
        """Return the price model that is chosen."""
        chosen = self.values.get("model", "")
        return chosen if chosen in Price.Model.values else Price.Model.PER_UNIT

    def named(self, prefix: str) -> Iterator[tuple[str, str]]:
        """Yield the names of its inputs with what stands in them."""
        for name, value in self.values.items():
            yield f"{prefix}-{name}", value
        for name, value in self.cell.items():
            yield f"{prefix}-{_FOR}{name}", value
        for place, tier in enumerate(self.tiers):
            for name, value in tier.items():
                yield f"{prefix}-t{place}-{name}", value


@dataclass(slots=True)
class ChargeSheet:
    """A charge: its own fields, what it prices by, its prices, and what credits beyond the grants cost."""

    values: dict[str, str] = field(default_factory=dict)
    dimensions: list[str] = field(default_factory=list)
    prices: list[PriceSheet] = field(default_factory=list)
    overage: PriceSheet = field(default_factory=PriceSheet)

    @property
    def kind(self) -> str:
        """Return the kind that is chosen."""
        chosen = self.values.get("kind", "")
        return chosen if chosen in Charge.Kind.values else Charge.Kind.USAGE

    @property
    def is_text(self) -> bool:
        """Tell whether its prices are written as text."""
        return bool(self.values.get("as_text")) and bool(self.dimensions)

    def data(self) -> dict[str, Any]:
        """Return the names of all inputs with what stands in them, as forms are bound to."""
        found: dict[str, Any] = {**self.values, "dimensions": self.dimensions}
        for place, price in enumerate(self.prices):
            found.update(price.named(f"p{place}"))
        found.update(self.overage.named("overage"))
        return found

    def complete(self) -> None:
        """Give it the rows that its form needs: a price, and two tiers where there are none."""
        if not self.prices:
            self.prices.append(PriceSheet({"model": Price.Model.PER_UNIT}))
        self.overage.values.setdefault("model", Price.Model.PER_UNIT)
        for price in (*self.prices, self.overage):
            if price.model in TIERED and not price.tiers:
                price.tiers = [{}, {}]

    def do(self, what: str) -> None:
        """Add or take away a row: 'add-price', 'remove-price-2', 'add-tier-p0', 'remove-tier-p0-1', 'as-text', 'as-rows'."""
        match what.split("-"):
            case ["add", "price"]:
                model = self.prices[-1].model if self.prices else Price.Model.PER_UNIT
                self.prices.append(PriceSheet({"model": model}))
            case ["remove", "price", place] if _is_place(place, self.prices):
                del self.prices[int(place)]
            case ["add", "tier", prefix] if price := self._price(prefix):
                price.tiers.insert(_before_the_end(price.tiers), {})
            case ["remove", "tier", prefix, place] if (price := self._price(prefix)) and _is_place(
                place, price.tiers
            ):
                del price.tiers[int(place)]
            case ["as", "text"]:
                self.values |= {"as_text": "yes", "cells": written_cells(self)}
            case ["as", "rows"]:
                self.prices = read_cells(self.values.get("cells", ""), self.dimensions)
                self.values.pop("as_text", None)

    def _price(self, prefix: str) -> PriceSheet | None:
        if prefix == "overage":
            return self.overage
        place = prefix.removeprefix("p")
        return self.prices[int(place)] if _is_place(place, self.prices) else None


def from_request(posted: QueryDict) -> ChargeSheet:
    """Read what was typed."""
    sheet = ChargeSheet(dimensions=posted.getlist("dimensions"))
    prices: dict[int, PriceSheet] = {}
    for name in posted:
        # No text that the database takes has this character; a browser never sends it.
        value = posted.get(name, "").replace("\0", "")
        if of_price := _OF_PRICE.match(name):
            _put(prices.setdefault(int(of_price[1]), PriceSheet()), of_price[2], value)
        elif name.startswith("overage-"):
            _put(sheet.overage, name.removeprefix("overage-"), value)
        elif name not in _NO_FIELDS and not name.startswith("use-"):
            sheet.values[name] = value
    sheet.prices = [prices[place] for place in sorted(prices)]
    return sheet


def of_charge(new: NewCharge) -> ChargeSheet:
    """Return a stored charge as it stands in the form."""
    values = {
        "key": new.key,
        "name": new.name,
        "product": new.product,
        "kind": new.kind,
        "meter": new.meter or "",
        "credit_unit": new.credit_unit or "",
        "allowance": new.allowance or "",
        "amount_property": new.amount_property,
        "in_advance": "on" if new.in_advance else "",
        "has_overage": "on" if new.overage else "",
        "dated": "on" if any(price.starts_on for price in new.prices) else "",
        "included": _typed(new.included or None),
    }
    for name in ("carry_over_limit", "minimum", "maximum", "fee_amount", "fee_quantity"):
        values[name] = _typed(getattr(new, name))
    sheet = ChargeSheet(
        values=values,
        dimensions=list(new.dimensions),
        prices=[_price_sheet(price) for price in new.prices],
        overage=_price_sheet(new.overage) if new.overage else PriceSheet(),
    )
    if len(sheet.prices) > MOST_ROWS and sheet.dimensions and can_be_text(sheet):
        sheet.do("as-text")
    return sheet


def can_be_text(sheet: ChargeSheet) -> bool:
    """Tell whether the prices can be written as text: all per unit, and no cell with a tab in it."""
    return all(
        price.model == Price.Model.PER_UNIT and not any("\t" in value for value in price.cell.values())
        for price in sheet.prices
    )


def written_cells(sheet: ChargeSheet) -> str:
    """Write prices per unit a line each: the values of the dimensions, the price, and its first day if it has one."""
    return "\n".join(
        "\t".join(
            [
                *(price.cell.get(name, "") or ANY_IN_WORDS for name in sheet.dimensions),
                price.values.get("unit_amount", ""),
                *([price.values["starts_on"]] if price.values.get("starts_on") else []),
            ]
        )
        for price in sheet.prices
    )


def read_cells(text: str, dimensions: Sequence[str]) -> list[PriceSheet]:
    """Read prices per unit, a line each, with tabs (as spreadsheets paste them) or else commas between the values."""
    return [_read_cell(line, dimensions) for line in text.splitlines() if line.strip()]


def _read_cell(line: str, dimensions: Sequence[str]) -> PriceSheet:
    parts = [part.strip() for part in line.split("\t" if "\t" in line else ",")]
    parts += [""] * (len(dimensions) + _FROM_END - len(parts))
    values, (amount, *rest) = parts[: len(dimensions)], parts[len(dimensions) :]
    return PriceSheet(
        values={
            "model": Price.Model.PER_UNIT,
            "unit_amount": amount,
            "starts_on": ",".join(part for part in rest if part),
        },
        cell={
            name: "" if value.lower() in {ANY_IN_WORDS, "*"} else value
            for name, value in zip(dimensions, values, strict=True)
        },
    )


def _price_sheet(price: NewPrice) -> PriceSheet:
    values = {
        "model": price.model,
        "rate": _percent(price.rate),
        "free_events": str(price.free_events) if price.free_events else "",
        "starts_on": price.starts_on.isoformat() if price.starts_on else "",
        "free_units": _typed(price.free_units or None),
        "fixed_amount": _typed(price.fixed_amount or None),
        "free_amount": _typed(price.free_amount or None),
    }
    for name in ("unit_amount", "package_size", "package_amount", "event_minimum", "event_maximum"):
        values[name] = _typed(getattr(price, name))
    return PriceSheet(
        values=values, cell=dict(price.match), tiers=[_tier_sheet(tier) for tier in price.tiers]
    )


def _tier_sheet(tier: NewTier) -> dict[str, str]:
    return {
        "up_to": _typed(tier.up_to),
        "unit_amount": _typed(tier.unit_amount),
        "rate": _percent(tier.rate),
        "flat_amount": _typed(tier.flat_amount or None),
        "package_size": _typed(tier.package_size),
    }


def _put(price: PriceSheet, name: str, value: str) -> None:
    if of_tier := _OF_TIER.match(name):
        place = int(of_tier[1])
        while len(price.tiers) <= min(place, MOST_ROWS):
            price.tiers.append({})
        price.tiers[min(place, MOST_ROWS)][of_tier[2]] = value
    elif name.startswith(_FOR):
        price.cell[name.removeprefix(_FOR)] = value
    else:
        price.values[name] = value


def _before_the_end(tiers: Sequence[Mapping[str, str]]) -> int:
    """Return where a new tier goes: before the one without end."""
    return len(tiers) - 1 if tiers and not tiers[-1].get("up_to") else len(tiers)


def _is_place(place: str, among: Sequence[object]) -> bool:
    return bool(_PLACE.match(place)) and int(place) < len(among)


def _typed(amount: Decimal | None) -> str:
    return "" if amount is None else f"{plain(amount):f}"


def _percent(rate: Decimal | None) -> str:
    return "" if rate is None else _typed(rate * 100)
