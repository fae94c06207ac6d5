DROP TRIGGER invoice_mail_is_append_only ON invoices_invoicemail;
DROP TRIGGER finalized_subtotal_is_the_sum_of_its_lines ON invoices_invoice;
DROP FUNCTION refuse_wrong_invoice_sum();
DROP TRIGGER invoice_pdf_is_append_only ON invoices_invoicepdf;
DROP TRIGGER finalized_lines_never_change ON invoices_invoiceline;
DROP FUNCTION refuse_finalized_line_change();
DROP TRIGGER finalized_invoice_never_changes ON invoices_invoice;
DROP FUNCTION refuse_finalized_invoice_change();
