"""Invoices and their lines, taxes, documents and closes."""

from apps.invoices.models.closing import Approval, CloseRun, CloseTask, DraftHold, ParkedClose
from apps.invoices.models.documents import ElectronicInvoice, InvoiceMail, InvoicePdf
from apps.invoices.models.forecasts import KeptForecast
from apps.invoices.models.invoice import Invoice, NumberSeries
from apps.invoices.models.lines import InvoiceLine, ManualLine
from apps.invoices.models.purchases import CreditPurchase
from apps.invoices.models.tax_services import TaxCalculation, TaxTransaction
from apps.invoices.models.taxes import InvoiceTax
from apps.invoices.models.verifying import VerifyRun

__all__ = [
    "Approval",
    "CloseRun",
    "CloseTask",
    "CreditPurchase",
    "DraftHold",
    "ElectronicInvoice",
    "Invoice",
    "InvoiceLine",
    "InvoiceMail",
    "InvoicePdf",
    "InvoiceTax",
    "KeptForecast",
    "ManualLine",
    "NumberSeries",
    "ParkedClose",
    "TaxCalculation",
    "TaxTransaction",
    "VerifyRun",
]
