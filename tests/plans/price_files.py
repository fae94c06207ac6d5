"""Price lists for tests: small ones made here, and the published ones where they are at hand."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from apps.plans import from_price_list, import_prices
from apps.plans.import_prices import Imported
from apps.plans.markup import Choice, Taken
from apps.plans.models import Charge, PriceList
from tests.builders import ACTOR, AT

# Handed to developers beside the checkout; see its README for where each file comes from, and its license.
SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
REAL_DAYS = ("2025-02-06", "2025-06-10", "2025-06-11", "2026-07-24")


def listed(**models: object) -> bytes:
    """A file in LiteLLM's format; a pair of texts is a price of input and output, which JSON writes as they are."""
    fields = {
        name.replace("_", "-"): {"input_cost_per_token": price[0], "output_cost_per_token": price[1]}
        if isinstance(price, tuple)
        else price
        for name, price in models.items()
    }
    return json.dumps(fields).encode()


def make_price_list(key: str = "public", **fields: str) -> PriceList:
    return import_prices.put_list(key=key, **{"name": "Public prices", **fields}, at=AT, actor=ACTOR)


def take_in(content: bytes, day: str, *, key: str = "public") -> Imported:
    return import_prices.import_list(
        key=key, content=content, day=date.fromisoformat(day), at=AT, actor=ACTOR
    )


def real_file(name: str) -> bytes:
    path = SHARED / name
    if not path.is_file():
        pytest.skip(f"{path.name} is not at hand")
    return path.read_bytes()


def take_real_lists(*days: str) -> PriceList:
    price_list = make_price_list()
    for day in days or REAL_DAYS:
        take_in(real_file(f"prices/litellm_model_prices_{day}.json.gz"), day)
    return price_list


def taken(charge: Charge, choice: Choice, *, key: str = "public") -> Taken:
    """Look, then take what was seen."""
    named: dict[str, Any] = {
        "charge_id": charge.pk,
        "price_list_id": PriceList.objects.get(key=key).pk,
        "choice": choice,
    }
    seen = from_price_list.preview(**named)
    return from_price_list.take(**named, stamp=seen.stamp, at=AT, actor=ACTOR)
