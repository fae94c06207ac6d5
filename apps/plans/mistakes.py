"""What keeps a draft version from being published: each mistake names the charge and the remedy."""

from collections.abc import Iterator, Sequence
from datetime import date

from apps.core.money import is_currency, rounded_to_minor_unit
from apps.core.periods import Period
from apps.plans import priced, queries
from apps.plans.models import Allowance, Charge, Meter, PlanVersion, Price
from apps.rating.terms import Terms

_BY_EVENT = {Price.Model.PERCENTAGE, Price.Model.DYNAMIC}
# What these measure of each day does not add up to what they measure of a period.
_WHOLE_PERIOD = {Meter.Aggregation.MAX, Meter.Aggregation.LATEST, Meter.Aggregation.UNIQUE_COUNT}
_ANY_MONTH = Period(date(2026, 1, 1), date(2026, 2, 1), "UTC")


def mistakes_of(version: PlanVersion) -> list[str]:
    """Return what keeps a draft version from being published, each as a sentence."""
    rows = queries.rows_of(version.pk)
    if not rows:
        return ["It has no charge; add one."]
    mistakes = [] if is_currency(version.currency) else [f"{version.currency} is no currency of ISO 4217."]
    for row in rows:
        mistakes += [f"Charge {row.name}: {mistake}" for mistake in charge_mistakes(row, version.currency)]
    mistakes += [*_allowance_mistakes(version, rows), *_different_counts(rows)]
    return mistakes or _whole(version)


def charge_mistakes(row: Charge, currency: str) -> list[str]:
    """Return what is wrong with one charge, each as a sentence without its name."""
    if row.kind != Charge.Kind.USAGE:
        return []
    found = [*_price_mistakes(row), *_bound_mistakes(row, currency), *_meter_mistakes(row)]
    found += [*_event_mistakes(row), *_seat_mistakes(row), *_date_mistakes(row)]
    if not found:
        try:
            queries.planned(row)
        except ValueError as mistake:
            return [_sentence(mistake)]
    return found


def _price_mistakes(row: Charge) -> Iterator[str]:
    """Name the cell of each price that is not whole."""
    for price in row.prices.all():
        try:
            priced.model_of(price)
        except ValueError as mistake:
            where = " and ".join(f"{name} {value}" for name, value in price.match.items())
            yield f"the price for {where}: {_sentence(mistake)}" if where else _sentence(mistake)


def _bound_mistakes(row: Charge, currency: str) -> Iterator[str]:
    if not is_currency(currency):
        return
    for name, bound in (("minimum", row.minimum), ("maximum", row.maximum)):
        if bound is not None and rounded_to_minor_unit(bound, currency) != bound:
            yield f"its {name} of {bound.normalize():f} has more decimals than {currency} has; round it."


def _meter_mistakes(row: Charge) -> Iterator[str]:
    if row.meter and (unknown := set(row.dimensions) - set(queries.dimension_names(row.meter))):
        yield (
            f"it prices by {' and '.join(sorted(unknown))}, a dimension that its meter {row.meter} does not keep. "
            "Add it to the meter, or price by another."
        )


def _event_mistakes(row: Charge) -> Iterator[str]:
    by_event = _models(row) & _BY_EVENT
    if by_event and (row.included or row.allowance_id):
        yield (
            "a percentage and a price sent with each event take no included quantity; leave it out"
            f"{' and give the percentage free events or a free amount' if Price.Model.PERCENTAGE in by_event else ''}."
        )
    if (
        by_event
        and row.meter
        and row.meter.aggregation not in {Meter.Aggregation.COUNT, Meter.Aggregation.SUM}
    ):
        yield f"it is priced event by event, and meter {row.meter} neither counts nor adds them up. Take a meter that does."
    if Price.Model.DYNAMIC in by_event and not row.amount_property:
        yield "name the property of the event that holds its price."
    if row.amount_property and Price.Model.DYNAMIC not in by_event:
        yield (
            f"no price of it is sent with the event, so the property {row.amount_property} is not read; "
            "leave it out, or choose that price model."
        )


def _seat_mistakes(row: Charge) -> Iterator[str]:
    if Price.Model.PER_SEAT not in _models(row):
        return
    if row.meter and row.meter.per != Meter.Per.DAY:
        yield (
            f"a price per seat needs a meter of a level over time per day, and {row.meter} is none. "
            "Take such a meter, or a price per unit."
        )
    if row.credit_unit_id:
        yield "a price per seat is in money; leave the credit unit out, or price per unit."


def _date_mistakes(row: Charge) -> Iterator[str]:
    cells = priced.cells_of(row)
    for match, prices in cells.items():
        if prices[0].starts_on is not None:
            where = " and ".join(f"{name} {value}" for name, value in match)
            yield (
                f"before {prices[0].starts_on:%Y-%m-%d} there is no price{f' for {where}' if where else ''}; "
                "give one without a date, which is in force from the beginning."
            )
    dated = any(price.starts_on for prices in cells.values() for price in prices)
    if dated and row.meter and row.meter.aggregation in _WHOLE_PERIOD:
        yield (
            f"meter {row.meter} measures a period as a whole, so usage has no price of its own day. "
            "Leave the dates out, and make a new version when prices change."
        )


def _allowance_mistakes(version: PlanVersion, rows: Sequence[Charge]) -> Iterator[str]:
    keys, shared = {row.key for row in rows}, {row.allowance_id for row in rows}
    for allowance in Allowance.objects.filter(plan_version=version):
        if allowance.pk not in shared:
            yield f"Allowance {allowance.name}: no charge shares it. Choose it at a charge, or remove it."
        if allowance.key in keys:
            yield f"Allowance {allowance.name}: a charge has the key {allowance.key} too. Give it another key."


def _different_counts(rows: Sequence[Charge]) -> list[str]:
    """Different values are counted once for all charges of a meter, so these must tell them apart alike."""
    priced_by: dict[str, set[tuple[str, ...]]] = {}
    for row in rows:
        if row.meter and row.meter.aggregation == Meter.Aggregation.UNIQUE_COUNT:
            priced_by.setdefault(row.meter.key, set()).add(tuple(row.dimensions))
    return [
        f"Meter {key} counts different values: let all its charges price by the same dimensions."
        for key, ways in priced_by.items()
        if len(ways) > 1
    ]


def _whole(version: PlanVersion) -> list[str]:
    """Say what the engine refuses of the charges together."""
    try:
        Terms(
            currency=version.currency,
            period=_ANY_MONTH,
            charges=tuple(planned.charge for planned in queries.charges_of(version.pk)),
            allowances=tuple(planned.allowance for planned in queries.allowances_of(version.pk)),
        )
    except ValueError as mistake:
        return [str(mistake)]
    return []


def _models(row: Charge) -> set[str]:
    return {price.model for price in row.prices.all() if price.role == Price.Role.USAGE}


def _sentence(mistake: ValueError) -> str:
    text = str(mistake)
    return text if text.endswith(".") else f"{text}."
