-- Whoever writes a line takes its turn with whoever finalizes: without the lock, a line that was begun before would be
-- committed after, and one that is written from an older snapshot would not see that the invoice is final.
CREATE OR REPLACE FUNCTION refuse_finalized_line_change() RETURNS trigger LANGUAGE plpgsql
SET search_path = public, pg_temp AS $$
DECLARE
    is_final boolean;
BEGIN
    SELECT bool_or(document.status <> 'draft') INTO is_final FROM (
        SELECT i.status FROM invoices_invoice i WHERE i.id IN (OLD.invoice_id, NEW.invoice_id)
        ORDER BY i.id FOR NO KEY UPDATE
    ) document;
    IF is_final THEN
        RAISE EXCEPTION 'The invoice is finalized or void: its lines cannot change. Correct it by a credit note.'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'finalized_lines_never_change';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END
$$;
