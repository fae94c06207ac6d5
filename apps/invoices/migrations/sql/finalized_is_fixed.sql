-- A finalized invoice is a legal document: neither it, nor its lines, nor its PDF ever change.
CREATE FUNCTION refuse_finalized_invoice_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status = 'finalized' THEN
        RAISE EXCEPTION 'Invoice % is finalized: % is refused. Correct it by a credit note.', OLD.number, TG_OP
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'finalized_invoice_never_changes';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END
$$;
CREATE TRIGGER finalized_invoice_never_changes BEFORE UPDATE OR DELETE ON invoices_invoice
    FOR EACH ROW EXECUTE FUNCTION refuse_finalized_invoice_change();

CREATE FUNCTION refuse_finalized_line_change() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE TRIGGER finalized_lines_never_change BEFORE INSERT OR UPDATE OR DELETE ON invoices_invoiceline
    FOR EACH ROW EXECUTE FUNCTION refuse_finalized_line_change();

CREATE TRIGGER invoice_pdf_is_append_only BEFORE UPDATE OR DELETE ON invoices_invoicepdf
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- What a customer is asked for is the sum of what stands on the lines, whoever writes it.
CREATE FUNCTION refuse_wrong_invoice_sum() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE TRIGGER finalized_subtotal_is_the_sum_of_its_lines BEFORE INSERT OR UPDATE ON invoices_invoice
    FOR EACH ROW WHEN (NEW.status = 'finalized') EXECUTE FUNCTION refuse_wrong_invoice_sum();

CREATE TRIGGER invoice_mail_is_append_only BEFORE UPDATE OR DELETE ON invoices_invoicemail
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
