"""Reading a published list of model prices: what each token costs, and by name what no price was read from.

The format is that of LiteLLM's `model_prices_and_context_window.json`: an object of models, each an object of fields of
which some are prices. Numbers are read as decimals, to their last digit.
"""

import gzip
import io
import json
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from hashlib import sha256
from typing import NoReturn

from apps.plans.errors import UnreadablePriceList
from apps.plans.models.price_lists import LISTED

MOST_BYTES = 32 * 1024 * 1024
MOST_MODELS = 50_000
_LONGEST_NAME = 200
_MOST_DECIMALS = LISTED["decimal_places"]
_TOO_HIGH = Decimal(10) ** (LISTED["max_digits"] - LISTED["decimal_places"])
# An example of the format's fields, and when the copy was made: neither is a model.
_NO_MODELS = {"sample_spec", "last_updated"}

_KINDS = {
    "input_cost_per_token": "input",
    "output_cost_per_token": "output",
    "cache_read_input_token_cost": "cached_input",
    "cache_creation_input_token_cost": "cache_write",
    "output_cost_per_reasoning_token": "reasoning",
    "input_cost_per_audio_token": "audio_input",
    "output_cost_per_audio_token": "audio_output",
    "cache_read_input_audio_token_cost": "cached_audio_input",
    "cache_creation_input_audio_token_cost": "audio_cache_write",
    "input_cost_per_image_token": "image_input",
    "output_cost_per_image_token": "image_output",
    "output_cost_per_video_token": "video_output",
    "citation_cost_per_token": "citation",
}
_CACHE_HIT = "input_cost_per_token_cache_hit"
_SUFFIXES = {"batches": "batch", "batch_requests": "batch", "priority": "priority", "flex": "flex"}
_FIELD = re.compile(
    rf"(?P<base>{'|'.join(_KINDS)})"
    r"(?P<hour>_above_1hr)?(?:_above_(?P<above>\d+k)_tokens)?(?:_(?P<suffix>batches|batch_requests|priority|flex))?"
)
_LOOKS_LIKE_A_PRICE = re.compile(r"cost|pric|multiplier|provider_specific_entry")
_PER = re.compile(r"(?:^|_)cost_per_(\w+?)(?:_above_\w+)?$")
_NUMBER = re.compile(r"-?\d{1,40}(\.\d{1,60})?([eE][+-]?\d{1,3})?")


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A model, or a field of it, from which no price was read, and why."""

    model: str
    field: str
    reason: str


@dataclass(frozen=True, slots=True)
class ReadList:
    """What a file says: how many models it names, the amount per token by model and kind, and what was left out."""

    sha256: str
    models: int
    prices: Mapping[tuple[str, str], Decimal]
    left_out: tuple[LeftOut, ...]


def read(content: bytes) -> ReadList:
    """Read a file, plain or gzipped; refuse one that is no such list, is too large, or names a model twice."""
    plain = _unpacked(content)
    listed = _parsed(plain)
    prices: dict[tuple[str, str], Decimal] = {}
    left_out: list[LeftOut] = []
    for model, fields in listed.items():
        if model in _NO_MODELS:
            left_out += [LeftOut(model, "", "describes the list and is no model")]
        elif not isinstance(fields, dict) or not _is_name(model):
            left_out.append(LeftOut(_shown(model), "", _bad_model(model)))
        else:
            found = list(_prices_of(fields))
            if not found:
                left_out.append(LeftOut(model, "", "has no price"))
            for field, kind, amount, why in found:
                if amount is None:
                    left_out.append(LeftOut(model, _shown(field), why))
                else:
                    prices[model, kind] = amount
    if not prices:
        raise UnreadablePriceList("no price per token is in it. Choose a list in LiteLLM's format.")
    named = len(listed.keys() - _NO_MODELS)
    return ReadList(sha256(plain).hexdigest(), named, prices, tuple(left_out))


def packed(content: bytes) -> bytes:
    """Return a file gzipped, and the same bytes for the same file."""
    return gzip.compress(_unpacked(content), mtime=0)


def _unpacked(content: bytes) -> bytes:
    if content[:2] != b"\x1f\x8b":
        plain = content[: MOST_BYTES + 1]
    else:
        try:
            with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
                plain = file.read(MOST_BYTES + 1)
        except (OSError, EOFError, zlib.error) as broken:
            raise UnreadablePriceList("it is gzipped, and broken. Download it again.") from broken
    if len(plain) > MOST_BYTES:
        raise UnreadablePriceList(
            f"it holds more than {MOST_BYTES // 1024**2} MB. Take out what is not needed."
        )
    return plain


def _parsed(plain: bytes) -> dict[str, object]:
    try:
        listed = json.loads(
            plain.decode("utf-8-sig"),
            parse_float=Decimal,
            parse_int=Decimal,
            parse_constant=str,
            object_pairs_hook=_once,
        )
    except UnicodeDecodeError as broken:
        raise UnreadablePriceList("it is not text in UTF-8. Choose the JSON file.") from broken
    except RecursionError as deep:
        raise UnreadablePriceList("its values lie too deep in one another.") from deep
    except (ValueError, InvalidOperation) as broken:
        raise UnreadablePriceList(f"it is no JSON: {broken}.") from broken
    if not isinstance(listed, dict):
        raise UnreadablePriceList("it is no object of models.")
    if len(listed) > MOST_MODELS:
        raise UnreadablePriceList(f"it names more than {MOST_MODELS:,} models.")
    return listed


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        _refuse_twice(pairs)
    return found


def _refuse_twice(pairs: list[tuple[str, object]]) -> NoReturn:
    seen: set[str] = set()
    twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
    raise UnreadablePriceList(f"it names {_shown(twice)!r} twice. Keep the one that is right.")


def _is_name(model: str) -> bool:
    return 0 < len(model) <= _LONGEST_NAME and bool(model.strip()) and model.isprintable()


def _bad_model(model: str) -> str:
    if _is_name(model):
        return "is no object of fields"
    if len(model) > _LONGEST_NAME or not model.strip():
        return f"has a name that is empty or longer than {_LONGEST_NAME} characters"
    return "has a name with characters that nobody can see"


def _prices_of(fields: Mapping[str, object]) -> Iterator[tuple[str, str, Decimal | None, str]]:
    """Yield each price of a model: field, kind and amount, or why there is none."""
    for field, value in fields.items():
        if field == _CACHE_HIT:
            yield from _cache_hit(fields, value)
        elif match := _FIELD.fullmatch(field):
            amount, why = _amount(value)
            yield field, _kind(match), amount, why
        elif _LOOKS_LIKE_A_PRICE.search(field):
            yield field, "", None, _other_price(field, value)


def _cache_hit(fields: Mapping[str, object], value: object) -> Iterator[tuple[str, str, Decimal | None, str]]:
    """An older word for the price of cached input: where both are given, the newer decides."""
    amount, why = _amount(value)
    newer = fields.get("cache_read_input_token_cost")
    if newer is None or amount is None:
        yield _CACHE_HIT, _KINDS["cache_read_input_token_cost"], amount, why
    elif _amount(newer)[0] != amount:
        yield _CACHE_HIT, "", None, "differs from cache_read_input_token_cost, which is taken"


def _kind(match: re.Match[str]) -> str:
    hour = "_1h" if match["hour"] else ""
    above = f"_above_{match['above']}" if match["above"] else ""
    suffix = f"_{_SUFFIXES[match['suffix']]}" if match["suffix"] else ""
    return f"{_KINDS[match['base']]}{hour}{above}{suffix}"


def _amount(value: object) -> tuple[Decimal | None, str]:
    """Return a price per token, or why it is none."""
    if value is None:
        return None, "is empty"
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        value = Decimal(value.strip())
    if not isinstance(value, Decimal) or not value.is_finite():
        return None, "is no number"
    if value < 0:
        return None, "is negative"
    exponent = value.as_tuple().exponent
    if value and value.adjusted() >= _TOO_HIGH.adjusted():
        return None, "is too high to be a price"
    if (
        isinstance(exponent, int)
        and value
        and -exponent > _MOST_DECIMALS
        and _decimals(value) > _MOST_DECIMALS
    ):
        return None, f"has more than {_MOST_DECIMALS} decimals"
    return abs(value), ""


def _decimals(value: Decimal) -> int:
    digits = value.as_tuple()
    assert isinstance(digits.exponent, int), "finite numbers have one"
    zeros = len(digits.digits) - len("".join(map(str, digits.digits)).rstrip("0"))
    return -digits.exponent - zeros


def _other_price(field: str, value: object) -> str:
    if "dbu" in field or "_db_" in field:
        return "is in the provider's own units, not in money"
    if isinstance(value, dict | list):
        return "is a table, not one price per token"
    if per := _PER.search(field):
        return f"is priced per {per[1].replace('_', ' ')}, not per token"
    if "multiplier" in field:
        return "changes other prices by a factor"
    return "is no price per token"


def _shown(name: str) -> str:
    """Return a name that can be stored and read."""
    return "".join(
        char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in name[:_LONGEST_NAME]
    )
