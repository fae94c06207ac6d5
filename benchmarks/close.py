"""Closing and finalizing contracts of six priced lines, beside bare bulk inserts of the same rows."""

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, date, datetime
from decimal import Decimal
from multiprocessing import get_context
from typing import TYPE_CHECKING
from uuid import UUID

import django
from django.db import connection, transaction

from benchmarks.harness import Context, Figure

if TYPE_CHECKING:
    from apps.customers.models import LegalEntity
    from apps.plans.models import Meter, PlanVersion

CONTRACTS = int(os.environ.get("METERBOOK_BENCH_CONTRACTS", "1000"))
LINES = 6
WORKERS = 2
NOVEMBER = datetime(2026, 11, 2, tzinfo=UTC)
OCTOBER_ON = date(2026, 10, 1)
ACTOR = "benchmark"


def measure(context: Context) -> list[Figure]:
    """Close and finalize every contract with two workers; then insert the same rows in bulk."""
    contract_ids = prepare(CONTRACTS)
    with ProcessPoolExecutor(WORKERS, mp_context=get_context("spawn"), initializer=django.setup) as workers:
        list(workers.map(_warm, range(WORKERS)))
        drafting = _timed(workers, close_one, contract_ids)
        finalizing = _timed(workers, finalize_one, _draft_ids(contract_ids))
    floor = _insert_bare(contract_ids)
    return [
        Figure(
            f"close and finalize, {LINES} lines each",
            len(contract_ids) / (drafting + finalizing),
            "contracts/s",
            floor=len(contract_ids) / floor,
            floor_name="bare bulk inserts of the same invoices and lines, one process, one transaction",
            note=f"{len(contract_ids)} contracts, {WORKERS} workers; drafts {drafting:.1f} s, finalize {finalizing:.1f} s",
        )
    ]


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


def close_one(contract_id: UUID) -> None:
    """Close one contract."""
    close_many([contract_id])


def close_many(contract_ids: Sequence[UUID], batch: int = 50) -> None:
    """Draft contracts batch by batch."""
    from apps.invoices import draft  # noqa: PLC0415

    for start in range(0, len(contract_ids), batch):
        with transaction.atomic(durable=True):
            made = draft.draft_each(contract_ids[start : start + batch], at=NOVEMBER, actor=ACTOR)
        assert len(made) == len(contract_ids[start : start + batch])


def finalize_many(invoice_ids: Sequence[UUID], batch: int = 50) -> None:
    """Finalize drafts batch by batch."""
    from apps.invoices import finalize  # noqa: PLC0415

    for start in range(0, len(invoice_ids), batch):
        with transaction.atomic(durable=True):
            finalize.finalize_each(invoice_ids[start : start + batch], at=NOVEMBER, actor=ACTOR)


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


def _draft_ids(contract_ids: Sequence[UUID]) -> list[UUID]:
    from apps.invoices.models import Invoice  # noqa: PLC0415

    return list(Invoice.objects.filter(contract_id__in=contract_ids).values_list("pk", flat=True))


def _timed(workers: ProcessPoolExecutor, work: Callable[[UUID], None], ids: Sequence[UUID]) -> float:
    begun = time.perf_counter()
    for _ in workers.map(work, ids, chunksize=20):
        pass
    return time.perf_counter() - begun


def _warm(_: int) -> None:
    connection.ensure_connection()


def _insert_bare(contract_ids: Sequence[UUID]) -> float:
    """Insert the same invoices and lines again, as drafts of another year, and return the seconds that it took."""
    from apps.core.ids import uuid7  # noqa: PLC0415
    from apps.invoices.models import Invoice, InvoiceLine  # noqa: PLC0415

    invoices = list(Invoice.objects.filter(contract_id__in=contract_ids))
    lines = list(InvoiceLine.objects.filter(invoice__in=[invoice.pk for invoice in invoices]))
    fresh = {invoice.pk: uuid7() for invoice in invoices}
    for line in lines:
        line.pk, line.invoice_id = uuid7(), fresh[line.invoice_id]
    for invoice in invoices:
        invoice.pk = fresh[invoice.pk]
        invoice.period_start_on, invoice.period_end_on = date(2000, 1, 1), date(2000, 2, 1)
        invoice.status = Invoice.Status.DRAFT
        invoice.number = invoice.finalized_at = invoice.issued_on = invoice.due_on = None
    begun = time.perf_counter()
    with transaction.atomic():
        Invoice.objects.bulk_create(invoices, batch_size=1000)
        InvoiceLine.objects.bulk_create(lines, batch_size=1000)
    return time.perf_counter() - begun
