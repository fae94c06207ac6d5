"""Creating and changing customers, and inviting their members."""

import pytest

from apps.core.models import AuditEntry, User
from apps.customers import enroll, members
from apps.customers.errors import CustomerKeyTaken
from apps.customers.models import Customer, Membership
from tests.builders import ACTOR, AT, make_customer

pytestmark = pytest.mark.django_db


def test_a_key_is_given_once_and_the_first_customer_stands() -> None:
    make_customer("acme", name="First")

    with pytest.raises(CustomerKeyTaken, match="Choose another key"):
        make_customer("acme", name="Second")

    assert [customer.name for customer in Customer.objects.all()] == ["First"]


def test_a_change_is_on_the_trail_with_what_it_was_before() -> None:
    customer = make_customer("acme", name="Acme")

    enroll.change(customer_id=customer.pk, fields={"name": "Acme Ltd"}, at=AT, actor=ACTOR)

    entry = AuditEntry.objects.get(action="customers.change")
    assert (entry.before, entry.after) == ({"name": "Acme"}, {"name": "Acme Ltd"})
    assert Customer.objects.get().name == "Acme Ltd"


def test_inviting_the_same_person_again_changes_the_role_only() -> None:
    customer = make_customer()

    members.invite(customer=customer, email="Ada@Acme.example", role="viewer", at=AT, actor=ACTOR)
    members.invite(customer=customer, email="ada@acme.example", role="admin", at=AT, actor=ACTOR)

    assert User.objects.count() == 1
    assert Membership.objects.get().role == Membership.Role.ADMIN


def test_one_person_may_be_a_member_of_two_customers() -> None:
    for key in ("acme", "globex"):
        members.invite(customer=make_customer(key), email="ada@acme.example", at=AT, actor=ACTOR)

    assert User.objects.count() == 1
    assert Membership.objects.count() == 2
