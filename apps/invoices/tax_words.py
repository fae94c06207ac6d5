"""Why an invoice has no tax, as its customer reads it; an unknown language reads English."""

# Directive 2006/112/EC, Art. 226(11a) asks for the words of the reverse charge.
WORDS = {
    "en": {
        "reverse_charge": "Reverse charge: the customer owes the tax",
        "export": "Export, zero-rated",
        "outside": "Not subject to tax",
        "exempt": "Tax-exempt by certificate {certificate}",
    },
    "de": {
        "reverse_charge": "Steuerschuldnerschaft des Leistungsempfängers",
        "export": "Ausfuhr, steuerfrei",
        "outside": "Nicht steuerbar",
        "exempt": "Steuerfrei laut Bescheinigung {certificate}",
    },
    "fr": {
        "reverse_charge": "Autoliquidation : la TVA est due par le preneur",
        "export": "Exportation, exonérée",
        "outside": "Non soumis à la taxe",
        "exempt": "Exonéré selon l'attestation {certificate}",
    },
    "es": {
        "reverse_charge": "Inversión del sujeto pasivo",
        "export": "Exportación, exenta",
        "outside": "No sujeto al impuesto",
        "exempt": "Exento según el certificado {certificate}",
    },
    "ja": {
        "reverse_charge": "リバースチャージ方式",
        "export": "輸出免税",
        "outside": "不課税",
        "exempt": "免税、証明書番号 {certificate}",
    },
}


def reason(key: str, language: str, *, certificate: str = "") -> str:
    """Return a reason in words: reverse_charge, export, outside or exempt, which names its certificate."""
    return WORDS.get(language, WORDS["en"])[key].format(certificate=certificate)
