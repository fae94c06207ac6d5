"""Lago's events read as usage events: the transaction is the id, the code the type, the subscription the customer.

Source: Lago's public API description, schemas EventInput and EventBatchInput.
"""

from collections.abc import Mapping
from typing import Any

from apps.usage.unix_time import as_time

_WRAPPER = "event"


def is_lago_event(raw: object) -> bool:
    """Tell whether an object is in the form that Lago takes, alone in its wrapper or one of a list."""
    inner = _unwrapped(raw)
    return isinstance(inner, dict) and "transaction_id" in inner and "id" not in inner


def as_event(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return the usage event; what it lacks is left out, so that it waits in quarantine with its reason.

    Usage belongs to a subscription there: its id is looked up among the customers' keys and aliases.
    """
    given = _unwrapped(raw)
    subscription = given.get("external_subscription_id")
    event = {
        "id": given.get("transaction_id"),
        "customer": given.get("external_customer_id") if subscription is None else subscription,
        "type": given.get("code"),
        "time": as_time(given.get("timestamp")),
        "properties": given.get("properties"),
    }
    return {name: value for name, value in event.items() if value is not None}


def _unwrapped(raw: Any) -> Any:
    return raw[_WRAPPER] if isinstance(raw, dict) and raw.keys() == {_WRAPPER} else raw
