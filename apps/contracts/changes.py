"""The changes that an amendment can make, and a draft before it is signed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from uuid import UUID


@dataclass(frozen=True, slots=True)
class ChangePlan:
    """From the day on another plan version applies: an upgrade, a downgrade, overridden prices. Later phases fall away."""

    plan_version_id: UUID


@dataclass(frozen=True, slots=True)
class ChangeSeats:
    """From the day on a fee is due so many times."""

    charge_key: str
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class AddDiscount:
    """From the day on so much is off; exactly one of `percent`, `amount` and `units`, and `months` or `ends_on` or neither."""

    key: str
    name: str
    percent: Decimal | None = None
    amount: Decimal | None = None
    units: Decimal | None = None
    months: int | None = None
    ends_on: date | None = None
    position: int = 1
    product_id: UUID | None = None
    charge_keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EndDiscount:
    """From the day on the discount is off no more."""

    key: str


@dataclass(frozen=True, slots=True)
class AddCommitment:
    """From the day on, up to `ends_on`, the customer pays at least so much: every period, or over all these days."""

    key: str
    name: str
    amount: Decimal
    ends_on: date | None
    per: str = "period"
    settled_months: int | None = None
    charge_keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EndCommitment:
    """From the day on the commitment asks nothing more; one over its term is void as a whole if none of it was trued up."""

    key: str


@dataclass(frozen=True, slots=True)
class SetCap:
    """From the day on at most so much in a period: of money, or of a meter."""

    meter_id: UUID | None = None
    amount: Decimal | None = None
    quantity: Decimal | None = None
    is_hard: bool = False
    ends_on: date | None = None


@dataclass(frozen=True, slots=True)
class LiftCap:
    """From the day on the cap on money, or on a meter, is gone."""

    meter_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class PromiseGrant:
    """On the day, and if so agreed every some months from it, the customer gets credits."""

    key: str
    name: str
    amount: Decimal
    credit_unit_id: UUID | None = None
    cost: Decimal = Decimal(0)
    every_months: int | None = None
    valid_months: int | None = None
    priority: int = 50
    ends_on: date | None = None
    charge_keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EndGrants:
    """From the day on no more of these credits are given; those that were stay."""

    key: str


@dataclass(frozen=True, slots=True)
class ChangeEnd:
    """The contract ends on another day, or with None runs without end; the amendment's day does not matter."""

    ends_on: date | None


@dataclass(frozen=True, slots=True)
class ChangeFields:
    """Other terms read otherwise at once: payment terms, purchase order, signatory, what is printed, renewal."""

    fields: Mapping[str, object] = field(default_factory=dict)


Change = (
    ChangePlan
    | ChangeSeats
    | AddDiscount
    | EndDiscount
    | AddCommitment
    | EndCommitment
    | SetCap
    | LiftCap
    | PromiseGrant
    | EndGrants
    | ChangeEnd
    | ChangeFields
)
