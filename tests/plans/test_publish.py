"""Composing, publishing and copying plan versions."""

from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction

from apps.plans import catalogue, compose, publish, queries
from apps.plans.compose import NewCharge, NewPrice, NewTier
from apps.plans.errors import DraftExists, MeterInUse, NotADraft, NotPublishable
from apps.plans.models import Price
from apps.rating.price_models import PRICE_MODELS
from apps.rating.price_models.graduated import Graduated
from apps.rating.price_models.matrix import Matrix
from tests.builders import (
    ACTOR,
    AT,
    fee_charge,
    make_draft_version,
    make_meter,
    make_plan_version,
    usage_charge,
)

pytestmark = pytest.mark.django_db


def test_a_published_version_prices_as_it_was_composed() -> None:
    make_meter("tokens", aggregation="sum", value_property="tokens", dimensions=["model"])
    by_model = NewCharge(
        key="tokens",
        name="Tokens",
        product="product",
        meter="tokens",
        dimensions=("model",),
        prices=[
            NewPrice(model="per_unit", unit_amount=Decimal("0.000005"), match={"model": "large"}),
            NewPrice(model="package", package_size=Decimal(1000), package_amount=Decimal("0.01")),
        ],
    )

    version = make_plan_version([fee_charge("499"), by_model])

    fee, tokens = (planned.charge for planned in queries.charges_of(version.pk))
    assert fee.key == "fee"
    assert isinstance(tokens.price, Matrix)
    assert tokens.price.dimensions == ("model",)
    assert [cell.match for cell in tokens.price.cells] == [(("model", "large"),)]
    assert tokens.price.default is not None


def test_tiers_are_read_in_their_order() -> None:
    make_meter()
    tiers = [NewTier(Decimal(100), Decimal(1)), NewTier(None, Decimal("0.5"))]

    version = make_plan_version([usage_charge(prices=[NewPrice(model="graduated", tiers=tiers)])])

    price = queries.charges_of(version.pk)[0].charge.price
    assert isinstance(price, Graduated)
    assert [tier.up_to for tier in price.tiers] == [Decimal(100), None]


def test_a_version_whose_tiers_end_is_not_published_and_stays_a_draft() -> None:
    make_meter()
    broken = usage_charge(prices=[NewPrice(model="graduated", tiers=[NewTier(Decimal(100), Decimal(1))])])
    version = make_draft_version([broken])

    with pytest.raises(NotPublishable, match="last tier must be without end"):
        publish.publish(version_id=version.pk, at=AT, actor=ACTOR)

    version.refresh_from_db()
    assert (version.status, version.published_at) == ("draft", None)


def test_a_version_in_no_currency_is_not_published() -> None:
    version = make_draft_version(currency="XYZ")

    with pytest.raises(NotPublishable, match="XYZ is no currency"):
        publish.publish(version_id=version.pk, at=AT, actor=ACTOR)


def test_a_version_without_charges_is_not_published() -> None:
    version = make_draft_version([])

    with pytest.raises(NotPublishable, match="no charge"):
        publish.publish(version_id=version.pk, at=AT, actor=ACTOR)


def test_a_price_by_a_dimension_that_the_meter_drops_is_not_published() -> None:
    make_meter("tokens", dimensions=["model"])
    cell = NewPrice(model="per_unit", unit_amount=Decimal(1), match={"region": "eu"})
    version = make_draft_version([usage_charge("tokens", dimensions=("region",), prices=[cell])])

    with pytest.raises(NotPublishable, match="does not keep"):
        publish.publish(version_id=version.pk, at=AT, actor=ACTOR)


def test_a_version_is_published_once() -> None:
    version = make_plan_version()

    with pytest.raises(NotADraft, match="only a draft can be published"):
        publish.publish(version_id=version.pk, at=AT, actor=ACTOR)


def test_a_plan_has_one_draft_at_a_time() -> None:
    make_draft_version([], plan="team")

    with pytest.raises(DraftExists, match="has a draft version already"):
        make_draft_version([], plan="team")


def test_a_copy_has_the_same_prices_and_the_next_number() -> None:
    version = make_plan_version(plan="team")

    copy = compose.copy_version(version_id=version.pk, at=AT, actor=ACTOR)

    assert (copy.number, copy.status) == (version.number + 1, "draft")
    assert queries.charges_of(copy.pk) == queries.charges_of(version.pk)


def test_a_changed_draft_is_read_as_it_is_now() -> None:
    version = make_draft_version()
    before = queries.charges_of(version.pk)[0].charge.name

    version.charges.update(name="Renamed")

    assert (before, queries.charges_of(version.pk)[0].charge.name) == ("Calls", "Renamed")


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        ("UPDATE plans_planversion SET currency = 'EUR'", "published_version_never_changes"),
        ("DELETE FROM plans_tier", "published_prices_never_change"),
        ("UPDATE plans_tier SET unit_amount = 0", "published_prices_never_change"),
        ("UPDATE plans_price SET position = 7", "published_prices_never_change"),
        ("UPDATE plans_charge SET name = 'other'", "published_prices_never_change"),
        ("UPDATE plans_charge SET plan_version_id = gen_random_uuid()", "published_prices_never_change"),
        ("DELETE FROM plans_planversion", "published_version_never_changes"),
    ],
)
def test_the_database_refuses_to_change_what_is_published(statement: str, constraint: str) -> None:
    make_meter()
    tiers = [NewTier(Decimal(100), Decimal(1)), NewTier(None, Decimal("0.5"))]
    make_plan_version([usage_charge(prices=[NewPrice(model="graduated", tiers=tiers)])])

    with pytest.raises(IntegrityError) as refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)

    assert refused.value.__cause__.diag.constraint_name == constraint  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        ("UPDATE plans_price SET unit_amount = -1", "price_is_not_negative"),
        ("UPDATE plans_price SET unit_amount = NULL", "price_has_the_fields_of_its_model"),
        ("UPDATE plans_charge SET included = -1", "included_is_not_negative"),
        ("UPDATE plans_charge SET meter_id = NULL", "usage_has_a_meter_and_a_fee_has_an_amount"),
        ("UPDATE plans_planversion SET currency = 'usd'", "plan_currency_is_iso_4217"),
        ("UPDATE plans_planversion SET published_at = now()", "published_means_dated"),
    ],
)
def test_the_database_refuses_impossible_prices(statement: str, constraint: str) -> None:
    make_draft_version()

    with pytest.raises(IntegrityError) as refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)

    assert refused.value.__cause__.diag.constraint_name == constraint  # type: ignore[union-attr]


def test_every_price_model_of_the_engine_can_be_stored() -> None:
    assert set(Price.Model.values) == set(PRICE_MODELS)


def test_meters_are_found_by_the_type_that_they_count() -> None:
    make_meter("calls", event_type="api.call")
    make_meter("seconds", event_type="api.call", aggregation="sum", value_property="seconds")
    make_meter("other", event_type="other")

    found = queries.meters_by_type()

    assert {kind: [meter.key for meter in meters] for kind, meters in found.items()} == {
        "api.call": ["calls", "seconds"],
        "other": ["other"],
    }


def test_putting_a_meter_again_changes_it() -> None:
    make_meter("calls", name="Calls")

    meter = catalogue.put_meter(
        key="calls",
        name="Requests",
        unit="requests",
        event_type="api.call",
        aggregation="count",
        at=AT,
        actor=ACTOR,
    )

    assert meter.name == "Requests"


def test_a_meter_that_published_prices_stand_on_keeps_its_shape() -> None:
    make_meter("calls")
    make_plan_version([usage_charge("calls")])

    with pytest.raises(MeterInUse, match="dimensions cannot change"):
        make_meter("calls", dimensions=["model"])

    assert make_meter("calls", name="Renamed", late_days=40).late_days == 40
