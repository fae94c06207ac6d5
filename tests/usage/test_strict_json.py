import json
from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.usage import strict_json
from apps.usage.strict_json import BadJson, OutsizedNumber

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**17), 10**17)
    | st.text(st.characters(codec="utf-8", exclude_characters="\0")),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(codec="utf-8", exclude_characters="\0")), inner, max_size=4)
    ),
    max_leaves=20,
)


@pytest.mark.parametrize(
    ("body", "code", "line", "column", "byte"),
    [
        (b'{"a":1,"a":2}', "duplicate-name", 1, 8, 7),
        (b'[[1,\n {"a":{"x":1,"y":2,"x":3}}]]', "duplicate-name", 2, 20, 24),
        (b'{"a":1,"\\u0061":2}', "duplicate-name", 1, 8, 7),
        (b'["\xe2\x82\xac", {"a":1,"a":2}]', "duplicate-name", 1, 14, 15),
        (b"\xef\xbb\xbf{}", "byte-order-mark", None, None, 0),
        (b'"\xff"', "not-utf-8", None, None, 1),
        ('{"a":1}'.encode("utf-16-be"), "malformed-json", 1, 1, 0),
        (b'"\xed\xa0\x80"', "not-utf-8", None, None, 1),
        (b'{"a":"\\u0000"}', "nul-character", 1, 7, 6),
        (b'"\\ud800"', "lone-surrogate", 1, 2, 1),
        (b'"\\udc00"', "lone-surrogate", 1, 2, 1),
        (b'"\\ud800 x\\n"', "lone-surrogate", 1, 2, 1),
        (b'"\\uD800\\uD800"', "lone-surrogate", 1, 2, 1),
        (b'"\\ud83d x \\ude00"', "lone-surrogate", 1, 2, 1),
        (b"[" * 33 + b"]" * 33, "too-deep", 1, 33, 32),
        (b"[" * 100_000, "too-deep", 1, 33, 32),
        (b'{"a":' * 5_000 + b"1" + b"}" * 5_000, "too-deep", 1, 161, 160),
        (b'{"a":\n tru}', "malformed-json", 2, 2, 7),
        (b"", "malformed-json", 1, 1, 0),
        (b'"a\x00"', "malformed-json", 1, 3, 2),
        (b"1 2", "malformed-json", 1, 3, 2),
        (b"{'a': 1}", "malformed-json", 1, 2, 1),
        (b"[01]", "malformed-json", 1, 3, 2),
    ],
    ids=lambda value: str(value)[:40].replace("\0", "NUL"),
)
def test_a_text_that_cannot_be_relied_on_is_refused_with_its_place(
    body: bytes, code: str, line: int | None, column: int | None, byte: int
) -> None:
    with pytest.raises(BadJson) as refused:
        strict_json.load(body)

    found = refused.value
    assert (found.code, found.line, found.column, found.byte) == (code, line, column, byte)
    assert str(found).endswith(".")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12", 12),
        ("-0", 0),
        ("123456789012345678", 123456789012345678),
        ("12345678901234567890123", Decimal(12345678901234567890123)),
        ("0.1", Decimal("0.1")),
        ("1e1000000", Decimal("1e1000000")),
        ("1e99999999999999999999", OutsizedNumber("1e99999999999999999999")),
        ("NaN", OutsizedNumber("NaN")),
        ("-Infinity", OutsizedNumber("-Infinity")),
        ("9" * 10_000, OutsizedNumber("9" * 10_000)),
        ("0." + "9" * 10_000, OutsizedNumber("0." + "9" * 10_000)),
        ('"\\ud83d\\ude00"', "😀"),
        ('"\\\\ud800 \\\\u0000"', "\\ud800 \\u0000"),
        ("[" * 32 + "]" * 32, json.loads("[" * 32 + "]" * 32)),
    ],
)
def test_numbers_come_exact_and_outsized_ones_as_their_text(text: str, value: object) -> None:
    read = strict_json.load(text.encode())

    assert (type(read), read) == (type(value), value)


def test_a_repeated_name_among_a_million_is_found_at_once() -> None:
    names = ",".join(f'"{number}":0' for number in range(200_000))

    with pytest.raises(BadJson, match="'0' twice") as refused:
        strict_json.load(f'{{{names},"0":0}}'.encode())

    assert refused.value.line is None


@given(PLAIN)
def test_whatever_another_writer_writes_is_read_as_it_was(value: object) -> None:
    assert strict_json.load(json.dumps(value).encode()) == value
    assert strict_json.load(json.dumps(value, ensure_ascii=False, indent=1).encode()) == value


@given(st.binary() | st.text().map(str.encode))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    with suppress(BadJson):
        strict_json.load(body)
