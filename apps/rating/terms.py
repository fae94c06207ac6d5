"""What was agreed for one period: charges and the credit grants that may pay for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from apps.core.money import is_currency, rounded_to_minor_unit
from apps.core.periods import Period
from apps.rating.price_models.base import PriceModel, not_negative
from apps.rating.price_models.matrix import Matrix


class ChargeKind(StrEnum):
    """What a charge is for."""

    USAGE = "usage"
    RECURRING = "recurring"
    ONE_TIME = "one_time"


@dataclass(frozen=True, slots=True)
class Fee:
    """A fee: amount times quantity."""

    amount: Decimal
    quantity: Decimal = Decimal(1)

    def __post_init__(self) -> None:
        not_negative(amount=self.amount, quantity=self.quantity)


@dataclass(frozen=True, slots=True)
class ActiveDays:
    """The days `[starts_on, ends_on)` on which a recurring fee runs; None is without end."""

    starts_on: date
    ends_on: date | None


@dataclass(frozen=True, slots=True)
class Charge:
    """One charge: a fee, or the price of usage in the currency or in a credit unit."""

    key: str
    name: str
    price: PriceModel | Matrix | Fee
    kind: ChargeKind = ChargeKind.USAGE
    included: Decimal = Decimal(0)
    credit_unit: str | None = None
    overage: PriceModel | None = None
    active: ActiveDays | None = None

    def __post_init__(self) -> None:
        not_negative(included=self.included)
        if isinstance(self.price, Fee) != (self.kind is not ChargeKind.USAGE):
            raise ValueError(f"Charge {self.key}: a fee is recurring or one-time, and usage has a price.")
        if self.kind is not ChargeKind.USAGE and (self.included or self.credit_unit or self.overage):
            raise ValueError(f"Charge {self.key}: included quantities and credits are for usage.")
        if self.overage is not None and self.credit_unit is None:
            raise ValueError(f"Charge {self.key}: overage is for charges in a credit unit.")
        if self.active is not None and self.kind is not ChargeKind.RECURRING:
            raise ValueError(f"Charge {self.key}: only a recurring fee has active days.")


@dataclass(frozen=True, slots=True)
class Grant:
    """Credits that may pay: `unit` is the currency or a credit unit; the lowest `priority` number burns first."""

    key: str
    unit: str
    balance: Decimal
    priority: int | None = None
    expires_on: date | None = None
    cost: Decimal = Decimal(0)
    charges: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        not_negative(balance=self.balance, cost=self.cost)


@dataclass(frozen=True, slots=True)
class Terms:
    """A contract's prices for one period."""

    currency: str
    period: Period
    charges: tuple[Charge, ...]
    grants: tuple[Grant, ...] = ()

    def __post_init__(self) -> None:
        if not is_currency(self.currency):
            raise ValueError(f"{self.currency!r} is no currency of ISO 4217.")
        _once("charge", [charge.key for charge in self.charges])
        _once("grant", [grant.key for grant in self.grants])
        for charge in self.charges:
            # Its lines would be drawn from credits and come to nothing.
            if charge.credit_unit is not None and is_currency(charge.credit_unit):
                raise ValueError(
                    f"Charge {charge.key}: {charge.credit_unit} is a currency. Leave the credit unit out to price in money."
                )
        for grant in self.grants:
            self._can_pay(grant)

    def _can_pay(self, grant: Grant) -> None:
        if grant.unit == self.currency:
            if rounded_to_minor_unit(grant.balance, self.currency) != grant.balance:
                raise ValueError(
                    f"Grant {grant.key} holds {grant.balance} {grant.unit}, more decimals than the currency has."
                )
        elif is_currency(grant.unit):
            raise ValueError(f"Grant {grant.key} is in {grant.unit} and cannot pay in {self.currency}.")


def _once(what: str, keys: Sequence[str]) -> None:
    seen: set[str] = set()
    for key in keys:
        if key in seen:
            raise ValueError(f"The {what} key {key!r} is used twice.")
        seen.add(key)
