"""Objects for tests, each made by the real actions, so that no test starts from an impossible state."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import count
from typing import Any

from apps.contracts import draft, sign
from apps.contracts.models import Contract
from apps.core import people
from apps.core.models import User
from apps.customers import api_keys, enroll, members, sellers
from apps.customers.models import ApiKey, Customer, LegalEntity, Membership
from apps.invoices.credit_notes import Ask, Terms
from apps.invoices.models import Invoice
from apps.payments import credit, record
from apps.payments.models import Payment
from apps.plans import catalogue, compose, publish
from apps.plans.compose import NewAllowance, NewCharge, NewPrice
from apps.plans.models import CreditUnit, Meter, PlanVersion

ACTOR = "tests"
AT = datetime(2026, 10, 1, tzinfo=UTC)
PASSWORD = "correct horse battery"
_numbers = count(1)


def make_legal_entity(key: str = "seller", **fields: object) -> LegalEntity:
    return sellers.put(key=key, fields={"name": "Seller Inc.", **fields}, at=AT, actor=ACTOR)


def make_customer(key: str = "acme", **fields: object) -> Customer:
    entity = fields.pop("legal_entity", None) or LegalEntity.objects.first() or make_legal_entity()
    return enroll.create(
        fields={"key": key, "name": key.title(), "legal_entity": entity, **fields}, at=AT, actor=ACTOR
    )


def make_meter(
    key: str = "calls",
    *,
    name: str = "API calls",
    unit: str = "calls",
    event_type: str = "api.call",
    aggregation: str = Meter.Aggregation.COUNT,
    value_property: str = "",
    dimensions: Sequence[str] = (),
    late_days: int = 35,
    **shape: Any,
) -> Meter:
    return catalogue.put_meter(
        key=key,
        name=name,
        unit=unit,
        event_type=event_type,
        aggregation=aggregation,
        value_property=value_property,
        dimensions=dimensions,
        late_days=late_days,
        **shape,
        at=AT,
        actor=ACTOR,
    )


def make_credit_unit(key: str = "credits") -> CreditUnit:
    return catalogue.put_credit_unit(key=key, name=key, at=AT, actor=ACTOR)


def usage_charge(meter: str = "calls", *, unit_amount: str = "0.01", **fields: Any) -> NewCharge:
    """A charge per unit on a meter, named like it."""
    charge = NewCharge(
        key=meter,
        name=meter.title(),
        product="product",
        meter=meter,
        prices=[NewPrice(model="per_unit", unit_amount=Decimal(unit_amount))],
    )
    return replace(charge, **fields)


def fee_charge(amount: str = "499", *, key: str = "fee", quantity: str = "1") -> NewCharge:
    """A recurring fee."""
    return NewCharge(
        key=key,
        name="Subscription",
        product="product",
        kind="recurring",
        fee_amount=Decimal(amount),
        fee_quantity=Decimal(quantity),
    )


def make_draft_version(
    charges: Sequence[NewCharge] | None = None,
    *,
    plan: str | None = None,
    currency: str = "USD",
    allowances: Sequence[NewAllowance] = (),
) -> PlanVersion:
    catalogue.put_product(key="product", name="Product", at=AT, actor=ACTOR)
    if charges is None:
        if not Meter.objects.filter(key="calls").exists():
            make_meter()
        charges = [usage_charge()]
    key = plan or f"plan-{next(_numbers)}"
    offered = catalogue.put_plan(key=key, name=key.title(), at=AT, actor=ACTOR)
    return compose.draft_version(
        plan_id=offered.pk, currency=currency, charges=charges, allowances=allowances, at=AT, actor=ACTOR
    )


def make_plan_version(
    charges: Sequence[NewCharge] | None = None,
    *,
    plan: str | None = None,
    currency: str = "USD",
    allowances: Sequence[NewAllowance] = (),
) -> PlanVersion:
    version = make_draft_version(charges, plan=plan, currency=currency, allowances=allowances)
    return publish.publish(version_id=version.pk, at=AT, actor=ACTOR)


def make_draft_contract(
    customer: Customer | None = None,
    plan_version: PlanVersion | None = None,
    *,
    starts_on: date = date(2026, 10, 1),
    **fields: object,
) -> Contract:
    return draft.draft(
        fields={
            "number": f"C-{next(_numbers):05d}",
            "customer": customer or Customer.objects.first() or make_customer(),
            "plan_version": plan_version or make_plan_version(),
            "starts_on": starts_on,
            **fields,
        },
        at=AT,
        actor=ACTOR,
    )


def make_contract(
    customer: Customer | None = None,
    plan_version: PlanVersion | None = None,
    *,
    starts_on: date = date(2026, 10, 1),
    **fields: object,
) -> Contract:
    contract = make_draft_contract(customer, plan_version, starts_on=starts_on, **fields)
    return sign.sign(contract_id=contract.pk, at=AT, actor=ACTOR)


def make_api_key(*scopes: str, customer: Customer | None = None) -> str:
    """Return the secret of a new key, with every scope if none is named."""
    return api_keys.create(
        name="key", scopes=scopes or ApiKey.Scope.values, customer=customer, at=AT, actor=ACTOR
    ).secret


def make_staff(email: str = "finance@seller.example") -> User:
    return people.put(email=email, password=PASSWORD, name="Finance", finance=True, at=AT, actor=ACTOR)


def make_member(customer: Customer, email: str = "member@acme.example") -> User:
    people.put(email=email, password=PASSWORD, at=AT, actor=ACTOR)
    return members.invite(customer=customer, email=email, role=Membership.Role.ADMIN, at=AT, actor=ACTOR).user


def make_payment(
    customer: Customer,
    amount: str,
    *,
    reference: str = "R-1",
    currency: str = "USD",
    on: date = date(2026, 11, 5),
    pays: dict[Any, Decimal] | None = None,
    at: datetime = datetime(2026, 11, 5, tzinfo=UTC),
) -> Payment:
    return record.record_transfer(
        customer_id=customer.pk,
        currency=currency,
        amount=Decimal(amount),
        received_on=on,
        reference=reference,
        allocations=pays,
        at=at,
        actor=ACTOR,
    )


def make_credit_note(
    invoice: Invoice,
    *,
    amount: str | None = None,
    lines: dict[Any, Decimal] | None = None,
    because: str = "correction",
    remainder: str = "balance",
    reason: str = "Wrong price",
    key: str = "",
    at: datetime = datetime(2026, 11, 10, tzinfo=UTC),
) -> Invoice:
    return credit.credit(
        invoice_id=invoice.pk,
        ask=Ask(lines or {}, None if amount is None else Decimal(amount)),
        terms=Terms(Invoice.Because(because), Invoice.Remainder(remainder), reason, key),
        at=at,
        actor=ACTOR,
    )
