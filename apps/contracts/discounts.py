"""Discounts of a contract as the pricing engine takes them; pure."""

from collections.abc import Sequence

from apps.contracts.brought import Brought
from apps.contracts.models import Discount
from apps.plans.queries import PlannedCharge
from apps.rating import terms
from apps.rating.terms import EVENT_KINDS, Allowance, ChargeKind


def off(rows: Sequence[Discount], charges: Sequence[PlannedCharge]) -> tuple[terms.Discount, ...]:
    """Return the discounts in money, in the order in which they are taken off; one that meets no charge is left out."""
    return tuple(
        terms.Discount(key=row.key, name=row.name, percent=row.percent, amount=row.amount, charges=keys)
        for row in rows
        if row.units is None and (keys := _keys(row, charges)) is not None
    )


def free_units(
    rows: Sequence[Discount], charges: Sequence[PlannedCharge], brought: Brought
) -> list[Allowance]:
    """Return what is left of the first units that are free, over all periods of each such discount.

    Fees, and prices by events, have no units that could be free; a discount that meets no other charge is left out.
    """
    rows = [row for row in rows if row.units is not None]
    takes_units = [one for one in charges if takes_free_units(one)] if rows else []
    free = []
    for row in rows:
        if row.units is None or (keys := _keys(row, takes_units)) is None:
            continue
        # A later discount may have the key again, and a charge or an allowance of the plan may have it too.
        key = f"{row.key}@{row.starts_on}:first"
        if left := brought.left.get(key, row.units):
            named = keys or tuple(one.charge.key for one in takes_units)
            free.append(Allowance(key, row.name, left, named))
    return free


def takes_free_units(planned: PlannedCharge) -> bool:
    """Tell whether a charge is for usage whose units are priced, and not its events."""
    return planned.charge.kind is ChargeKind.USAGE and not planned.charge.kinds & EVENT_KINDS


def _keys(row: Discount, charges: Sequence[PlannedCharge]) -> tuple[str, ...] | None:
    """Return the charges that a discount is confined to, none for all; None where it meets no charge."""
    if not row.product_id and not row.charge_keys:
        return () if charges else None
    keys = tuple(
        one.charge.key
        for one in charges
        if one.base_key in row.charge_keys or (row.product and one.product_key == row.product.key)
    )
    return keys or None
