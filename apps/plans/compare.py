"""Two offers side by side, in words: what differs stands out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from apps.plans.summary import ChargeInWords, Offer


@dataclass(frozen=True, slots=True)
class Compared:
    """One fact of a charge before and after; empty where the charge or the fact is not there."""

    charge_key: str
    charge: str
    fact: str
    before: str
    after: str

    @property
    def changed(self) -> bool:
        """Tell whether it differs."""
        return self.before != self.after


@dataclass(frozen=True, slots=True)
class ComparedCharge:
    """A charge before and after, matched by its key, with its facts one by one."""

    key: str
    name: str
    before: ChargeInWords | None
    after: ChargeInWords | None
    facts: tuple[Compared, ...]

    @property
    def changed(self) -> bool:
        """Tell whether anything of it differs."""
        return any(fact.changed for fact in self.facts)

    @property
    def verdict(self) -> str:
        """Say in a word what became of it."""
        if self.before is None:
            return "added"
        if self.after is None:
            return "removed"
        return "changed" if self.changed else "same"


def charges(before: Offer, after: Offer) -> tuple[ComparedCharge, ...]:
    """Match the charges of two offers by their keys: those of `after` in their order, then those that are gone."""
    old, new = _by_key(before.charges), _by_key(after.charges)
    return tuple(_compared(old.get(key), new.get(key)) for key in _joined(new, old))


def rows(before: Offer, after: Offer) -> tuple[Compared, ...]:
    """Return every fact of every charge before and after, in the order of `charges`."""
    return tuple(fact for charge in charges(before, after) for fact in charge.facts)


def facts_of(charge: ChargeInWords) -> dict[str, str]:
    """Return what is agreed of a charge as facts and their values, such as 'up to 1,000' and '$0.80 each'."""
    facts = {"name": charge.name, "product": charge.product}
    if charge.measure:
        facts["measured by"] = charge.measure
    if not charge.rows:
        facts["price"] = charge.sentence.removeprefix(f"{charge.name}: ")
    for row in charge.rows:
        facts[f"{row.cell}, {row.reach}" if row.cell else row.reach] = row.price
    return facts


def _compared(before: ChargeInWords | None, after: ChargeInWords | None) -> ComparedCharge:
    shown = after or before
    assert shown is not None, "a key is of one of the two"
    was = facts_of(before) if before else {}
    became = facts_of(after) if after else {}
    return ComparedCharge(
        key=shown.key,
        name=shown.name,
        before=before,
        after=after,
        facts=tuple(
            Compared(shown.key, shown.name, fact, was.get(fact, ""), became.get(fact, ""))
            for fact in _joined(became, was)
        ),
    )


def _by_key(found: Iterable[ChargeInWords]) -> dict[str, ChargeInWords]:
    return {charge.key: charge for charge in found}


def _joined(first: Mapping[str, object], then: Mapping[str, object]) -> list[str]:
    return list(dict.fromkeys((*first, *then)))
