"""Reading price lists: what one asks for on a day, and what changed from one day to another."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from uuid import UUID

from django.db import connection
from django.db.models import Count, Prefetch

from apps.core.money import rounded_to
from apps.plans.models import ListedPrice, Markup, PriceList, PriceListVersion

Prices = Mapping[tuple[str, str], Decimal]


class Way(StrEnum):
    """How a price changed."""

    DEARER = "dearer"
    CHEAPER = "cheaper"
    REMOVED = "removed"
    ADDED = "added"


@dataclass(frozen=True, slots=True)
class Change:
    """A price that differs between two versions; None where it is not listed."""

    model: str
    kind: str
    was: Decimal | None
    becomes: Decimal | None

    @property
    def way(self) -> Way:
        """Return how it changed."""
        if self.was is None:
            return Way.ADDED
        if self.becomes is None:
            return Way.REMOVED
        return Way.DEARER if self.becomes > self.was else Way.CHEAPER

    @property
    def percent(self) -> Decimal | None:
        """Return the change in percent with one decimal; None where there is nothing to compare with."""
        if not self.was or self.becomes is None:
            return None
        return rounded_to((Fraction(self.becomes) / Fraction(self.was) - 1) * 100, 1)


def changes(before: Prices, after: Prices) -> list[Change]:
    """Return what differs: what became dearer first and the most so, then cheaper, not listed any more, and added."""
    found = [
        Change(*key, before.get(key), after.get(key))
        for key in sorted(before.keys() | after.keys())
        if before.get(key) != after.get(key)
    ]
    ways = list(Way)
    return sorted(found, key=lambda change: (ways.index(change.way), -abs(change.percent or Decimal(0))))


def counted(found: list[Change]) -> dict[str, int]:
    """Return how many prices changed in each way, the ways in their order."""
    many = dict.fromkeys((way.value for way in Way), 0)
    for change in found:
        many[change.way] += 1
    return many


def prices_of(version: PriceListVersion | None) -> dict[tuple[str, str], Decimal]:
    """Return a version's prices by model and kind; none of no version."""
    if version is None:
        return {}
    rows = ListedPrice.objects.filter(version=version).values_list("model", "kind", "amount")
    return {(model, kind): amount for model, kind, amount in rows.iterator(5000)}


def version_before(price_list: PriceList, day: date) -> PriceListVersion | None:
    """Return the version that was in force before a day's."""
    return price_list.versions.filter(day__lt=day).order_by("-day").first()


def latest(price_list: PriceList) -> PriceListVersion | None:
    """Return the version with the latest day."""
    return price_list.versions.order_by("-day").first()


def history(price_list_id: UUID) -> dict[tuple[str, str], list[tuple[date, Decimal]]]:
    """Return every price by model and kind with the days on which it became what it is; one query.

    A price that a version no longer lists stays what it was.
    """
    found: dict[tuple[str, str], list[tuple[date, Decimal]]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_HISTORY, [price_list_id])
        for model, kind, day, amount in cursor:
            found.setdefault((model, kind), []).append((day, amount))
    return found


def kinds_of(version: PriceListVersion) -> list[tuple[str, int]]:
    """Return the kinds of tokens that a version has prices of, with how many models, the most frequent first."""
    many = ListedPrice.objects.filter(version=version).values_list("kind").annotate(many=Count("pk"))
    return list(many.order_by("-many", "kind"))


def models_of(
    version: PriceListVersion, *, like: str = "", after: str = "", most: int
) -> list[tuple[str, list[ListedPrice]]]:
    """Return the models whose names hold `like`, in order and after `after`, each with its prices; two queries."""
    found = ListedPrice.objects.filter(version=version, model__icontains=like, model__gt=after)
    names = list(found.order_by("model").values_list("model", flat=True).distinct()[:most])
    prices: dict[str, list[ListedPrice]] = {name: [] for name in names}
    for price in ListedPrice.objects.filter(version=version, model__in=names).order_by("kind"):
        prices[price.model].append(price)
    return list(prices.items())


def lists() -> list[PriceList]:
    """Return every price list with its versions, the latest first, and what takes its prices; three queries."""
    return list(
        PriceList.objects.order_by("name").prefetch_related(
            Prefetch("versions", PriceListVersion.objects.defer("left_out").order_by("-day")),
            Prefetch("markups", Markup.objects.select_related("plan", "taken_from").order_by("charge_key")),
        )
    )


_HISTORY = """
    SELECT model, kind, day, amount
    FROM (
        SELECT p.model, p.kind, v.day, p.amount,
               lag(p.amount) OVER (PARTITION BY p.model, p.kind ORDER BY v.day) AS was
        FROM plans_listedprice p JOIN plans_pricelistversion v ON v.id = p.version_id
        WHERE v.price_list_id = %s
    ) AS every
    WHERE was IS DISTINCT FROM amount
    ORDER BY model, kind, day
"""
