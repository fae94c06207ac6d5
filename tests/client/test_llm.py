"""Tokens of OpenAI- and Anthropic-style responses, by the published shapes of their usage."""

import json
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from meterbook_client import MeterbookError, NoUsage
from meterbook_client.llm import read_anthropic, read_openai
from tests.client.conftest import Connect
from tests.client.server import Server

SAMPLES = Path(__file__).resolve().parents[3] / "shared" / "data" / "events" / "adapter_samples.json"

CHAT = {
    "prompt_tokens": 2006,
    "completion_tokens": 300,
    "total_tokens": 2306,
    "prompt_tokens_details": {"cached_tokens": 1920, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 192},
}
RESPONSES = {
    "input_tokens": 2006,
    "input_tokens_details": {"cached_tokens": 1920},
    "output_tokens": 300,
    "output_tokens_details": {"reasoning_tokens": 192},
}
OPENAI = {
    "input_tokens": 86,
    "cached_tokens": 1920,
    "total_input_tokens": 2006,
    "output_tokens": 300,
    "reasoning_tokens": 192,
}
MESSAGES = {
    "input_tokens": 86,
    "cache_creation_input_tokens": 248,
    "cache_read_input_tokens": 1800,
    "output_tokens": 503,
    "cache_creation": {"ephemeral_5m_input_tokens": 148, "ephemeral_1h_input_tokens": 100},
}
ANTHROPIC = {
    "input_tokens": 86,
    "cached_tokens": 1800,
    "cache_write_5m_tokens": 148,
    "cache_write_1h_tokens": 100,
    "total_input_tokens": 2134,
    "output_tokens": 503,
}


def objects(value: Any) -> Any:
    """The same as an SDK's objects."""
    return json.loads(json.dumps(value), object_hook=lambda fields: SimpleNamespace(**fields))


def as_sampled(tokens: Mapping[str, object]) -> dict[str, object]:
    """Our properties under the names of the samples."""
    names = {
        "input_uncached": "input_tokens",
        "input_cached": "cached_tokens",
        "output": "output_tokens",
        "of_which_reasoning": "reasoning_tokens",
        "cache_write_5m": "cache_write_5m_tokens",
        "cache_write_1h": "cache_write_1h_tokens",
        "total_input_for_long_context": "total_input_tokens",
    }
    return {name: tokens[ours] for name, ours in names.items() if ours in tokens}


@pytest.mark.parametrize("usage", [CHAT, RESPONSES])
@pytest.mark.parametrize("form", [dict, objects])
def test_openai_counts_what_it_read_from_the_cache_as_input(usage: dict[str, Any], form: Any) -> None:
    """2,006 input tokens of which 1,920 cached: 86 at the full price."""
    read = read_openai(form({"id": "chatcmpl-1", "model": "gpt-5", "usage": usage}))

    assert (read.id, read.properties) == ("chatcmpl-1", {"model": "gpt-5", **OPENAI})


@pytest.mark.parametrize("form", [dict, objects])
def test_anthropic_leaves_the_cache_out_of_its_input(form: Any) -> None:
    """86 + 1,800 read + 248 written = 2,134 in all."""
    read = read_anthropic(form({"id": "msg_1", "model": "claude-opus-4-6", "usage": MESSAGES}))

    assert (read.id, read.properties) == ("msg_1", {"model": "claude-opus-4-6", **ANTHROPIC})


def test_cache_writes_of_unsaid_life_are_those_of_five_minutes() -> None:
    usage = {"input_tokens": 1, "output_tokens": 1, "cache_creation_input_tokens": 7, "cache_creation": None}

    tokens = read_anthropic({"usage": usage}).properties

    assert (tokens["cache_write_5m_tokens"], tokens["cache_write_1h_tokens"]) == (7, 0)


@pytest.mark.skipif(not SAMPLES.exists(), reason="the samples are not beside this checkout")
def test_the_published_samples_come_out() -> None:
    samples = json.loads(SAMPLES.read_text())
    openai, anthropic = samples["openai_chat_usage"], samples["anthropic_messages_usage"]

    read = as_sampled(read_openai({"usage": openai["usage"]}).properties)
    assert {name: read[name] for name in openai["expected"]} == openai["expected"]
    read = as_sampled(read_anthropic({"usage": anthropic["usage"]}).properties)
    assert {name: read[name] for name in anthropic["expected"]} == anthropic["expected"]


def test_one_line_meters_a_response_under_its_own_id(server: Server, connect: Connect) -> None:
    client = connect(flush_seconds=3600)

    client.openai(objects({"id": "chatcmpl-1", "model": "gpt-5", "usage": CHAT}), customer="acme", team="red")
    client.anthropic({"id": "msg_1", "model": "claude-opus-4-6", "usage": MESSAGES}, customer="acme")

    assert client.flush()
    assert [(event["id"], event["type"], event["properties"]) for event in server.taken] == [
        ("chatcmpl-1", "llm.request", {"model": "gpt-5", **OPENAI, "team": "red"}),
        ("msg_1", "llm.request", {"model": "claude-opus-4-6", **ANTHROPIC}),
    ]


MADE_AT = 1_767_225_600


@pytest.mark.parametrize("form", [dict, objects])
@pytest.mark.parametrize("field", [{"created": MADE_AT}, {"created_at": float(MADE_AT)}])
def test_an_id_that_is_given_again_later_is_another_event(form: Any, field: dict[str, Any]) -> None:
    """Small servers number their responses from 1 to 999 and begin again."""
    response: dict[str, Any] = {"id": "chatcmpl-7", "model": "local", "usage": CHAT, **field}
    later = {**response, **{name: at + 1 for name, at in field.items()}}

    ids = [read_openai(form(one)).id for one in (response, later, response)]

    assert ids == ["chatcmpl-7-1767225600", "chatcmpl-7-1767225601", "chatcmpl-7-1767225600"]


def test_a_stream_has_the_id_of_its_response_though_every_chunk_is_dated_anew(
    server: Server, connect: Connect
) -> None:
    chunks = [{**chunk, "created": MADE_AT + place} for place, chunk in enumerate(CHAT_CHUNKS)]
    client = connect()

    list(client.openai_stream(chunks, customer="acme"))

    assert client.flush()
    assert server.ids() == ["chatcmpl-1-1767225600"]


def test_an_id_of_ones_own_is_taken(server: Server, connect: Connect) -> None:
    client = connect(flush_seconds=3600)
    response = {"id": "chatcmpl-7", "created": MADE_AT, "model": "local", "usage": CHAT}

    given = [
        client.openai(response, customer="acme", id="request-1"),
        client.anthropic({"id": "msg_1", "usage": MESSAGES}, customer="acme", id="request-2"),
    ]
    list(client.openai_stream(CHAT_CHUNKS, customer="acme", id="request-3"))
    list(client.anthropic_stream(MESSAGE_EVENTS, customer="acme", id="request-4"))

    assert client.flush()
    assert given == ["request-1", "request-2"]
    assert server.ids() == [f"request-{number}" for number in (1, 2, 3, 4)]


def test_a_response_without_usage_is_recorded_and_told(
    server: Server, connect: Connect, errors: list[MeterbookError]
) -> None:
    client = connect()

    key = client.openai({"id": "chatcmpl-2", "model": "gpt-5"}, customer="acme")

    assert client.flush()
    assert (key, server.taken[0]["properties"]) == ("chatcmpl-2", {"model": "gpt-5"})
    assert [type(error) for error in errors] == [NoUsage]


CHAT_CHUNKS: list[dict[str, Any]] = [
    {"id": "chatcmpl-1", "model": "gpt-5", "choices": [{"delta": {"content": "Hi"}}], "usage": None},
    {"id": "chatcmpl-1", "model": "gpt-5", "choices": [], "usage": CHAT},
]
RESPONSE_EVENTS = [
    {"type": "response.output_text.delta", "delta": "Hi"},
    {"type": "response.completed", "response": {"id": "resp_1", "model": "gpt-5", "usage": RESPONSES}},
]
MESSAGE_EVENTS = [
    {
        "type": "message_start",
        "message": {"id": "msg_1", "model": "claude-opus-4-6", "usage": {**MESSAGES, "output_tokens": 1}},
    },
    {"type": "content_block_delta", "delta": {"text": "Hi"}},
    {"type": "message_delta", "usage": {"output_tokens": 503}},
]


@pytest.mark.parametrize("form", [list, objects])
@pytest.mark.parametrize(("chunks", "key"), [(CHAT_CHUNKS, "chatcmpl-1"), (RESPONSE_EVENTS, "resp_1")])
def test_a_stream_of_openai_passes_through_and_is_metered_at_its_end(
    server: Server, connect: Connect, chunks: list[Any], key: str, form: Any
) -> None:
    client = connect()
    given = form(chunks)

    assert list(client.openai_stream(given, customer="acme")) == given

    assert client.flush()
    assert [(event["id"], event["properties"]) for event in server.taken] == [
        (key, {"model": "gpt-5", **OPENAI})
    ]


def test_a_stream_of_anthropic_that_is_left_early_is_metered_as_far_as_it_came(
    server: Server, connect: Connect
) -> None:
    client = connect(flush_seconds=3600)
    list(client.anthropic_stream(MESSAGE_EVENTS, customer="acme"))
    left = client.anthropic_stream(MESSAGE_EVENTS, customer="acme")
    next(iter(left))
    del left

    assert client.flush()

    assert [event["properties"]["output_tokens"] for event in server.taken] == [503, 1]
    assert server.taken[0]["properties"] == {"model": "claude-opus-4-6", **ANTHROPIC}
