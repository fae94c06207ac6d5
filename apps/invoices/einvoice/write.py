"""Writing electronic invoices as XML: CII for Factur-X, UBL for Peppol."""

import re
from collections.abc import Sequence
from typing import Any

from apps.invoices.einvoice.terms import Terms, terms_of
from apps.invoices.models import ElectronicInvoice, Invoice, InvoiceLine, InvoiceTax

FACTURX_FILE = "factur-x.xml"
_FORMAT = ElectronicInvoice.Format
# The specification that a document says it follows (BT-24), and the process (BT-23), as Peppol BIS Billing 3.0 has them.
_STANDARD = "urn:cen.eu:en16931:2017"
_PEPPOL = "urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0"
_PEPPOL_PROCESS = "urn:fdc:peppol.eu:2017:poacc:billing:01:1.0"
# What no XML document may hold (XML 1.0, 2.2), and what names and texts may well do.
_NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def cii(invoice: Invoice, lines: Sequence[InvoiceLine], taxes: Sequence[InvoiceTax]) -> bytes:
    """Return the invoice as Factur-X's XML, profile EN 16931, checked by its schema."""
    from facturx import generate_cii_xml  # noqa: PLC0415  takes a while to import, and few processes write it

    terms = _said(invoice, lines, taxes)
    xml: bytes = generate_cii_xml(terms, level="en16931", check_xsd=True, check_schematron=False)
    return xml


def ubl(invoice: Invoice, lines: Sequence[InvoiceLine], taxes: Sequence[InvoiceTax]) -> bytes:
    """Return the invoice as UBL 2.1 by Peppol BIS Billing 3.0, checked by its schema."""
    from facturx import generate_ubl_xml  # noqa: PLC0415

    terms = _said(invoice, lines, taxes) | {"BT-23": _PEPPOL_PROCESS}
    xml: bytes = generate_ubl_xml(terms, level="en16931", check_xsd=True, check_schematron=False)
    # The library names the standard alone, whatever it is given; Peppol refuses what does not name Peppol.
    plain, peppol = (f"ustomizationID>{name}<".encode() for name in (_STANDARD, _PEPPOL))
    assert xml.count(plain) == 1, "a document says once what it follows"
    return xml.replace(plain, peppol)


def written(form: str, invoice: Invoice, lines: Sequence[InvoiceLine], taxes: Sequence[InvoiceTax]) -> bytes:
    """Return the invoice in an electronic form."""
    return cii(invoice, lines, taxes) if form == _FORMAT.FACTURX else ubl(invoice, lines, taxes)


def _said(invoice: Invoice, lines: Sequence[InvoiceLine], taxes: Sequence[InvoiceTax]) -> Terms:
    terms = terms_of(invoice, lines, taxes)
    return {name: _cleaned(value) for name, value in terms.items() if value is not None}


def _cleaned(value: Any) -> Any:
    """Return a term without the characters that XML does not have."""
    if isinstance(value, str):
        return _NOT_IN_XML.sub("", value)
    if isinstance(value, dict):
        return {name: _cleaned(one) for name, one in value.items()}
    return [_cleaned(one) for one in value] if isinstance(value, list) else value
