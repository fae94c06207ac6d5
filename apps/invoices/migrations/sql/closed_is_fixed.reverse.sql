DROP TRIGGER electronic_invoice_is_append_only ON invoices_electronicinvoice;
DROP TRIGGER approval_is_append_only ON invoices_approval;
DROP TRIGGER finalized_manual_lines_never_change ON invoices_manualline;
DROP TRIGGER finalized_taxes_never_change ON invoices_invoicetax;
CREATE OR REPLACE FUNCTION refuse_wrong_invoice_sum() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    lines numeric;
BEGIN
    SELECT coalesce(sum(l.amount), 0) INTO lines FROM invoices_invoiceline l WHERE l.invoice_id = NEW.id;
    IF lines <> NEW.subtotal THEN
        RAISE EXCEPTION 'Invoice % has a subtotal of %, its lines add up to %.', NEW.number, NEW.subtotal, lines
            USING ERRCODE = 'check_violation', CONSTRAINT = 'finalized_subtotal_is_the_sum_of_its_lines';
    END IF;
    RETURN NEW;
END
$$;
CREATE OR REPLACE FUNCTION refuse_finalized_line_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (TG_OP IN ('UPDATE', 'DELETE')
        AND EXISTS (SELECT 1 FROM invoices_invoice i WHERE i.id = OLD.invoice_id AND i.status = 'finalized'))
       OR (TG_OP IN ('INSERT', 'UPDATE')
        AND EXISTS (SELECT 1 FROM invoices_invoice i WHERE i.id = NEW.invoice_id AND i.status = 'finalized')) THEN
        RAISE EXCEPTION 'The invoice is finalized: its lines cannot change. Correct it by a credit note.'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'finalized_lines_never_change';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END
$$;
CREATE OR REPLACE FUNCTION refuse_finalized_invoice_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status = 'finalized' THEN
        RAISE EXCEPTION 'Invoice % is finalized: % is refused. Correct it by a credit note.', OLD.number, TG_OP
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'finalized_invoice_never_changes';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END
$$;
