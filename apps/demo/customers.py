"""The demo's customers, their contracts, credits, people and keys."""

import secrets
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from apps.contracts import draft, sign
from apps.contracts.models import Contract
from apps.core import people
from apps.core.periods import months_after
from apps.credits import grant, promised
from apps.credits.models import CreditGrant
from apps.customers import api_keys, enroll, members
from apps.customers.models import ApiKey, Customer, LegalEntity, Membership
from apps.demo import deals
from apps.demo.catalogue import ACTOR
from apps.dunning import policy
from apps.plans.models import CreditUnit, PlanVersion


@dataclass(frozen=True, slots=True)
class DemoCustomer:
    """A customer of the demo: what it bought and what of its usage comes from which trace.

    `term_months` None is a contract without end; `parent` is the customer whose tokens it shares and on whose invoices it is.
    """

    key: str
    plan: str
    timezone: str
    trace: str
    fields: dict[str, Any]
    contract: dict[str, Any]
    term_months: int | None = None
    parent: str = ""


CUSTOMERS = (
    DemoCustomer(
        "code-studio",
        "per-token",
        "America/New_York",
        "coding",
        {
            "name": "Code Studio (demo)",
            "address": "20 Sample Avenue",
            "postal_code": "10001",
            "city": "New York",
            "region": "NY",
            "country": "US",
        },
        {
            "payment_days": 30,
            "bill_above": Decimal(500),
            "purchase_order": "PO-7731",
            "signatory": "R. Sample, head of procurement",
            "renewal": Contract.Renewal.AUTOMATIC,
            "renewal_months": 12,
            "notice_days": 60,
        },
        term_months=12,
    ),
    DemoCustomer(
        "werkbank",
        "per-token",
        "Europe/Berlin",
        "coding",
        {
            "name": "Werkbank Software (Demo)",
            "address": "Musterstraße 12",
            "postal_code": "10115",
            "city": "Berlin",
            "country": "DE",
            "language": "de",
            "tax_number": "DE123456788",
        },
        {
            "payment_days": 14,
            "printed_terms": "Rahmenvertrag vom 1. Januar; Rechnungen bitte nur per E-Mail.",
        },
        term_months=12,
    ),
    DemoCustomer(
        "helpdesk-cloud",
        "per-token",
        "Europe/London",
        "coding",
        {
            "name": "Helpdesk Cloud (demo)",
            "address": "3 Specimen Lane",
            "postal_code": "EC1A 1AA",
            "city": "London",
            "country": "GB",
            "tax_number": "GB123456782",
        },
        {
            "payment_days": 30,
            "renewal": Contract.Renewal.AUTOMATIC,
            "renewal_months": 12,
            "notice_days": 30,
            "uplift_percent": Decimal(5),
        },
        term_months=3,
    ),
    DemoCustomer(
        "pixel-lab",
        "credits",
        "America/Los_Angeles",
        "coding",
        {
            "name": "Pixel Lab (demo)",
            "address": "77 Placeholder Road",
            "postal_code": "98101",
            "city": "Seattle",
            "region": "WA",
            "country": "US",
        },
        {
            "payment_days": 15,
            "signatory": "J. Placeholder, founder",
            "renewal": Contract.Renewal.MANUAL,
            "renewal_months": 12,
        },
        term_months=4,
    ),
    DemoCustomer(
        "atelier",
        "team",
        "Europe/Paris",
        "coding",
        {
            "name": "Atelier Logiciel (démo)",
            "address": "5 rue de l'Exemple",
            "postal_code": "75011",
            "city": "Paris",
            "country": "FR",
            "language": "fr",
            "tax_number": "FR11123456782",
        },
        {
            "payment_days": 30,
            "renewal": Contract.Renewal.AUTOMATIC,
            "renewal_months": 12,
            "notice_days": 14,
            "uplift_percent": Decimal(4),
        },
        term_months=3,
    ),
    DemoCustomer(
        "registro",
        "documents",
        "Europe/Madrid",
        "documents",
        {
            "name": "Registro Documental (demo)",
            "address": "Calle de Muestra 9",
            "postal_code": "28001",
            "city": "Madrid",
            "country": "ES",
            "language": "es",
            "tax_number": "ESB12345674",
        },
        {"payment_days": 30},
        term_months=24,
    ),
    DemoCustomer(
        "nordlys",
        "business",
        "Europe/Copenhagen",
        "coding",
        {
            "name": "Nordlys Media (demo)",
            "address": "Prøvevej 4",
            "postal_code": "1050",
            "city": "Copenhagen",
            "country": "DK",
            "tax_number": "DK12345674",
        },
        {"payment_days": 30, "purchase_order": "PO-2204"},
        term_months=12,
    ),
    DemoCustomer(
        "nordlys-aarhus",
        "per-token",
        "Europe/Copenhagen",
        "coding",
        {
            "name": "Nordlys Aarhus (demo)",
            "address": "Eksempelgade 8",
            "postal_code": "8000",
            "city": "Aarhus",
            "country": "DK",
            "tax_number": "DK12345682",
        },
        {"usage": Contract.Usage.POOLED, "billing": Contract.Billing.PARENT},
        term_months=12,
        parent="nordlys",
    ),
    DemoCustomer(
        "folio",
        "archive",
        "America/Toronto",
        "documents",
        {
            "name": "Folio Library (demo)",
            "address": "9 Specimen Street",
            "postal_code": "M5V 0A1",
            "city": "Toronto",
            "region": "ON",
            "country": "CA",
        },
        {"payment_days": 30},
    ),
)


@dataclass(frozen=True, slots=True)
class Login:
    """A person who may sign in to the demo."""

    email: str
    password: str
    what: str


def make_customers(
    *, seller: LegalEntity, plans: dict[str, PlanVersion], starts_on: date, at: datetime
) -> list[Contract]:
    """Make the demo's customers with one live contract each and what it was agreed to hold, or return them as they are."""
    policy.ensure(legal_entity_id=seller.pk, at=at, actor=ACTOR)
    contracts = [
        _contract(demo, seller=seller, plans=plans, starts_on=starts_on, at=at) for demo in CUSTOMERS
    ]
    _credits(starts_on=starts_on, at=at)
    promised.grant_due(at=at, actor=ACTOR)
    return contracts


def _contract(
    demo: DemoCustomer, *, seller: LegalEntity, plans: dict[str, PlanVersion], starts_on: date, at: datetime
) -> Contract:
    customer = Customer.objects.filter(key=demo.key).first() or enroll.create(
        fields={
            "key": demo.key,
            "legal_entity": seller,
            "billing_email": f"billing@{demo.key}.example",
            **demo.fields,
        },
        at=at,
        actor=ACTOR,
    )
    number = _number(demo)
    parent = next((_number(one) for one in CUSTOMERS if one.key == demo.parent), None)
    contract = Contract.objects.filter(number=number).first() or draft.draft(
        fields={
            "number": number,
            "customer": customer,
            "plan_version": plans[demo.plan],
            "timezone": demo.timezone,
            "starts_on": starts_on,
            "ends_on": demo.term_months and months_after(starts_on, demo.term_months),
            "parent": parent and Contract.objects.get(number=parent),
            **demo.contract,
        },
        at=at,
        actor=ACTOR,
    )
    if contract.status == Contract.Status.DRAFT:
        deals.agree(contract, at=at)
        contract = sign.sign(contract_id=contract.pk, at=at, actor=ACTOR)
    deals.amend(contract, at=at)
    return contract


def _number(demo: DemoCustomer) -> str:
    return f"C-{CUSTOMERS.index(demo) + 1:04d}"


def _credits(*, starts_on: date, at: datetime) -> None:
    customer = Customer.objects.get(key="pixel-lab")
    unit = CreditUnit.objects.get(key="credits")
    for key, name, amount, cost, priority in (
        ("pixel-lab-welcome", "Welcome credits", "1000", "0", 10),
        ("pixel-lab-prepaid", "Prepaid credits", "7000", "120", 50),
    ):
        if not CreditGrant.objects.filter(key=key).exists():
            grant.grant(
                key=key,
                name=name,
                customer_id=customer.pk,
                credit_unit_id=unit.pk,
                amount=Decimal(amount),
                cost=Decimal(cost),
                cost_currency="USD",
                priority=priority,
                effective_on=starts_on,
                at=at,
                actor=ACTOR,
            )


def make_logins(*, at: datetime) -> list[Login]:
    """Give the demo's people new passwords and return them; they are stored only as hashes."""
    staff = Login("finance@demo.example", secrets.token_urlsafe(9), "finance staff, the back office")
    people.put(
        email=staff.email, password=staff.password, name="Demo Finance", finance=True, at=at, actor=ACTOR
    )
    return [staff, *(_member(demo, at=at) for demo in CUSTOMERS)]


def _member(demo: DemoCustomer, *, at: datetime) -> Login:
    login = Login(f"admin@{demo.key}.example", secrets.token_urlsafe(9), f"{demo.fields['name']}, the portal")
    people.put(email=login.email, password=login.password, at=at, actor=ACTOR)
    customer = Customer.objects.get(key=demo.key)
    members.invite(customer=customer, email=login.email, role=Membership.Role.ADMIN, at=at, actor=ACTOR)
    return login


def make_api_key(*, at: datetime) -> str:
    """Make a key of the demo seller's backends with every scope, and return its secret."""
    return api_keys.create(name="Demo backend", scopes=ApiKey.Scope.values, at=at, actor=ACTOR).secret
