-- Whoever writes an allocation: no invoice is paid beyond its total, and no source pays more than it has left.
CREATE FUNCTION left_of_payment(asked uuid) RETURNS numeric LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT p.amount
        - (SELECT coalesce(sum(a.amount), 0) FROM payments_allocation a WHERE a.payment_id = p.id)
        - (SELECT coalesce(sum(r.amount), 0) FROM payments_refund r WHERE r.payment_id = p.id)
      FROM payments_payment p WHERE p.id = asked
$$;
CREATE FUNCTION left_of_credit_note(asked uuid) RETURNS numeric LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT -n.total
        - (SELECT coalesce(sum(a.amount), 0) FROM payments_allocation a WHERE a.credit_note_id = n.id)
        - (SELECT coalesce(sum(r.amount), 0) FROM payments_refund r WHERE r.credit_note_id = n.id)
      FROM invoices_invoice n WHERE n.id = asked AND n.kind = 'credit_note' AND n.status = 'finalized'
$$;

CREATE OR REPLACE FUNCTION refuse_allocation_beyond_limits() RETURNS trigger LANGUAGE plpgsql
SET search_path = public, pg_temp AS $$
DECLARE
    bill record;
    source record;
    paid numeric;
    is_left numeric;
BEGIN
    -- The locks make allocations to the same invoice, or from the same source, wait for one another.
    SELECT number, status, kind, customer_id, currency, total INTO bill
      FROM invoices_invoice WHERE id = NEW.invoice_id FOR NO KEY UPDATE;
    IF NEW.payment_id IS NOT NULL THEN
        SELECT reference::text AS name, customer_id, currency INTO source
          FROM payments_payment WHERE id = NEW.payment_id FOR NO KEY UPDATE;
        is_left := left_of_payment(NEW.payment_id);
    ELSIF NEW.credit_note_id IS NOT NULL THEN
        SELECT number::text AS name, customer_id, currency INTO source
          FROM invoices_invoice WHERE id = NEW.credit_note_id FOR NO KEY UPDATE;
        is_left := coalesce(left_of_credit_note(NEW.credit_note_id), 0);
    ELSE
        SELECT 'write-off'::text AS name, i.customer_id, i.currency INTO source
          FROM payments_writeoff w JOIN invoices_invoice i ON i.id = w.invoice_id
         WHERE w.id = NEW.write_off_id AND w.invoice_id = NEW.invoice_id
           AND NEW.amount = CASE WHEN w.reverses_id IS NULL THEN w.amount ELSE -w.amount END;
        is_left := NEW.amount;
    END IF;
    IF bill.status IS DISTINCT FROM 'finalized' OR bill.kind = 'credit_note'
       OR bill.customer_id IS DISTINCT FROM source.customer_id OR bill.currency IS DISTINCT FROM source.currency THEN
        RAISE EXCEPTION '% cannot pay invoice %: only finalized ones of its customer and currency.',
            source.name, bill.number
            USING ERRCODE = 'check_violation', CONSTRAINT = 'a_payment_pays_its_customers_finalized_invoices';
    END IF;
    SELECT coalesce(sum(amount), 0) INTO paid FROM payments_allocation WHERE invoice_id = NEW.invoice_id;
    IF paid + NEW.amount > bill.total OR paid + NEW.amount < 0 THEN
        RAISE EXCEPTION 'Invoice % has a total of %; % would be allocated to it.',
            bill.number, bill.total, paid + NEW.amount
            USING ERRCODE = 'check_violation', CONSTRAINT = 'an_invoice_is_not_paid_beyond_its_total';
    END IF;
    IF NEW.amount > is_left THEN
        RAISE EXCEPTION '% has % left; % of it would be allocated.', source.name, is_left, NEW.amount
            USING ERRCODE = 'check_violation', CONSTRAINT = 'a_payment_pays_no_more_than_was_received';
    END IF;
    RETURN NEW;
END
$$;

-- Nothing is paid back that is not there: so no customer's balance ever goes below zero.
CREATE FUNCTION refuse_refund_beyond_limits() RETURNS trigger LANGUAGE plpgsql
SET search_path = public, pg_temp AS $$
DECLARE
    source record;
    is_left numeric;
BEGIN
    IF NEW.payment_id IS NOT NULL THEN
        SELECT customer_id, currency INTO source FROM payments_payment WHERE id = NEW.payment_id FOR NO KEY UPDATE;
        is_left := left_of_payment(NEW.payment_id);
    ELSE
        SELECT customer_id, currency INTO source FROM invoices_invoice WHERE id = NEW.credit_note_id FOR NO KEY UPDATE;
        is_left := coalesce(left_of_credit_note(NEW.credit_note_id), 0);
    END IF;
    IF source.customer_id IS DISTINCT FROM NEW.customer_id OR source.currency IS DISTINCT FROM NEW.currency THEN
        RAISE EXCEPTION 'A refund is of a payment or a credit note of its customer and currency.'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'a_refund_is_of_its_customers_money';
    END IF;
    IF NEW.amount > is_left THEN
        RAISE EXCEPTION '% is left; % of it would be refunded.', is_left, NEW.amount
            USING ERRCODE = 'check_violation', CONSTRAINT = 'a_refund_is_of_what_is_left';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER refund_is_within_limits BEFORE INSERT ON payments_refund
    FOR EACH ROW EXECUTE FUNCTION refuse_refund_beyond_limits();

-- Of a refund only that it was paid back is noted later, once.
CREATE FUNCTION refuse_refund_change() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF OLD.paid_on IS NOT NULL OR NEW.paid_on IS NULL
       OR (NEW.id, NEW.customer_id, NEW.currency, NEW.amount, NEW.owed_on, NEW.recorded_at, NEW.recorded_by)
          IS DISTINCT FROM (OLD.id, OLD.customer_id, OLD.currency, OLD.amount, OLD.owed_on, OLD.recorded_at, OLD.recorded_by)
       OR NEW.payment_id IS DISTINCT FROM OLD.payment_id OR NEW.credit_note_id IS DISTINCT FROM OLD.credit_note_id THEN
        RAISE EXCEPTION 'A refund never changes, but that it is noted once as paid back.'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'refund_is_noted_once';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER refund_is_noted_once BEFORE UPDATE ON payments_refund
    FOR EACH ROW EXECUTE FUNCTION refuse_refund_change();
CREATE TRIGGER refund_is_never_removed BEFORE DELETE ON payments_refund
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TRIGGER write_off_is_append_only BEFORE UPDATE OR DELETE ON payments_writeoff
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- A recovery is of a whole write-off of the same invoice, and of no recovery; and each of them is allocated when it is committed.
CREATE FUNCTION refuse_wrong_write_off() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF NEW.reverses_id IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM payments_writeoff w
         WHERE w.id = NEW.reverses_id AND w.invoice_id = NEW.invoice_id AND w.amount = NEW.amount AND w.reverses_id IS NULL
    ) THEN
        RAISE EXCEPTION 'A recovery is of all of a write-off of the same invoice.'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'a_recovery_is_of_a_whole_write_off';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM payments_allocation a WHERE a.write_off_id = NEW.id) THEN
        RAISE EXCEPTION 'A write-off changes what is open of its invoice.'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'a_write_off_is_allocated';
    END IF;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER a_write_off_is_allocated AFTER INSERT ON payments_writeoff
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_wrong_write_off();
