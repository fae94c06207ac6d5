"""POST /events: usage comes in here."""

from typing import Any, ClassVar

import orjson
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from apps.api.parsers import EventsParser
from apps.api.resource import Fields, Resource, checked
from apps.core import clock
from apps.customers.models import ApiKey
from apps.usage import gather
from apps.usage.ingest import ingest
from apps.usage.intake import Ingested, State


class EventFields(serializers.Serializer[Any]):
    """One event."""

    id = serializers.CharField(
        max_length=500,
        help_text="Your own id of the event; the same id counts once for ever. Repeat it on retries.",
    )
    customer = serializers.CharField(
        max_length=63,
        required=False,
        help_text="The customer's key, an alias, or the number of one of its contracts. It may be left out where a contract is named, or the API key is confined to one.",
    )
    contract = serializers.CharField(
        max_length=40,
        required=False,
        help_text="The number of the contract. Given alone it names the customer too; given beside one, it must be that customer's.",
    )
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


class EventsQuestion(Fields):
    """How the events are to be taken."""

    atomic = serializers.BooleanField(required=False, default=False)


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


_FORMS = {
    "application/json": EventsBody,
    "application/x-ndjson": EventFields,
    "application/cloudevents+json": OpenApiTypes.OBJECT,
    "application/cloudevents-batch+json": OpenApiTypes.OBJECT,
}
_EXAMPLE = OpenApiExample(
    "An LLM call",
    request_only=True,
    media_type="application/json",
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


class Events(Resource):
    """Usage events."""

    scopes: ClassVar[dict[str, str]] = {"POST": ApiKey.Scope.EVENTS_WRITE}
    parser_classes = (EventsParser,)

    @extend_schema(
        operation_id="post_events",
        summary="Post usage",
        description=(
            'Up to 10,000 events and 10 MiB unpacked at once: one event, a list, {"events": []}, one event a line '
            "(application/x-ndjson), or CloudEvents 1.0, single, in batches or in binary mode. The body may be packed "
            "(Content-Encoding: gzip or zstd). The answer is given after the events are committed. Each event is judged "
            "alone: what cannot be counted is kept in quarantine and listed with its reason, and the others count. Send a "
            "batch again with the same ids whenever an answer was lost: nothing counts twice."
        ),
        parameters=[
            OpenApiParameter(
                "atomic",
                bool,
                description="true: all or nothing. If any event cannot be counted, none is counted or kept, and the answer is 422.",
            )
        ],
        request=_FORMS,
        responses=EventsAnswer,
        examples=[_EXAMPLE],
    )
    def post(self, request: Request) -> HttpResponse:
        asked = checked(EventsQuestion, request.query_params.dict())
        return _answer(self._count(_listed(request.data), atomic=asked["atomic"]))

    def _count(self, events: list[object], *, atomic: bool) -> Ingested:
        at, caller = clock.now(), self.caller
        try:
            if atomic:
                return ingest(
                    events=events, at=at, actor=caller.actor, customer_key=caller.customer_key, atomic=True
                )
            return gather.ingest(events=events, at=at, actor=caller.actor, customer_key=caller.customer_key)
        finally:
            # Request and view refer to each other: thousands of events would lie there until the collector comes by.
            events.clear()


class ValidateEvents(Resource):
    """What would become of events."""

    scopes: ClassVar[dict[str, str]] = {"POST": ApiKey.Scope.EVENTS_WRITE}
    parser_classes = (EventsParser,)

    @extend_schema(
        operation_id="validate_events",
        summary="Try usage out",
        description="Answers as POST /events would, at this moment, and writes nothing.",
        request=_FORMS,
        responses=EventsAnswer,
        examples=[_EXAMPLE],
    )
    def post(self, request: Request) -> HttpResponse:
        caller = self.caller
        return _answer(
            ingest(
                events=_listed(request.data),
                at=clock.now(),
                actor=caller.actor,
                customer_key=caller.customer_key,
                dry_run=True,
            )
        )


def _listed(data: object) -> list[object]:
    # An empty body in a form that has no parser comes as an empty dict.
    return data if isinstance(data, list) else []


def _answer(ingested: Ingested) -> HttpResponse:
    return HttpResponse(orjson.dumps(ingested), content_type="application/json")
