"""Reads JSON as a bookkeeper must: numbers exact, nothing guessed, and every refusal says where."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

DEEPEST = 32
# Beyond so many characters a number is kept as its text: it costs nothing, and no quantity is that long.
LONGEST_NUMBER = 64
# A 64-bit integer has at most so many characters that surely fit.
_PLAIN_INTEGER = 18
# Looking for the place of a mistake takes longer than reading; larger bodies get the reason without the place.
_SEARCHED_BYTES = 1024 * 1024

_CONTAINERS = frozenset({dict, list})
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]]|[:,]')
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|.)")


@dataclass(frozen=True, slots=True)
class OutsizedNumber:
    """A number that is no quantity: NaN, infinite, or too long to be worth computing with; kept as its text."""

    text: str

    def __str__(self) -> str:
        return self.text


class BadJson(ValueError):
    """The text is not JSON that can be relied on; the message says what is wrong, where, and what to do."""

    def __init__(
        self, code: str, message: str, *, text: str | None = None, position: int | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.line: int | None = None
        self.column: int | None = None
        self.byte: int | None = position
        if text is not None and position is not None:
            self.line = text.count("\n", 0, position) + 1
            self.column = position - text.rfind("\n", 0, position)
            self.byte = len(text[:position].encode(errors="surrogatepass"))

    def in_line(self, number: int) -> "BadJson":
        """Return the same mistake of a body that is read line by line, in the line with this number."""
        self.line, self.byte = number, None
        return self


class _RepeatedName(ValueError):
    """An object has the same name twice."""


def load(body: bytes) -> object:
    """Read a JSON text of UTF-8; integers of up to 18 digits come as int, other numbers as Decimal.

    Raises BadJson for what readers could understand in two ways or not at all: repeated names, text that is not UTF-8,
    a byte order mark, NUL, lone surrogates, more than 32 levels. A number too long, too large, infinite or NaN comes
    as OutsizedNumber, without having been computed.
    """
    text = _decoded(body)
    if "\\u0000" in text or "\\ud" in text or "\\uD" in text:
        _refuse_bad_escapes(text)
    try:
        value: object = _DECODER.decode(text)
    except _RepeatedName as repeated:
        raise _repeated(text, str(repeated)) from None
    except json.JSONDecodeError as mistake:
        message = f"The body is not JSON: {mistake.msg}. Mend it there, or write it with a JSON library."
        raise BadJson("malformed-json", message, text=text, position=mistake.pos) from None
    except RecursionError:
        raise _too_deep(text) from None
    if _is_deeper(value, DEEPEST):
        raise _too_deep(text)
    return value


def _decoded(body: bytes) -> str:
    if body.startswith(b"\xef\xbb\xbf"):
        raise BadJson("byte-order-mark", "The body begins with a byte order mark. Leave it out.", position=0)
    try:
        return body.decode()
    except UnicodeDecodeError as mistake:
        message = f"The body is not UTF-8 ({mistake.reason}). Encode it as UTF-8."
        raise BadJson("not-utf-8", message, position=mistake.start) from None


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise _RepeatedName(name)
            seen.add(name)
    return found


def _integer(text: str) -> int | Decimal | OutsizedNumber:
    return int(text) if len(text) <= _PLAIN_INTEGER else _decimal(text)


def _decimal(text: str) -> Decimal | OutsizedNumber:
    if len(text) > LONGEST_NUMBER:
        return OutsizedNumber(text)
    try:
        return Decimal(text)
    except InvalidOperation:
        return OutsizedNumber(text)


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_decimal, parse_constant=OutsizedNumber
)


def _is_deeper(value: object, levels: int) -> bool:
    layer = [value]
    for _ in range(levels):
        found: list[object] = []
        for outer in layer:
            inside = outer.values() if type(outer) is dict else outer if type(outer) is list else ()
            found += [inner for inner in inside if type(inner) in _CONTAINERS]
        if not found:
            return False
        layer = found
    return True


def _refuse_bad_escapes(text: str) -> None:
    """Refuse escapes that are no character: NUL, and halves of a surrogate pair without the other half."""
    high: re.Match[str] | None = None
    for escape in _ESCAPE.finditer(text):
        code = int(escape[1], 16) if escape[1] else -1
        if code == 0:
            raise BadJson(
                "nul-character",
                "A string holds NUL (\\u0000). Leave it out.",
                text=text,
                position=escape.start(),
            )
        is_low = 0xDC00 <= code <= 0xDFFF
        if high and not (is_low and high.end() == escape.start()):
            raise _lone_surrogate(text, high)
        if is_low and not high:
            raise _lone_surrogate(text, escape)
        high = escape if 0xD800 <= code <= 0xDBFF else None
    if high:
        raise _lone_surrogate(text, high)


def _lone_surrogate(text: str, escape: re.Match[str]) -> BadJson:
    message = "A string holds half a surrogate pair, which is no character. Send the whole pair, or UTF-8."
    return BadJson("lone-surrogate", message, text=text, position=escape.start())


def _repeated(text: str, name: str) -> BadJson:
    shown = name if len(name) <= 100 else f"{name[:100]}…"
    message = f"An object has the name {shown!r} twice, so which one counts is open. Send each name once."
    place = next((start for start, levels, twice in _places(text) if twice), None)
    return BadJson("duplicate-name", message, text=text, position=place)


def _too_deep(text: str) -> BadJson:
    message = f"The body nests deeper than {DEEPEST} levels. Send flatter objects."
    place = next((start for start, levels, twice in _places(text) if levels > DEEPEST), None)
    return BadJson("too-deep", message, text=text, position=place)


def _places(text: str) -> Iterator[tuple[int, int, bool]]:  # noqa: C901 one case per kind of token
    """Yield the start of every bracket and name, how deep it lies, and whether its object has the name already."""
    if len(text) > _SEARCHED_BYTES:
        return
    names: list[set[str] | None] = []
    name_next = False
    for token in _TOKEN.finditer(text):
        match token[0]:
            case "{" | "[":
                names.append(set() if token[0] == "{" else None)
                name_next = token[0] == "{"
                yield token.start(), len(names), False
            case "}" | "]":
                names.pop()
                name_next = False
            case ",":
                name_next = bool(names) and names[-1] is not None
            case ":":
                name_next = False
            case quoted if name_next:
                seen = names[-1] if names else None
                name = json.loads(quoted, strict=False)
                if seen is not None:
                    yield token.start(), len(names), name in seen
                    seen.add(name)
            case _:
                pass
