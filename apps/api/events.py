"""POST /events: usage comes in here."""

from typing import Any, ClassVar

import orjson
from django.http import HttpResponse
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from apps.api import errors
from apps.api.parsers import EventsParser
from apps.api.resource import Resource
from apps.core import clock
from apps.customers.models import ApiKey
from apps.usage import gather
from apps.usage.ingest import ingest
from apps.usage.intake import State


class EventFields(serializers.Serializer[Any]):
    """One event."""

    id = serializers.CharField(
        max_length=500,
        help_text="Your own id of the event; the same id counts once for ever. Repeat it on retries.",
    )
    customer = serializers.CharField(max_length=500, help_text="The customer's key.")
    type = serializers.CharField(max_length=100, help_text="What happened, as meters count it: llm.request")
    time = serializers.DateTimeField(help_text="When it happened, with its offset: 2026-11-23T10:15:00Z")
    quantity = serializers.DecimalField(
        max_digits=40, decimal_places=18, required=False, help_text="How much; 1 if left out."
    )
    properties = serializers.DictField(
        required=False, help_text="What meters add up and prices tell apart: model, input_tokens, ..."
    )


class EventsBody(serializers.Serializer[Any]):
    """A batch of events; one event alone, or a bare list, is taken too."""

    events = EventFields(many=True)


class EventDetail(serializers.Serializer[Any]):
    """What became of an event that was not plainly counted."""

    index = serializers.IntegerField(help_text="Its place in the batch, from 0.")
    id = serializers.CharField(allow_null=True)
    state = serializers.ChoiceField([state.value for state in State if state is not State.COUNTED])
    reason = serializers.CharField()
    field = serializers.CharField()
    remedy = serializers.CharField(help_text="What to do about it.")


class EventsAnswer(serializers.Serializer[Any]):
    """What became of a batch: received = counted + duplicate + conflict + quarantined."""

    received = serializers.IntegerField()
    counted = serializers.IntegerField()
    duplicate = serializers.IntegerField(help_text="Counted before: the same id and body.")
    conflict = serializers.IntegerField(
        help_text="The id was counted before with another body, which stands."
    )
    quarantined = serializers.IntegerField(help_text="Kept, not counted, until its cause is mended.")
    details = EventDetail(many=True)


class Events(Resource):
    """Usage events."""

    scopes: ClassVar[dict[str, str]] = {"POST": ApiKey.Scope.EVENTS_WRITE}
    parser_classes = (EventsParser,)

    @extend_schema(
        operation_id="post_events",
        summary="Post usage",
        description=(
            "Up to 10,000 events and 10 MiB at once. The answer is given after the events are committed. Each event is "
            "judged alone: what cannot be counted is kept in quarantine and listed with its reason, and the others count. "
            "Send a batch again with the same ids whenever an answer was lost: nothing counts twice."
        ),
        request=EventsBody,
        responses=EventsAnswer,
        examples=[
            OpenApiExample(
                "An LLM call",
                request_only=True,
                value={
                    "events": [
                        {
                            "id": "request-8412",
                            "customer": "acme",
                            "type": "llm.request",
                            "time": "2026-11-23T10:15:00Z",
                            "properties": {"model": "large", "input_tokens": 812, "output_tokens": 94},
                        }
                    ]
                },
            )
        ],
    )
    def post(self, request: Request) -> HttpResponse:
        events = _events(request.data)
        count = gather.ingest if len(events) <= gather.SMALL else ingest
        ingested = count(
            events=events, at=clock.now(), actor=self.caller.actor, customer_key=self.caller.customer_key
        )
        return HttpResponse(orjson.dumps(ingested), content_type="application/json")


def _events(body: object) -> list[object]:
    if isinstance(body, list):
        return body
    if not isinstance(body, dict):
        raise errors.NotEvents
    if "events" not in body:
        return [body]
    if len(body) > 1 or not isinstance(body["events"], list):
        raise errors.NotEvents
    return body["events"]
