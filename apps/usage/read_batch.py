"""Reads a whole plain batch at once; whatever is not plain is left to the strict reader, which says what is wrong.

Plain means: JSON that every reader understands alike, and fields of the right kinds. Two readers, one result: a test
compares them on whatever either takes.
"""

from decimal import Decimal

import msgspec

from apps.usage.read_event import Plain, ReadEvent, read_plain
from apps.usage.strict_json import LONGEST_NUMBER

# NUL, halves of surrogate pairs, and a quotation mark that is none.
_SUSPECT = (rb"\u0000", rb"\ud", rb"\uD", rb"\u0022")
_BACKSLASH = b"\\"


def _exact(text: str) -> Decimal:
    if len(text) > LONGEST_NUMBER:
        raise ValueError
    return Decimal(text)


class _Wrapped(msgspec.Struct, gc=False):
    events: list[Plain]


_LIST = msgspec.json.Decoder(list[Plain], float_hook=_exact)
_WRAPPED = msgspec.json.Decoder(_Wrapped, float_hook=_exact)
_ONE = msgspec.json.Decoder(Plain, float_hook=_exact)


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
    is_wrapped = not (is_list or is_one)
    objects = is_wrapped + len(plain) + sum(one.properties is not None for one in plain)
    is_flat = body.count(b"{") == objects and body.count(b"[") == (not is_one)
    customers = [one.customer or customer_key or one.contract for one in plain]
    read = None if None in customers else read_plain(plain, customers, is_flat=is_flat)  # type: ignore[arg-type]
    if read is None or body.count(b'"') != 2 * is_wrapped + _marks(plain, read):
        return None
    return read


def _marks(plain: list[Plain], read: list[ReadEvent]) -> int:
    """Return how many quotation marks events have that are written with every name once, and with no name but ours.

    Two for every name and text. A name that is there twice adds some, so a body that has just these can be understood in
    one way only. A mark within an id or type adds one too, which only sends the batch to the strict reader.
    """
    marks = 12 * len(plain) + b"".join([one.properties_json for one in read]).count(b'"')
    for one in plain:
        if one.customer is not None:
            marks += 4
        if one.properties is not None:
            marks += 2
        if one.contract is not None:
            marks += 4
        if one.quantity is not None:
            marks += 4 if type(one.quantity) is str else 2
    return marks
