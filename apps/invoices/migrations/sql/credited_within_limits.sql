-- Whoever writes a credit note: it is of a finalized invoice of its customer and currency, and all credit notes of an invoice
-- together give back no more than it asked for, nor more of any of its lines.
CREATE FUNCTION refuse_credit_note_beyond_limits() RETURNS trigger LANGUAGE plpgsql
SET search_path = public, pg_temp AS $$
DECLARE
    bill record;
    given record;
    beyond record;
BEGIN
    -- The lock makes credit notes of the same invoice wait for one another.
    SELECT number, status, kind, customer_id, currency, total, tax_amount INTO bill
      FROM invoices_invoice WHERE id = NEW.credits_id FOR NO KEY UPDATE;
    IF bill.status IS DISTINCT FROM 'finalized' OR bill.kind = 'credit_note'
       OR bill.customer_id IS DISTINCT FROM NEW.customer_id OR bill.currency IS DISTINCT FROM NEW.currency THEN
        RAISE EXCEPTION 'Invoice % cannot be credited by %: only a finalized one of its customer and currency.',
            bill.number, NEW.number
            USING ERRCODE = 'check_violation', CONSTRAINT = 'a_credit_note_is_of_a_finalized_invoice';
    END IF;
    SELECT coalesce(sum(total), 0) AS total, coalesce(sum(tax_amount), 0) AS tax INTO given
      FROM invoices_invoice WHERE credits_id = NEW.credits_id AND status = 'finalized' AND id <> NEW.id;
    IF bill.total + given.total + NEW.total < 0 OR bill.tax_amount + given.tax + NEW.tax_amount < 0 THEN
        RAISE EXCEPTION 'Invoice % is of %; % would be given back of it.',
            bill.number, bill.total, -(given.total + NEW.total)
            USING ERRCODE = 'check_violation', CONSTRAINT = 'an_invoice_is_not_credited_beyond_its_total';
    END IF;
    SELECT billed.position, billed.amount, sum(back.amount) AS back INTO beyond
      FROM invoices_invoiceline mine
      JOIN invoices_invoiceline billed ON billed.id = mine.credits_line_id
      JOIN invoices_invoiceline back ON back.credits_line_id = billed.id
      JOIN invoices_invoice note ON note.id = back.invoice_id AND (note.status = 'finalized' OR note.id = NEW.id)
     WHERE mine.invoice_id = NEW.id
     GROUP BY billed.id
    HAVING bool_or(billed.invoice_id <> NEW.credits_id)
        OR sign(billed.amount + sum(back.amount)) * sign(billed.amount) < 0
        OR sign(sum(back.amount)) * sign(billed.amount) > 0
        OR billed.amount = 0 AND sum(back.amount) <> 0
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'Line % of invoice % is of %; % would be given back of it.',
            beyond.position, bill.number, beyond.amount, -beyond.back
            USING ERRCODE = 'check_violation', CONSTRAINT = 'a_line_is_not_credited_beyond_its_amount';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER credit_note_is_within_limits BEFORE INSERT OR UPDATE ON invoices_invoice
    FOR EACH ROW WHEN (NEW.kind = 'credit_note' AND NEW.status = 'finalized')
    EXECUTE FUNCTION refuse_credit_note_beyond_limits();
