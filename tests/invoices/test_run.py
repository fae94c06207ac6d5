"""Close runs: one list of contracts that workers share, and that goes on wherever it stopped."""

from collections.abc import Collection
from datetime import date, datetime, timedelta
from decimal import Decimal
from io import StringIO
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from apps.contracts.models import Contract
from apps.core.models import AuditEntry, OutboxMessage
from apps.customers.models import LegalEntity
from apps.invoices import close, decide, draft, hold, one_off, run, void
from apps.invoices.errors import RunUnderWay
from apps.invoices.models import Approval, CloseRun, CloseTask, Invoice, NumberSeries, ParkedClose
from apps.invoices.one_off import NewLine
from apps.invoices.progress import latest, run_progress
from apps.invoices.to_decide import Filter
from tests.builders import make_contract, make_customer, make_legal_entity
from tests.invoices.months import ACTOR, IN_NOVEMBER, set_model, unpriced, use

pytestmark = pytest.mark.django_db
REVIEWED = IN_NOVEMBER + timedelta(days=2)


def test_a_run_drafts_every_contract_and_another_finalizes_them() -> None:
    contracts = _contracts(5)
    use(contracts[0], "calls", "150")

    drafts = _drafted()
    finalized = _finalized()

    assert (drafts.finished_at, finalized.finished_at) == (IN_NOVEMBER, REVIEWED)
    numbers = Invoice.objects.order_by("number").values_list("number", flat=True)
    assert list(numbers) == [f"INV-2026-{nth:06d}" for nth in range(1, 6)]
    assert Invoice.objects.get(contract=contracts[0]).total == Decimal("1.50")
    assert OutboxMessage.objects.filter(task="invoices.render_pdf").count() == 5


def test_a_run_makes_all_drafts_of_a_contract_that_is_months_behind() -> None:
    contract = make_contract(starts_on=date(2026, 8, 1))

    done = _drafted()

    starts = Invoice.objects.filter(contract=contract).order_by("period_start_on")
    assert [one.period_start_on.month for one in starts] == [8, 9, 10]
    assert done.tasks.get().invoices == 3


def test_one_contract_that_cannot_be_priced_is_parked_and_stops_no_other() -> None:
    _contracts(60)
    bad = unpriced()
    _contracts(39, of="more")

    done = _drafted()

    assert Invoice.objects.count() == 99
    parked = ParkedClose.objects.get()
    assert (parked.contract, parked.code) == (bad, "no-price")
    progress = run_progress(done, at=IN_NOVEMBER)
    assert (progress.contracts, progress.done, progress.parked, progress.waiting) == (100, 99, 1, 0)
    assert [one.contract_number for one in progress.stopped] == [bad.number]


def test_a_parked_contract_gets_through_in_a_later_run() -> None:
    contract = unpriced()
    _drafted()
    set_model(contract, "a")

    later = run.start_drafts(at=IN_NOVEMBER + timedelta(hours=2), actor=ACTOR)
    assert later is not None
    _work(later)

    assert not ParkedClose.objects.exists()
    assert Invoice.objects.count() == 1
    assert AuditEntry.objects.filter(action="invoices.unpark").count() == 1


def test_a_run_goes_on_after_it_was_left_in_the_middle() -> None:
    _contracts(7)
    begun = run.start_drafts(at=IN_NOVEMBER, actor=ACTOR)
    assert begun is not None
    run.advance(run_id=begun.pk, at=IN_NOVEMBER, most=3)
    assert run.unfinished() == [begun.pk]

    _work(begun)

    assert Invoice.objects.count() == 7
    assert run.unfinished() == []


def test_a_batch_that_dies_leaves_its_contracts_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    _contracts(3)
    begun = run.start_drafts(at=IN_NOVEMBER, actor=ACTOR)
    assert begun is not None
    with monkeypatch.context() as broken:
        broken.setattr(close, "release", _dies)
        with pytest.raises(SystemExit):
            run.advance(run_id=begun.pk, at=IN_NOVEMBER)

    assert not Invoice.objects.exists()
    assert CloseTask.objects.filter(status="waiting").count() == 3


def test_a_contract_whose_statement_takes_too_long_is_parked_and_the_run_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    contracts = _contracts(5)
    tries = _slow(contracts[2], monkeypatch)

    done = _drafted()

    assert done.finished_at == IN_NOVEMBER
    assert Invoice.objects.count() == 4
    parked = ParkedClose.objects.get()
    assert parked.contract == contracts[2]
    assert "statement timeout" in parked.reason
    assert tries.count([contracts[2].pk]) == 3


def test_a_statement_that_takes_too_long_once_parks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    contracts = _contracts(1)
    _slow(contracts[0], monkeypatch, times=2)

    _drafted()

    assert Invoice.objects.count() == 1
    assert not ParkedClose.objects.exists()


def test_a_lost_connection_parks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    contracts = _contracts(2)
    begun = run.start_drafts(at=IN_NOVEMBER, actor=ACTOR)
    assert begun is not None
    with monkeypatch.context() as away:
        _slow(contracts[0], away)
        away.setattr(connection, "is_usable", lambda: False)
        with pytest.raises(OperationalError):
            run.advance(run_id=begun.pk, at=IN_NOVEMBER)

    assert CloseTask.objects.filter(status="waiting").count() == 2
    assert not ParkedClose.objects.exists()


def test_no_second_run_of_a_step_is_started_while_one_is_under_way() -> None:
    _contracts(1)
    run.start_drafts(at=IN_NOVEMBER, actor=ACTOR)

    with pytest.raises(RunUnderWay, match="make drafts"):
        run.start_drafts(at=IN_NOVEMBER, actor=ACTOR)

    assert CloseRun.objects.count() == 1


def test_nothing_due_is_no_run() -> None:
    assert run.start_drafts(at=IN_NOVEMBER, actor=ACTOR) is None
    assert run.start_finalize(at=IN_NOVEMBER, actor=ACTOR) is None
    assert not CloseRun.objects.exists()


def test_a_run_of_one_legal_entity_leaves_the_others_alone() -> None:
    german = make_legal_entity("german", name="Seller GmbH", invoice_prefix="RE")
    ours = make_contract(make_customer("ours", legal_entity=german))
    american = make_legal_entity("american")
    make_contract(make_customer("theirs", legal_entity=american), ours.plan_version)

    _drafted(legal_entity=german)

    assert Invoice.objects.get().contract == ours


def test_a_run_finalizes_the_chosen_drafts_alone() -> None:
    _contracts(3)
    _drafted()
    chosen = list(Invoice.objects.order_by("pk").values_list("pk", flat=True)[:2])

    begun = run.start_finalize(at=IN_NOVEMBER, actor=ACTOR, invoice_ids=chosen)
    assert begun is not None
    _work(begun, at=IN_NOVEMBER)

    assert set(Invoice.objects.exclude(number=None).values_list("pk", flat=True)) == set(chosen)


def test_a_draft_above_the_limit_waits_for_two_people() -> None:
    _contracts(2)
    big = Contract.objects.order_by("number")[0]
    use(big, "calls", "150")
    LegalEntity.objects.update(approval_above=Decimal("1.00"))
    _drafted()

    _finalized()

    waiting = Invoice.objects.get(contract=big)
    assert waiting.number is None
    assert not ParkedClose.objects.exists()
    assert NumberSeries.objects.get().next_number == 2
    for person in ("one@example.com", "two@example.com"):
        Approval.objects.create(
            invoice=waiting, total=waiting.total, approved_by=person, approved_at=REVIEWED
        )
    _finalized()
    waiting.refresh_from_db()
    assert waiting.number == "INV-2026-000002"


def test_a_draft_that_waits_for_people_stops_no_other_of_its_contract() -> None:
    """The one-off invoice of 500.00 is above the limit of 100.00; the period's and a small one-off invoice are not."""
    contract = make_contract(make_customer(legal_entity=make_legal_entity(approval_above=Decimal(100))))
    large, small = (_one_off(contract, amount) for amount in ("500", "50"))
    _drafted()
    chosen = list(Invoice.objects.values_list("pk", flat=True))

    begun = run.start_finalize(at=REVIEWED, actor=ACTOR, invoice_ids=chosen)
    assert begun is not None
    done = _work(begun, at=REVIEWED)

    assert [one.pk for one in Invoice.objects.filter(status="draft")] == [large.pk]
    assert Invoice.objects.get(pk=small.pk).number
    assert done.finished_at == REVIEWED
    assert not ParkedClose.objects.exists()


def test_a_draft_that_staff_void_while_a_run_finds_it_unapproved_ends_the_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The run would refresh it for those who approve, and by then there is no draft any more."""
    contract = make_contract(make_customer(legal_entity=make_legal_entity(approval_above=Decimal(100))))
    large = _one_off(contract, "500")
    begun = run.start_finalize(at=REVIEWED, actor=ACTOR, invoice_ids=[large.pk])
    assert begun is not None
    set_aside = run._set_aside

    def meanwhile(*given: Any) -> None:
        void.void(invoice_id=large.pk, reason="Ordered twice", at=REVIEWED, actor=ACTOR)
        set_aside(*given)

    monkeypatch.setattr(run, "_set_aside", meanwhile)

    assert _work(begun, at=REVIEWED).finished_at == REVIEWED
    assert not ParkedClose.objects.exists()


@pytest.mark.parametrize("by_hand", [True, False])
def test_an_invoice_of_a_day_is_finalized_with_its_contracts_period(*, by_hand: bool) -> None:
    contract = make_contract()
    _drafted()
    _one_off(contract, "50")
    chosen = decide.Chosen(Filter(), ACTOR, may_finalize=True, may_approve=True)
    planned = decide.plan(chosen)
    assert (planned.count, planned.after_others) == (2, 0)

    begun = (
        decide.decide(chosen, at=REVIEWED).run if by_hand else run.start_finalize(at=REVIEWED, actor=ACTOR)
    )
    assert begun is not None
    _work(begun, at=REVIEWED)

    assert Invoice.objects.filter(status="finalized").count() == 2
    assert not ParkedClose.objects.exists()


def test_a_held_period_lets_a_later_one_wait_and_a_one_off_invoice_through() -> None:
    contract = make_contract(starts_on=date(2026, 9, 1))
    _drafted()
    setup = _one_off(contract, "50")
    september = Invoice.objects.get(period_start_on=date(2026, 9, 1))
    chosen = list(Invoice.objects.values_list("pk", flat=True))
    begun = run.start_finalize(at=REVIEWED, actor=ACTOR, invoice_ids=chosen)
    assert begun is not None
    hold.hold(invoice_id=september.pk, reason="Asked the customer", at=REVIEWED, actor=ACTOR)

    _work(begun, at=REVIEWED)

    assert [one.pk for one in Invoice.objects.filter(status="finalized")] == [setup.pk]
    assert not ParkedClose.objects.exists()


def test_two_contracts_of_one_customer_and_a_family_are_closed_in_one_run() -> None:
    first = make_contract(make_customer("moved"), starts_on=date(2026, 9, 1), ends_on=date(2026, 10, 1))
    make_contract(first.customer, first.plan_version, starts_on=date(2026, 10, 1))
    parent = make_contract(make_customer("parent"), first.plan_version)
    make_contract(make_customer("child"), first.plan_version, parent=parent, usage="pooled", billing="own")

    _drafted()
    _finalized()

    assert Invoice.objects.exclude(number=None).count() == 4
    assert not ParkedClose.objects.exists()


def test_progress_tells_what_the_drafts_come_to() -> None:
    contracts = _contracts(2)
    use(contracts[0], "calls", "150")
    done = _drafted()

    with CaptureQueriesContext(connection) as asked:
        progress = run_progress(done, at=IN_NOVEMBER)

    assert len(asked) == 3
    assert (progress.invoices, [str(total) for total in progress.totals]) == (2, ["1.50 USD"])
    assert progress.is_over
    assert latest(step=CloseRun.Step.DRAFT) == done


def test_many_contracts_take_no_more_queries_than_few() -> None:
    contracts = _contracts(12)
    for contract in contracts:
        use(contract, "calls", "5")
    counted = []
    for most in (2, 10):
        begun = run.start_drafts(at=IN_NOVEMBER, actor=ACTOR)
        assert begun is not None
        with CaptureQueriesContext(connection) as asked:
            run.advance(run_id=begun.pk, at=IN_NOVEMBER, most=most)
        counted.append(len(asked))
        CloseRun.objects.update(finished_at=IN_NOVEMBER)
    for most in (2, 10):
        begun = run.start_finalize(at=REVIEWED, actor=ACTOR)
        assert begun is not None
        with CaptureQueriesContext(connection) as asked:
            run.advance(run_id=begun.pk, at=REVIEWED, most=most)
        counted.append(len(asked))
        CloseRun.objects.update(finished_at=REVIEWED)

    few_drafts, many_drafts, few_finalized, many_finalized = counted
    assert many_drafts <= few_drafts
    assert many_finalized <= few_finalized
    assert Invoice.objects.exclude(number=None).count() == 12


def test_the_command_closes_and_its_exit_code_tells_of_what_was_parked() -> None:
    contracts = _contracts(3)
    said = StringIO()

    call_command("close", stdout=said)

    assert Invoice.objects.filter(contract__in=contracts).exists()
    assert "3 of 3 contracts" in said.getvalue()
    unpriced()
    with pytest.raises(CommandError, match="1 of 1 contracts were parked") as stopped:
        call_command("close", stdout=said)
    assert stopped.value.returncode == 1
    assert "parked: " in said.getvalue()


def _contracts(count: int, of: str = "customer") -> list[Contract]:
    first = make_contract(make_customer(f"{of}-0"))
    others = [make_contract(make_customer(f"{of}-{n}"), first.plan_version) for n in range(1, count)]
    return [first, *others]


def _drafted(legal_entity: LegalEntity | None = None) -> CloseRun:
    begun = run.start_drafts(at=IN_NOVEMBER, actor=ACTOR, legal_entity=legal_entity)
    assert begun is not None
    return _work(begun)


def _finalized() -> CloseRun:
    begun = run.start_finalize(at=REVIEWED, actor=ACTOR)
    assert begun is not None
    return _work(begun, at=REVIEWED)


def _work(begun: CloseRun, at: datetime = IN_NOVEMBER) -> CloseRun:
    while run.advance(run_id=begun.pk, at=at):
        pass
    begun.refresh_from_db()
    return begun


def _one_off(contract: Contract, amount: str) -> Invoice:
    lines = [NewLine("Setup", Decimal(amount))]
    return one_off.draft_one_off(
        contract_id=contract.pk, lines=lines, reason="Order 7", at=IN_NOVEMBER, actor=ACTOR
    )


def _slow(contract: Contract, patch: pytest.MonkeyPatch, *, times: int = 1000) -> list[list[UUID]]:
    """Let PostgreSQL stop the drafting of a contract, so many times; return whom it was drafted together with each time."""
    draft_each = draft.draft_each
    tries: list[list[UUID]] = []

    def slow(contract_ids: Collection[UUID], **given: Any) -> list[Invoice]:
        if contract.pk in contract_ids and len(tries) < times:
            tries.append(list(contract_ids))
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL statement_timeout = '1ms'; SELECT pg_sleep(10)")
        return draft_each(contract_ids, **given)

    patch.setattr(draft, "draft_each", slow)
    return tries


def _dies(*_: object, **__: object) -> None:
    raise SystemExit("the worker was killed")
