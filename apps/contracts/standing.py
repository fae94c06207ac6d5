"""A contract as it stands on a day: what was agreed by then, or was known of it at another time, in words."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from apps.contracts import words
from apps.contracts.agreed import Agreed, agreed, in_force
from apps.contracts.models import Contract
from apps.core.formats import format_quantity
from apps.plans.models import Charge, PlanVersion
from apps.plans.summary import offer

_LANGUAGE = "en"


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that is agreed: under which head it stands, what it is, and its words; `key` tells it from the others."""

    head: str
    key: str
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Standing:
    """What holds on a day."""

    day: date
    version: PlanVersion
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Side:
    """The same thing on two days; a text is empty where there is no such thing."""

    head: str
    name: str
    one: str
    other: str

    @property
    def is_same(self) -> bool:
        """Tell whether nothing changed."""
        return self.one == self.other


def standing(contract: Contract, day: date, *, through: int | None = None) -> Standing:
    """Return what holds on a local day; with `through`, as it was known once that amendment had been made."""
    rows = agreed(contract, through=through)
    version = PlanVersion.objects.select_related("plan").get(
        pk=rows.plan_version_on(day, contract.plan_version_id)
    )
    return Standing(day, version, (*_prices(contract, version), *_negotiated(contract, rows, day, version)))


def side_by_side(one: Standing, other: Standing) -> tuple[Side, ...]:
    """Return what is agreed on either of two days, head by head, the first's order first."""
    texts = [{(item.head, item.key): item.text for item in each.items} for each in (one, other)]
    names = {(item.head, item.key): item.name for each in (other, one) for item in each.items}
    found = dict.fromkeys((*texts[0], *texts[1]))
    heads = list(dict.fromkeys(head for head, _ in found))
    return tuple(
        Side(place[0], names[place], texts[0].get(place, ""), texts[1].get(place, ""))
        for place in sorted(found, key=lambda place: heads.index(place[0]))
    )


def _prices(contract: Contract, version: PlanVersion) -> Iterable[Item]:
    yield Item("Plan", "", "Plan version", str(version))
    for charge in offer(version, months=contract.billing_months).charges:
        yield Item("Plan", charge.key, charge.name, charge.sentence.removeprefix(f"{charge.name}: "))


def _negotiated(contract: Contract, rows: Agreed, day: date, version: PlanVersion) -> Iterable[Item]:
    currency = contract.plan_version.currency
    names = charge_names(version)
    for key, quantity in rows.seats_on(day).items():
        yield Item("Seats", key, names.get(key, key), format_quantity(Decimal(quantity), _LANGUAGE))
    for discount in in_force(rows.discounts, day):
        yield _item("Discounts", discount.key, words.discount_words(discount, currency, names))
    for commitment in in_force(rows.commitments, day):
        yield _item("Commitments", commitment.key, words.commitment_words(commitment, currency, names))
    for cap in in_force(rows.caps, day):
        yield _item("Caps", cap.meter.key if cap.meter else "", words.cap_words(cap, currency))
    for grant in in_force(rows.grants, day):
        yield _item("Credits", grant.key, words.grant_words(grant, currency))


def _item(head: str, key: str, told: str) -> Item:
    name, _, said = told.partition(": ")
    return Item(head, key, name, said)


def charge_names(version: PlanVersion) -> Mapping[str, str]:
    """Return the names of a version's charges by their keys; one query."""
    return dict(Charge.objects.filter(plan_version=version).order_by("position").values_list("key", "name"))


def all_charge_names(contract: Contract, rows: Agreed) -> Mapping[str, str]:
    """Return the names of the charges of every plan version that a contract is ever on, the first one's first."""
    versions = (*(phase.plan_version for phase in reversed(rows.phases)), contract.plan_version)
    return {key: name for version in versions for key, name in charge_names(version).items()}


def beside_the_plan(contract: Contract) -> list[str]:
    """Return what is agreed beside the first plan version, a sentence each."""
    rows, currency = agreed(contract), contract.plan_version.currency
    names = all_charge_names(contract, rows)
    billed_above = words.bill_above_words(contract)
    return [
        *([f"{billed_above}."] if billed_above else []),
        *(f"{words.phase_words(row)}." for row in rows.phases),
        *(f"{words.seat_words(row, names)}." for row in rows.seats),
        *(f"{words.discount_words(row, currency, names)}." for row in rows.discounts),
        *(f"{words.commitment_words(row, currency, names)}." for row in rows.commitments),
        *(f"{words.cap_words(row, currency)}." for row in rows.caps),
        *(f"{words.grant_words(row, currency)}." for row in rows.grants),
    ]
