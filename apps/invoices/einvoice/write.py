"""Writing electronic invoices as XML: CII for Factur-X, UBL for Peppol."""

from collections.abc import Sequence

from apps.invoices.einvoice.terms import terms_of
from apps.invoices.models import ElectronicInvoice, Invoice, InvoiceLine, InvoiceTax

FACTURX_FILE = "factur-x.xml"
_FORMAT = ElectronicInvoice.Format
# The specification that a document says it follows (BT-24), and the process (BT-23), as Peppol BIS Billing 3.0 has them.
_PEPPOL = "urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0"
_PEPPOL_PROCESS = "urn:fdc:peppol.eu:2017:poacc:billing:01:1.0"


def cii(invoice: Invoice, lines: Sequence[InvoiceLine], taxes: Sequence[InvoiceTax]) -> bytes:
    """Return the invoice as Factur-X's XML, profile EN 16931, checked by its schema."""
    from facturx import generate_cii_xml  # noqa: PLC0415  takes a while to import, and few processes write it

    terms = {name: value for name, value in terms_of(invoice, lines, taxes).items() if value is not None}
    xml: bytes = generate_cii_xml(terms, level="en16931", check_xsd=True, check_schematron=False)
    return xml


def ubl(invoice: Invoice, lines: Sequence[InvoiceLine], taxes: Sequence[InvoiceTax]) -> bytes:
    """Return the invoice as UBL 2.1 by Peppol BIS Billing 3.0, checked by its schema."""
    from facturx import generate_ubl_xml  # noqa: PLC0415

    terms = {name: value for name, value in terms_of(invoice, lines, taxes).items() if value is not None}
    terms |= {"BT-23": _PEPPOL_PROCESS, "BT-24": _PEPPOL}
    xml: bytes = generate_ubl_xml(terms, level="en16931", check_xsd=True, check_schematron=False)
    return xml


def written(form: str, invoice: Invoice, lines: Sequence[InvoiceLine], taxes: Sequence[InvoiceTax]) -> bytes:
    """Return the invoice in an electronic form."""
    return cii(invoice, lines, taxes) if form == _FORMAT.FACTURX else ubl(invoice, lines, taxes)
