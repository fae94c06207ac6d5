"""What keeps a draft from being published: every mistake names the charge and says the remedy."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from apps.core.models import AuditEntry
from apps.plans import publish, queries
from apps.plans.compose import NewAllowance, NewCharge, NewPrice, NewTier
from apps.plans.errors import NotPublishable, NotPublished
from apps.plans.mistakes import mistakes_of
from tests.builders import ACTOR, AT, make_draft_version, make_meter, make_plan_version, usage_charge

pytestmark = pytest.mark.django_db

PERCENT = NewPrice(model="percentage", rate=Decimal("0.029"))
DYNAMIC = NewPrice(model="dynamic")
SEAT = NewPrice(model="per_seat", unit_amount=Decimal(20))
LATER = NewPrice(model="per_unit", unit_amount=Decimal(1), starts_on=date(2026, 6, 1))
OPEN_STAIRS = NewPrice(model="stairstep", tiers=[NewTier(Decimal(10), flat_amount=Decimal(1))])


def per_unit(amount: str = "1", **match: str) -> NewPrice:
    return NewPrice(model="per_unit", unit_amount=Decimal(amount), match=match)


def mistakes(charge: NewCharge, **meter: Any) -> list[str]:
    make_meter(dimensions=["model"], **meter)
    return mistakes_of(make_draft_version([charge]))


@pytest.mark.parametrize(
    ("fields", "mistake"),
    [
        (
            {"minimum": Decimal("5.005")},
            "Charge Calls: its minimum of 5.005 has more decimals than USD has; round it.",
        ),
        ({"maximum": Decimal("0.001")}, "its maximum of 0.001 has more decimals than USD has"),
        ({"prices": [OPEN_STAIRS]}, "Charge Calls: The last tier must be without end"),
        (
            {"prices": [PERCENT], "included": Decimal(5)},
            "takes no included quantity; leave it out and give free",
        ),
        (
            {"prices": [DYNAMIC], "included": Decimal(5), "amount_property": "price"},
            "takes no included quantity; leave it out.",
        ),
        ({"prices": [DYNAMIC]}, "name the property of the event that holds its price."),
        ({"amount_property": "price"}, "the property price is not read; leave it out"),
        ({"prices": [SEAT]}, "needs a meter of a level over time per day, and API calls is none"),
        ({"prices": [LATER]}, "before 2026-06-01 there is no price; give one without a date"),
        (
            {"dimensions": ("model",), "prices": [replace(LATER, match={"model": "large"}), per_unit()]},
            "before 2026-06-01 there is no price for model large",
        ),
        (
            {"dimensions": ("model",), "prices": [per_unit(model="large"), per_unit(), per_unit(model="*")]},
            "two of its prices are for the same usage from the same day; keep one of them.",
        ),
        ({"dimensions": ("model",), "prices": []}, "it has no price; add one."),
        ({"prices": []}, "give it exactly one price"),
        (
            {"dimensions": ("region",), "prices": [per_unit()]},
            "region, a dimension that its meter API calls does not",
        ),
    ],
)
def test_a_mistake_names_the_charge_and_the_remedy(fields: dict[str, Any], mistake: str) -> None:
    found = mistakes(usage_charge(**fields))

    assert len(found) == 1
    assert found[0].startswith("Charge Calls: ")
    assert mistake in found[0]


@pytest.mark.parametrize("aggregation", ["max", "latest"])
def test_prices_by_event_need_events_that_are_counted_or_added_up(aggregation: str) -> None:
    found = mistakes(usage_charge(prices=[PERCENT]), aggregation=aggregation, value_property="size")

    assert "meter API calls neither counts nor adds them up" in found[0]


def test_prices_with_dates_need_a_meter_whose_days_add_up() -> None:
    found = mistakes(usage_charge(prices=[per_unit(), LATER]), aggregation="max", value_property="size")

    assert "measures a period as a whole" in found[0]


def test_a_price_per_seat_on_a_level_per_day_is_whole() -> None:
    seats = {"aggregation": "time_weighted", "value_property": "seats", "level": "set", "per": "day"}

    assert mistakes(usage_charge(prices=[SEAT]), **seats) == []


def test_an_allowance_is_shared_and_has_a_key_of_its_own() -> None:
    make_meter()
    version = make_draft_version(
        [usage_charge(allowance="calls")],
        allowances=[
            NewAllowance("calls", "Pool", Decimal(5)),
            NewAllowance("spare", "Spare", Decimal(5)),
        ],
    )

    assert mistakes_of(version) == [
        "Allowance Pool: a charge has the key calls too; give it another.",
        "Allowance Spare: no charge shares it; choose it at a charge, or remove it.",
    ]


def test_a_shared_allowance_is_not_for_prices_by_event() -> None:
    make_meter()
    version = make_draft_version(
        [usage_charge(prices=[PERCENT], allowance="pool")],
        allowances=[NewAllowance("pool", "Pool", Decimal(5))],
    )

    with pytest.raises(NotPublishable, match="takes no included quantity"):
        publish.publish(version_id=version.pk, at=AT, actor=ACTOR)


def test_a_retired_version_still_prices_its_contracts() -> None:
    version = make_plan_version()
    charges = queries.charges_of(version.pk)

    retired = publish.retire(version_id=version.pk, at=AT, actor=ACTOR)

    assert (retired.status, retired.retired_at) == ("retired", AT)
    assert queries.charges_of(version.pk) == charges
    assert AuditEntry.objects.filter(action="plans.retire", subject_key=version.plan.key).exists()


def test_only_a_published_version_is_retired() -> None:
    version = make_draft_version()

    with pytest.raises(NotPublished, match="only a published version can be retired"):
        publish.retire(version_id=version.pk, at=AT, actor=ACTOR)

    version.refresh_from_db()
    assert version.status == "draft"
