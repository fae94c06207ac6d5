"""Charges, prices and allowances as they are composed: values that name products, meters and units by their keys."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class NewTier:
    """A tier; `up_to` None is the last. Stairs have a flat amount alone, tiers of percentages a rate."""

    up_to: Decimal | None
    unit_amount: Decimal | None = None
    flat_amount: Decimal = Decimal(0)
    package_size: Decimal | None = None
    rate: Decimal | None = None


@dataclass(frozen=True, slots=True)
class NewPrice:
    """A price; `match` names the cell of a matrix, `starts_on` the day that it is in force from (None: from the beginning).

    `event_minimum` and `event_maximum` also bound the amounts that events of a dynamic price carry.
    """

    model: str
    unit_amount: Decimal | None = None
    package_size: Decimal | None = None
    package_amount: Decimal | None = None
    free_units: Decimal = Decimal(0)
    tiers: Sequence[NewTier] = ()
    match: Mapping[str, str] = field(default_factory=dict)
    rate: Decimal | None = None
    fixed_amount: Decimal = Decimal(0)
    free_events: int = 0
    free_amount: Decimal = Decimal(0)
    event_minimum: Decimal | None = None
    event_maximum: Decimal | None = None
    starts_on: date | None = None


@dataclass(frozen=True, slots=True)
class NewCharge:
    """A charge, naming its product, meter, credit unit and shared allowance by their keys."""

    key: str
    name: str
    product: str
    kind: str = "usage"
    meter: str | None = None
    credit_unit: str | None = None
    included: Decimal = Decimal(0)
    fee_amount: Decimal | None = None
    fee_quantity: Decimal | None = None
    dimensions: Sequence[str] = ()
    prices: Sequence[NewPrice] = ()
    overage: NewPrice | None = None
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    in_advance: bool = False
    carry_over_limit: Decimal | None = None
    allowance: str | None = None
    amount_property: str = ""


@dataclass(frozen=True, slots=True)
class NewAllowance:
    """Included units that several charges share."""

    key: str
    name: str
    quantity: Decimal
    carry_over_limit: Decimal | None = None
