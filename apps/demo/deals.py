"""What the demo's customers negotiated beside their plans, by forms in real life: before they signed, and since."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from apps.contracts import amend as amendments
from apps.contracts.changes import (
    AddCommitment,
    AddDiscount,
    Change,
    ChangePlan,
    ChangeSeats,
    PromiseGrant,
    SetCap,
)
from apps.contracts.models import Contract
from apps.core.periods import months_after
from apps.demo.catalogue import ACTOR, outcome_charges, subscription_charges
from apps.plans import compose, publish
from apps.plans.compose import NewCharge, NewPrice, NewTier
from apps.plans.models import CreditUnit, Plan, PlanVersion

Agreed = Iterable[tuple[date, Change]]


def agree(contract: Contract, *, at: datetime) -> None:
    """Write into a draft what its customer agreed on, if nothing is written yet."""
    if contract.terms_stamp:
        return
    for on, change in _agreed(contract, at):
        amendments.agree(contract_id=contract.pk, on=on, changes=[change], at=at, actor=ACTOR)


def amend(contract: Contract, *, at: datetime) -> None:
    """Add the seats that a customer asked for in the middle of its first month, if that was not done yet."""
    if contract.customer.key != "nordlys" or contract.amendments.exists():
        return
    amendments.amend(
        contract_id=contract.pk,
        effective_on=contract.starts_on + timedelta(days=15),
        changes=[ChangeSeats("seats", Decimal(14))],
        reason="The picture desk joins: four more seats, order PO-2210.",
        at=at,
        actor=ACTOR,
    )


def _agreed(contract: Contract, at: datetime) -> Agreed:
    starts_on = contract.starts_on
    year_on = months_after(starts_on, 12)
    match contract.customer.key:
        case "code-studio":
            yield (
                starts_on,
                AddCommitment(
                    "year",
                    "Annual commitment",
                    Decimal(2_400),
                    year_on,
                    per="term",
                    settled_months=3,
                ),
            )
        case "werkbank":
            yield starts_on, AddDiscount("start", "Startrabatt", percent=Decimal(10), months=6)
            yield starts_on, AddCommitment("minimum", "Monatliches Minimum", Decimal(150), year_on)
        case "helpdesk-cloud":
            free = AddDiscount(
                "welcome",
                "Welcome tokens",
                units=Decimal(1_000_000),
                months=3,
                charge_keys=("input-tokens",),
            )
            yield starts_on, free
            minimum = AddCommitment("minimum", "Monthly minimum", Decimal(50), contract.ends_on)
            yield starts_on, minimum
        case "pixel-lab":
            yield starts_on, _loyalty_credits()
        case "atelier":
            yield starts_on, ChangePlan(_cheaper_subscription(contract, at).pk)
            yield starts_on, SetCap(amount=Decimal(1_500))
        case "registro":
            for month, price in ((3, "0.75"), (6, "0.65")):
                yield months_after(starts_on, month), ChangePlan(_document_price(contract, price, at).pk)


def _loyalty_credits() -> PromiseGrant:
    return PromiseGrant(
        "loyalty",
        "Loyalty credits",
        Decimal(500),
        credit_unit_id=CreditUnit.objects.get(key="credits").pk,
        every_months=1,
        valid_months=3,
        priority=20,
    )


def _cheaper_subscription(contract: Contract, at: datetime) -> PlanVersion:
    """Return prices of the contract's own: the same subscription for 449 USD."""
    fee, *usage = subscription_charges()
    return _own(contract, [replace(fee, fee_amount=Decimal(449)), *usage], at)


def _document_price(contract: Contract, first: str, at: datetime) -> PlanVersion:
    """Return the step of a ramp: the first documents cost less."""
    documents, pages = outcome_charges()
    tiers = [
        NewTier(Decimal(1_000), Decimal(first)),
        NewTier(Decimal(3_000), Decimal("0.55")),
        NewTier(None, Decimal("0.40")),
    ]
    documents = replace(documents, prices=[NewPrice(model="graduated", tiers=tiers)])
    return _own(contract, [documents, pages], at)


def _own(contract: Contract, charges: Sequence[NewCharge], at: datetime) -> PlanVersion:
    """Publish prices of the contract's own: a plan made for it, or that plan's next version."""
    name = f"Prices of {contract.number}"
    plan = Plan.objects.filter(name=name, is_custom=True).first()
    if plan is None:
        version = compose.custom_version(
            base_id=contract.plan_version_id, name=name, charges=charges, at=at, actor=ACTOR
        )
    else:
        version = compose.draft_version(plan_id=plan.pk, currency="USD", charges=charges, at=at, actor=ACTOR)
    return publish.publish(version_id=version.pk, at=at, actor=ACTOR)
