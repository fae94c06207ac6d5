DROP TRIGGER a_write_off_is_allocated ON payments_writeoff;
DROP FUNCTION refuse_wrong_write_off();
DROP TRIGGER write_off_is_append_only ON payments_writeoff;
DROP TRIGGER refund_is_never_removed ON payments_refund;
DROP TRIGGER refund_is_noted_once ON payments_refund;
DROP FUNCTION refuse_refund_change();
DROP TRIGGER refund_is_within_limits ON payments_refund;
DROP FUNCTION refuse_refund_beyond_limits();
-- Whoever writes an allocation: no invoice is paid beyond its total, and no payment pays more than was received.
CREATE OR REPLACE FUNCTION refuse_allocation_beyond_limits() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    bill record;
    money record;
    paid numeric;
    applied numeric;
BEGIN
    -- The locks make allocations of the same invoice, or of the same payment, wait for one another.
    SELECT number, status, customer_id, currency, total INTO bill
      FROM invoices_invoice WHERE id = NEW.invoice_id FOR NO KEY UPDATE;
    SELECT reference, customer_id, currency, amount INTO money
      FROM payments_payment WHERE id = NEW.payment_id FOR NO KEY UPDATE;
    IF bill.status IS DISTINCT FROM 'finalized' OR bill.customer_id IS DISTINCT FROM money.customer_id
       OR bill.currency IS DISTINCT FROM money.currency THEN
        RAISE EXCEPTION 'Payment % cannot pay invoice %: only finalized ones of its customer and currency.',
            money.reference, bill.number
            USING ERRCODE = 'check_violation', CONSTRAINT = 'a_payment_pays_its_customers_finalized_invoices';
    END IF;
    SELECT coalesce(sum(amount), 0) INTO paid FROM payments_allocation WHERE invoice_id = NEW.invoice_id;
    IF paid + NEW.amount > bill.total THEN
        RAISE EXCEPTION 'Invoice % has a total of %; % would be allocated to it.',
            bill.number, bill.total, paid + NEW.amount
            USING ERRCODE = 'check_violation', CONSTRAINT = 'an_invoice_is_not_paid_beyond_its_total';
    END IF;
    SELECT coalesce(sum(amount), 0) INTO applied FROM payments_allocation WHERE payment_id = NEW.payment_id;
    IF applied + NEW.amount > money.amount THEN
        RAISE EXCEPTION 'Payment % is of %; % of it would be allocated.',
            money.reference, money.amount, applied + NEW.amount
            USING ERRCODE = 'check_violation', CONSTRAINT = 'a_payment_pays_no_more_than_was_received';
    END IF;
    RETURN NEW;
END
$$;
DROP FUNCTION left_of_credit_note(uuid);
DROP FUNCTION left_of_payment(uuid);
