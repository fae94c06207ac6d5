"""What the pricing engine refuses."""

from collections.abc import Mapping

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
