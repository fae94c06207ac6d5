"""Reads a whole plain batch at once; whatever is not plain is left to the strict reader, which says what is wrong.

Plain means: JSON that every reader understands alike, and fields of the right kinds. Two readers, one result: a test
compares them on whatever either takes.
"""

from decimal import Decimal
from typing import Annotated, Any

import msgspec

from apps.usage.read_event import (
    LONGEST_CONTRACT,
    LONGEST_CUSTOMER,
    LONGEST_ID,
    LONGEST_TYPE,
    ReadEvent,
    read_plain,
)

_LONGEST_NUMBER = 64
# NUL and halves of surrogate pairs.
_SUSPECT = (rb"\u0000", rb"\ud", rb"\uD")
_BACKSLASH = b"\\"


def _exact(text: str) -> Decimal:
    if len(text) > _LONGEST_NUMBER:
        raise ValueError
    return Decimal(text)


class _Plain(msgspec.Struct, gc=False):
    """An event whose fields are of the right kinds."""

    id: Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_ID)]
    type: Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_TYPE)]
    time: str
    customer: Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_CUSTOMER)] | None = None
    contract: Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_CONTRACT)] | None = None
    quantity: Any = None
    properties: dict[str, Any] | None = None


class _Wrapped(msgspec.Struct, gc=False):
    events: list[_Plain]


_LIST = msgspec.json.Decoder(list[_Plain], float_hook=_exact)
_WRAPPED = msgspec.json.Decoder(_Wrapped, float_hook=_exact)
_ONE = msgspec.json.Decoder(_Plain, float_hook=_exact)


def read_batch(body: bytes, *, customer_key: str | None = None) -> list[ReadEvent] | None:
    """Read a list of events, bare or as {"events": []}, or one event; return None for the strict reader to look at.

    `customer_key` is the customer that a confined API key stands for.
    """
    if _BACKSLASH in body and any(suspect in body for suspect in _SUSPECT):
        return None
    is_list = body[:1] == b"["
    is_one = not is_list and b"[" not in body
    try:
        if is_list:
            plain = _LIST.decode(body)
        else:
            plain = [_ONE.decode(body)] if is_one else _WRAPPED.decode(body).events
    except (msgspec.MsgspecError, RecursionError, ValueError, ArithmeticError):
        return None
    if not _is_unambiguous(body, plain, names=int(not (is_list or is_one)), lists=int(not is_one)):
        return None
    read = []
    for index, one in enumerate(plain):
        customer = one.customer or customer_key or one.contract
        if customer is None:
            return None
        event = read_plain(
            index,
            one.id,
            customer,
            one.contract or "",
            one.type,
            one.time,
            one.quantity,
            one.properties,
            is_flat=True,
        )
        if event is None:
            return None
        read.append(event)
    return read


def _is_unambiguous(body: bytes, plain: list[_Plain], *, names: int, lists: int) -> bool:
    """Tell whether every name in the body was read once, and no list or object lies inside the properties.

    Each name and text that was read has two quotation marks. A name that is there twice, or within an object inside, adds
    some; so does a mark within a text, which only sends the batch to the strict reader.
    """
    texts = names
    for one in plain:
        texts += 6 + 2 * (one.customer is not None) + 2 * (one.contract is not None)
        if one.quantity is not None:
            texts += 1 + (type(one.quantity) is str)
        if one.properties is not None:
            texts += 1 + len(one.properties)
            for value in one.properties.values():
                if type(value) is str:
                    texts += 1
    return body.count(b'"') == 2 * texts and body.count(b"[") == lists
