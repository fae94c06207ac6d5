"""Customers that the demo seller has had for longer: a year of invoices, plan changes and payments behind the finished month.

What they used comes as one total a week, as a seller brings it along who moves to Meterbook, so it is quick to load.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from apps.contracts import amend, draft, sign
from apps.contracts.changes import Change, ChangePlan, ChangeSeats
from apps.contracts.models import Contract
from apps.controls import keep_forecasts
from apps.core.periods import months_after
from apps.customers import enroll
from apps.customers.models import Customer, LegalEntity
from apps.demo.catalogue import ACTOR
from apps.demo.state import forecast_at
from apps.invoices import close, finalize
from apps.invoices.models import Invoice
from apps.payments import record
from apps.plans.models import PlanVersion
from apps.usage import ingest

# How many months before the finished one the first of them came: so that its figures have a year before to compare with.
MONTHS = 13
_WEEK = timedelta(days=7)
# How much of the usual is used in one week and the next: nobody uses the same every week.
_WAVES = (100, 88, 112, 95, 127, 104, 91)


@dataclass(frozen=True, slots=True)
class Deal:
    """A contract of an earlier customer; months count from the finished one, so that -13 is the first.

    `changes` name the plan or the number of seats from a month on. A week uses `tokens` million input tokens at first, and
    `growth` percent more each month, or reads `pages`; the last week of the finished month is `last_week` percent of that.
    """

    number: str
    customer: str
    plan: str
    first: int
    end: int | None = None
    changes: Mapping[int, str | int] = field(default_factory=dict)
    tokens: int = 0
    pages: int = 0
    growth: int = 0
    last_week: int = 100


CUSTOMERS: dict[str, dict[str, Any]] = {
    "lumen-notes": {"name": "Lumen Notes (demo)", "city": "Portland", "region": "OR", "country": "US"},
    "quill-press": {"name": "Quill Press (demo)", "city": "Boston", "region": "MA", "country": "US"},
    "kestrel-robotics": {
        "name": "Kestrel Robotics (demo)",
        "city": "Austin",
        "region": "TX",
        "country": "US",
    },
    "harbor-legal": {"name": "Harbor Legal (demo)", "city": "Baltimore", "region": "MD", "country": "US"},
    "mosaic-travel": {"name": "Mosaic Travel (demo)", "city": "Denver", "region": "CO", "country": "US"},
    "gartenwerk": {"name": "Gartenwerk (Demo)", "city": "Leipzig", "country": "DE", "language": "de"},
}
DEALS = (
    Deal("A-0001", "lumen-notes", "team", -13, changes={-4: "business"}, tokens=3, growth=4),
    Deal("A-0002", "quill-press", "business", -13, changes={-8: 16, -2: 12}, tokens=2, growth=2),
    Deal("A-0003", "kestrel-robotics", "per-token", -13, tokens=6, growth=7, last_week=300),
    Deal("A-0004", "harbor-legal", "team", -12, end=-5, tokens=2),
    Deal("A-0005", "mosaic-travel", "archive", -9, pages=4_000, growth=3),
    Deal("A-0006", "gartenwerk", "team-eur", -10, changes={-1: "team-eur-large"}, tokens=2, growth=3),
    Deal("A-0007", "harbor-legal", "team", -1, tokens=2),
)
# Whoever tries the demo finds two of their invoices overdue, one longer than the other.
_UNPAID = frozenset({("A-0003", -2), ("A-0005", -1)})


def make_history(
    *, seller: LegalEntity, plans: Mapping[str, PlanVersion], finished_on: date, until: datetime
) -> int:
    """Lead the earlier customers through their months, each action at its own instant, and return how many invoices there are.

    Their finished month is left to the close. Running it again changes nothing.
    """
    if Contract.objects.filter(number=DEALS[0].number).exists():
        return 0
    made = 0
    for nth in range(-MONTHS, 2):
        month = months_after(finished_on, nth)
        contracts = [_contract(deal, month, seller, plans) for deal in DEALS if _runs(deal, nth)]
        for deal, contract in contracts:
            _change(deal, contract, nth, month, plans)
        # Before a month is over, it is forecast from what was used by then.
        foreseen_at = forecast_at(month)
        _use([deal for deal, _ in contracts], nth, month, until=min(foreseen_at, until))
        if nth == 0:
            keep_forecasts.keep(
                contract_ids=[contract.pk for _, contract in contracts], at=foreseen_at, actor=ACTOR
            )
        _use([deal for deal, _ in contracts], nth, month, since=foreseen_at, until=until)
        if nth < 0:
            made += sum(_bill(deal, contract, nth, month) for deal, contract in contracts)
    return made


def _runs(deal: Deal, nth: int) -> bool:
    return deal.first <= nth and (deal.end is None or nth < deal.end)


def _contract(
    deal: Deal, month: date, seller: LegalEntity, plans: Mapping[str, PlanVersion]
) -> tuple[Deal, Contract]:
    signed = Contract.objects.filter(number=deal.number).first()
    if signed:
        return deal, signed
    at = _noon(month)
    customer = Customer.objects.filter(key=deal.customer).first() or enroll.create(
        fields={
            "key": deal.customer,
            "legal_entity": seller,
            "billing_email": f"billing@{deal.customer}.example",
            "address": "1 Sample Street",
            **CUSTOMERS[deal.customer],
        },
        at=at,
        actor=ACTOR,
    )
    contract = draft.draft(
        fields={
            "number": deal.number,
            "customer": customer,
            "plan_version": plans[deal.plan],
            "starts_on": month,
            "ends_on": None if deal.end is None else months_after(month, deal.end - deal.first),
            "payment_days": 30,
        },
        at=at,
        actor=ACTOR,
    )
    return deal, sign.sign(contract_id=contract.pk, at=at, actor=ACTOR)


def _change(deal: Deal, contract: Contract, nth: int, month: date, plans: Mapping[str, PlanVersion]) -> None:
    if nth not in deal.changes:
        return
    what = deal.changes[nth]
    change: Change = (
        ChangePlan(plans[what].pk) if isinstance(what, str) else ChangeSeats("seats", Decimal(what))
    )
    amend.amend(
        contract_id=contract.pk,
        effective_on=month,
        changes=[change],
        reason="Agreed by e-mail.",
        at=_noon(month),
        actor=ACTOR,
    )


def _use(deals: list[Deal], nth: int, month: date, *, since: datetime | None = None, until: datetime) -> None:
    """Count what was used in the weeks of a month, as far as they are over; with `since` those that end from then on."""
    end = min(_noon(months_after(month, 1)), until)
    at = _noon(month) + _WEEK
    while since and at < since:
        at += _WEEK
    while at < end:
        events = [event for deal in deals for event in _events(deal, nth, at)]
        ingest.ingest(events=events, at=at, actor=ACTOR)
        at += _WEEK


def _events(deal: Deal, nth: int, at: datetime) -> Iterator[dict[str, Any]]:
    wave = _WAVES[(at.toordinal() // 7 + len(deal.customer)) % len(_WAVES)]
    percent = wave * (100 + deal.growth * (nth - deal.first))
    if nth == 0 and at >= forecast_at(at.date().replace(day=1)):
        percent = percent * deal.last_week // 100
    event = {"customer": deal.customer, "time": at.isoformat(), "id": f"{deal.number}-{at.date()}"}
    if deal.tokens:
        tokens = deal.tokens * 100 * percent
        yield event | {
            "type": "llm.request",
            "properties": {
                "model": "claude-sonnet-4-5-20250929",
                "input_tokens": tokens,
                "cached_tokens": tokens * 3,
                "output_tokens": tokens // 8,
            },
        }
    if deal.pages:
        yield event | {"type": "document.processed", "properties": {"pages": deal.pages * percent // 10_000}}


def _bill(deal: Deal, contract: Contract, nth: int, month: date) -> int:
    """Close and finalize the month on the second day of the next, and let it be paid in time, or a little late."""
    issued_at = _noon(months_after(month, 1)) + timedelta(days=1)
    invoices = [
        finalize.finalize(invoice_id=one.pk, at=issued_at, actor=ACTOR)
        for one in close.close_contract(contract_id=contract.pk, at=issued_at, actor=ACTOR).drafts
    ]
    if (deal.number, nth) not in _UNPAID:
        for invoice in invoices:
            _pay(invoice, issued_at + timedelta(days=18 + (len(deal.customer) + nth) % 9))
    return len(invoices)


def _pay(invoice: Invoice, at: datetime) -> None:
    if invoice.total > 0:
        record.record_transfer(
            customer_id=invoice.customer_id,
            currency=invoice.currency,
            amount=invoice.total,
            received_on=at.date(),
            reference=f"Transfer for {invoice.number}",
            allocations={invoice.pk: invoice.total},
            at=at,
            actor=ACTOR,
        )


def _noon(day: date) -> datetime:
    return datetime.combine(day, time(12), UTC)
