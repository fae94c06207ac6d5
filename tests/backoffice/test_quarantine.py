"""The quarantine's pages: causes, worth, fixes."""

import re
from datetime import date, timedelta

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from apps.core import clock
from apps.customers import aliases
from apps.customers.models import CustomerAlias
from apps.plans.models import EventTypeAlias
from apps.usage.models import Event, QuarantinedEvent
from apps.usage.reconcile import reconcile
from tests.builders import make_contract, make_customer, make_plan_version, make_staff, usage_charge
from tests.usage.events import event, take

pytestmark = pytest.mark.django_db

CAUSE = "/admin/quarantine/cause/"


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(make_staff())
    return client


def post(*events: dict[str, object]) -> None:
    take(*events, at=clock.now())


def use(key: str, **fields: object) -> dict[str, object]:
    return event(key, **{"time": (clock.now() - timedelta(days=2)).isoformat(), **fields})


def test_causes_are_listed_with_how_many_wait(staff: Client) -> None:
    make_contract(starts_on=date(2026, 1, 1))
    post(*[use(f"a{n}", customer="acme-inc") for n in range(3)], use("t", type="api-call"))

    page = staff.get("/admin/quarantine/").content.decode()

    assert "acme-inc" in page
    assert "api-call" in page
    assert page.index("acme-inc") < page.index("api-call")


def test_the_money_at_stake_is_shown_where_it_is_known(
    staff: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    """Two calls at 0.01 that came 100 days late; what an unknown customer's would cost is not known yet."""
    make_contract(starts_on=date(2026, 1, 1))
    old = (clock.now() - timedelta(days=100)).isoformat()
    post(use("a", time=old), use("b", time=old), use("c", customer="acme-inc"))

    with django_assert_max_num_queries(30):
        page = staff.get("/admin/quarantine/").content.decode()

    assert "known to be at stake: $0.02" in page
    assert page.count("known once mended") == 1


def test_an_unknown_key_is_given_to_a_customer_and_its_events_count(staff: Client) -> None:
    """3 calls at 2.50 are worth 7.50."""
    version = make_plan_version([usage_charge(unit_amount="2.50")]) if make_meters() else None
    make_contract(plan_version=version, starts_on=date(2026, 1, 1))
    post(*[use(f"a{n}", customer="acme-inc") for n in range(3)])
    address = f"{CAUSE}?reason=unknown_customer&subject=acme-inc"

    before = staff.get(address).content.decode()
    asked = staff.get(f"{address}&customer=acme").content.decode()
    staff.post(address, {"do": "alias", "customer": "acme"})

    assert "cannot be said" in before
    assert "$7.50" in asked
    assert CustomerAlias.objects.get().customer.key == "acme"
    assert (Event.objects.count(), QuarantinedEvent.objects.filter(resolved_at=None).count()) == (3, 0)
    assert not reconcile().differences


def test_a_misspelt_key_is_told_from_another_ones(staff: Client) -> None:
    """One call at 0.01: what the nearest customer would pay stands there before anything is chosen."""
    make_contract(make_customer("acme-europe"), starts_on=date(2026, 1, 1))
    post(use("a", customer="acme-europa"), use("b", customer="someone"))

    near = staff.get(f"{CAUSE}?reason=unknown_customer&subject=acme-europa").content.decode()
    far = staff.get(f"{CAUSE}?reason=unknown_customer&subject=someone").content.decode()

    assert "$0.01" in near
    assert 'name="customer" value="acme-europe"' in near
    assert 'name="do" value="alias"' not in far


def test_events_of_an_alias_lead_to_their_customer_and_its_contract(staff: Client) -> None:
    contract = make_contract(starts_on=date(2025, 1, 1), ends_on=date(2025, 2, 1))
    aliases.add(key="acme-inc", customer_id=contract.customer_id, at=clock.now(), actor="test")
    post(use("a", customer="acme-inc"))

    page = staff.get(f"{CAUSE}?reason=no_contract&subject=acme-inc").content.decode()

    assert f'<option value="{contract.number}">' in page


@pytest.mark.parametrize("reason", QuarantinedEvent.Reason.values)
def test_every_cause_has_a_way_out(reason: str, staff: Client) -> None:
    make_contract(starts_on=date(2026, 1, 1))
    QuarantinedEvent.objects.create(
        body="{}", event_key="a", customer_key="acme", type="api.call", reason=reason, received_at=clock.now()
    )

    subject = {"unknown_type": "api.call"}.get(reason, "acme")
    page = staff.get(CAUSE, {"reason": reason, "subject": subject}).content.decode()

    assert re.search(r"and release|sends them again|own time anyway", page)


def make_meters() -> bool:
    from tests.builders import make_meter  # noqa: PLC0415

    make_meter()
    return True


def test_an_unknown_type_is_counted_as_another(staff: Client) -> None:
    make_contract(starts_on=date(2026, 1, 1))
    post(use("a", type="api-call"))

    staff.post(f"{CAUSE}?reason=unknown_type&subject=api-call", {"do": "type", "type": "api.call"})

    assert EventTypeAlias.objects.get().event_type == "api.call"
    assert Event.objects.count() == 1


def test_a_contract_is_extended(staff: Client) -> None:
    contract = make_contract(starts_on=date(2026, 1, 1), ends_on=clock.now().date() - timedelta(days=10))
    post(use("a"))
    address = f"{CAUSE}?reason=no_contract&subject=acme"

    shown = staff.get(address).content.decode()
    staff.post(address, {"do": "extend", "contract": contract.number, "until": "", "why": "Renewed"})

    contract.refresh_from_db()
    assert contract.number in shown
    assert "$0.01" in shown
    assert contract.ends_on is None
    assert Event.objects.count() == 1


def test_old_events_count_at_their_own_time(staff: Client) -> None:
    make_contract(starts_on=date(2026, 1, 1))
    old = clock.now() - timedelta(days=100)
    post(use("a", time=old.isoformat()))

    staff.post(f"{CAUSE}?reason=too_old&subject=", {"do": "release"})

    assert Event.objects.get().time == old


def test_a_mistake_says_what_to_do_and_changes_nothing(staff: Client) -> None:
    make_customer("other")
    make_contract(starts_on=date(2026, 1, 1))
    post(use("a", customer="acme-inc"))

    page = staff.post(
        f"{CAUSE}?reason=unknown_customer&subject=acme-inc",
        {"do": "alias", "customer": "nobody"},
        follow=True,
    ).content.decode()

    assert "Choose one of those offered" in page
    assert not CustomerAlias.objects.exists()
    assert QuarantinedEvent.objects.get().resolved_at is None


def test_events_are_dismissed_with_a_reason(staff: Client) -> None:
    post(use("a"))

    staff.post(f"{CAUSE}?reason=unknown_customer&subject=acme", {"do": "dismiss", "why": "A load test"})

    assert QuarantinedEvent.objects.get().resolution == "dismissed"


def test_an_address_of_no_cause_is_nothing(staff: Client) -> None:
    assert staff.get(f"{CAUSE}?reason=odd").status_code == 404
    assert staff.get(f"{CAUSE}?reason=too_old&subject=").status_code == 200


def test_who_may_only_look_releases_nothing(client: Client) -> None:
    post(use("a"))
    person = make_staff("reader@seller.example")
    person.is_superuser = False
    person.save()
    client.force_login(person)

    assert client.get("/admin/quarantine/").status_code == 403
    assert client.post(f"{CAUSE}?reason=unknown_type&subject=api.call", {"do": "release"}).status_code == 403
