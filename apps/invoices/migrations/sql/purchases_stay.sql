-- What an invoice sells stands with it once it is no draft; the grant that it becomes is noted then, once. Whoever changes it
-- takes its turn with whoever finalizes, as for lines.
CREATE FUNCTION refuse_other_purchase() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    is_final boolean;
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.grant_id IS NULL AND to_jsonb(OLD) - 'grant_id' = to_jsonb(NEW) - 'grant_id' THEN
        RETURN NEW;
    END IF;
    SELECT bool_or(document.status <> 'draft') INTO is_final FROM (
        SELECT i.status FROM invoices_invoice i WHERE i.id IN (OLD.invoice_id, NEW.invoice_id)
        ORDER BY i.id FOR NO KEY UPDATE
    ) document;
    IF is_final THEN
        RAISE EXCEPTION 'The invoice is finalized or void: what it sells cannot change. Correct it by a credit note.'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'credits_sold_stay';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER credits_sold_stay BEFORE INSERT OR UPDATE ON invoices_creditpurchase
    FOR EACH ROW EXECUTE FUNCTION refuse_other_purchase();
CREATE TRIGGER credits_sold_are_never_removed BEFORE DELETE ON invoices_creditpurchase
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
