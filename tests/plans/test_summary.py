"""A plan version in plain words: what staff read before they publish it, and customers before they sign."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from apps.plans import summary
from apps.plans.compose import NewAllowance, NewCharge, NewPrice, NewTier
from apps.plans.models import PlanVersion
from tests.builders import fee_charge, make_credit_unit, make_draft_version, make_meter, usage_charge

pytestmark = pytest.mark.django_db

TIERS = [NewTier(Decimal(1000), Decimal("0.8")), NewTier(None, Decimal("0.45"), flat_amount=Decimal(5))]
PLAIN = [NewTier(Decimal(20_000), Decimal("0.8")), NewTier(None, Decimal("0.6"))]
STAIRS = [NewTier(Decimal(100), flat_amount=Decimal(10)), NewTier(None, flat_amount=Decimal(15))]
RATES = [
    NewTier(Decimal(1000), rate=Decimal("0.03")),
    NewTier(None, rate=Decimal("0.025"), flat_amount=Decimal(5)),
]
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
        (documents(per_unit("0.000005")), "Documents: $5 per 1 M documents."),
        (documents(per_unit("0.0000000751")), "Documents: $0.0751 per 1 M documents."),
        (
            documents(NewPrice(model="graduated", tiers=TIERS)),
            "Documents: $0.80 each up to 1,000, $0.45 each plus $5 once beyond.",
        ),
        (
            documents(NewPrice(model="graduated", tiers=TIERS), included="250"),
            (
                "Documents: 250 documents included, then $0.80 each up to 1,000 more, "
                "$0.45 each plus $5 once beyond."
            ),
        ),
        (
            documents(NewPrice(model="volume", tiers=TIERS)),
            (
                "Documents: $0.80 each up to 1,000, $0.45 each plus $5 once beyond "
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
        (
            documents(NewPrice(model="graduated", tiers=PLAIN), included="5000"),
            "Documents: 5,000 documents included, then $0.80 each up to 20,000 more, $0.60 beyond.",
        ),
        (
            documents(NewPrice(model="stairstep", tiers=STAIRS)),
            "Documents: $10 in all up to 100, $15 in all beyond.",
        ),
        (
            documents(NewPrice(model="graduated_percentage", tiers=RATES)),
            "Documents: 3% up to $1,000, 2.5% plus $5 once beyond.",
        ),
        (
            documents(NewPrice(model="percentage", rate=Decimal("0.029"), fixed_amount=Decimal("0.3"))),
            "Documents: 2.9% of each amount plus $0.30.",
        ),
        (
            documents(
                NewPrice(
                    model="percentage",
                    rate=Decimal("0.01"),
                    free_events=3,
                    free_amount=Decimal(100),
                    event_minimum=Decimal(2),
                    event_maximum=Decimal(20),
                )
            ),
            (
                "Documents: 1% of each amount, at least $2 and at most $20 an event, "
                "the first 3 events or $100 free, whichever is first."
            ),
        ),
        (
            documents(NewPrice(model="dynamic", event_maximum=Decimal(5))),
            "Documents: the price sent with each event, at most $5.",
        ),
        (
            documents(NewPrice(model="per_seat", unit_amount=Decimal(20))),
            "Documents: $20 for each, by the days that it is taken.",
        ),
        (
            documents(per_unit("3"), replace(per_unit("2"), starts_on=date(2026, 6, 1))),
            "Documents: $3 each, from Jun 1, 2026 $2 each.",
        ),
        (
            replace(documents(per_unit("0.8")), minimum=Decimal(5), maximum=Decimal("99.5")),
            "Documents: $0.80 each; at least $5 and at most $99.50 every period.",
        ),
        (
            replace(documents(per_unit("0.8"), included="100"), carry_over_limit=Decimal(50)),
            "Documents: 100 documents included (up to 50 unused come into the next period), then $0.80 each.",
        ),
        (replace(fee_charge("499"), in_advance=True), "Subscription: $499 every period, in advance."),
        (documents(), "Documents: no price yet."),
        (fee_charge("499"), "Subscription: $499 every period."),
        (fee_charge("20", quantity="5"), "Subscription: $100 every period, for 5 at $20."),
        (ONCE, "Set-up: $250 once."),
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
            "$499 every period includes 5,000 documents processed; then $0.80 each.",
        ),
        (
            [fee_charge("499"), documents(per_unit("0.8"), included="5000"), ONCE],
            "$499 every period includes 5,000 documents processed; then $0.80 each; $250 once.",
        ),
        ([fee_charge("499")], "$499 every period."),
    ],
)
def test_a_version_is_told_in_a_line(charges: list[NewCharge], headline: str) -> None:
    assert summary.offer(version_of(*charges)).headline == headline


@pytest.mark.parametrize(
    ("months", "often"),
    [(1, "a month"), (3, "a quarter"), (6, "every half-year"), (12, "a year"), (2, "every 2 months")],
)
def test_a_contract_says_how_often(months: int, often: str) -> None:
    make_meter("docs", name="Resolutions", unit="resolutions")
    charges = [fee_charge("499"), documents(NewPrice(model="graduated", tiers=PLAIN), included="5000")]

    headline = summary.offer(make_draft_version(charges), months=months).headline

    assert headline == (
        f"$499 {often} includes 5,000 resolutions; then $0.80 each up to 20,000 more, $0.60 beyond."
    )


def test_a_shared_allowance_names_who_shares_it() -> None:
    make_meter("docs", name="Documents processed", unit="documents")
    charges = [
        replace(documents(per_unit("0.8")), allowance="pool"),
        replace(documents(per_unit("0.4")), key="pages", name="Pages", allowance="pool"),
    ]
    version = make_draft_version(charges, allowances=[NewAllowance("pool", "Shared units", Decimal(1000))])

    assert summary.sentences(version) == [
        "Documents: 1,000 of Shared units included together with Pages, then $0.80 each.",
        "Pages: 1,000 of Shared units included together with Documents, then $0.40 each.",
    ]
    assert summary.offer(version).headline == (
        "No recurring fee; 1,000 shared units are included; usage beyond that is paid as used."
    )


def test_a_charge_is_a_table_of_cells_reach_and_price() -> None:
    charge = documents(NewPrice(model="graduated", tiers=TIERS), included="250")

    rows = summary.offer(version_of(charge)).charges[0].rows

    assert [(row.cell, row.reach, row.price) for row in rows] == [
        ("", "first 250 documents", "included"),
        ("", "up to 1,000 more", "$0.80 each"),
        ("", "beyond", "$0.45 each plus $5 once"),
    ]


def test_words_take_a_bounded_number_of_queries(django_assert_max_num_queries: object) -> None:
    version = version_of(fee_charge(), documents(*(per_unit(f"{n}", model=f"m{n}") for n in range(1, 9))))

    with django_assert_max_num_queries(3):  # type: ignore[operator]
        summary.offer(version)
