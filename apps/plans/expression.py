"""Arithmetic over an event's properties, as a meter's value: read once, checked when saved, computed exactly. No Django."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal, DecimalException, localcontext
from functools import lru_cache

from apps.core.money import EXACT

LONGEST = 200
# A name that is no property: the event's own quantity.
QUANTITY = "quantity"
_DEEPEST = 20
_EIGHTEEN = Decimal(1).scaleb(-18)
# Wide enough that rounding it twice, to 120 digits and then to 18 decimals, changes nothing.
_ROUNDING = Context(prec=120)
_TOKEN = re.compile(r"\s*(?:(\d+(?:\.\d+)?)|([A-Za-z_][A-Za-z0-9_.]*)|([-+*/(),]))", re.ASCII)
_FUNCTIONS: Mapping[str, Callable[..., Decimal]] = {"min": min, "max": max}

Numbers = Mapping[str, Decimal]
_Node = Callable[[Numbers], Decimal]


class BadExpression(ValueError):
    """The text is no arithmetic; the message says where, and what is understood."""

    def __init__(self, text: str, position: int, what: str) -> None:
        super().__init__(
            f"{what} at character {position + 1} of {text[:60]!r}. Use property names, numbers, + - * / ( ), min and max."
        )


class NoValue(ArithmeticError):
    """There is no value: something is divided by zero, or takes more digits than are computed with."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A formula; `properties` are those that it names, in their order, without the event's own quantity."""

    text: str
    properties: tuple[str, ...]
    _node: _Node

    def value(self, numbers: Numbers) -> Decimal:
        """Compute exactly; a division is rounded once, half up, to 18 decimals.

        Raises NoValue on a division by zero, and where 120 digits do not hold the result or a part of it.
        """
        try:
            with localcontext(EXACT):
                return self._node(numbers)
        except DecimalException as too_long:
            raise NoValue from too_long


@lru_cache(maxsize=1024)
def parse(text: str) -> Expression:
    """Read a formula; raise BadExpression for what is none."""
    if len(text) > LONGEST:
        raise BadExpression(text, LONGEST, f"More than {LONGEST} characters")
    reader = _Reader(text)
    node = reader.sum(depth=0)
    if reader.token[0] != "end":
        raise BadExpression(text, reader.token[2], "Something is left over")
    return Expression(text, tuple(name for name in dict.fromkeys(reader.names) if name != QUANTITY), node)


class _Reader:
    """Reads token by token, each rule of the grammar a method."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.names: list[str] = []
        self._tokens = _tokens(text)
        self.token = next(self._tokens)

    def sum(self, *, depth: int) -> _Node:
        """Read terms that are added and subtracted."""
        node = self._product(depth)
        while self.token[1] in {"+", "-"} and self.token[0] == "sign":
            sign = self._take()
            node = _joined(sign, node, self._product(depth))
        return node

    def _product(self, depth: int) -> _Node:
        node = self._factor(depth)
        while self.token[1] in {"*", "/"} and self.token[0] == "sign":
            sign = self._take()
            node = _joined(sign, node, self._factor(depth))
        return node

    def _factor(self, depth: int) -> _Node:
        if depth > _DEEPEST:
            raise BadExpression(self.text, self.token[2], "Too deeply nested")
        kind, word, position = self.token
        if kind == "end":
            raise BadExpression(self.text, position, "Something is missing")
        self._take()
        if kind == "number":
            number = Decimal(word)
            return lambda _: number
        if kind == "name":
            return self._call(word, depth) if self._is("(") else self._property(word)
        if word == "-":
            inner = self._factor(depth + 1)
            return lambda numbers: -inner(numbers)
        if word != "(":
            raise BadExpression(self.text, position, f"{word!r} is out of place")
        node = self.sum(depth=depth + 1)
        self._expect(")")
        return node

    def _property(self, name: str) -> _Node:
        self.names.append(name)
        return lambda numbers: numbers[name]

    def _call(self, name: str, depth: int) -> _Node:
        function = _FUNCTIONS.get(name)
        if function is None:
            raise BadExpression(self.text, self.token[2], f"There is no function {name}")
        self._expect("(")
        arguments = [self.sum(depth=depth + 1)]
        while self._is(","):
            self._take()
            arguments.append(self.sum(depth=depth + 1))
        self._expect(")")
        return lambda numbers: function([argument(numbers) for argument in arguments])

    def _take(self) -> str:
        taken = self.token[1]
        self.token = next(self._tokens)
        return taken

    def _is(self, sign: str) -> bool:
        return self.token[:2] == ("sign", sign)

    def _expect(self, sign: str) -> None:
        if not self._is(sign):
            raise BadExpression(self.text, self.token[2], f"{sign!r} is missing")
        self._take()


def _tokens(text: str) -> Iterator[tuple[str, str, int]]:
    position = 0
    while text[position:].strip():
        found = _TOKEN.match(text, position)
        if found is None:
            raise BadExpression(text, position, f"{text[position:].strip()[0]!r} is not understood")
        for kind, group in (("number", 1), ("name", 2), ("sign", 3)):
            if found[group]:
                yield kind, found[group], found.start(group)
        position = found.end()
    yield "end", "", len(text)


def _joined(sign: str, left: _Node, right: _Node) -> _Node:
    match sign:
        case "+":
            return lambda numbers: left(numbers) + right(numbers)
        case "-":
            return lambda numbers: left(numbers) - right(numbers)
        case "*":
            return lambda numbers: left(numbers) * right(numbers)
        case _:
            return lambda numbers: _divided(left(numbers), right(numbers))


def _divided(one: Decimal, other: Decimal) -> Decimal:
    if not other:
        raise NoValue
    return _ROUNDING.divide(one, other).quantize(_EIGHTEEN, ROUND_HALF_UP, _ROUNDING)
