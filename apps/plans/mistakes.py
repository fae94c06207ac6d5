"""What keeps a draft version from being published: each mistake names the charge and the remedy."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from apps.core.formats import plain
from apps.core.money import is_currency, rounded_to_minor_unit
from apps.core.periods import Period
from apps.plans import priced, queries, rows
from apps.plans.described import NewAllowance, NewCharge, NewPrice
from apps.plans.models import Charge, Meter, PlanVersion, Price
from apps.rating.price_models.matrix import ANY
from apps.rating.terms import EVENT_KINDS, Terms

# What these measure of each day does not add up to what they measure of a period.
_WHOLE_PERIOD = {Meter.Aggregation.MAX, Meter.Aggregation.LATEST, Meter.Aggregation.UNIQUE_COUNT}
_BY_EVENT = {Meter.Aggregation.COUNT, Meter.Aggregation.SUM}
_ANY_MONTH = Period(date(2026, 1, 1), date(2026, 2, 1), "UTC")


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong with a charge, as a sentence without its name, and the field of its form that mends it."""

    field: str
    text: str


def mistakes_of(version: PlanVersion) -> list[str]:
    """Return what keeps a draft version from being published, each as a sentence."""
    found = queries.rows_of(version.pk)
    if not found:
        return ["It has no charge; add one."]
    charges = [rows.read_charge(row) for row in found]
    allowances = [rows.read_allowance(row) for row in version.allowances.all()]
    mistakes = [] if is_currency(version.currency) else [f"{version.currency} is no currency of ISO 4217."]
    for row, charge in zip(found, charges, strict=True):
        mistakes += [
            f"Charge {row.name}: {mistake.text}"
            for mistake in charge_mistakes(charge, row.meter, version.currency)
        ]
    mistakes += [*_allowance_mistakes(allowances, charges), *_different_counts(found)]
    return mistakes or _together(version.currency, charges, allowances)


def charge_mistakes(charge: NewCharge, meter: Meter | None, currency: str) -> list[Mistake]:
    """Return what is wrong with one charge."""
    if charge.kind != Charge.Kind.USAGE or meter is None:
        return []
    mistakes = [
        *_price_mistakes(charge),
        *_bound_mistakes(charge, currency),
        *_dimension_mistakes(charge, meter),
        *_event_mistakes(charge, meter),
        *_seat_mistakes(charge, meter),
        *_date_mistakes(charge, meter),
    ]
    if not mistakes:
        try:
            priced.charge_of(charge)
        except ValueError as mistake:
            return [Mistake("prices", _sentence(mistake).removeprefix(f"Charge {charge.key}: "))]
    return mistakes


def _price_mistakes(charge: NewCharge) -> Iterator[Mistake]:
    """Name the cell of each price that is not whole."""
    overage = [charge.overage] if charge.overage else []
    for price in (*charge.prices, *overage):
        try:
            priced.model_of(price)
        except ValueError as mistake:
            where = f"the price for {_cell(price)}: " if _cell(price) else ""
            yield Mistake("prices", f"{where}{_sentence(mistake)}")


def _bound_mistakes(charge: NewCharge, currency: str) -> Iterator[Mistake]:
    if not is_currency(currency):
        return
    for name, bound in (("minimum", charge.minimum), ("maximum", charge.maximum)):
        if bound is not None and rounded_to_minor_unit(bound, currency) != bound:
            yield Mistake(
                name,
                f"its {name} of {plain(bound):f} has more decimals than {currency} has; round it.",
            )


def _dimension_mistakes(charge: NewCharge, meter: Meter) -> Iterator[Mistake]:
    if unknown := set(charge.dimensions) - set(queries.dimension_names(meter)):
        yield Mistake(
            "dimensions",
            f"it prices by {' and '.join(sorted(unknown))}, a dimension that its meter {meter} does not keep. "
            "Add it to the meter, or price by another.",
        )
    if charge.dimensions and not charge.prices:
        yield Mistake("prices", "it has no price; add one.")


def _event_mistakes(charge: NewCharge, meter: Meter) -> Iterator[Mistake]:
    by_event = _models(charge) & EVENT_KINDS
    if by_event and (charge.included or charge.allowance):
        instead = " and give free events or a free amount" if Price.Model.PERCENTAGE in by_event else ""
        yield Mistake(
            "included",
            f"a percentage or a price sent with each event takes no included quantity; leave it out{instead}.",
        )
    if by_event and meter.aggregation not in _BY_EVENT:
        yield Mistake(
            "meter",
            f"it is priced event by event, and meter {meter} neither counts nor adds them up; take one that does.",
        )
    if Price.Model.DYNAMIC in by_event and not charge.amount_property:
        yield Mistake("amount_property", "name the property of the event that holds its price.")
    if charge.amount_property and Price.Model.DYNAMIC not in by_event:
        yield Mistake(
            "amount_property",
            f"no price of it is sent with the event, so the property {charge.amount_property} is not read; "
            "leave it out, or choose that price model.",
        )


def _seat_mistakes(charge: NewCharge, meter: Meter) -> Iterator[Mistake]:
    if Price.Model.PER_SEAT not in _models(charge):
        return
    if meter.per != Meter.Per.DAY:
        yield Mistake(
            "meter",
            f"a price per seat needs a meter of a level over time per day, and {meter} is none; "
            "take such a meter, or a price per unit.",
        )
    if charge.credit_unit:
        yield Mistake(
            "credit_unit", "a price per seat is in money; leave the credit unit out, or price per unit."
        )


def _date_mistakes(charge: NewCharge, meter: Meter) -> Iterator[Mistake]:
    for prices in priced.cells_of(charge).values():
        first = prices[0]
        if len({price.starts_on for price in prices}) < len(prices):
            yield Mistake(
                "prices",
                f"two of its prices are for {_cell(first) or 'the same usage'} from the same day; keep one of them.",
            )
        if first.starts_on is not None:
            where = f" for {_cell(first)}" if _cell(first) else ""
            yield Mistake(
                "prices",
                f"before {first.starts_on:%Y-%m-%d} there is no price{where}; "
                "give one without a date, which is in force from the beginning.",
            )
    if meter.aggregation in _WHOLE_PERIOD and any(price.starts_on for price in charge.prices):
        yield Mistake(
            "prices",
            f"meter {meter} measures a period as a whole, so usage has no price of its own day; "
            "leave the dates out, and make a new version when prices change.",
        )


def _allowance_mistakes(allowances: Sequence[NewAllowance], charges: Sequence[NewCharge]) -> Iterator[str]:
    keys, shared = {charge.key for charge in charges}, {charge.allowance for charge in charges}
    for allowance in allowances:
        if allowance.key not in shared:
            yield f"Allowance {allowance.name}: no charge shares it; choose it at a charge, or remove it."
        if allowance.key in keys:
            yield f"Allowance {allowance.name}: a charge has the key {allowance.key} too; give it another."


def _different_counts(found: Sequence[Charge]) -> list[str]:
    """Different values are counted once for all charges of a meter, so these must tell them apart alike."""
    priced_by: dict[str, set[tuple[str, ...]]] = {}
    for row in found:
        if row.meter and row.meter.aggregation == Meter.Aggregation.UNIQUE_COUNT:
            priced_by.setdefault(row.meter.key, set()).add(tuple(row.dimensions))
    return [
        f"Meter {key} counts different values: let all its charges price by the same dimensions."
        for key, ways in priced_by.items()
        if len(ways) > 1
    ]


def _together(currency: str, charges: Sequence[NewCharge], allowances: Sequence[NewAllowance]) -> list[str]:
    """Say what the engine refuses of the charges together."""
    try:
        Terms(
            currency=currency,
            period=_ANY_MONTH,
            charges=tuple(map(priced.charge_of, charges)),
            allowances=priced.allowances_of(allowances, charges),
        )
    except ValueError as mistake:
        return [_sentence(mistake)]
    return []


def _models(charge: NewCharge) -> set[str]:
    return {price.model for price in charge.prices}


def _cell(price: NewPrice) -> str:
    return " and ".join(f"{name} {value}" for name, value in price.match.items() if value != ANY)


def _sentence(mistake: ValueError) -> str:
    text = str(mistake)
    return text if text.endswith(".") else f"{text}."
