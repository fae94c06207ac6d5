"""Two versions side by side: charges by their key, and what differs in words."""

from decimal import Decimal

import pytest

from apps.plans import compare, summary
from apps.plans.compose import NewPrice, NewTier
from tests.builders import fee_charge, make_draft_version, make_meter, usage_charge

pytestmark = pytest.mark.django_db


def tiers(first: str) -> list[NewPrice]:
    return [
        NewPrice(
            model="graduated", tiers=[NewTier(Decimal(100), Decimal(first)), NewTier(None, Decimal("0.5"))]
        )
    ]


def test_what_differs_is_told_charge_by_charge() -> None:
    make_meter()
    before = summary.offer(make_draft_version([fee_charge("499"), usage_charge(prices=tiers("1"))]))
    after = summary.offer(
        make_draft_version([usage_charge(prices=tiers("0.8")), fee_charge("50", key="support")])
    )

    found = compare.charges(before, after)

    assert [(one.key, one.verdict) for one in found] == [
        ("calls", "changed"),
        ("support", "added"),
        ("fee", "removed"),
    ]
    assert [
        (row.charge_key, row.fact, row.before, row.after)
        for row in compare.rows(before, after)
        if row.changed
    ] == [
        ("calls", "up to 100", "$1 each", "$0.80 each"),
        ("support", "name", "", "Subscription"),
        ("support", "product", "", "Product"),
        ("support", "price", "", "$50 every period."),
        ("fee", "name", "Subscription", ""),
        ("fee", "product", "Product", ""),
        ("fee", "price", "$499 every period.", ""),
    ]


def test_the_same_offer_has_no_difference() -> None:
    offer = summary.offer(make_draft_version([fee_charge()]))

    assert [one.verdict for one in compare.charges(offer, offer)] == ["same"]
    assert not any(row.changed for row in compare.rows(offer, offer))
