"""Request bodies: JSON, or events one a line, plain or packed, read strictly, and never more of it than is allowed."""

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import IO, Any, Protocol
from urllib.parse import parse_qsl

import zstandard
from django.http import HttpRequest
from rest_framework.parsers import BaseParser
from rest_framework.request import Request

from apps.api import errors
from apps.usage import cloud_events, lago_events, strict_json, stripe_events
from apps.usage.read_batch import read_batch
from apps.usage.strict_json import BadJson

MOST_BYTES = 10 * 1024 * 1024
LINES = frozenset(
    {"application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines"}
)
FORM = "application/x-www-form-urlencoded"
CLOUD_EVENT_HEADER = "ce-specversion"
_GZIP = 31
_MOST_WINDOW = 8 * 1024 * 1024
_PIECE = 64 * 1024
_PART = 256 * 1024
_MORSEL = 256
_MOST_FIELDS = 200


class StrictJSONParser(BaseParser):
    """Reads a JSON body, refusing what could be understood in two ways; see `strict_json.load`."""

    media_type = "application/json"
    other_media_types: frozenset[str] = frozenset()

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        request: Request = (parser_context or {})["request"]
        encoding = request.META.get("HTTP_CONTENT_ENCODING", "identity").strip().lower()
        inflate = _INFLATERS.get(encoding)
        if inflate is None:
            raise errors.EncodingRefused(encoding)
        return self.load(inflate(iter(lambda: stream.read(_PIECE), b"")), request)

    def load(self, body: bytes, request: Request) -> Any:
        """Read the whole body."""
        return strict_json.load(body)


class EventsParser(StrictJSONParser):
    """Reads events in every form that they come in, as a list: a plain batch at once, anything else strictly."""

    other_media_types = LINES | {FORM}

    def load(self, body: bytes, request: Request) -> list[Any]:
        kind = (request.content_type or "").partition(";")[0].strip().lower()
        if CLOUD_EVENT_HEADER in request.headers:
            return [cloud_events.from_headers(request.headers, strict_json.load(body))]
        if kind == FORM:
            return [stripe_events.as_event(_form(body))]
        if kind in LINES:
            return _lines(body, request)
        read = read_batch(body, customer_key=request.user.customer_key)  # type: ignore[union-attr]
        return plainly(_listed(strict_json.load(body))) if read is None else [*read]


def require_body(request: HttpRequest) -> None:
    """Refuse a body of no, unknown or too great length before any of it is read."""
    length = request.META.get("CONTENT_LENGTH") or ""
    if not length.isdecimal() or int(length[:20]) == 0:
        raise errors.LengthRequired if request.META.get("HTTP_TRANSFER_ENCODING") else errors.EmptyBody
    if int(length[:20]) > MOST_BYTES:
        raise errors.BodyTooLarge(MOST_BYTES)


def _listed(body: object) -> list[object]:
    if isinstance(body, list):
        return body
    if not isinstance(body, dict):
        raise errors.NotEvents
    if "events" not in body:
        return [body]
    if len(body) > 1 or not isinstance(body["events"], list):
        raise errors.NotEvents
    return body["events"]


def _lines(body: bytes, request: Request) -> list[Any]:
    """Read one event a line; empty lines are none. A line that cannot be read is named, and nothing of the body counts."""
    lines = [(number, line) for number, line in enumerate(body.splitlines(), start=1) if line.strip()]
    together = b"[" + b",".join(line for _, line in lines) + b"]"
    read = read_batch(together, customer_key=request.user.customer_key)  # type: ignore[union-attr]
    if read is not None and len(read) == len(lines):
        return [*read]
    events = []
    for number, line in lines:
        try:
            events.append(strict_json.load(line))
        except BadJson as mistake:
            raise mistake.in_line(number) from None
    return plainly(events)


def plainly(events: Sequence[object]) -> list[object]:
    """Return the events of other systems as ours, and ours as they are."""
    return [_plain_event(event) for event in events]


def _plain_event(event: Any) -> object:
    if cloud_events.is_cloud_event(event):
        return cloud_events.as_event(event)
    if lago_events.is_lago_event(event):
        return lago_events.as_event(event)
    if stripe_events.is_stripe_event(event):
        return stripe_events.as_event(event)
    return event


def _form(body: bytes) -> dict[str, Any]:
    """Read a form as Stripe takes it; whatever else comes as a form is most often JSON whose sender named no type."""
    try:
        fields = parse_qsl(body.decode(), strict_parsing=True, errors="strict", max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise errors.BodyNotJson(FORM) from None
    event = stripe_events.from_form(fields)
    if not stripe_events.is_stripe_event(event) or any("\0" in value for field in fields for value in field):
        raise errors.BodyNotJson(FORM)
    return event


def _plain(pieces: Iterator[bytes]) -> bytes:
    body = b"".join(pieces)
    if len(body) > MOST_BYTES:
        raise errors.BodyTooLarge(MOST_BYTES)
    return body


def _gunzipped(pieces: Iterator[bytes]) -> bytes:
    inflater = zlib.decompressobj(_GZIP)
    return _inflated(pieces, _gzip_parts(pieces, inflater), inflater, errors.BadGzip)


def _unzstd(pieces: Iterator[bytes]) -> bytes:
    # The window is bounded as well, so that a frame's header cannot ask for gigabytes.
    inflater = zstandard.ZstdDecompressor(max_window_size=_MOST_WINDOW).decompressobj()
    return _inflated(pieces, _zstd_parts(pieces, inflater), inflater, errors.BadZstd)


class _Inflater(Protocol):
    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...


def _inflated(
    pieces: Iterator[bytes],
    parts: Iterator[bytes],
    inflater: _Inflater,
    broken: type[errors.BadGzip | errors.BadZstd],
) -> bytes:
    """Inflate one whole stream bit by bit, so that a bomb never lies in memory, neither packed nor unpacked.

    A stream that is cut short, or followed by anything, is refused: the events it lacks would else be lost unseen.
    """
    size = 0
    inflated: list[bytes] = []
    try:
        for part in parts:
            inflated.append(part)
            size += len(part)
            if size > MOST_BYTES:
                break
        whole = inflater.eof and not inflater.unused_data
    except (zlib.error, zstandard.ZstdError):
        whole = False
    # A caller who is still sending would not hear the answer.
    more = _read_out(pieces)
    if size > MOST_BYTES:
        raise errors.BodyTooLarge(MOST_BYTES)
    if more or not whole:
        raise broken
    return b"".join(inflated)


def _gzip_parts(pieces: Iterator[bytes], inflater: "zlib._Decompress") -> Iterator[bytes]:
    """Yield what the pieces hold, until something follows the end of the stream."""
    for piece in pieces:
        part = inflater.decompress(piece, _PART)
        while part:
            yield part
            part = inflater.decompress(inflater.unconsumed_tail, _PART)
        if inflater.unused_data:
            return


def _zstd_parts(pieces: Iterator[bytes], inflater: "zstandard.ZstdDecompressionObj") -> Iterator[bytes]:
    """Yield what the pieces hold; a morsel holds 64 blocks at most, of 128 KiB each."""
    for piece in pieces:
        for start in range(0, len(piece), _MORSEL):
            yield inflater.decompress(piece[start : start + _MORSEL])


def _read_out(pieces: Iterator[bytes]) -> bool:
    """Read the rest and keep none of it; return whether there was any."""
    return sum(1 for _ in pieces) > 0


_INFLATERS: Mapping[str, Callable[[Iterator[bytes]], bytes]] = {
    "identity": _plain,
    "gzip": _gunzipped,
    "zstd": _unzstd,
}
