"""Taking a charge's prices from a price list, with a margin on top: shown first, then written into the draft."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from hashlib import sha256
from uuid import UUID

from django.db import transaction

from apps.core import audit, db
from apps.plans import price_lists, queries
from apps.plans.errors import BadMarkup, PricesChanged, VersionFixed
from apps.plans.markup import Cell, Choice, Dates, Match, Priced, Taken, Way, from_the_beginning
from apps.plans.models import Charge, Markup, Meter, PlanVersion, Price, PriceList, PriceListVersion

# A position is a small integer, and a matrix of more cells is no matrix that anybody reads.
MOST_PRICES = 30_000
_AT_ONCE = 2000
_LOWEST, _HIGHEST = Decimal(-100), Decimal(10_000)


def preview(*, charge_id: UUID, price_list_id: UUID, choice: Choice) -> Taken:
    """Return what taking a list would do to a charge's prices; nothing is written.

    Refuses a charge that is not of a draft, a currency that differs, dimensions that the meter does not keep, and a choice
    that takes nothing: each field by name.
    """
    charge = Charge.objects.select_related("plan_version__plan", "meter").get(pk=charge_id)
    return _taken(charge, PriceList.objects.get(pk=price_list_id), choice)


@transaction.atomic(durable=True)
def take(
    *, charge_id: UUID, price_list_id: UUID, choice: Choice, stamp: str, at: datetime, actor: str
) -> Taken:
    """Write the list's prices, with the margin, into a draft's charge; other cells and prices of it stay.

    `stamp` is the preview's. Refuses what `preview` refuses, and where the list or the prices have changed since.
    """
    charge = Charge.objects.select_related("meter", "plan_version__plan").get(pk=charge_id)
    # Whoever publishes the version waits, or was first.
    charge.plan_version = PlanVersion.objects.select_for_update().get(pk=charge.plan_version_id)
    price_list = PriceList.objects.select_for_update().get(pk=price_list_id)
    taken = _taken(charge, price_list, choice)
    if taken.stamp != stamp:
        raise PricesChanged(charge.name)
    _write(charge, choice, taken)
    _note(charge, price_list, choice, taken)
    audit.record(
        at=at,
        actor=actor,
        action="plans.take_price_list",
        subject_type="plan",
        subject_key=charge.plan_version.plan.key,
        after={
            "version": charge.plan_version.number,
            "charge": charge.key,
            "list": price_list.key,
            "of": taken.version.day.isoformat(),
            "margin": f"{choice.margin_percent.normalize():f} percent",
            **taken.counted,
        },
    )
    return taken


def last_choice(charge: Charge) -> tuple[Markup, Choice] | None:
    """Return how the charge, also in an earlier version of its plan, last took its prices from a list."""
    found = (
        Markup.objects.filter(plan_id=charge.plan_version.plan_id, charge_key=charge.key)
        .select_related("price_list", "taken_from")
        .first()
    )
    if found is None:
        return None
    return found, Choice(
        patterns=tuple(found.patterns),
        names=found.names,
        model_dimension=found.model_dimension,
        kind_dimension=found.kind_dimension,
        kinds=found.kinds,
        margin_percent=found.margin_percent,
        is_dated=found.is_dated,
        from_day=found.from_day,
        rounds_finer=found.rounds_finer,
    )


def _taken(charge: Charge, price_list: PriceList, choice: Choice) -> Taken:
    if charge.plan_version.status != PlanVersion.Status.DRAFT:
        raise VersionFixed(str(charge.plan_version), charge.plan_version.status)
    version = price_lists.latest(price_list)
    mistakes = _mistakes(charge, price_list, choice)
    if version is None:
        mistakes["price_list"] = f"Nothing is imported into {price_list} yet. Import a version of it."
    if mistakes or version is None:
        raise BadMarkup(mistakes)
    priced = _priced(price_list, version, choice)
    standing, kept = _standing(charge, choice, priced)
    cells = tuple(
        Cell(match, standing.get(match, ()), priced.cells.get(match, ()))
        for match in sorted(standing.keys() | priced.cells.keys())
    )
    if kept + sum(len(cell.becomes or cell.was) for cell in cells) > MOST_PRICES:
        raise BadMarkup(
            {
                "patterns": f"That is more than {MOST_PRICES:,} prices for one charge. Choose fewer models or kinds."
            }
        )
    seen = repr((version.pk, choice, cells, kept, price_list.versions.count()))
    return Taken(
        version, cells, kept, tuple(priced.too_fine), tuple(priced.rounded), sha256(seen.encode()).hexdigest()
    )


def _priced(price_list: PriceList, version: PriceListVersion, choice: Choice) -> Priced:
    priced, listed = Priced(choice), _listed(price_list, version, choice)
    if unknown := set(choice.names.values()) - {model for model, _ in listed}:
        raise BadMarkup({"names": f"{price_list} has no model {min(unknown)!r}. Name one that it has."})
    for (model, kind), dates in listed.items():
        if kind in choice.kinds and priced.wants(model):
            priced.add(model, kind, dates)
    if not priced.cells:
        raise BadMarkup({"patterns": f"{version} has no price of these models and kinds. Choose others."})
    return priced


def _mistakes(charge: Charge, price_list: PriceList, choice: Choice) -> dict[str, str]:
    if charge.kind != Charge.Kind.USAGE or charge.meter is None:
        return {"charge": f"{charge} is a fee. Choose a charge for usage."}
    found: dict[str, str] = {}
    if charge.credit_unit_id:
        found["charge"] = f"{charge} is priced in credits, and the list is in money. Choose another charge."
    if charge.plan_version.currency != price_list.currency:
        found["price_list"] = (
            f"{price_list} is in {price_list.currency} and the plan in {charge.plan_version.currency}. "
            "Choose a list in the plan's currency."
        )
    if not choice.margin_percent.is_finite() or not _LOWEST <= choice.margin_percent <= _HIGHEST:
        found["margin_percent"] = f"The margin is a number of percent from {_LOWEST} to {_HIGHEST}."
    return {**found, **_mistakes_of_dimensions(charge.meter, choice), **_mistakes_of_kinds(choice)}


def _mistakes_of_dimensions(meter: Meter, choice: Choice) -> dict[str, str]:
    if not choice.model_dimension:
        return {"model_dimension": "Choose the dimension that holds the model."}
    if choice.model_dimension == choice.kind_dimension:
        return {"kind_dimension": "Choose another dimension than the model's."}
    wanted = {"model_dimension": choice.model_dimension, "kind_dimension": choice.kind_dimension}
    kept = ("", *queries.dimension_names(meter))
    return {
        field: f"Meter {meter} does not keep {name!r}. Add it to the meter, or choose another."
        for field, name in wanted.items()
        if name not in kept
    }


def _mistakes_of_kinds(choice: Choice) -> dict[str, str]:
    values = list(choice.kinds.values())
    if not choice.kinds:
        return {"kinds": "Choose at least one kind of tokens."}
    if not choice.kind_dimension and len(values) > 1:
        return {
            "kinds": "Without a dimension that tells kinds of tokens apart, a charge has one kind: choose one, or the dimension."
        }
    if choice.kind_dimension and (not all(values) or len(set(values)) != len(values)):
        return {"kinds": "Give each kind a value of its own, as events name it."}
    return {}


def _listed(
    price_list: PriceList, version: PriceListVersion, choice: Choice
) -> Mapping[tuple[str, str], Sequence[tuple[date | None, Decimal]]]:
    """Return the prices that count, by model and kind, the first of each from the beginning."""
    if not choice.is_dated:
        return {key: [(None, amount)] for key, amount in price_lists.prices_of(version).items()}
    return {
        key: from_the_beginning(dates, choice.from_day)
        for key, dates in price_lists.history(price_list.pk).items()
    }


def _standing(charge: Charge, choice: Choice, priced: Priced) -> tuple[dict[Match, Dates], int]:
    """Return the prices that the charge has in the choice's cells, and how many others."""
    standing: dict[Match, list[tuple[date | None, Decimal | None]]] = {}
    kept = 0
    for match, starts_on, model, amount in charge.prices.filter(role=Price.Role.USAGE).values_list(
        "match", "starts_on", "model", "unit_amount"
    ):
        cell = tuple(sorted(match.items()))
        if cell in priced.cells or (priced.is_ours(cell) and model == Price.Model.PER_UNIT):
            standing.setdefault(cell, []).append((starts_on, amount))
        else:
            kept += 1
    return {
        match: tuple(sorted(dates, key=lambda one: one[0] or date.min)) for match, dates in standing.items()
    }, kept


def _write(charge: Charge, choice: Choice, taken: Taken) -> None:
    """Replace the cells that change. A step."""
    db.require_transaction()
    wanted = [name for name in (choice.model_dimension, choice.kind_dimension) if name]
    if missing := [name for name in wanted if name not in charge.dimensions]:
        charge.dimensions = [*charge.dimensions, *missing]
        charge.save(update_fields=["dimensions"])
    changed = {cell.match: cell for cell in taken.cells if cell.way in {Way.NEW, Way.CHANGED}}
    usage = charge.prices.filter(role=Price.Role.USAGE)
    replaced = [
        key for key, match in usage.values_list("pk", "match") if tuple(sorted(match.items())) in changed
    ]
    Price.objects.filter(pk__in=replaced).delete()
    place = {cell.match: number for number, cell in enumerate(taken.cells, start=1)}
    Price.objects.bulk_create(
        (
            Price(
                charge=charge,
                position=place[match],
                role=Price.Role.USAGE,
                match=dict(match),
                starts_on=starts_on,
                model=Price.Model.PER_UNIT,
                unit_amount=amount,
            )
            for match, cell in changed.items()
            for starts_on, amount in cell.becomes
        ),
        batch_size=_AT_ONCE,
    )


def _note(charge: Charge, price_list: PriceList, choice: Choice, taken: Taken) -> None:
    """Keep the choice for the next version of the list. A step."""
    db.require_transaction()
    Markup.objects.update_or_create(
        plan_id=charge.plan_version.plan_id,
        charge_key=charge.key,
        defaults={
            "price_list": price_list,
            "taken_from": taken.version,
            "patterns": list(choice.patterns),
            "names": dict(choice.names),
            "model_dimension": choice.model_dimension,
            "kind_dimension": choice.kind_dimension,
            "kinds": dict(choice.kinds),
            "margin_percent": choice.margin_percent,
            "is_dated": choice.is_dated,
            "from_day": choice.from_day,
            "rounds_finer": choice.rounds_finer,
        },
    )
