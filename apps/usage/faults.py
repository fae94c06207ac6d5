"""Why an event cannot be counted: the reason, the field at fault, and what to do about it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from difflib import get_close_matches

from apps.usage.models import QuarantinedEvent

Reason = QuarantinedEvent.Reason


@dataclass(frozen=True, slots=True)
class Fault:
    """One reason not to count an event."""

    reason: str
    field: str
    remedy: str


NOT_AN_EVENT = Fault(
    Reason.NOT_AN_EVENT, "", "Send an object with id, customer, type, time and, where needed, properties."
)
BAD_ID = Fault(
    Reason.BAD_ID,
    "id",
    "Give each event its own id, a string of 1 to 500 characters, and repeat it on retries.",
)
BAD_CUSTOMER = Fault(
    Reason.BAD_CUSTOMER, "customer", "Give the customer's key as a string of 1 to 63 characters."
)
BAD_CONTRACT = Fault(
    Reason.NO_CONTRACT,
    "contract",
    "Give the contract's number as a string of 1 to 40 characters, or leave it out.",
)
BAD_TYPE = Fault(
    Reason.BAD_TYPE, "type", "Give the type that a meter counts, a string of 1 to 100 characters."
)
BAD_TIME = Fault(
    Reason.BAD_TIME,
    "time",
    "Give the time as in ISO 8601 with its offset: 2026-11-23T10:15:00Z or ...+01:00.",
)
BAD_QUANTITY = Fault(
    Reason.BAD_QUANTITY,
    "quantity",
    "Give a number, or a decimal number as a string, with at most 15 digits before and 18 after the point.",
)
NO_DIMENSION = "a string of at most 200 characters, a number, true or false"


def bad_properties(field: str, remedy: str) -> Fault:
    """Return that the properties, or one of them, cannot be kept."""
    return Fault(Reason.BAD_PROPERTIES, field[:100], remedy)


def unknown_field(name: str, fields: Collection[str]) -> Fault:
    """Return that the event has a field that events do not have: left unread, a misspelt quantity would count as 1."""
    likely = get_close_matches(name[:100].lower(), fields, n=1)
    remedy = f"Write it {likely[0]}" if likely else "Put what is your own into properties"
    return Fault(
        Reason.UNKNOWN_FIELD,
        name[:100],
        f"Events have no field {_shown(name)}. {remedy}, and send the event again.",
    )


def bad_value(field: str) -> Fault:
    """Return that a metered property is a number that cannot be a quantity."""
    return Fault(Reason.BAD_QUANTITY, f"properties.{field}"[:100], BAD_QUANTITY.remedy)


def not_a_number(field: str) -> Fault:
    """Return that a metered property is there and is no number."""
    return Fault(
        Reason.VALUE_MISSING,
        f"properties.{field}"[:100],
        f"Give properties.{field} as a number, or as a decimal number in a string.",
    )


def negative(field: str) -> Fault:
    """Return that a quantity is below zero where nothing can be taken back."""
    return Fault(
        Reason.BAD_QUANTITY,
        (field or "properties")[:100],
        "A quantity is never below zero here. To take usage back, void the event that counted it.",
    )


def bad_computed(text: str) -> Fault:
    """Return that a meter's formula has no usable value for this event."""
    return Fault(
        Reason.BAD_QUANTITY,
        "properties",
        f"The meter computes {text}, which has no usable value here. Correct the properties that it names.",
    )


def no_different_value(field: str) -> Fault:
    """Return that a property whose different values are counted has none that can be kept."""
    return Fault(
        Reason.VALUE_MISSING, f"properties.{field}"[:100], f"Give properties.{field} as {NO_DIMENSION}."
    )


def unknown_state(states: Collection[str]) -> Fault:
    """Return that an outcome's state is none of those that are known."""
    return Fault(
        Reason.VALUE_MISSING, "properties.state", f"Give properties.state as one of {', '.join(states)}."
    )


def bad_weight(state: str) -> Fault:
    """Return that a state that is billed by its weight has none."""
    return Fault(
        Reason.BAD_QUANTITY,
        "properties.weight",
        f"An outcome that is {state} is billed by its weight: give properties.weight from 0 to 1.",
    )


def value_missing(fields: Collection[str]) -> Fault:
    """Return that none of the properties is there that the contract's charges add up."""
    names = sorted(fields)
    return Fault(
        Reason.VALUE_MISSING,
        f"properties.{names[0]}"[:100],
        f"Give at least one of {', '.join(f'properties.{name}' for name in names)} as a number.",
    )


def price_missing(name: str) -> Fault:
    """Return that an event does not bring its own price, which a charge takes from it."""
    return Fault(
        Reason.VALUE_MISSING,
        f"properties.{name}"[:100],
        f"The contract bills the price that an event brings: give it as properties.{name}, a number.",
    )


def dimension_missing(field: str, meter: str) -> Fault:
    """Return that a dimension by which the contract prices the meter is missing."""
    return Fault(
        Reason.DIMENSION_MISSING,
        f"properties.{field}"[:100],
        f"Meter {meter} is priced by {field}: give properties.{field} as {NO_DIMENSION}.",
    )


def unknown_customer(key: str) -> Fault:
    """Return that no customer has this key; a key confined to another customer is told the same."""
    return Fault(
        Reason.UNKNOWN_CUSTOMER,
        "customer",
        f"There is no customer {_shown(key)}. Correct the key, or create the customer, and send the event again.",
    )


def unknown_type(type_: str) -> Fault:
    """Return that no meter counts this type."""
    return Fault(
        Reason.UNKNOWN_TYPE,
        "type",
        f"No meter counts events of type {_shown(type_)}. Correct the type, or make a meter for it, and send again.",
    )


def too_old(days: int) -> Fault:
    """Return that the event lies further back than a meter allows that would bill it."""
    return Fault(
        Reason.TOO_OLD,
        "time",
        f"Such events are taken up to {days} days late. If the time is right, ask finance staff to release it.",
    )


def too_early(at: datetime, hours: int) -> Fault:
    """Return that the event lies too far in the future."""
    return Fault(
        Reason.TOO_EARLY,
        "time",
        f"The time is more than {hours} hour{'' if hours == 1 else 's'} ahead of ours, {at:%Y-%m-%dT%H:%M:%SZ}. "
        "Check the sender's clock and send again.",
    )


def no_contract(key: str, day: date) -> Fault:
    """Return that the customer has no live contract on the event's day."""
    return Fault(
        Reason.NO_CONTRACT,
        "time",
        f"Customer {key} has no live contract on {day}. Sign or extend one, and send the event again.",
    )


def other_contract(number: str, key: str, day: date) -> Fault:
    """Return that the contract that an event names is not the customer's live one on the event's day."""
    return Fault(
        Reason.NO_CONTRACT,
        "contract",
        f"{_shown(number)} is no live contract of customer {key} on {day}. Correct the number, or leave it out.",
    )


def not_in_plan(contract: str, type_: str) -> Fault:
    """Return that the contract charges for none of the meters that the event feeds."""
    return Fault(
        Reason.NOT_IN_PLAN,
        "type",
        f"Contract {contract} has no charge for events of type {_shown(type_)}. Move it to a plan that has one.",
    )


def no_price(contract: str, meter: str, dimensions: dict[str, str]) -> Fault:
    """Return that the contract's matrix has no cell for the event's dimension values."""
    values = ", ".join(f"{name} {_shown(value)}" for name, value in dimensions.items())
    return Fault(
        Reason.NO_PRICE,
        f"properties.{next(iter(dimensions), '')}"[:100],
        f"Contract {contract} has no price of meter {meter} for {values}. Correct the value, or add a price to the plan.",
    )


def period_closed(contract: str, until: date) -> Fault:
    """Return that the contract's last invoice is finalized, so that none follows to adjust it."""
    return Fault(
        Reason.PERIOD_CLOSED,
        "time",
        f"Contract {contract} ended and is invoiced up to {until}, its last day. Extend it, and release the event.",
    )


def dismissed(reason: str, field: str) -> Fault:
    """Return that staff decided not to bill the event while it waited for a reason: sending it again does not overrule them."""
    return Fault(
        reason,
        field,
        "Finance staff dismissed this event, so it is never billed. If it is to count after all, give it another id.",
    )


def _shown(text: str) -> str:
    return repr(text if len(text) <= 80 else f"{text[:80]}…")
