"""A price list of made-up models in two versions, and a draft plan that sells them with a margin."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from apps.demo.catalogue import ACTOR
from apps.plans import catalogue, compose, from_price_list, import_prices
from apps.plans.compose import NewCharge
from apps.plans.markup import Choice
from apps.plans.models import PlanVersion, PriceList

DATA = Path(__file__).parent / "data"
KEY = "made-up-models"
# Each file with how many days after the first month's begin its prices are in force.
VERSIONS = (("made_up_models.json", 0), ("made_up_models_later.json", 14))
MARGIN = Decimal(20)
# The charges of the plan that sells by the list: the meter's key, its name, and the list's kind of tokens.
CHARGES = (("input-tokens", "Input tokens", "input"), ("output-tokens", "Output tokens", "output"))


def make_price_list(*, first_on: date, at: datetime) -> None:
    """Import the list and draft the plan that takes its prices; running it again changes nothing."""
    if PriceList.objects.filter(key=KEY).exists():
        return
    price_list = import_prices.put_list(
        key=KEY, name="Made-up models", source="invented for the demo", at=at, actor=ACTOR
    )
    for file, days in VERSIONS:
        import_prices.import_list(
            key=KEY,
            content=(DATA / file).read_bytes(),
            day=first_on + timedelta(days=days),
            at=at,
            actor=ACTOR,
        )
    version = _draft(at=at)
    for meter, _, kind in CHARGES:
        charge = version.charges.get(key=meter)
        choice = Choice(kinds={kind: ""}, margin_percent=MARGIN, is_dated=True)
        seen = from_price_list.preview(charge_id=charge.pk, price_list_id=price_list.pk, choice=choice)
        from_price_list.take(
            charge_id=charge.pk,
            price_list_id=price_list.pk,
            choice=choice,
            stamp=seen.stamp,
            at=at,
            actor=ACTOR,
        )


def _draft(*, at: datetime) -> PlanVersion:
    plan = catalogue.put_plan(
        key="list-plus",
        name="List price plus 20%",
        description="By model, at its list price of the day and a margin.",
        at=at,
        actor=ACTOR,
    )
    return compose.draft_version(
        plan_id=plan.pk,
        currency="USD",
        charges=[
            NewCharge(key=meter, name=name, product="models", meter=meter, dimensions=("model",))
            for meter, name, _ in CHARGES
        ],
        at=at,
        actor=ACTOR,
    )
