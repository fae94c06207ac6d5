"""Package: started packages, beyond the free units."""

from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from apps.rating.price_models.base import WHOLE, ZERO, Part, not_negative, started
from apps.rating.steps import Step


@dataclass(frozen=True, slots=True)
class Package:
    """Units are sold by the package; a started one costs as much as a full one."""

    kind: ClassVar[str] = "package"
    package_size: Decimal
    package_amount: Decimal
    free_units: Decimal = ZERO

    def __post_init__(self) -> None:
        not_negative(package_amount=self.package_amount, free_units=self.free_units)
        if self.package_size <= 0:
            raise ValueError("package_size must be above 0.")

    def steps(self, quantity: Decimal, part: Part = WHOLE) -> tuple[Step, ...]:
        """Return the one reason: how many packages these units started."""
        if not quantity:
            return ()
        packages = self._started(part.before + quantity) - self._started(part.before)
        facts = (
            ("packages", packages),
            ("package_size", self.package_size),
            ("package_amount", self.package_amount),
            ("free_units", self.free_units),
        )
        return (Step(quantity, packages * self.package_amount, facts),)

    def _started(self, quantity: Decimal) -> Decimal:
        return started(quantity - self.free_units, self.package_size) if quantity > self.free_units else ZERO
