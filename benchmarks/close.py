"""Closing and finalizing contracts of six priced lines by a run of two workers, beside bare bulk inserts of the same rows."""

import os
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import django
from django.db import connection, transaction

from apps.core.owner import acting_as_owner
from benchmarks.harness import Context, Figure

if TYPE_CHECKING:
    from django.db.models import Model

    from apps.customers.models import LegalEntity
    from apps.plans.models import Meter, PlanVersion

CONTRACTS = int(os.environ.get("METERBOOK_BENCH_CONTRACTS", "1000"))
# Of one customer, on one day.
EVENTS = int(os.environ.get("METERBOOK_BENCH_EVENTS_A_DAY", "1000000"))
LINES = 6
WORKERS = 2
NOVEMBER = datetime(2026, 11, 2, tzinfo=UTC)
REVIEWED = NOVEMBER + timedelta(days=2)
OCTOBER_ON = date(2026, 10, 1)
ACTOR = "benchmark"


@dataclass(frozen=True, slots=True)
class Closed:
    """What a close of so many contracts took: seconds of each step, and the peak memory of the worker that had most, in MiB."""

    contract_ids: Sequence[UUID]
    drafting: float
    finalizing: float
    memory: float

    @property
    def rate(self) -> float:
        """Return how many contracts a second were closed and finalized."""
        return len(self.contract_ids) / (self.drafting + self.finalizing)


def measure(context: Context) -> list[Figure]:
    """Close and finalize few contracts, many, and one with many events, each by a run that two workers share."""
    few = closed(prepare(max(CONTRACTS // 10, 50)))
    many = closed(prepare(CONTRACTS))
    floor = _insert_bare(many.contract_ids)
    one = prepare(1)
    _store_events(one[0])
    busy = closed([*one, *prepare(max(CONTRACTS // 10, 50) - 1)])
    seconds = many.drafting + many.finalizing
    return [
        Figure(
            f"close and finalize, {LINES} lines each",
            many.rate,
            "contracts/s",
            floor=len(many.contract_ids) / floor,
            floor_name="bare bulk inserts of the same invoices, lines, taxes, entries, postings, messages and audit entries, one process",
            note=f"{CONTRACTS:,} contracts, {WORKERS} workers; drafts {many.drafting:.1f} s, finalize {many.finalizing:.1f} s; "
            f"{seconds / floor:.1f} times the floor",
        ),
        Figure(
            f"the same, {CONTRACTS:,} contracts",
            many.rate,
            "contracts/s",
            floor=few.rate,
            floor_name=f"the same, {len(few.contract_ids):,} contracts",
        ),
        Figure(
            f"the same, one customer with {EVENTS:,} events a day",
            busy.rate,
            "contracts/s",
            floor=few.rate,
            floor_name=f"as many contracts, {len(few.contract_ids):,}, none of them with events stored",
        ),
        Figure(
            "peak memory of a worker that closes",
            max(many.memory, busy.memory),
            "MiB",
            floor=few.memory,
            floor_name=f"the same, {len(few.contract_ids):,} contracts",
            better="lower",
        ),
    ]


def closed(contract_ids: Sequence[UUID]) -> Closed:
    """Draft the contracts by one run, and finalize the drafts by another."""
    from apps.invoices import run  # noqa: PLC0415
    from apps.invoices.models import Invoice  # noqa: PLC0415

    entity = _seller()
    context = get_context("spawn")
    with ProcessPoolExecutor(WORKERS, mp_context=context, initializer=django.setup) as workers:
        list(workers.map(_warm, range(WORKERS)))
        begun = time.perf_counter()
        drafts = run.start_drafts(at=NOVEMBER, actor=ACTOR, legal_entity=entity)
        assert drafts is not None
        list(workers.map(_work, [drafts.pk] * WORKERS))
        drafted = time.perf_counter()
        finalize = run.start_finalize(at=REVIEWED, actor=ACTOR, legal_entity=entity)
        assert finalize is not None
        memory = list(workers.map(_work, [finalize.pk] * WORKERS))
        ended = time.perf_counter()
    found = Invoice.objects.filter(contract__in=contract_ids, status=Invoice.Status.FINALIZED)
    assert found.count() == len(contract_ids)
    return Closed(contract_ids, drafted - begun, ended - drafted, max(memory))


def close_one(contract_id: UUID) -> None:
    """Close one contract."""
    from apps.invoices import close  # noqa: PLC0415

    made = close.close_contract(contract_id=contract_id, at=NOVEMBER, actor=ACTOR)
    assert len(made.drafts) == 1, made.parked


def prepare(count: int) -> list[UUID]:
    """Write a plan of six charges and so many contracts with a month of daily usage; return the contracts' ids."""
    from apps.contracts.models import Contract  # noqa: PLC0415
    from apps.customers.models import Customer  # noqa: PLC0415
    from apps.usage.models import UsageDay  # noqa: PLC0415

    version, meters = _plan()
    entity = _seller()
    stamp = f"{time.time_ns():x}"
    customers = [
        Customer(key=f"bench-{stamp}-{n}", name=f"Customer {n}", legal_entity=entity, tax_rate=Decimal(19))
        for n in range(count)
    ]
    contracts = [
        Contract(
            number=f"B-{stamp}-{n}",
            customer=customer,
            plan_version=version,
            starts_on=OCTOBER_ON,
            status=Contract.Status.ACTIVE,
        )
        for n, customer in enumerate(customers)
    ]
    days = [
        UsageDay(
            customer=contract.customer,
            contract=contract,
            meter=meter,
            day=OCTOBER_ON.replace(day=day),
            quantity=Decimal(1000 + day),
            events=day,
            last_received_at=NOVEMBER,
        )
        for contract in contracts
        for meter in meters
        for day in range(1, 31, 5)
    ]
    with transaction.atomic():
        Customer.objects.bulk_create(customers, batch_size=1000)
        Contract.objects.bulk_create(contracts, batch_size=1000)
        UsageDay.objects.bulk_create(days, batch_size=1000)
    return [contract.pk for contract in contracts]


def _plan() -> tuple["PlanVersion", list["Meter"]]:
    from apps.plans import catalogue, compose, publish  # noqa: PLC0415
    from apps.plans.compose import NewCharge, NewPrice  # noqa: PLC0415

    at, keys = NOVEMBER, [f"bench-{n}" for n in range(LINES)]
    catalogue.put_product(key="bench", name="Product", at=at, actor=ACTOR)
    meters = [
        catalogue.put_meter(
            key=key, name=key, unit="calls", event_type=key, aggregation="count", at=at, actor=ACTOR
        )
        for key in keys
    ]
    price = NewPrice(model="per_unit", unit_amount=Decimal("0.0123"))
    charges = [NewCharge(key=key, name=key, product="bench", meter=key, prices=[price]) for key in keys]
    plan = catalogue.put_plan(key=f"bench-{time.time_ns():x}", name="Benchmark", at=at, actor=ACTOR)
    draft = compose.draft_version(plan_id=plan.pk, currency="USD", charges=charges, at=at, actor=ACTOR)
    return publish.publish(version_id=draft.pk, at=at, actor=ACTOR), meters


def _seller() -> "LegalEntity":
    from apps.customers import sellers  # noqa: PLC0415

    fields = {"name": "Seller Inc.", "invoice_prefix": "BENCH", "bank_details": "Example Bank"}
    return sellers.put(key="bench-seller", fields=fields, at=NOVEMBER, actor=ACTOR)


def _work(run_id: UUID) -> float:
    """Close contracts of a run until it is finished, and return the peak memory of this process, in MiB."""
    from apps.invoices import run  # noqa: PLC0415
    from apps.invoices.models import CloseRun  # noqa: PLC0415

    while CloseRun.objects.filter(pk=run_id, finished_at=None).exists():
        at = NOVEMBER if CloseRun.objects.get(pk=run_id).step == CloseRun.Step.DRAFT else REVIEWED
        if not run.advance(run_id=run_id, at=at):
            time.sleep(0.01)
    # Not getrusage: what that tells of a process begins with the peak of the one that started it.
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def _warm(_: int) -> None:
    connection.ensure_connection()


def _store_events(contract_id: UUID) -> None:
    """Store a day of very many events of one customer, with the totals that they add up to."""
    # Only the owner may tidy up and write everything out, so that none of it falls into what is measured.
    with acting_as_owner(), connection.cursor() as cursor:
        cursor.execute("SELECT usage_make_month('2026-10-01'::date)")
        cursor.execute(
            """
            INSERT INTO usage_event (customer_id, "time", key, contract_id, type, quantity, properties, day, received_at)
            SELECT contract.customer_id, '2026-10-01 00:00Z'::timestamptz + n * interval '80 milliseconds', 'busy-' || n,
                   contract.id, 'bench-0', 1, '{}', '2026-10-01', '2026-10-01 00:00Z'
            FROM contracts_contract contract, generate_series(1, %s) AS n WHERE contract.id = %s
            """,
            [EVENTS, contract_id],
        )
        cursor.execute(
            "UPDATE usage_usageday SET quantity = %s, events = %s WHERE contract_id = %s AND day = '2026-10-01' "
            "AND meter_id = (SELECT id FROM plans_meter WHERE key = 'bench-0')",
            [EVENTS, EVENTS, contract_id],
        )
        cursor.execute("VACUUM (ANALYZE) usage_event")
        cursor.execute("CHECKPOINT")


def _insert_bare(contract_ids: Sequence[UUID]) -> float:
    """Insert the same rows again, as of drafts of another year, and return the seconds that it took."""
    from apps.core.models import AuditEntry, OutboxMessage  # noqa: PLC0415
    from apps.customers.models import Customer  # noqa: PLC0415
    from apps.invoices.models import Invoice, InvoiceLine, InvoiceTax  # noqa: PLC0415
    from apps.ledger.models import Entry, Posting  # noqa: PLC0415

    invoices = list(Invoice.objects.filter(contract_id__in=contract_ids))
    ids = [invoice.pk for invoice in invoices]
    lines = list(InvoiceLine.objects.filter(invoice__in=ids))
    taxes = list(InvoiceTax.objects.filter(invoice__in=ids))
    entries = list(Entry.objects.filter(source_key__in=[invoice.number for invoice in invoices]))
    customers = Customer.objects.filter(pk__in=[invoice.customer_id for invoice in invoices])
    postings = list(Posting.objects.filter(customer__in=customers))
    messages = list(OutboxMessage.objects.filter(key__in=list(map(str, ids))))
    numbers = [invoice.number for invoice in invoices]
    contracts = [
        f"{number}"
        for number in Invoice.objects.filter(pk__in=ids).values_list("contract__number", flat=True)
    ]
    trail = list(AuditEntry.objects.filter(subject_key__in=[*numbers, *contracts], actor=ACTOR))
    fresh_invoices, fresh_entries = _renewed(invoices), _renewed(entries)
    _renewed(trail)
    _renewed(messages)
    for line in lines:
        line.invoice_id = fresh_invoices[line.invoice_id]
    for tax in taxes:
        tax.invoice_id = fresh_invoices[tax.invoice_id]
    for posting in postings:
        posting.entry_id = fresh_entries[posting.entry_id]
    for rows in (lines, taxes, postings):
        _renewed(rows)
    for invoice in invoices:
        invoice.period_start_on, invoice.period_end_on = date(2000, 1, 1), date(2000, 2, 1)
        invoice.status = Invoice.Status.DRAFT
        invoice.number = invoice.finalized_at = invoice.issued_on = invoice.due_on = None
        invoice.counted_until_at = None
    for entry in entries:
        entry.source_key = f"bare {entry.source_key}"
    for message in messages:
        message.key = f"bare {message.key}"
    begun = time.perf_counter()
    with transaction.atomic():
        Invoice.objects.bulk_create(invoices, batch_size=1000)
        InvoiceLine.objects.bulk_create(lines, batch_size=1000)
        InvoiceTax.objects.bulk_create(taxes, batch_size=1000)
        Entry.objects.bulk_create(entries, batch_size=1000)
        Posting.objects.bulk_create(postings, batch_size=1000)
        OutboxMessage.objects.bulk_create(messages, batch_size=1000)
        AuditEntry.objects.bulk_create(trail, batch_size=1000)
    return time.perf_counter() - begun


def _renewed(rows: "Sequence[Model]") -> dict[UUID, UUID]:
    """Give the rows ids of their own, and return them by those before."""
    from apps.core.ids import uuid7  # noqa: PLC0415

    ids = {row.pk: uuid7() for row in rows}
    for row in rows:
        row.pk = ids[row.pk]
    return ids
