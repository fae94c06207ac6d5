"""Price indices: what one stood at on a day, and keeping its readings."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction

from apps.contracts.errors import IndexRefused, NoReading
from apps.contracts.models import IndexReading, PriceIndex
from apps.core import audit


def reading_on(index: PriceIndex, day: date) -> IndexReading:
    """Return the reading in force on a day: the last one published for it or for a day before; refuse if there is none."""
    found = index.readings.filter(on__lte=day).order_by("-on").first()
    if found is None:
        raise NoReading(index.name, day)
    return found


@transaction.atomic(durable=True)
def add_index(*, key: str, name: str, at: datetime, actor: str) -> PriceIndex:
    """Write down a published index by which prices may rise; refuse a key that is taken or malformed."""
    index = PriceIndex(key=key, name=name.strip())
    _check(index)
    index.save(force_insert=True)
    _record("contracts.add_index", index, after={"name": index.name}, at=at, actor=actor)
    return index


@transaction.atomic(durable=True)
def add_reading(*, index_id: UUID, on: date, value: Decimal, at: datetime, actor: str) -> IndexReading:
    """Write down what an index stands at from a day on; refuse a second reading for a day, which is a correction."""
    index = PriceIndex.objects.select_for_update().get(pk=index_id)
    if index.readings.filter(on=on).exists():
        raise IndexRefused(f"{index} has a reading for {on} already: correct that one.", "on")
    reading = IndexReading(index=index, on=on, value=value)
    _check(reading)
    reading.save(force_insert=True)
    _record("contracts.add_reading", index, after={f"from {on}": f"{value:f}"}, at=at, actor=actor)
    return reading


@transaction.atomic(durable=True)
def correct_reading(
    *, reading_id: UUID, value: Decimal, reason: str, at: datetime, actor: str
) -> IndexReading:
    """Correct a reading that was written down or published wrongly; renewals that rest on it stay as they are."""
    reading = IndexReading.objects.select_for_update(of=("self",)).select_related("index").get(pk=reading_id)
    if not reason.strip():
        raise IndexRefused("Say why the reading is corrected: prices rest on it.", "reason")
    before, reading.value = reading.value, value
    _check(reading)
    reading.save(update_fields=["value"])
    _record(
        "contracts.correct_reading",
        reading.index,
        before={f"from {reading.on}": f"{before.normalize():f}"},
        after={f"from {reading.on}": f"{value:f}"},
        reason=reason.strip(),
        at=at,
        actor=actor,
    )
    return reading


def _check(row: PriceIndex | IndexReading) -> None:
    try:
        row.full_clean()
    except ValidationError as mistake:
        field, texts = next(iter(mistake.message_dict.items()))
        raise IndexRefused(" ".join(texts), field) from mistake


def _record(
    action: str,
    index: PriceIndex,
    *,
    after: dict[str, object],
    at: datetime,
    actor: str,
    before: dict[str, object] | None = None,
    reason: str = "",
) -> None:
    audit.record(
        at=at,
        actor=actor,
        action=action,
        subject_type="price index",
        subject_key=index.key,
        before=before,
        after=after,
        reason=reason,
    )
