DROP TRIGGER credit_note_is_within_limits ON invoices_invoice;
DROP FUNCTION refuse_credit_note_beyond_limits();
