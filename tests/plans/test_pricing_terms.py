"""Every term of a charge: stored, read by the engine, copied, and refused by the database where it makes no sense."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from apps.plans import compose, publish, queries
from apps.plans.compose import NewAllowance, NewCharge, NewPrice, NewTier
from apps.rating import terms
from apps.rating.price_models.dated import Dated
from apps.rating.price_models.matrix import Matrix
from apps.rating.price_models.per_unit import PerUnit
from apps.rating.price_models.percentage import Percentage
from apps.rating.price_models.stairstep import Stairstep
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

POOL = NewAllowance(key="pool", name="Shared calls", quantity=Decimal(1000), carry_over_limit=Decimal(500))
STAIRS = [NewTier(Decimal(100), flat_amount=Decimal(10)), NewTier(None, flat_amount=Decimal(15))]
RATES = [NewTier(Decimal(1000), rate=Decimal("0.03")), NewTier(None, rate=Decimal("0.02"))]
PRICES = {
    "per_unit": NewPrice(model="per_unit", unit_amount=Decimal("0.01")),
    "per_seat": NewPrice(model="per_seat", unit_amount=Decimal(20)),
    "package": NewPrice(model="package", package_size=Decimal(100), package_amount=Decimal(1)),
    "graduated": NewPrice(
        model="graduated", tiers=[NewTier(Decimal(10), Decimal(1)), NewTier(None, Decimal("0.5"))]
    ),
    "volume": NewPrice(
        model="volume", tiers=[NewTier(Decimal(10), Decimal(1)), NewTier(None, Decimal("0.5"))]
    ),
    "stairstep": NewPrice(model="stairstep", tiers=STAIRS),
    "percentage": NewPrice(
        model="percentage",
        rate=Decimal("0.029"),
        fixed_amount=Decimal("0.3"),
        free_events=3,
        free_amount=Decimal(100),
        event_minimum=Decimal("0.5"),
        event_maximum=Decimal(20),
    ),
    "graduated_percentage": NewPrice(model="graduated_percentage", tiers=RATES),
    "dynamic": NewPrice(model="dynamic", event_maximum=Decimal(5)),
}


def shared_version() -> Any:
    make_meter()
    return make_draft_version(
        [
            usage_charge(
                included=Decimal(10),
                carry_over_limit=Decimal(20),
                minimum=Decimal(5),
                maximum=Decimal(500),
                allowance="pool",
            ),
            usage_charge(key="more", allowance="pool"),
            fee_charge(),
        ],
        allowances=[POOL],
    )


def test_every_term_of_a_charge_reaches_the_engine() -> None:
    version = shared_version()

    calls, more, fee = queries.charges_of(version.pk)

    assert (calls.charge.minimum, calls.charge.maximum) == (Decimal(5), Decimal(500))
    assert (calls.carry_over_limit, calls.allowance_key, calls.product_key) == (
        Decimal(20),
        "pool",
        "product",
    )
    assert (more.allowance_key, fee.allowance_key) == ("pool", "")
    assert queries.allowances_of(version.pk) == (
        queries.PlannedAllowance(
            terms.Allowance("pool", "Shared calls", Decimal(1000), ("calls", "more")), Decimal(500)
        ),
    )


def test_a_fee_may_be_due_in_advance() -> None:
    fee = NewCharge(
        key="fee",
        name="Fee",
        product="product",
        kind="recurring",
        fee_amount=Decimal(10),
        fee_quantity=Decimal(1),
        in_advance=True,
    )

    version = make_plan_version([fee])

    assert queries.charges_of(version.pk)[0].in_advance


@pytest.mark.parametrize("model", PRICES)
def test_a_price_of_every_model_is_read_as_that_model(model: str) -> None:
    make_meter()
    version = make_draft_version([usage_charge(prices=[PRICES[model]], amount_property="price")])

    assert queries.charges_of(version.pk)[0].charge.price.kind == model  # type: ignore[union-attr]


def test_a_percentage_keeps_its_bounds_and_free_events() -> None:
    make_meter()
    version = make_draft_version([usage_charge(prices=[PRICES["percentage"]])])

    price = queries.charges_of(version.pk)[0].charge.price
    assert isinstance(price, Percentage)
    assert (price.rate, price.fixed_amount, price.free_events, price.free_amount) == (
        Decimal("0.029"),
        Decimal("0.3"),
        Decimal(3),
        Decimal(100),
    )
    assert (price.event_minimum, price.event_maximum) == (Decimal("0.5"), Decimal(20))


def test_stairs_keep_their_order() -> None:
    make_meter()
    version = make_draft_version([usage_charge(prices=[PRICES["stairstep"]])])

    price = queries.charges_of(version.pk)[0].charge.price
    assert isinstance(price, Stairstep)
    assert [(stair.up_to, stair.flat_amount) for stair in price.tiers] == [
        (Decimal(100), Decimal(10)),
        (None, Decimal(15)),
    ]


def test_a_cell_with_several_dates_is_priced_by_the_day() -> None:
    make_meter(dimensions=["model"])
    prices = [
        NewPrice(
            model="per_unit", unit_amount=Decimal(2), match={"model": "large"}, starts_on=date(2026, 6, 1)
        ),
        NewPrice(model="per_unit", unit_amount=Decimal(3), match={"model": "large"}),
        NewPrice(model="per_unit", unit_amount=Decimal(1)),
    ]
    version = make_draft_version([usage_charge(dimensions=("model",), prices=prices)])

    price = queries.charges_of(version.pk)[0].charge.price
    assert isinstance(price, Matrix)
    assert [cell.price for cell in price.cells] == [
        Dated(((date.min, PerUnit(Decimal(3))), (date(2026, 6, 1), PerUnit(Decimal(2)))))
    ]
    assert price.default == PerUnit(Decimal(1))


def test_a_copy_shares_allowances_of_its_own() -> None:
    version = publish.publish(version_id=shared_version().pk, at=AT, actor=ACTOR)

    copied = compose.copy_version(version_id=version.pk, at=AT, actor=ACTOR)

    assert copied.based_on == version

    assert queries.charges_of(copied.pk) == queries.charges_of(version.pk)
    assert queries.allowances_of(copied.pk) == queries.allowances_of(version.pk)
    assert not set(copied.allowances.values_list("pk")) & set(version.allowances.values_list("pk"))


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        ("UPDATE plans_charge SET minimum = -1", "charge_bounds_are_money"),
        ("UPDATE plans_charge SET minimum = 501", "charge_minimum_is_at_most_its_maximum"),
        (
            "UPDATE plans_charge SET minimum = 1 WHERE kind <> 'usage'",
            "only_usage_has_bounds_allowances_and_dimensions",
        ),
        (
            "UPDATE plans_charge SET amount_property = 'price' WHERE kind <> 'usage'",
            "only_usage_has_bounds_allowances_and_dimensions",
        ),
        ("UPDATE plans_charge SET in_advance = true WHERE kind = 'usage'", "only_fees_are_billed_in_advance"),
        ("UPDATE plans_charge SET carry_over_limit = 5 WHERE key = 'more'", "only_included_units_carry_over"),
        (
            "UPDATE plans_charge SET carry_over_limit = 0 WHERE key = 'calls'",
            "only_included_units_carry_over",
        ),
        ("UPDATE plans_allowance SET quantity = 0", "allowance_is_above_0"),
        ("UPDATE plans_price SET rate = 0.1", "price_has_the_fields_of_its_model"),
        ("UPDATE plans_price SET free_events = 1", "price_has_the_fields_of_its_model"),
        (
            "UPDATE plans_price SET model = 'package', unit_amount = NULL, package_amount = 1",
            "price_has_the_fields_of_its_model",
        ),
        (
            "UPDATE plans_price SET model = 'dynamic', unit_amount = NULL, event_minimum = 2, event_maximum = 1",
            "event_minimum_is_at_most_its_maximum",
        ),
        (
            "UPDATE plans_price SET role = 'overage', starts_on = '2026-01-01'",
            "overage_is_one_price_of_a_quantity",
        ),
        ("UPDATE plans_planversion SET retired_at = now()", "retired_means_dated"),
        (
            "UPDATE plans_planversion SET status = 'retired', published_at = now(), retired_at = now()",
            "published_version_never_changes",
        ),
    ],
)
def test_the_database_refuses_terms_that_make_no_sense(statement: str, constraint: str) -> None:
    shared_version()

    assert refused_by(statement) == constraint


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        ("UPDATE plans_tier SET rate = 0.1", "tier_has_the_fields_of_its_model"),
        ("UPDATE plans_tier SET unit_amount = 1", "tier_has_the_fields_of_its_model"),
        ("UPDATE plans_price SET model = 'graduated'", "tier_has_the_fields_of_its_model"),
    ],
)
def test_stairs_have_a_flat_amount_alone(statement: str, constraint: str) -> None:
    make_meter()
    make_draft_version([usage_charge(prices=[PRICES["stairstep"]])])

    assert refused_by(statement) == constraint


def test_one_cell_has_one_price_a_date() -> None:
    make_meter()
    version = make_draft_version([usage_charge()])
    again = "INSERT INTO plans_price (id, charge_id, position, role, match, model, unit_amount, free_units, fixed_amount, free_events, free_amount) SELECT gen_random_uuid(), charge_id, 2, role, match, model, 7, 0, 0, 0, 0 FROM plans_price"

    assert version.charges.count() == 1
    assert refused_by(again) == "one_price_per_matrix_cell_and_date"


def test_a_charge_shares_no_allowance_of_another_version() -> None:
    shared_version()
    make_draft_version([fee_charge()], allowances=[NewAllowance("pool", "Other", Decimal(1))])

    moved = "UPDATE plans_charge SET allowance_id = (SELECT id FROM plans_allowance WHERE name = 'Other') WHERE key = 'more'; SET CONSTRAINTS ALL IMMEDIATE"
    assert refused_by(moved) == "charge_shares_an_allowance_of_its_version"


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        ("UPDATE plans_allowance SET quantity = 2000", "published_prices_never_change"),
        ("DELETE FROM plans_allowance", "published_prices_never_change"),
        ("UPDATE plans_charge SET minimum = 4 WHERE key = 'calls'", "published_prices_never_change"),
        ("UPDATE plans_planversion SET based_on_id = id", "published_version_never_changes"),
        (
            "UPDATE plans_planversion SET status = 'draft', published_at = NULL",
            "published_version_never_changes",
        ),
    ],
)
def test_published_terms_never_change(statement: str, constraint: str) -> None:
    publish.publish(version_id=shared_version().pk, at=AT, actor=ACTOR)

    assert refused_by(statement) == constraint


def test_a_draft_goes_with_its_allowances() -> None:
    version = shared_version()

    version.delete()

    assert not queries.charges_of(version.pk)


def refused_by(statement: str) -> str:
    with pytest.raises(IntegrityError) as refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    return str(refused.value.__cause__.diag.constraint_name)  # type: ignore[union-attr]
