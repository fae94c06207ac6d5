"""Events that name their contract: beside the customer, or in its place."""

from datetime import date

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.contracts.extend import extend
from apps.customers import aliases
from apps.usage.correct import correct
from apps.usage.models import Event, QuarantinedEvent
from apps.usage.reconcile import reconcile
from apps.usage.release import release
from tests.builders import make_contract, make_customer
from tests.usage.events import ACTOR, AT, event, take

pytestmark = pytest.mark.django_db


def test_a_contract_names_its_customer() -> None:
    contract = make_contract()

    taken = take(event("a", customer=None, contract=contract.number))

    assert taken.counted == 1
    assert Event.objects.get().customer == contract.customer
    assert not reconcile().differences


def test_the_same_id_is_one_event_whichever_way_the_customer_is_named() -> None:
    contract = make_contract()
    take(event("a", customer=None, contract=contract.number))

    again = take(event("a", customer=None, contract=contract.number))
    otherwise = take(event("a"))

    assert (again.duplicate, otherwise.conflict) == (1, 1)
    assert not reconcile().differences


def test_a_contract_beside_its_customer_must_be_the_live_one_on_the_day() -> None:
    make_contract(number="C-OLD", starts_on=date(2026, 1, 1), ends_on=date(2026, 10, 1))
    now = make_contract(make_customer("acme2"), number="C-NEW")

    taken = take(
        event("a", customer="acme2", contract=now.number),
        event("b", customer="acme2", contract="C-OLD"),
        event("c", customer="acme2"),
        event("d", contract="C-OLD"),
    )

    assert taken.counted == 2
    assert [(one.id, one.reason, one.field) for one in taken.details] == [
        ("b", "no_contract", "contract"),
        ("d", "no_contract", "time"),
    ]


@pytest.mark.parametrize("contract", ["", "x" * 41, 7, ["C-1"]])
def test_a_contract_that_is_no_text_waits(contract: object) -> None:
    make_contract()

    (detail,) = take(event("a", contract=contract)).details

    assert (detail.reason, detail.field) == ("no_contract", "contract")


def test_usage_of_a_contract_that_is_signed_later_waits_for_it() -> None:
    make_customer()
    assert take(event("a", customer=None, contract="C-LATER")).details[0].reason == "unknown_customer"
    make_contract(number="C-LATER")

    released = release(ids=[QuarantinedEvent.objects.get().pk], at=AT, actor=ACTOR)

    assert released.counted == 1
    assert not reconcile().differences


def test_a_confined_key_counts_for_its_own_customer_alone() -> None:
    make_contract(number="C-OWN")
    make_contract(make_customer("other"), number="C-OTHER")

    own = take(event("a", customer=None, contract="C-OWN"), customer_key="acme")
    others = take(event("b", customer=None, contract="C-OTHER"), customer_key="acme")

    assert (own.counted, others.details[0].field) == (1, "contract")
    assert Event.objects.get().customer.key == "acme"


def test_a_confined_key_may_name_its_customer_in_every_way() -> None:
    contract = make_contract(number="C-OWN")
    make_contract(make_customer("other"), number="C-OTHER")
    aliases.add(key="acme-old", customer_id=contract.customer_id, at=AT, actor=ACTOR)
    names = ["acme", "acme-old", "C-OWN", "other", "C-OTHER", "nobody", "C-NONE"]

    with CaptureQueriesContext(connection) as captured:
        taken = take(*[event(name, customer=name) for name in names], customer_key="acme")

    assert sorted(Event.objects.values_list("key", "customer__key")) == [
        (name, "acme") for name in sorted(names[:3])
    ]
    assert [(one.id, one.reason) for one in taken.details] == [
        (name, "unknown_customer") for name in names[3:]
    ]
    # Whose keys these are, whose all of them are, and under which of them anything waits: once for the batch.
    assert sum("customers_customeralias" in query["sql"] for query in captured) == 3
    assert not reconcile().differences


def test_what_a_confined_key_sent_under_an_alias_is_released() -> None:
    contract = make_contract(starts_on=date(2026, 10, 1), ends_on=date(2026, 10, 10))
    aliases.add(key="acme-old", customer_id=contract.customer_id, at=AT, actor=ACTOR)
    take(event("a", customer="acme-old", quantity="odd"), customer_key="acme")
    take(event("b", customer="acme-old"), customer_key="acme")
    extend(contract_id=contract.pk, ends_on=None, reason="Renewed", at=AT, actor=ACTOR)

    released = release(ids=QuarantinedEvent.objects.values_list("pk", flat=True), at=AT, actor=ACTOR)

    assert (released.counted, [one.reason for one in released.details]) == (1, ["bad_quantity"])


def test_a_correction_and_its_replacements_may_name_the_customer_in_different_ways() -> None:
    contract = make_contract()
    aliases.add(key="acme-old", customer_id=contract.customer_id, at=AT, actor=ACTOR)
    take(event("a"))

    corrected = correct(
        customer_key="acme-old",
        keys=["a"],
        replacements=[event("b"), event("c", customer=contract.number)],
        reason="Test",
        at=AT,
        actor=ACTOR,
    )

    assert (corrected.voided, corrected.replaced.counted) == (1, 2)
    assert not reconcile().differences


def test_a_customers_key_goes_before_a_contracts_number() -> None:
    make_contract(make_customer("other"), number="acme")
    mine = make_contract(make_customer(), number="C-1")

    take(event("a"))

    assert Event.objects.get().customer == mine.customer
