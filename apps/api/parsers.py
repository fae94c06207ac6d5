"""Request bodies: JSON alone, plain or gzipped, read strictly, and never more of it than is allowed."""

import zlib
from collections.abc import Mapping
from typing import IO, Any

from django.http import HttpRequest
from rest_framework.parsers import BaseParser
from rest_framework.request import Request

from apps.api import errors
from apps.usage import strict_json
from apps.usage.read_batch import read_batch

MOST_BYTES = 10 * 1024 * 1024
_GZIP = 31


class StrictJSONParser(BaseParser):
    """Reads a JSON body, refusing what could be understood in two ways; see `strict_json.load`."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        request: Request = (parser_context or {})["request"]
        encoding = request.META.get("HTTP_CONTENT_ENCODING", "identity").strip().lower()
        if encoding not in {"identity", "gzip"}:
            raise errors.EncodingRefused(encoding)
        body = stream.read(MOST_BYTES + 1)
        if len(body) > MOST_BYTES:
            raise errors.BodyTooLarge(MOST_BYTES)
        return self.load(_inflated(body) if encoding == "gzip" else body, request)

    def load(self, body: bytes, request: Request) -> Any:
        """Read the whole body."""
        return strict_json.load(body)


class EventsParser(StrictJSONParser):
    """Reads events: a plain batch at once, and any other body as strictly as every body is read."""

    def load(self, body: bytes, request: Request) -> Any:
        read = read_batch(body, customer_key=request.user.customer_key)  # type: ignore[union-attr]
        return super().load(body, request) if read is None else read


def require_body(request: HttpRequest) -> None:
    """Refuse a body of no, unknown or too great length before any of it is read."""
    length = request.META.get("CONTENT_LENGTH") or ""
    if not length.isdecimal() or int(length[:20]) == 0:
        raise errors.LengthRequired if request.META.get("HTTP_TRANSFER_ENCODING") else errors.EmptyBody
    if int(length[:20]) > MOST_BYTES:
        raise errors.BodyTooLarge(MOST_BYTES)


def _inflated(body: bytes) -> bytes:
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
