from decimal import Decimal

import pytest
from django.core.management import call_command
from django.db.models import F

from apps.usage.models import UsageDay
from apps.usage.reconcile import reconcile
from tests.builders import make_contract, make_plan_version, usage_charge
from tests.builders import make_meter as meter
from tests.usage.events import event, take, token_charges

pytestmark = pytest.mark.django_db


def use() -> None:
    """Two requests of two models, a call, and one event astray."""
    meter()
    make_contract(plan_version=make_plan_version([usage_charge(), *token_charges()]))
    large = {"model": "large", "input_tokens": Decimal("10.5"), "output_tokens": "3"}
    take(
        event("a", type="llm.request", properties=large),
        event("b", type="llm.request", properties={**large, "model": "small", "output_tokens": None}),
        event("c"),
        event("d", type="unknown"),
    )


def test_totals_rebuilt_from_the_events_agree(capsys: pytest.CaptureFixture[str]) -> None:
    use()

    found = reconcile()
    call_command("reconcile")

    assert (found.events, found.totals, found.differences) == (3, 4, ())
    assert capsys.readouterr().out == (
        "4 received = 3 counted + 0 voided + 0 duplicate + 0 conflict + 1 quarantined.\n"
        "3 events, 4 daily totals: all agree.\n"
    )


def test_a_total_that_is_off_is_named_with_both_figures(capsys: pytest.CaptureFixture[str]) -> None:
    use()
    UsageDay.objects.filter(meter__key="calls").update(quantity=F("quantity") + 1)

    (difference,) = reconcile().differences
    with pytest.raises(SystemExit) as ended:
        call_command("reconcile")

    assert Decimal(difference.from_events.split()[0]) == 1
    assert Decimal(difference.stored.split()[0]) == 2
    assert ended.value.code == 1
    assert "1 differences" in capsys.readouterr().out


def test_a_total_that_is_missing_is_named() -> None:
    use()
    UsageDay.objects.filter(meter__key="output").delete()

    (difference,) = reconcile().differences

    assert difference.stored == "0 of 0 events"
