"""The standard VAT rates of the EU's member states, for sellers who want them as they are; nothing applies them by itself.

Figures as in force on 2026-01-01. Who bills by them is to check them first, in the European Commission's Taxes in Europe
Database (TEDB); a later change is a new rate with a day of its own.
"""

from datetime import date
from decimal import Decimal

AS_OF = date(2026, 1, 1)
# Country: percent, and the tax's name in the country's own words.
STANDARD: dict[str, tuple[Decimal, str]] = {
    "AT": (Decimal(20), "USt"),
    "BE": (Decimal(21), "BTW/TVA"),
    "BG": (Decimal(20), "ДДС"),
    "CY": (Decimal(19), "ΦΠΑ"),
    "CZ": (Decimal(21), "DPH"),
    "DE": (Decimal(19), "USt"),
    "DK": (Decimal(25), "Moms"),
    "EE": (Decimal(24), "KM"),
    "ES": (Decimal(21), "IVA"),
    "FI": (Decimal("25.5"), "ALV"),
    "FR": (Decimal(20), "TVA"),
    "GR": (Decimal(24), "ΦΠΑ"),
    "HR": (Decimal(25), "PDV"),
    "HU": (Decimal(27), "ÁFA"),
    "IE": (Decimal(23), "VAT"),
    "IT": (Decimal(22), "IVA"),
    "LT": (Decimal(21), "PVM"),
    "LU": (Decimal(17), "TVA"),
    "LV": (Decimal(21), "PVN"),
    "MT": (Decimal(18), "VAT"),
    "NL": (Decimal(21), "BTW"),
    "PL": (Decimal(23), "VAT"),
    "PT": (Decimal(23), "IVA"),
    "RO": (Decimal(21), "TVA"),
    "SE": (Decimal(25), "Moms"),
    "SI": (Decimal(22), "DDV"),
    "SK": (Decimal(23), "DPH"),
}
