"""Reading usage back, as quantities and as money."""

from datetime import date, timedelta
from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.api import errors
from apps.api.resource import Fields, Resource, checked
from apps.contracts import queries as contracts
from apps.controls.spend import Spend, spend_to_date
from apps.core import clock
from apps.core.periods import local_day
from apps.customers.models import ApiKey
from apps.plans.queries import PlannedCharge
from apps.rating.lines import Line
from apps.rating.steps import step_as_json, written
from apps.usage import queries
from apps.usage.queries import UsageRow

MOST_DAYS = 366
_DAYS = 31
_DAY = "day"


class UsageQuestion(Fields):
    """Which usage, and how it is grouped."""

    to = serializers.DateField(required=False)
    meter = serializers.CharField(max_length=63, required=False, default="")
    group = serializers.CharField(max_length=200, required=False, default="")

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        # `from` is a word of Python's.
        return {**super().get_fields(), "from": serializers.DateField(required=False)}

    def validate_group(self, text: str) -> list[str]:
        names = [name.strip() for name in text.split(",") if name.strip()]
        if len(names) > 5 or len(set(names)) < len(names) or any(len(name) > 50 for name in names):
            raise serializers.ValidationError("Name up to 5 of day and the meter's dimensions, each once.")
        return names

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs.get("from") and attrs.get("to") and not 0 < (attrs["to"] - attrs["from"]).days <= MOST_DAYS:
            raise serializers.ValidationError(
                {"to": f"Name the day after the last one: later than `from`, by {MOST_DAYS} days at most."}
            )
        return attrs


class UsageEntry(serializers.Serializer[Any]):
    """The quantity of one meter, on one day or with certain dimension values if grouped by them."""

    meter = serializers.CharField()
    name = serializers.CharField()
    unit = serializers.CharField()
    day = serializers.DateField(required=False)
    dimensions = serializers.DictField(child=serializers.CharField())
    quantity = serializers.CharField(help_text="Exact, as a decimal number.")
    events = serializers.IntegerField()


class UsageAnswer(serializers.Serializer[Any]):
    """A customer's usage, up to and with the last event that was acknowledged."""

    customer = serializers.CharField()
    to = serializers.DateField()
    group = serializers.ListField(child=serializers.CharField())
    last_received_at = serializers.DateTimeField(allow_null=True)
    data = UsageEntry(many=True)  # type: ignore[assignment]

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return {"from": serializers.DateField(), **super().get_fields()}


class Usage(Resource):
    """A customer's usage."""

    scopes: ClassVar[dict[str, str]] = {"GET": ApiKey.Scope.USAGE_READ}

    @extend_schema(
        operation_id="get_usage",
        summary="Read a customer's usage",
        parameters=[
            OpenApiParameter("from", date, description="First local day; 31 days before `to` if left out."),
            OpenApiParameter("to", date, description="The day after the last; tomorrow if left out."),
            OpenApiParameter("meter", str, description="Key of one meter; all if left out."),
            OpenApiParameter(
                "group", str, description="day, and names of dimensions, with commas: day,model"
            ),
        ],
        responses=UsageAnswer,
    )
    def get(self, request: Request, key: str) -> Response:
        customer = self.customer(key)
        asked = checked(UsageQuestion, request.query_params.dict())
        start, end = _days(asked, today=_today(customer.pk))
        rows = queries.usage_rows(
            customer_id=customer.pk,
            start=start,
            end=end,
            meter_key=asked["meter"],
            by_day=_DAY in asked["group"],
            dimensions=[name for name in asked["group"] if name != _DAY],
        )
        return Response(
            {
                "customer": customer.key,
                "from": start,
                "to": end,
                "group": asked["group"],
                "last_received_at": max((row.last_received_at for row in rows), default=None),
                "data": [_usage(row) for row in rows],
            }
        )


class SpendLine(serializers.Serializer[Any]):
    """A priced line, with the steps that made its amount."""

    charge = serializers.CharField()
    name = serializers.CharField()
    kind = serializers.CharField()
    meter = serializers.CharField(help_text="Empty for fees.")
    product = serializers.CharField()
    quantity = serializers.CharField()
    unit = serializers.CharField()
    dimensions = serializers.DictField(child=serializers.CharField())
    amount = serializers.CharField(help_text="In the currency, rounded once.")
    exact = serializers.CharField(help_text="The amount before rounding.")
    credit_unit = serializers.CharField(allow_null=True)
    credits = serializers.CharField(allow_null=True, help_text="What it cost in the credit unit.")
    steps = serializers.ListField(child=serializers.DictField())


class SpendPeriod(serializers.Serializer[Any]):
    """The running period: local days from `from` up to, and without, `to`."""

    to = serializers.DateField()
    timezone = serializers.CharField()

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return {"from": serializers.DateField(), **super().get_fields()}


class SpendAnswer(serializers.Serializer[Any]):
    """What the running period has cost so far, before tax."""

    customer = serializers.CharField()
    contract = serializers.CharField()
    period = SpendPeriod()
    currency = serializers.CharField()
    lines = SpendLine(many=True)
    subtotal = serializers.CharField()
    credits_applied = serializers.CharField()
    total = serializers.CharField()
    last_received_at = serializers.DateTimeField(allow_null=True)


class SpendToDate(Resource):
    """A customer's spend in the running period."""

    scopes: ClassVar[dict[str, str]] = {"GET": ApiKey.Scope.USAGE_READ}

    @extend_schema(
        operation_id="get_spend",
        summary="Read a customer's spend to date",
        description="Priced as the invoice will be, up to and with the last event that was acknowledged.",
        responses=SpendAnswer,
    )
    def get(self, request: Request, key: str) -> Response:
        customer = self.customer(key)
        at = clock.now()
        live = list(contracts.live(customer_ids=[customer.pk]))
        spends = spend_to_date(contracts=live, at=at, refuses=True)
        for contract in live:
            if spend := spends.get(contract.pk):
                return Response({"customer": customer.key, "contract": contract.number, **_spend(spend)})
        raise errors.NoRunningContract(customer.key)


def _today(customer_id: UUID) -> date:
    """Return the local day of the customer's contracts, the latest if they differ."""
    at = clock.now()
    live = contracts.live(customer_ids=[customer_id])
    return max((local_day(at, contract.timezone) for contract in live), default=at.date())


def _days(asked: dict[str, Any], *, today: date) -> tuple[date, date]:
    end: date = asked.get("to") or today + timedelta(days=1)
    start: date = asked.get("from") or date.fromordinal(max(end.toordinal() - _DAYS, 1))
    if not 0 < (end - start).days <= MOST_DAYS:
        raise errors.InvalidFields(
            [{"field": "from", "detail": f"Name a day before `to`, by {MOST_DAYS} days at most."}]
        )
    return start, end


def _usage(row: UsageRow) -> dict[str, object]:
    day = {} if row.day is None else {"day": row.day}
    return {
        "meter": row.meter_key,
        "name": row.meter_name,
        "unit": row.unit,
        **day,
        "dimensions": row.dimensions,
        "quantity": written(row.quantity),
        "events": row.events,
    }


def _spend(spend: Spend) -> dict[str, object]:
    rated = spend.rated
    charges = {planned.charge.key: planned for planned in spend.charges}
    return {
        "period": {
            "from": spend.period.starts_on,
            "to": spend.period.ends_on,
            "timezone": spend.period.timezone,
        },
        "currency": rated.subtotal.currency,
        "lines": [{**_priced(charges.get(line.charge or "")), **_line(line)} for line in rated.lines],
        "subtotal": f"{rated.subtotal.amount:f}",
        "credits_applied": f"{rated.credits_applied.amount:f}",
        "total": f"{rated.total.amount:f}",
        "last_received_at": spend.last_received_at,
    }


def _priced(planned: PlannedCharge | None) -> dict[str, object]:
    """Return what a line is about; a discount or a true-up is about no meter or product of its own."""
    return {
        "meter": planned.meter_key if planned else "",
        "product": planned.product_name if planned else "",
        "unit": planned.unit if planned else "",
    }


def _line(line: Line) -> dict[str, object]:
    return {
        "charge": line.charge,
        "name": line.name,
        "kind": line.kind.value,
        "quantity": written(line.quantity),
        "dimensions": dict(line.dimensions),
        "amount": f"{line.amount.amount:f}",
        "exact": written(line.exact),
        "credit_unit": line.unit,
        "credits": None if line.credits is None else written(line.credits),
        "steps": [step_as_json(step) for step in line.steps],
    }
