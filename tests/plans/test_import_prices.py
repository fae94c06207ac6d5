"""Price lists are imported by their day, once for ever, and tell what changed."""

from datetime import date
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, transaction

from apps.core.models import AuditEntry
from apps.plans import import_prices, price_lists
from apps.plans.errors import BadPriceList, NoSuchPriceList, PriceListDayTaken, UnreadablePriceList
from apps.plans.models import ListedPrice, PriceListVersion
from apps.plans.price_lists import Change
from tests.builders import ACTOR, AT
from tests.plans.price_files import listed, make_price_list, take_in

pytestmark = pytest.mark.django_db


def test_a_version_keeps_prices_report_file_and_who_imported_it() -> None:
    make_price_list()

    take_in(listed(large=("0.000003", "0.000015"), picture={"output_cost_per_image": 1}), "2026-07-24")

    version = PriceListVersion.objects.get()
    assert price_lists.prices_of(version) == {
        ("large", "input"): Decimal("0.000003"),
        ("large", "output"): Decimal("0.000015"),
    }
    assert (version.day, version.models_read, version.prices_read) == (date(2026, 7, 24), 2, 2)
    assert version.left_out == [["picture", "output_cost_per_image", "is priced per image, not per token"]]
    assert (version.imported_by, version.imported_at) == (ACTOR, AT)
    assert AuditEntry.objects.get(action="plans.import_prices").after["prices"] == 2


def test_the_same_file_for_the_same_day_is_nothing_new() -> None:
    make_price_list()
    first = take_in(listed(m=(1, 2)), "2026-07-24")

    again = take_in(listed(m=(1, 2)), "2026-07-24")

    assert (first.is_known, again.is_known) == (False, True)
    assert PriceListVersion.objects.count() == 1
    assert AuditEntry.objects.filter(action="plans.import_prices").count() == 1


def test_another_file_for_the_same_day_is_refused() -> None:
    make_price_list()
    take_in(listed(m=(1, 2)), "2026-07-24")

    with pytest.raises(PriceListDayTaken, match="Public prices of 2026-07-24 was imported from another file"):
        take_in(listed(m=(1, 3)), "2026-07-24")

    assert ListedPrice.objects.get(kind="output").amount == 2


def test_a_later_day_tells_what_became_dearer_cheaper_added_and_removed() -> None:
    make_price_list()
    take_in(listed(up=(2, 1), down=(4, 1), gone=(1, 1), free=(0, 1)), "2026-07-01")

    later = take_in(listed(up=(3, 1), down=(3, 1), new=(1, 1), free=(1, 1)), "2026-07-24")

    assert later.counted == {"dearer": 2, "cheaper": 1, "removed": 2, "added": 2}
    told = {(one.model, one.kind): (one.way.value, one.percent) for one in later.changes}
    assert told["up", "input"] == ("dearer", Decimal("50.0"))
    assert told["down", "input"] == ("cheaper", Decimal("-25.0"))
    assert told["free", "input"] == ("dearer", None)
    assert told["gone", "input"] == ("removed", None)
    assert told["new", "output"] == ("added", None)
    assert ("up", "output") not in told


def test_a_day_between_two_others_is_compared_with_the_day_before_it() -> None:
    price_list = make_price_list()
    take_in(listed(m=(1, 1)), "2026-07-01")
    take_in(listed(m=(3, 1)), "2026-07-31")

    between = take_in(listed(m=(2, 1)), "2026-07-15")

    assert between.changes == (Change("m", "input", Decimal(1), Decimal(2)),)
    assert price_lists.history(price_list.pk)["m", "input"] == [
        (date(2026, 7, 1), Decimal(1)),
        (date(2026, 7, 15), Decimal(2)),
        (date(2026, 7, 31), Decimal(3)),
    ]


def test_a_look_writes_nothing() -> None:
    make_price_list()

    seen = import_prices.preview(key="public", content=listed(m=(1, 2)), day=date(2026, 7, 24))

    assert seen.counted["added"] == 2
    assert not PriceListVersion.objects.exists()


def test_prices_that_nobody_asks_for_are_pointed_out() -> None:
    make_price_list()

    seen = take_in(listed(m=("0.001", "0.0010001")), "2026-07-24")

    assert seen.dear == [("m", "output", Decimal("0.0010001"))]


def test_a_file_that_is_no_list_leaves_nothing() -> None:
    make_price_list()

    with pytest.raises(UnreadablePriceList):
        take_in(b"{}", "2026-07-24")

    assert not PriceListVersion.objects.exists()


def test_an_unknown_list_is_refused() -> None:
    with pytest.raises(NoSuchPriceList, match="no price list 'public'"):
        take_in(listed(m=(1, 2)), "2026-07-24")
    with pytest.raises(NoSuchPriceList):
        import_prices.preview(key="public", content=listed(m=(1, 2)), day=date(2026, 7, 24))


def test_a_list_may_be_renamed_and_stays_in_its_currency() -> None:
    make_price_list()

    assert make_price_list(name="Other").name == "Other"
    with pytest.raises(BadPriceList, match="is in USD"):
        make_price_list(currency="EUR")
    with pytest.raises(BadPriceList, match="no currency"):
        make_price_list("new", currency="XXX")


@pytest.mark.parametrize("table", ["plans_listedprice", "plans_pricelistversion"])
@pytest.mark.parametrize("change", ["DELETE FROM {}", "UPDATE {} SET id = id"])
@pytest.mark.usefixtures("owner")
def test_the_database_lets_nobody_change_what_was_imported(table: str, change: str) -> None:
    make_price_list()
    take_in(listed(m=(1, 2)), "2026-07-24")

    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        transaction.get_connection().cursor().execute(change.format(table))


def test_the_command_makes_the_list_imports_and_reports(tmp_path: Path) -> None:
    file = tmp_path / "prices.json"
    file.write_bytes(listed(m=(1, 2), picture={"output_cost_per_image": 1}))
    said = StringIO()

    for more in (["--name", "Public", "--source", "Somewhere, MIT"], [], ["--dry-run"]):
        call_command("import_prices", file, "--list", "public", "--day", "2026-07-24", *more, stdout=said)

    first, *_ = said.getvalue().splitlines()
    assert first == ("2 models, 2 prices. The first of the list: 0 dearer, 0 cheaper, 0 removed, 2 added.")
    assert "Left out, is priced per image, not per token: 1." in said.getvalue()
    assert "Above 1,000 for a million tokens, to be looked at: 2." in said.getvalue()
    assert "The same file was imported for that day before." in said.getvalue()
    assert said.getvalue().endswith("Nothing was written.\n")
    assert PriceListVersion.objects.count() == 1


@pytest.mark.parametrize(
    ("name", "why"), [("none.json", "no file"), ("prices.json", "no price list 'public'")]
)
def test_the_command_says_why_it_cannot(tmp_path: Path, name: str, why: str) -> None:
    (tmp_path / "prices.json").write_bytes(listed(m=(1, 2)))

    with pytest.raises(CommandError, match=why):
        call_command("import_prices", tmp_path / name, "--list", "public", "--day", "2026-07-24")
