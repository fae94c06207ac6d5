"""Stripe's meter events read as usage events: the identifier is the id, the event name the type, the value the quantity.

Source: Stripe's public API description, billing meter events (v1) and meter event stream (v2).
"""

from collections.abc import Iterable, Mapping
from typing import Any

from apps.usage.unix_time import as_time

_CUSTOMER, _VALUE = "stripe_customer_id", "value"
_PAYLOAD = "payload["


def is_stripe_event(raw: object) -> bool:
    """Tell whether an object is in the form that Stripe's meters take."""
    return isinstance(raw, dict) and "event_name" in raw and "payload" in raw and "id" not in raw


def as_event(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return the usage event; what it lacks is left out, so that it waits in quarantine with its reason.

    Customer and value stand under the names that Stripe gives them by default; what else the payload holds are properties.
    """
    payload = raw["payload"] if isinstance(raw["payload"], dict) else {}
    event = {
        "id": raw.get("identifier"),
        "customer": payload.get(_CUSTOMER),
        "type": raw.get("event_name"),
        "time": as_time(raw.get("timestamp")),
        "quantity": payload.get(_VALUE),
        "properties": {name: value for name, value in payload.items() if name not in {_CUSTOMER, _VALUE}},
    }
    return {name: value for name, value in event.items() if value not in (None, {})}


def from_form(fields: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Return the meter event of a form-encoded body, whose payload stands in `payload[name]`."""
    event: dict[str, Any] = {"payload": {}}
    for name, value in fields:
        if name.startswith(_PAYLOAD) and name.endswith("]"):
            event["payload"][name[len(_PAYLOAD) : -1]] = value
        else:
            event[name] = value
    return event
