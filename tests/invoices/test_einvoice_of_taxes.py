"""What the rules of tax decide is valid as an electronic invoice, by the official rules, from the seller to the XML."""

from datetime import date
from decimal import Decimal
from xml.etree import ElementTree as ET

import pytest

from apps.customers import taxation
from apps.invoices import publish, taxes
from apps.invoices.credit_note_rows import taxes_of
from apps.invoices.document import document_of
from apps.invoices.einvoice.errors import EInvoiceIncomplete
from apps.invoices.einvoice.terms import terms_of
from apps.invoices.einvoice.write import cii, ubl
from apps.invoices.models import Invoice, InvoiceLine, InvoiceTax
from apps.invoices.tax_rules import rules_for
from tests.builders import (
    fee_charge,
    make_contract,
    make_credit_note,
    make_customer,
    make_legal_entity,
    make_plan_version,
)
from tests.invoices.months import ACTOR, IN_NOVEMBER, invoiced
from tests.invoices.test_einvoice import WRITERS, broken, german, valid

pytestmark = pytest.mark.django_db
FORMS = ["cii", "ubl"]
CBC = "{urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2}"


def taxed(country: str, number: str, buyer: dict[str, str], *, currency: str) -> Invoice:
    """An invoice of 100 by a seller that is registered at home, at 10%."""
    fields = (
        {"country": country, "region": "NY", "tax_number": number}
        if country == "US"
        else {"country": country}
    )
    entity = make_legal_entity(email="billing@seller.example", **fields)
    place = {"country": country, "region": fields.get("region", ""), "starts_on": date(2020, 1, 1)}
    registered = {"legal_entity": entity, "number": number, **place}
    taxation.save_registration(fields=registered, at=IN_NOVEMBER, actor=ACTOR)
    rate = {"name": "Tax", "percent": Decimal(10), **place}
    taxation.save_rate(fields=rate, at=IN_NOVEMBER, actor=ACTOR)
    customer = make_customer(billing_email="ap@acme.example", **buyer)
    return invoiced(make_contract(customer, make_plan_version([fee_charge("100")], currency=currency)))


DE, FR, NO, GB = "DE136695976", "FR40303265045", "NO 995 525 828 MVA", "GB 980 7806 84"
AU, JP, MX, US = "83 914 571 673", "T5835678256246", "GODE561231GR8", "91-1144442"
TEXAS = {"country": "US", "region": "TX"}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("seller", "buyer", "currency", "category"),
    [
        (("DE", DE), {"country": "DE"}, "EUR", "S"),
        (("DE", DE), {"country": "FR", "tax_number": FR}, "EUR", "AE"),
        (("DE", DE), {"country": "NO", "tax_number": NO}, "EUR", "AE"),
        (("DE", DE), {"country": "GB", "tax_number": GB}, "EUR", "AE"),
        (("DE", DE), TEXAS, "EUR", "O"),
        (("NO", NO), TEXAS, "USD", "G"),
        (("AU", AU), TEXAS, "USD", "G"),
        (("JP", JP), TEXAS, "USD", "G"),
        (("JP", JP), {"country": "JP"}, "JPY", "S"),
        (("MX", MX), {"country": "MX", "tax_number": MX}, "USD", "S"),
        (("US", US), {"country": "US", "region": "NY"}, "USD", "S"),
        (("US", US), {"country": "DE", "tax_number": DE}, "USD", "AE"),
    ],
)
def test_what_the_rules_decide_is_valid(
    form: str, seller: tuple[str, str], buyer: dict[str, str], currency: str, category: str
) -> None:
    """Each seller by the number of its registration alone, where that is its whole country's."""
    invoice = taxed(*seller, buyer, currency=currency)

    assert [row.category for row in invoice.taxes.all()] == [category]
    assert valid(form, invoice) == []


@pytest.mark.parametrize(
    ("home", "place", "scheme", "number", "named"),
    [
        ("DE", "FR", "local", FR, {"BT-31": FR}),
        ("DE", "GB", "local", "GB980780684", {"BT-31": "GB980780684"}),
        ("GB", "DE", "one_stop", "EU372000041", {"BT-32": "EU372000041"}),
        ("US", "US-NY", "local", "NY-4711", {"BT-32": "NY-4711"}),
        # At home.
        ("FR", "", "", "", {"BT-31": FR}),
    ],
)
def test_the_seller_is_named_by_its_number_where_it_charges_tax(
    home: str, place: str, scheme: str, number: str, named: dict[str, str]
) -> None:
    """A consumer buys from a seller that is registered at home and in a second place; it is printed so too, and credited so."""
    own = {"DE": DE, "GB": "GB980780684", "US": US, "FR": FR}[home]
    entity = make_legal_entity(country=home, tax_number=own, email="billing@seller.example", region="")
    country, _, region = (place or home).partition("-")
    registered = [(home, "", "local", own)] + ([(country, region, scheme, number)] if place else [])
    for at_country, at_region, by, its in registered:
        where = {"country": at_country, "region": at_region, "starts_on": date(2020, 1, 1)}
        fields = {"legal_entity": entity, "scheme": by, "number": its, **where}
        taxation.save_registration(fields=fields, at=IN_NOVEMBER, actor=ACTOR)
    rate = {"country": country, "name": "Tax", "percent": Decimal(10), "starts_on": date(2020, 1, 1)}
    taxation.save_rate(fields=rate, at=IN_NOVEMBER, actor=ACTOR)
    buyer = {"country": country, "region": region, "buys_as": "consumer", "billing_email": "ap@acme.example"}
    version = make_plan_version([fee_charge("100")], currency="EUR")
    invoice = invoiced(make_contract(make_customer(**buyer), version))

    for document in (invoice, make_credit_note(invoice)):
        lines, rows = list(document.lines.all()), list(document.taxes.all())
        assert [row.category for row in rows] == ["S"]
        said = terms_of(document, lines, rows)["BG-4"]
        found = {"BT-31": said.get("vat_identifier"), "BT-32": said.get("tax_identifier")}
        assert {term: text for term, text in found.items() if text} == named
        assert document_of(document, lines).seller.tax_number in named.values()
    for form in FORMS:
        assert valid(form, invoice) == []


def test_where_no_tax_is_charged_the_seller_is_named_by_its_own_number() -> None:
    """A business in France owes the tax itself, though the seller is registered there too."""
    invoice = taxed("DE", DE, {"country": "FR", "tax_number": FR}, currency="EUR")
    fields = {"country": "FR", "number": "FR83404833048", "starts_on": date(2020, 1, 1)}
    entity = invoice.customer.legal_entity
    taxation.save_registration(fields={"legal_entity": entity, **fields}, at=IN_NOVEMBER, actor=ACTOR)

    (row,) = taxes.tax(invoice, lines := list(invoice.lines.all()))

    assert (row.category, len(lines)) == ("AE", 1)
    assert taxes.registration_of(invoice, [row], rules_for([invoice.customer])) is None


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("amount", [None, "100"])
def test_a_credit_note_is_valid(form: str, amount: str | None) -> None:
    note = make_credit_note(german(), amount=amount)

    assert valid(form, note) == []


@pytest.mark.parametrize("form", FORMS)
def test_characters_that_xml_does_not_have_are_left_out(form: str) -> None:
    invoice = german(name="Acme\x01 GmbH\x0b", einvoice={"cii": "facturx"}.get(form, form))

    publish.render_pdf(invoice_id=invoice.pk, at=IN_NOVEMBER, actor=ACTOR)

    xml = bytes(invoice.electronic.get().content)
    assert broken(form, xml) == []
    assert b">Acme GmbH<" in xml


def test_ubl_names_peppol_as_what_it_follows() -> None:
    """PEPPOL-EN16931-R004: the specification identifier begins with Peppol's own."""
    invoice = german()
    for document in (invoice, make_credit_note(invoice)):
        stored = Invoice.objects.get(pk=document.pk)
        xml = ET.fromstring(ubl(stored, list(stored.lines.all()), list(stored.taxes.all())))
        assert xml.findtext(f"{CBC}CustomizationID") == (
            "urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0"
        )
        assert xml.findtext(f"{CBC}ProfileID") == "urn:fdc:peppol.eu:2017:poacc:billing:01:1.0"


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("category", ["O", ""])
def test_what_is_outside_of_tax_beside_what_is_taxed_is_exempt(form: str, category: str) -> None:
    """BR-O-11: a document with something outside of the scope may have nothing else; 1.50 is, 499.00 has 19%."""
    invoice = german()
    calls, fee = invoice.lines.all()
    calls.tax_category, calls.tax_rate, calls.tax_amount = category, Decimal(0), Decimal(0)
    rows = [InvoiceTax(category="S", rate=Decimal(19), base=fee.amount, amount=Decimal("94.81"))]
    if category:
        nothing = Decimal(0)
        rows.append(
            InvoiceTax(
                category="O", rate=nothing, base=calls.amount, amount=nothing, reason="Not subject to VAT"
            )
        )

    xml = WRITERS[form](invoice, [calls, fee], rows)

    assert broken(form, xml) == []
    assert b"Not subject to VAT" in xml


def test_the_number_that_is_missing_is_named() -> None:
    """A seller without any number has none to tax by; one without a VAT number cannot export by the standard."""
    invoice = german()
    lines, (row,) = list(invoice.lines.all()), invoice.taxes.all()
    invoice.snapshot["seller"]["tax_number"] = ""
    with pytest.raises(EInvoiceIncomplete, match="needs the tax number of Seller GmbH"):
        cii(invoice, lines, [row])

    invoice.snapshot["seller"] |= {"tax_number": "91-1144442", "country": "US"}
    invoice.snapshot["customer"]["tax_number"] = ""
    for category, missing in (("G", "a VAT number of Seller GmbH"), ("AE", "the VAT number of Acme")):
        row.category = category
        with pytest.raises(EInvoiceIncomplete, match=f"needs {missing}"):
            cii(invoice, lines, [row])


def test_tax_of_many_lines_that_is_off_the_tax_on_their_sum_is_refused() -> None:
    """BR-CO-17: 19% of 500.50 are 95.10, and the rules take 96.09 for them, not 96.10."""
    invoice = german()
    lines, (row,) = list(invoice.lines.all()), invoice.taxes.all()
    row.amount = lines[0].tax_amount = Decimal("96.09")
    assert broken("cii", cii(invoice, lines, [row])) == []

    row.amount = Decimal("96.10")
    with pytest.raises(EInvoiceIncomplete, match="needs tax that is rounded once a rate"):
        cii(invoice, lines, [row])


def test_a_credit_note_shares_what_it_gives_back_among_taxes_that_are_alike() -> None:
    """Two taxes of 19% on 300.00 and 199.00: of 100.00 given back 60.12 are of the first (60.1202), 39.88 of the other."""
    invoice = german()
    billed = [
        InvoiceTax(category="S", rate=Decimal(19), base=Decimal(base), amount=Decimal(tax), name=name)
        for name, base, tax in (("USt", "300", "57.00"), ("VAT", "199", "37.81"))
    ]
    line = InvoiceLine(amount=Decimal(-100), tax_amount=Decimal(-19), tax_category="S", tax_rate=Decimal(19))

    rows = taxes_of(Invoice(currency="EUR", customer=invoice.customer), [line], billed)

    assert [(row.name, row.base, row.amount) for row in rows] == [
        ("USt", Decimal("-60.12"), Decimal("-11.42")),
        ("VAT", Decimal("-39.88"), Decimal("-7.58")),
    ]
