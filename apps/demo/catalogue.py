"""The demo seller: its legal entity, meters and plans: one for each of the four ways of billing, and two that mix them."""

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path

from apps.customers import sellers, taxation
from apps.customers.models import LegalEntity, TaxRate, TaxRegistration
from apps.plans import catalogue, compose, publish
from apps.plans.compose import NewAllowance, NewCharge, NewPrice, NewTier
from apps.plans.models import Plan, PlanVersion

ACTOR = "demo"
PRICE_LIST = Path(__file__).parent / "data" / "litellm_model_prices_2026-07-24.json.gz"
MODELS = (
    "claude-opus-4-5-20251101",
    "claude-sonnet-4-5-20250929",
    "claude-opus-4-6",
    "claude-sonnet-4-20250514",
    "claude-haiku-4-5-20251001",
    "claude-opus-4-1-20250805",
)
# The demo loads a whole finished month, which may lie further back than the 35 days that meters allow at first.
LATE_DAYS = 70
_REGISTERED_ON = date(2020, 1, 1)


@dataclass(frozen=True, slots=True)
class TokenKind:
    """A kind of token: its meter, the event property that carries it, and its field in the public price list."""

    meter: str
    name: str
    value_property: str
    price_field: str


TOKEN_KINDS = (
    TokenKind("input-tokens", "Input tokens", "input_tokens", "input_cost_per_token"),
    TokenKind("cached-tokens", "Cached input tokens", "cached_tokens", "cache_read_input_token_cost"),
    TokenKind("output-tokens", "Output tokens", "output_tokens", "output_cost_per_token"),
)

LOGO = (Path(__file__).parent / "data" / "logo.svg").read_text()


def list_prices() -> dict[str, dict[str, Decimal]]:
    """Return USD per token by model and price-list field, from the public list of 24 July 2026."""
    with gzip.open(PRICE_LIST, "rt") as file:
        prices = json.load(file, parse_float=Decimal, parse_int=Decimal)
    return {
        model: {kind.price_field: prices[model][kind.price_field] for kind in TOKEN_KINDS} for model in MODELS
    }


def make_seller(*, at: datetime) -> LegalEntity:
    """Make the demo's legal entity, registered for tax in New York."""
    seller = sellers.put(
        key="demo",
        fields={
            "name": "Demo Models Inc.",
            "address": "1 Example Street",
            "postal_code": "94105",
            "city": "San Francisco",
            "region": "CA",
            "country": "US",
            "tax_number": "00-0000000",
            "email": "billing@demo.example",
            "website": "https://demo.example",
            "bank_details": "Example Bank\nAccount 000123456789\nRouting 000000000\nSWIFT EXAMPLE0",
            "logo_svg": LOGO,
            "brand_color": "#0f766e",
        },
        at=at,
        actor=ACTOR,
    )
    _register(seller, at=at)
    return seller


def _register(seller: LegalEntity, *, at: datetime) -> None:
    """New York City takes 4% for the state, 4.5% for the city and 0.375% for its commuter trains."""
    place: dict[str, object] = {"country": "US", "region": "NY", "starts_on": _REGISTERED_ON}
    if not TaxRegistration.objects.filter(legal_entity=seller).exists():
        taxation.save_registration(
            fields={**place, "legal_entity": seller, "number": "00-0000000"}, at=at, actor=ACTOR
        )
    if not TaxRate.objects.filter(country="US", region="NY").exists():
        rate: dict[str, object] = {"name": "Sales tax", "percent": Decimal("8.875")}
        taxation.save_rate(fields={**place, **rate}, at=at, actor=ACTOR)


def make_meters(*, at: datetime) -> None:
    """Make the demo's products, meters and credit unit."""
    for key, name in (
        ("models", "Language models"),
        ("documents", "Document processing"),
        ("platform", "Platform"),
    ):
        catalogue.put_product(key=key, name=name, at=at, actor=ACTOR)
    catalogue.put_credit_unit(key="credits", name="credits", at=at, actor=ACTOR)
    for kind in TOKEN_KINDS:
        catalogue.put_meter(
            key=kind.meter,
            name=kind.name,
            unit="tokens",
            event_type="llm.request",
            aggregation="sum",
            value_property=kind.value_property,
            dimensions=["model"],
            late_days=LATE_DAYS,
            at=at,
            actor=ACTOR,
        )
    for key, name, unit, aggregation, value in (
        ("documents", "Documents processed", "documents", "count", ""),
        ("pages", "Pages read", "pages", "sum", "pages"),
    ):
        catalogue.put_meter(
            key=key,
            name=name,
            unit=unit,
            event_type="document.processed",
            aggregation=aggregation,
            value_property=value,
            late_days=LATE_DAYS,
            at=at,
            actor=ACTOR,
        )


def per_token_charges() -> list[NewCharge]:
    """Return the charges of paying per token: a matrix over the model for each kind of token, at list price."""
    prices = list_prices()
    return [
        NewCharge(
            key=kind.meter,
            name=kind.name,
            product="models",
            meter=kind.meter,
            dimensions=("model",),
            prices=[
                NewPrice(
                    model="per_unit", unit_amount=prices[model][kind.price_field], match={"model": model}
                )
                for model in MODELS
            ],
        )
        for kind in TOKEN_KINDS
    ]


def credit_charges() -> list[NewCharge]:
    """Return the charges of paying in credits: tokens cost credits, grants pay them, the rest costs 0.02 USD each."""
    rates = {"input-tokens": "0.0005", "cached-tokens": "0.00005", "output-tokens": "0.0025"}
    return [
        NewCharge(
            key=kind.meter,
            name=kind.name,
            product="models",
            meter=kind.meter,
            credit_unit="credits",
            prices=[NewPrice(model="per_unit", unit_amount=Decimal(rates[kind.meter]))],
            overage=NewPrice(model="per_unit", unit_amount=Decimal("0.02")),
        )
        for kind in TOKEN_KINDS
    ]


def subscription_charges() -> list[NewCharge]:
    """Return the charges of a subscription: 499 USD a month with tokens included, then tiers beyond them."""
    tiers = {
        "input-tokens": (Decimal(5_000_000), Decimal(20_000_000), "0.000004", "0.000003"),
        "cached-tokens": (Decimal(100_000_000), Decimal(200_000_000), "0.0000004", "0.0000003"),
        "output-tokens": (Decimal(500_000), Decimal(1_000_000), "0.00002", "0.000015"),
    }
    fee = NewCharge(
        key="subscription",
        name="Team subscription",
        product="platform",
        kind="recurring",
        fee_amount=Decimal(499),
        fee_quantity=Decimal(1),
    )
    usage = [
        NewCharge(
            key=kind.meter,
            name=kind.name,
            product="models",
            meter=kind.meter,
            included=included,
            prices=[
                NewPrice(
                    model="graduated",
                    tiers=[NewTier(up_to, Decimal(first)), NewTier(None, Decimal(beyond))],
                )
            ],
        )
        for kind in TOKEN_KINDS
        for included, up_to, first, beyond in [tiers[kind.meter]]
    ]
    return [fee, *usage]


def european_charges(fee_amount: int = 459) -> list[NewCharge]:
    """Return the charges of the same subscription in EUR."""
    fee, *usage = subscription_charges()
    return [replace(fee, fee_amount=Decimal(fee_amount)), *usage]


def outcome_charges() -> list[NewCharge]:
    """Return the charges of paying for outcomes: each document processed, and pages by the started hundred."""
    return [
        NewCharge(
            key="documents",
            name="Documents processed",
            product="documents",
            meter="documents",
            included=Decimal(250),
            prices=[
                NewPrice(
                    model="graduated",
                    tiers=[
                        NewTier(Decimal(1_000), Decimal("0.80")),
                        NewTier(Decimal(3_000), Decimal("0.60")),
                        NewTier(None, Decimal("0.45")),
                    ],
                )
            ],
        ),
        NewCharge(
            key="pages",
            name="Pages read",
            product="documents",
            meter="pages",
            prices=[NewPrice(model="package", package_size=Decimal(100), package_amount=Decimal("0.50"))],
        ),
    ]


def business_charges() -> list[NewCharge]:
    """Return the charges of seats in advance, with tokens that input and output share; what is left of them is carried over."""
    prices = {"input-tokens": ("0.000004", "0.000003"), "output-tokens": ("0.00002", "0.000016")}
    seats = NewCharge(
        key="seats",
        name="Seats",
        product="platform",
        kind="recurring",
        fee_amount=Decimal(39),
        fee_quantity=Decimal(10),
        in_advance=True,
    )
    usage = [
        NewCharge(
            key=kind.meter,
            name=kind.name,
            product="models",
            meter=kind.meter,
            allowance="tokens",
            prices=[
                NewPrice(
                    model="volume",
                    tiers=[NewTier(Decimal(20_000_000), Decimal(first)), NewTier(None, Decimal(beyond))],
                )
            ],
        )
        for kind in TOKEN_KINDS
        if kind.meter in prices
        for first, beyond in [prices[kind.meter]]
    ]
    cached = NewCharge(
        key="cached-tokens",
        name="Cached input tokens",
        product="models",
        meter="cached-tokens",
        maximum=Decimal(80),
        prices=[NewPrice(model="per_unit", unit_amount=Decimal("0.0000004"))],
    )
    return [seats, *usage, cached]


def archive_charges() -> list[NewCharge]:
    """Return the charges of an archive: a fee in advance, one amount for so many documents, pages with a minimum."""
    stairs = (
        (Decimal(500), Decimal(150)),
        (Decimal(2_000), Decimal(400)),
        (Decimal(5_000), Decimal(750)),
        (None, Decimal(1_200)),
    )
    return [
        NewCharge(
            key="archive",
            name="Archive",
            product="platform",
            kind="recurring",
            fee_amount=Decimal(120),
            fee_quantity=Decimal(1),
            in_advance=True,
        ),
        NewCharge(
            key="documents",
            name="Documents processed",
            product="documents",
            meter="documents",
            prices=[
                NewPrice(
                    model="stairstep", tiers=[NewTier(up_to, flat_amount=flat) for up_to, flat in stairs]
                )
            ],
        ),
        NewCharge(
            key="pages",
            name="Pages read",
            product="documents",
            meter="pages",
            minimum=Decimal(50),
            prices=[
                NewPrice(
                    model="volume",
                    tiers=[
                        NewTier(Decimal(20_000), Decimal("0.005")),
                        NewTier(None, Decimal("0.004")),
                    ],
                )
            ],
        ),
    ]


@dataclass(frozen=True, slots=True)
class DemoPlan:
    """A plan of the demo."""

    key: str
    name: str
    description: str
    charges: Callable[[], list[NewCharge]]
    allowances: tuple[NewAllowance, ...] = ()
    currency: str = "USD"


PLANS = (
    DemoPlan(
        "per-token",
        "Pay per token",
        "By model and kind of token, at the public list price.",
        per_token_charges,
    ),
    DemoPlan(
        "credits",
        "Credits",
        "Prepaid credits, used by tokens; 0.02 USD for each credit beyond them.",
        credit_charges,
    ),
    DemoPlan("team", "Team", "499 USD a month with tokens included, then by tiers.", subscription_charges),
    DemoPlan("documents", "Documents", "By each document processed, and by pages read.", outcome_charges),
    DemoPlan(
        "business",
        "Business",
        "By the seat, in advance, with tokens included that are carried over.",
        business_charges,
        (NewAllowance("tokens", "Monthly tokens", Decimal(10_000_000), Decimal(5_000_000)),),
    ),
    DemoPlan(
        "archive",
        "Archive",
        "A fee in advance, and one amount for so many documents a month.",
        archive_charges,
    ),
    DemoPlan(
        "team-eur",
        "Team, in euro",
        "459 EUR a month with tokens included, then by tiers.",
        european_charges,
        currency="EUR",
    ),
    DemoPlan(
        "team-eur-large",
        "Large team, in euro",
        "799 EUR a month with tokens included, then by tiers.",
        partial(european_charges, 799),
        currency="EUR",
    ),
)


def make_plans(*, at: datetime) -> dict[str, PlanVersion]:
    """Make and publish the plans, or return them as they are; the result is by plan key."""
    return {plan.key: _published(plan, at=at) for plan in PLANS}


def _published(demo: DemoPlan, *, at: datetime) -> PlanVersion:
    plan: Plan = catalogue.put_plan(
        key=demo.key, name=demo.name, description=demo.description, at=at, actor=ACTOR
    )
    published = plan.versions.filter(status=PlanVersion.Status.PUBLISHED).order_by("-number").first()
    if published:
        return published
    draft = plan.versions.filter(status=PlanVersion.Status.DRAFT).first() or compose.draft_version(
        plan_id=plan.pk,
        currency=demo.currency,
        charges=demo.charges(),
        allowances=demo.allowances,
        at=at,
        actor=ACTOR,
    )
    return publish.publish(version_id=draft.pk, at=at, actor=ACTOR)
