"""What waits in quarantine, by its cause: how much of it, since when, and what it would be worth."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db.models import Case, Count, F, Max, Min, QuerySet, Value, When

from apps.contracts.models import Contract
from apps.contracts.queries import customers_named
from apps.contracts.terms import period_on, terms_in
from apps.core.money import Money
from apps.core.periods import Period
from apps.plans.models import Meter
from apps.plans.queries import meters_by_type
from apps.rating.engine import rate
from apps.usage import queries, reads, strict_json
from apps.usage.combine import Total, as_usage
from apps.usage.intake import Batch, Intake
from apps.usage.judge import judge
from apps.usage.models import QuarantinedEvent
from apps.usage.stored import facts_of
from apps.usage.strict_json import BadJson
from apps.usage.ways import ContractFacts, Countable, Facts, phases_of

# Of more, the first tell enough: the page says that it is so.
MOST_PRICED = 2_000
Reason = QuarantinedEvent.Reason
BY_CUSTOMER = (
    Reason.UNKNOWN_CUSTOMER,
    Reason.NO_CONTRACT,
    Reason.PERIOD_CLOSED,
    Reason.NOT_IN_PLAN,
    Reason.NO_PRICE,
    Reason.DIMENSION_MISSING,
)
# What these would come to is known as they wait; of the others something is yet to be said or corrected.
PRICEABLE = frozenset({Reason.NO_CONTRACT, Reason.PERIOD_CLOSED, Reason.TOO_OLD, Reason.TOO_EARLY})
# An overview lists so many causes, the largest first, and prices so many of them; each has a page of its own.
MOST_LISTED = 200
_MOST_CAUSES = 20


@dataclass(frozen=True, slots=True)
class Cause:
    """Events that wait for the same reason, of the same customer key or type, whichever it is about."""

    reason: str
    label: str
    subject: str
    events: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Worth:
    """What waiting events would come to, by currency, if they counted now; `unclear` is how many still would not."""

    amounts: tuple[Money, ...]
    priced: int
    unclear: int


def causes() -> list[Cause]:
    """Return the 200 largest causes of what waits, the most events first, in one query."""
    subject = Case(
        When(reason__in=BY_CUSTOMER, then=F("customer_key")),
        When(reason=Reason.UNKNOWN_TYPE, then=F("type")),
        default=Value(""),
    )
    rows = (
        queries.waiting()
        .order_by()
        .annotate(subject=subject)
        .values_list("reason", "subject")
        .annotate(many=Count("id"), first=Min("received_at"), last=Max("received_at"))
        .order_by("-many", "reason", "subject")
    )
    labels: dict[str, str] = dict(Reason.choices)
    return [
        Cause(reason, labels[reason], of, many, first, last)
        for reason, of, many, first, last in rows[:MOST_LISTED]
    ]


def worths(causes: Sequence[Cause]) -> dict[Cause, Worth]:
    """Return what the largest causes' events would come to, where that is known as they wait; the first 2,000 of each."""
    known = [cause for cause in causes if cause.reason in PRICEABLE][:_MOST_CAUSES]
    return {cause: worth(list(of_cause(cause.reason, cause.subject)[:MOST_PRICED])) for cause in known}


def subject_of(event: QuarantinedEvent) -> str:
    """Return which customer key or type the event's cause is about, if it is about one."""
    if event.reason in BY_CUSTOMER:
        return event.customer_key
    return event.type if event.reason == Reason.UNKNOWN_TYPE else ""


def of_cause(reason: str, subject: str) -> QuerySet[QuarantinedEvent]:
    """Return the waiting events of one cause, the oldest first."""
    found = queries.waiting().filter(reason=reason).order_by("received_at", "id")
    if reason in BY_CUSTOMER:
        return found.filter(customer_key=subject)
    return found.filter(type=subject) if reason == Reason.UNKNOWN_TYPE else found


def as_sent(waiting: QuarantinedEvent, *, actor: str = "") -> Batch:
    """Return a waiting event as it came: under the key that it was kept for, so that one by a confined key stays with it.

    What cannot be read comes as its text, which is no event.
    """
    try:
        raw = strict_json.load(waiting.body.encode())
    except BadJson:
        raw = waiting.body
    return Batch([raw], actor, waiting.customer_key or None)


def worth(
    waiting: Sequence[QuarantinedEvent], *, as_customer: UUID | None = None, as_type: str = ""
) -> Worth:
    """Return what events would add to the bills of their periods, before credits and tax, if their cause were mended.

    Their age does not matter, the last contract of each customer is taken as running on, and unknown customers and types
    are read as those given. What is added up counts; highest values, levels and outcomes are left out.
    """
    read = Intake.of([as_sent(one) for one in waiting]).events
    customers = {
        key: str(one)
        for key, one in customers_named({e.customer_key for e in read if e.customer_key}).items()
    }
    if as_customer:
        customers |= {
            e.customer_key: str(as_customer)
            for e in read
            if e.customer_key and e.customer_key not in customers
        }
    meters: dict[str, Sequence[Meter]] = dict(meters_by_type())
    if as_type in meters:
        meters |= {event.type: meters[as_type] for event in read if event.type not in meters}
    contracts = _running_on(set(customers.values()))
    facts = Facts(customers, meters, {key: [facts for _, facts in of] for key, of in contracts.items()}, None)
    countable = [one for one in judge(read, facts) if isinstance(one, Countable)]
    by_id = {facts.id: contract for of in contracts.values() for contract, facts in of}
    return Worth(_added(countable, by_id), len(countable), len(read) - len(countable))


def _running_on(customer_ids: set[str]) -> dict[str, list[tuple[Contract, ContractFacts]]]:
    found: dict[str, list[tuple[Contract, ContractFacts]]] = {}
    signed = Contract.objects.filter(customer_id__in=customer_ids).exclude(status="draft")
    contracts = list(signed.select_related("plan_version").order_by("customer_id", "-starts_on"))
    phases = phases_of((str(one.pk), one.plan_version_id, one.terms_stamp) for one in contracts)
    for contract in contracts:
        is_last = str(contract.customer_id) not in found
        if is_last:
            contract.ends_on = None
        facts = replace(
            facts_of(contract),
            plan_version_id=contract.plan_version_id,
            terms_stamp=contract.terms_stamp,
            phases=phases[str(contract.pk)],
            billed_until_on=None,
        )
        found.setdefault(str(contract.customer_id), []).append((contract, facts))
    return found


def _added(countable: Sequence[Countable], contracts: Mapping[str, Contract]) -> tuple[Money, ...]:
    more: dict[tuple[str, Period], list[Total]] = {}
    for one in countable:
        contract = contracts[one.way.contract.id]
        period = period_on(contract, one.way.day)
        more.setdefault((one.way.contract.id, period), []).extend(
            Total(
                cell.measure.meter.pk,
                reads.read_json(cell.dimensions),
                Decimal(quantity),
                1,
                one.event.time,
                since=one.way.day,
            )
            for cell, quantity in one.feeds
        )
    sums: dict[str, Money] = {}
    for (contract_id, period), totals in more.items():
        contract = contracts[contract_id]
        terms = terms_in(contract, period)
        used = queries.totals_in([(contract, terms)])[contract.pk]
        added = (
            rate(terms.terms, as_usage(terms, [*used, *totals])).subtotal
            - rate(terms.terms, as_usage(terms, used)).subtotal
        )
        sums[added.currency] = sums.get(added.currency, Money.zero(added.currency)) + added
    return tuple(sums[currency] for currency in sorted(sums))
