"""Saying in words what is agreed around prices: allowances, bounds, discounts, commitments, accounts, and other periods."""

from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal

from apps.invoices.figures import Figures
from apps.invoices.stored import Step, decimal_in

# A discount on more charges than these is told as one.
_MOST_SHARES = 5


def agreed_reason(step: Step, figures: Figures, unit: str) -> str | None:
    """Return the reason of a step that no price model made, in words; None for one that a price model did."""
    for mark, told in _TOLD.items():
        if mark in step:
            return told(step, figures, unit)
    return None


def summed_discount(steps: Sequence[Step], figures: Figures) -> Sequence[Step]:
    """Return the steps of a discount on many charges as one on all of them together, other steps as they are."""
    if not all("base" in step and "of_pool" not in step for step in steps):
        return steps
    shares = [step for step in steps if decimal_in(step, "amount")]
    if len(shares) <= _MOST_SHARES:
        return steps
    whole = {
        name: sum((decimal_in(step, name) for step in shares), Decimal(0)) for name in ("base", "amount")
    }
    many = figures.words.charges.format(count=figures.quantity(Decimal(len(shares))))
    return [{**shares[0], **whole, "charge_name": many}]


def _included(step: Step, figures: Figures, unit: str) -> str:
    words = figures.words
    kind = step.get("allowance_kind")
    text = {
        "carried": words.carried_over,
        "shared": words.shared_allowance,
        "first": words.first_units,
    }.get(str(kind), words.included)
    return text.format(
        quantity=_counted(step, "quantity", figures, unit), name=step.get("allowance_name", "")
    )


def _account(step: Step, figures: Figures, unit: str) -> str:
    return figures.words.account.format(
        name=step["account"], quantity=_counted(step, "quantity", figures, unit)
    )


def _pool_share(step: Step, figures: Figures, unit: str) -> str:
    of_amount = figures.total(decimal_in(step, "pool_amount"))
    if not unit:
        return figures.words.pool_amount.format(of_amount=of_amount)
    return figures.words.pool_share.format(
        quantity=_counted(step, "quantity", figures, unit),
        of_quantity=_counted(step, "pool_quantity", figures, unit),
        of_amount=of_amount,
    )


def _discount(step: Step, figures: Figures, unit: str) -> str:
    words, base, amount = figures.words, decimal_in(step, "base"), decimal_in(step, "amount")
    if not amount:
        return ""
    text = words.discount_percent if "percent" in step else words.discount_amount
    return text.format(
        percent=figures.percent(decimal_in(step, "percent")),
        base=figures.amount(base),
        charge=step.get("charge_name") or step["charge"],
        amount=figures.amount(amount),
    )


def _true_up(step: Step, figures: Figures, unit: str) -> str:
    words = figures.words
    text = words.true_up_before if "counted_before" in step else words.true_up
    return text.format(
        minimum=figures.total(decimal_in(step, "minimum")),
        counted=figures.amount(decimal_in(step, "counted")),
        before=figures.amount(decimal_in(step, "counted_before")),
        amount=figures.amount(decimal_in(step, "amount")),
    )


def _bound(step: Step, figures: Figures, unit: str) -> str:
    is_minimum = "minimum" in step
    text = figures.words.minimum if is_minimum else figures.words.maximum
    return text.format(
        bound=figures.total(decimal_in(step, "minimum" if is_minimum else "maximum")),
        charged=figures.amount(decimal_in(step, "charged")),
    )


def _other_period(step: Step, figures: Figures, unit: str) -> str:
    """Return the reason of an adjustment, or of what comes off since it was billed in advance."""
    words = figures.words
    start, end = (date.fromisoformat(str(step[name])) for name in ("period_from", "period_to"))
    named = {"period": figures.period(start, end), "number": step["adjusts"] or words.draft}
    billed = figures.total(decimal_in(step, "billed"))
    if "rated" in step:
        text = words.adjusted_by_amendment if step.get("amended") else words.adjusted
        return text.format(rated=figures.total(decimal_in(step, "rated")), billed=billed, **named)
    if "billed" not in step:
        return words.adjusted_in_credits.format(**named)
    taken = words.advance_taken.format(billed=billed, **named)
    left = decimal_in(step, "billed") + decimal_in(step, "amount")
    return f"{taken}; {words.advance_left.format(left=figures.total(left))}" if left else taken


def _counted(step: Step, name: str, figures: Figures, unit: str) -> str:
    return f"{figures.quantity(decimal_in(step, name))} {unit}".strip()


def _by_hand(step: Step, figures: Figures, unit: str) -> str:
    return str(step["by_hand"])


# By the field that only such a step has, the first that is found.
_TOLD: dict[str, Callable[[Step, Figures, str], str]] = {
    "by_hand": _by_hand,
    "adjusts": _other_period,
    "included": _included,
    "account": _account,
    "pool_amount": _pool_share,
    "base": _discount,
    "counted": _true_up,
    "charged": _bound,
}
