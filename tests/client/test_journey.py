"""The client against Meterbook itself."""

from datetime import timedelta
from decimal import Decimal

import pytest

from apps.api import auth
from apps.core import clock
from apps.usage.models import UsageDay
from meterbook_client import Detail
from tests.builders import make_api_key, make_contract, make_meter, make_plan_version, usage_charge
from tests.client.conftest import Connect

pytestmark = pytest.mark.django_db(transaction=True)


def test_responses_of_models_become_priced_tokens_and_what_cannot_is_told(
    live_server: object, connect: Connect
) -> None:
    """Two calls with 86 tokens at the full price and 1,920 cached; the second is recorded twice, and one is nobody's."""
    auth.forget()
    for key in ("input", "cached"):
        make_meter(
            key,
            event_type="llm.request",
            aggregation="sum",
            value_property=f"{key}_tokens",
            dimensions=["model"],
        )
    version = make_plan_version([usage_charge("input"), usage_charge("cached")])
    make_contract(plan_version=version, starts_on=(clock.now() - timedelta(days=40)).date())
    told: list[Detail] = []
    client = connect(str(live_server), on_detail=told.append, key=make_api_key())
    usage = {
        "prompt_tokens": 2006,
        "completion_tokens": 300,
        "prompt_tokens_details": {"cached_tokens": 1920},
    }

    for key, customer in (("1", "acme"), ("2", "acme"), ("2", "acme"), ("3", "acne")):
        client.openai({"id": key, "model": "large", "usage": usage}, customer=customer)

    assert client.close()
    totals = dict(UsageDay.objects.values_list("meter__key", "quantity"))
    assert totals == {"input": Decimal(172), "cached": Decimal(3840)}
    assert [(one.id, one.state, one.reason) for one in told] == [
        ("2", "conflict", told[0].reason),
        ("3", "quarantined", "unknown_customer"),
    ]
