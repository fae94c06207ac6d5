"""GET /events and /events/one: what became of single events, down to the line of the invoice that bills them."""

import base64
import binascii
from datetime import UTC, datetime
from typing import Any, ClassVar

import orjson
from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.api.events import Events
from apps.api.pagination import MOST, PAGE_PARAMETERS
from apps.api.resource import Fields, Resource, checked
from apps.core import clock
from apps.customers.errors import UnknownCustomer
from apps.customers.models import ApiKey
from apps.invoices.placed import Awaits, placement
from apps.rating.steps import written
from apps.usage import explore
from apps.usage.explore import Cursor, EventRow, EventState, Question
from apps.usage.one_event import Fed, OneEvent, one_event
from apps.usage.read_event import LONGEST_ID, LONGEST_TYPE

_LONGEST_CUSTOMER = 500
_STATES = [state.value for state in EventState]
_CUSTOMER = OpenApiParameter(
    "customer",
    str,
    description="The customer's key, or the key that the event gave; a key confined to one customer may leave it out.",
)


class CursorField(serializers.Field[Any, Any, Any, Any]):
    """Where the page before ended."""

    def to_internal_value(self, data: Any) -> Cursor:
        try:
            moment, key, row = orjson.loads(base64.urlsafe_b64decode(str(data).encode()))
            instant = datetime.fromisoformat(moment)
            # PostgreSQL takes fewer offsets than Python reads.
            in_utc = instant.astimezone(UTC)
        except (binascii.Error, ValueError, TypeError, OverflowError):
            raise serializers.ValidationError("Give `next_cursor` of the page before as it was.") from None
        if (
            instant.tzinfo is None
            or not isinstance(key, str)
            or not isinstance(row, str)
            or "\0" in key + row
        ):
            raise serializers.ValidationError("Give `next_cursor` of the page before as it was.")
        return Cursor(in_utc, key, row)


class FindQuestion(Fields):
    """Which events, and which page of them."""

    customer = serializers.CharField(max_length=_LONGEST_CUSTOMER, required=False, default="")
    type = serializers.CharField(max_length=LONGEST_TYPE, required=False, default="", trim_whitespace=False)
    id = serializers.CharField(max_length=LONGEST_ID, required=False, default="", trim_whitespace=False)
    to = serializers.DateTimeField(required=False, default=None)
    state = serializers.ChoiceField(_STATES, required=False, default=None)
    cursor = CursorField(required=False, default=None)
    limit = serializers.IntegerField(min_value=1, max_value=MOST, default=50)

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        # `from` is a word of Python's.
        return {**super().get_fields(), "from": serializers.DateTimeField(required=False, default=None)}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["from"] and attrs["to"] and attrs["from"] >= attrs["to"]:
            raise serializers.ValidationError({"to": "Name an instant later than `from`."})
        return attrs


class OneQuestion(Fields):
    """Which event."""

    customer = serializers.CharField(max_length=_LONGEST_CUSTOMER, required=False, default="")
    id = serializers.CharField(max_length=LONGEST_ID, trim_whitespace=False)


class FoundEvent(serializers.Serializer[Any]):
    """An event, and what became of it."""

    id = serializers.CharField(allow_null=True, help_text="Null if it gave none that is usable.")
    customer = serializers.CharField()
    type = serializers.CharField(
        help_text="Empty for a decision of staff on a dispute, and where none is usable."
    )
    time = serializers.DateTimeField(allow_null=True, help_text="Null in quarantine.")
    quantity = serializers.CharField(allow_null=True)
    state = serializers.ChoiceField(_STATES)
    reason = serializers.CharField(help_text="Why it waits in quarantine; empty if it does not.")
    received_at = serializers.DateTimeField()


class FoundEvents(serializers.Serializer[Any]):
    """A page of events, the newest first; `from` is how far back was looked."""

    data = FoundEvent(many=True)  # type: ignore[assignment]
    next_cursor = serializers.CharField(allow_null=True)

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return {"from": serializers.DateTimeField(allow_null=True), **super().get_fields()}


class FedEntry(serializers.Serializer[Any]):
    """What the event adds to one meter."""

    meter = serializers.CharField()
    name = serializers.CharField()
    unit = serializers.CharField()
    quantity = serializers.CharField(allow_null=True, help_text="Null where it adds something else.")
    says = serializers.CharField(help_text="What else: a value, a level, or the state of an outcome.")
    dimensions = serializers.DictField(child=serializers.CharField())
    charges = serializers.ListField(child=serializers.CharField(), help_text="None: it is only shown.")


class VoidedEntry(serializers.Serializer[Any]):
    """The correction that voided the event."""

    correction = serializers.UUIDField()
    at = serializers.DateTimeField()
    reason = serializers.CharField(
        allow_null=True, help_text="Null for a key that is confined to a customer."
    )
    actor = serializers.CharField(allow_null=True, help_text="Null for a key that is confined to a customer.")


class WaitedEntry(serializers.Serializer[Any]):
    """Why an event with this id waits in quarantine, or did."""

    state = serializers.CharField(help_text="quarantined, dismissed, or counted since.")
    reason = serializers.CharField()
    field = serializers.CharField()
    remedy = serializers.CharField()
    times = serializers.IntegerField(help_text="How often it was received while it waited.")
    received_at = serializers.DateTimeField()
    resolved_at = serializers.DateTimeField(allow_null=True)


class LineEntry(serializers.Serializer[Any]):
    """A line of a finalized invoice that the event is part of."""

    invoice = serializers.CharField()
    position = serializers.IntegerField()
    charge = serializers.CharField()
    name = serializers.CharField()
    adjusts = serializers.CharField(
        help_text="The invoice that the line adjusts; empty for the period's own."
    )


class OneEventAnswer(FoundEvent):
    """An event with its body, what it feeds, and where it is billed."""

    body = serializers.DictField(help_text="The event; what waits in quarantine is as it was received.")
    contract = serializers.CharField(allow_null=True)
    day = serializers.DateField(allow_null=True, help_text="Local day in the contract's time zone.")
    feeds = FedEntry(many=True)
    voided = VoidedEntry(allow_null=True)
    waited = WaitedEntry(many=True)
    lines = LineEntry(many=True)
    awaits = serializers.ChoiceField(
        [one.value for one in Awaits],
        help_text="What will bill it: the invoice of its period, or an adjustment on a later one.",
    )


class EventLog(Events):
    """Events: posting them, and looking them up."""

    scopes: ClassVar[dict[str, str]] = {**Events.scopes, "GET": ApiKey.Scope.USAGE_READ}

    @extend_schema(
        operation_id="list_events",
        summary="Find events",
        description=(
            f"The newest first. Where neither `from` nor `id` is given, looks back {explore.DAYS_OF_ONE} days for one customer "
            f"and {explore.DAYS_OF_ALL} days across all; `from` of the answer says how far. An event in quarantine stands where "
            "it was received, since its own time may be what is wrong with it."
        ),
        parameters=[
            _CUSTOMER,
            OpenApiParameter("type", str, description="Events of this type."),
            OpenApiParameter("id", str, description="The event with this id, whenever it was."),
            OpenApiParameter("from", datetime, description="First instant."),
            OpenApiParameter("to", datetime, description="The instant after the last."),
            OpenApiParameter("state", str, enum=_STATES, description="What became of it."),
            *PAGE_PARAMETERS,
        ],
        responses=FoundEvents,
    )
    def get(self, request: Request) -> Response:
        asked = checked(FindQuestion, request.query_params.dict())
        customer_key = _allowed(self, asked["customer"])
        found = explore.events(
            question=Question(
                customer_key=customer_key,
                type=asked["type"],
                key=asked["id"],
                start=asked["from"],
                end=asked["to"],
                state=asked["state"] and EventState(asked["state"]),
            ),
            at=clock.now(),
            limit=asked["limit"],
            after=asked["cursor"],
        )
        if not found.rows and (named := explore.named_by(customer_key)) and named.customer_id is None:
            raise UnknownCustomer(customer_key)
        return Response(
            {
                "from": found.start,
                "data": [_entry(row) for row in found.rows],
                "next_cursor": _written_cursor(found.next) if found.next else None,
            }
        )


class OneEventOfLog(Resource):
    """One event."""

    scopes: ClassVar[dict[str, str]] = {"GET": ApiKey.Scope.USAGE_READ}

    @extend_schema(
        operation_id="get_event",
        summary="Read an event",
        description=(
            "With what it feeds, by the meters of now, and the lines of finalized invoices that it is part of. Customer and id "
            "stand in the query, percent-encoded, and not in the path: an id may hold any character, also those that proxies "
            "rewrite in paths, such as / and `..`."
        ),
        parameters=[
            _CUSTOMER,
            OpenApiParameter("id", str, required=True, description="The event's id, percent-encoded."),
        ],
        responses=OneEventAnswer,
    )
    def get(self, request: Request) -> HttpResponse:
        asked = checked(OneQuestion, request.query_params.dict())
        found = one_event(customer_key=_allowed(self, asked["customer"]), key=asked["id"])
        body = _one(found, is_confined=self.caller.customer_key is not None)
        # Written by hand, so that the numbers in the body stay what they are.
        return HttpResponse(orjson.dumps(body), content_type="application/json")


def _allowed(resource: Resource, customer_key: str) -> str:
    """Return whose events are asked for; those of others are not there for a confined key."""
    own = resource.caller.customer_key
    if own is not None and customer_key not in {"", own}:
        raise UnknownCustomer(customer_key)
    return own or customer_key


def _written_cursor(cursor: Cursor) -> str:
    fields = [cursor.moment.isoformat(), cursor.key, cursor.row]
    return base64.urlsafe_b64encode(orjson.dumps(fields)).decode()


def _entry(one: EventRow | OneEvent) -> dict[str, object]:
    waits = one.waited[0].reason if isinstance(one, OneEvent) and one.contract is None else ""
    return {
        "id": one.key or None,
        "customer": one.customer_key,
        "type": one.type,
        "time": one.time,
        "quantity": None if one.quantity is None else written(one.quantity),
        "state": one.state,
        "reason": one.reason if isinstance(one, EventRow) else waits,
        "received_at": one.received_at,
    }


def _fed(one: Fed) -> dict[str, object]:
    return {
        "meter": one.meter_key,
        "name": one.meter_name,
        "unit": one.unit,
        "quantity": None if one.quantity is None else written(one.quantity),
        "says": one.says,
        "dimensions": one.dimensions,
        "charges": [charge.key for charge in one.charges],
    }


def _one(found: OneEvent, *, is_confined: bool) -> dict[str, object]:
    where = placement(found)
    # Drafts are the seller's own: until it is finalized, the invoice is to come.
    lines = [line for line in where.lines if line.number]
    is_drafted = len(lines) < len(where.lines)
    awaits = Awaits.ADJUSTMENT if any(line.adjusts for line in where.lines) else Awaits.INVOICE
    return {
        **_entry(found),
        "body": orjson.Fragment(found.body),
        "contract": found.contract.number if found.contract else None,
        "day": found.day,
        "feeds": [_fed(one) for one in found.feeds],
        "voided": found.voided
        and {
            "correction": found.voided.correction_id,
            "at": found.voided.at,
            "reason": None if is_confined else found.voided.reason,
            "actor": None if is_confined else found.voided.actor,
        },
        "waited": [
            {
                "state": one.state,
                "reason": one.reason,
                "field": one.field,
                "remedy": one.remedy,
                "times": one.times,
                "received_at": one.received_at,
                "resolved_at": one.resolved_at,
            }
            for one in found.waited
        ],
        "lines": [
            {
                "invoice": line.number,
                "position": line.position,
                "charge": line.charge_key,
                "name": line.name,
                "adjusts": line.adjusts,
            }
            for line in lines
        ],
        "awaits": awaits if is_drafted else where.awaits,
    }
