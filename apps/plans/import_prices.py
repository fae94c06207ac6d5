"""Importing a published price list: looked at first, then kept for ever as it was on its day."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.db import transaction

from apps.core import audit
from apps.core.money import is_currency
from apps.plans import price_list_file, price_lists
from apps.plans.errors import BadPriceList, NoSuchPriceList, PriceListDayTaken
from apps.plans.models import ListedPrice, PriceList, PriceListVersion
from apps.plans.price_list_file import LeftOut, ReadList
from apps.plans.price_lists import Change

# What a million tokens cost nowhere: a list with more has probably mistaken the unit.
_DEAR = Decimal("0.001")
_AT_ONCE = 2000


@dataclass(frozen=True, slots=True)
class Imported:
    """A file as the version of a list, with what it changes against the version of the day before it.

    `is_known` says that the same file was imported for the same day before, so that nothing is new.
    """

    read: ReadList
    before: PriceListVersion | None
    changes: tuple[Change, ...]
    is_known: bool

    @property
    def dear(self) -> list[tuple[str, str, Decimal]]:
        """Return the prices above 1,000 for a million tokens: look at them before you sell by them."""
        return [(*key, amount) for key, amount in self.read.prices.items() if amount > _DEAR]

    @property
    def counted(self) -> dict[str, int]:
        """Return how many prices changed in each way."""
        return price_lists.counted(list(self.changes))

    @property
    def reasons(self) -> Mapping[str, int]:
        """Return how often each reason left something out, the most frequent first."""
        return reasons_of(self.read.left_out)


@transaction.atomic(durable=True)
def put_list(
    *, key: str, name: str, currency: str = "USD", source: str = "", at: datetime, actor: str
) -> PriceList:
    """Create the price list with this key, or change its name and source; its currency stays what it is."""
    if not is_currency(currency):
        raise BadPriceList(f"{currency!r} is no currency of ISO 4217.")
    found = PriceList.objects.select_for_update().filter(key=key).first()
    if found and found.currency != currency:
        raise BadPriceList(f"{found} is in {found.currency}; make another list for prices in {currency}.")
    found = found or PriceList(key=key, currency=currency)
    found.name, found.source = name, source
    found.save()
    audit.record(
        at=at,
        actor=actor,
        action="plans.put_price_list",
        subject_type="price list",
        subject_key=key,
        after={"name": name, "currency": currency, "source": source},
    )
    return found


def preview(*, key: str, content: bytes, day: date) -> Imported:
    """Return what importing a file for a day would bring; nothing is written.

    Refuses an unknown list, a file that is none, and a day that the list has from another file.
    """
    price_list = PriceList.objects.filter(key=key).first()
    if price_list is None:
        raise NoSuchPriceList(key)
    return _against_the_day_before(price_list, price_list_file.read(content), day)


@transaction.atomic(durable=True)
def import_list(*, key: str, content: bytes, day: date, at: datetime, actor: str) -> Imported:
    """Keep a file as the list's prices from `day` on, whichever days were imported before; a file counts once.

    Refuses what `preview` refuses.
    """
    price_list = PriceList.objects.select_for_update().filter(key=key).first()
    if price_list is None:
        raise NoSuchPriceList(key)
    read = price_list_file.read(content)
    imported = _against_the_day_before(price_list, read, day)
    if imported.is_known:
        return imported
    version = PriceListVersion.objects.create(
        price_list=price_list,
        day=day,
        sha256=read.sha256,
        models_read=read.models,
        prices_read=len(read.prices),
        left_out=[[one.model, one.field, one.reason] for one in read.left_out],
        imported_at=at,
        imported_by=actor,
    )
    ListedPrice.objects.bulk_create(
        (
            ListedPrice(version=version, model=model, kind=kind, amount=amount)
            for (model, kind), amount in read.prices.items()
        ),
        batch_size=_AT_ONCE,
    )
    audit.record(
        at=at,
        actor=actor,
        action="plans.import_prices",
        subject_type="price list",
        subject_key=key,
        after={
            "day": day.isoformat(),
            "sha256": read.sha256,
            "prices": len(read.prices),
            **imported.counted,
        },
    )
    return imported


def left_out_of(version: PriceListVersion) -> tuple[LeftOut, ...]:
    """Return what no price was read from when a version was imported."""
    return tuple(LeftOut(*one) for one in version.left_out)


def reasons_of(left_out: tuple[LeftOut, ...]) -> Mapping[str, int]:
    """Return how often each reason left something out, the most frequent first."""
    many: dict[str, int] = {}
    for one in left_out:
        many[one.reason] = many.get(one.reason, 0) + 1
    return dict(sorted(many.items(), key=lambda item: (-item[1], item[0])))


def _against_the_day_before(price_list: PriceList, read: ReadList, day: date) -> Imported:
    same_day = price_list.versions.filter(day=day).first()
    if same_day and same_day.sha256 != read.sha256:
        raise PriceListDayTaken(str(same_day))
    before = price_lists.version_before(price_list, day)
    found = price_lists.changes(price_lists.prices_of(before), read.prices)
    return Imported(read, before, tuple(found), is_known=same_day is not None)
