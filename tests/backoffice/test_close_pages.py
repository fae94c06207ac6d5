"""Closing a month in the back office: what is shown, what a decision says before, and that rights and rules hold."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Permission
from django.test import Client

from apps.core.models import OutboxMessage, User
from apps.core.money import Money
from apps.customers.models import LegalEntity
from apps.invoices import approve, kept_forecasts, progress, reissue, tasks
from apps.invoices.kept_forecasts import Expected
from apps.invoices.models import Approval, CloseRun, DraftHold, Invoice, ManualLine, ParkedClose
from tests.backoffice.conftest import Month
from tests.backoffice.many_drafts import multiply
from tests.builders import ACTOR, make_contract, make_credit_note, make_customer, make_staff
from tests.invoices.months import use

NOW = datetime(2026, 12, 2, 9, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _in_december() -> Iterator[None]:
    """The draft of November is half an hour old, and finalized by itself in 23 and a half."""
    with time_machine.travel(NOW, tick=False):
        yield


def signed_in(client: Client, *rights: str) -> User:
    """Sign in a member of staff who has these rights alone."""
    person = make_staff("reader@seller.example")
    User.objects.filter(pk=person.pk).update(is_superuser=False)
    person.user_permissions.set(Permission.objects.filter(codename__in=rights))
    found = User.objects.get(pk=person.pk)
    client.force_login(found)
    return found


def said(response: Any) -> str:
    """The words of a page, without the spaces between them."""
    return " ".join(response.content.decode().split())


def run_the_outbox() -> None:
    """Do what the outbox asked for of the run, as a worker does."""
    for message in OutboxMessage.objects.filter(task="invoices.work_on_run"):
        tasks.work_on_run(**message.arguments)


def decided(client: Client, *, follow: bool = True, **posted: str) -> Any:
    """Look at what deciding comes to, and say yes to it."""
    asked = client.post("/admin/review/decide/?month=2026-11", posted)
    mark = asked.context["plan"].mark
    return client.post(
        "/admin/review/decide/?month=2026-11", {**posted, "confirmed": "yes", "mark": mark}, follow=follow
    )


def above(amount: str) -> None:
    """Let drafts above an amount need two people."""
    LegalEntity.objects.update(approval_above=Decimal(amount))


def test_the_page_says_what_is_to_be_finalized_and_why_it_differs(month: Month, staff: Client) -> None:
    """October: 100.00 + 40 x 0.50 = 120.00; November: 100.00 + 20 x 0.50 = 110.00. Volume: -20 x 0.50 = -10.00."""
    page = said(staff.get("/admin/review/"))

    assert "Close November 2026" in page
    assert "1 draft in USD" in page
    assert "Calls: 50% less used, 40 calls to 20 calls" in page
    assert "all <span" in page
    assert ">volume</span>" in page
    assert "finalized by itself <time" in page
    assert "in 24 hours</time>" in page or "in 23 hours</time>" in page or "in 1 day</time>" in page
    assert "Finalize 1 &hellip;" in page


def test_the_threshold_stands_in_the_address(month: Month, staff: Client) -> None:
    """110.00 is 8% less than 120.00."""
    at_25, at_5 = (staff.get(f"/admin/review/?show=differs{more}") for more in ("", "&over=5"))

    assert "No draft is like that" in said(at_25)
    assert [row.contract_number for row, _ in at_5.context["rows"]] == [month.contract.number]
    assert "Differ by over 5%" in said(at_5)


def foresee(month: Month, *amounts: str) -> None:
    """Keep a forecast of November: so far, expected, low and high."""
    kept_forecasts.keep(
        forecasts=[
            Expected(
                month.contract.pk,
                month.draft.period_start_on,
                *(Money(Decimal(one), "USD") for one in amounts),
            )
        ],
        at=datetime(2026, 11, 22, 9, tzinfo=UTC),
        actor="tests",
    )


def test_a_draft_that_was_not_foreseen_says_what_was_and_what_came_since(month: Month, staff: Client) -> None:
    """110.00 where 60.00 was expected: 83% more is over the 25% of the page."""
    foresee(month, "40", "60", "55", "65")

    shown = said(staff.get("/admin/review/?show=differs"))
    draft = said(staff.get(f"/admin/draft/{month.draft.pk}/"))

    forecast = 'Forecast on Nov 22, 2026: <span class="estimate">$60.00</span> ($55.00 to $65.00).'
    since = "The period came to $110.00 before any tax is added: $70.00 after that day, where $20.00 was expected."
    assert f'{forecast} <span class="state warn">&#9888; 83%</span> {since}' in shown
    assert f"{forecast} {since}" in draft


def test_a_draft_within_its_forecast_says_the_forecast_alone(month: Month, staff: Client) -> None:
    foresee(month, "40", "108", "100", "116")

    shown = said(staff.get("/admin/review/"))

    assert 'Forecast on Nov 22, 2026: <span class="estimate">$108.00</span> ($100.00 to $116.00).' in shown
    assert "The period came to" not in shown
    assert "No draft is like that" in said(staff.get("/admin/review/?show=differs"))


@pytest.mark.parametrize(
    "query",
    [
        "month=x",
        "month=2026-13",
        "over=NaN",
        "over=1e999",
        "show=x&order=y",
        "after=x~y",
        "q=%25_",
        "after=NaN~00000000-0000-7000-8000-000000000000",
        "order=until&after=x~00000000-0000-7000-8000-000000000000",
    ],
)
def test_what_cannot_be_read_in_the_address_is_left_out(query: str, month: Month, staff: Client) -> None:
    assert staff.get(f"/admin/review/?{query}").status_code == 200


def test_deciding_says_with_figures_what_happens_then_does_it_and_says_so(
    month: Month, staff: Client
) -> None:
    asked = staff.post("/admin/review/decide/?month=2026-11", {"invoice": str(month.draft.pk)})
    assert "Finalize <strong>1 invoice</strong>, <strong>$110.00</strong> in all" in said(asked)
    assert "e-mail <strong>1 customer</strong>?" in said(asked)

    running = decided(staff, invoice=str(month.draft.pk))
    assert "0 of 1 contract" in said(running)
    assert 'hx-trigger="every 1s"' in said(running)

    run_the_outbox()

    month.draft.refresh_from_db()
    assert month.draft.number == "INV-2026-000002"
    after = said(staff.get(f"/admin/review/run/{CloseRun.objects.get().pk}/progress/"))
    assert "1 of 1 contract, done" in after
    assert "invoice, $110.00" in after
    assert "hx-trigger" not in after


def test_staff_start_a_close_that_says_first_what_it_drafts(month: Month, staff: Client) -> None:
    """A second contract ran in November; its period has no draft yet."""
    make_contract(make_customer("late"), month.contract.plan_version, starts_on=date(2026, 11, 1))
    assert 'href="/admin/review/start/?month=2026-11"' in said(staff.get("/admin/review/"))

    asked = said(staff.get("/admin/review/start/?month=2026-11"))
    assert "Draft invoices for <strong>1 contract</strong> of all legal entities" in asked
    assert not CloseRun.objects.exists()
    running = said(staff.post("/admin/review/start/", follow=True))
    assert "0 of 1 contract" in running
    again = said(staff.post("/admin/review/start/", follow=True))
    assert "is under way" in again or "0 of 1 contract" in again

    run_the_outbox()
    assert CloseRun.objects.get().tasks.get().invoices == 1
    assert "Nothing is to be drafted" in said(staff.post("/admin/review/start/", follow=True))


def test_a_draft_is_voided_from_its_page_and_nothing_else_is(month: Month, staff: Client) -> None:
    way = f"/admin/invoice/{month.draft.pk}/void/"
    assert f'href="{way}"' in said(staff.get(f"/admin/draft/{month.draft.pk}/"))

    staff.post(way, {"reason": "Test customer"})

    month.draft.refresh_from_db()
    assert month.draft.status == Invoice.Status.VOID
    assert "Only a draft is voided" in said(
        staff.get(f"/admin/invoice/{month.finalized.pk}/void/", follow=True)
    )


def test_all_of_a_filter_is_decided_as_it_was_looked_at(month: Month, staff: Client) -> None:
    staff.post("/admin/review/decide/?month=2026-11", {"all": "yes"})

    page = staff.post(
        "/admin/review/decide/?month=2026-11", {"all": "yes", "confirmed": "yes", "mark": "1:109.00 USD / 0"}
    )

    assert "changed since you looked" in said(page)
    assert not CloseRun.objects.exists()
    decided(staff, all="yes")
    assert CloseRun.objects.get().tasks.count() == 1


def test_a_run_that_is_rung_twice_finalizes_once(month: Month, staff: Client) -> None:
    decided(staff, all="yes")

    run_the_outbox()
    run_the_outbox()

    assert progress.run_progress(CloseRun.objects.get(), at=NOW).invoices == 1


def test_without_a_choice_nothing_is_decided(month: Month, staff: Client) -> None:
    page = staff.post("/admin/review/decide/", {"invoice": "no id"}, follow=True)

    assert "Choose at least one draft" in said(page)
    assert not CloseRun.objects.exists()


def test_two_people_press_the_button_above_the_amount(month: Month, client: Client) -> None:
    """The first approves; the second approves and, with that, finalizes."""
    above("50")
    signed_in(client, "view_invoice", "approve_invoice", "finalize_invoice")

    first = client.post("/admin/review/decide/?month=2026-11", {"all": "yes"})
    assert "Approve <strong>1 draft</strong>" in said(first)
    decided(client, all="yes")
    assert not CloseRun.objects.exists()
    assert "There is nothing for you to decide" in said(
        client.post("/admin/review/decide/?month=2026-11", {"all": "yes"})
    )

    client.force_login(month.staff)
    second = client.post("/admin/review/decide/?month=2026-11", {"all": "yes"})
    assert "Finalize <strong>1 invoice</strong>" in said(second)
    assert "You approve 1 draft above the amount" in said(second)
    decided(client, all="yes")
    run_the_outbox()
    month.draft.refresh_from_db()
    assert month.draft.number
    assert Approval.objects.count() == 2


def test_a_draft_whose_total_moved_under_the_run_waits_for_approval(month: Month, staff: Client) -> None:
    """Both approved 110.00; before the worker comes to it, 2 more calls of November come in: 111.00."""
    above("50")
    for person in ("anna@seller.example", "ben@seller.example"):
        approve.approve(invoice_id=month.draft.pk, at=NOW, actor=person)
    decided(staff, all="yes")
    use(month.contract, "calls", "2", day=date(2026, 11, 20))

    run_the_outbox()

    month.draft.refresh_from_db()
    assert (month.draft.number, month.draft.total) == (None, Decimal(111))
    assert "2 approvals missing" in said(staff.get("/admin/review/"))
    assert not ParkedClose.objects.exists()


def test_staff_without_rights_see_the_page_and_no_button(month: Month, client: Client) -> None:
    signed_in(client, "view_invoice")

    page, draft = (said(client.get(path)) for path in ("/admin/review/", f"/admin/draft/{month.draft.pk}/"))

    assert "$110.00" in page
    assert "Finalize 1" not in page
    assert "the chosen ones" not in page
    assert 'type="checkbox" name="invoice"' not in page
    assert "Add a line" not in draft
    assert "Finalize &hellip;" not in draft
    assert client.post("/admin/review/decide/", {"all": "yes", "confirmed": "yes"}).status_code == 403
    assert client.post("/admin/review/resume/").status_code == 403
    assert client.post("/admin/review/start/").status_code == 403
    assert client.get(f"/admin/invoice/{month.draft.pk}/void/").status_code == 403
    for wanted in ("approve", "hold", "line", "discount", "refresh", "remove", "release"):
        assert client.post(f"/admin/draft/{month.draft.pk}/", {"do": wanted}).status_code == 403
    assert client.get("/admin/review/arriving/").status_code == 403
    assert client.get("/admin/review/quarantine/").status_code == 403
    month.draft.refresh_from_db()
    assert month.draft.status == Invoice.Status.DRAFT


def test_who_may_only_approve_finalizes_nothing(month: Month, client: Client) -> None:
    signed_in(client, "view_invoice", "approve_invoice")

    decided(client, all="yes")

    assert not CloseRun.objects.exists()


def test_a_draft_stands_beside_the_period_before(month: Month, staff: Client) -> None:
    page = said(staff.get(f"/admin/draft/{month.draft.pk}/"))

    assert "Beside Oct 1" in page
    assert "50% less used at the same price" in page
    assert "The same" in page
    assert "as of now, before credits and tax" in page


def test_a_finalized_invoice_is_no_draft_and_the_other_way_round(month: Month, staff: Client) -> None:
    there = staff.get(f"/admin/draft/{month.finalized.pk}/")
    back = staff.get(f"/admin/invoice/{month.draft.pk}/")

    assert there.headers["Location"] == f"/admin/invoice/{month.finalized.pk}/"
    assert back.headers["Location"] == f"/admin/draft/{month.draft.pk}/"
    assert staff.get("/admin/draft/00000000-0000-7000-8000-000000000000/").status_code == 404


def test_lines_and_discounts_are_added_and_removed_on_the_draft(month: Month, staff: Client) -> None:
    """110.00 + 50.00 = 160.00; 10% off: 144.00."""
    page = f"/admin/draft/{month.draft.pk}/"

    line = {"do": "line", "name": "Onboarding", "value": "50", "reason": "Agreed by mail"}
    assert "comes to $160.00" in said(staff.post(page, line, follow=True))
    discount = {"do": "discount", "by": "percent", "value": "10", "name": "", "reason": "Goodwill"}
    both = said(staff.post(page, discount, follow=True))
    assert "comes to $144.00" in both
    assert 'data-label="Amount">$50.00</td>' in both
    assert 'data-label="Amount">&minus;10%</td>' in both

    first = ManualLine.objects.earliest("added_at", "id")
    removed = staff.post(page, {"do": "remove", "line": str(first.pk)}, follow=True)
    assert "comes to $99.00" in said(removed)


@pytest.mark.parametrize(
    ("posted", "told"),
    [
        ({"do": "line", "value": "ten", "reason": "x", "name": "x"}, "Write amounts as 1234.56"),
        ({"do": "line", "value": "NaN", "reason": "x", "name": "x"}, "Write amounts as 1234.56"),
        ({"do": "line", "value": "1" * 30, "reason": "x", "name": "x"}, "Write amounts as 1234.56"),
        ({"do": "line", "value": "5", "reason": " ", "name": "x"}, "Say why you add the line"),
        ({"do": "discount", "by": "amount", "value": "110.01", "reason": "x"}, "issue a credit note"),
        ({"do": "discount", "by": "percent", "value": "101", "reason": "x"}, "comes to nothing"),
        ({"do": "remove", "line": "00000000-0000-7000-8000-000000000000"}, "not on the draft any more"),
        ({"do": "remove", "line": "x"}, "Nothing was changed"),
        ({"do": "hold", "reason": ""}, "Say why you hold the draft"),
        ({"do": "dance"}, "Nothing was changed"),
    ],
)
def test_what_is_refused_says_why_and_changes_nothing(
    posted: dict[str, str], told: str, month: Month, staff: Client
) -> None:
    page = staff.post(f"/admin/draft/{month.draft.pk}/", posted, follow=True)

    assert told in said(page)
    month.draft.refresh_from_db()
    assert (month.draft.total, ManualLine.objects.count(), DraftHold.objects.count()) == (Decimal(110), 0, 0)


def test_a_draft_is_held_and_released_on_its_page(month: Month, staff: Client) -> None:
    page = f"/admin/draft/{month.draft.pk}/"

    held = said(staff.post(page, {"do": "hold", "reason": "Seats are disputed"}, follow=True))
    assert "Seats are disputed" in held
    assert "Finalize &hellip;" not in held
    assert "1 held draft" not in said(staff.get("/admin/review/"))
    assert 'Held <span class="count">1</span>' in said(staff.get("/admin/review/"))

    assert "finalized by itself" in said(staff.post(page, {"do": "release"}, follow=True))


def test_a_parked_close_is_resumed(month: Month, staff: Client) -> None:
    ParkedClose.objects.create(
        contract=month.contract, period_start_on=date(2026, 12, 1), code="x", reason="No price",
        first_parked_at=NOW, parked_at=NOW,
    )  # fmt: skip
    assert "No price" in said(staff.get("/admin/review/"))

    resumed = staff.post(
        "/admin/review/resume/",
        {"parked": str(ParkedClose.objects.get().pk), "again": "?month=2026-11"},
        follow=True,
    )

    assert "goes on: 0 new drafts" in said(resumed)
    assert not ParkedClose.objects.exists()


def test_usage_that_still_arrives_and_what_waits_are_told_in_parts(month: Month, staff: Client) -> None:
    with time_machine.travel(datetime(2026, 11, 5, 12, 10, tzinfo=UTC), tick=False):
        assert "20 events" in said(staff.get("/admin/review/arriving/?month=2026-11"))
    assert "Nothing at all came in" in said(staff.get("/admin/review/arriving/?month=2026-11"))
    assert '2 <span class="unit">events</span>' in said(staff.get("/admin/review/quarantine/"))


def test_the_pages_of_a_thousand_drafts_take_as_many_queries_as_those_of_few(
    month: Month, staff: Client, django_assert_max_num_queries: object
) -> None:
    multiply(month.draft, 1000)

    with django_assert_max_num_queries(20):  # type: ignore[operator]
        page = staff.get("/admin/review/")
    with django_assert_max_num_queries(20):  # type: ignore[operator]
        staff.post("/admin/review/decide/?month=2026-11", {"all": "yes"})
    assert page.context["summary"].all[0].count == 1001
    assert len(page.context["rows"]) == 50


def test_a_draft_that_is_issued_again_stands_beside_what_it_replaces(month: Month, staff: Client) -> None:
    make_credit_note(month.finalized)
    again = reissue.reissue(invoice_id=month.finalized.pk, at=NOW, actor=ACTOR)

    page = said(staff.get(f"/admin/draft/{again.pk}/"))

    assert "Beside what it is issued again for" in page
    assert str(month.finalized.number) in page
