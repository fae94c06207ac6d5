"""A draft's charge takes its prices from a list, with a margin, and takes a later list the same way."""

import time
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from apps.core.models import AuditEntry
from apps.plans import compose, from_price_list, publish, queries
from apps.plans.compose import NewPrice
from apps.plans.errors import BadMarkup, PricesChanged, VersionFixed
from apps.plans.markup import Choice, Taken, Way, with_margin
from apps.plans.models import Charge, Meter, Price, PriceList
from apps.rating.price_models.matrix import Matrix
from tests.builders import (
    ACTOR,
    AT,
    fee_charge,
    make_credit_unit,
    make_draft_version,
    make_meter,
    usage_charge,
)
from tests.plans.price_files import listed, make_price_list, take_in, taken

pytestmark = pytest.mark.django_db
BOTH = Choice(kind_dimension="kind", kinds={"input": "in", "output": "out"})


@pytest.fixture
def charge() -> Charge:
    """A charge of a draft whose meter tells models and kinds of tokens apart, and a list of two models."""
    make_price_list()
    take_in(listed(large=("0.000003", "0.000015"), small=("0.0000002", "0.0000006")), "2026-07-01")
    return make_charge()


def make_charge(dimensions: tuple[str, ...] = ("model", "kind"), **fields: Any) -> Charge:
    make_meter("tokens", unit="tokens", event_type="llm", aggregation="sum", dimensions=dimensions)
    made = replace(usage_charge("tokens", dimensions=dimensions, prices=()), **fields)
    make_draft_version([made], plan="plan")
    return Charge.objects.get(key="tokens")


def cells(charge: Charge) -> dict[tuple[str, ...], list[tuple[date | None, Any]]]:
    """Prices for a million, by the values of the cell, in the order of their dates."""
    found: dict[tuple[str, ...], list[tuple[date | None, Any]]] = {}
    for price in charge.prices.filter(role="usage"):
        values = tuple(price.match[name] for name in ("model", "kind") if name in price.match)
        found.setdefault(values, []).append((price.starts_on, (price.unit_amount or 0) * 1_000_000))
    return {values: sorted(dates, key=lambda one: one[0] or date.min) for values, dates in found.items()}


def looked(charge: Charge, choice: Choice) -> Taken:
    return from_price_list.preview(
        charge_id=charge.pk, price_list_id=PriceList.objects.get().pk, choice=choice
    )


def test_each_model_and_kind_is_a_cell_with_the_margin_on_top(charge: Charge) -> None:
    """$3 and $15 for a million tokens, and 20 percent: $3.60 and $18."""
    done = taken(charge, replace(BOTH, margin_percent=Decimal(20), patterns=("large",)))

    assert cells(charge) == {("large", "in"): [(None, Decimal("3.6"))], ("large", "out"): [(None, 18)]}
    assert done.counted == {"new": 2, "changed": 0, "same": 0, "not listed any more": 0}
    entry = AuditEntry.objects.get(action="plans.take_price_list")
    assert (entry.after["margin"], entry.after["new"], entry.after["of"]) == ("20 percent", 2, "2026-07-01")


@pytest.mark.parametrize(
    ("percent", "becomes"),
    [("0", "0.000003"), ("12.5", "0.000003375"), ("-10", "0.0000027"), ("33.3333", "0.000003999999")],
)
def test_a_margin_is_exact(percent: str, becomes: str) -> None:
    assert with_margin(Decimal("0.000003"), Decimal(percent)) == Decimal(becomes)


def test_patterns_choose_models_and_other_names_are_cells_of_their_own(charge: Charge) -> None:
    choice = replace(BOTH, patterns=("la*",), names={"provider/small": "small", "tiny": "small"})

    taken(charge, choice)

    models = {model for model, _ in cells(charge)}
    assert models == {"large", "small", "provider/small", "tiny"}


def test_a_name_that_is_given_to_another_model_has_that_ones_price(charge: Charge) -> None:
    taken(charge, replace(BOTH, names={"large": "small"}))

    assert cells(charge)["large", "in"] == [(None, Decimal("0.2"))]


def test_dated_prices_keep_the_day_of_every_change_and_the_first_holds_before(charge: Charge) -> None:
    take_in(listed(large=("0.000002", "0.000015"), late=(1, 1)), "2026-07-24")

    taken(charge, replace(BOTH, is_dated=True))

    found = cells(charge)
    assert found["large", "in"] == [(None, 3), (date(2026, 7, 24), 2)]
    assert found["large", "out"] == [(None, 15)]
    assert found["late", "in"] == [(None, 1_000_000)]
    # Not listed any more, it stays what it was last.
    assert found["small", "in"] == [(None, Decimal("0.2"))]


def test_dated_prices_may_begin_with_what_was_in_force_on_a_day(charge: Charge) -> None:
    take_in(listed(large=("0.000002", 1)), "2026-07-10")
    take_in(listed(large=("0.000001", 1)), "2026-07-24")

    for from_day, prices in (
        (date(2026, 6, 1), [(None, 3), (date(2026, 7, 10), 2), (date(2026, 7, 24), 1)]),
        (date(2026, 7, 10), [(None, 2), (date(2026, 7, 24), 1)]),
        (date(2026, 7, 23), [(None, 2), (date(2026, 7, 24), 1)]),
        (date(2026, 8, 1), [(None, 1)]),
    ):
        taken(charge, replace(BOTH, is_dated=True, from_day=from_day))
        assert cells(charge)["large", "in"] == prices


def test_without_dates_the_latest_version_stands_alone(charge: Charge) -> None:
    take_in(listed(large=("0.000002", "0.000015")), "2026-07-24")

    taken(charge, BOTH)

    assert cells(charge) == {("large", "in"): [(None, 2)], ("large", "out"): [(None, 15)]}


def test_a_charge_for_one_kind_needs_no_dimension_for_it() -> None:
    make_price_list()
    take_in(listed(large=(3, 15)), "2026-07-01")
    charge = make_charge(("model",))

    taken(charge, Choice(kinds={"output": "output"}))

    assert cells(charge) == {("large",): [(None, 15_000_000)]}


def test_a_charge_begins_to_price_by_the_dimensions_and_keeps_its_price_for_the_rest() -> None:
    make_price_list()
    take_in(listed(large=(3, 15)), "2026-07-01")
    rest = NewPrice(model="per_unit", unit_amount=Decimal(7))
    charge = make_charge(prices=(rest,))
    Charge.objects.update(dimensions=[])

    done = taken(charge, BOTH)

    charge.refresh_from_db()
    assert (charge.dimensions, done.kept) == (["model", "kind"], 1)
    assert cells(charge)[()] == [(None, 7_000_000)]


def test_the_next_list_shows_what_changes_before_it_is_written(charge: Charge) -> None:
    taken(charge, BOTH)
    publish.publish(version_id=charge.plan_version_id, at=AT, actor=ACTOR)
    take_in(listed(large=("0.000002", "0.000015"), new=("0.000001", "0.000001")), "2026-07-24")
    copy = compose.copy_version(version_id=charge.plan_version_id, at=AT, actor=ACTOR)
    again = Charge.objects.get(plan_version=copy)
    last, choice = from_price_list.last_choice(again) or pytest.fail("the choice is forgotten")

    seen = looked(again, choice)

    assert (choice, last.taken_from.day) == (BOTH, date(2026, 7, 1))
    assert seen.counted == {"new": 2, "changed": 1, "same": 1, "not listed any more": 2}
    assert cells(again) == cells(charge)
    taken(again, choice)
    assert cells(again)["large", "in"] == [(None, 2)]
    assert cells(again)["small", "in"] == [(None, Decimal("0.2"))]
    assert cells(charge)["large", "in"] == [(None, 3)]


def test_taken_twice_nothing_is_written_the_second_time(charge: Charge) -> None:
    taken(charge, BOTH)
    before = set(charge.prices.values_list("pk", flat=True))

    again = taken(charge, BOTH)

    assert again.counted == {"new": 0, "changed": 0, "same": 4, "not listed any more": 0}
    assert set(charge.prices.values_list("pk", flat=True)) == before


def test_a_price_by_hand_in_such_a_cell_is_replaced_in_sight(charge: Charge) -> None:
    Price.objects.create(
        charge=charge,
        match={"model": "large", "kind": "in"},
        model="package",
        package_size=1,
        package_amount=1,
    )

    seen = looked(charge, BOTH)
    taken(charge, BOTH)

    (changed,) = seen.cells_that(Way.CHANGED)
    assert changed.was == ((None, None),)
    assert charge.prices.get(match={"model": "large", "kind": "in"}).model == "per_unit"


def test_a_price_finer_than_18_decimals_is_left_out_by_name_or_rounded_in_sight(charge: Charge) -> None:
    fine = Decimal("0.0000075000030000000015")
    take_in(listed(large=(str(fine), "0.000015")), "2026-07-24")

    refused = taken(charge, BOTH)
    rounded = taken(charge, replace(BOTH, rounds_finer=True))

    assert refused.too_fine == (("large", "input", fine),)
    assert ("large", "out") in cells(charge)
    assert (rounded.too_fine, rounded.rounded) == ((), (("large", "input", fine),))
    assert charge.prices.get(match={"model": "large", "kind": "in"}).unit_amount == Decimal(
        "0.000007500003000000"
    )


def test_nothing_is_written_that_was_not_seen(charge: Charge) -> None:
    seen = looked(charge, BOTH)
    named: dict[str, Any] = {
        "charge_id": charge.pk,
        "price_list_id": PriceList.objects.get().pk,
        "at": AT,
        "actor": ACTOR,
    }
    take_in(listed(large=("0.000002", 1)), "2026-07-24")

    with pytest.raises(PricesChanged, match="Nothing was written"):
        from_price_list.take(**named, choice=BOTH, stamp=seen.stamp)
    with pytest.raises(PricesChanged):
        from_price_list.take(
            **named, choice=replace(BOTH, margin_percent=Decimal(1)), stamp=looked(charge, BOTH).stamp
        )

    assert not charge.prices.exists()


def test_what_is_published_takes_no_prices(charge: Charge) -> None:
    taken(charge, BOTH)
    publish.publish(version_id=charge.plan_version_id, at=AT, actor=ACTOR)

    with pytest.raises(VersionFixed):
        looked(charge, BOTH)


@pytest.mark.parametrize(
    ("choice", "field", "why"),
    [
        (replace(BOTH, kinds={}), "kinds", "at least one kind"),
        (replace(BOTH, kinds={"input": "x", "output": "x"}), "kinds", "a value of its own"),
        (replace(BOTH, kinds={"input": ""}), "kinds", "a value of its own"),
        (replace(BOTH, kind_dimension=""), "kinds", "has one kind"),
        (replace(BOTH, kind_dimension="region"), "kind_dimension", "does not keep 'region'"),
        (replace(BOTH, kind_dimension="model"), "kind_dimension", "another dimension"),
        (replace(BOTH, model_dimension=""), "model_dimension", "Choose the dimension"),
        (replace(BOTH, margin_percent=Decimal(-101)), "margin_percent", "from -100 to 10000"),
        (replace(BOTH, margin_percent=Decimal("NaN")), "margin_percent", "from -100 to 10000"),
        (replace(BOTH, patterns=("none*",)), "patterns", "no price of these models"),
        (replace(BOTH, names={"mine": "none"}), "names", "no model 'none'"),
    ],
)
def test_a_choice_that_cannot_be_says_at_which_field(
    charge: Charge, choice: Choice, field: str, why: str
) -> None:
    with pytest.raises(BadMarkup, match=why) as refused:
        looked(charge, choice)

    assert list(refused.value.mistakes) == [field]


def test_a_list_that_is_empty_or_in_another_currency_is_refused() -> None:
    make_price_list(currency="EUR")
    charge = make_charge()

    with pytest.raises(BadMarkup) as refused:
        looked(charge, BOTH)

    assert "Nothing is imported" in str(refused.value)
    take_in(listed(large=(3, 15)), "2026-07-01")
    with pytest.raises(BadMarkup, match="is in EUR and the plan in USD"):
        looked(charge, BOTH)


def test_a_fee_and_a_charge_in_credits_are_refused() -> None:
    make_price_list()
    take_in(listed(large=(3, 15)), "2026-07-01")
    make_credit_unit()
    in_credits = make_charge(credit_unit="credits")
    make_draft_version([fee_charge()], plan="fees")

    for charge, why in ((in_credits, "in credits"), (Charge.objects.get(key="fee"), "is a fee")):
        with pytest.raises(BadMarkup, match=why):
            looked(charge, BOTH)


def test_a_matrix_that_nobody_reads_is_refused(charge: Charge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(from_price_list, "MOST_PRICES", 3)

    with pytest.raises(BadMarkup, match="more than 3 prices"):
        looked(charge, BOTH)


def test_many_models_are_taken_and_read_in_as_many_queries_as_few(
    charge: Charge, django_assert_max_num_queries: Any
) -> None:
    take_in(listed(**{f"m{number}": (1, 2) for number in range(1500)}), "2026-07-24")

    with django_assert_max_num_queries(30):
        taken(charge, BOTH)
    with django_assert_max_num_queries(5):
        (planned,) = queries.charges_of(charge.plan_version_id)

    assert isinstance(planned.charge.price, Matrix)
    assert len(planned.charge.price.cells) == 3000


def test_published_prices_are_read_once_and_names_every_minute(
    charge: Charge, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    taken(charge, BOTH)
    publish.publish(version_id=charge.plan_version_id, at=AT, actor=ACTOR)
    (first,) = queries.charges_of(charge.plan_version_id)
    Meter.objects.update(unit="words")

    with django_assert_num_queries(0):
        assert queries.charges_of(charge.plan_version_id) == (first,)
    later = time.monotonic() + 61
    monkeypatch.setattr(time, "monotonic", lambda: later)
    with django_assert_num_queries(2):
        (second,) = queries.charges_of(charge.plan_version_id)

    assert second.charge is first.charge
    assert (first.unit, second.unit) == ("tokens", "words")


def test_a_charge_that_is_gone_is_no_charge(charge: Charge) -> None:
    with pytest.raises(Charge.DoesNotExist):
        from_price_list.preview(charge_id=UUID(int=0), price_list_id=PriceList.objects.get().pk, choice=BOTH)
