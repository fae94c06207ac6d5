"""Reads a document's JSON without guessing: what stands for two things, or for no exact number, is kept as what it is.

Whoever reads a value then refuses it at its path: a repeated name, a fraction, an exponent, an integer too long to matter.
"""

import json
from dataclasses import dataclass

from apps.rating.document.errors import UnreadableDocument

# No number of the format has more digits, and a longer one would only cost time.
_LONGEST_INTEGER = 20
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class RepeatedName:
    """Stands for an object that has a name twice, so that which one counts is open."""

    name: str


@dataclass(frozen=True, slots=True)
class InexactNumber:
    """Stands for a JSON number that is no short integer, by its text."""

    text: str


def load(document: bytes | str) -> object:
    """Read the JSON of a document; raises UnreadableDocument for what is none."""
    text = document if isinstance(document, str) else _decoded(document)
    try:
        value: object = _DECODER.decode(text)
    except json.JSONDecodeError as mistake:
        raise UnreadableDocument(
            f"The document is not JSON: {mistake.msg} in line {mistake.lineno}, column {mistake.colno}. "
            "Mend it there, or write it with a JSON library."
        ) from None
    except RecursionError:
        raise UnreadableDocument(
            "The document nests deeper than any terms do. Send terms and usage alone."
        ) from None
    return value


def _decoded(document: bytes) -> str:
    if document.startswith(_BYTE_ORDER_MARK):
        raise UnreadableDocument("The document begins with a byte order mark. Leave it out.")
    try:
        return document.decode()
    except UnicodeDecodeError as mistake:
        raise UnreadableDocument(
            f"The document is not UTF-8 ({mistake.reason} at byte {mistake.start}). Encode it as UTF-8."
        ) from None


def _object(pairs: list[tuple[str, object]]) -> dict[str, object] | RepeatedName:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    seen: set[str] = set()
    return RepeatedName(next(name for name, _ in pairs if name in seen or seen.add(name)))  # type: ignore[func-returns-value]


def _integer(text: str) -> int | InexactNumber:
    return int(text) if len(text) <= _LONGEST_INTEGER else InexactNumber(text)


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=InexactNumber, parse_constant=InexactNumber
)
