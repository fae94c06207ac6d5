CREATE OR REPLACE FUNCTION refuse_finalized_line_change() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public AS $$
BEGIN
    IF (TG_OP IN ('UPDATE', 'DELETE')
        AND EXISTS (SELECT 1 FROM invoices_invoice i WHERE i.id = OLD.invoice_id AND i.status <> 'draft'))
       OR (TG_OP IN ('INSERT', 'UPDATE')
        AND EXISTS (SELECT 1 FROM invoices_invoice i WHERE i.id = NEW.invoice_id AND i.status <> 'draft')) THEN
        RAISE EXCEPTION 'The invoice is finalized or void: its lines cannot change. Correct it by a credit note.'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'finalized_lines_never_change';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END
$$;
