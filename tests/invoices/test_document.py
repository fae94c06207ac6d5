"""What a document says of its kind: titles, taxes, credit notes, added lines and days of usage."""

from datetime import date
from decimal import Decimal

import pytest

from apps.customers.models import Customer
from apps.invoices.document import document_of
from apps.invoices.models import Invoice, InvoiceLine, InvoiceTax
from tests.builders import make_contract, make_customer, make_legal_entity, make_meter, make_plan_version
from tests.builders import usage_charge as charge
from tests.invoices.months import drafted, invoiced, use

pytestmark = pytest.mark.django_db

Kind = Invoice.Kind


@pytest.mark.parametrize("language", Customer.Language.values)
def test_each_kind_has_a_title_of_its_own(language: str) -> None:
    invoice = invoiced(make_contract())

    titles = set()
    for kind in Kind:
        invoice.kind, invoice.remainder = kind, Invoice.Remainder.REFUND
        titles.add(document_of(invoice, [], language=language).title)

    assert len(titles) == len(Kind)


def test_a_draft_is_titled_a_draft_or_a_pro_forma_invoice() -> None:
    draft = drafted(make_contract())

    assert document_of(draft, []).title == "Draft invoice"
    as_pro_forma = document_of(draft, [], is_pro_forma=True)
    assert as_pro_forma.title == "Pro forma invoice"
    assert "no tax document" in as_pro_forma.note
    assert as_pro_forma.terms == ""


def test_a_credit_note_says_above_zero_what_it_gives_back_and_of_which_invoice() -> None:
    """150 calls at 0.01 are 1.50, less a discount of 0.30 that was on them: 1.20 comes back."""
    contract = make_contract()
    use(contract, "calls", "150")
    invoice = invoiced(contract)
    (line,) = invoice.lines.all()
    off = InvoiceLine(
        name="Discount", kind="discount", key="d", quantity=Decimal(1), amount=Decimal("0.30"), steps=[]
    )
    line.quantity, line.amount = -line.quantity, -line.amount
    note = Invoice.objects.get(pk=invoice.pk)
    note.kind, note.credits, note.number = Kind.CREDIT_NOTE, invoice, "CN-2026-000001"
    note.subtotal = note.total = Decimal("-1.20")
    note.reason, note.remainder = "Outage on 5 October", Invoice.Remainder.BALANCE

    document = document_of(note, [line, off])

    amounts = [(row.quantity, row.amount) for group in document.groups for row in group.rows]
    assert sorted(amounts) == [("", "\N{MINUS SIGN}0.30"), ("150", "1.50")]
    assert document.total == "1.20\N{NO-BREAK SPACE}USD"
    assert document.headline == document.total
    facts = dict(document.facts)
    assert facts["Credit note number"] == "CN-2026-000001"
    assert facts["Corrects invoice"] == "INV-2026-000001"
    assert facts["Reason"] == "Outage on 5 October"
    assert "Due" not in facts
    assert document.terms.endswith("stays as your balance and pays later invoices.")


def test_taxes_are_told_by_rate_with_the_words_of_the_law() -> None:
    make_legal_entity(country="DE")
    draft = drafted(make_contract(make_customer(country="FR", language="fr")))
    for position, (category, rate, base, amount, reason) in enumerate(
        [
            ("S", "20", "100", "20", ""),
            ("AE", "0", "50", "0", "Reverse charge"),
            ("E", "0", "9", "0", "Art. 261"),
        ]
    ):
        InvoiceTax.objects.create(
            invoice=draft,
            position=position,
            category=category,
            rate=Decimal(rate),
            name="TVA",
            base=Decimal(base),
            amount=Decimal(amount),
            reason=reason,
        )

    taxes = document_of(draft, []).taxes

    assert [row.label.replace("\N{NO-BREAK SPACE}", " ") for row in taxes] == [
        "TVA 20 % sur 100,00 USD",
        "TVA 0 % sur 50,00 USD",
        "TVA 0 % sur 9,00 USD",
    ]
    assert [row.reason for row in taxes] == [
        "",
        "Autoliquidation : la TVA est due par le preneur. Reverse charge",
        "Art. 261",
    ]


def test_tax_that_prices_include_is_named_as_a_part_of_them() -> None:
    draft = drafted(make_contract(make_customer(tax_rate=Decimal(19))))
    draft.tax_included = True

    (tax,) = document_of(draft, []).taxes

    assert tax.label.startswith("of which Tax 19% on")


def test_a_line_that_staff_added_gives_their_reason() -> None:
    draft = drafted(make_contract())
    added = InvoiceLine(
        name="Migration help",
        kind=InvoiceLine.Kind.MANUAL,
        quantity=Decimal(2),
        unit="hours",
        amount=Decimal(300),
        steps=[{"by_hand": "As agreed by mail with {nobody}"}],
    )

    ((row,),) = [group.rows for group in document_of(draft, [added]).groups]

    assert (row.quantity, row.unit, row.unit_price) == ("2", "hours", "")
    assert row.reasons == ("As agreed by mail with {nobody}",)


def test_a_discount_that_two_taxes_share_is_told_by_rate_with_its_reason_once() -> None:
    """10.00 off 60.00 at 19% and 30.00 at 7%; another discount is of one tax alone."""
    draft = drafted(make_contract())
    shared = {"kind": InvoiceLine.Kind.DISCOUNT, "name": "Loyalty", "tax_category": "S"}
    why = [{"by_hand": "Ten years with us"}]
    lines = [
        InvoiceLine(**shared, position=1, tax_rate=Decimal(19), amount=Decimal("-6.67"), steps=why),
        InvoiceLine(**shared, position=2, tax_rate=Decimal(7), amount=Decimal("-3.33"), steps=why),
        InvoiceLine(kind=InvoiceLine.Kind.DISCOUNT, name="Fair", position=3, amount=Decimal(-1), steps=why),
    ]

    ((first, second, other),) = [group.rows for group in document_of(draft, lines).groups]

    assert (first.name, first.detail, first.reasons) == ("Loyalty", "19%", ("Ten years with us",))
    assert (second.name, second.detail, second.reasons) == ("Loyalty", "7%", ())
    assert (other.detail, other.reasons) == ("", ("Ten years with us",))


def test_days_with_usage_are_listed_with_their_sum() -> None:
    make_meter()
    make_meter("tokens", aggregation="sum", name="Tokens", unit="tokens", event_type="llm")
    contract = make_contract(
        None, make_plan_version([charge(), charge("tokens", name="Tokens", unit_amount="0.000001")])
    )
    use(contract, "calls", "3", day=date(2026, 10, 5))
    use(contract, "calls", "4", day=date(2026, 10, 20))
    use(contract, "tokens", "1234567.5", day=date(2026, 10, 20))

    invoice = invoiced(contract)

    (table,) = document_of(invoice, []).usage
    assert [meter.name for meter in table.meters] == ["Calls", "Tokens"]
    assert table.days == (("5 Oct", ("3", "0")), ("20 Oct", ("4", "1,234,567.5")))
    assert [meter.total for meter in table.meters] == ["7", "1,234,567.5"]


def test_days_that_are_not_added_up_have_no_sum() -> None:
    """The most of 3 and of 2 gigabytes is 3, and not 5."""
    make_meter("storage", aggregation="max", unit="GB", event_type="disk")
    contract = make_contract(None, make_plan_version([charge("storage")]))
    use(contract, "storage", "3", day=date(2026, 10, 5))
    use(contract, "storage", "2", day=date(2026, 10, 6))

    (table,) = document_of(invoiced(contract), []).usage

    assert [quantities for _, quantities in table.days] == [("3",), ("2",)]
    assert [meter.total for meter in table.meters] == ["\N{EN DASH}"]
    assert not table.is_added


def test_an_invoice_of_fees_alone_has_no_table_of_days() -> None:
    assert document_of(invoiced(make_contract()), []).usage == ()


def test_a_japanese_seller_names_its_number_as_a_qualified_issuer() -> None:
    make_legal_entity(country="JP", tax_number="T1234567890123")
    customer = make_customer(name="株式会社アクメ", country="JP", language="ja")

    document = document_of(drafted(make_contract(customer)), [])

    assert document.seller.tax_label == "登録番号（適格請求書発行事業者）"  # noqa: RUF001
    assert document.customer.name == "株式会社アクメ 御中"
