"""Who counts usage under which contracts."""

import pytest
from django.db import transaction

from apps.contracts import locks
from apps.customers import aliases
from tests.builders import ACTOR, AT, make_contract, make_customer

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    "names", [("acme", "bolt-old"), ("bolt", "acme-old"), ("C-ACME", "bolt"), ("acme", "C-BOLT")]
)
def test_contracts_are_shared_in_one_order_however_their_customers_are_named(names: tuple[str, str]) -> None:
    acme, bolt = make_customer("acme"), make_customer("bolt")
    contracts = [make_contract(acme, number="C-ACME"), make_contract(bolt, number="C-BOLT")]
    for customer in (acme, bolt):
        aliases.add(key=f"{customer.key}-old", customer_id=customer.pk, at=AT, actor=ACTOR)

    with transaction.atomic():
        customers, shared = locks.share(names)

    assert shared == [str(one.pk) for one in sorted(contracts, key=lambda one: one.customer_id)]
    assert sorted(customers) == sorted(names)


def test_a_key_goes_before_the_number_of_a_contract() -> None:
    acme = make_customer("acme")
    make_contract(acme)
    make_contract(make_customer("bolt"), number="acme")

    with transaction.atomic():
        customers, _ = locks.share(["acme"])

    assert customers == {"acme": str(acme.pk)}
