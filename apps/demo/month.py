"""Leading the demo's finished month from usage to invoices, by the same tasks and actions as in production."""

import time
from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any

from celery import current_app

from apps.contracts.models import Contract
from apps.controls import keep_forecasts
from apps.core import clock
from apps.core.errors import Refusal
from apps.customers.models import LegalEntity
from apps.demo import traces
from apps.demo.catalogue import ACTOR, make_meters, make_plans, make_seller
from apps.demo.customers import CUSTOMERS, make_customers
from apps.demo.history import make_history
from apps.demo.post import Loaded, post_events
from apps.demo.price_list import make_price_list
from apps.demo.state import DemoState, finished_month, forecast_at
from apps.invoices import finalize
from apps.invoices import queries as invoice_queries
from apps.invoices.models import Invoice, InvoicePdf, ParkedClose

Say = Callable[[str], None]
PATIENCE_SECONDS = 120
# Contracts whose drafts are left for whoever tries the review page: one that used much more in the end than before, and one whose
# customer is new.
LEFT_TO_REVIEW = frozenset({"A-0003", "C-0009"})
# A few events that cannot be billed, so that the quarantine has something to show.
MISTAKES = (
    {
        "id": "mistake-1",
        "customer": "code-studios",
        "type": "llm.request",
        "properties": {"model": "claude-opus-4-6", "input_tokens": 812, "output_tokens": 94},
    },
    {
        "id": "mistake-2",
        "customer": "werkbank",
        "type": "llm.request",
        "properties": {"model": "None", "input_tokens": 812},
    },
    {"id": "mistake-3", "customer": "registro", "type": "document.procesed", "properties": {"pages": 3}},
)


class DemoStuck(Exception):
    """The demo waited for something that did not come."""


def make_catalogue(*, at: datetime) -> LegalEntity:
    """Make the seller, its meters, plans and customers; running it again changes nothing."""
    seller = make_seller(at=at)
    make_meters(at=at)
    starts_on = finished_month(at).date()
    plans = make_plans(at=at)
    make_customers(seller=seller, plans=plans, starts_on=starts_on, at=at)
    make_history(seller=seller, plans=plans, finished_on=starts_on, until=at)
    make_price_list(first_on=starts_on, at=at)
    return seller


def load(state: DemoState, *, host: str, port: int, progress: Callable[[int, int], None]) -> Loaded:
    """Post both traces through the API, from several clients at once; at a late day of the month its forecasts are kept."""
    coding, documents = (
        [demo.key for demo in CUSTOMERS if demo.trace == trace] for trace in ("coding", "documents")
    )
    events = [
        *traces.coding_events(first_at=state.first_at, last_at=state.last_at, customers=coding),
        *traces.document_events(first_at=state.first_at, last_at=state.last_at, customers=documents),
        *({"time": state.last_at.isoformat(), **mistake} for mistake in MISTAKES),
    ]
    foreseen_at = forecast_at(state.first_at.date())
    early = [one for one in events if datetime.fromisoformat(one["time"]) < foreseen_at]
    later = [one for one in events if datetime.fromisoformat(one["time"]) >= foreseen_at]

    def posted(part: Sequence[dict[str, Any]], before: int) -> Loaded:
        return post_events(
            part,
            host=host,
            port=port,
            key=state.api_key,
            progress=lambda done: progress(before + done, len(events)),
        )

    first = posted(early, 0)
    if first.counted:
        # Of a demo that goes on where it was, the rest of the month is known already.
        _keep_forecasts(at=foreseen_at)
    return first.with_more(posted(later, len(early)))


def _keep_forecasts(*, at: datetime) -> None:
    keys = [demo.key for demo in CUSTOMERS]
    contracts = Contract.objects.filter(customer__key__in=keys).values_list("pk", flat=True)
    keep_forecasts.keep(contract_ids=list(contracts), at=at, actor=ACTOR)


def close(*, at: datetime, say: Say) -> int:
    """Let the worker close every contract's finished period; return how many drafts there are."""
    due = len(invoice_queries.due_to_close(at=at))
    current_app.send_task("invoices.close_due")
    _wait(
        "finished periods closed", lambda: due - len(invoice_queries.due_to_close(at=clock.now())), due, say
    )
    for parked in ParkedClose.objects.select_related("contract"):
        say(f"  parked: {parked.contract.number}: {parked.reason}")
    return Invoice.objects.filter(status=Invoice.Status.DRAFT).count()


def finalize_reviewed(*, since: date, say: Say) -> None:
    """Finalize the finished month's drafts but for those left to review, as a reviewer would, and wait for their PDFs."""
    drafts = list(
        Invoice.objects.filter(status=Invoice.Status.DRAFT)
        .select_related("contract")
        .order_by("contract__number")
    )
    finalized = Invoice.objects.filter(status=Invoice.Status.FINALIZED, period_start_on__gte=since)
    if not finalized.exists():
        for draft in drafts:
            if draft.contract.number in LEFT_TO_REVIEW:
                continue
            try:
                finalize.finalize(invoice_id=draft.pk, at=clock.now(), actor=ACTOR)
            except Refusal as refusal:
                say(f"  not finalized: {refusal}")
    rendered = InvoicePdf.objects.filter(invoice__in=finalized)
    _wait("PDFs", rendered.count, finalized.count(), say)


def _wait(what: str, done: Callable[[], int], wanted: int, say: Say) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    shown = -1
    while (now := done()) < wanted:
        if now != shown:
            say(f"  {now} of {wanted} {what}")
            shown = now
        if time.monotonic() > until:
            raise DemoStuck(
                f"Only {now} of {wanted} {what} after {PATIENCE_SECONDS} s. The worker's log says why: var/log/worker.log"
            )
        time.sleep(0.1)
    say(f"  {wanted} of {wanted} {what}")
