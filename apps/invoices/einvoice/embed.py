"""Putting Factur-X's XML into the PDF: the file, and what the PDF's metadata say of it (Factur-X 1.0, chapter 6)."""

from apps.invoices.einvoice.write import FACTURX_FILE
from apps.invoices.pdf import Attached

_URN = "urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#"
_PROPERTIES = (
    ("DocumentFileName", "The name of the embedded XML document"),
    ("DocumentType", "The type of the hybrid document in capital letters"),
    ("Version", "The version of the XML schema"),
    ("ConformanceLevel", "The conformance level of the XML document"),
)
_VALUES = {
    "DocumentFileName": FACTURX_FILE,
    "DocumentType": "INVOICE",
    "Version": "1.0",
    "ConformanceLevel": "EN 16931",
}


def attached(xml: bytes) -> Attached:
    """Return the XML as the file that the standard asks for."""
    return Attached(FACTURX_FILE, xml, "Factur-X invoice", relationship="Alternative")


def metadata() -> bytes:
    """Return what is said of it in the XMP packet, with the schema that PDF/A asks for, as descriptions in RDF."""
    said = "".join(f"<fx:{name}>{value}</fx:{name}>" for name, value in _VALUES.items())
    properties = "".join(
        '<rdf:li rdf:parseType="Resource">'
        f"<pdfaProperty:name>{name}</pdfaProperty:name><pdfaProperty:valueType>Text</pdfaProperty:valueType>"
        f"<pdfaProperty:category>external</pdfaProperty:category>"
        f"<pdfaProperty:description>{description}</pdfaProperty:description></rdf:li>"
        for name, description in _PROPERTIES
    )
    return (
        f'<rdf:Description rdf:about="" xmlns:fx="{_URN}">{said}</rdf:Description>'
        '<rdf:Description rdf:about="" xmlns:pdfaExtension="http://www.aiim.org/pdfa/ns/extension/"'
        ' xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#"'
        ' xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#"><pdfaExtension:schemas><rdf:Bag>'
        '<rdf:li rdf:parseType="Resource"><pdfaSchema:schema>Factur-X PDFA Extension Schema</pdfaSchema:schema>'
        f"<pdfaSchema:namespaceURI>{_URN}</pdfaSchema:namespaceURI><pdfaSchema:prefix>fx</pdfaSchema:prefix>"
        f"<pdfaSchema:property><rdf:Seq>{properties}</rdf:Seq></pdfaSchema:property></rdf:li>"
        "</rdf:Bag></pdfaExtension:schemas></rdf:Description>"
    ).encode()
