"""How many digits the database keeps of amounts and quantities."""

from typing import Final, TypedDict


class Digits(TypedDict):
    """The shape of a decimal column."""

    max_digits: int
    decimal_places: int


# Unit prices and credits: a token may cost 0.000000075.
AMOUNT: Final[Digits] = {"max_digits": 36, "decimal_places": 18}
# Metered quantities.
QUANTITY: Final[Digits] = {"max_digits": 40, "decimal_places": 18}
# Money rounded to the minor unit; no currency has more than four decimals.
MONEY: Final[Digits] = {"max_digits": 24, "decimal_places": 4}
