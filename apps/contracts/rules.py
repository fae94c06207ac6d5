"""What may be agreed: mistakes of a change, by the field that is wrong, each with its remedy."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal

from django.core.exceptions import ValidationError

from apps.contracts import changes
from apps.contracts.commitments import settlement_days
from apps.contracts.discounts import takes_free_units
from apps.contracts.models import Commitment, Contract
from apps.contracts.terms import calendar_period
from apps.core.money import minor_digits, rounded_to_minor_unit
from apps.plans.models import PlanVersion
from apps.plans.queries import PlannedCharge

_ALL = Decimal(100)
MOST_MONTHS = 1200
# What an amendment may change at once, since no price hangs on it.
AMENDABLE = frozenset(
    {
        "payment_days",
        "bill_above",
        "late_interest_percent",
        "purchase_order",
        "signatory",
        "printed_terms",
        "renewal",
        "renewal_months",
        "notice_days",
        "uplift_percent",
        "uplift_index",
        "renews_on_version",
    }
)


# What the database holds of a contract and its rows: the field that is wrong, and the remedy.
_CONSTRAINTS = {
    "one_live_contract_per_customer_and_day": (
        "ends_on",
        "The customer has another live contract on some of these days: usage would have two prices. End it earlier.",
    ),
    "contract_is_not_empty": ("ends_on", "It ends before it has begun; choose a later day."),
    "renewal_says_for_how_long": (
        "renewal_months",
        "A contract that is renewed has an end and says for how many months; give both, or no renewal.",
    ),
    "uplift_is_a_percentage": ("uplift_percent", "Between 0 and 1000 percent: 5 for five percent."),
    "discount_is_not_empty": ("ends_on", "It ends before it has begun; choose a later day."),
    "cap_is_not_empty": ("ends_on", "It ends before it has begun; choose a later day."),
    "promised_grant_is_not_empty": ("ends_on", "It ends before it has begun; choose a later day."),
    "a_discount_key_is_used_once_at_a_time": (
        "key",
        "There is one of that name on these days; end it first.",
    ),
    "a_promised_grant_key_begins_once_on_a_day": (
        "key",
        "There is one of that name from this day on; end it first.",
    ),
    "a_commitment_key_is_used_once_at_a_time": (
        "key",
        "There is one of that name on these days; end it first.",
    ),
}


def by_field(refused: ValidationError) -> dict[str, str]:
    """Return what a row was refused for by the field that is wrong, constraints of the database in words."""
    found: dict[str, str] = {}
    for name, texts in refused.message_dict.items():
        for text in texts:
            known = (said for constraint, said in _CONSTRAINTS.items() if f"“{constraint}”" in text)
            field, words = next(known, (name, text))
            found.setdefault(field, words)
    return found


def plan_mistake(contract: Contract, version: PlanVersion, *, is_signed: bool) -> str:
    """Return why a contract cannot be put on a plan version, or nothing."""
    if version.currency != contract.plan_version.currency:
        return (
            f"{version} is in {version.currency} and the contract in {contract.plan_version.currency}: "
            f"choose a version in {contract.plan_version.currency}, or sign a new contract."
        )
    if is_signed and version.status != PlanVersion.Status.PUBLISHED:
        return (
            f"{version} is {version.get_status_display().lower()}: publish it, or choose a published version."
        )
    return ""


def move_mistake(contract: Contract, version: PlanVersion) -> str:
    """Return why a contract cannot be put on a plan version at its renewal, or nothing."""
    if contract.renewal == Contract.Renewal.NONE:
        return (
            "It ends with its term: move it on a day, or amend it to say for how many months it is renewed."
        )
    return plan_mistake(contract, version, is_signed=True)


def uncounted(rows: Iterable[Commitment], on: date, charges: Sequence[PlannedCharge]) -> str:
    """Return which commitment would count nothing any more on a plan with these charges from a day on, or nothing."""
    keys = {one.charge.key for one in charges}
    for row in rows:
        if row.ends_on > on and row.charge_keys and not keys.intersection(row.charge_keys):
            return (
                f"{row.name} counts {', '.join(row.charge_keys)}, which it does not have: end that commitment first, "
                "or choose a version with these charges."
            )
    return ""


def discount_mistakes(
    contract: Contract, change: changes.AddDiscount, charges: Sequence[PlannedCharge]
) -> Mapping[str, str]:
    """Return what is wrong with a discount, by field."""
    given = [value for value in (change.percent, change.amount, change.units) if value is not None]
    named = [one for one in charges if one.charge.key in change.charge_keys]
    takes_units = [takes_free_units(one) for one in named or charges]
    checks = (
        ("percent", len(given) != 1, "Give a percentage, an amount or a number of units: one of the three."),
        ("percent", any(value <= 0 for value in given), "A discount is above zero."),
        (
            "percent",
            change.percent is not None and change.percent > _ALL,
            "At most 100 percent can be taken off.",
        ),
        ("amount", _too_fine(change.amount, contract), _decimals(contract)),
        (
            "months",
            change.months is not None and change.ends_on is not None,
            "Say for how many months, or until which day: one of the two.",
        ),
        (
            "months",
            change.months is not None and not 1 <= change.months <= MOST_MONTHS,
            f"Give one month or more, at most {MOST_MONTHS}.",
        ),
        (
            "charge_keys",
            bool(change.product_id and change.charge_keys),
            "Choose a product or charges, not both.",
        ),
        (
            "units",
            change.units is not None and not (all(takes_units) if named else any(takes_units)),
            "Free units are for charges for usage that is priced by quantity.",
        ),
    )
    return _found(checks) | _unknown(change.charge_keys, charges)


def commitment_mistakes(
    contract: Contract, change: changes.AddCommitment, on: date, charges: Sequence[PlannedCharge]
) -> Mapping[str, str]:
    """Return what is wrong with a commitment, by field."""
    if change.ends_on is None or change.ends_on <= on:
        return {
            "ends_on": f"A commitment always has an end: give the first day after {on} that it no longer covers."
        }
    is_long = change.per == Commitment.Per.TERM
    checks = (
        ("amount", change.amount <= 0, "A commitment is above zero."),
        ("amount", _too_fine(change.amount, contract), _decimals(contract)),
        (
            "ends_on",
            contract.ends_on is not None and change.ends_on > contract.ends_on,
            f"The contract ends on {contract.ends_on}: the commitment ends then or before.",
        ),
        (
            "settled_months",
            change.settled_months is not None and not is_long,
            "Only a commitment over all its days is trued up in between.",
        ),
        (
            "settled_months",
            change.settled_months is not None and change.settled_months < 1,
            "Give one month or more, or leave it empty: trued up at the end alone.",
        ),
    )
    mistakes = _found(checks) | _unknown(change.charge_keys, charges)
    if is_long and not mistakes:
        row = Commitment(starts_on=on, ends_on=change.ends_on, settled_months=change.settled_months)
        amid = [day for day in (on, *settlement_days(row)) if not _begins_a_period(contract, day)]
        if amid:
            field = "settled_months" if change.settled_months else "ends_on"
            mistakes[field] = (
                f"{amid[0]} lies in the middle of a billing period: let it begin and be trued up on days on which "
                "periods begin."
            )
    return mistakes


def cap_mistakes(contract: Contract, change: changes.SetCap) -> Mapping[str, str]:
    """Return what is wrong with a cap, by field."""
    checks = (
        (
            "amount",
            (change.amount is None) == (change.quantity is None),
            "Give a cap on money or on a quantity, one of the two.",
        ),
        ("amount", _too_fine(change.amount, contract), _decimals(contract)),
        (
            "meter",
            change.quantity is not None and change.meter_id is None,
            "A cap on a quantity needs the meter that it counts.",
        ),
    )
    return _found(checks)


def grant_mistakes(
    contract: Contract, change: changes.PromiseGrant, charges: Sequence[PlannedCharge]
) -> Mapping[str, str]:
    """Return what is wrong with promised credits, by field."""
    checks = (
        ("amount", change.amount <= 0, "Give more than zero."),
        ("amount", change.credit_unit_id is None and _too_fine(change.amount, contract), _decimals(contract)),
        ("cost", change.cost < 0, "What is paid for it is never negative; 0 is a gift."),
        (
            "ends_on",
            change.ends_on is not None and change.every_months is None,
            "It is given once, so it needs no end; say every how many months, or leave the end empty.",
        ),
    )
    return _found(checks) | _unknown(change.charge_keys, charges)


def _found(checks: Iterable[tuple[str, bool, str]]) -> dict[str, str]:
    """Return the first mistake of each field."""
    mistakes: dict[str, str] = {}
    for field, is_wrong, text in checks:
        if is_wrong:
            mistakes.setdefault(field, text)
    return mistakes


def _too_fine(amount: Decimal | None, contract: Contract) -> bool:
    currency = contract.plan_version.currency
    return amount is not None and rounded_to_minor_unit(amount, currency) != amount


def _decimals(contract: Contract) -> str:
    currency = contract.plan_version.currency
    return f"{currency} has {minor_digits(currency)} decimals; give no more."


def _unknown(keys: Sequence[str], charges: Sequence[PlannedCharge]) -> dict[str, str]:
    unknown = sorted(set(keys) - {one.charge.key for one in charges})
    return {"charge_keys": f"The plan has no charge {', '.join(unknown)} on that day."} if unknown else {}


def _begins_a_period(contract: Contract, day: date) -> bool:
    """Tell whether a period begins on the day, as it does on the first day and the one after the last."""
    if day in {contract.starts_on, contract.ends_on}:
        return True
    return calendar_period(contract, day).starts_on == day
