"""The small chart of daily usage that an invoice prints: zero-based bars as SVG, made of numbers alone."""

from collections.abc import Sequence
from decimal import Decimal

_WIDTH, _HEIGHT = 200, 44
_GAP = Decimal("0.25")


def bars(quantities: Sequence[Decimal], *, color: str) -> bytes:
    """Draw one bar a day, the tallest for the busiest day; a day without usage leaves its place empty."""
    most = max(quantities, default=Decimal(0))
    step = Decimal(_WIDTH) / max(len(quantities), 1)
    drawn = [
        f'<rect x="{_short(step * place)}" y="{_short(_HEIGHT - height)}" '
        f'width="{_short(step * (1 - _GAP))}" height="{_short(height)}"/>'
        for place, height in enumerate(_heights(quantities, most))
        if height
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT + 1}" preserveAspectRatio="none">'
        f'<g fill="{color}">{"".join(drawn)}</g>'
        f'<rect x="0" y="{_HEIGHT}" width="{_WIDTH}" height="0.6" fill="#6b7280"/></svg>'
    ).encode()


def _heights(quantities: Sequence[Decimal], most: Decimal) -> list[Decimal]:
    """Return heights in proportion; what is above zero is seen, however small."""
    if not most:
        return [Decimal(0)] * len(quantities)
    return [
        max(Decimal("0.6"), quantity * _HEIGHT / most) if quantity else Decimal(0) for quantity in quantities
    ]


def _short(number: Decimal) -> str:
    return f"{number:.2f}"
