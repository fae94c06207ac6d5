"""Electronic invoices by EN 16931: Factur-X / ZUGFeRD in the PDF, and UBL as Peppol takes it."""
