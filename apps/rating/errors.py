"""What the pricing engine refuses."""

from collections.abc import Mapping
from datetime import date

from apps.core.errors import Refusal


class NoPrice(Refusal):
    code = "no-price"
    status = 422
    title = "No price"

    def __init__(self, charge: str, dimensions: Mapping[str, str]) -> None:
        values = ", ".join(f"{name} {value!r}" for name, value in dimensions.items())
        super().__init__(
            f"Charge {charge!r} has no price for {values}. Add a cell for it, or a default, in a new plan version."
        )


class UnknownCharge(Refusal):
    code = "unknown-charge"
    status = 422
    title = "Unknown charge"

    def __init__(self, charge: str) -> None:
        super().__init__(
            f"There is no usage charge {charge!r} in these terms. Name a usage charge of the terms."
        )


class WrongDimensions(Refusal):
    code = "wrong-dimensions"
    status = 422
    title = "Wrong dimensions"

    def __init__(self, charge: str, wanted: tuple[str, ...], given: tuple[str, ...]) -> None:
        super().__init__(
            f"Usage of charge {charge!r} names the dimensions {list(given)}; it is priced by {list(wanted)}, "
            "all of them and no other."
        )


class NoDay(Refusal):
    code = "no-day"
    status = 422
    title = "No day"

    def __init__(self, charge: str) -> None:
        super().__init__(
            f"Usage of charge {charge!r} has no day, and its price depends on the day. Give the usage of each day by itself."
        )


class NoPriceOnDay(Refusal):
    code = "no-price-on-day"
    status = 422
    title = "No price on that day"

    def __init__(self, charge: str, day: date) -> None:
        super().__init__(
            f"Charge {charge!r} has no price that was in force on {day}. Add one that starts on that day or before."
        )


class WrongEvents(Refusal):
    code = "wrong-events"
    status = 422
    title = "Wrong events"

    def __init__(self, charge: str, what: str) -> None:
        super().__init__(f"Usage of charge {charge!r} {what}. Give the events that its price asks for.")
