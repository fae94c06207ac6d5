"""Usage of charges that are priced event by event: a percentage with a fixed amount or bounds, a price sent with the event."""

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal, localcontext

import orjson

from apps.contracts.models import Contract
from apps.contracts.terms import PeriodTerms
from apps.core.money import EXACT
from apps.plans.models import Meter
from apps.plans.queries import PlannedCharge
from apps.rating.price_models.dated import Dated
from apps.rating.price_models.dynamic import Dynamic
from apps.rating.price_models.matrix import Matrix
from apps.rating.price_models.percentage import Percentage
from apps.rating.usage import Event, Usage
from apps.usage.archives import Archives
from apps.usage.combine import Key, dimensions_of, part_of, price_for
from apps.usage.measure import property_of
from apps.usage.prove import counted_events
from apps.usage.read_event import ReadEvent
from apps.usage.stored import Feeding

_ZERO = Decimal(0)


def is_by_event(planned: PlannedCharge) -> bool:
    """Tell whether the charge's amount hangs on single events, and not on their sum alone."""
    return any(map(_by_event, _prices(planned)))


def usage_by_event(
    contract: Contract, terms: PeriodTerms, archives: Archives | None = None
) -> Iterator[Usage]:
    """Yield the usage of the charges that are priced event by event, from the period's events in the order of their time.

    Events that were voided are left out. Reads all events of the meters' types in the period, and only where there is such a
    charge; archived ones and the refusal where they are not at hand as `counted_events` has them.
    """
    charges = [planned for planned in terms.charges if planned.meter_id and is_by_event(planned)]
    if not charges:
        return
    meters = {meter.pk: meter for meter in Meter.objects.filter(pk__in={one.meter_id for one in charges})}
    feeding = Feeding(meters=list(meters.values()))
    found: dict[tuple[str, date, Key], list[Event]] = {}
    events = counted_events(contract, terms.period, feeding.types.keys(), archives=archives)
    priced = {planned.charge.key: planned for planned in charges}
    days = sorted(part.starts_on for part in terms.parts)
    fed_ones = feeding.of_all(event for event in events if not event.is_voided)
    # They come together by type and day.
    for fed in sorted(fed_ones, key=lambda fed: (fed.event.micros, fed.event.key)):
        since = part_of(fed.way.day, days)
        for cell, quantity in fed.feeds:
            given = orjson.loads(cell.dimensions)
            for planned in charges:
                if str(planned.meter_id) == cell.meter_id and _counts(planned, since, terms):
                    names = dimensions_of(planned, since)
                    key = tuple((name, given[name]) for name in names if name in given)
                    found.setdefault((planned.charge.key, since, key), []).append(
                        Event(Decimal(quantity), _amount(planned, fed.event))
                    )
    with localcontext(EXACT):
        for (charge, since, key), of_it in found.items():
            quantity = sum((one.quantity for one in of_it), _ZERO)
            takes_events = isinstance(price_for(priced[charge], key, since), Percentage | Dynamic)
            yield Usage(charge, quantity, key, tuple(of_it) if takes_events else (), since)


def _amount(planned: PlannedCharge, event: ReadEvent) -> Decimal | None:
    """Return the price that the event carries; None where it has none, which the engine refuses if it asks for one."""
    given = property_of(event, planned.amount_property) if planned.amount_property else None
    return Decimal(given) if isinstance(given, int | Decimal) and given >= 0 else None


def _counts(planned: PlannedCharge, since: date, terms: PeriodTerms) -> bool:
    only_since = terms.only_since.get(planned.charge.key)
    return only_since is None or since in only_since


def _by_event(price: object) -> bool:
    if isinstance(price, Percentage):
        return price != Percentage(price.rate)
    return isinstance(price, Dynamic)


def _prices(planned: PlannedCharge) -> Sequence[object]:
    """Return every simple price that the charge has."""
    prices: list[object] = []
    for price in (planned.charge.price, *(change.price for change in planned.charge.changes)):
        of_cells = (
            [*(cell.price for cell in price.cells), price.default] if isinstance(price, Matrix) else [price]
        )
        for one in of_cells:
            prices += [dated for _, dated in one.prices] if isinstance(one, Dated) else [one]
    return prices
