-- What is owed and what pays it are in the books of one legal entity: a payment in those of its customer's, which a customer with
-- a balance keeps.
CREATE FUNCTION refuse_allocation_across_books() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF NEW.write_off_id IS NULL AND (SELECT i.legal_entity_id FROM invoices_invoice i WHERE i.id = NEW.invoice_id) <> coalesce(
        (SELECT n.legal_entity_id FROM invoices_invoice n WHERE n.id = NEW.credit_note_id),
        (SELECT c.legal_entity_id FROM payments_payment p JOIN customers_customer c ON c.id = p.customer_id WHERE p.id = NEW.payment_id)
    ) THEN
        RAISE EXCEPTION 'An invoice is paid by money in the books of its own legal entity.'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'an_invoice_is_paid_in_its_own_books';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER an_invoice_is_paid_in_its_own_books BEFORE INSERT ON payments_allocation
    FOR EACH ROW EXECUTE FUNCTION refuse_allocation_across_books();
