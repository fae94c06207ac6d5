-- What is open of a customer stands in the books of one legal entity. Sold to by another one, its payments would be posted there,
-- and what they pay here.
CREATE FUNCTION refuse_other_seller() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    is_open text;
BEGIN
    -- Who posts about the customer takes turns with this, by the reference of the posting.
    PERFORM FROM customers_customer c WHERE c.id = OLD.id FOR UPDATE;
    SELECT string_agg(format('%s %s of %s in the books of %s', trim_scale(abs(o.total)), o.currency, o.account, o.seller), ', '
                      ORDER BY o.seller, o.account, o.currency) INTO is_open
    FROM (
        SELECT e.name AS seller, a.name AS account, p.currency, sum(p.amount) AS total
        FROM ledger_posting p JOIN ledger_account a ON a.id = p.account_id JOIN customers_legalentity e ON e.id = a.legal_entity_id
        WHERE p.customer_id = OLD.id AND a.legal_entity_id <> NEW.legal_entity_id
          AND a.role IN ('receivables', 'unbilled', 'balances', 'refunds', 'deferred', 'credits')
        GROUP BY e.id, a.id, p.currency HAVING sum(p.amount) <> 0
    ) o;
    IF is_open IS NOT NULL THEN
        RAISE EXCEPTION '% keeps its legal entity while something is open: %. Settle that first.', OLD.name, is_open
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'customers_with_open_books_keep_their_seller';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER customers_with_open_books_keep_their_seller BEFORE UPDATE OF legal_entity_id ON customers_customer
    FOR EACH ROW WHEN (OLD.legal_entity_id IS DISTINCT FROM NEW.legal_entity_id) EXECUTE FUNCTION refuse_other_seller();
