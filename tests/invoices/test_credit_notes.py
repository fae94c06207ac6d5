"""Credit notes: what they give back, of which lines, with which tax, and what becomes of it."""

from datetime import UTC, date, datetime
from decimal import Decimal

import psycopg
import pytest
from django.db import IntegrityError, connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from apps.core.ids import uuid7
from apps.core.models import AuditEntry, OutboxMessage
from apps.credits.grant import grant
from apps.credits.models import CreditGrant
from apps.invoices import crediting
from apps.invoices.credit_notes import Ask
from apps.invoices.crediting import Left
from apps.invoices.errors import (
    CreditedTooMuch,
    NotCreditable,
    NothingLeftToCredit,
    NotToCredit,
    ReasonMissing,
    RequestKeyUsed,
)
from apps.invoices.models import Invoice
from apps.payments import balances, credit
from apps.payments.models import Refund
from apps.payments.queries import open_amounts
from apps.plans.compose import NewPrice
from apps.plans.models import PlanVersion
from tests.builders import (
    ACTOR,
    AT,
    fee_charge,
    make_contract,
    make_credit_note,
    make_credit_unit,
    make_customer,
    make_meter,
    make_payment,
    make_plan_version,
    usage_charge,
)
from tests.invoices.months import drafted, invoiced, use
from tests.payments.books import assert_books_agree, on_account

IN_DECEMBER = datetime(2026, 12, 2, 9, tzinfo=UTC)
CENT = Decimal("0.01")


def billed(*, tax: int = 19, calls: int = 150) -> Invoice:
    """150 calls at 0.01 and a subscription of 499: 500.50, and 19% of it 95.10."""
    make_meter()
    version = make_plan_version([usage_charge(), fee_charge()])
    contract = make_contract(make_customer(tax_rate=Decimal(tax)), version)
    use(contract, "calls", str(calls))
    return invoiced(contract)


@pytest.mark.django_db
def test_a_full_credit_note_gives_all_of_it_back_and_settles_what_is_open() -> None:
    invoice = billed()

    note = make_credit_note(invoice, reason="Billed to the wrong customer")

    assert (note.number, note.subtotal, note.tax_amount, note.total) == (
        "CN-2026-000001",
        Decimal("-500.50"),
        Decimal("-95.10"),
        Decimal("-595.60"),
    )
    assert [(line.name, line.quantity, line.amount, line.tax_amount) for line in note.lines.all()] == [
        ("Calls", Decimal(-150), Decimal("-1.50"), Decimal("-0.29")),
        ("Subscription", Decimal(-1), Decimal("-499.00"), Decimal("-94.81")),
    ]
    assert [(row.rate, row.base, row.amount) for row in note.taxes.all()] == [
        (Decimal(19), Decimal("-500.50"), Decimal("-95.10"))
    ]
    assert open_amounts([invoice.pk])[invoice.pk] == 0
    assert note.snapshot["credited"] == {"number": "INV-2026-000001", "issued_on": "2026-11-02"}
    assert OutboxMessage.objects.filter(task="invoices.render_pdf", key=str(note.pk)).exists()
    assert AuditEntry.objects.get(action="invoices.credit").reason == "Billed to the wrong customer"
    assert on_account("revenue") == on_account("tax") == on_account("receivables") == 0
    assert_books_agree(invoice.customer)


@pytest.mark.django_db
def test_a_credit_note_has_the_parties_of_its_invoice_and_its_place_in_the_chain() -> None:
    invoice = billed()
    first = make_credit_note(invoice, amount="10")
    second = Invoice.objects.get(pk=make_credit_note(invoice, amount="10").pk)

    assert second.number == "CN-2026-000002"
    assert bytes(second.previous_hash or b"") == bytes(Invoice.objects.get(pk=first.pk).snapshot_hash or b"")
    assert second.snapshot["customer"] == invoice.snapshot["customer"]


@pytest.mark.django_db
def test_by_line_each_part_has_its_share_of_the_tax_and_the_last_takes_the_rest() -> None:
    """The subscription of 499.00 has 94.81 of tax: 100.00 of it 19.00, half up from 19.0000; the other 399.00 the rest, 75.81."""
    invoice = billed()
    fee = invoice.lines.get(name="Subscription")

    first = make_credit_note(invoice, lines={fee.pk: Decimal(100)})
    second = make_credit_note(invoice, lines={fee.pk: Decimal(399)})

    assert (first.subtotal, first.tax_amount) == (Decimal(-100), Decimal("-19.00"))
    assert (second.subtotal, second.tax_amount) == (Decimal(-399), Decimal("-75.81"))
    assert open_amounts([invoice.pk])[invoice.pk] == Decimal("1.79")
    assert_books_agree(invoice.customer)


@pytest.mark.django_db
def test_by_amount_it_is_spread_over_the_lines_with_its_tax() -> None:
    """Of 595.60 with 95.10 tax, 119.00: tax 19.0009, so 19.00; of the net 100.00 the calls have 1.50/500.50, 0.30, the fee 99.70."""
    invoice = billed()

    note = make_credit_note(invoice, amount="119")

    assert (note.subtotal, note.tax_amount, note.total) == (Decimal(-100), Decimal(-19), Decimal(-119))
    assert [line.amount for line in note.lines.all()] == [Decimal("-0.30"), Decimal("-99.70")]
    assert_books_agree(invoice.customer)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("remainder", "balance", "refund"), [("refund", 0, 1), ("balance", 1, 0), ("next_invoice", 1, 0)]
)
def test_what_the_invoice_does_not_take_up_is_the_remainder(
    remainder: str, balance: int, refund: int
) -> None:
    """Of 595.60, 500.00 is paid: a credit note of 595.60 pays 95.60, and 500.00 remain."""
    invoice = billed()
    make_payment(invoice.customer, "500")

    note = make_credit_note(invoice, remainder=remainder)

    assert open_amounts([invoice.pk])[invoice.pk] == 0
    assert sum(one.amount for one in balances.balances(invoice.customer_id).values()) == 500 * balance
    assert list(Refund.objects.values_list("amount", flat=True)) == [Decimal(500)] * refund
    assert balances.left_of(note) == 500 * balance
    assert_books_agree(invoice.customer)


@pytest.mark.django_db
def test_credit_notes_that_end_a_year_late_begin_a_series_of_their_own_year() -> None:
    invoice = billed()

    note = make_credit_note(invoice, amount="1", at=datetime(2027, 1, 5, tzinfo=UTC))

    assert note.number == "CN-2027-000001"
    assert note.issued_on == note.due_on == date(2027, 1, 5)


@pytest.mark.django_db
def test_asked_again_under_the_same_key_the_same_credit_note_comes_back() -> None:
    invoice = billed()

    first = make_credit_note(invoice, amount="10", key="k-1")
    again = make_credit_note(invoice, amount="10", key="k-1")

    assert again.pk == first.pk
    assert invoice.credit_notes.count() == 1
    with pytest.raises(RequestKeyUsed, match="CN-2026-000001"):
        make_credit_note(invoice, amount="11", key="k-1")


@pytest.mark.django_db
def test_what_cannot_be_credited_is_refused_and_nothing_is_written() -> None:
    invoice = billed()
    fee = invoice.lines.get(name="Subscription")
    draft = drafted(invoice.contract, at=IN_DECEMBER)
    make_credit_note(invoice, lines={fee.pk: Decimal(400)})

    with pytest.raises(CreditedTooMuch, match=r"\$99\.01 .* \$99\.00 is left"):
        make_credit_note(invoice, lines={fee.pk: Decimal("99.01")})
    with pytest.raises(CreditedTooMuch, match=r"\$119\.61 .* \$119\.60 is left"):
        make_credit_note(invoice, amount="119.61")
    with pytest.raises(NotToCredit):
        make_credit_note(invoice, amount="0.001")
    with pytest.raises(NotToCredit):
        make_credit_note(invoice, lines={uuid7(): Decimal(1)})
    with pytest.raises(NotCreditable, match="only a finalized invoice"):
        make_credit_note(draft)
    with pytest.raises(ReasonMissing):
        make_credit_note(invoice, reason=" ")
    assert invoice.credit_notes.count() == 1

    note = make_credit_note(invoice)
    with pytest.raises(NothingLeftToCredit):
        make_credit_note(invoice)
    with pytest.raises(NotCreditable):
        make_credit_note(note)
    assert_books_agree(invoice.customer)


@pytest.mark.django_db
def test_a_preview_says_what_would_be_given_back_and_writes_nothing() -> None:
    invoice = billed()
    make_payment(invoice.customer, "500")

    shown = credit.preview(
        invoice_id=invoice.pk, ask=Ask(amount=Decimal(119)), because=Invoice.Because.CORRECTION
    )

    assert [shown.plan.subtotal, shown.plan.tax, shown.plan.total] == [
        Decimal(100),
        Decimal(19),
        Decimal(119),
    ]
    assert (shown.pays.amount, shown.rest.amount) == (Decimal("95.60"), Decimal("23.40"))
    assert not invoice.credit_notes.exists()


@pytest.mark.django_db
def test_a_full_credit_note_gives_back_exactly_the_credits_that_were_drawn() -> None:
    """100 calls of 0.5 credits draw 50 of 80; a full credit note gives 50 back, and part of one none."""
    customer = make_customer()
    unit = make_credit_unit()
    make_meter()
    contract = make_contract(customer, _in_credits(), starts_on=date(2026, 10, 1))
    grant(
        key="welcome",
        name="Welcome",
        customer_id=customer.pk,
        amount=Decimal(80),
        effective_on=date(2026, 10, 1),
        credit_unit_id=unit.pk,
        cost=Decimal(8),
        cost_currency="USD",
        at=AT,
        actor=ACTOR,
    )
    use(contract, "calls", "100")
    invoice = invoiced(contract)
    assert CreditGrant.objects.get().left == 30

    make_credit_note(invoice, amount="99")
    assert CreditGrant.objects.count() == 1

    make_credit_note(invoice)
    again = CreditGrant.objects.exclude(key="welcome").get()
    assert again.name == "Welcome"
    assert [again.amount, again.left, again.cost] == [Decimal(50), Decimal(50), Decimal(5)]
    assert again.effective_on == date(2026, 10, 1)
    assert_books_agree(customer)


def _in_credits() -> PlanVersion:
    half = NewPrice(model="per_unit", unit_amount=Decimal("0.5"))
    return make_plan_version([usage_charge(credit_unit="credits", prices=[half]), fee_charge("100")])


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ("total = total - 600, subtotal = subtotal - 600", "an_invoice_is_not_credited_beyond_its_total"),
        (
            "customer_id = (SELECT id FROM customers_customer WHERE key = 'other')",
            "a_credit_note_is_of_a_finalized_invoice",
        ),
        ("currency = 'EUR'", "a_credit_note_is_of_a_finalized_invoice"),
        ("credits_id = id", "a_credit_note_is_of_a_finalized_invoice"),
        ("because = ''", "credit_note_names_what_it_credits_and_why"),
        ("reason = ''", "credit_note_names_what_it_credits_and_why"),
    ],
)
@pytest.mark.usefixtures("owner")
def test_the_database_refuses_a_credit_note_beyond_its_invoice(change: str, rule: str) -> None:
    """A credit note is written past the action, as a copy of a real one that is changed on the way in."""
    make_customer("other")
    note = make_credit_note(billed(), amount="1")

    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        _write_again(note, change)

    assert isinstance(refused.value.__cause__, psycopg.Error)
    assert refused.value.__cause__.diag.constraint_name == rule


def _write_again(note: Invoice, change: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMPORARY TABLE copied AS SELECT * FROM invoices_invoice WHERE id = %s", [note.pk]
        )
        cursor.execute(
            "UPDATE copied SET id = gen_random_uuid(), number = 'CN-X', subtotal = 0, tax_amount = 0, total = 0"
        )
        cursor.execute(f"UPDATE copied SET {change}")
        cursor.execute("INSERT INTO invoices_invoice SELECT * FROM copied")


CENTS = st.integers(1, 200_000).map(lambda cents: Decimal(cents) / 100)


@st.composite
def of_invoices(draw: st.DrawFn) -> list[Left]:
    """Lines taxed at one rate as an invoice taxes them: the tax of all up to a line, less that of all before it."""
    amounts = draw(st.lists(CENTS, min_size=1, max_size=5))
    discount = draw(st.booleans())
    if discount:
        amounts.append(-(sum(amounts, Decimal(0)) / 10).quantize(CENT))
    rate = Decimal(draw(st.integers(0, 27)))
    lines, so_far, taxed = [], Decimal(0), Decimal(0)
    for amount in amounts:
        so_far += amount
        of_all = (so_far * rate / 100).quantize(CENT, "ROUND_HALF_UP")
        lines.append(Left(uuid7(), amount, of_all - taxed, amount, of_all - taxed))
        taxed = of_all
    return lines


def after(lines: list[Left], parts: list[crediting.Part]) -> list[Left]:
    given = {part.line_id: part for part in parts}
    return [
        Left(
            one.line_id,
            one.amount,
            one.tax,
            one.amount_left - (given[one.line_id].amount if one.line_id in given else 0),
            one.tax_left - (given[one.line_id].tax if one.line_id in given else 0),
        )
        for one in lines
    ]


@given(lines=of_invoices(), cuts=st.lists(st.integers(1, 99), max_size=6))
def test_an_amount_in_any_parts_comes_to_the_same_tax_as_in_one(lines: list[Left], cuts: list[int]) -> None:
    total = crediting.total_left(lines, tax_included=False)
    left = lines
    for cut in cuts:
        part = (crediting.total_left(left, tax_included=False) * cut / 100).quantize(CENT)
        if not part:
            continue
        before = crediting.total_left(left, tax_included=False)
        left = after(left, crediting.by_amount(left, part, "USD", tax_included=False))
        assert crediting.total_left(left, tax_included=False) == before - part
    given_back = total - crediting.total_left(left, tax_included=False)
    taxed = sum(one.tax - one.tax_left for one in left)

    if given_back:
        at_once = crediting.by_amount(lines, given_back, "USD", tax_included=False)
        assert sum(part.tax for part in at_once) == taxed
    rest = crediting.whole(left)
    assert all(one.amount_left == one.tax_left == 0 for one in after(left, rest))


@given(lines=of_invoices(), data=st.data())
def test_by_line_no_part_gives_more_back_than_is_left(lines: list[Left], data: st.DataObject) -> None:
    left = lines
    for _ in range(4):
        one = data.draw(st.sampled_from(left))
        if one.amount_left <= 0:
            continue
        amount = data.draw(st.integers(1, int(one.amount_left * 100)).map(lambda cents: Decimal(cents) / 100))
        left = after(left, crediting.by_line(left, {one.line_id: amount}, "USD"))
        assert all(0 <= line.amount_left <= line.amount for line in left if line.amount > 0)
        assert all(0 <= line.tax_left <= line.tax for line in left if line.amount > 0)
