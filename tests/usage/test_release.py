"""Quarantine: causes are mended, and events released at their own time."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from apps.contracts import extend
from apps.contracts.models import Contract
from apps.core.errors import Refusal
from apps.core.money import Money
from apps.customers import aliases
from apps.plans import type_aliases
from apps.usage import queries
from apps.usage.models import Event, QuarantinedEvent
from apps.usage.quarantine import worth
from apps.usage.reconcile import reconcile
from apps.usage.release import dismiss, release
from tests.builders import make_contract, make_customer, make_meter
from tests.usage.events import ACTOR, AT, event, take, total

pytestmark = pytest.mark.django_db

LATER = datetime(2026, 10, 25, tzinfo=UTC)


def release_all(**fields: bool) -> tuple[int, int]:
    ids = list(queries.waiting().values_list("pk", flat=True))
    released = release(ids=ids, at=LATER, actor=ACTOR, **fields)
    return released.counted, released.quarantined


def test_an_alias_of_the_customer_lets_its_events_out() -> None:
    customer = make_customer()
    make_contract(customer)
    take(event("a", customer="acme-inc"), event("b", customer="acme-inc"))

    aliases.add(key="acme-inc", customer_id=customer.pk, at=LATER, actor=ACTOR)

    assert release_all() == (2, 0)
    assert Event.objects.filter(time="2026-10-20T11:00:00Z", customer=customer).count() == 2
    assert (queries.waiting().count(), total()) == (0, 2)
    assert not reconcile().differences


def test_a_type_counted_as_another_lets_its_events_out_and_new_ones_in() -> None:
    make_contract()
    take(event("a", type="api-call"))

    type_aliases.add(sent_type="api-call", event_type="api.call", at=LATER, actor=ACTOR)

    assert release_all() == (1, 0)
    assert take(event("b", type="api-call")).counted == 1
    assert total() == 2
    assert not reconcile().differences


def test_a_contract_that_is_extended_lets_its_events_out() -> None:
    contract = make_contract(ends_on=date(2026, 10, 15))
    take(event("a"))

    extend.extend(contract_id=contract.pk, ends_on=date(2027, 1, 1), reason="Renewed", at=LATER, actor=ACTOR)

    assert release_all() == (1, 0)
    assert not reconcile().differences


def test_a_released_event_keeps_its_time_however_late_it_is() -> None:
    make_contract(starts_on=date(2026, 1, 1))
    take(event("old", time="2026-02-03T04:05:06Z"))

    assert release_all() == (0, 1)
    assert release_all(any_age=True) == (1, 0)
    assert Event.objects.values_list("day", flat=True).get() == date(2026, 2, 3)
    assert not reconcile().differences


def test_what_still_cannot_be_counted_says_why_now() -> None:
    """First its customer is unknown, then it has no contract."""
    make_meter()
    take(event("a"))
    make_customer()

    assert release_all() == (0, 1)
    assert QuarantinedEvent.objects.values_list("reason", "times").get() == ("no_contract", 1)


def test_an_event_received_three_times_while_it_waited_counts_once() -> None:
    make_customer()
    for _ in range(3):
        take(event("a"))
    make_contract()

    assert release_all() == (1, 0)
    received = queries.received()
    assert (received.received, received.counted, received.duplicate, received.quarantined) == (3, 1, 2, 0)
    assert not reconcile().differences


def test_an_event_sent_again_after_its_cause_was_mended_counts_and_waits_no_more() -> None:
    make_customer()
    take(event("a"))
    take(event("a", quantity=2))
    make_contract()

    take(event("a"))

    received = queries.received()
    assert (received.counted, received.duplicate, received.conflict, received.quarantined) == (1, 1, 1, 0)
    assert queries.waiting().count() == 0
    assert not reconcile().differences


def test_of_two_bodies_under_one_id_the_first_released_stands() -> None:
    make_customer()
    take(event("a"), event("a", quantity=2))
    make_contract()

    assert release_all()[0] == 1
    assert queries.received().conflict == 1
    assert not reconcile().differences


def test_an_event_by_a_confined_key_never_counts_for_another_customer() -> None:
    make_contract()
    make_customer("other")
    take(event("a"), customer_key="other")

    assert release_all() == (0, 1)
    assert total() == 0


def test_releasing_what_waits_no_more_changes_nothing() -> None:
    make_customer()
    take(event("a"))
    ids = list(queries.waiting().values_list("pk", flat=True))
    make_contract()
    release(ids=ids, at=LATER, actor=ACTOR)

    assert release(ids=ids, at=LATER, actor=ACTOR).received == 0
    assert total() == 1


def test_a_dismissed_event_stays_on_record_and_waits_no_more() -> None:
    take(event("a"))

    dismissed = dismiss(
        ids=list(queries.waiting().values_list("pk", flat=True)), reason="A test", at=AT, actor=ACTOR
    )

    assert (dismissed, queries.waiting().count(), QuarantinedEvent.objects.get().resolution) == (
        1,
        0,
        "dismissed",
    )
    assert not reconcile().differences


def dismiss_all() -> None:
    dismiss(ids=list(queries.waiting().values_list("pk", flat=True)), reason="A test", at=AT, actor=ACTOR)


def test_a_dismissed_event_sent_again_stays_out_and_says_so() -> None:
    """The contract is extended after the event was dismissed, so that nothing else keeps it out."""
    contract = make_contract(ends_on=date(2026, 10, 15))
    take(event("a"))
    dismiss_all()
    extend.extend(contract_id=contract.pk, ends_on=None, reason="Renewed", at=LATER, actor=ACTOR)

    again = take(event("a"), event("b"))

    assert (again.counted, again.quarantined, again.details[0].id) == (1, 1, "a")
    assert "staff dismissed this event" in again.details[0].remedy
    assert QuarantinedEvent.objects.values_list("resolution", "times").get() == ("dismissed", 2)
    assert (queries.waiting().count(), total()) == (0, 1)
    assert not reconcile().differences


def test_a_dismissed_event_says_so_also_while_it_could_not_count() -> None:
    take(event("a"))
    dismiss_all()

    assert "staff dismissed this event" in take(event("a")).details[0].remedy


def test_another_body_under_a_dismissed_id_counts() -> None:
    contract = make_contract(ends_on=date(2026, 10, 15))
    take(event("a"))
    dismiss_all()
    extend.extend(contract_id=contract.pk, ends_on=None, reason="Renewed", at=LATER, actor=ACTOR)

    taken = take(event("a"), event("a", quantity=2))

    assert [(one.index, one.state) for one in taken.details] == [(0, "conflict")]
    assert Event.objects.get().quantity == 2
    received = queries.received()
    assert (received.counted, received.conflict, received.quarantined) == (1, 2, 0)
    assert not reconcile().differences


def test_an_event_that_waits_under_an_alias_waits_no_more_once_it_counts_under_the_key() -> None:
    contract = make_contract(ends_on=date(2026, 10, 15))
    aliases.add(key="acme-inc", customer_id=contract.customer_id, at=AT, actor=ACTOR)
    take(event("a", customer="acme-inc"), event("b", customer="acme-inc"))
    extend.extend(contract_id=contract.pk, ends_on=None, reason="Renewed", at=LATER, actor=ACTOR)

    take(event("a"), event("b", quantity=2))

    received = queries.received()
    assert (received.counted, received.duplicate, received.conflict, received.quarantined) == (2, 1, 1, 0)
    assert queries.waiting().count() == 0
    assert not reconcile().differences


def test_events_that_wait_under_several_names_of_one_customer_are_resolved_together() -> None:
    """One waits under the contract's number, with a body of its own since it names the contract, the other under the key."""
    contract = make_contract(ends_on=date(2026, 10, 15))
    take(event("a", customer=None, contract=contract.number), event("b"))
    extend.extend(contract_id=contract.pk, ends_on=None, reason="Renewed", at=LATER, actor=ACTOR)

    take(event("a"), event("b"))

    received = queries.received()
    assert (received.counted, received.duplicate, received.conflict, received.quarantined) == (2, 1, 1, 0)
    assert not reconcile().differences


def test_what_waits_for_a_customer_is_not_resolved_by_one_whose_contract_has_its_key_as_number() -> None:
    make_customer("other")
    contract = make_contract(make_customer(), number="other", ends_on=date(2026, 10, 15))
    take(event("a", customer="other"), event("b"))
    extend.extend(contract_id=contract.pk, ends_on=None, reason="Renewed", at=LATER, actor=ACTOR)

    take(event("a"), event("b"))

    assert queries.waiting().values_list("customer_key", "event_key").get() == ("other", "a")
    assert not reconcile().differences


def test_what_cannot_be_read_any_more_waits_as_no_event() -> None:
    """A row of NUL, as an import kept it once; it keeps nothing else from being counted."""
    make_contract(ends_on=date(2026, 10, 15))
    take(event("a"), event("b"))
    QuarantinedEvent.objects.filter(event_key="a").update(body='"{\\"id\\": \\"a\\u0000\\"}"')
    Contract.objects.update(ends_on=None)

    assert worth(list(queries.waiting())).unclear == 1
    assert release_all() == (1, 1)
    assert queries.waiting().values_list("reason", "event_key").get() == ("not_an_event", "a")
    assert not reconcile().differences


def test_what_a_confined_key_sent_is_worth_what_its_customer_would_pay() -> None:
    """Two calls at 0.01, which name no customer; and one that names another, which never counts."""
    make_contract(ends_on=date(2026, 10, 15))
    make_contract(make_customer("other"))
    astray = event("c", customer="other")
    take(event("a", customer=None), event("b", customer=None), astray, customer_key="acme")

    found = worth(list(queries.waiting()))

    assert (found.amounts, found.priced, found.unclear) == ((Money(Decimal("0.02"), "USD"),), 2, 1)


def test_dismissing_needs_a_reason() -> None:
    take(event("a"))

    with pytest.raises(Refusal, match="reason"):
        dismiss(ids=list(queries.waiting().values_list("pk", flat=True)), reason="", at=AT, actor=ACTOR)

    assert queries.waiting().count() == 1


def test_an_alias_is_no_key_of_another_customer() -> None:
    customer = make_customer()
    make_customer("other")

    with pytest.raises(Refusal, match="other"):
        aliases.add(key="other", customer_id=customer.pk, at=AT, actor=ACTOR)
    aliases.add(key="acme-inc", customer_id=customer.pk, at=AT, actor=ACTOR)
    with pytest.raises(Refusal, match="acme-inc"):
        make_customer("acme-inc")


def test_an_event_from_the_future_waits_for_its_time() -> None:
    make_contract()
    take(event("a", time="2026-10-24T12:00:00Z"), event("b", time="2031-01-01T00:00:00Z"))

    assert release_all(any_age=True) == (1, 1)
    assert QuarantinedEvent.objects.get(event_key="b").reason == "too_early"
