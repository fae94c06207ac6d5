"""POST /corrections: usage that was counted wrongly is voided, and replaced, by new records."""

from typing import Any, ClassVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.api import errors
from apps.api.events import EventDetail
from apps.api.parsers import plainly
from apps.api.resource import Fields, Resource, checked
from apps.core import clock
from apps.customers.models import ApiKey
from apps.usage.correct import correct
from apps.usage.ingest import MOST_EVENTS
from apps.usage.stored import Where


class WhereFields(Fields):
    """Which events: from an instant up to, not with, another; of one type; with these values of properties."""

    to = serializers.DateTimeField()
    type = serializers.CharField(max_length=100, required=False, default="", trim_whitespace=False)
    properties = serializers.DictField(
        child=serializers.CharField(max_length=200, trim_whitespace=False), required=False, default=dict
    )

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        # `from` is a word of Python's.
        return {"from": serializers.DateTimeField(), **super().get_fields()}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["from"] >= attrs["to"]:
            raise serializers.ValidationError({"to": "Name an instant later than `from`."})
        return attrs


@extend_schema_field(OpenApiTypes.OBJECT)
class AsGiven(serializers.Field[Any, Any, Any, Any]):
    """A value that is read elsewhere, with its numbers exact."""

    def to_internal_value(self, data: Any) -> Any:
        return data


class CorrectionBody(Fields):
    """The events to void, by `ids` or by `where`, why, and the events to count in their place."""

    customer = serializers.CharField(max_length=63)
    reason = serializers.CharField(max_length=1_000)
    ids = serializers.ListField(
        child=serializers.CharField(max_length=500, trim_whitespace=False),
        max_length=MOST_EVENTS,
        required=False,
        default=list,
    )
    where = WhereFields(required=False)
    events = serializers.ListField(
        child=AsGiven(),
        max_length=MOST_EVENTS,
        required=False,
        default=list,
        help_text="Events in any form that POST /events takes, each with an id that was not used before.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if bool(attrs["ids"]) == ("where" in attrs):
            raise serializers.ValidationError(
                {"ids": "Name the events by `ids` or by `where`: one of the two."}
            )
        return attrs


class CorrectionAnswer(serializers.Serializer[Any]):
    """What a correction came to."""

    correction = serializers.UUIDField()
    voided = serializers.IntegerField(help_text="Events that count no more from now on.")
    voided_before = serializers.IntegerField(help_text="Events that an earlier correction voided.")
    not_found = serializers.ListField(child=serializers.CharField(), help_text="Ids of no counted event.")
    wholly_billed = serializers.ListField(
        child=serializers.CharField(),
        help_text="Contracts of voided events whose last invoice is final: none follows, what changed is settled by hand.",
    )
    counted = serializers.IntegerField(help_text="Events counted in their place.")
    duplicate = serializers.IntegerField(help_text="Replacements that were counted before.")
    details = EventDetail(many=True)


class Corrections(Resource):
    """Corrections of usage."""

    scopes: ClassVar[dict[str, str]] = {"POST": ApiKey.Scope.EVENTS_CORRECT}

    @extend_schema(
        operation_id="correct_events",
        summary="Void or replace usage",
        description=(
            "All or nothing. A voided event stays on record and counts no more; its id stays used. Totals and spend follow at "
            "once; what is invoiced already is adjusted on the next invoice. Sending a correction again changes nothing more. "
            "A key that is confined to one customer cannot correct."
        ),
        request=CorrectionBody,
        responses=CorrectionAnswer,
        examples=[
            OpenApiExample(
                "A wrong count, replaced",
                request_only=True,
                value={
                    "customer": "acme",
                    "reason": "Tokens were counted twice by version 3.1 of the gateway",
                    "ids": ["request-8412"],
                    "events": [
                        {
                            "id": "request-8412-corrected",
                            "customer": "acme",
                            "type": "llm.request",
                            "time": "2026-11-23T10:15:00Z",
                            "properties": {"model": "large", "input_tokens": 406, "output_tokens": 47},
                        }
                    ],
                },
            )
        ],
    )
    def post(self, request: Request) -> Response:
        if self.caller.customer_key is not None:
            raise errors.ConfinedKey("correct usage")
        asked = checked(CorrectionBody, request.data)
        where = asked.get("where")
        corrected = correct(
            customer_key=asked["customer"],
            keys=asked["ids"],
            where=Where(where["from"], where["to"], where["type"], where["properties"]) if where else None,
            replacements=plainly(asked["events"]),
            reason=asked["reason"],
            at=clock.now(),
            actor=self.caller.actor,
        )
        return Response(
            {
                "correction": corrected.correction_id,
                "voided": corrected.voided,
                "voided_before": corrected.voided_before,
                "not_found": corrected.not_found,
                "wholly_billed": corrected.wholly_billed,
                "counted": corrected.replaced.counted,
                "duplicate": corrected.replaced.duplicate,
                "details": [
                    {
                        "index": detail.index,
                        "id": detail.id,
                        "state": detail.state,
                        "reason": detail.reason,
                        "field": detail.field,
                        "remedy": detail.remedy,
                    }
                    for detail in corrected.replaced.details
                ],
            }
        )
