"""Reads the tokens of a model's response, so that an event says each of them once, in a part that has its own price.

Providers count differently: OpenAI's prompt tokens include what was read from the cache, Anthropic's input tokens don't. Here
`input_tokens` are those at the full price, and `total_input_tokens` is all that was read, as long-context prices ask for.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import TypeVar

Chunk = TypeVar("Chunk")
# Seconds since 1970, in Chat Completions and in Responses.
_MADE_AT = ("created", "created_at")
_ENDED = frozenset({"response.completed", "response.incomplete", "response.failed"})


@dataclass(frozen=True, slots=True)
class Usage:
    """What a response says of itself; `is_known` if it says tokens.

    `id` is the response's own and, where it says when it was made, that instant: servers that speak like OpenAI's may give
    the same short ids again.
    """

    id: str | None
    is_known: bool
    properties: Mapping[str, object]


@dataclass(slots=True)
class _Gathered:
    """What the chunks of a stream have said so far, in the form of a response."""

    response: dict[str, object] = field(default_factory=dict)
    usage: dict[str, object] = field(default_factory=dict)

    def whole(self) -> dict[str, object]:
        return {**self.response, "usage": self.usage or None}


def read_openai(response: object) -> Usage:
    """Read a response of Chat Completions or Responses, as the SDK's object or as a dict."""
    usage = _of(response, "usage")
    is_chat = _of(usage, "prompt_tokens") is not None
    asked, answered = ("prompt_tokens", "completion_tokens") if is_chat else ("input_tokens", "output_tokens")
    total = _tokens(usage, asked)
    cached = min(total, _tokens(_of(usage, f"{asked}_details"), "cached_tokens"))
    return _usage(
        response,
        {
            "input_tokens": total - cached,
            "cached_tokens": cached,
            "total_input_tokens": total,
            "output_tokens": _tokens(usage, answered),
            "reasoning_tokens": _tokens(_of(usage, f"{answered}_details"), "reasoning_tokens"),
        },
    )


def read_anthropic(response: object) -> Usage:
    """Read a response of Messages, as the SDK's object or as a dict; its input tokens exclude all that has to do with the cache."""
    usage = _of(response, "usage")
    fresh, read = _tokens(usage, "input_tokens"), _tokens(usage, "cache_read_input_tokens")
    written = _tokens(usage, "cache_creation_input_tokens")
    for_an_hour = _tokens(_of(usage, "cache_creation"), "ephemeral_1h_input_tokens")
    return _usage(
        response,
        {
            "input_tokens": fresh,
            "cached_tokens": read,
            "cache_write_5m_tokens": max(0, written - for_an_hour),
            "cache_write_1h_tokens": for_an_hour,
            "total_input_tokens": fresh + read + written,
            "output_tokens": _tokens(usage, "output_tokens"),
        },
    )


def follow_openai(stream: Iterable[Chunk], done: Callable[[object], object]) -> Iterator[Chunk]:
    """Yield the chunks of a stream, and call `done` with what they amount to, also if the reader stops early."""
    gathered = _Gathered()
    try:
        for chunk in stream:
            ended = _of(chunk, "response") if _of(chunk, "type") in _ENDED else None
            _gather(gathered, chunk if ended is None else ended)
            yield chunk
    finally:
        done(gathered.whole())


def follow_anthropic(stream: Iterable[Chunk], done: Callable[[object], object]) -> Iterator[Chunk]:
    """Yield the events of a stream, and call `done` with what they amount to, also if the reader stops early."""
    gathered = _Gathered()
    try:
        for event in stream:
            _gather(gathered, _of(event, "message") if _of(event, "type") == "message_start" else event)
            yield event
    finally:
        done(gathered.whole())


_USAGE_FIELDS = (
    "prompt_tokens",
    "completion_tokens",
    "prompt_tokens_details",
    "completion_tokens_details",
    "input_tokens",
    "output_tokens",
    "input_tokens_details",
    "output_tokens_details",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
    "cache_creation",
)


def _gather(gathered: _Gathered, said: object) -> None:
    """Take in a chunk: figures are running totals, so the latest counts."""
    for name in ("id", "model"):
        if isinstance(value := _of(said, name), str):
            gathered.response[name] = value
    # Some servers date every chunk anew; the first one dates the response.
    for name in _MADE_AT:
        if (value := _of(said, name)) is not None:
            gathered.response.setdefault(name, value)
    usage = _of(said, "usage")
    gathered.usage.update({name: value for name in _USAGE_FIELDS if (value := _of(usage, name)) is not None})


def _usage(response: object, tokens: Mapping[str, int]) -> Usage:
    model = _of(response, "model")
    is_known = _of(response, "usage") is not None
    named = {"model": model} if isinstance(model, str) else {}
    return Usage(_id(response), is_known, {**named, **(tokens if is_known else {})})


def _id(response: object) -> str | None:
    id = _of(response, "id")
    if not isinstance(id, str) or not id:
        return None
    made_at = next(
        (at for name in _MADE_AT if isinstance(at := _of(response, name), int | float) and isfinite(at)), None
    )
    return id if made_at is None else f"{id}-{int(made_at)}"


def _of(value: object, name: str) -> object:
    return value.get(name) if isinstance(value, Mapping) else getattr(value, name, None)


def _tokens(value: object, name: str) -> int:
    count = _of(value, name)
    return count if isinstance(count, int) else 0
