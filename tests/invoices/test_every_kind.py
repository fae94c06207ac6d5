"""One invoice with every kind of line and price: what it says about each, in two languages."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from pytest_regressions.file_regression import FileRegressionFixture

from apps.contracts import amend
from apps.contracts.changes import AddCommitment, AddDiscount, Change, ChangeFields, ChangeSeats
from apps.contracts.models import Contract
from apps.credits import grant
from apps.invoices import publish
from apps.invoices.document import Document, document_of
from apps.invoices.models import Invoice, InvoiceLine
from apps.plans.compose import NewAllowance, NewCharge, NewPrice, NewTier
from apps.plans.models import CreditUnit
from apps.usage import ingest
from tests.builders import (
    fee_charge,
    make_contract,
    make_credit_unit,
    make_customer,
    make_legal_entity,
    make_meter,
    make_plan_version,
    usage_charge,
)
from tests.invoices.months import ACTOR, IN_NOVEMBER, invoiced

pytestmark = pytest.mark.django_db

_keys = count(1)
IN_OCTOBER = datetime(2026, 10, 2, 9, tzinfo=UTC)
NAMES = {
    "calls": "API calls",
    "searches": "Searches",
    "pages": "Pages read",
    "jobs": "Jobs",
    "files": "Files",
    "payments": "Card payments",
    "payouts": "Payouts",
    "models": "Model calls",
    "seats": "Seats in use",
    "images": "Images",
    "audio": "Audio",
    "tokens": "Tokens",
}
UNITS = {
    "payments": "USD",
    "payouts": "USD",
    "models": "calls",
    "seats": "seat-days",
    "audio": "minutes",
}


@pytest.mark.parametrize("language", ["en", "de", "fr", "es", "ja"])
def test_every_line_says_how_it_came_about(language: str, file_regression: FileRegressionFixture) -> None:
    """The file is the arithmetic: each line with its reasons, and below them what they come to."""
    invoice = every_kind()

    document = document_of(invoice, list(invoice.lines.all()), language=language)

    file_regression.check(_written(document), encoding="utf-8", basename=f"every_kind_{language}")


def test_there_is_a_line_of_every_kind_and_the_document_is_made() -> None:
    """The one-time fee was due in the first period."""
    invoice = every_kind()

    kinds = set(invoice.lines.values_list("kind", flat=True))
    assert kinds == set(InvoiceLine.Kind.values) - {
        InvoiceLine.Kind.ONE_TIME,
        InvoiceLine.Kind.MANUAL,
        InvoiceLine.Kind.CREDIT_PURCHASE,
    }
    assert publish.render_pdf(invoice_id=invoice.pk, at=IN_NOVEMBER, actor=ACTOR).pages <= 5


def every_kind() -> Invoice:
    """Return October's invoice of a contract since September that agreed on everything there is."""
    make_legal_entity(name="Seller Inc.", country="DE", bank_details="Example Bank\nIBAN 00")
    contract = make_contract(
        make_customer(name="Acme GmbH", country="DE", tax_rate=Decimal(19)),
        make_plan_version(_charges(), plan="everything", allowances=[_shared()]),
        number="C-1",
        starts_on=date(2026, 9, 1),
    )
    _agree(
        contract,
        AddDiscount("launch", "Launch discount", percent=Decimal(10), charge_keys=("calls", "fee")),
        AddDiscount("loyal", "Loyalty", amount=Decimal(25), position=2),
        AddDiscount("first", "First 500 audio minutes", units=Decimal(500), charge_keys=("audio",)),
        AddCommitment(
            "year",
            "Annual commitment",
            Decimal(120_000),
            date(2027, 9, 1),
            per="term",
            settled_months=1,
        ),
        ChangeFields({"printed_terms": "Reverse charge does not apply.\nService credits as in annex B."}),
        on=date(2026, 9, 1),
    )
    invoiced(contract, at=datetime(2026, 9, 1, 9, tzinfo=UTC))
    _use("calls", "400", date(2026, 9, 5))
    invoiced(contract, at=IN_OCTOBER)
    _agree(contract, ChangeSeats("licenses", Decimal(12)), on=date(2026, 10, 16))
    _grant(contract)
    _october()
    _use("searches", "400", date(2026, 9, 6))
    return invoiced(contract)


def _charges() -> list[NewCharge]:
    for key, name in NAMES.items():
        dimensions = ["model"] if key == "tokens" else []
        make_meter(
            key,
            name=name,
            unit=UNITS.get(key, key),
            event_type=key,
            dimensions=dimensions,
            late_days=400,
            **_shape(key),
        )
    make_credit_unit()
    tiers = [NewTier(Decimal(1000), Decimal("0.02"), Decimal(5)), NewTier(None, Decimal("0.01"))]
    stairs = [NewTier(Decimal(100), flat_amount=Decimal(10)), NewTier(None, flat_amount=Decimal(15))]
    rates = [NewTier(Decimal(1000), rate=Decimal("0.03")), NewTier(None, rate=Decimal("0.02"))]
    each = NewPrice(model="per_unit", unit_amount=Decimal("0.05"))
    return [
        replace(fee_charge("499"), in_advance=True),
        replace(fee_charge("31", key="licenses", quantity="10"), name="Licenses"),
        replace(fee_charge("250", key="setup"), name="Onboarding", kind="one_time"),
        _charge(
            "calls",
            NewPrice(model="graduated", tiers=tiers),
            included=Decimal(1000),
            carry_over_limit=Decimal(500),
        ),
        _charge("searches", NewPrice(model="volume", tiers=tiers), allowance="pool"),
        _charge("pages", _package(), allowance="pool"),
        _charge("jobs", NewPrice(model="stairstep", tiers=stairs), minimum=Decimal(20)),
        _charge("files", each, maximum=Decimal(4)),
        _charge("payments", _percentage()),
        _charge("payouts", NewPrice(model="graduated_percentage", tiers=rates)),
        _charge("models", NewPrice(model="dynamic", event_maximum=Decimal(5)), amount_property="cost"),
        _charge("seats", NewPrice(model="per_seat", unit_amount=Decimal(31))),
        _charge("images", each, dearer_from=date(2026, 10, 16)),
        _charge("audio", each),
        usage_charge(
            "tokens",
            name="Tokens",
            dimensions=["model"],
            credit_unit="credits",
            prices=[
                NewPrice(model="per_unit", unit_amount=Decimal("0.001"), match={"model": "large"}),
                NewPrice(model="per_unit", unit_amount=Decimal("0.0001")),
            ],
            overage=NewPrice(model="per_unit", unit_amount=Decimal("0.02")),
        ),
    ]


def _shape(key: str) -> dict[str, str]:
    if key != "seats":
        return {"aggregation": "sum"}
    return {"aggregation": "time_weighted", "level": "set", "per": "day"}


def _charge(key: str, price: NewPrice, *, dearer_from: date | None = None, **fields: Any) -> NewCharge:
    prices = [price]
    if dearer_from:
        prices.append(replace(price, unit_amount=Decimal("0.08"), starts_on=dearer_from))
    return usage_charge(key, name=NAMES[key], prices=prices, **fields)


def _package() -> NewPrice:
    return NewPrice(
        model="package", package_size=Decimal(100), package_amount=Decimal(4), free_units=Decimal(50)
    )


def _percentage() -> NewPrice:
    return NewPrice(
        model="percentage",
        rate=Decimal("0.029"),
        fixed_amount=Decimal("0.30"),
        free_events=2,
        event_minimum=Decimal("0.50"),
        event_maximum=Decimal(20),
    )


def _shared() -> NewAllowance:
    return NewAllowance("pool", "Search and read", Decimal(300))


def _october() -> None:
    for key, quantity in {
        "calls": "3500",
        "searches": "1200",
        "pages": "731",
        "jobs": "120",
        "files": "100",
        "payouts": "1500",
        "seats": "3",
        "audio": "620",
    }.items():
        _use(key, quantity, date(2026, 10, 5))
    for amount in (100, 40, 10, 60, 5000, *[25] * 40, *range(100, 130)):
        _use("payments", str(amount), date(2026, 10, 6))
    for cost in ("1.25", "7", "0.0123"):
        _use("models", "1", date(2026, 10, 7), {"cost": cost})
    _use("images", "100", date(2026, 10, 8))
    _use("images", "100", date(2026, 10, 20))
    _use("tokens", "50000", date(2026, 10, 9), {"model": "large"})
    _use("tokens", "80000", date(2026, 10, 9), {"model": "small"})


def _use(key: str, quantity: str, day: date, properties: Mapping[str, str] | None = None) -> None:
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    event = {
        "id": f"e-{next(_keys):06}",
        "customer": "acme",
        "type": key,
        "time": noon.isoformat(),
        "quantity": quantity,
        "properties": dict(properties or {}),
    }
    taken = ingest.ingest(events=[event], at=IN_NOVEMBER, actor=ACTOR)
    assert taken.counted == 1, taken


def _agree(contract: Contract, *made: Change, on: date) -> None:
    amend.amend(
        contract_id=contract.pk,
        effective_on=on,
        changes=made,
        reason="Agreed by mail.",
        at=IN_OCTOBER,
        actor=ACTOR,
    )


def _grant(contract: Contract) -> None:
    grant.grant(
        key="welcome",
        name="Welcome credits",
        customer_id=contract.customer_id,
        credit_unit_id=CreditUnit.objects.get().pk,
        amount=Decimal(50),
        effective_on=date(2026, 10, 1),
        at=IN_OCTOBER,
        actor=ACTOR,
    )
    grant.grant(
        key="prepaid",
        name="Prepaid 2026",
        customer_id=contract.customer_id,
        contract_id=contract.pk,
        amount=Decimal(40),
        cost=Decimal(40),
        effective_on=date(2026, 10, 1),
        at=IN_OCTOBER,
        actor=ACTOR,
    )


def _written(document: Document) -> str:
    lines = []
    for group in document.groups:
        lines.append(f"## {group.product}")
        for row in group.rows:
            figures = (row.name, row.detail, f"{row.quantity} {row.unit}".strip(), row.unit_price, row.amount)
            lines.append(" | ".join(figures))
            lines += [f"    {reason}" for reason in row.reasons]
    lines += [f"= {document.subtotal}", *document.printed_terms]
    return "\n".join(lines).replace("\N{NO-BREAK SPACE}", " ") + "\n"
