"""A published list is read to its last digit, and what is no price is named with its reason."""

import gzip
import json
from decimal import Decimal

import pytest

from apps.plans import price_list_file
from apps.plans.errors import UnreadablePriceList
from apps.plans.price_list_file import LeftOut, read
from tests.plans.price_files import REAL_DAYS, listed, real_file

FINE = '{"m": {"input_cost_per_token": 0.000007500003000000001, "output_cost_per_token": 3e-06}}'


def fields(**values: object) -> bytes:
    """A list of one model that has a price of input, and these fields."""
    return listed(m={"input_cost_per_token": 1, **values})


def reason(content: bytes) -> list[tuple[str, str]]:
    return [(one.field, one.reason) for one in read(content).left_out]


def test_prices_keep_their_last_digit() -> None:
    assert read(FINE.encode()).prices == {
        ("m", "input"): Decimal("0.000007500003000000001"),
        ("m", "output"): Decimal("0.000003"),
    }


def test_a_gzipped_file_is_the_same_list() -> None:
    plain = listed(m=(1, 2))

    assert read(gzip.compress(plain)) == read(plain)


@pytest.mark.parametrize(
    ("field", "kind"),
    [
        ("cache_read_input_token_cost", "cached_input"),
        ("input_cost_per_token_cache_hit", "cached_input"),
        ("cache_creation_input_token_cost", "cache_write"),
        ("cache_creation_input_token_cost_above_1hr", "cache_write_1h"),
        ("cache_creation_input_token_cost_above_1hr_above_200k_tokens", "cache_write_1h_above_200k"),
        ("output_cost_per_token_batches", "output_batch"),
        ("input_cost_per_token_above_272k_tokens_priority", "input_above_272k_priority"),
        ("output_cost_per_reasoning_token", "reasoning"),
        ("input_cost_per_audio_token", "audio_input"),
    ],
)
def test_each_price_per_token_has_its_kind(field: str, kind: str) -> None:
    assert read(fields(**{field: 2})).prices["m", kind] == 2


def test_two_words_for_cached_input_agree_or_the_newer_decides() -> None:
    newer = {"cache_read_input_token_cost": 2}

    assert reason(fields(**newer, input_cost_per_token_cache_hit=2)) == []
    found = read(fields(**newer, input_cost_per_token_cache_hit=3))
    assert found.prices["m", "cached_input"] == 2
    assert "differs from" in found.left_out[0].reason


@pytest.mark.parametrize(
    ("field", "value", "why"),
    [
        ("output_cost_per_token", None, "is empty"),
        ("output_cost_per_token", "cheap", "is no number"),
        ("output_cost_per_token", True, "is no number"),
        ("output_cost_per_token", [1], "is no number"),
        ("output_cost_per_token", -1, "is negative"),
        ("output_cost_per_token", float("nan"), "is no number"),
        ("output_cost_per_token", float("inf"), "is no number"),
        ("output_cost_per_token", 10**12, "is too high to be a price"),
        ("output_cost_per_token", 1e-33, "has more than 32 decimals"),
        ("output_cost_per_image", 1, "is priced per image, not per token"),
        ("input_cost_per_second", 1, "is priced per second, not per token"),
        (
            "input_cost_per_video_per_second_above_8s_interval",
            1,
            "is priced per video per second, not per token",
        ),
        ("search_context_cost_per_query", {}, "is a table, not one price per token"),
        ("tiered_pricing", [], "is a table, not one price per token"),
        ("input_dbu_cost_per_token", 1, "is in the provider's own units, not in money"),
        ("regional_processing_uplift_multiplier_eu", 1, "changes other prices by a factor"),
        ("pricing_note", "ask", "is no price per token"),
    ],
)
def test_what_is_no_price_per_token_is_left_out_with_the_reason(field: str, value: object, why: str) -> None:
    assert reason(fields(**{field: value})) == [(field, why)]


def test_a_number_in_quotes_is_a_number_and_a_free_one_costs_nothing() -> None:
    found = read(listed(m=("1.5e-7", 0)))

    assert found.prices == {("m", "input"): Decimal("0.00000015"), ("m", "output"): 0}


def test_an_exponent_beyond_all_measure_is_left_out_and_not_computed() -> None:
    huge = '{"m": {"input_cost_per_token": 1, "output_cost_per_token": 1e999999999}}'
    tiny = huge.replace("1e9", "1e-9")

    assert reason(huge.encode()) == [("output_cost_per_token", "is too high to be a price")]
    assert reason(tiny.encode()) == [("output_cost_per_token", "has more than 32 decimals")]


def test_what_is_no_model_is_named() -> None:
    found = read(
        json.dumps(
            {
                "sample_spec": {"input_cost_per_token": 9},
                "last_updated": "2026-07-24",
                "m": {"input_cost_per_token": 1},
                "": {"input_cost_per_token": 1},
                "nul\0": {"input_cost_per_token": 1},
                "half \ud800": {"input_cost_per_token": 1},
                "x" * 201: {"input_cost_per_token": 1},
                "text": "text",
                "silent": {"mode": "chat"},
            }
        ).encode()
    )

    assert dict(found.prices) == {("m", "input"): 1}
    assert found.models == 7
    assert [(one.model[:5], one.reason) for one in found.left_out] == [
        ("sampl", "describes the list and is no model"),
        ("last_", "describes the list and is no model"),
        ("", "has a name that is empty or longer than 200 characters"),
        ("nul\N{REPLACEMENT CHARACTER}", "has a name with characters that nobody can see"),
        ("half ", "has a name with characters that nobody can see"),
        ("xxxxx", "has a name that is empty or longer than 200 characters"),
        ("text", "is no object of fields"),
        ("silen", "has no price"),
    ]
    for one in found.left_out:
        assert json.dumps(one.model).isprintable()
        one.model.encode()
    assert isinstance(found.left_out[0], LeftOut)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "no JSON"),
        (b"{", "no JSON"),
        (b"[]", "no object of models"),
        (b"{}", "no price per token"),
        (b"\xff\xfe", "not text in UTF-8"),
        (b"\x1f\x8bnonsense", "gzipped, and broken"),
        (gzip.compress(b"{}")[:-4], "gzipped, and broken"),
        (b'{"m": ' + b"[" * 100_000, "too deep"),
        (b'{"m": {"input_cost_per_token": 1' + b"0" * 5000 + b"}}", "no price per token"),
        (b'{"m": {"input_cost_per_token": 1}, "m": {"input_cost_per_token": 2}}', "names 'm' twice"),
        (b'{"m": {"input_cost_per_token": 1, "input_cost_per_token": 2}}', "'input_cost_per_token' twice"),
    ],
    # The bytes of a gzipped file hold the time, and would name the test differently in each worker.
    ids=[
        *("empty", "broken", "an array", "no model", "no text", "no gzip", "cut off"),
        *("deep", "too many digits", "a model twice", "a field twice"),
    ],
)
def test_a_file_that_is_no_list_is_refused(content: bytes, why: str) -> None:
    with pytest.raises(UnreadablePriceList, match=why):
        read(content)


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzipped"])
def test_a_file_that_is_too_large_is_refused_before_it_is_read(
    pack: type[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(price_list_file, "MOST_BYTES", 1000)

    with pytest.raises(UnreadablePriceList, match="more than"):
        read(pack(b" " * 1001))


def test_too_many_models_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(price_list_file, "MOST_MODELS", 1)

    with pytest.raises(UnreadablePriceList, match="more than 1 models"):
        read(listed(a=(1, 1), b=(1, 1)))


def test_the_published_lists_are_read_to_the_last_model() -> None:
    """Models named, models with a price per token, prices: counted in the files by other means."""
    found = [read(real_file(f"prices/litellm_model_prices_{day}.json.gz")) for day in REAL_DAYS]

    assert [(one.models, len({model for model, _ in one.prices}), len(one.prices)) for one in found] == [
        (776, 701, 1566),
        (1061, 921, 2270),
        (1099, 923, 2278),
        (2983, 2521, 7473),
    ]
    assert found[-1].sha256 == "d367a97d5e53cdea0ea68853afba06c8429afa51cfc3fe834a9a1d8eb8e8d68f"
