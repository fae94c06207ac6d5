-- A voided draft stays as it is too, and so do the tax and the added lines of what is finalized or void.
CREATE OR REPLACE FUNCTION refuse_finalized_invoice_change() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public AS $$
BEGIN
    IF OLD.status <> 'draft' THEN
        RAISE EXCEPTION 'Invoice % is %: % is refused. Correct it by a credit note.',
            coalesce(OLD.number, OLD.id::text), OLD.status, TG_OP
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'finalized_invoice_never_changes';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END
$$;

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
CREATE TRIGGER finalized_taxes_never_change BEFORE INSERT OR UPDATE OR DELETE ON invoices_invoicetax
    FOR EACH ROW EXECUTE FUNCTION refuse_finalized_line_change();
CREATE TRIGGER finalized_manual_lines_never_change BEFORE INSERT OR UPDATE OR DELETE ON invoices_manualline
    FOR EACH ROW EXECUTE FUNCTION refuse_finalized_line_change();

-- What a customer is asked for is the sum of what stands on the lines, and its tax that of the summary and that of the lines.
CREATE OR REPLACE FUNCTION refuse_wrong_invoice_sum() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public AS $$
DECLARE
    lines numeric;
    of_lines numeric;
    of_rows numeric;
BEGIN
    SELECT coalesce(sum(l.amount), 0), coalesce(sum(l.tax_amount), 0) INTO lines, of_lines
      FROM invoices_invoiceline l WHERE l.invoice_id = NEW.id;
    SELECT coalesce(sum(t.amount), 0) INTO of_rows FROM invoices_invoicetax t WHERE t.invoice_id = NEW.id;
    IF lines <> NEW.subtotal THEN
        RAISE EXCEPTION 'Invoice % has a subtotal of %, its lines add up to %.', NEW.number, NEW.subtotal, lines
            USING ERRCODE = 'check_violation', CONSTRAINT = 'finalized_subtotal_is_the_sum_of_its_lines';
    END IF;
    IF of_rows <> NEW.tax_amount OR of_lines <> NEW.tax_amount THEN
        RAISE EXCEPTION 'Invoice % has a tax of %, its summary adds up to % and its lines to %.',
            NEW.number, NEW.tax_amount, of_rows, of_lines
            USING ERRCODE = 'check_violation', CONSTRAINT = 'finalized_tax_is_the_sum_of_its_parts';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER approval_is_append_only BEFORE UPDATE OR DELETE ON invoices_approval
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER electronic_invoice_is_append_only BEFORE UPDATE OR DELETE ON invoices_electronicinvoice
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
