"""Request bodies: JSON, or events one a line, plain or packed, read strictly, and never more of it than is allowed."""

import zlib
from collections.abc import Callable, Mapping
from typing import IO, Any

import zstandard
from django.http import HttpRequest
from rest_framework.parsers import BaseParser
from rest_framework.request import Request

from apps.api import errors
from apps.usage import strict_json
from apps.usage.cloud_events import as_event, from_headers, is_cloud_event
from apps.usage.read_batch import read_batch
from apps.usage.strict_json import BadJson

MOST_BYTES = 10 * 1024 * 1024
LINES = frozenset(
    {"application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines"}
)
CLOUD_EVENT_HEADER = "ce-specversion"
_GZIP = 31
_MOST_WINDOW = 8 * 1024 * 1024


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
        body = stream.read(MOST_BYTES + 1)
        if len(body) > MOST_BYTES:
            raise errors.BodyTooLarge(MOST_BYTES)
        return self.load(inflate(body), request)

    def load(self, body: bytes, request: Request) -> Any:
        """Read the whole body."""
        return strict_json.load(body)


class EventsParser(StrictJSONParser):
    """Reads events in every form that they come in, as a list: a plain batch at once, anything else strictly."""

    other_media_types = LINES

    def load(self, body: bytes, request: Request) -> list[Any]:
        kind = (request.content_type or "").partition(";")[0].strip().lower()
        if CLOUD_EVENT_HEADER in request.headers:
            return [from_headers(request.headers, strict_json.load(body))]
        if kind in LINES:
            return _lines(body, request)
        read = read_batch(body, customer_key=request.user.customer_key)  # type: ignore[union-attr]
        return _plainly(_listed(strict_json.load(body))) if read is None else [*read]


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
    return _plainly(events)


def _plainly(events: list[object]) -> list[object]:
    return [as_event(event) if is_cloud_event(event) else event for event in events]  # type: ignore[arg-type]


def _gunzipped(body: bytes) -> bytes:
    inflater = zlib.decompressobj(_GZIP)
    try:
        inflated = inflater.decompress(body, MOST_BYTES + 1)
    except zlib.error:
        raise errors.BadGzip from None
    if len(inflated) > MOST_BYTES:
        raise errors.BodyTooLarge(MOST_BYTES)
    if not inflater.eof or inflater.unused_data:
        raise errors.BadGzip
    return inflated


def _unzstd(body: bytes) -> bytes:
    # The window is bounded as well, so that a frame's header cannot ask for gigabytes.
    reader = zstandard.ZstdDecompressor(max_window_size=_MOST_WINDOW).stream_reader(
        body, read_across_frames=False
    )
    try:
        inflated = reader.read(MOST_BYTES + 1)
        is_whole = not reader.read(1)
    except zstandard.ZstdError:
        raise errors.BadZstd from None
    if len(inflated) > MOST_BYTES:
        raise errors.BodyTooLarge(MOST_BYTES)
    if not is_whole or not inflated:
        raise errors.BadZstd
    return inflated


_INFLATERS: Mapping[str, Callable[[bytes], bytes]] = {
    "identity": lambda body: body,
    "gzip": _gunzipped,
    "zstd": _unzstd,
}
