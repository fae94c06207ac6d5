"""The seller whose usage is measured: customers on the demo's per-token plan, and keys."""

from datetime import timedelta

from apps.contracts import draft, sign
from apps.core import clock
from apps.customers import api_keys, enroll
from apps.customers.models import Customer
from apps.demo.catalogue import ACTOR, make_meters, make_plans, make_seller

CUSTOMERS = tuple(f"bench-{number}" for number in range(1, 21))


def api_key(*scopes: str) -> str:
    """Make the seller and its customers, if they are not there, and return a key with these scopes."""
    at = clock.now()
    if not Customer.objects.filter(key=CUSTOMERS[0]).exists():
        _make_customers()
    return api_keys.create(name="Benchmark", scopes=scopes, at=at, actor=ACTOR).secret


def _make_customers() -> None:
    at = clock.now()
    seller = make_seller(at=at)
    make_meters(at=at)
    version = make_plans(at=at)["per-token"]
    for key in CUSTOMERS:
        customer = enroll.create(
            fields={"key": key, "name": key.title(), "legal_entity": seller}, at=at, actor=ACTOR
        )
        fields = {
            "number": f"B-{key}",
            "customer": customer,
            "plan_version": version,
            "starts_on": (at - timedelta(days=60)).date(),
        }
        contract = draft.draft(fields=fields, at=at, actor=ACTOR)
        sign.sign(contract_id=contract.pk, at=at, actor=ACTOR)
