"""Stripe Tax, against a stand-in on the loopback address: asked outside of transactions, once, and told what was sold."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import override_settings

from apps.contracts.models import Contract
from apps.core.models import OutboxMessage
from apps.customers import taxation
from apps.customers.models import Customer
from apps.invoices import (
    close,
    draft,
    finalize,
    manual_lines,
    one_off,
    preview,
    purchase,
    reissue,
    run,
    stripe_tax,
    tax_sales,
)
from apps.invoices.credit_notes import Ask, Terms
from apps.invoices.errors import TaxProviderFailed
from apps.invoices.models import (
    Invoice,
    ManualLine,
    ParkedClose,
    TaxCalculation,
    TaxTransaction,
)
from apps.payments.credit import credit
from apps.plans import catalogue
from tests.builders import (
    ACTOR,
    AT,
    fee_charge,
    make_contract,
    make_credit_note,
    make_customer,
    make_legal_entity,
    make_plan_version,
)
from tests.invoices.months import IN_NOVEMBER, drafted, invoiced
from tests.invoices.stripe_stand_in import Asked, stand_in

pytestmark = pytest.mark.django_db
NEW_YORK = {"country": "US", "region": "New York", "city": "New York", "postal_code": "10001"}


@pytest.fixture
def asked() -> Iterator[Asked]:
    with stand_in() as (url, found), override_settings(STRIPE_KEY="sk_test_x", STRIPE_URL=url):
        stripe_tax._client.cache_clear()
        yield found
        stripe_tax._client.cache_clear()


def contract_of(fee: str = "100", **customer: Any) -> Contract:
    make_legal_entity(tax_provider="stripe", country="US", region="NY")
    return make_contract(make_customer(**customer), make_plan_version([fee_charge(fee)]))


def test_two_taxes_of_a_place_are_one_row_of_both(asked: Asked) -> None:
    """4% and 4.875% of 100.00: 4.00 and 4.88 (4.875, half up)."""
    invoice = invoiced(contract_of(**NEW_YORK))

    (row,) = invoice.taxes.all()
    assert (row.category, row.rate, row.name, row.place) == ("S", Decimal("8.875"), "Sales tax", "US-NY")
    assert (row.base, row.amount, invoice.total) == (
        Decimal("100.00"),
        Decimal("8.88"),
        Decimal("108.88"),
    )
    assert [line.tax_amount for line in invoice.lines.all()] == [Decimal("8.88")]


def test_it_is_asked_once_for_a_draft_and_its_invoice(asked: Asked) -> None:
    contract = contract_of(**NEW_YORK)
    made = drafted(contract)
    draft.refresh(invoice_id=made.pk, at=IN_NOVEMBER, actor=ACTOR)
    finalize.finalize(invoice_id=made.pk, at=IN_NOVEMBER, actor=ACTOR)

    (body,) = asked.of("/calculations")
    assert len([path for path, _, _ in asked.calls if path.endswith("/calculations")]) == 1
    assert body["line_items"] == {
        "0": {"amount": "10000", "reference": "standard", "tax_behavior": "exclusive"}
    }
    assert body["customer_details"]["address"] == {
        "country": "US",
        "state": "NY",
        "city": "New York",
        "postal_code": "10001",
    }
    assert datetime.fromtimestamp(int(body["tax_date"]), UTC).date().isoformat() == "2026-10-31"


def test_a_close_run_asks_it_and_parks_nobody(asked: Asked) -> None:
    version = contract_of(**NEW_YORK).plan_version
    for nth in range(3):
        make_contract(make_customer(f"more-{nth}", **{**NEW_YORK, "postal_code": f"1000{nth + 2}"}), version)

    drafts = run.start_drafts(at=IN_NOVEMBER, actor=ACTOR)
    assert drafts
    while run.advance(run_id=drafts.pk, at=IN_NOVEMBER):
        pass
    assert not ParkedClose.objects.exists()
    # A line that an import wrote: what is sold has changed, and the service is asked again.
    moved = Invoice.objects.earliest("pk")
    ManualLine.objects.create(
        invoice=moved, name="Setup", amount=Decimal(5), reason="Agreed", added_by=ACTOR, added_at=IN_NOVEMBER
    )
    chosen = list(Invoice.objects.values_list("pk", flat=True))
    finals = run.start_finalize(at=IN_NOVEMBER, actor=ACTOR, invoice_ids=chosen)
    assert finals
    while run.advance(run_id=finals.pk, at=IN_NOVEMBER):
        pass

    assert Invoice.objects.exclude(number=None).count() == 4
    assert not ParkedClose.objects.exists()
    assert len(asked.of("/calculations")) == 5


def test_lines_added_by_hand_and_issuing_again_ask_it(asked: Asked) -> None:
    """100.00 and 20.00 at 8.875%: 10.65 (of 120.00). Once the fee alone is there again: 8.88."""
    made = drafted(contract_of(**NEW_YORK))
    line = manual_lines.add(
        invoice_id=made.pk,
        new=manual_lines.NewLine("Setup", "Agreed", Decimal(20)),
        at=IN_NOVEMBER,
        actor=ACTOR,
    )
    made.refresh_from_db()
    assert made.total == Decimal("130.65")
    assert manual_lines.remove(
        invoice_id=made.pk, line_id=line.pk, at=IN_NOVEMBER, actor=ACTOR
    ).total == Decimal("108.88")
    finalized = finalize.finalize(invoice_id=made.pk, at=IN_NOVEMBER, actor=ACTOR)
    terms = Terms(Invoice.Because.CORRECTION, Invoice.Remainder.BALANCE, "Wrong address")
    credit(invoice_id=finalized.pk, ask=Ask(), terms=terms, at=IN_NOVEMBER, actor=ACTOR)
    Customer.objects.update(postal_code="10002")

    again = reissue.reissue(invoice_id=finalized.pk, at=IN_NOVEMBER, actor=ACTOR)

    assert again.total == Decimal("108.88")


def test_the_invoice_so_far_asks_it(asked: Asked) -> None:
    shown = preview.preview(contract_of(**NEW_YORK), at=IN_NOVEMBER)

    assert shown.invoice.total == Decimal("108.88")


def test_an_invoice_is_foreseen_with_its_tax_and_drafted_by_the_same_answer(asked: Asked) -> None:
    """20.00 and 80.00 at 8.875%: 21.78 (1.775, half up) and 87.10."""
    contract = contract_of(**NEW_YORK)
    lines, bought = (
        [one_off.NewLine("Setup", Decimal(20))],
        purchase.NewPurchase("Prepaid", Decimal(1000), Decimal(80)),
    )

    setup = one_off.foresee_one_off(contract=contract, lines=lines, reason="", at=IN_NOVEMBER)
    sold = purchase.foresee_purchase(contract=contract, bought=bought, at=IN_NOVEMBER)
    drafted = one_off.draft_one_off(
        contract_id=contract.pk, lines=lines, reason="Agreed", at=IN_NOVEMBER, actor=ACTOR
    )

    assert (setup.invoice.total, sold.invoice.total) == (Decimal("21.78"), Decimal("87.10"))
    assert drafted.total == setup.invoice.total
    assert len(asked.of("/calculations")) == 2


def test_no_transaction_waits_for_it(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    open_blocks = []
    calculate = stripe_tax.StripeTax.calculate

    def watched(self: stripe_tax.StripeTax, request: Any) -> Any:
        blocks = connection.atomic_blocks
        open_blocks.append([one for one in blocks if not getattr(one, "_from_testcase", False)])
        return calculate(self, request)

    monkeypatch.setattr(stripe_tax.StripeTax, "calculate", watched)
    drafted(contract_of(**NEW_YORK))

    assert open_blocks == [[]]


def test_a_business_of_the_eu_and_a_certificate_and_a_state_without_nexus_have_none(asked: Asked) -> None:
    contract = contract_of(country="FR", tax_number="FR40303265045", language="fr")
    charged = invoiced(contract)
    texan = make_contract(
        make_customer("texan", country="US", region="TX"), make_plan_version([fee_charge("100")])
    )
    exempt = make_customer("school", **NEW_YORK)
    taxation.save_exemption(
        fields={
            "customer": exempt,
            "country": "US",
            "certificate": "X-1",
            "reason": "School",
            "starts_on": AT.date(),
        },
        at=AT,
        actor=ACTOR,
    )
    school = make_contract(exempt, make_plan_version([fee_charge("100")]))

    rows = [one.taxes.get() for one in (charged, invoiced(texan), invoiced(school))]

    assert [(row.category, row.amount, row.place) for row in rows] == [
        ("AE", Decimal(0), "FR"),
        ("O", Decimal(0), "US"),
        ("E", Decimal(0), "US"),
    ]
    assert (rows[0].reason, rows[0].reason_code) == (
        "Autoliquidation : la TVA est due par le preneur",
        "VATEX-EU-AE",
    )


def test_what_it_refuses_parks_the_close_and_nothing_is_lost(asked: Asked) -> None:
    contract = contract_of(**NEW_YORK)
    asked.is_down = True

    parked = close.close_contract(contract_id=contract.pk, at=IN_NOVEMBER, actor=ACTOR).parked

    assert parked
    assert (parked.code, "No tax today" in parked.reason) == ("tax-provider-failed", True)
    assert not Invoice.objects.exists()
    asked.is_down = False
    assert invoiced(contract).total == Decimal("108.88")
    assert not ParkedClose.objects.exists()


def test_without_a_key_the_way_out_is_told() -> None:
    stripe_tax._client.cache_clear()

    parked = close.close_contract(contract_id=contract_of(**NEW_YORK).pk, at=IN_NOVEMBER, actor=ACTOR).parked

    assert parked
    assert "METERBOOK_STRIPE_KEY" in parked.reason


def test_the_invoice_is_reported_once_under_its_number(asked: Asked) -> None:
    invoice = invoiced(contract_of(**NEW_YORK))
    message = OutboxMessage.objects.get(task="invoices.report_tax")

    first = tax_sales.report(invoice_id=invoice.pk, at=IN_NOVEMBER)
    again = tax_sales.report(invoice_id=invoice.pk, at=IN_NOVEMBER)

    assert message.arguments == {"invoice_id": str(invoice.pk)}
    assert asked.of("/create_from_calculation") == [
        {"calculation": TaxCalculation.objects.get().calculation, "reference": "INV-2026-000001"}
    ]
    assert first.transaction == again.transaction != ""


def test_sales_that_are_alike_are_each_reported_by_an_answer_of_their_own(asked: Asked) -> None:
    """Two customers of one address buy the same, one of them twice on one day; what was credited is issued again unchanged."""
    contract = contract_of(**NEW_YORK)
    first = invoiced(contract)
    other = invoiced(make_contract(make_customer("twin", **NEW_YORK), contract.plan_version))
    work = one_off.NewLine("Setup", Decimal(20))
    twice = [
        finalize.finalize(
            invoice_id=one_off.draft_one_off(
                contract_id=contract.pk, lines=[work], reason="Agreed", at=IN_NOVEMBER, actor=ACTOR
            ).pk,
            at=IN_NOVEMBER,
            actor=ACTOR,
        )
        for _ in range(2)
    ]
    terms = Terms(Invoice.Because.CORRECTION, Invoice.Remainder.BALANCE, "Wrong name")
    credit(invoice_id=first.pk, ask=Ask(), terms=terms, at=IN_NOVEMBER, actor=ACTOR)
    written = reissue.reissue(invoice_id=first.pk, at=IN_NOVEMBER, actor=ACTOR)
    again = finalize.finalize(invoice_id=written.pk, at=IN_NOVEMBER, actor=ACTOR)

    for sale in (first, other, *twice, again):
        tax_sales.report(invoice_id=sale.pk, at=IN_NOVEMBER)

    reported = [sale["calculation"] for sale in asked.of("/create_from_calculation")]
    assert len(set(reported)) == len(reported) == 5


def test_a_report_that_failed_is_left_for_later(asked: Asked) -> None:
    invoice = invoiced(contract_of(**NEW_YORK))
    asked.is_down = True

    with pytest.raises(TaxProviderFailed):
        tax_sales.report(invoice_id=invoice.pk, at=IN_NOVEMBER)

    hour_later = IN_NOVEMBER.replace(hour=10)
    assert TaxTransaction.objects.get().reported_at is None
    assert (tax_sales.left(at=IN_NOVEMBER), tax_sales.left(at=hour_later)) == ([], [invoice.pk])


def test_an_answer_that_ran_out_is_asked_for_again_before_the_report(asked: Asked) -> None:
    invoice = invoiced(contract_of(**NEW_YORK))

    tax_sales.report(invoice_id=invoice.pk, at=datetime(2028, 6, 1, tzinfo=UTC))

    assert len(asked.of("/calculations")) == 2
    (reported,) = asked.of("/create_from_calculation")
    assert reported["calculation"] != TaxCalculation.objects.get().calculation


def test_what_gives_nothing_asks_nothing(asked: Asked) -> None:
    invoice = invoiced(contract_of("0", **NEW_YORK))

    assert (asked.calls, invoice.total, TaxTransaction.objects.count()) == ([], Decimal(0), 0)


def test_an_answer_never_changes(asked: Asked, owner: None) -> None:
    drafted(contract_of(**NEW_YORK))

    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        TaxCalculation.objects.update(answer=[])


def test_classes_are_asked_for_apart_and_a_discount_is_spread_over_them(asked: Asked) -> None:
    """60.00 standard and 30.01 zero-rated, 10.00 off (6.67 and 3.33): 53.33 and 26.68; 4% and 4.875% of 53.33 are 2.13 and 2.60."""
    catalogue.put_product(key="book", name="Book", tax_class="zero", at=AT, actor=ACTOR)
    contract = contract_of("60", **NEW_YORK)
    made = drafted(contract)
    for name, amount in (("Book", "30.01"), ("", "-10")):
        ManualLine.objects.create(
            invoice=made,
            name="By hand",
            product_name=name,
            amount=Decimal(amount),
            reason="Agreed",
            added_by=ACTOR,
            added_at=AT,
        )

    invoice = finalize.finalize(invoice_id=made.pk, at=IN_NOVEMBER, actor=ACTOR)
    tax_sales.report(invoice_id=invoice.pk, at=IN_NOVEMBER)

    _, body = asked.of("/calculations")
    sold = {one["reference"]: one["amount"] for one in body["line_items"].values()}
    assert sold == {"standard": "5333", "zero": "2668"}
    assert body["line_items"]["1"]["tax_code"] == "txcd_00000000"
    assert [line.amount for line in invoice.lines.all()] == [
        Decimal(60),
        Decimal("30.01"),
        Decimal("-6.67"),
        Decimal("-3.33"),
    ]
    assert invoice.tax_amount == Decimal("4.73")
    assert len(asked.of("/create_from_calculation")) == 1


def test_a_credit_note_is_reported_as_given_back(asked: Asked) -> None:
    """Half of 108.88, by the action that staff take."""
    invoice = invoiced(contract_of(**NEW_YORK))
    note = make_credit_note(invoice, amount="54.44")

    assert OutboxMessage.objects.filter(task="invoices.report_tax", key=str(note.pk)).exists()
    with pytest.raises(TaxProviderFailed, match="before its credit note"):
        tax_sales.report(invoice_id=note.pk, at=IN_NOVEMBER)
    sale = tax_sales.report(invoice_id=invoice.pk, at=IN_NOVEMBER)
    tax_sales.report(invoice_id=note.pk, at=IN_NOVEMBER)

    assert asked.of("/create_reversal") == [
        {
            "mode": "partial",
            "original_transaction": sale.transaction,
            "reference": "CN-2026-000001",
            "flat_amount": "-5444",
        }
    ]


def test_a_credit_note_of_what_no_service_was_asked_is_reported_to_none() -> None:
    make_credit_note(invoiced(make_contract(make_customer(), make_plan_version([fee_charge("100")]))))

    assert not TaxTransaction.objects.exists()


def test_currencies_that_the_service_counts_in_hundredths_are_so_in_all_that_it_is_told(asked: Asked) -> None:
    """ISK 1000 has no decimals; Stripe wants 100000 of the sale and -50000 of the half that is given back."""
    make_legal_entity(tax_provider="stripe", country="US", region="NY")
    plan = make_plan_version([fee_charge("1000")], currency="ISK")
    invoice = invoiced(make_contract(make_customer(country="US", region="TX"), plan))
    note = make_credit_note(invoice, amount="500")
    for document in (invoice, note):
        tax_sales.report(invoice_id=document.pk, at=IN_NOVEMBER)

    assert asked.of("/calculations")[0]["line_items"]["0"]["amount"] == "100000"
    assert asked.of("/create_reversal")[0]["flat_amount"] == "-50000"
