"""CloudEvents 1.0 read as usage events: the source and the id together are the id, and the subject is the customer.

Source: CloudEvents specification 1.0, JSON event format and HTTP protocol binding.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from apps.usage import strict_json

SPECVERSION = "specversion"
_ESCAPED = re.compile(r"\\(.)")


def is_cloud_event(raw: object) -> bool:
    """Tell whether an object says that it is a CloudEvent."""
    return isinstance(raw, dict) and SPECVERSION in raw


def as_event(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return the usage event; what it lacks is left out, so that it waits in quarantine with its reason.

    A null attribute is an absent one. `|` cannot occur in a URI and is encoded where it does, so source and id
    stay apart.
    """
    given = {name: value for name, value in raw.items() if value is not None}
    event: dict[str, Any] = {
        "type": given.get("type"),
        "time": given.get("time"),
        "customer": given.get("subject"),
    }
    if (
        isinstance(given.get("source"), str)
        and isinstance(given.get("id"), str)
        and given["source"]
        and given["id"]
    ):
        event["id"] = f"{given['source'].replace('|', '%7C')}|{given['id']}"
    if "data_base64" in given:
        event["properties"] = _decoded(given["data_base64"])
    elif "data" in given:
        event["properties"] = given["data"]
    return {name: value for name, value in event.items() if value is not None}


def from_headers(headers: Mapping[str, str], data: object) -> dict[str, Any]:
    """Return the event of a binary-mode request: attributes in `ce-` headers, the data as its body."""
    attributes = {
        name.lower().removeprefix("ce-"): _header_decoded(value)
        for name, value in headers.items()
        if name.lower().startswith("ce-")
    }
    return as_event({**attributes, "data": data})


def _header_decoded(value: str) -> str:
    """Return what a header's value stands for: first out of its quotes, then of its percent-encoded UTF-8.

    Percent signs that encode no UTF-8 stay as they are, so that two ids never become one.
    Source: CloudEvents HTTP protocol binding 1.0, 3.1.3.2.
    """
    if len(value) > 1 and value[0] == value[-1] == '"':
        value = _ESCAPED.sub(r"\1", value[1:-1])
    try:
        return unquote(value, errors="strict")
    except UnicodeDecodeError:
        return value


def _decoded(text: object) -> object:
    """Return the data that base64 holds; as it is, where that is no JSON, for the quarantine to keep."""
    try:
        return strict_json.load(base64.b64decode(str(text), validate=True))
    except (binascii.Error, ValueError):
        return text
