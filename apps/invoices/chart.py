"""The chart of daily usage that an invoice prints: zero-based bars as SVG, made of numbers alone."""

from collections.abc import Sequence
from decimal import Decimal

_WIDTH, _HEIGHT = 200, 44
_GAP = Decimal("0.25")
_LEAST = Decimal("0.6")


def bars(quantities: Sequence[Decimal], *, color: str) -> bytes:
    """Draw one bar a day, the tallest for the busiest day; a day without usage leaves its place empty."""
    step = Decimal(_WIDTH) / max(len(quantities), 1)
    width = _short(step * (1 - _GAP))
    drawn = "".join(
        f"M{_short(step * place)} {_HEIGHT}v-{height}h{width}v{height}z"
        for place, height in enumerate(_heights(quantities))
        if height
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT + 1}" preserveAspectRatio="none">'
        f'<path fill="{color}" d="{drawn}"/>'
        f'<rect x="0" y="{_HEIGHT}" width="{_WIDTH}" height="0.6" fill="#6b7280"/></svg>'
    ).encode()


def _heights(quantities: Sequence[Decimal]) -> list[str]:
    """Return heights in proportion, none for nothing; what is above zero is seen, however small."""
    most = max(quantities, default=Decimal(0))
    return [_short(max(_LEAST, quantity * _HEIGHT / most)) if quantity > 0 else "" for quantity in quantities]


def _short(number: Decimal) -> str:
    return f"{number:.2f}"
