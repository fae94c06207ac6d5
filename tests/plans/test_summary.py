"""A plan version in plain words: what staff read before they publish it, and customers before they sign."""

from decimal import Decimal

import pytest

from apps.plans import summary
from apps.plans.compose import NewCharge, NewPrice, NewTier
from apps.plans.models import PlanVersion
from tests.builders import fee_charge, make_credit_unit, make_draft_version, make_meter, usage_charge

pytestmark = pytest.mark.django_db

TIERS = [NewTier(Decimal(1000), Decimal("0.8")), NewTier(None, Decimal("0.45"), flat_amount=Decimal(5))]
ONCE = NewCharge(
    key="setup",
    name="Set-up",
    product="product",
    kind="one_time",
    fee_amount=Decimal(250),
    fee_quantity=Decimal(1),
)


def per_unit(amount: str, **match: str) -> NewPrice:
    return NewPrice(model="per_unit", unit_amount=Decimal(amount), match=match)


def documents(*prices: NewPrice, included: str = "0", dimensions: tuple[str, ...] = ()) -> NewCharge:
    return usage_charge(
        "docs", prices=prices, included=Decimal(included), dimensions=dimensions, name="Documents"
    )


def version_of(*charges: NewCharge) -> PlanVersion:
    make_meter("docs", name="Documents processed", unit="documents", dimensions=("model",))
    return make_draft_version(charges)


@pytest.mark.parametrize(
    ("charge", "sentence"),
    [
        (documents(per_unit("0.8")), "Documents: $0.80 each."),
        (
            documents(per_unit("0.8"), included="5000"),
            "Documents: 5,000 documents included, then $0.80 each.",
        ),
        (documents(per_unit("0.000005")), "Documents: $5.00 per 1 M documents."),
        (documents(per_unit("0.0000000751")), "Documents: $0.0751 per 1 M documents."),
        (
            documents(NewPrice(model="graduated", tiers=TIERS)),
            "Documents: $0.80 each up to 1,000, $0.45 each plus $5.00 once beyond that.",
        ),
        (
            documents(NewPrice(model="graduated", tiers=TIERS), included="250"),
            (
                "Documents: 250 documents included, then $0.80 each up to 1,000 more, "
                "$0.45 each plus $5.00 once beyond that."
            ),
        ),
        (
            documents(NewPrice(model="volume", tiers=TIERS)),
            (
                "Documents: $0.80 each up to 1,000, $0.45 each plus $5.00 once beyond that "
                "(all at the price of the tier reached)."
            ),
        ),
        (
            documents(
                NewPrice(
                    model="package",
                    package_size=Decimal(100),
                    package_amount=Decimal("0.5"),
                    free_units=Decimal(300),
                )
            ),
            "Documents: $0.50 for each started 100 documents, the first 300 free.",
        ),
        (
            documents(per_unit("0.3", model="large"), per_unit("0.1"), dimensions=("model",)),
            "Documents: by model: large $0.30 each; all else $0.10 each.",
        ),
        (
            documents(*(per_unit(f"0.{n}", model=f"m{n}") for n in range(1, 6)), dimensions=("model",)),
            "Documents: by model, from $0.10 each to $0.50 each (5 prices).",
        ),
        (documents(), "Documents: no price yet."),
        (fee_charge("499"), "Subscription: $499.00 every period."),
        (fee_charge("20", quantity="5"), "Subscription: $100.00 every period, for 5 at $20.00."),
        (ONCE, "Set-up: $250.00 once."),
    ],
)
def test_a_charge_is_one_sentence(charge: NewCharge, sentence: str) -> None:
    told = summary.sentences(version_of(charge))

    assert [text.replace("\N{NO-BREAK SPACE}", " ") for text in told] == [sentence]


def test_a_price_in_credits_says_what_credits_beyond_the_grants_cost() -> None:
    make_credit_unit()
    charge = usage_charge(
        "docs", unit_amount="2", name="Documents", credit_unit="credits", overage=per_unit("0.02")
    )

    assert summary.sentences(version_of(charge)) == [
        "Documents: 2 credits each; credits beyond the grants $0.02 each."
    ]


@pytest.mark.parametrize(
    ("charges", "headline"),
    [
        ([], "Nothing is charged yet."),
        ([documents(per_unit("0.8"))], "No recurring fee; $0.80 each."),
        (
            [fee_charge("499"), documents(per_unit("0.8"), included="5000")],
            "$499.00 every period includes 5,000 documents processed; then $0.80 each.",
        ),
        (
            [fee_charge("499"), documents(per_unit("0.8"), included="5000"), ONCE],
            "$499.00 every period includes 5,000 documents processed; then $0.80 each; $250.00 once.",
        ),
        ([fee_charge("499")], "$499.00 every period."),
    ],
)
def test_a_version_is_told_in_a_line(charges: list[NewCharge], headline: str) -> None:
    assert summary.offer(version_of(*charges)).headline == headline


def test_a_charge_is_a_table_of_cells_reach_and_price() -> None:
    charge = documents(NewPrice(model="graduated", tiers=TIERS), included="250")

    rows = summary.offer(version_of(charge)).charges[0].rows

    assert [(row.cell, row.reach, row.price) for row in rows] == [
        ("", "first 250 documents", "included"),
        ("", "up to 1,000 more", "$0.80 each"),
        ("", "beyond that", "$0.45 each plus $5.00 once"),
    ]


def test_words_take_a_bounded_number_of_queries(django_assert_max_num_queries: object) -> None:
    version = version_of(fee_charge(), documents(*(per_unit(f"{n}", model=f"m{n}") for n in range(1, 9))))

    with django_assert_max_num_queries(3):  # type: ignore[operator]
        summary.offer(version)
