"""What was agreed for one period: charges, and what is agreed around them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from apps.core.money import is_currency, rounded_to_minor_unit
from apps.core.periods import Period
from apps.rating.price_models.base import PriceModel, not_negative, within_bounds
from apps.rating.price_models.dated import Dated
from apps.rating.price_models.matrix import Matrix, kinds_in

OVERAGE_KINDS = frozenset({"per_unit", "graduated", "volume", "stairstep", "package"})
# Priced event by event, so no quantity can be taken off before.
EVENT_KINDS = frozenset({"percentage", "dynamic"})
_WHOLE_PERCENT = 100


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
class Change:
    """The price and the allowance of a charge from a day inside the period on."""

    starts_on: date
    price: PriceModel | Dated | Matrix | Fee
    included: Decimal = Decimal(0)

    def __post_init__(self) -> None:
        not_negative(included=self.included)


@dataclass(frozen=True, slots=True)
class Charge:
    """One charge: a fee, or the price of usage in the currency or in a credit unit.

    `changes` cut the period into segments. Tiers, packages, free units and the allowance run on from one to the next,
    unless it `restarts`: then each is priced as if it were alone. A fee is prorated by the days of each segment.
    """

    key: str
    name: str
    price: PriceModel | Dated | Matrix | Fee
    kind: ChargeKind = ChargeKind.USAGE
    included: Decimal = Decimal(0)
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    credit_unit: str | None = None
    overage: PriceModel | None = None
    active: ActiveDays | None = None
    changes: tuple[Change, ...] = ()
    restarts: bool = False

    def __post_init__(self) -> None:
        not_negative(included=self.included, minimum=self.minimum, maximum=self.maximum)
        within_bounds(f"Charge {self.key}", self.minimum, self.maximum)
        for mistake in self._mistakes():
            raise ValueError(f"Charge {self.key}: {mistake}")

    def _mistakes(self) -> Iterator[str]:
        is_fee = self.kind is not ChargeKind.USAGE
        prices = (self.price, *(change.price for change in self.changes))
        if any(isinstance(price, Fee) != is_fee for price in prices):
            yield "a fee is recurring or one-time, and usage has a price."
        if is_fee and (self._has_allowance or self._is_bounded or self.credit_unit or self.overage):
            yield "included quantities, minimum, maximum and credits are for usage."
        if self.active is not None and self.kind is not ChargeKind.RECURRING:
            yield "only a recurring fee has active days."
        yield from self._mistakes_of_credits()
        if self.changes:
            yield from self._mistakes_of_changes()
        if self._has_allowance and self.kinds & EVENT_KINDS:
            yield "a percentage or dynamic price has no included quantity."

    def _mistakes_of_credits(self) -> Iterator[str]:
        if self.overage is not None and self.credit_unit is None:
            yield "overage is for charges in a credit unit."
        if self.overage is not None and self.overage.kind not in OVERAGE_KINDS:
            yield f"overage has no {self.overage.kind} price; choose of {', '.join(sorted(OVERAGE_KINDS))}."
        if self.credit_unit is not None and self._is_bounded:
            yield "a minimum or maximum is in the currency, not in credits."
        if self.credit_unit is not None and "per_seat" in self.kinds:
            yield "a price by seat is in the currency, not in credits."

    def _mistakes_of_changes(self) -> Iterator[str]:
        days = [change.starts_on for change in self.changes]
        if days != sorted(set(days)):
            yield "changes come in the order of their days, one a day."
        if self.kind is ChargeKind.ONE_TIME:
            yield "a one-time fee does not change."

    @property
    def kinds(self) -> set[str]:
        """Return the kinds of the price models that its usage is ever priced by."""
        prices = (self.price, *(change.price for change in self.changes))
        return {kind for price in prices if not isinstance(price, Fee) for kind in kinds_in(price)}

    @property
    def _has_allowance(self) -> bool:
        return bool(self.included) or any(change.included for change in self.changes)

    @property
    def _is_bounded(self) -> bool:
        return self.minimum is not None or self.maximum is not None


@dataclass(frozen=True, slots=True)
class Allowance:
    """Free units beyond the charges' own: shared by several, carried over, or a promotion of the first units."""

    key: str
    name: str
    quantity: Decimal
    charges: tuple[str, ...]

    def __post_init__(self) -> None:
        not_negative(quantity=self.quantity)
        if not self.charges:
            raise ValueError(f"Allowance {self.key}: name the charges that it is for.")


@dataclass(frozen=True, slots=True)
class Discount:
    """A percentage or an amount off what is left of its charges; of all charges if it names none."""

    key: str
    percent: Decimal | None = None
    amount: Decimal | None = None
    name: str = ""
    charges: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        not_negative(percent=self.percent, amount=self.amount)
        if (self.percent is None) == (self.amount is None):
            raise ValueError(f"Discount {self.key}: give either a percentage or an amount.")
        if self.percent is not None and self.percent > _WHOLE_PERCENT:
            raise ValueError(f"Discount {self.key} takes {self.percent} percent off; the most is 100.")


@dataclass(frozen=True, slots=True)
class Commitment:
    """The least that the counted charges come to; all usage charges if it names none.

    `counted_before` is what earlier periods counted, for a commitment over several periods.
    """

    key: str
    minimum: Decimal
    name: str = ""
    counts: tuple[str, ...] = ()
    counted_before: Decimal = Decimal(0)

    def __post_init__(self) -> None:
        not_negative(minimum=self.minimum, counted_before=self.counted_before)


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
    discounts: tuple[Discount, ...] = ()
    commitments: tuple[Commitment, ...] = ()
    grants: tuple[Grant, ...] = ()
    allowances: tuple[Allowance, ...] = ()

    def __post_init__(self) -> None:
        if not is_currency(self.currency):
            raise ValueError(f"{self.currency!r} is no currency of ISO 4217.")
        charges = {charge.key: charge for charge in self.charges}
        _once("charge", [charge.key for charge in self.charges])
        _once("discount", [discount.key for discount in self.discounts])
        _once("commitment", [commitment.key for commitment in self.commitments])
        _once("grant", [grant.key for grant in self.grants])
        # What is left of an allowance is told by its key, beside that of the charges' own.
        _once("allowance", [*charges, *(allowance.key for allowance in self.allowances)])
        for mistake in self._mistakes(charges):
            raise ValueError(mistake)

    def _mistakes(self, charges: dict[str, Charge]) -> Iterator[str]:
        for charge in self.charges:
            yield from self._mistakes_of_charge(charge)
        for discount in self.discounts:
            yield from _unknown(f"Discount {discount.key}", discount.charges, charges)
            yield from self._more_decimals(f"Discount {discount.key} takes off", discount.amount)
        for commitment in self.commitments:
            yield from _unknown(f"Commitment {commitment.key}", commitment.counts, charges)
            yield from self._more_decimals(f"Commitment {commitment.key} promises", commitment.minimum)
        for grant in self.grants:
            yield from self._mistakes_of_grant(grant)
        for allowance in self.allowances:
            yield from _unknown(f"Allowance {allowance.key}", allowance.charges, charges)
            yield from _mistakes_of_allowance(allowance, [charges[key] for key in allowance.charges])

    def _mistakes_of_charge(self, charge: Charge) -> Iterator[str]:
        # Its lines would be drawn from credits and come to nothing.
        if charge.credit_unit is not None and is_currency(charge.credit_unit):
            yield (
                f"Charge {charge.key}: {charge.credit_unit} is a currency. Leave the credit unit out to price in money."
            )
        yield from self._more_decimals(f"Charge {charge.key} has the minimum", charge.minimum)
        yield from self._more_decimals(f"Charge {charge.key} has the maximum", charge.maximum)
        for change in charge.changes:
            if not self.period.starts_on < change.starts_on < self.period.ends_on:
                yield (
                    f"Charge {charge.key} changes on {change.starts_on}, not inside the period from "
                    f"{self.period.starts_on} to {self.period.ends_on}."
                )

    def _mistakes_of_grant(self, grant: Grant) -> Iterator[str]:
        # A customer's grant may name charges of another contract; here it then pays for nothing.
        if grant.unit == self.currency:
            yield from self._more_decimals(f"Grant {grant.key} holds", grant.balance)
        elif is_currency(grant.unit):
            yield f"Grant {grant.key} is in {grant.unit} and cannot pay in {self.currency}."

    def _more_decimals(self, what: str, amount: Decimal | None) -> Iterator[str]:
        if amount is not None and rounded_to_minor_unit(amount, self.currency) != amount:
            yield f"{what} {amount} {self.currency}, more decimals than the currency has."


def _mistakes_of_allowance(allowance: Allowance, charges: Iterable[Charge]) -> Iterator[str]:
    for charge in charges:
        if charge.kind is not ChargeKind.USAGE or charge.kinds & EVENT_KINDS:
            yield (
                f"Allowance {allowance.key} names the charge {charge.key}: free units are for usage, "
                "and not for a percentage or dynamic price."
            )


def _unknown(what: str, named: Sequence[str], charges: dict[str, Charge]) -> Iterator[str]:
    for key in named:
        if key not in charges:
            yield f"{what} names the charge {key!r}, which these terms don't have."


def _once(what: str, keys: Sequence[str]) -> None:
    seen: set[str] = set()
    for key in keys:
        if key in seen:
            raise ValueError(f"The {what} key {key!r} is used twice.")
        seen.add(key)
